"""Mean reversion and momentum against a few lines of plain Python, and their stops."""

from collections.abc import Callable

import numpy as np
import pytest

from messages.orders import OrderSide
from strategies import load
from trading.strategy_bench import Bench

REVERSION, MOMENTUM = load("mean_reversion"), load("momentum")


def walk(seed: int, count: int, step: float) -> list[float]:
    rng = np.random.default_rng(seed)
    return [float(x) for x in np.round(60_000 * np.exp(np.cumsum(rng.normal(0, step, count))), 2)]


def played(bench: Bench, closes: list[float]) -> list[tuple[int, str]]:
    """(bar, side) of every decision; each fills at the close it was decided on."""
    decided = []
    for n, close in enumerate(closes):
        before = len(bench.orders)
        bench.bars(close)
        for order in bench.orders[before:]:
            decided.append((n, str(order.side)))
            bench.fill(order, close)
    return decided


def followed(count: int, signal: Callable[[int, int], int]) -> list[tuple[int, str]]:
    """(bar, side) if `signal(bar, held side)` says which side to hold from then on."""
    decided, side = [], 0
    for n in range(count):
        wanted = signal(n, side)
        if wanted != side:
            # Out first: the next bar may enter the other side.
            decided.append((n, "BUY" if wanted > side else "SELL"))
            side = wanted if side == 0 else 0
    return decided


def z_of(closes: list[float], n: int, period: int) -> float:
    window = np.array(closes[n - period + 1 : n + 1])
    return float((window[-1] - window.mean()) / window.std()) if len(window) == period else 0.0


def rsi_of(closes: list[float], period: int) -> list[float]:
    """Wilder's RSI, percent; NaN before period + 1 closes."""
    moves = np.diff(closes)
    gain = loss = 0.0
    found = [float("nan")]
    for i, move in enumerate(moves):
        weight = 1 / (i + 1) if i < period else 1 / period
        gain += (max(move, 0.0) - gain) * weight
        loss += (max(-move, 0.0) - loss) * weight
        found.append(100 * gain / (gain + loss) if i + 1 >= period else float("nan"))
    return found


@pytest.mark.parametrize(("shorts", "entry", "exit_"), [(False, 2.0, 0.5), (True, 1.5, 0.0)])
def test_reversion_decides_as_its_definition_says(shorts: bool, entry: float, exit_: float) -> None:
    closes = walk(3, 500, 2e-3)
    bench = Bench(REVERSION, {"entry": entry, "exit": exit_, "shorts": shorts})

    def signal(n: int, side: int) -> int:
        z = z_of(closes, n, 20) if n >= 19 else 0.0
        if side != 0:
            return 0 if z * side > exit_ else side
        return 1 if z < -entry else -1 if z > entry and shorts else 0

    decided = played(bench, closes)

    assert len(decided) > 8
    assert decided == followed(len(closes), signal)


def test_momentum_decides_as_its_definition_says() -> None:
    closes = walk(5, 600, 4e-3)
    bench = Bench(MOMENTUM, {"stop_loss": 0.0, "take_profit": 0.0, "overbought": 75.0})
    rsi = rsi_of(closes, 14)

    def signal(n: int, side: int) -> int:
        if n < 14:
            return 0
        roc = closes[n] / closes[n - 14] - 1
        if side:
            return 0 if rsi[n] > 75 or roc < 0 else 1
        return 1 if roc > 0.02 and rsi[n] < 75 else 0

    decided = played(bench, closes)

    assert len(decided) > 8
    assert decided == followed(len(closes), signal)


def test_momentum_buys_more_the_faster_the_price_rose_and_at_most_twice() -> None:
    sizes = []
    for rise in (1.04, 1.3):
        bench = Bench(MOMENTUM, {"roc_period": 2, "rsi_period": 2, "overbought": 100.0})
        bench.bars(60_000, 59_000, 60_000 * rise)
        sizes.append(float(bench.orders[0].quantity) * 60_000 * rise)

    assert sizes == pytest.approx([1_400, 2_000], rel=1e-3)


@pytest.mark.parametrize(
    ("params", "then"),
    [({"stop_loss": 0.02}, 58_000.0), ({"take_profit": 0.001, "exit": 9.0}, 59_400.0)],
)
def test_reversion_leaves_at_its_stop_or_target_and_waits(
    params: dict[str, float], then: float
) -> None:
    bench = Bench(REVERSION, {"period": 10, **params})
    calm = [60_000 + (i % 2) for i in range(10)]
    bench.bars(*calm, 59_200)
    bench.fill(bench.orders[0], 59_200)

    bench.bars(then)

    assert [o.side for o in bench.orders] == [OrderSide.BUY, OrderSide.SELL]


def test_a_stopped_reversion_buys_again_only_after_the_price_has_been_back() -> None:
    bench = Bench(REVERSION, {"period": 10, "stop_loss": 0.01, "entry": 1.0})
    bench.bars(*[60_000 + (i % 2) for i in range(10)], 59_900)
    bench.fill(bench.orders[0], 59_900)
    bench.bars(58_000)
    bench.fill(bench.orders[1], 58_000)

    bench.bars(57_000, 56_000)
    assert len(bench.orders) == 2

    bench.bars(58_500, 59_500, 55_000)
    assert [o.side for o in bench.orders[2:]] == [OrderSide.BUY]


def test_a_quiet_market_is_no_signal() -> None:
    bench = Bench(REVERSION)

    bench.bars(*[60_000.1] * 60)

    assert bench.orders == []


@pytest.mark.parametrize("strategy", [REVERSION, MOMENTUM], ids=lambda s: s.name)
def test_only_thresholds_and_sizes_may_change_while_it_runs(strategy) -> None:  # type: ignore[no-untyped-def]
    named = strategy.params.reloadable()

    assert {"notional", "stop_loss", "take_profit"} <= named
    assert not {n for n in strategy.params.model_fields if "period" in n} & named
