"""Look-ahead and warm-up: what sees the future is caught, what does not is not."""

from collections.abc import Callable

import numpy as np
import pytest

from messages.arrays import BAR, Rows
from research.validation_causal import look_ahead, scrambled, warm_up
from trading.result import ORDER_ROW

MINUTE_NS = 60_000_000_000
RNG = np.random.default_rng


def market(count: int = 2000, seed: int = 1) -> Rows:
    rng = RNG(seed)
    bars = np.zeros(count, BAR)
    bars["ts_open"] = np.arange(count) * MINUTE_NS
    bars["ts_event"] = bars["ts_init"] = bars["ts_open"] + MINUTE_NS
    bars["close"] = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-3, count)))
    bars["open"] = np.r_[100.0, bars["close"][:-1]]
    bars["high"] = np.maximum(bars["open"], bars["close"]) * 1.001
    bars["low"] = np.minimum(bars["open"], bars["close"]) * 0.999
    bars["volume"] = rng.exponential(10.0, count)
    return bars


def orders(ts: np.ndarray, sides: np.ndarray) -> Rows:
    rows = np.zeros(len(ts), ORDER_ROW)
    rows["ts"], rows["side"], rows["quantity"] = ts, sides, 1.0
    return rows


def changes(bars: Rows, wanted: np.ndarray) -> Rows:
    """An order whenever the wanted side changes."""
    at = np.flatnonzero(np.diff(wanted, prepend=0) != 0)
    return orders(bars["ts_event"][at], wanted[at])


def momentum(bars: Rows, lag: int = 20) -> Rows:
    """Honest: compares a close with one before it."""
    close = bars["close"]
    wanted = np.zeros(len(bars), int)
    wanted[lag:] = np.sign(close[lag:] - close[:-lag]).astype(int)
    return changes(bars, wanted)


def prophet(bars: Rows) -> Rows:
    """Knows the next close."""
    close = bars["close"]
    return changes(bars, np.sign(np.append(close[1:], close[-1]) - close).astype(int))


def centred(bars: Rows) -> Rows:
    """A centred average: sees ten bars ahead."""
    smooth = np.convolve(bars["close"], np.ones(21) / 21, "same")
    return changes(bars, np.sign(bars["close"] - smooth).astype(int))


def normalised(bars: Rows) -> Rows:
    """Compares with the mean of all data: a subtle look ahead."""
    return changes(bars, np.sign(bars["close"] - bars["close"].mean()).astype(int))


def counting(bars: Rows) -> Rows:
    """Trades each hundredth bar since its own start: never warm."""
    at = np.arange(0, len(bars), 101)
    return orders(bars["ts_event"][at], np.ones(len(at), int))


def nothing(bars: Rows) -> Rows:
    return orders(bars["ts_event"][:0], np.zeros(0, int))


@pytest.mark.parametrize("decide", [momentum, counting, nothing])
def test_a_strategy_that_sees_only_the_past_passes(decide: Callable[[Rows], Rows]) -> None:
    found = look_ahead(decide, market(), RNG(1))

    assert found["ok"]
    assert all(c["first_difference_ts"] is None for c in found["cuts"])


@pytest.mark.parametrize("decide", [prophet, centred, normalised])
def test_a_strategy_that_sees_the_future_is_caught(decide: Callable[[Rows], Rows]) -> None:
    found = look_ahead(decide, market(), RNG(1))

    assert not found["ok"]
    caught = [c for c in found["cuts"] if c["first_difference_ts"] is not None]
    assert all(c["first_difference_ts"] <= c["ts"] for c in caught)


def test_a_warm_strategy_decides_as_if_it_had_always_run() -> None:
    found = warm_up(momentum, market())

    assert found["ok"]
    assert found["bars_needed"] <= 21
    assert found["share_equal"] > 0.9


def test_a_strategy_that_depends_on_its_first_bar_never_warms_up() -> None:
    found = warm_up(counting, market())

    assert not found["ok"]


def test_a_strategy_that_never_decides_needs_no_warm_up() -> None:
    assert warm_up(nothing, market())["bars_needed"] == 0


def test_scrambled_bars_keep_the_past_the_times_and_the_shape_of_bars() -> None:
    bars = market()
    bars.flags.writeable = False

    found = scrambled(bars, 700, RNG(2))

    assert found[:700].tobytes() == bars[:700].tobytes()
    assert (found["ts_event"] == bars["ts_event"]).all()
    assert (found["low"] <= np.minimum(found["open"], found["close"])).all()
    assert (found["high"] >= np.maximum(found["open"], found["close"])).all()
    assert (found["low"] > 0).all()
    assert not np.array_equal(found["close"][700:], bars["close"][700:])
    assert bars.tobytes() == market().tobytes()
