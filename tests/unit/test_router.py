"""Routes: who gets how much, what is never done, and what the parts of a score are worth."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from instruments import usdt

from messages.orders import OrderSide
from trading.execution.quality import Arrival, Traded, quality
from trading.execution.router import Candidate, RouterConfig, Weights, route, score

BUY, SELL = OrderSide.BUY, OrderSide.SELL
D = Decimal


def candidate(name: str, *levels: tuple[str, str], fee: str = "0.001", **more: Any) -> Candidate:
    instrument = usdt(venue=name).model_copy(update={"taker_fee": D(fee)})
    return Candidate(instrument, tuple((D(p), D(q)) for p, q in levels), **more)


def given_to(found: Any) -> dict[str, str]:
    return {s.instrument_id.partition(".")[2]: f"{s.quantity.normalize():f}" for s in found.slices}


def test_the_better_venue_gets_its_half_first_and_the_next_one_the_rest() -> None:
    near = candidate("A", ("100", "50"))
    far = candidate("B", ("100.2", "50"))

    found = route(BUY, D(10), [far, near])

    assert given_to(found) == {"A": "5", "B": "5"}
    assert found.unplaced == 0
    assert [name.partition(".")[2] for name, _ in found.scores] == ["A", "B"]


def test_no_venue_gives_more_than_most_of_what_it_shows_and_the_rest_is_said() -> None:
    found = route(BUY, D(10), [candidate("A", ("100", "2")), candidate("B", ("101", "1"))])

    assert given_to(found) == {"A": "1.6", "B": "0.8"}
    assert found.unplaced == D("7.6")


def test_a_slice_is_limited_to_the_worst_level_that_it_needs() -> None:
    deep = candidate("A", ("100", "1"), ("100.5", "1"), ("103", "50"))

    found = route(BUY, D("1.5"), [deep])

    assert [(s.quantity, s.limit) for s in found.slices] == [(D("1.5"), D("100.5"))]


def test_levels_beyond_the_limit_are_not_there() -> None:
    book = [candidate("A", ("100", "1"), ("102", "9")), candidate("B", ("103", "9"))]

    found = route(BUY, D(4), book, limit=D(101))

    assert given_to(found) == {"A": "0.8"}
    assert route(SELL, D(4), book, limit=D(104)).slices == ()


def test_a_venue_that_is_ill_or_empty_is_not_asked() -> None:
    ill = candidate("A", ("99", "50"), healthy=False)
    empty = candidate("B")

    alone = route(BUY, D(10), [ill, empty, candidate("C", ("100", "50"))])

    assert given_to(alone) == {"C": "10"}
    assert route(BUY, D(10), [ill, empty]).unplaced == 10


@pytest.mark.parametrize(
    ("worse", "points"),
    [
        ({}, 0.0),
        ({"levels": (("101", "100"),)}, 0.35),  # a whole per cent away: nothing for the price
        ({"fee": "0.011"}, 0.20 * 0.9),
        ({"latency_ms": 110.0}, 0.15 * 0.9),
        ({"latency_ms": None}, 0.15 * 0.4),
        ({"levels": (("100", "5"),)}, 0.20 * 0.6),
        ({"reliability": 0.5}, 0.10 * 0.5),
    ],
)
def test_what_each_part_of_a_score_is_worth(worse: dict[str, Any], points: float) -> None:
    base: dict[str, Any] = {"fee": "0.001", "latency_ms": 10.0, "reliability": 1.0}
    same = base | {k: v for k, v in worse.items() if k != "levels"}
    best = candidate("A", ("100", "100"), **base)
    other = candidate("B", *worse.get("levels", (("100", "100"),)), **same)

    scores = [score(c, c.levels, D(100), D(10), RouterConfig()) for c in (best, other)]

    assert scores[0] - scores[1] == pytest.approx(points)


def test_weights_add_up_and_nothing_is_no_order() -> None:
    with pytest.raises(ValueError, match="add up"):
        Weights(price=0.5)
    with pytest.raises(ValueError, match="nothing to route"):
        route(BUY, D(0), [])


levels = st.lists(
    st.tuples(st.integers(90, 110), st.integers(1, 500)), max_size=4, unique_by=lambda row: row[0]
)


@given(
    books=st.lists(levels, min_size=1, max_size=5),
    quantity=st.integers(1, 5000),
    side=st.sampled_from([BUY, SELL]),
    limit=st.none() | st.integers(95, 105),
)
def test_no_route_exceeds_the_order_the_shown_or_the_share(
    books: list[list[tuple[int, int]]], quantity: int, side: OrderSide, limit: int | None
) -> None:
    wanted = D(quantity) / 100
    found = [
        candidate(
            f"V{n}",
            *((str(p), str(D(q) / 100)) for p, q in sorted(rows, reverse=side is SELL)),
        )
        for n, rows in enumerate(books)
    ]

    routed = route(side, wanted, found, None if limit is None else D(limit))

    assert sum((s.quantity for s in routed.slices), D(0)) + routed.unplaced == wanted
    shown = {c.instrument.instrument_id: c for c in found}
    for part in routed.slices:
        one = shown[part.instrument_id]
        inside = [q for p, q in one.levels if limit is None or side.sign * (p - limit) <= 0]
        assert part.quantity <= sum(inside) * D("0.8")
        assert part.quantity % one.instrument.size_increment == 0
        assert len(routed.scores) == 1 or part.quantity <= wanted / 2
        assert limit is None or side.sign * (part.limit - limit) <= 0


def test_quality_measures_costs_against_the_arrival() -> None:
    arrival, traded = Arrival(0, D(100), D(102)), Traded()
    for ts, price in ((5, D(101)), (9, D(103))):
        traded = traded.plus(price, D(1), D("0.1"), price < arrival.ask, ts)

    bought = quality(BUY, D(4), arrival, traded, D(103))
    nothing = quality(SELL, D(4), arrival, Traded(), D(103))

    assert (bought.slippage_bps, bought.improved, bought.fill_rate) == (D(0), D("0.5"), D("0.5"))
    # 2 paid above the mid of 101 for 2, 0.2 of fees, and 2 missed that rose by 2 each.
    assert bought.shortfall_bps == D("6.2") / D(404) * 10_000
    assert bought.duration_ns == 9
    assert (nothing.fill_rate, nothing.slippage_bps, nothing.duration_ns) == (D(0), D(0), 0)
    assert nothing.shortfall_bps == D(-8) / D(404) * 10_000
    with pytest.raises(ValueError, match="no order"):
        quality(BUY, D(0), arrival, Traded(), D(103))
