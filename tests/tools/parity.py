"""The parity law's yardstick: one strategy on one data set, compiled and in messages, side by side.

Kernel numbers are doubles that stand for whole ticks and lots: each is read as the shortest decimal
that it is nearest to, which is the exact number.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np
from market_files import MARKET

from messages.arrays import Rows
from scenarios.loop_backtest import LoopResult, number_of
from scenarios.loop_backtest import run as run_in_messages
from trading import backtest
from trading import result as r
from trading.backtest import BacktestResult, Settings, bars_of
from trading.orders import OrderStatus
from trading.strategy import CompiledStrategy
from trading.strategy_records import MARKET as MARKET_ORDER

HOUR_NS: Final = 3_600_000_000_000
# The engine's words for an end, and those of the message path.
_REASONS: Final = {
    r.REASON_NONE: "", r.REASON_ASKED: "ASKED", r.REASON_IOC: "IOC", r.REASON_FOK: "FOK",
    r.REASON_POST_ONLY: "POST_ONLY", r.REASON_REDUCE_ONLY: "REDUCE_ONLY",
    r.REASON_NOTIONAL: "MIN_NOTIONAL", r.REASON_MARGIN: "MARGIN",
    r.REASON_SELF_TRADE: "SELF_TRADE",
}  # fmt: skip
_TYPES: Final = ("MARKET", "LIMIT", "STOP_MARKET", "STOP_LIMIT")


class Order(NamedTuple):
    """An order as both sides know it."""

    number: int
    side: int
    type: str
    quantity: Decimal
    price: Decimal
    filled: Decimal
    closed: bool
    why: str


class Fill(NamedTuple):
    """A fill as both sides know it."""

    order: int
    ts: int
    side: int
    price: Decimal
    quantity: Decimal
    maker: bool


def exact(value: float) -> Decimal:
    return Decimal(repr(float(value))).normalize()


def compiled(result: BacktestResult) -> tuple[list[Order], list[Fill]]:
    """What the kernel did."""
    orders = [
        Order(
            int(row["id"]), int(row["side"]), _TYPES[int(row["type"])], exact(row["quantity"]),
            exact(row["price"]), exact(row["filled"]), bool(row["status"]),
            _REASONS[int(row["reason"])],
        )
        for row in result.orders
    ]  # fmt: skip
    fills = [
        Fill(
            int(row["order"]), int(row["ts"]), int(row["side"]), exact(row["price"]),
            exact(row["quantity"]), bool(row["maker"]),
        )
        for row in result.fills
    ]  # fmt: skip
    return orders, fills


def messages(done: LoopResult) -> tuple[list[Order], list[Fill]]:
    """What the live path's cores did; an order that risk refused is known by number alone."""
    ended = {number_of(e.spec.client_order_id): e.reason for e in done.ended}
    orders = []
    for number, order in sorted(done.orders.items()):
        spec = order.spec
        why = ended.get(number, "")
        if order.status is OrderStatus.REJECTED:
            why = "SELF_TRADE"
        elif order.status is OrderStatus.CANCELED and not why:
            why = "ASKED"
        orders.append(
            Order(
                number,
                spec.side.sign,
                str(spec.order_type),
                spec.quantity.normalize(),
                (spec.price or Decimal(0)).normalize(),
                order.filled_qty.normalize(),
                order.closed,
                why,
            )
        )
    fills = [
        Fill(
            number_of(f.spec.client_order_id), f.ts, f.spec.side.sign, f.price.normalize(),
            f.quantity.normalize(), f.maker,
        )
        for f in done.fills
    ]  # fmt: skip
    return orders, fills


def cash(result: BacktestResult, settings: Settings) -> Decimal:
    """The kernel's final cash, from its fills, without any rounding."""
    total = Decimal(repr(settings.initial_balance))
    for row in result.fills:
        rate = settings.maker_fee if row["maker"] else settings.taker_fee
        value = exact(row["price"]) * exact(row["quantity"])
        total -= int(row["side"]) * value + value * Decimal(repr(rate))
    return total


def differences(
    strategy: CompiledStrategy, params: Mapping[str, Any], bars: Rows, settings: Settings
) -> tuple[list[str], BacktestResult]:
    """Everything that is not equal, in words, and the kernel's result."""
    fast = backtest.run(strategy, params, bars, settings)
    slow = run_in_messages(strategy, params, bars, settings)
    theirs, ours = compiled(fast), messages(slow)
    # What risk refuses, the order manager never sees: the engine has it as refused at once.
    refused = {o.number: o for o in theirs[0] if o.number in slow.refused}
    wrong = [
        f"order {n} refused by risk ({slow.refused[n]}), in the kernel {o}"
        for n, o in refused.items()
        if o.why != slow.refused[n] or o.filled
    ]
    kept = [o for o in theirs[0] if o.number not in refused]
    wrong += _unequal("order", kept, ours[0]) + _unequal("fill", theirs[1], ours[1])
    if (exactly := cash(fast, settings)) != slow.cash:
        wrong.append(f"cash {exactly} and {slow.cash}")
    account = float(fast.equity["cash"][-1]) if len(fast.equity) else settings.initial_balance
    if abs(account - float(slow.cash)) > 1e-6 * settings.initial_balance:
        wrong.append(f"the kernel's own cash is {account}, exactly it is {slow.cash}")
    return wrong, fast


def _unequal(what: str, first: list[Any], second: list[Any]) -> list[str]:
    found = [f"{what} {a} and {b}" for a, b in zip(first, second, strict=False) if a != b][:3]
    if len(first) != len(second):
        found.append(f"{len(first)} and {len(second)} {what}s")
    return found


def hourly(symbol: str, count: int | None = None) -> Rows:
    """Real bars of 2024, for example of "BTC_USDT"."""
    path = MARKET / "ohlcv_1h_2024" / f"{symbol}-1h.csv"
    text = np.loadtxt(path, delimiter=",", skiprows=1, dtype=str, max_rows=count)
    opened = np.array([t[:19] for t in text[:, 0]], "datetime64[s]").astype(np.int64) * 10**9
    names = ("open", "high", "low", "close", "volume")
    columns = {n: text[:, i + 1].astype(np.float64) for i, n in enumerate(names)}
    return bars_of({"ts_open": opened, "ts_event": opened + HOUR_NS, **columns})


assert MARKET_ORDER == 0, "_TYPES counts from it"
