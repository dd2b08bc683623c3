from decimal import Decimal

import numpy as np
import pytest

from messages.orders import OrderSide, OrderSpec
from strategies import load
from strategies.market_making import Params, inventory_skew, quoted_spread, side_notional, sigma
from trading.strategy import BUY, SELL
from trading.strategy_bench import Bench, Cancel

MAKER = load("market_making")
BIDS, ASKS = [(59_999.99, 1.0), (59_990.0, 2.0)], [(60_000.01, 1.0), (60_010.0, 2.0)]


def quotes(bench: Bench) -> dict[str, OrderSpec]:
    return {str(o.side): o for o in bench.orders[-2:]}


def test_skew_leans_half_against_a_full_inventory() -> None:
    assert [inventory_skew(x, 10.0) for x in (0.0, 5.0, 10.0, -10.0, 99.0)] == [
        0.0, -0.25, -0.5, 0.5, -0.5,
    ]  # fmt: skip


def test_spread_is_base_plus_two_sigma_plus_skew_clamped() -> None:
    params = Params(base_spread=0.001, spread_min=0.0005, spread_max=0.01).record()[0]

    assert quoted_spread(params, 0.0, 0.0) == pytest.approx(0.001)
    assert quoted_spread(params, 0.0004, -0.5) == pytest.approx(0.001 + 0.0008 + 0.0005)
    assert quoted_spread(params, 1.0, 0.0) == 0.01


def test_the_adding_side_shrinks_linearly_to_nothing() -> None:
    params = Params(notional=500.0, inventory_max=5000.0).record()[0]

    assert [side_notional(params, BUY, x) for x in (0.0, 2500.0, 5000.0, 9000.0)] == [
        500.0, 250.0, 0.0, 0.0,
    ]  # fmt: skip
    assert side_notional(params, SELL, 5000.0) == 500.0


def test_sigma_is_the_deviation_of_the_returns_there_are() -> None:
    returns = MAKER.state["returns"]
    values = [0.01, -0.01, 0.03, 0.0]
    ring = np.zeros(returns.shape)
    ring[:4] = values

    assert sigma(ring, 1) == 0.0
    assert sigma(ring, 4) == pytest.approx(float(np.std(values)))


def test_two_post_only_quotes_around_mid() -> None:
    bench = Bench(MAKER, {"base_spread": 0.0002, "spread_min": 0.0001})

    bench.book(BIDS, ASKS)

    two = quotes(bench)
    assert two["BUY"].price == Decimal("59994.00")
    assert two["SELL"].price == Decimal("60006.00")
    assert all(o.post_only for o in two.values())
    assert two["BUY"].quantity == Decimal("0.00833")


def test_a_long_inventory_shifts_both_quotes_down_and_buys_less() -> None:
    bench = Bench(MAKER, {"base_spread": 0.001, "inventory_max": 1200.0, "spread_min": 0.0001})
    bench.book(BIDS, ASKS)
    bench.fill(quotes(bench)["BUY"], 60_000)
    held = float(bench.position) * 60_000

    bench.book(BIDS, ASKS)

    skew = -0.5 * held / 1200.0
    spread = 0.001 + abs(skew) * 0.001
    two = quotes(bench)
    assert float(two["BUY"].price or 0) == pytest.approx(
        60_000 * (1 + skew * 0.001 - spread / 2), abs=0.011
    )
    assert float(two["SELL"].price or 0) == pytest.approx(
        60_000 * (1 + skew * 0.001 + spread / 2), abs=0.011
    )
    assert float(two["BUY"].quantity) == pytest.approx(500 / 60_000 * (1 - held / 1200), abs=1.1e-5)


def test_quotes_never_cross_the_touch() -> None:
    bench = Bench(MAKER, {"base_spread": 0.00005, "spread_min": 0.00001})

    bench.book([(59_000.0, 1.0)], [(59_000.01, 1.0)])

    two = quotes(bench)
    assert two["BUY"].price is not None
    assert two["SELL"].price is not None
    assert two["BUY"].price < Decimal("59000.01")
    assert two["SELL"].price > Decimal("59000.00")


def test_quotes_that_are_still_right_stay() -> None:
    bench = Bench(MAKER)
    bench.book(BIDS, ASKS)
    for order in list(bench.orders):
        bench.accept(order)

    bench.book(BIDS, ASKS)

    assert len(bench.decisions) == 2


def test_a_move_of_half_a_spread_renews_the_quotes_before_time() -> None:
    bench = Bench(MAKER, {"refresh_s": 3600.0, "base_spread": 0.0002})
    bench.book(BIDS, ASKS)
    first = list(bench.orders)
    for order in first:
        bench.accept(order)

    bench.book([(60_004.99, 1.0)], [(60_005.01, 1.0)])
    still = len(bench.decisions)
    bench.book([(60_009.99, 1.0)], [(60_010.01, 1.0)])

    assert still == 2
    assert {c.client_order_id for c in bench.decisions if isinstance(c, Cancel)} == {
        o.client_order_id for o in first
    }
    assert len(bench.orders) == 4


def test_at_the_limit_nothing_adds() -> None:
    bench = Bench(MAKER, {"inventory_max": 400.0})
    bench.book(BIDS, ASKS)
    bench.fill(quotes(bench)["BUY"], 60_000)
    bench.canceled(quotes(bench)["SELL"])
    before = len(bench.orders)

    bench.book(BIDS, ASKS)

    assert [o.side for o in bench.orders[before:]] == [OrderSide.SELL]
