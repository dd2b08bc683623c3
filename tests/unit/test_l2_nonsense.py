"""A strategy that raises or asks for nonsense on a tape ends its run with one line."""

from typing import Any, Final

import numpy as np
import pytest
from l2_script import PLAYER, RAISES, RULES, START, STEP, Params

from messages.arrays import DELTA, TRADE, Rows
from trading.backtest_l2 import L2Engine, StrategyError, run
from trading.l2_events import book_rows, merge, trade_rows
from trading.l2_settings import L2Settings
from trading.strategy_records import GTD, LIMIT, STOP_MARKET, TRAILING_STOP

CHOSEN: Final = L2Settings(instruments=(RULES,))


def tape() -> Rows:
    """A book of one level a side, and two trades."""
    book = np.array([(START, START, 1, 99.0, 5.0), (START, START, -1, 101.0, 5.0)], DELTA)
    trades = np.array([(START + k * STEP, 0, 101.0, 1.0, 1, k) for k in (5, 9)], TRADE)
    return merge([trade_rows(0, RULES, trades), book_rows(0, RULES, book)], 0)


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"quantity": np.nan}, "quantity", "quantity is nan"),
        ({"quantity": -1.0}, "quantity", "quantity is -1"),
        ({"quantity": np.inf}, "quantity", "quantity is inf"),
        ({"side": 0}, "side", "side is 0"),
        ({"type": 9}, "type", "type is 9"),
        ({"tif": 7}, "tif", "tif is 7"),
        ({"type": LIMIT, "price": np.nan}, "price", "price is nan"),
        ({"type": LIMIT, "price": 0.0}, "price", "price is 0"),
        ({"type": STOP_MARKET, "trigger": -5.0}, "trigger", "trigger is -5"),
        ({"type": TRAILING_STOP, "trail": 0.0}, "trail", "trail is 0"),
        ({"tif": GTD, "expires": 0}, "expires", "expires is 0"),
        ({"parent": 3}, "parent", "parent is 3"),
        ({"action": 8}, "action", "action is 8"),
    ],
)
def test_nonsense_is_named_with_strategy_time_request_and_field(
    asked: dict[str, Any], field: str, said: str
) -> None:
    engine = L2Engine(PLAYER, tape(), CHOSEN)
    state = engine.states[0]
    state["count"], state["times"][0] = 1, START + 6 * STEP
    request = state["asks"][0]
    request["side"], request["quantity"], request["parent"] = 1, 1.0, -1
    for name, value in asked.items():
        request[name] = value

    with pytest.raises(StrategyError, match=f"request 0: {said}") as caught:
        engine.go(Params().record())

    assert caught.value.field == field
    assert str(caught.value).startswith("player: at what was heard at 1970-01-01T00:00:01Z: ")


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        (RAISES, "the code raised ValueError: of course"),
        (-65, "count is 65: a call may write 0 to 64 requests"),
    ],
)
def test_code_that_raises_and_too_many_requests_are_one_line(seed: int, said: str) -> None:
    with pytest.raises(StrategyError, match=said) as caught:
        run(PLAYER, {"seed": seed}, tape(), CHOSEN)

    assert "\n" not in str(caught.value)


def test_price_beyond_all_ticks_is_an_order_that_never_fills() -> None:
    engine = L2Engine(PLAYER, tape(), CHOSEN)
    state = engine.states[0]
    state["count"], state["times"][0] = 1, START + 6 * STEP
    request = state["asks"][0]
    request["side"], request["quantity"], request["parent"] = -1, 1.0, -1
    request["type"], request["price"] = LIMIT, 1e200

    engine.go(Params().record())
    result = engine.result(Params())

    assert len(result.orders) == 1
    assert len(result.fills) == 0
