"""An engine is compiled once, apart from the strategies, under a name that says what is in it."""

from typing import Any, Final

import numpy as np
import pytest
from l2_script import RULES, START
from numba import njit, types

from messages.arrays import TRADE
from trading.backtest_l2 import L2Engine, run
from trading.kernels import engine_account, engine_door, l2_door, l2_match, l2_news
from trading.kernels.engine_compiler import Lean
from trading.kernels.engine_kernel import telling
from trading.kernels.strategy import submit_market
from trading.l2_events import merge, trade_rows
from trading.l2_settings import L2Settings
from trading.strategy import BUY, CompiledStrategy, StrategyParams

CHOSEN: Final = L2Settings(instruments=(RULES,))


class Params(StrategyParams):
    """How much it buys, once."""

    quantity: float = 2.0


def on_trade(state: Any, params: Any, trade: Any, account: Any, orders: Any) -> int:
    """Buy at the first trade."""
    state.seen += 1
    if state.seen > 1:
        return 0
    return int(submit_market(orders, 0, BUY, params.quantity))


STRATEGY: Final = CompiledStrategy(
    name="one_order", params=Params, state=np.dtype([("seen", "i8")]), on_trade=on_trade
)


def test_new_strategy_compiles_its_own_lines_and_a_second_run_nothing() -> None:
    rows = merge([trade_rows(0, RULES, np.array([(START, 0, 100.0, 1.0, 1, 1)], TRADE))], 0)
    l2_door.address()
    said: list[str] = []

    with telling(said.append):
        first = run(STRATEGY, None, rows, CHOSEN)
        told = list(said)
        second = run(STRATEGY, None, rows, CHOSEN, note=said.append)

    assert told in ([], ["one_order"])
    assert said == told
    assert first.orders.tobytes() == second.orders.tobytes()
    assert first.orders["quantity"].tolist() == [2.0]


@pytest.mark.parametrize(
    ("door", "module", "name", "value"),
    [
        (l2_door, l2_match, "TAKES_MAX", 7),
        (l2_door, engine_account, "DAY_NS", 1),
        (l2_door, l2_news, "lead", njit(lambda market, side, key: None)),
        (l2_door, l2_door.l2_memory, "market_at", l2_door.book_at),
        (engine_door, engine_account, "ROOM", 1),
        (engine_door, engine_door.engine_memory, "fill_row_at", engine_door.event_at),
    ],
)
def test_engine_with_another_part_or_layout_has_another_name_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, door: Any, module: Any, name: str, value: Any
) -> None:
    before = door.digest()

    monkeypatch.setattr(module, name, value)

    assert door.digest() != before


def powers(x: float, n: int) -> float:
    """What a shorter way through the compiler could get wrong: branches, loops, powers."""
    total = 0.0
    for i in range(n):
        if i % 3 == 1:
            continue
        total += min(x, float(i)) ** 2 - x**1.5 / (1.0 + abs(x - i))
        if total > 1e6:
            break
    return total


@pytest.mark.parametrize("x", [0.1, 1.0, 2.5, 7e3])
def test_shorter_way_through_the_compiler_computes_the_same(x: float) -> None:
    lean = njit(error_model="numpy", pipeline_class=Lean)(powers)
    whole = njit(error_model="numpy")(powers)

    found = lean(x, 50)

    assert found == whole(x, 50)
    assert found == pytest.approx(powers(x, 50), rel=1e-12)


@njit("i8(f8)")
def _whole(x: float) -> float:
    return x


@njit(locals={"y": types.int64})
def _part(x: float) -> float:
    y = x
    return y


def on_rounded_trade(state: Any, params: Any, trade: Any, account: Any, orders: Any) -> int:
    """Add up numbers that helpers make whole, for their authors have named types."""
    state.seen += _whole(trade.price * 0.755) + _part(trade.price * 0.755)
    return 0


def test_a_helper_with_types_of_its_own_keeps_them_in_the_loop() -> None:
    rows = merge([trade_rows(0, RULES, np.array([(START, 0, 100.0, 1.0, 1, 1)], TRADE))], 0)
    state = np.dtype([("seen", "f8")])
    rounding = CompiledStrategy("rounding", Params, state, on_trade=on_rounded_trade)

    engine = L2Engine(rounding, rows, CHOSEN)
    engine.go(Params().record())

    assert engine.states["seen"].tolist() == [150.0]
