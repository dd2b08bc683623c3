"""Whatever the network does, a link delivers everything once, in order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from messages.base import Message
from messages.control import TimerFired
from trading.links import Ack, Acks, Frame, Hello, Links, Packet


def note(n: int) -> TimerFired:
    return TimerFired(ts_event=n, ts_init=n, name=str(n))


class Net:
    """Two ends and a bag of packets; the test decides what happens to each."""

    def __init__(self, sender: Acks, receiver: Acks) -> None:
        self.a = Links("a", 1, sender)
        self.b = Links("b", 1, receiver)
        self.bag: list[Packet] = []
        self.got: list[Message] = []
        self.incarnations = {"a": 1, "b": 1}

    def take(self, packet: Packet) -> None:
        end = self.a if packet.to == "a" else self.b
        match packet:
            case Frame():
                for delivery in end.receive(packet):
                    self.got.append(delivery.message)
                    end.handled(delivery)
                self.bag.extend(end.acks_due())
            case Ack():
                end.acked(packet)
            case Hello():
                self.bag.extend(end.greeted(packet, 0))


FATES = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("dlrt")), max_size=80)


@settings(max_examples=200, deadline=None)
@given(count=st.integers(1, 12), fates=FATES)
def test_loss_repeats_and_disorder_change_nothing(count: int, fates: list[tuple[int, str]]) -> None:
    net = Net(Acks.AFTER_JOURNAL, Acks.AFTER_JOURNAL)
    for n in range(count):
        net.bag.append(net.a.send("b", note(n), 0, reliable=True, cause=None))

    for pick, fate in fates:
        if not net.bag:
            net.bag.extend(net.a.resend(10**12, 0))
        if not net.bag:
            break
        packet = net.bag.pop(pick % len(net.bag))
        match fate:
            case "d":
                net.take(packet)
            case "r":
                net.take(packet)
                net.bag.append(packet)
            case "t":
                net.bag.insert(0, packet)
    while net.a.unacked("b"):
        net.bag.extend(net.a.resend(10**12, 0))
        while net.bag:
            net.take(net.bag.pop(0))

    assert net.got == [note(n) for n in range(count)]


@given(before=st.integers(0, 6), after=st.integers(0, 6))
def test_a_new_session_starts_afresh_and_the_old_one_is_fenced(before: int, after: int) -> None:
    b = Links("b", 1, Acks.AFTER_JOURNAL)
    old, new = Links("a", 1, Acks.AFTER_EFFECTS), Links("a", 2, Acks.AFTER_EFFECTS)
    late = [old.send("b", note(n), 0, reliable=True, cause=None) for n in range(before)]
    fresh = [new.send("b", note(100 + n), 0, reliable=True, cause=None) for n in range(after)]

    heard = [d.message for f in fresh for d in b.receive(f)]
    stale = [d.message for f in late for d in b.receive(f)]

    assert heard == [note(100 + n) for n in range(after)]
    assert stale == ([] if after else [note(n) for n in range(before)])


def test_a_soft_actor_acknowledges_only_when_its_words_are_acknowledged() -> None:
    up, mid = Links("up", 1, Acks.AFTER_JOURNAL), Links("mid", 1, Acks.AFTER_EFFECTS)
    down = Links("down", 1, Acks.AFTER_JOURNAL)

    (delivery,) = mid.receive(up.send("mid", note(1), 0, reliable=True, cause=None))
    onward = mid.send("down", note(2), 0, reliable=True, cause=delivery)
    mid.handled(delivery)
    too_early = mid.acks_due()
    (landed,) = down.receive(onward)
    down.handled(landed)
    (ack,) = down.acks_due()
    mid.acked(ack)

    assert too_early == ()
    assert [(a.to, a.cursor) for a in mid.acks_due()] == [("up", 1)]


def test_a_restarted_receiver_is_sent_what_its_checkpoint_lacks() -> None:
    orders = Links("orders", 1, Acks.AFTER_JOURNAL)
    for n in range(1, 6):
        orders.send("strategy-S", note(n), 0, reliable=True, cause=None)
    strategy = Links("strategy-S", 2, Acks.AFTER_CHECKPOINT)
    strategy.restore("orders", 0, 3)

    frames = orders.greeted(strategy.hello("orders"), 0)

    assert [d.seq for f in frames for d in strategy.receive(f)] == [4, 5]


def test_a_strategy_acknowledges_the_order_manager_only_after_its_checkpoint() -> None:
    orders = Links("orders", 1, Acks.AFTER_JOURNAL)
    strategy = Links("strategy-S", 1, Acks.AFTER_CHECKPOINT)
    frame = orders.send("strategy-S", note(1), 0, reliable=True, cause=None)

    (delivery,) = strategy.receive(frame)
    strategy.handled(delivery)
    before = strategy.acks_due()
    strategy.durable("orders", 0, 1)

    assert before == ()
    assert [a.cursor for a in strategy.acks_due()] == [1]


def test_a_lost_acknowledgement_is_said_again_when_the_frame_comes_again() -> None:
    a, b = Links("a", 1, Acks.AFTER_JOURNAL), Links("b", 1, Acks.AFTER_JOURNAL)
    frame = a.send("b", note(1), 0, reliable=True, cause=None)
    for delivery in b.receive(frame):
        b.handled(delivery)
    assert len(b.acks_due()) == 1  # and is lost

    b.receive(frame)

    assert [k.cursor for k in b.acks_due()] == [1]
