"""A stage for backtests: a strategy that does what a script says, on bars written as numbers."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from messages.arrays import BAR, Rows
from trading.backtest import EngineResult, Rules, Settings, prepare
from trading.backtest_data import MarketData
from trading.backtest_run import Engine
from trading.strategy import CompiledStrategy, StrategyParams
from trading.strategy_records import BUY, MARKET, ORDER

MINUTE: Final = 60_000_000_000
START: Final = 1_704_067_200_000_000_000  # 2024-01-01
SCRIPT_MAX: Final = 8
LINE: Final = np.dtype([("at", "i8"), ("asked", ORDER)])
STATE: Final = np.dtype([("n", "i8"), ("lines", "i8"), ("script", LINE, (SCRIPT_MAX,))])


class Nothing(StrategyParams):
    """The script is in the state."""

    unused: int = 0


def on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    count = 0
    for i in range(state.lines):
        if state.script[i].at == state.n:
            orders[count] = state.script[i].asked
            count += 1
    state.n += 1
    return count


SCRIPTED: Final = CompiledStrategy(name="scripted", params=Nothing, state=STATE, on_bar=on_bar)
MONEY: Final = Rules(tick=0.01, lot=0.001)


def bars(*prices: Sequence[float], start: int = START, interval: int = MINUTE) -> Rows:
    """BAR rows from (open, high, low, close) or (open, high, low, close, volume)."""
    rows = np.zeros(len(prices), BAR)
    for i, (opened, high, low, close, *volume) in enumerate(prices):
        ts = start + i * interval
        rows[i] = (ts, ts + interval, ts + interval, opened, high, low, close,
                   volume[0] if volume else 1000.0, 0.0, 0.0, 1)  # fmt: skip
    return rows


def ask(at: int, side: int = BUY, quantity: float = 1.0, kind: int = MARKET, **more: Any) -> Any:
    """One line of a script: a request at the close of the bar with this index."""
    line = np.zeros(1, LINE)
    line["at"], asked = at, line["asked"]
    for name, value in {"side": side, "quantity": quantity, "type": kind, "parent": -1}.items():
        asked[name] = value
    for name, value in more.items():
        asked[name] = value
    return line


def play(data: Rows | MarketData, *script: Any, **settings: Any) -> EngineResult:
    """Run the script; no fees, unless `settings` say so."""
    plain = {"maker_fee": 0.0, "taker_fee": 0.0, "instruments": (MONEY,)}
    ready = data if isinstance(data, MarketData) else prepare(data)
    engine = Engine(SCRIPTED, ready, Settings(**(plain | settings)), keep=True)
    for i, line in enumerate(script):
        engine.states["script"][0, i] = line[0]
    engine.states["lines"][0] = len(script)
    engine.go(Nothing().record())
    return EngineResult(engine, Nothing())


def fills(result: EngineResult) -> list[tuple[int, int, float, float]]:
    """(bar, side, price, quantity) of every fill."""
    steps = result._engine.after["step"][: len(result.fills)].tolist()
    rows = result.fills[["side", "price", "quantity"]].tolist()
    return [(step, *row) for step, row in zip(steps, rows, strict=True)]


def ends(result: EngineResult) -> list[tuple[int, int]]:
    """(status, reason) of every order."""
    found: list[tuple[int, int]] = result.orders[["status", "reason"]].tolist()
    return found
