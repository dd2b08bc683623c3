"""The parity law's yardstick on books: one strategy on one tape, compiled and in messages.

Both sides' numbers are exact: the kernel's doubles stand for whole ticks and lots, and fees of this
instrument have eight decimals at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np
from instruments import usdt
from parity import exact

from messages.arrays import Rows
from messages.base import Message
from messages.market import BookDeltaBatch, QuoteBatch, TradeBatch
from messages.orders import LiquiditySide
from messages.venue import VenueStatus
from scenarios.loop_backtest import number_of
from scenarios.loop_tape import Delays, Sent, TapeItem, TapeResult
from scenarios.loop_tape import run as run_in_messages
from trading.backtest_l2 import L2Engine
from trading.backtest_settings import Rules
from trading.l2_events import (
    bar_rows,
    bars_of_trades,
    book_rows,
    merge,
    quote_rows,
    trade_rows,
)
from trading.l2_settings import L2Settings
from trading.result import REASON_NOTIONAL, STATUS_NAMES, BacktestResult
from trading.strategy import CompiledStrategy
from venues.sim import tape as sim_tape
from venues.sim.synthetic import TapeSpec

PERPETUAL: Final = usdt(
    venue="PARITY", price_increment="0.1", max_quantity="1000", min_notional="100",
    maker_fee="0.0002", taker_fee="0.0005",
)  # fmt: skip
SPEC: Final = TapeSpec(
    instrument=PERPETUAL, price=60_000.0, events_per_s=20.0, spread_bps=0.1, gap_bps=0.02,
    levels=12, trade_notional=20_000.0, level_notional=40_000.0,
)  # fmt: skip
_STATUS: Final = {
    VenueStatus.NEW: "working",
    VenueStatus.PARTIALLY_FILLED: "working",
    VenueStatus.FILLED: "filled",
    VenueStatus.CANCELED: "canceled",
    VenueStatus.EXPIRED: "expired",
}
_TYPES: Final = ("MARKET", "LIMIT", "STOP_MARKET", "STOP_LIMIT")


class Order(NamedTuple):
    """An order as both sides know it; times are those of the decision and of the end."""

    number: int
    ts: int
    side: int
    type: str
    quantity: Decimal
    price: Decimal
    filled: Decimal
    status: str
    ts_closed: int


class Fill(NamedTuple):
    """A fill as both sides know it."""

    order: int
    ts: int
    side: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    maker: bool


def tape(seed: int, seconds: float, grid_ns: int = 0, **changes: Any) -> list[TapeItem]:
    """A generated market of one instrument.

    grid_ns  times are moved to the middle of steps of this length, so that many things coincide
    """
    made = sim_tape.generate(seed, (replace(SPEC, **changes),), seconds)
    if not grid_ns:
        return list(made)
    return [_moved(ts // grid_ns * grid_ns + grid_ns // 2, message) for ts, message in made]


def _moved(ts: int, message: Any) -> TapeItem:
    rows = message.rows.copy()
    rows["ts_event"] = rows["ts_init"] = ts
    return ts, message.model_copy(update={"rows": rows, "ts_event": ts, "ts_init": ts})


def rows_of(items: Sequence[TapeItem], feed_ns: int, interval_ns: int) -> tuple[Rows, Rows]:
    """(EVENT rows, BAR rows) of a tape, in the order in which a feed tells them."""
    parts = [_rows(message) for _, message in items]
    trades = np.concatenate([m.rows for _, m in items if isinstance(m, TradeBatch)])
    bars = bars_of_trades(trades, interval_ns, items[-1][0]) if interval_ns else None
    if bars is None:
        return merge(parts, feed_ns), np.zeros(0)
    return merge([*parts, bar_rows(0, bars)], feed_ns), bars


def _rows(message: Message) -> Rows:
    rules = Rules.of(PERPETUAL)
    match message:
        case TradeBatch():
            return trade_rows(0, rules, message.rows)
        case QuoteBatch():
            return quote_rows(0, rules, message.rows)
        case BookDeltaBatch():
            return book_rows(0, rules, message.rows, np.full(len(message.rows), message.snapshot))
        case _:
            raise TypeError(f"{type(message).__name__}: not of a generated tape")


def compiled(result: BacktestResult) -> tuple[list[Order], list[Fill]]:
    """What the kernel did."""
    orders = [
        Order(
            int(o["id"]), int(o["ts"]), int(o["side"]), _TYPES[int(o["type"])],
            exact(o["quantity"]), exact(o["price"]), exact(o["filled"]),
            STATUS_NAMES[int(o["status"])], int(o["ts_closed"]),
        )
        for o in result.orders
    ]  # fmt: skip
    fills = [
        Fill(
            int(f["order"]), int(f["ts"]), int(f["side"]), exact(f["price"]),
            exact(f["quantity"]), exact(round(float(f["fee"]), 9)), bool(f["maker"]),
        )
        for f in result.fills
    ]  # fmt: skip
    return orders, fills


def messages(done: TapeResult) -> tuple[list[Order], list[Fill]]:
    """What the live path's cores and the simulated venue did; refusals of risk are not orders."""
    orders = [_order(number, sent) for number, sent in sorted(done.sent.items())]
    fills = [
        Fill(
            number_of(f.client_order_id), f.ts_event, f.side.sign, f.last_px.normalize(),
            f.last_qty.normalize(), f.commission.normalize(),
            f.liquidity_side is LiquiditySide.MAKER,
        )
        for f in done.fills
    ]  # fmt: skip
    return orders, fills


