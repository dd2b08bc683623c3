"""No fold of fills creates or destroys money."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from messages.base import ClientOrderId
from trading.positions import Holding, Lot, LotHolding, trade, trade_lots

D = Decimal
QUANTITIES = st.integers(-(10**11), 10**11).filter(bool).map(lambda n: D(n).scaleb(-8))
PRICES = st.integers(1, 10**13).map(lambda n: D(n).scaleb(-8))
TRADES = st.lists(st.tuples(QUANTITIES, PRICES), max_size=30)


def cash_flow(trades: list[tuple[D, D]]) -> Fraction:
    return sum((-Fraction(q) * Fraction(p) for q, p in trades), Fraction(0))


def worth(holding: Holding | LotHolding, mark: D) -> Fraction:
    return Fraction(holding.realized_pnl) + Fraction(holding.unrealized_pnl(mark))


def folded(trades: list[tuple[D, D]]) -> Holding:
    holding = Holding()
    for quantity, price in trades:
        holding = trade(holding, quantity, price)
    return holding


def folded_lots(trades: list[tuple[D, D]]) -> LotHolding:
    holding = LotHolding()
    for n, (quantity, price) in enumerate(trades):
        holding = trade_lots(holding, Lot(quantity, price, n, ClientOrderId("O")))
    return holding


@given(TRADES, PRICES, st.randoms(use_true_random=False))
def test_pnl_is_cash_flow_plus_holding_at_the_mark_whatever_the_order(
    trades: list[tuple[D, D]], mark: D, chance: object
) -> None:
    chance.shuffle(trades)  # type: ignore[attr-defined]
    quantity = sum((Fraction(q) for q, _ in trades), Fraction(0))
    expected = cash_flow(trades) + quantity * Fraction(mark)

    assert worth(folded(trades), mark) == expected
    assert worth(folded_lots(trades), mark) == expected


@given(TRADES, PRICES)
def test_a_flat_position_has_realised_exactly_its_cash_flow(
    trades: list[tuple[D, D]], price: D
) -> None:
    open_quantity = folded(trades).quantity
    if open_quantity:
        trades = [*trades, (-open_quantity, price)]

    holding = folded(trades)

    assert not holding.quantity
    assert not holding.cost
    assert Fraction(holding.realized_pnl) == cash_flow(trades)
    assert Fraction(folded_lots(trades).realized_pnl) == cash_flow(trades)


@given(TRADES)
def test_weighted_average_equals_a_naive_recomputation(trades: list[tuple[D, D]]) -> None:
    quantity, average = Fraction(0), Fraction(0)
    for traded, price in ((Fraction(q), Fraction(p)) for q, p in trades):
        after = quantity + traded
        if quantity == 0 or (quantity > 0) == (traded > 0):
            average = (quantity * average + traded * price) / after
        elif after != 0 and (after > 0) != (quantity > 0):
            average = price
        quantity = after if after else Fraction(0)

    holding = folded(trades)

    assert Fraction(holding.quantity) == quantity
    if quantity:
        off = abs(Fraction(holding.cost) - average * quantity)
        assert off <= Fraction(len(trades), 10**15)
        assert (holding.cost > 0) == (holding.quantity > 0)


@given(st.integers(1, 10**9), st.integers(1, 10**9), PRICES, PRICES)
def test_a_flip_realises_the_closed_part_and_reopens_at_the_price(
    opened: int, beyond: int, entry: D, exit_: D
) -> None:
    long, past = D(opened).scaleb(-8), D(beyond).scaleb(-8)

    holding = folded([(long, entry), (-(long + past), exit_)])

    assert holding.quantity == -past
    assert Fraction(holding.cost) == -Fraction(past) * Fraction(exit_)
    gain = Fraction(long) * (Fraction(exit_) - Fraction(entry))
    assert Fraction(holding.realized_pnl) == gain
