"""An actor without its process: journaling, gating, recovery."""

from dataclasses import dataclass, replace

import pytest
from story import CONFIG, spec

from messages import Message, accounts, control
from messages import orders as m
from messages.risk import RiskLimits, TradingState
from trading.core import Step
from trading.errors import RecoveryMismatch
from trading.links import Ack, Frame, Links
from trading.machine import ACKS, Machine
from trading.order_manager import OrderManagerCore
from trading.risk import RiskConfig, RiskCore
from trading.wiring import Directory, NoRoute, Role

DIRECTORY = Directory({"S": frozenset(CONFIG.instruments)})


def orders_machine(incarnation: int = 1) -> Machine[object]:
    return Machine("orders", OrderManagerCore(CONFIG), DIRECTORY, incarnation)


def from_risk(message: Message, seq: int, incarnation: int = 1) -> Frame:
    return Frame("risk", "orders", incarnation, incarnation, seq, 1, message)


def approval(order_id: str) -> m.ApprovedOrder:
    return m.ApprovedOrder(ts_event=1, ts_init=1, order=spec(order_id))


def test_a_durable_actor_journals_the_input_and_every_output_in_order() -> None:
    effects = orders_machine().packet(from_risk(approval("o1"), 1), 5)

    kinds = [(r.direction, r.peer, type(r.message).__name__) for r in effects.rows]
    assert kinds == [
        ("in", "risk", "ApprovedOrder"),
        ("out", "strategy-S", "OrderSubmitted"),
        ("out", "risk", "OrderSubmitted"),
        ("out", "reconciler", "OrderSubmitted"),
        ("out", "venue", "SubmitOrder"),
    ]
    assert [type(v) for v in effects.venue] == [m.SubmitOrder]


def test_recovery_gives_the_same_state_and_refills_the_outboxes() -> None:
    lived = orders_machine()
    first = lived.resume(1)
    rows = [*first.rows, *lived.packet(from_risk(approval("o1"), 1), 5).rows]

    folded = orders_machine(2)
    inputs = folded.recover(rows)

    assert inputs == 2
    assert folded.state == lived.state
    assert folded.links.unacked("strategy-S") == lived.links.unacked("strategy-S") == 1
    assert folded.packet(from_risk(approval("o1"), 1), 6).rows == ()  # had it before the crash


def test_a_journal_of_other_code_is_refused_by_name() -> None:
    rows = list(orders_machine().packet(from_risk(approval("o1"), 1), 5).rows)
    rows[1] = replace(rows[1], message=rows[1].message.model_copy(update={"ts_event": 99}))

    with pytest.raises(RecoveryMismatch, match="orders: folding input 1 of its journal differs"):
        orders_machine(2).recover(rows)


def test_a_journal_that_said_more_than_the_code_says_now_is_refused() -> None:
    rows = list(orders_machine().packet(from_risk(approval("o1"), 1), 5).rows)

    with pytest.raises(RecoveryMismatch):
        orders_machine(2).recover([*rows, rows[-1]])


def test_a_journal_that_lacks_an_output_is_refused() -> None:
    rows = list(orders_machine().packet(from_risk(approval("o1"), 1), 5).rows)

    with pytest.raises(RecoveryMismatch, match="missing"):
        orders_machine(2).recover(rows[:-1])


def risk_machine() -> Machine[object]:
    config = RiskConfig(RiskLimits(instruments=()), CONFIG.instruments, incarnation=1)
    return Machine("risk", RiskCore(config), DIRECTORY, 1)


def test_intents_wait_unacknowledged_until_risk_knows_the_account() -> None:
    machine = risk_machine()
    machine.resume(1)
    intent = m.OrderIntent(ts_event=1, ts_init=1, order=spec("o1"))
    early = machine.packet(Frame("strategy-S", "risk", 1, 1, 1, 1, intent), 2)
    acks_before = machine.acks()

    snapshot = accounts.AccountSnapshot(
        ts_event=3,
        ts_init=3,
        asker="risk",
        incarnation=1,
        trading_state=TradingState.ACTIVE,
        orders=(),
        positions=(),
        balances=(),
    )
    late = machine.packet(Frame("orders", "risk", 1, 0, 1, 1, snapshot), 3)

    assert (early.packets, acks_before) == ((), ())
    refused = [p.message for p in late.packets if isinstance(p, Frame)]
    assert [type(r) for r in refused] == [m.RefusedOrder]


