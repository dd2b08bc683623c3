"""Laws of every backtest, whatever is asked for: money adds up, nothing fills before it may."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from bar_stage import ask, bars, play
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.arrays import Rows
from trading.result import DONE_FILLED, DONE_REFUSED, EQUITY
from trading.strategy_records import ORDERS_MAX

CENT = Decimal("0.01")
LOT = Decimal("0.001")


@st.composite
def walks(draw: st.DrawFn) -> Rows:
    """A few bars of a random walk in cents."""
    count = draw(st.integers(2, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    prices = 10_000 + np.cumsum(rng.integers(-120, 121, (count, 4)).ravel())
    rows = prices.reshape(count, 4) / 100
    made = [(r[0], r.max(), r.min(), r[3], float(rng.integers(0, 50))) for r in rows]
    return bars(*made)


@st.composite
def requests(draw: st.DrawFn) -> Any:
    """Any request that has a meaning."""
    about = st.integers(9_500, 10_500).map(lambda cents: cents / 100)
    return ask(
        draw(st.integers(0, 20)),
        draw(st.sampled_from([1, -1])),
        draw(st.integers(1, 4000)) / 1000,
        draw(st.integers(0, 5)),
        price=draw(about),
        trigger=draw(about),
        trail=draw(st.integers(1, 300)) / 100,
        tif=draw(st.integers(0, 2)),
        post_only=draw(st.integers(0, 1)),
        reduce_only=draw(st.integers(0, 1)),
        group=draw(st.integers(0, 2)),
    )


def models() -> st.SearchStrategy[dict[str, Any]]:
    """Settings of every model."""
    return st.fixed_dictionaries(
        {
            "fill": st.sampled_from(["next_open", "close", "path"]),
            "slippage": st.sampled_from([0.0, 0.001]),
            "volume_share": st.sampled_from([0.0, 0.1]),
            "limit_fill": st.sampled_from(["touch", "through"]),
            "maker_fee": st.sampled_from([0.0, -0.0001, 0.001]),
            "taker_fee": st.sampled_from([0.0, 0.001]),
            "account": st.sampled_from(["cash", "margin"]),
        }
    ).map(lambda s: s | {"leverage": 3.0 if s["account"] == "margin" else 1.0})


SCRIPTS = st.lists(requests(), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(walks(), SCRIPTS, models())
def test_equity_is_cash_and_position_at_the_price(
    rows: Rows, script: list[Any], model: dict[str, Any]
) -> None:
    result = play(rows, *script, **model)
    equity = result.equity

    assert equity.dtype == EQUITY
    assert equity["equity"] == pytest.approx(equity["cash"] + equity["position"] * equity["price"])
    assert result.final_equity == equity["equity"][-1]


@settings(max_examples=150, deadline=None)
@given(walks(), SCRIPTS, models())
def test_cash_position_and_fees_are_the_sums_of_the_fills(
    rows: Rows, script: list[Any], model: dict[str, Any]
) -> None:
    result = play(rows, *script, **model)

    cash, position, fees = Decimal(10_000), Decimal(0), Decimal(0)
    for fill in result.fills:
        price = Decimal(fill["price"]).quantize(CENT)
        quantity = Decimal(fill["quantity"]).quantize(LOT)
        rate = Decimal(str(model["maker_fee"] if fill["maker"] else model["taker_fee"]))
        assert float(price) == fill["price"]
        assert float(quantity) == fill["quantity"]
        position += int(fill["side"]) * quantity
        cash -= int(fill["side"]) * quantity * price + quantity * price * rate
        fees += quantity * price * rate
        assert fill["position"] == float(position)
    assert result.equity["cash"][-1] == pytest.approx(float(cash))
    assert result.metrics["fees"][0] == pytest.approx(float(fees))


@settings(max_examples=150, deadline=None)
@given(walks(), SCRIPTS, models())
def test_no_fill_before_its_decision_beyond_its_limit_or_outside_the_bar(
    rows: Rows, script: list[Any], model: dict[str, Any]
) -> None:
    result = play(rows, *script, **model)

    for fill in result.fills:
        order = result.orders[fill["order"]] if fill["order"] >= 0 else None
        if order is None:
            continue
        assert fill["ts"] >= order["ts"]
        if order["type"] in (1, 3):
            assert (order["price"] - fill["price"]) * order["side"] >= -1e-9
        bar = rows[np.searchsorted(rows["ts_event"], fill["ts"], side="left")]
        later = rows[np.searchsorted(rows["ts_open"], fill["ts"], side="right") - 1]
        low = min(bar["low"], later["low"]) * (1 - model["slippage"]) - 0.01
        high = max(bar["high"], later["high"]) * (1 + model["slippage"]) + 0.01
        if not fill["maker"]:
            assert low <= fill["price"] <= high


@settings(max_examples=150, deadline=None)
@given(walks(), SCRIPTS, models())
def test_an_order_never_fills_more_than_it_asked_for(
    rows: Rows, script: list[Any], model: dict[str, Any]
) -> None:
    result = play(rows, *script, **model)

    filled = np.zeros(len(result.orders))
    mine = result.fills[result.fills["order"] >= 0]
    np.add.at(filled, mine["order"], mine["quantity"])
    assert filled == pytest.approx(result.orders["filled"])
    assert (filled <= result.orders["quantity"] + 1e-9).all()
    whole = result.orders[result.orders["status"] == DONE_FILLED]
    assert whole["filled"] == pytest.approx(np.minimum(whole["filled"], whole["quantity"]))
    assert (result.orders["filled"][result.orders["status"] == DONE_REFUSED] >= 0).all()
    assert len(result.orders) <= ORDERS_MAX


@settings(max_examples=100, deadline=None)
@given(walks(), SCRIPTS)
def test_a_cash_account_is_never_short_of_cash_or_coins(rows: Rows, script: list[Any]) -> None:
    result = play(rows, *script, taker_fee=0.001, maker_fee=0.001)

    assert (result.equity["cash"] >= -1e-9).all()
    assert (result.fills["position"] >= 0).all()


@settings(max_examples=100, deadline=None)
@given(walks(), SCRIPTS, st.integers(1, 20), models())
def test_the_future_does_not_change_the_past(
    rows: Rows, script: list[Any], cut: int, model: dict[str, Any]
) -> None:
    cut = min(cut, len(rows) - 1)
    other = rows.copy()
    for name in ("open", "high", "low", "close"):
        other[name][cut:] = other[name][cut:] + 3.0

    before, after = play(rows, *script, **model), play(other, *script, **model)

    until = rows["ts_event"][cut - 1]
    kept = [r.fills[(r.fills["ts"] <= until) & _settled(r, cut)] for r in (before, after)]
    assert kept[0].tolist() == kept[1].tolist()
    assert before.equity[:cut].tolist() == after.equity[:cut].tolist()


def _settled(result: Any, cut: int) -> Any:
    return result._engine.after["step"][: len(result.fills)] < cut
