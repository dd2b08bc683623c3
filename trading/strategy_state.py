"""What one strategy instance knows, and its one byte form: the checkpoint.

A checkpoint holds all that cannot be had again: the strategy's own memory, how many orders it has
decided, its orders that are not closed (with those that nobody has answered yet), its positions,
and how far it has read each market stream. Books and later market data come from the feed, later
order events from the order manager.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import numpy as np
from immutables import Map

from messages.arrays import Rows
from messages.base import ClientOrderId, InstrumentId, RunId, StrategyId
from messages.control import ParamsChanged, ParamsRefused, ParamValue
from messages.market import Instrument
from messages.orders import OrderSpec
from messages.risk import TradingState
from trading import strategy_executions as executions
from trading.book import Book
from trading.positions import Holding
from trading.replacing import replace
from trading.strategy_executions import Running
from trading.strategy_records import ACCOUNT, SENT
from trading.wiring import strategy_actor

FORMAT: Final = 2
TRADES_MAX: Final = 1024  # trade ids remembered against repeats
BOOK_LEVELS_MAX: Final = 1000  # levels that a side of a book keeps


class StateMismatch(Exception):
    """A checkpoint that this version of the strategy cannot read."""


@dataclass(frozen=True, slots=True)
class StrategyConfig:
    """One instance of a strategy in a run.

    interval_ns  bars of this interval are its bars; 0 takes every interval
    params       values that differ from the defaults of the strategy's parameters
    incarnation  of the actor; an account snapshot asked for by an earlier one is not ours
    """

    run_id: RunId
    strategy_id: StrategyId
    instrument_ids: tuple[InstrumentId, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    interval_ns: int = 0
    incarnation: int = 0

    @property
    def name(self) -> str:
        """The actor's name."""
        return strategy_actor(self.strategy_id)


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """One of the strategy's orders that is not closed, as far as the strategy knows."""

    sequence: int  # its number within the strategy
    spec: OrderSpec
    tag: int
    ts_decided: int
    quantity: Decimal  # as amended
    filled: Decimal = Decimal(0)
    status: int = SENT
    answered: bool = False  # the order manager has said something about it
    cancel_asked: bool = False  # and not answered yet
    wanted: Decimal | None = None  # the smaller quantity that was asked for and not answered yet

    @property
    def client_order_id(self) -> ClientOrderId:
        return self.spec.client_order_id

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled


@dataclass(slots=True)
class Market:
    """What the strategy knows of one instrument. Updated in place."""

    instrument_id: InstrumentId
    instrument: Instrument | None = None
    holding: Holding = field(default_factory=Holding)
    book: Book = field(default_factory=lambda: Book(levels_max=BOOK_LEVELS_MAX))
    book_known: bool = False  # false from a gap until the next whole book
    bid: float = 0.0
    ask: float = 0.0
    fills: int = 0
    stale: set[str] = field(default_factory=set)  # silent streams that the strategy lives on


@dataclass(slots=True)
class StrategyState:
    """Owned by whoever drives the core, and updated in place (see `trading.core`)."""

    memory: Any  # the strategy's own: its STATE records, or the Python object
    markets: list[Market]  # in the order of the configuration
    accounts: Rows  # one ACCOUNT record a market, derived from the rest
    intents: int = 0  # orders decided so far: the next order's number
    orders: dict[int, OwnOrder] = field(default_factory=dict)  # by sequence, oldest first
    executions: dict[int, Running] = field(default_factory=dict)  # by number
    executions_made: int = 0
    tuned: dict[str, ParamValue] = field(default_factory=dict)  # parameters changed while it runs
    params: Any = None  # as the engine wants them; derived from the configuration and `tuned`
    answer: ParamsChanged | ParamsRefused | None = None  # the last one; not kept
    seen: dict[str, int] = field(default_factory=dict)  # last sequence by stream key
    trades: dict[str, None] = field(default_factory=dict)  # newest last
    trading_state: TradingState = TradingState.ACTIVE
    paused: bool = False
    started: bool = False  # on_start has run
    stopping: bool = False  # not kept: a new incarnation is told again
    replayed: bool = False  # the feed has told what we missed
    synced: bool = False  # the order manager has told what it holds
    reported: int = -1  # number of the feed's last report; like the time not kept
    reported_ns: int = -1
    dirty: bool = False  # something changed since the last checkpoint
    dropped: int = 0  # requests that came to nothing: zero size, or no room for another order

    @property
    def live(self) -> bool:
        """Whether what the strategy asks for is carried out."""
        return (
            self.replayed
            and self.synced
            and not (self.paused or self.stopping)
            and self.trading_state is not TradingState.HALTED
        )