def _order(number: int, sent: Sent) -> Order:
    spec, line = sent.spec, sent.line
    filled, status, closed = Decimal(0), "working", 0
    if line is not None and line.order is None:
        status, closed = "refused", line.ts_ns
    elif line is not None and line.order is not None:
        order = line.order
        filled, closed = order.grid.quantity(order.filled), order.ts_closed_ns
        status = _STATUS[order.status]
    return Order(
        number, sent.ts, spec.side.sign, str(spec.order_type), spec.quantity.normalize(),
        (spec.price or Decimal(0)).normalize(), filled.normalize(), status, closed,
    )  # fmt: skip


def differences(
    strategy: CompiledStrategy,
    params: Mapping[str, Any],
    items: Sequence[TapeItem],
    delays: Delays,
    *,
    queue_model: Any = "risk_averse",
    interval_ns: int = 0,
) -> tuple[list[str], BacktestResult]:
    """Everything that is not equal, in words, and the kernel's result."""
    rows, bars = rows_of(items, delays.feed_ns, interval_ns)
    settings = L2Settings(
        queue_model=queue_model,
        entry_latency_ns=delays.entry_ns,
        response_latency_ns=delays.response_ns,
        initial_balance=1e9,
        instruments=(Rules.of(PERPETUAL),),
    )
    engine = L2Engine(strategy, rows, settings, bars=bars if interval_ns else None)
    model = strategy.params(**params)
    engine.go(model.record())
    fast = engine.result(model)
    slow = run_in_messages(
        strategy, params, items, PERPETUAL, delays, queue_model=queue_model,
        interval_ns=interval_ns,
    )  # fmt: skip
    theirs, ours = compiled(fast), messages(slow)
    poor = fast.orders[fast.orders["reason"] == REASON_NOTIONAL]
    refused = {int(o["id"]): (int(o["ts_closed"]), "MIN_NOTIONAL") for o in poor}
    wrong = [] if refused == slow.refused else [f"refused {refused} and {dict(slow.refused)}"]
    kept = [o for o in theirs[0] if o.number not in refused]
    wrong += _unequal("order", kept, ours[0]) + _unequal("fill", theirs[1], ours[1])
    if engine.states.tobytes() != slow.memory:
        wrong.append("what the strategy remembers")
    return wrong, fast


def _unequal(what: str, first: list[Any], second: list[Any]) -> list[str]:
    found = [f"{what} {a} and {b}" for a, b in zip(first, second, strict=False) if a != b][:3]
    if len(first) != len(second):
        found.append(f"{len(first)} and {len(second)} {what}s")
    return found
