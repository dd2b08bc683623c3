"""The trading connection: one command in, exactly one piece of evidence out. Never raises for the
venue or the network, and sends a command at most once.

A failure is told by what it proves. Not connected, or held back by our own budget or clock: acted
NO. A time-out, a cut connection, a 5xx or an unreadable answer after sending: acted PERHAPS, with
the venue time from which the venue itself would refuse the request as too old; questions change
nothing, so for them it is NO. What to do about it is for the order manager to decide.

How old is an answer to "what is with this order"? The venue accepted our signed time, so its clock
was at most the adapter's `ahead_ns` behind it: that much before the signed time is a lower bound
that holds whatever our own clock does, and "no such order" is told as of then.
"""

import asyncio
from dataclasses import replace
from typing import Final

from messages.base import NS_PER_MS, NS_PER_S, ClientOrderId, Command, Event, InstrumentId
from messages.orders import CancelOrder, ModifyOrder, QueryOrder, SubmitOrder
from messages.venue import (
    AccountCommand,
    Acted,
    CancelAllAfter,
    CancelAllOrders,
    FillsReport,
    OpenOrdersReport,
    OrderNotFound,
    OrderReport,
    PositionsReport,
    QueryAccount,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    QueryPositions,
    Request,
    RequestDone,
    RequestFailed,
    RequestRefused,
    SetLeverage,
    SetMarginMode,
    Source,
    SubmitOrderList,
    VenueQuery,
)
from trading.breaker import Breakers, endpoint_of
from trading.errors import Ambiguous, Garbled, NotSent, Refused
from venues.net.access import Access, whole_ms
from venues.wire.asked import NOT_OFFERED, Asked
from venues.wire.request import Answer, WireRequest

GatewayCommand = SubmitOrder | CancelOrder | ModifyOrder | QueryOrder | VenueQuery | AccountCommand
REQUEST: Final[dict[type[Command], Request]] = {
    SubmitOrder: Request.SUBMIT,
    CancelOrder: Request.CANCEL,
    ModifyOrder: Request.MODIFY,
    QueryOrder: Request.QUERY_ORDER,
    QueryOpenOrders: Request.QUERY_OPEN_ORDERS,
    QueryFills: Request.QUERY_FILLS,
    QueryAccount: Request.QUERY_ACCOUNT,
    SubmitOrderList: Request.SUBMIT_LIST,
    CancelAllOrders: Request.CANCEL_ALL,
    CancelAllAfter: Request.CANCEL_ALL_AFTER,
    QueryPositions: Request.QUERY_POSITIONS,
    QueryFees: Request.QUERY_FEES,
    SetLeverage: Request.SET_LEVERAGE,
    SetMarginMode: Request.SET_MARGIN_MODE,
}
_ACTING: Final = frozenset(r for r in Request if r.acting)
_QUARANTINE_MAX: Final = 16
_PAGES_MAX: Final = 1000
_PATIENCE_NS: Final = 60 * NS_PER_S  # for one page of a list
_QUESTION_NS: Final = NS_PER_S  # that a question waits for its breaker
_LOOK_NS: Final = 10 * NS_PER_MS  # at a probe, how often
_UNSIGNED_NS: Final = NS_PER_S // 4  # by then our time may have been measured again
_ONE_ORDER: Final = frozenset({Request.CANCEL, Request.MODIFY})
_Paged = FillsReport | OpenOrdersReport | PositionsReport