def fresh(config: StrategyConfig, memory: Any) -> StrategyState:
    """The state before any message."""
    markets = [Market(i) for i in config.instrument_ids]
    return StrategyState(memory, markets, np.zeros(len(markets), ACCOUNT))


# --- bytes -------------------------------------------------------------------------------------


def to_bytes(state: StrategyState, layout: str, memory: bytes) -> bytes:
    """The checkpoint's content; equal states give equal bytes."""
    content = {
        "format": FORMAT,
        "layout": layout,
        "memory": base64.b64encode(memory).decode(),
        "intents": state.intents,
        "orders": [_order_out(o) for o in state.orders.values()],
        "executions": [executions.out(r) for r in state.executions.values()],
        "executions_made": state.executions_made,
        "markets": [_market_out(m) for m in state.markets],
        "tuned": dict(sorted(state.tuned.items())),
        "seen": state.seen,
        "trades": list(state.trades),
        "trading_state": str(state.trading_state),
        "paused": state.paused,
        "started": state.started,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def from_bytes(raw: bytes, config: StrategyConfig, layout: str) -> tuple[StrategyState, bytes]:
    """The state, and the strategy's own memory as bytes (`state.memory` is None).

    raises  StateMismatch if it was written for another layout or other instruments
    """
    content = json.loads(raw)
    instruments = tuple(m["instrument_id"] for m in content["markets"])
    for what, had, have in (
        ("format", content["format"], FORMAT),
        ("STATE layout", content["layout"], layout),
        ("instruments", instruments, config.instrument_ids),
    ):
        if had != have:
            raise StateMismatch(
                f"{config.strategy_id}: the checkpoint's {what} is {had}, this version's is {have}:"
                " run the version that wrote it, or start a new run"
            )
    state = fresh(config, None)
    state.markets = [_market_in(m) for m in content["markets"]]
    state.orders = {o.sequence: o for o in map(_order_in, content["orders"])}
    state.intents = content["intents"]
    # Absent from checkpoints of earlier versions.
    state.tuned = content.get("tuned", {})
    state.executions_made = content.get("executions_made", 0)
    running = map(executions.back, content.get("executions", ()))
    state.executions = {r.number: r for r in running}
    state.seen = content["seen"]
    state.trades = dict.fromkeys(content["trades"])
    state.trading_state = TradingState(content["trading_state"])
    state.paused, state.started = content["paused"], content["started"]
    return state, base64.b64decode(content["memory"])


def _order_out(order: OwnOrder) -> dict[str, Any]:
    return {
        "sequence": order.sequence,
        "spec": order.spec.model_dump_json(),
        "tag": order.tag,
        "ts_decided": order.ts_decided,
        "quantity": str(order.quantity),
        "filled": str(order.filled),
        "status": order.status,
        "answered": order.answered,
        "cancel_asked": order.cancel_asked,
        "wanted": str(order.wanted) if order.wanted is not None else None,
    }


def _order_in(found: dict[str, Any]) -> OwnOrder:
    return OwnOrder(
        sequence=found["sequence"],
        spec=OrderSpec.model_validate_json(found["spec"]),
        tag=found["tag"],
        ts_decided=found["ts_decided"],
        quantity=Decimal(found["quantity"]),
        filled=Decimal(found["filled"]),
        status=found["status"],
        answered=found["answered"],
        cancel_asked=found["cancel_asked"],
        wanted=Decimal(found["wanted"]) if found["wanted"] is not None else None,
    )


def _market_out(market: Market) -> dict[str, Any]:
    holding, instrument = market.holding, market.instrument
    return {
        "instrument_id": market.instrument_id,
        "instrument": instrument.model_dump_json() if instrument is not None else None,
        "quantity": str(holding.quantity),
        "cost": str(holding.cost),
        "realized_pnl": str(holding.realized_pnl),
        "commissions": str(holding.commissions),
        "commissions_other": {c: str(v) for c, v in sorted(holding.commissions_other.items())},
        "bid": market.bid,
        "ask": market.ask,
        "fills": market.fills,
    }


def _market_in(found: dict[str, Any]) -> Market:
    raw = found["instrument"]
    amounts = {
        name: Decimal(found[name]) for name in ("quantity", "cost", "realized_pnl", "commissions")
    }
    other = Map({c: Decimal(v) for c, v in found["commissions_other"].items()})
    return replace(
        Market(InstrumentId(found["instrument_id"])),
        instrument=Instrument.model_validate_json(raw) if raw is not None else None,
        holding=Holding(**amounts, commissions_other=other),
        bid=found["bid"],
        ask=found["ask"],
        fills=found["fills"],
    )
