"""No false alarm while messages interleave; every loss found, and healed by evidence."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from reconciler_world import INSTRUMENTS, World, lived

from messages import health
from messages.base import NS_PER_S
from messages.health import DiscrepancyKind as K
from messages.market import Product
from messages.risk import SetTradingState


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_messages_that_interleave_within_the_grace_are_no_discrepancy(seed: int) -> None:
    world = lived(seed, loss=0.0)

    assert world.of(health.Discrepancy) == []
    assert world.of(SetTradingState) == []
    assert world.of(health.ReconcileCompleted)[-1].open == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_every_loss_is_found_and_ends_resolved(seed: int) -> None:
    world = lived(seed, loss=0.3)

    found = world.of(health.Discrepancy)
    missed = {d.subject.rpartition(":")[2] for d in found if d.discrepancy is K.MISSED_FILL}
    assert missed == {name for name in world.lost if name.isdecimal()}
    assert not [d for d in found if d.discrepancy in (K.POSITION_MISMATCH, K.BALANCE_MISMATCH)]
    assert len(world.of(health.DiscrepancyResolved)) == len(found)
    assert world.of(health.ReconcileCompleted)[-1].open == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["BTC", "USDT"]), st.integers(1, 9))
def test_a_deposit_is_reported_once_and_then_taken_as_given(
    seed: int, currency: str, amount: int
) -> None:
    world = World(seed, loss=0.0)
    for n in range(8):
        world.at(world.ms(0, 20_000), lambda n=n: world.place(n))
    world.run(30 * NS_PER_S)
    world.balances[currency] += Decimal(amount) * 1000

    world.run(100 * NS_PER_S)

    kind = K.BALANCE_MISMATCH if currency == "USDT" else K.POSITION_MISMATCH
    assert [d.discrepancy for d in world.of(health.Discrepancy)] == [kind]
    assert [d.discrepancy for d in world.of(health.DiscrepancyResolved)] == [kind]
    assert world.of(SetTradingState) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.3]))
def test_contracts_that_are_traded_and_closed_are_never_taken_for_a_mismatch(
    seed: int, loss: float
) -> None:
    world = lived(seed, loss, product=Product.LINEAR)

    found = {d.discrepancy for d in world.of(health.Discrepancy)}
    assert not found & {K.POSITION_MISMATCH, K.BALANCE_MISMATCH}
    # Where answers are lost too, a missed fill may outlast its strikes; that is another difference.
    assert loss or world.of(SetTradingState) == []
    assert not [s for s in world.of(SetTradingState) if "position:" in s.reason]
    assert all(world.state.ledger.offsets[i] == {Decimal(0)} for i in INSTRUMENTS)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_position_that_nobody_of_ours_changed_is_always_found(seed: int) -> None:
    world = World(seed, 0.0, Product.LINEAR)
    for n in range(8):
        world.at(world.ms(0, 20_000), lambda n=n: world.place(n))
    world.run(30 * NS_PER_S)
    world.balances["BTC"] += 7

    world.run(100 * NS_PER_S)

    assert [d.discrepancy for d in world.of(health.Discrepancy)] == [K.POSITION_MISMATCH]
    assert [str(s.state) for s in world.of(SetTradingState)] == ["REDUCING"]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_a_long_list_of_fills_over_a_failing_line_is_completed(seed: int) -> None:
    world = lived(seed, loss=0.2, count=80)

    found = world.of(health.Discrepancy)
    missed = {d.subject.rpartition(":")[2] for d in found if d.discrepancy is K.MISSED_FILL}
    assert missed == {name for name in world.lost if name.isdecimal()}
    assert not world.state.cases