def test_a_snapshot_for_an_earlier_incarnation_is_no_answer() -> None:
    machine = risk_machine()
    stale = accounts.AccountSnapshot(
        ts_event=3,
        ts_init=3,
        asker="risk",
        incarnation=7,
        trading_state=TradingState.ACTIVE,
        orders=(),
        positions=(),
        balances=(),
    )

    machine.packet(Frame("orders", "risk", 1, 0, 1, 1, stale), 3)

    assert not machine.state.ready  # type: ignore[attr-defined]


@dataclass
class _Chatter:
    """Says something that its role must not say."""

    def start(self) -> int:
        return 0

    def resume(self, state: int, now_ns: int) -> Step[int]:
        return Step(state)

    def react(self, state: int, message: Message, now_ns: int) -> Step[int]:
        return Step(state, (m.SubmitOrder(ts_event=1, ts_init=1, order=spec("o1")),))


def test_a_strategy_cannot_reach_the_venue() -> None:
    machine = Machine("strategy-S", _Chatter(), DIRECTORY, 1)

    with pytest.raises(NoRoute, match="strategy must not send SubmitOrder"):
        machine.local(control.TimerFired(ts_event=1, ts_init=1, name="x"), 1, "self")


def test_the_order_manager_forgets_what_everyone_has() -> None:
    machine = orders_machine()
    machine.packet(from_risk(approval("o1"), 1), 5)
    peer = Links("risk", 1, ACKS[Role.RISK])

    machine.packet(Ack(peer.name, "orders", 1, 0, 1), 6)

    assert machine.links.unacked("risk") == 0
    assert machine.links.unacked("strategy-S") == 1


class _Saver:
    """Counts what the order manager says, and says a checkpoint at one of those messages only."""

    def __init__(self, at: int) -> None:
        self._at = at

    def start(self) -> int:
        return 0

    def resume(self, state: int, now_ns: int) -> Step[int]:
        return Step(state)

    def react(self, state: int, message: Message, now_ns: int) -> Step[int]:
        if state + 1 != self._at:
            return Step(state + 1)
        saved = control.StrategyCheckpoint(
            ts_event=now_ns,
            ts_init=now_ns,
            strategy_id="S",
            intents=0,
            state=b"",
            cursor=0,
            digest="d",
        )
        return Step(state + 1, (saved,))


def three_facts() -> tuple[Frame, Frame, Frame]:
    """What the order manager says to the strategy, in order."""
    orders = Links("orders", 1, ACKS[Role.ORDERS])
    fact = control.TimerFired(ts_event=1, ts_init=1, name="x")
    first, second, third = (
        orders.send("strategy-S", fact, 0, reliable=True, cause=None) for _ in range(3)
    )
    return first, second, third


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_checkpoint_names_what_it_includes_not_what_has_arrived(at: int) -> None:
    machine = Machine("strategy-S", _Saver(at), DIRECTORY, 1)
    first, second, third = three_facts()

    early = [machine.packet(second, 2), machine.packet(third, 2)]
    late = machine.packet(first, 3)  # now all three are delivered, and the link is at 3

    assert [e.checkpoint for e in early] == [None, None]
    assert machine.state == 3
    assert late.checkpoint is not None
    assert late.checkpoint.cursor == at


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_strategy_back_from_a_checkpoint_takes_all_that_it_does_not_include(at: int) -> None:
    machine = Machine("strategy-S", _Saver(at), DIRECTORY, 1)
    first, second, third = three_facts()
    machine.packet(second, 2)
    machine.packet(third, 2)
    saved = machine.packet(first, 3).checkpoint
    assert saved is not None

    successor = Machine("strategy-S", _Saver(0), DIRECTORY, 2)
    successor.restore(saved, at)
    for frame in three_facts():  # nothing was acknowledged: the order manager says it all again
        successor.packet(frame, 4)

    assert successor.state == machine.state == 3