class Gateway:
    """Commands of one account over one `Access`.

    source      who asks, for the evidence of questions: QUERY or RECONCILER
    quarantine  the last answers that could not be read, with their bytes
    breakers    what holds back requests to a venue that keeps failing; None: nothing does
    """

    def __init__(
        self, access: Access, source: Source = Source.QUERY, breakers: Breakers | None = None
    ) -> None:
        self.quarantine: list[Garbled] = []
        self.breakers = breakers
        self._access = access
        self._source = source

    async def execute(self, command: GatewayCommand) -> Event:
        """Carry out one command -> what the venue's answer, or its absence, proves."""
        access = self._access
        try:
            wire = access.adapter.request_of(command, access.instruments)
        except Refused as e:
            reply: Event = self._not_offered(command, str(e))
        else:
            reply = await self._every_page(command, wire)
        return _about(command, reply)

    def unsent(self, command: GatewayCommand, reason: str) -> Event:
        """The evidence that a command which nobody carried out was not carried out."""
        now_ns = self._access.now_ns()
        failed = RequestFailed(
            ts_event=now_ns,
            ts_init=now_ns,
            request=REQUEST[type(command)],
            client_order_id=_name(command),
            instrument_id=_instrument(command),
            acted=Acted.NO,
            reason=f"not sent: {reason}",
        )
        return _about(command, failed)

    async def _every_page(self, command: GatewayCommand, wire: WireRequest) -> Event:
        """All rows, however many pages, or the last word of several requests; a failure on the
        way is the answer, but for what the venue has said that it has done."""
        page: WireRequest | None = wire
        whole: Event | None = None
        await self._probed(command)  # before we say when we asked
        venue = self._access.adapter
        begun_ns = whole_ms(self._access.clock.now_ns()) - venue.ahead_ns - venue.listed_ns
        for _ in range(_PAGES_MAX):
            assert page is not None, "left below where there is none"
            reply, page = await self._once(command, page, patient=isinstance(whole, _Paged))
            if isinstance(reply, OrderNotFound):
                # Of several questions the first counts: what arrived since is in no answer to it.
                as_of_ns = min(reply.ts_event, max(begun_ns, 0))
                reply = reply.model_copy(update={"ts_event": as_of_ns})
            if not isinstance(reply, _Paged):
                done = isinstance(whole, RequestDone) and REQUEST[type(command)] in _ONE_ORDER
                whole = whole if done and not isinstance(reply, OrderReport) else reply
                if page is None:
                    return whole or reply
                continue
            whole = reply if whole is None else _joined(whole, reply)
            if page is None:
                # `complete` of the last page is that of the whole: every row from the first on.
                if isinstance(whole, FillsReport):
                    rows = tuple(sorted(whole.fills, key=lambda fill: fill.ts_event))
                    return whole.model_copy(update={"complete": True, "fills": rows})
                return whole
        asked = self._asked(command, wire, 0)
        return asked.failed(Acted.NO, f"more than {_PAGES_MAX} pages: ask for less")

    async def _once(
        self, command: GatewayCommand, wire: WireRequest, *, patient: bool
    ) -> tuple[Event, WireRequest | None]:
        """One request, unless its breaker is open -> its evidence, and that for the next page.

        patient  wait for the budget: giving up in the middle of a list would throw its rows away
        """
        if self.breakers is None:
            return await self._send(command, wire, patient=patient)
        await self._probed(command)
        about = self._access.adapter.venue, endpoint_of(REQUEST[type(command)])
        now_ns = self._access.now_ns()
        wait_ns = self.breakers.wait_ns(*about, now_ns)
        if wait_ns:
            why = "held back: the venue has failed several times in a row"
            return self._asked(command, wire, 0).failed(Acted.NO, why, wait_ns), None
        self.breakers = self.breakers.sent(*about, now_ns)
        reply, page = await self._send(command, wire, patient=patient)
        said = reply
        if page is not None:  # the venue answered, whatever this page alone proves
            now_ns = self._access.now_ns()
            said = RequestDone(ts_event=now_ns, ts_init=now_ns, request=REQUEST[type(command)])
        self.breakers = self.breakers.heard(*about, said, self._access.now_ns())
        return reply, page

    async def _probed(self, command: GatewayCommand) -> None:
        """For a question: until its breaker lets it through, but not for long. It loses nothing by
        that, and a venue that is well again after a probe or two hears all of them at once. An
        order would be late, so it is not kept."""
        request, access = REQUEST[type(command)], self._access
        left_ns = 0 if request.acting else _QUESTION_NS
        while self.breakers is not None and left_ns > 0:
            about = access.adapter.venue, endpoint_of(request)
            wait_ns = self.breakers.wait_ns(*about, access.now_ns())
            if not 0 < wait_ns <= left_ns:
                return
            wait_ns = max(wait_ns, _LOOK_NS)
            left_ns -= wait_ns
            await asyncio.sleep(wait_ns / NS_PER_S)

    async def _send(
        self, command: GatewayCommand, wire: WireRequest, *, patient: bool
    ) -> tuple[Event, WireRequest | None]:
        """One request, at most one time -> its evidence, and the request for the next page."""
        access = self._access
        await access.settled()  # `signed` says what came of it
        wait_ns = await access.admitted(wire)
        patience_ns = _PATIENCE_NS if patient else 0
        while 0 < wait_ns <= patience_ns:
            patience_ns -= wait_ns
            await asyncio.sleep(wait_ns / NS_PER_S)
            wait_ns = await access.admitted(wire)
        venue_ns = whole_ms(access.clock.now_ns())
        asked = self._asked(command, wire, venue_ns)
        if wait_ns:
            failed = asked.failed(Acted.NO, "held back: our request budget is used up", wait_ns)
            return failed, None
        try:
            request, signed_ns = access.signed(wire, venue_ns), access.clock.local_ns()
        except NotSent as e:  # for a reason of ours, so no breaker holds it against the venue
            return asked.failed(Acted.NO, f"not sent: {e}", _UNSIGNED_NS), None
        try:
            answer = await access.http.send(request)
        except NotSent as e:
            return self._late(asked).failed(Acted.NO, f"not sent: {e}"), None
        except Ambiguous as e:
            return self._late(asked).failed(_perhaps(asked), f"no answer: {e}"), None
        access.obeyed(wire, answer, venue_ns)
        return self._read(answer, self._late(asked), wire, signed_ns)

    def _read(
        self, answer: Answer, asked: Asked, wire: WireRequest, signed_ns: int
    ) -> tuple[Event, WireRequest | None]:
        access = self._access
        try:
            reply = access.adapter.read_answer(answer, asked)[-1]
            paged = isinstance(reply, _Paged)
            page = (access.adapter.next_page if paged else access.adapter.follow_up)(wire, answer)
        except Garbled as e:
            self.quarantine = [*self.quarantine, e][-_QUARANTINE_MAX:]
            return asked.failed(_perhaps(asked), f"unreadable answer: {e}"), None
        if isinstance(reply, RequestRefused) and reply.code in access.adapter.clock_codes:
            access.disowned(reply.code, signed_ns)
            if asked.request is Request.CANCEL:  # not done, not refused: it is said again
                return asked.failed(Acted.NO, f"out of time: {reply.reason}"), None
        return reply, page

    def _asked(self, command: GatewayCommand, wire: WireRequest, venue_ns: int) -> Asked:
        access = self._access
        order = command.order if isinstance(command, SubmitOrder) else None
        request = REQUEST[type(command)]
        behind = access.adapter.ahead_ns if request is Request.QUERY_ORDER else 0
        return Asked(
            request=request,
            ts_init=access.now_ns(),
            instrument_id=_instrument(command),
            client_order_id=_name(command),
            ts_venue=max(venue_ns - behind, 0),
            ts_expires=access.adapter.expires_ns(wire, venue_ns, access.recv_window_ms),
            source=Source.ACK if request in _ACTING else self._source,
            order=order,
            since_trade_id=getattr(command, "since_trade_id", 0),
            product=access.adapter.product,
            command=command,
            instruments=access.instruments,
        )

    def _late(self, asked: Asked) -> Asked:
        """The same request, now that we know how it went."""
        return replace(asked, ts_init=self._access.now_ns())

    def _not_offered(self, command: GatewayCommand, reason: str) -> RequestRefused:
        now_ns = self._access.now_ns()
        return RequestRefused(
            ts_event=now_ns,
            ts_init=now_ns,
            request=REQUEST[type(command)],
            client_order_id=_name(command),
            code=NOT_OFFERED,
            reason=f"{reason}; not sent",
        )


def _joined(whole: Event, page: Event) -> Event:
    """One report of the rows of both."""
    for name in ("fills", "orders", "positions"):
        rows = getattr(whole, name, None)
        if rows is not None:
            return whole.model_copy(update={name: (*rows, *getattr(page, name))})
    raise TypeError(f"{type(whole).__name__}: has no pages")


def _perhaps(asked: Asked) -> Acted:
    """What silence proves: a question changes nothing, whether it arrived or not."""
    return Acted.PERHAPS if asked.request in _ACTING else Acted.NO


def _about(command: GatewayCommand, reply: Event) -> Event:
    ids = {"causation_id": command.key, "correlation_id": _name(command)}
    return reply.model_copy(update=ids)


def _instrument(command: GatewayCommand) -> InstrumentId | None:
    if isinstance(command, SubmitOrder):
        return command.order.instrument_id
    return getattr(command, "instrument_id", None)


def _name(command: GatewayCommand) -> ClientOrderId:
    if isinstance(command, SubmitOrder):
        return command.order.client_order_id
    return ClientOrderId(getattr(command, "client_order_id", ""))
