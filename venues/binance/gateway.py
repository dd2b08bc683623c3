"""The trading connection: one command in, exactly one piece of evidence out. Never raises for the
venue or the network, and sends a command at most once.

A failure is told by what it proves. Not connected, or held back by our own budget: acted NO. A
time-out, a cut connection, a 5xx or an unreadable answer after sending: acted PERHAPS, with the
venue time from which the venue itself would refuse the request as too old (the signed timestamp
plus recvWindow); questions change nothing, so for them it is NO. What to do about it is for the
order manager to decide.

How old is an answer to "what is with this order"? The venue accepted our timestamp, so its clock
was at most a second behind it (docs: "Timing security"): signed timestamp - 1 s is a lower bound
that holds whatever our own clock does, and "no such order" is told as of then.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from messages.base import NS_PER_MS, NS_PER_S, ClientOrderId, Event
from messages.orders import SubmitOrder
from messages.venue import (
    Acted,
    FillReport,
    FillsReport,
    Request,
    RequestFailed,
    RequestRefused,
    Source,
)
from trading.errors import Ambiguous, Garbled, NotSent
from venues.binance.codec_names import ms
from venues.binance.codec_rest import decode_answer
from venues.binance.gateway_requests import FILLS_LIMIT, GatewayCommand, Wire, wire_of
from venues.binance.limits import COSTS, Budget
from venues.binance.transport_clock import VenueClock
from venues.binance.transport_rest import Rest
from venues.wire.asked import Asked
from venues.wire.request import Answer

RECV_WINDOW_MS: Final = 5000
_ACTING: Final = frozenset({Request.SUBMIT, Request.CANCEL, Request.MODIFY})
_BEHIND_NS: Final = NS_PER_S
_QUARANTINE_MAX: Final = 16
_THROTTLED: Final = frozenset({429, 418})
_TIMESTAMP: Final = "-1021"


class BinanceGateway:
    """Commands of one account over one `Rest`; share the `Budget` among all users of an address.

    source      who asks, for the evidence of questions: QUERY or RECONCILER
    quarantine  the last answers that could not be read, with their bytes
    """

    def __init__(
        self,
        rest: Rest,
        clock: VenueClock,
        budget: Budget,
        now_ns: Callable[[], int],
        *,
        recv_window_ms: int = RECV_WINDOW_MS,
        source: Source = Source.QUERY,
    ) -> None:
        self.quarantine: list[Garbled] = []
        self._rest = rest
        self._clock = clock
        self._budget = budget
        self._now_ns = now_ns
        self._recv_window_ms = recv_window_ms
        self._source = source

    async def execute(self, command: GatewayCommand) -> Event:
        """Carry out one command -> what the venue's answer, or its absence, proves."""
        wire = wire_of(command)
        if isinstance(command, SubmitOrder) and command.order.reduce_only:
            reply: Event = self._not_on_spot(command)
        elif wire.request is Request.QUERY_FILLS:
            reply = await self._every_page(command, wire)
        else:
            reply = await self._once(command, wire)
        ids = {"causation_id": command.key, "correlation_id": _name(command)}
        return reply.model_copy(update=ids)

    async def _once(self, command: GatewayCommand, wire: Wire) -> Event:
        """One request, at most one time."""
        venue_ns = self._clock.now_ns()
        timestamp_ms = ms(venue_ns)
        asked = self._asked(command, wire, timestamp_ms)
        cost = COSTS[wire.request]
        wait_ns = self._budget.take(cost, venue_ns)
        if wait_ns:
            return asked.failed(Acted.NO, "held back: our request budget is used up", wait_ns)
        params = {
            **wire.params,
            "timestamp": timestamp_ms,
            "recvWindow": self._recv_window_ms,
        }
        try:
            answer = await self._rest.signed(wire.method, wire.path, params)
        except NotSent as e:
            return self._late(asked).failed(Acted.NO, f"not sent: {e}")
        except Ambiguous as e:
            return self._late(asked).failed(_perhaps(wire), f"no answer: {e}")
        return await self._read(answer, self._late(asked), wire)

    async def _read(self, answer: Answer, asked: Asked, wire: Wire) -> Event:
        venue_ns = self._clock.now_ns()
        self._budget.observe(answer.headers, venue_ns)
        try:
            reply = decode_answer(answer.status, answer.headers, answer.body, asked)[-1]
        except Garbled as e:
            self.quarantine = [*self.quarantine, e][-_QUARANTINE_MAX:]
            return asked.failed(_perhaps(wire), f"unreadable answer: {e}")
        if answer.status in _THROTTLED and isinstance(reply, RequestFailed):
            self._budget.block(reply.retry_after_ns, venue_ns)
        if isinstance(reply, RequestRefused) and reply.code == _TIMESTAMP:
            await self._clock.sync(self._rest)  # one of the two clocks has moved
            if wire.request is Request.CANCEL:  # not done, not refused: it is said again
                return asked.failed(Acted.NO, f"out of time: {reply.reason}")
        return reply

    async def _every_page(self, command: GatewayCommand, wire: Wire) -> Event:
        """All fills since an id, however many pages; a failure on any page is the answer."""
        fills: list[FillReport] = []
        page = wire
        while True:
            reply = await self._once(command, page)
            if not isinstance(reply, FillsReport):
                return reply
            fills += reply.fills
            if reply.complete or not reply.fills:
                # `complete` of the last page is that of the whole: every id from the first on.
                return reply.model_copy(update={"fills": tuple(fills), "complete": True})
            following = int(reply.fills[-1].trade_id) + 1
            page = replace(wire, params={**wire.params, "fromId": following})

    def _asked(self, command: GatewayCommand, wire: Wire, timestamp_ms: int) -> Asked:
        order = command.order if isinstance(command, SubmitOrder) else None
        timestamp_ns = timestamp_ms * NS_PER_MS
        behind = _BEHIND_NS if wire.request is Request.QUERY_ORDER else 0
        instrument_id = order.instrument_id if order else getattr(command, "instrument_id", None)
        return Asked(
            request=wire.request,
            ts_init=self._now_ns(),
            instrument_id=instrument_id,
            client_order_id=_name(command),
            ts_venue=timestamp_ns - behind,
            ts_expires=timestamp_ns + self._recv_window_ms * NS_PER_MS,
            source=Source.ACK if wire.request in _ACTING else self._source,
            order=order,
            since_trade_id=getattr(command, "since_trade_id", 0),
            limit=FILLS_LIMIT,
        )

    def _late(self, asked: Asked) -> Asked:
        """The same request, now that we know how it went."""
        return replace(asked, ts_init=self._now_ns())

    def _not_on_spot(self, command: SubmitOrder) -> RequestRefused:
        now_ns = self._now_ns()
        return RequestRefused(
            ts_event=now_ns,
            ts_init=now_ns,
            request=Request.SUBMIT,
            client_order_id=command.order.client_order_id,
            code="-1106",  # what the venue says to a parameter that an order cannot have
            reason="reduce_only: Binance spot has no such orders; not sent",
        )


def _perhaps(wire: Wire) -> Acted:
    """What silence proves: a question changes nothing, whether it arrived or not."""
    return Acted.PERHAPS if wire.request in _ACTING else Acted.NO


def _name(command: GatewayCommand) -> ClientOrderId:
    if isinstance(command, SubmitOrder):
        return command.order.client_order_id
    return ClientOrderId(getattr(command, "client_order_id", ""))
