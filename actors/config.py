"""What every actor of a run is told: small, plain, and the same for all of them."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from messages.base import NS_PER_S, InstrumentId, RunId, StrategyId, TsNs, Value
from messages.market import Instrument, Product
from messages.risk import RiskLimits
from trading.ids import owners
from trading.wiring import Directory


class StrategyConfig(Value):
    """One strategy instance."""

    strategy_id: StrategyId
    source: str  # a built-in name, or the JSON of a LoadStrategy message
    instruments: tuple[InstrumentId, ...]
    params: dict[str, int | float | bool] = Field(default_factory=dict)


class RunConfig(Value):
    """The run as the actors around one account see it.

    tag  what follows the "@" in the names of the account's actors; "" in a run of one account
    """

    run_id: str
    folder: str  # absolute; on the node that the journal actors are pinned to
    tag: str = ""
    account: str  # "BINANCE/main": whose lease the order manager takes
    account_lock: str  # absolute path of the file that only one run may hold
    rest_url: str
    ws_url: str
    recv_window_ms: int = 5000
    instruments: tuple[Instrument, ...]
    limits: RiskLimits
    strategies: tuple[StrategyConfig, ...]
    governed: bool = False  # the actor `governor` lends the request budget
    cell: tuple[str, ...] = ()  # actors that share the process of the actor "cell"
    bar_intervals_ns: tuple[int, ...]
    stale_book_ns: TsNs
    rules_ns: TsNs = 60 * NS_PER_S
    reconcile_ns: TsNs
    grace_ns: TsNs
    cancel_orphans: bool = False
    record: bool = True
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def directory(self) -> Directory:
        """Who is in this run."""
        wants = {s.strategy_id: frozenset(s.instruments) for s in self.strategies}
        return Directory(wants, self.tag)

    @property
    def owners(self) -> dict[str, StrategyId]:
        """Whose orders this run's ids belong to."""
        return owners(RunId(self.run_id), (s.strategy_id for s in self.strategies))

    @property
    def venue(self) -> str:
        """Where the account is: "BINANCE"."""
        return self.account.partition("/")[0]

    @property
    def product(self) -> Product:
        """What the instruments are; a run trades one product."""
        return self.instruments[0].product if self.instruments else Product.SPOT

    @property
    def by_id(self) -> dict[InstrumentId, Instrument]:
        """Instruments by id."""
        return {i.instrument_id: i for i in self.instruments}

    def path(self, *parts: str) -> Path:
        """A path in the run's folder."""
        return Path(self.folder, *parts)

    @property
    def governor(self) -> str:
        """The actor that lends the account's request budget."""
        return governor_name(self.tag)

    @property
    def journal(self) -> Path:
        """The account's journal."""
        return account_journal(Path(self.folder), self.tag)

    def strategy(self, strategy_id: str) -> StrategyConfig:
        """One instance's part; raises StopIteration for an unknown id."""
        return next(s for s in self.strategies if s.strategy_id == strategy_id)


def account_journal(folder: Path, tag: str) -> Path:
    """Where the order manager of an account keeps its journal."""
    return folder / "journal" / (f"account@{tag}.sqlite" if tag else "account.sqlite")


def governor_name(tag: str) -> str:
    """The rate governor of the account with this tag."""
    return f"governor@{tag}" if tag else "governor"


class Accounts(Value):
    """The accounts of a run: the first constructor argument of each of its actors, as JSON."""

    accounts: tuple[RunConfig, ...]


def config_of(raw: str, actor: str) -> RunConfig:
    """The run as `actor` sees it: its account's part; the first one's if it belongs to none."""
    accounts = Accounts.model_validate_json(raw).accounts
    _, _, tag = actor.partition("@")
    strategy = actor.removeprefix("strategy-")
    for account in accounts:
        if strategy in [str(s.strategy_id) for s in account.strategies]:
            return account
        if tag and account.tag == tag:
            return account
    return accounts[0]
