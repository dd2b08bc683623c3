"""The loop's way to the simulated venue: requests, answers, the user stream and market data, with
every fault that a network and a venue can add.

One honest venue (`venues.sim.SimVenue`) stands behind it. What is simulated here is what lies
between: a request may never arrive, arrive late, be answered into the void, or provably not leave;
the user stream may be cut for a while, and then what happened meanwhile is not in it. The venue
refuses requests older than their receive window, which is what makes "no such order" provable.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from messages import Message, market, venue
from messages import orders as m
from messages.arrays import DELTA
from messages.base import NS_PER_MS, NS_PER_S, Command, Event, InstrumentId
from messages.market import BookDeltaBatch
from trading.loop import Host, Loop
from trading.wiring import Role
from venues.sim.units import coarser
from venues.sim.venue import SimVenue

RECV_WINDOW_NS: Final = 2 * NS_PER_S
_TIMEOUT_NS: Final = 1 * NS_PER_S
_SUBMITS: Final = (m.SubmitOrder, m.CancelOrder, m.ModifyOrder)
_REQUESTS: Final[dict[type[Message], venue.Request]] = {
    m.SubmitOrder: venue.Request.SUBMIT,
    m.CancelOrder: venue.Request.CANCEL,
    m.ModifyOrder: venue.Request.MODIFY,
    m.QueryOrder: venue.Request.QUERY_ORDER,
    venue.QueryOpenOrders: venue.Request.QUERY_OPEN_ORDERS,
    venue.QueryFills: venue.Request.QUERY_FILLS,
    venue.QueryAccount: venue.Request.QUERY_ACCOUNT,
    venue.QueryPositions: venue.Request.QUERY_POSITIONS,
}


@dataclass(slots=True)
class _Mirror:
    """The tape's book of one instrument, to answer the feed's snapshot requests from."""

    sides: dict[tuple[int, float], float] = field(default_factory=dict)
    last_seq: int = 0

    def fold(self, batch: BookDeltaBatch) -> None:
        if batch.snapshot:
            self.sides.clear()
        for row in batch.rows.tolist():
            _, _, side, price, size = row
            if size:
                self.sides[(side, price)] = size
            else:
                self.sides.pop((side, price), None)
        self.last_seq = batch.last_seq

    def snapshot(self, instrument_id: InstrumentId, now_ns: int) -> BookDeltaBatch:
        rows = np.array(
            [(now_ns, now_ns, s, p, q) for (s, p), q in self.sides.items()], dtype=DELTA
        )
        return BookDeltaBatch(
            ts_event=now_ns,
            ts_init=now_ns,
            instrument_id=instrument_id,
            snapshot=True,
            first_seq=self.last_seq,
            last_seq=self.last_seq,
            rows=rows,
        )


@dataclass(slots=True)
class _Pending:
    answered: bool = False


class SimConnection:
    """Everything between the hosts of a loop and one simulated venue."""

    def __init__(self, sim: SimVenue, tape: Iterator[tuple[int, Message]]) -> None:
        self.venue = sim
        self.submits: dict[str, int] = {}  # client order id -> how often it was sent
        self.sent = 0  # requests that act, so far
        self.fenced_requests: list[str] = []  # what an outlived process said to the venue
        self._tape = tape
        self._mirrors: dict[InstrumentId, _Mirror] = {}
        self._stream_up = False
        self._stream_due = 0

    # --- market data --------------------------------------------------------------------------

    def play(self, loop: Loop) -> None:
        """Put the tape's next event on the loop; each one puts the next."""
        event = next(self._tape, None)
        if event is not None:
            ts_ns, message = event
            loop.after(max(ts_ns - loop.now_ns, 0), lambda: self._market(loop, message))

    def _market(self, loop: Loop, message: Message) -> None:
        self._stream(loop, self.venue.on_market(message, loop.now_ns))
        if isinstance(message, BookDeltaBatch):
            self._mirrors.setdefault(message.instrument_id, _Mirror()).fold(message)
        if not loop.chance(loop.faults.loss):
            loop.tell(loop.hosts[str(Role.FEED)], message, "venue")
        self._troubles(loop)
        self.play(loop)

    def _troubles(self, loop: Loop) -> None:
        """Faults that come with time rather than with a message."""
        faults = loop.faults
        if self._stream_up and loop.chance(faults.stream_cut):
            self._cut(loop)
        if loop.chance(faults.partition):
            host = self._someone(loop)
            host.deaf_until = loop.now_ns + faults.partition_ns
        if loop.chance(faults.clock_jump):
            host = self._someone(loop)
            host.clock_ns = loop.upto(2 * faults.clock_jump_ns) - faults.clock_jump_ns

    @staticmethod
    def _someone(loop: Loop) -> Host:
        return loop.hosts[loop.world.actors[loop.upto(len(loop.world.actors))]]

    # --- the user stream ----------------------------------------------------------------------

    def connect(self, loop: Loop) -> None:
        """The order manager's user stream comes up; repeated after cuts and restarts."""
        host = loop.hosts[str(Role.ORDERS)]
        if host.machine is None:
            loop.after(100 * NS_PER_MS, lambda: self.connect(loop))
            return
        self._stream_up = True
        up = venue.StreamUp(ts_event=loop.now_ns, ts_init=loop.now_ns)
        self._deliver(loop, host, up)

    def launched(self, loop: Loop, host: Host) -> None:
        """A new order manager process: its stream is a new connection."""
        if host.name == Role.ORDERS:
            self._stream_up = False
            loop.after(50 * NS_PER_MS, lambda: self.connect(loop))

    def _cut(self, loop: Loop) -> None:
        self._stream_up = False
        down = venue.StreamDown(ts_event=loop.now_ns, ts_init=loop.now_ns, reason="cut")
        self._deliver(loop, loop.hosts[str(Role.ORDERS)], down)
        loop.after(loop.faults.stream_cut_ns, lambda: self.connect(loop))

    def _stream(self, loop: Loop, reports: tuple[Event, ...]) -> None:
        host = loop.hosts[str(Role.ORDERS)]
        if not self._stream_up or host.machine is None:
            return
        for report in reports:
            self._deliver(loop, host, report)
            if loop.chance(loop.faults.stream_twice):
                self._deliver(loop, host, report)

    def _deliver(self, loop: Loop, host: Host, report: Event) -> None:
        """One connection: late, but in order."""
        due = loop.now_ns + loop.upto(loop.faults.venue_delay_ns)
        self._stream_due = max(self._stream_due, due)
        incarnation = host.incarnation
        loop.after(self._stream_due - loop.now_ns, lambda: loop.answer(host, incarnation, report))

    # --- requests -----------------------------------------------------------------------------

    def request(self, loop: Loop, host: Host, message: Message) -> None:
        """A host speaks to the venue; exactly one answer comes back, if its process lives."""
        if isinstance(message, market.SnapshotRequested):
            self._snapshot(loop, host, message)
            return
        if isinstance(message, market.RulesRequested):
            self._rules(loop, host)
            return
        if isinstance(message, market.RepairStream):
            return  # the tape is no connection: nothing of it can be repaired
        assert isinstance(message, Command)
        self._record(loop, host, message)
        faults, pending = loop.faults, _Pending()
        incarnation, signed_ns = host.incarnation, loop.now_ns
        if loop.chance(faults.not_sent):
            failed = self._failed(message, venue.Acted.NO, "connection refused", signed_ns)
            loop.after(0, lambda: loop.answer(host, incarnation, failed))
            return

        def give_up() -> None:
            if not pending.answered:
                pending.answered = True
                reason = "no answer in time"
                failed = self._failed(message, venue.Acted.PERHAPS, reason, signed_ns)
                loop.answer(host, incarnation, failed)

        loop.after(_TIMEOUT_NS, give_up)
        if loop.chance(faults.request_lost):
            return
        delay_ns = loop.upto(faults.venue_delay_ns)
        if loop.chance(faults.request_late):
            delay_ns += loop.upto(2 * RECV_WINDOW_NS)
        loop.after(
            delay_ns, lambda: self._arrive(loop, host, incarnation, message, signed_ns, pending)
        )

    def _arrive(
        self,
        loop: Loop,
        host: Host,
        incarnation: int,
        message: Command,
        signed_ns: int,
        pending: _Pending,
    ) -> None:
        if loop.now_ns > signed_ns + RECV_WINDOW_NS:
            reply: Event = self._too_old(message, loop.now_ns)
        else:
            outcome = self.venue.on_command(message, loop.now_ns)
            reply = outcome.reply
            self._stream(loop, outcome.stream)
        if loop.chance(loop.faults.reply_lost):
            return
        if host.name == Role.RECONCILER:
            reply = _as_reconciler(reply)

        def back() -> None:
            if not pending.answered:
                pending.answered = True
                loop.answer(host, incarnation, reply)

        loop.after(loop.upto(loop.faults.venue_delay_ns), back)

    def _record(self, loop: Loop, host: Host, message: Command) -> None:
        if not isinstance(message, _SUBMITS):
            return
        self.sent += 1
        if isinstance(message, m.SubmitOrder):
            key = message.order.client_order_id
            self.submits[key] = self.submits.get(key, 0) + 1
        if host.incarnation != loop.journals[host.name].fence:
            self.fenced_requests.append(f"{host.name}#{host.incarnation} {message.key}")

    def _snapshot(self, loop: Loop, host: Host, message: market.SnapshotRequested) -> None:
        mirror = self._mirrors.get(message.instrument_id)
        if mirror is None or loop.chance(loop.faults.request_lost):
            return  # the feed asks again
        incarnation = host.incarnation
        delay_ns = loop.upto(loop.faults.venue_delay_ns)
        book = mirror.snapshot(message.instrument_id, loop.now_ns)
        loop.after(delay_ns, lambda: loop.answer(host, incarnation, book))

    def change_rules(self) -> None:
        """From now on ticks and lots of every instrument are ten times as coarse."""
        for instrument in self.venue.instruments:
            self.venue.change_rules(coarser(instrument))

    def _rules(self, loop: Loop, host: Host) -> None:
        """The list has every instrument, whichever was asked about."""
        if loop.chance(loop.faults.request_lost):
            return  # the feed asks again
        incarnation, now_ns = host.incarnation, loop.now_ns
        delay_ns = loop.upto(loop.faults.venue_delay_ns)
        for instrument in self.venue.instruments:
            news = market.InstrumentChanged(ts_event=now_ns, ts_init=now_ns, instrument=instrument)
            loop.after(delay_ns, lambda news=news: loop.answer(host, incarnation, news))  # type: ignore[misc]

    @staticmethod
    def _failed(
        message: Command, acted: venue.Acted, reason: str, signed_ns: int
    ) -> venue.RequestFailed:
        return venue.RequestFailed(
            ts_event=signed_ns,
            ts_init=signed_ns,
            request=_REQUESTS[type(message)],
            client_order_id=_client_order_id(message),
            acted=acted,
            reason=reason,
            ts_expires=signed_ns + RECV_WINDOW_NS,
        )

    @staticmethod
    def _too_old(message: Command, now_ns: int) -> venue.RequestRefused:
        return venue.RequestRefused(
            ts_event=now_ns,
            ts_init=now_ns,
            request=_REQUESTS[type(message)],
            client_order_id=_client_order_id(message),
            code="-1021",
            reason="Timestamp for this request is outside of the recvWindow.",
        )


def _client_order_id(message: Command) -> Any:
    if isinstance(message, m.SubmitOrder):
        return message.order.client_order_id
    return getattr(message, "client_order_id", "")


def _as_reconciler(reply: Event) -> Event:
    """The same evidence, as learned over the reconciler's own connection."""
    source = venue.Source.RECONCILER
    if isinstance(reply, venue.OpenOrdersReport):
        orders = tuple(o.model_copy(update={"source": source}) for o in reply.orders)
        return reply.model_copy(update={"orders": orders, "source": source})
    if isinstance(reply, venue.FillsReport):
        fills = tuple(f.model_copy(update={"source": source}) for f in reply.fills)
        return reply.model_copy(update={"fills": fills, "source": source})
    if hasattr(reply, "source"):
        return reply.model_copy(update={"source": source})
    return reply
