import json
import warnings
from math import isfinite

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.equity import DAY_NS
from research.figures import FIGURES
from research.statistics import performance
from trading.result import TRADE_ROW

MONEY = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1000.0, 1e-300, 1e300, -1e300])
STEPS = st.lists(st.integers(0, 3 * DAY_NS), max_size=40)
PER_CENT = st.lists(st.floats(-0.5, 0.5), min_size=5, max_size=60)


@given(
    steps=STEPS,
    start=st.integers(-(10**18), 2 * 10**18),
    data=st.data(),
    pnl=st.lists(MONEY, max_size=10),
    base=st.none() | MONEY,
)
def test_every_figure_is_finite_or_none_with_a_reason(
    steps: list[int], start: int, data: st.DataObject, pnl: list[float], base: float | None
) -> None:
    ts = start + np.cumsum(np.array(steps, np.int64))
    equity = np.array(data.draw(st.lists(MONEY, min_size=len(ts), max_size=len(ts))), np.float64)
    trades = np.zeros(len(pnl), TRADE_ROW)
    trades["pnl"] = pnl

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = performance(
            ts, equity, trades, position=equity, base=None if base is None else (start, base)
        )

    assert list(found) == list(FIGURES)
    assert all(v is None or isfinite(v) for v in found.values())
    assert set(found.reasons) == {n for n, v in found.items() if v is None}
    json.dumps([dict(found), found.reasons], allow_nan=False)


@given(returns=PER_CENT, scale=st.floats(1e-3, 1e6))
def test_figures_do_not_depend_on_the_size_of_the_account(
    returns: list[float], scale: float
) -> None:
    equity = np.cumprod(1.0 + np.array(returns))
    ts = 20_000 * DAY_NS + np.arange(len(equity)) * DAY_NS

    first, second = performance(ts, equity), performance(ts, equity * scale)

    for name in ("volatility", "total_return", "max_drawdown", "cagr", "var_95"):
        if first[name] is not None or second[name] is not None:
            assert second[name] == pytest.approx(first[name], rel=1e-6, abs=1e-9)


@given(returns=PER_CENT)
def test_a_drawdown_is_what_comparing_all_pairs_finds(returns: list[float]) -> None:
    equity = np.cumprod(1.0 + np.array(returns))
    ts = 20_000 * DAY_NS + np.arange(len(equity)) * DAY_NS
    worst = max(
        (equity[i] - equity[j]) / equity[i]
        for i in range(len(equity))
        for j in range(i, len(equity))
    )

    assert performance(ts, equity)["max_drawdown"] == pytest.approx(worst)
