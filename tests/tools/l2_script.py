"""A scripted situation played to the compiled event engine, in the words of `venues.sim.script`.

Line k happens at START + 100 k ns. One strategy, compiled once, plays the commands, or, with a seed
and without commands, trades at whim: the compiler is what tests of this engine wait for.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from messages.arrays import Rows
from messages.base import InstrumentId
from messages.market import BookDeltaBatch, QuoteBatch, TradeBatch
from messages.orders import CancelOrder, ModifyOrder, OrderSpec, SubmitOrder
from trading.backtest_l2 import L2Engine
from trading.backtest_settings import Rules
from trading.kernels.l2_records import FUNDING
from trading.kernels.strategy import cancel, submit_limit, submit_market
from trading.l2_events import book_rows, merge, quote_rows, trade_rows
from trading.l2_settings import L2Settings
from trading.result import STATUS_NAMES
from trading.strategy import CompiledStrategy, StrategyParams
from trading.strategy_records import AMEND, BUY, CANCEL, OPEN, ORDER, SELL
from venues.sim.script import MarketMessage, parse

X: Final = InstrumentId("X.SIM")
START: Final = 1_000_000_000
STEP: Final = 100
LINES_MAX: Final = 128
RAISES: Final = -1  # as a seed; less: that many requests, which are nowhere
RULES: Final = Rules(tick=1.0, lot=1.0)
STATE: Final = np.dtype(
    [
        ("at", "i8"),
        ("count", "i8"),
        ("times", "i8", (LINES_MAX,)),
        ("asks", ORDER, (LINES_MAX,)),
        ("chance", "i8"),
    ]
)
_TYPES: Final = {"MARKET": 0, "LIMIT": 1, "STOP_MARKET": 2, "STOP_LIMIT": 3}
_TIFS: Final = {"GTC": 0, "IOC": 1, "FOK": 2}


class Params(StrategyParams):
    """Seed of the strategy's own arithmetic chance; 0: it has none; < 0: it is broken."""

    seed: int = 0


def on_trade(state: Any, params: Any, trade: Any, account: Any, orders: Any) -> int:
    """With a seed: now and then an order near the last price, now and then a cancel."""
    if params.seed == 0:
        return 0
    if params.seed == RAISES:
        raise ValueError("of course")
    if params.seed < 0:
        return -int(params.seed)
    state.chance = (state.chance * 1103515245 + 12345 + params.seed) % 2147483648
    choice = (state.chance >> 8) % 8
    side = BUY if (state.chance >> 16) % 2 == 0 else SELL
    away = (state.chance >> 20) % 4
    if choice == 0:
        return int(submit_market(orders, 0, side, 2.0))
    if choice < 4:
        return int(submit_limit(orders, 0, side, 3.0, trade.price - side * away))
    if choice < 6 and account.working_count > 0 and account.working[0].status == OPEN:
        return int(cancel(orders, 0, account.working[0].sequence))
    return 0


def on_timer(state: Any, params: Any, tick: Any, account: Any, orders: Any) -> int:
    count = 0
    while state.at < state.count and state.times[state.at] <= tick.ts_init:
        orders[count] = state.asks[state.at]
        state.at += 1
        count += 1
    return count


PLAYER: Final = CompiledStrategy(
    name="player", params=Params, state=STATE, on_trade=on_trade, on_timer=on_timer, timer_ns=STEP
)


@dataclass(frozen=True, slots=True)
class Played:
    """fills: (line, name, side, price, quantity, maker); orders: name -> status."""

    fills: list[tuple[int, str, int, float, float, int]]
    orders: dict[str, str]
    engine: L2Engine


def play(script: str, settings: L2Settings) -> Played:
    """What our orders do in the situation."""
    lines = [line.strip() for line in script.strip().splitlines()]
    parts, commands = [], []
    for k, line in enumerate(lines):
        message = parse(line, X)
        if isinstance(message, MarketMessage):
            parts.append(_rows(message, START + k * STEP))
        else:
            commands.append((START + k * STEP, message))
    end = np.zeros(1, parts[0].dtype)  # funding of nothing, so that time goes on
    end["kind"] = FUNDING
    end["ts_event"] = end["ts_init"] = START + (len(lines) + 20) * STEP
    chosen = settings.model_copy(update={"instruments": (RULES,)})
    engine = L2Engine(PLAYER, merge([*parts, end]), chosen)
    names = _write(engine.states[0], commands)
    engine.line["timer_due"] = START
    engine.go(Params().record())
    result = engine.result(Params())
    fills = [
        ((int(f["ts"]) - START) // STEP, names[int(f["order"])], int(f["side"]),
         float(f["price"]), float(f["quantity"]), int(f["maker"]))
        for f in result.fills
    ]  # fmt: skip
    orders = {names[int(o["id"])]: STATUS_NAMES[int(o["status"])] for o in result.orders}
    return Played(fills, orders, engine)


def _rows(message: MarketMessage, ts: int) -> Rows:
    rows = message.rows.copy()
    rows["ts_event"] = rows["ts_init"] = ts
    match message:
        case TradeBatch():
            return trade_rows(0, RULES, rows)
        case QuoteBatch():
            return quote_rows(0, RULES, rows)
        case BookDeltaBatch():
            return book_rows(0, RULES, rows, np.full(len(rows), message.snapshot))


def _write(state: Any, commands: list[tuple[int, Any]]) -> list[str]:
    """Put the commands where the player finds them -> the names of the orders by number."""
    names: list[str] = []
    state["count"] = len(commands)
    for k, (ts, command) in enumerate(commands):
        state["times"][k] = ts
        ask = state["asks"][k]
        ask["parent"] = -1
        if isinstance(command, SubmitOrder):
            _ask(ask, command.order)
            names.append(command.order.client_order_id)
        else:
            ask["target"] = names.index(command.client_order_id)
            ask["action"] = CANCEL if isinstance(command, CancelOrder) else AMEND
            if isinstance(command, ModifyOrder):
                ask["quantity"] = float(command.quantity)
    return names


def _ask(ask: Any, spec: OrderSpec) -> None:
    ask["side"], ask["type"] = spec.side.sign, _TYPES[spec.order_type]
    ask["quantity"], ask["price"] = float(spec.quantity), float(spec.price or 0)
    ask["trigger"], ask["tif"] = float(spec.trigger_price or 0), _TIFS[spec.time_in_force]
    ask["post_only"], ask["reduce_only"] = spec.post_only, spec.reduce_only
