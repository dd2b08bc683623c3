"""A run as one value: what trades, where, with which limits, for how long.

Written as TOML, checked strictly (an unknown key is an error), resolved once and kept in the run's
folder. Every complaint is one line that names the field, the reason and what to write instead.
Secrets are not part of it: they come from the environment only.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from messages.base import NS_PER_S, InstrumentId, StrategyId
from messages.market import Product
from messages.risk import InstrumentLimits, RiskLimits

GENERATED: Final = "generated"
PRESETS: Final = ("quickstart", "recorded", "four-venues")
# A thousand million are 31 years, and still nanoseconds of 64 bits.
Seconds = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _is_name(text: str) -> str:
    """`text`, of which files and folders are named: it must not lead out of them."""
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} names files: write up to 64 letters, digits, '-', '_' and '.', and begin "
            "with a letter or digit"
        )
    return text


Name = Annotated[str, AfterValidator(_is_name)]


class BadSpec(ValueError):
    """A run cannot be described like this; the text is one line for the user."""


class Mode(StrEnum):
    """Where orders go."""

    PAPER = "PAPER"  # over sockets, to the wire-true simulator


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VenueSpec(_Part):
    """The venue and the account at it."""

    name: Name = "BINANCE"
    product: Product = Product.SPOT  # LINEAR: perpetuals
    account: Name = "main"
    tape: str = GENERATED  # or the path of a recording
    speed: Annotated[float, Field(gt=0, le=1000)] = 1.0  # of the tape, relative to real time
    faults: str = ""  # the path of a plan (docs/simulators.md): what goes wrong on purpose
    maker_fee: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal("0.0002")
    taker_fee: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal("0.0005")
    balances: dict[str, Annotated[Decimal, Field(ge=0)]] = {
        "BTC": Decimal(1),
        "ETH": Decimal(20),
        "USDT": Decimal(200_000),
    }
    port: Annotated[int, Field(ge=0, le=65535)] = 0  # 0: any free one
    outlives_run: bool = False  # keep the simulator up when the system is killed, for --resume


class InstrumentSpec(_Part):
    """One market, and how much of it may be at risk."""

    instrument_id: Name
    max_order_notional: Annotated[Decimal, Field(gt=0)] = Decimal(20_000)
    max_position: Annotated[Decimal, Field(gt=0)] = Decimal(1)
    price_collar_bps: Annotated[int, Field(gt=0)] = 500


class RiskSpec(_Part):
    """Account-wide limits."""

    max_orders: Annotated[int, Field(gt=0)] = 50
    rate_window_s: Seconds = 1.0
    stale_after_s: Seconds = 5.0


class FeedSpec(_Part):
    """Bars built from trades, how long a stream may be silent, how old rules may be."""

    bar_intervals_s: tuple[Annotated[int, Field(gt=0)], ...] = (1,)
    stale_book_s: Seconds = 5.0
    rules_s: Seconds = 60.0  # between two questions for the instruments' rules
    record: bool = True  # market data into the run's folder


class StrategySpec(_Part):
    """One instance of a strategy."""

    id: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{0,31}$")]
    strategy: str  # a built-in name, or "path/to/file.py:Name"
    instruments: tuple[str, ...] = ()  # empty: all of the run
    # A custom Ray resource: the strategy runs on a node that has it while one lives, else on any.
    node: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_.:-]{0,63})?$")] = ""
    params: dict[str, int | float | bool] = {}


class ReconcilerSpec(_Part):
    """How often our books are compared with the venue's."""

    interval_s: Seconds = 5.0
    grace_s: Seconds = 2.0
    cancel_orphans: bool = False  # orders in the account that this run did not place


