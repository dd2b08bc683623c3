"""What every actor of a run is told: small, plain, and the same for all of them."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from messages.base import InstrumentId, RunId, StrategyId, TsNs, Value
from messages.market import Instrument
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
    """The run as its actors see it; the first constructor argument of each, as JSON."""

    run_id: str
    folder: str  # absolute; on the node that the journal actors are pinned to
    account: str  # "BINANCE/main": whose lease the order manager takes
    account_lock: str  # absolute path of the file that only one run may hold
    rest_url: str
    ws_url: str
    recv_window_ms: int = 5000
    instruments: tuple[Instrument, ...]
    limits: RiskLimits
    strategies: tuple[StrategyConfig, ...]
    cell: tuple[str, ...] = ()  # actors that share the process of the actor "cell"
    bar_intervals_ns: tuple[int, ...]
    stale_book_ns: TsNs
    reconcile_ns: TsNs
    grace_ns: TsNs
    cancel_orphans: bool = False
    record: bool = True
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def directory(self) -> Directory:
        """Who is in this run."""
        return Directory({s.strategy_id: frozenset(s.instruments) for s in self.strategies})

    @property
    def owners(self) -> dict[str, StrategyId]:
        """Whose orders this run's ids belong to."""
        return owners(RunId(self.run_id), (s.strategy_id for s in self.strategies))

    @property
    def by_id(self) -> dict[InstrumentId, Instrument]:
        """Instruments by id."""
        return {i.instrument_id: i for i in self.instruments}

    def path(self, *parts: str) -> Path:
        """A path in the run's folder."""
        return Path(self.folder, *parts)

    def strategy(self, strategy_id: str) -> StrategyConfig:
        """One instance's part; raises StopIteration for an unknown id."""
        return next(s for s in self.strategies if s.strategy_id == strategy_id)
