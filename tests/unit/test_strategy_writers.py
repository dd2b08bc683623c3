"""What compiled handlers call to ask for the orders that have more than a price."""

from collections.abc import Callable

import numpy as np
import pytest
from bar_stage import ask

from messages.arrays import Rows
from trading.kernels import strategy as write
from trading.strategy_records import (
    BUY,
    GTD,
    LIMIT,
    MARKET,
    ORDER,
    SELL,
    STOP_LIMIT,
    STOP_MARKET,
    SUBMIT,
    TAKE_PROFIT,
    TRAILING_STOP,
)

Writer = Callable[[Rows], int]
PROTECTED = {"kind": STOP_MARKET, "trigger": 95.0, "reduce_only": 1, "parent": 0, "group": 1}
WRITTEN: dict[str, tuple[Writer, list[Rows]]] = {
    "stop-limit": (
        lambda orders: write.submit_stop_limit(orders, 0, SELL, 2.0, 95.0, 94.0),
        [ask(0, SELL, 2.0, STOP_LIMIT, trigger=95.0, price=94.0)],
    ),
    "take-profit": (
        lambda orders: write.submit_take_profit(orders, 0, SELL, 2.0, 105.0),
        [ask(0, SELL, 2.0, TAKE_PROFIT, trigger=105.0, reduce_only=1)],
    ),
    "trailing stop": (
        lambda orders: write.submit_trailing_stop(orders, 0, SELL, 2.0, 1.5),
        [ask(0, SELL, 2.0, TRAILING_STOP, trail=1.5, reduce_only=1)],
    ),
    "bracket": (
        lambda orders: write.submit_bracket(orders, 0, BUY, 2.0, 0.0, 95.0, 105.0),
        [
            ask(0, BUY, 2.0, MARKET),
            ask(0, SELL, 2.0, **PROTECTED),
            ask(0, SELL, 2.0, LIMIT, price=105.0, reduce_only=1, parent=0, group=1),
        ],
    ),
    "one cancels the other, until a time": (
        lambda orders: write.one_cancels_other(
            orders,
            0,
            write.good_till(
                orders,
                write.submit_limit(
                    orders, write.submit_limit(orders, 0, BUY, 2.0, 99.0), BUY, 2.0, 98.0
                ),
                7,
            ),
        ),
        [
            ask(0, BUY, 2.0, LIMIT, price=99.0, group=1),
            ask(0, BUY, 2.0, LIMIT, price=98.0, group=1, tif=GTD, expires=7),
        ],
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_writer_asks_for_what_its_name_says(name: str) -> None:
    writer, lines = WRITTEN[name]
    expected = np.concatenate([line["asked"] for line in lines])
    expected["action"], expected["target"] = SUBMIT, -1
    orders = np.zeros(len(lines), ORDER)

    count = writer(orders)

    assert count == len(lines)
    assert orders.tolist() == expected.tolist()