class RunSpec(_Part):
    """Everything that decides a run."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")] = "run"
    mode: Mode = Mode.PAPER
    duration_s: Seconds = 30.0
    seed: Annotated[int, Field(ge=0)] = 7
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    dashboard: bool = False  # Ray's dashboard on loopback
    # Strategies, risk and order manager in one process: fewer hops an order, and one death for all.
    cell: bool = False
    venue: VenueSpec = VenueSpec()
    venues: tuple[VenueSpec, ...] = ()  # several accounts, one a venue; instead of `venue`
    risk: RiskSpec = RiskSpec()
    feed: FeedSpec = FeedSpec()
    reconciler: ReconcilerSpec = ReconcilerSpec()
    instruments: tuple[InstrumentSpec, ...]
    strategies: tuple[StrategySpec, ...]

    @model_validator(mode="after")
    def _names_fit_together(self) -> Self:
        known = [i.instrument_id for i in self.instruments]
        if not known:
            raise ValueError("instruments: empty; add at least one [[instruments]]")
        for kind, names in (
            ("instruments", known),
            ("strategies", [s.id for s in self.strategies]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{kind}: {name!r} is there twice; keep one")
        for strategy in self.strategies:
            if self.cell and strategy.node:
                raise ValueError(
                    f"strategies.{strategy.id}.node: a cell keeps strategies beside the order "
                    "manager; remove `node`, or `cell`"
                )
            for wanted in strategy.instruments:
                if wanted not in known:
                    raise ValueError(
                        f"strategies.{strategy.id}.instruments: {wanted!r} is not among this run's "
                        f"instruments; use one of {', '.join(known)}"
                    )
        self._accounts_fit()
        return self

    def _accounts_fit(self) -> None:
        """With several accounts, every instrument and strategy belongs to one of them."""
        if not self.venues:
            return
        names = [v.name for v in self.venues]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"venues: {name!r} is there twice; keep one account a venue")
        if self.cell:
            raise ValueError("cell: a run of several venues has none yet; remove it")
        for wanted in self.instrument_ids:
            if venue_of(wanted) not in names:
                raise ValueError(
                    f"instruments: {wanted!r} is of none of this run's venues; "
                    f"use one of {', '.join(names)} after the dot"
                )
        for s in self.strategies:
            if len({venue_of(i) for i in self.wants(s)}) > 1:
                raise ValueError(
                    f"strategies.{s.id}.instruments: of several venues; an instance trades on one, "
                    "so name those of one venue"
                )

    @property
    def parts(self) -> dict[str, "RunSpec"]:
        """What each account has to do with, by the tag of its actors; {"": self} of one account."""
        if not self.venues:
            return {"": self}
        return {venue.name.lower(): self._part(venue) for venue in self.venues}

    def _part(self, venue: VenueSpec) -> "RunSpec":
        return self.model_copy(
            update={
                "venue": venue,
                "venues": (),
                "instruments": tuple(
                    i for i in self.instruments if venue_of(i.instrument_id) == venue.name
                ),
                "strategies": tuple(
                    s for s in self.strategies if venue.name in map(venue_of, self.wants(s))
                ),
            }
        )

    @property
    def instrument_ids(self) -> tuple[InstrumentId, ...]:
        return tuple(InstrumentId(i.instrument_id) for i in self.instruments)

    def wants(self, strategy: StrategySpec) -> frozenset[InstrumentId]:
        """The instruments that an instance trades."""
        return frozenset(InstrumentId(i) for i in strategy.instruments) or frozenset(
            self.instrument_ids
        )

    @property
    def subscriptions(self) -> dict[StrategyId, frozenset[InstrumentId]]:
        """What `trading.wiring.Directory` is made of."""
        return {StrategyId(s.id): self.wants(s) for s in self.strategies}

    @property
    def limits(self) -> RiskLimits:
        """Limits as the risk checker takes them."""
        return RiskLimits(
            instruments=tuple(
                InstrumentLimits(
                    instrument_id=InstrumentId(i.instrument_id),
                    max_order_notional=i.max_order_notional,
                    max_position=i.max_position,
                    price_collar_bps=i.price_collar_bps,
                )
                for i in self.instruments
            ),
            max_orders=self.risk.max_orders,
            rate_window_ns=round(self.risk.rate_window_s * NS_PER_S),
            stale_after_ns=round(self.risk.stale_after_s * NS_PER_S),
        )


def venue_of(instrument_id: str) -> str:
    """ "OKX" of "BTC-USDT.OKX"."""
    return instrument_id.rpartition(".")[2]


def load(source: str, overrides: Sequence[str] = ()) -> RunSpec:
    """A preset's name or a TOML file, with `section.key=value` overrides on top.

    raises  BadSpec with one line for the user
    """
    return resolve(_read(source), overrides, source)


def resolve(raw: Mapping[str, Any], overrides: Sequence[str] = (), source: str = "spec") -> RunSpec:
    """A checked RunSpec from parsed TOML."""
    table = dict(raw)
    for override in overrides:
        table = _set(table, override)
    try:
        return RunSpec.model_validate(table)
    except ValidationError as e:
        raise BadSpec(f"{source}: {_one_line(e)}") from None


def _read(source: str) -> dict[str, Any]:
    if source in PRESETS:
        text = files("scenarios").joinpath("presets", f"{source}.toml").read_text()
    elif source.endswith(".toml"):
        try:
            text = Path(source).expanduser().read_text()
        except OSError as e:
            raise BadSpec(
                f"{source}: cannot be read ({e.strerror}); name an existing file"
            ) from None
        except UnicodeDecodeError:
            raise BadSpec(f"{source}: is no text; name a TOML file") from None
    else:
        known = ", ".join(PRESETS)
        raise BadSpec(f"{source}: no such preset; use one of {known}, or a file ending in .toml")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise BadSpec(f"{source}: not valid TOML ({e}); mend that line") from None


def _set(table: dict[str, Any], override: str) -> dict[str, Any]:
    path, equals, text = override.partition("=")
    keys = [k.strip() for k in path.split(".")]
    if not equals or not all(keys):
        raise BadSpec(f"--set {override}: write section.key=value, for example venue.speed=20")
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        value = text.strip()  # a bare word is a string
    return _with(table, keys, value, override)


def _with(table: dict[str, Any], keys: list[str], value: Any, override: str) -> dict[str, Any]:
    head, *rest = keys
    if not rest:
        return {**table, head: value}
    inner = table.get(head, {})
    if not isinstance(inner, dict):
        raise BadSpec(f"--set {override}: {head} is a list or a value; change it in a TOML file")
    return {**table, head: _with(inner, rest, value, override)}


def _one_line(error: ValidationError) -> str:
    """The first problem as "field: reason; remedy"."""
    first = error.errors()[0]
    where = ".".join(str(p) for p in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        what = "unknown key; remove it or mend its spelling"
    elif first["type"] == "missing":
        what = "missing; add it"
    elif first["type"] != "value_error":
        what = f"{what[0].lower()}{what[1:]}; it is {first['input']!r}"
    return f"{where}: {what}{more}" if where else f"{what}{more}"


def dump(spec: RunSpec) -> str:
    """The spec as TOML text, complete with every default: what a run keeps and resumes from."""
    lines: list[str] = []
    table = spec.model_dump(mode="json")
    for key, value in table.items():
        if not isinstance(value, dict | list):
            lines.append(f"{key} = {_toml(value)}")
    for key, value in table.items():
        if isinstance(value, dict):
            lines += ["", f"[{key}]", *(f"{k} = {_toml(v)}" for k, v in value.items())]
    for key, value in table.items():
        if isinstance(value, list):
            for item in value:
                lines += ["", f"[[{key}]]", *(f"{k} = {_toml(v)}" for k, v in item.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return str(value)
