from decimal import Decimal

import numpy as np
import pytest

from messages.orders import OrderSide
from strategies import load
from trading.strategy_bench import Bench

TREND = load("trend_following")


def reference(closes: list[float], fast: int, slow: int, warmup: int) -> list[tuple[int, str]]:
    """(bar, side) of every decision, if each fills at once: the EMA cross in plain Python."""
    decided: list[tuple[int, str]] = []
    quick = late = closes[0]
    long = False
    for n, close in enumerate(closes):
        quick += (close - quick) * 2.0 / (fast + 1.0)
        late += (close - late) * 2.0 / (slow + 1.0)
        if n + 1 < warmup:
            continue
        if quick > late and not long:
            decided.append((n, "BUY"))
            long = True
        elif quick < late and long:
            decided.append((n, "SELL"))
            long = False
    return decided


@pytest.mark.parametrize(("fast", "slow", "warmup"), [(3, 8, 2), (10, 20, 5), (5, 30, 30)])
def test_decisions_equal_the_ema_cross_in_plain_python(fast: int, slow: int, warmup: int) -> None:
    rng = np.random.default_rng(fast)
    closes = [float(x) for x in 60_000 * np.exp(np.cumsum(rng.normal(0, 1e-3, 400)))]
    bench = Bench(TREND, {"fast": fast, "slow": slow, "warmup": warmup, "atr_stop": 0.0})

    decided = []
    for n, close in enumerate(closes):
        before = len(bench.orders)
        bench.bars(close)
        for order in bench.orders[before:]:
            decided.append((n, str(order.side)))
            bench.fill(order, close)

    assert len(decided) > 8
    assert decided == reference(closes, fast, slow, warmup)


def test_an_entry_is_worth_its_notional_in_whole_lots() -> None:
    bench = Bench(TREND, {"warmup": 1, "notional": 1000.0})

    bench.bars(60_000, 60_100)

    assert [o.quantity for o in bench.orders] == [Decimal("0.01663")]


def test_an_exit_sells_exactly_what_is_held() -> None:
    bench = Bench(TREND, {"fast": 1, "slow": 2, "warmup": 1, "atr_stop": 0.0})
    bench.bars(60_000, 60_100)
    bench.fill(bench.orders[0], 60_100, Decimal("0.012"))
    bench.canceled(bench.orders[0])

    bench.bars(59_000)

    assert (bench.orders[1].side, bench.orders[1].quantity) == (OrderSide.SELL, Decimal("0.012"))


def test_no_second_order_while_one_is_under_way() -> None:
    bench = Bench(TREND, {"warmup": 1})

    bench.bars(60_000, 60_100, 60_200, 60_300)

    assert len(bench.orders) == 1


def test_a_refused_entry_is_asked_for_again_at_the_next_bar() -> None:
    bench = Bench(TREND, {"warmup": 1})
    bench.bars(60_000, 60_100)

    bench.refuse(bench.orders[0])
    bench.bars(60_200)

    assert [o.side for o in bench.orders] == [OrderSide.BUY, OrderSide.BUY]
    assert bench.orders[0].client_order_id != bench.orders[1].client_order_id


def test_a_stop_leaves_the_market_until_the_trend_has_turned() -> None:
    bench = Bench(TREND, {"warmup": 1, "stop_loss": 0.01, "atr_stop": 0.0})
    bench.bars(*np.linspace(60_000, 61_000, 20))
    bench.fill(bench.orders[0], 61_000)

    bench.bars(60_300)
    bench.fill(bench.orders[1], 60_300)
    bench.bars(60_900, 61_000)

    assert [o.side for o in bench.orders] == [OrderSide.BUY, OrderSide.SELL]


def test_a_take_profit_sells_above_the_entry() -> None:
    bench = Bench(TREND, {"warmup": 1, "take_profit": 0.01, "atr_stop": 0.0})
    bench.bars(60_000, 60_010)
    bench.fill(bench.orders[0], 60_010)

    bench.bars(60_600, 60_620)

    assert [o.side for o in bench.orders] == [OrderSide.BUY, OrderSide.SELL]


def test_shorts_are_off_unless_asked_for() -> None:
    for shorts, sides in ((False, []), (True, [OrderSide.SELL])):
        bench = Bench(TREND, {"warmup": 1, "shorts": shorts})

        bench.bars(60_000, 59_900)

        assert [o.side for o in bench.orders] == sides


def test_a_parameter_outside_its_range_is_named() -> None:
    with pytest.raises(ValueError, match="fast"):
        Bench(TREND, {"fast": 0})
    with pytest.raises(ValueError, match="quick"):
        Bench(TREND, {"quick": 3})
