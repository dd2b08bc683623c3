"""The grid: where its lines are, what a fill places, when it ends, how it moves."""

from decimal import Decimal

import pytest

from messages.orders import OrderSide, OrderSpec, OrderType
from strategies import load
from strategies.grid import DONE, Params, line
from trading.strategy_bench import Bench

GRID = load("grid")
BOUNDS = {"lower": 50_000.0, "upper": 54_000.0, "levels": 5}


def started(*closes: float, **params: float | bool) -> Bench:
    bench = Bench(GRID, BOUNDS | params)
    bench.bars(*(closes or (52_500.0,)))
    return bench


def resting(bench: Bench) -> list[tuple[str, Decimal | None]]:
    return sorted((str(o.side), o.price) for o in bench.open_orders or bench.orders)


def accepted(bench: Bench) -> Bench:
    for order in bench.orders:
        bench.accept(order)
    return bench


def at(bench: Bench, side: OrderSide, price: int) -> OrderSpec:
    """The newest order there."""
    return next(o for o in reversed(bench.orders) if (o.side, o.price) == (side, Decimal(price)))


@pytest.mark.parametrize(
    ("geometric", "wanted"),
    [(False, [100, 125, 150, 175, 200]), (True, [100, 118.92, 141.42, 168.18, 200])],
)
def test_lines_go_from_bound_to_bound(geometric: bool, wanted: list[float]) -> None:
    values = {"lower": 100, "upper": 200, "levels": 5, "geometric": geometric}
    params = Params.model_validate(values).record()[0]

    assert [line(params, 0, k) for k in range(5)] == pytest.approx(wanted, rel=1e-4)


def test_a_grid_buys_at_every_line_below_the_price_for_its_share() -> None:
    bench = started()

    assert resting(bench) == [("BUY", Decimal(p)) for p in (50_000, 51_000, 52_000)]
    assert [o.quantity for o in bench.orders] == [
        Decimal("0.00800"), Decimal("0.00784"), Decimal("0.00769")
    ]  # fmt: skip
    assert all(o.order_type is OrderType.LIMIT for o in bench.orders)


def test_a_fill_places_the_opposite_order_one_line_further_on() -> None:
    bench = accepted(started())

    bench.fill(at(bench, OrderSide.BUY, 52_000), 52_000)
    sell = bench.orders[-1]
    bench.accept(sell)
    bench.fill(sell, 53_000)

    assert (sell.side, sell.price, sell.quantity) == (
        OrderSide.SELL,
        Decimal(53_000),
        Decimal("0.00769"),
    )
    assert (bench.orders[-1].side, bench.orders[-1].price) == (OrderSide.BUY, Decimal(52_000))


def test_a_part_of_a_fill_is_sold_when_the_rest_is_gone() -> None:
    bench = accepted(started())
    buy = at(bench, OrderSide.BUY, 52_000)

    bench.fill(buy, 52_000, Decimal("0.003"))
    assert bench.orders[-1].side is OrderSide.BUY
    bench.canceled(buy)
    bench.bars(52_400)

    assert (bench.orders[-1].side, bench.orders[-1].quantity) == (OrderSide.SELL, Decimal("0.003"))


def test_a_bar_gives_a_cell_the_order_that_it_lost_and_no_second_one() -> None:
    bench = accepted(started())
    count = len(bench.orders)

    bench.bars(52_500)
    assert len(bench.orders) == count

    bench.canceled(at(bench, OrderSide.BUY, 51_000))
    bench.bars(52_500)
    assert [(o.side, o.price) for o in bench.orders[count:]] == [(OrderSide.BUY, Decimal(51_000))]


def test_with_shorts_it_sells_above_the_price_too() -> None:
    bench = started(shorts=True)

    assert ("SELL", Decimal(54_000)) in resting(bench)
    assert ("SELL", Decimal(53_000)) not in resting(bench)  # that cell buys at 52,000


def test_at_its_stop_it_cancels_then_sells_all_then_rests_for_ever() -> None:
    bench = accepted(started(stop_loss=0.02))
    for price in (52_000, 51_000):
        bench.fill(at(bench, OrderSide.BUY, price), price)
        bench.accept(bench.orders[-1])

    bench.bars(49_900)
    for order in bench.open_orders:
        bench.canceled(order)
    bench.bars(49_900)
    close = bench.orders[-1]
    bench.fill(close, 49_900)
    count = len(bench.orders)
    bench.bars(52_500, 52_500)

    assert (close.order_type, close.side, close.quantity) == (
        OrderType.MARKET, OrderSide.SELL, Decimal("0.01553")
    )  # fmt: skip
    assert bench.position == 0
    assert bench.state.memory["phase"][0] == DONE
    assert len(bench.orders) == count


def test_an_empty_grid_follows_a_price_that_left_it() -> None:
    bench = accepted(started(trailing=True))

    bench.bars(56_500)
    for order in bench.open_orders:
        bench.canceled(order)
    bench.bars(56_500)

    assert bench.state.memory["shift"][0] == 2
    assert resting(bench)[-1] == ("BUY", Decimal(55_000))


def test_a_grid_that_holds_something_stays_where_it_is() -> None:
    bench = accepted(started(trailing=True))
    bench.fill(at(bench, OrderSide.BUY, 52_000), 52_000)

    bench.bars(56_500)

    assert bench.state.memory["shift"][0] == 0


def test_a_restart_forgets_no_cell() -> None:
    bench = accepted(started())
    bench.fill(at(bench, OrderSide.BUY, 52_000), 52_000)
    before = bench.state.memory.copy()

    bench.restart()
    bench.bars(52_500)

    assert before["cells"].tolist() == bench.state.memory["cells"].tolist()
    assert sum(o.side is OrderSide.SELL for o in bench.orders) == 1


@pytest.mark.parametrize("params", [{}, {"lower": 5.0, "upper": 4.0}, {"lower": 1.0}])
def test_a_grid_without_sound_bounds_never_starts(params: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"lower|upper"):
        Bench(GRID, params)


def test_only_what_needs_no_new_lines_may_change_while_it_runs() -> None:
    assert Params.reloadable() == {"take_profit", "stop_loss", "trailing", "rebalance"}
