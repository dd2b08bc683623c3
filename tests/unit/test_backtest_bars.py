"""A bar given to a Python strategy has every number of its row, whatever was guessed to be read."""

import copy
from typing import Any

import pytest
from candles import candles

from trading.backtest_bars import NAMES, Bar, objects, read_by
from trading.strategy_python import Strategy

ROWS = candles(5_000, seed=8)  # more than one block
PLAIN = ROWS.tolist()


@pytest.mark.parametrize("names", [(), ("close",), ("ts_event", "high", "close"), NAMES], ids=str)
def test_every_number_is_there_whatever_was_read_ahead(names: tuple[str, ...]) -> None:
    made = list(objects(ROWS, names))

    assert len(made) == len(ROWS)
    assert [tuple(bar) for bar in made] == PLAIN
    assert [bar.close for bar in made] == ROWS["close"].tolist()
    assert {type(bar.volume) for bar in made} == {float}
    assert {type(bar.trades) for bar in made} == {int}
    assert all(isinstance(bar, Bar) for bar in made)


def test_a_bar_is_read_like_a_row_and_compared_like_a_tuple() -> None:
    first, second = list(objects(ROWS[:2], ("open",)))

    assert first["close"] == first[6] == first.close == PLAIN[0][6]
    assert first[-1] == 0
    assert len(first) == len(NAMES)
    assert first == PLAIN[0] == copy.deepcopy(first)
    assert first != second
    assert {first, copy.copy(first)} == {first}
    assert f"close={first.close}" in repr(first)
    with pytest.raises(AttributeError):
        _ = first.clsoe


def _middle(bar: Any) -> float:
    found: float = (bar.high + bar.low) / 2
    return found


class Reads(Strategy):
    """Reads numbers in a helper, in a nested function, and by a name in quotes."""

    def on_bar(self, ctx: Any, bar: Any) -> None:
        _ = [_middle(bar), *(bar.open for _ in range(2)), getattr(bar, "trades")]  # noqa: B009


def test_columns_that_a_class_names_anywhere_are_read_ahead() -> None:
    assert read_by(Reads) == ("open", "high", "low", "trades")
    assert read_by(Strategy) == ()
