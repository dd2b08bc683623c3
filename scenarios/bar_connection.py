"""The loop's way to a venue that knows bars alone: requests, answers, and the bars themselves.

Nothing takes time, but everything has its place: at a bar's open the orders that were decided
before it meet the market; shortly before its close the walk through it happens, and whoever hears
of a fill has finished acting on it before the price goes on; at its close the feed tells it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from messages import Message, market, venue
from messages import orders as m
from messages.arrays import Rows
from messages.base import Command, Event, TradeId, VenueOrderId
from trading.loop import Host, Loop
from trading.wiring import Role
from venues.sim.bar_venue import Bar, BarVenue, Ended, Resting, Traded

_AFTER_OPEN_NS: Final = 1_000
_BEFORE_CLOSE_NS: Final = 100_000
_ENDS: Final = {"POST_ONLY": venue.VenueStatus.EXPIRED}


@dataclass(slots=True)
class BarConnection:
    """One venue, its bars, and what happened to the orders there."""

    sim: BarVenue
    bars: Rows
    traded: list[Traded] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    _at: int = 0

    # --- bars ----------------------------------------------------------------------------------

    def play(self, loop: Loop) -> None:
        """Put the next bar on the loop; each one puts the next."""
        if self._at == len(self.bars):
            return
        rows = self.bars[self._at : self._at + 1]
        self._at += 1
        bar = exact(rows[0])
        self._at_time(loop, bar.ts_open + _AFTER_OPEN_NS, self.sim.open(bar))
        self._at_time(loop, bar.ts_close - _BEFORE_CLOSE_NS, self.sim.walk(bar))
        loop.after(bar.ts_close - loop.now_ns, lambda: self._close(loop, rows))

    def _at_time(self, loop: Loop, ts: int, events: Iterator[Traded | Ended]) -> None:
        loop.after(max(ts - loop.now_ns, 0), lambda: self._next(loop, events))

    def _next(self, loop: Loop, events: Iterator[Traded | Ended]) -> None:
        """One event; the next a moment later, when everybody has acted on this one."""
        event = next(events, None)
        if event is None:
            return
        if isinstance(event, Traded):
            self.traded.append(event)
            said: Event = self._fill(event)
        else:
            self.ended.append(event)
            said = self._end(event)
        host = loop.hosts[str(Role.ORDERS)]
        loop.answer(host, host.incarnation, said)
        loop.after(1, lambda: self._next(loop, events))

    def _close(self, loop: Loop, rows: Rows) -> None:
        ts = int(rows["ts_event"][0])
        batch = market.BarBatch(
            ts_event=ts,
            ts_init=ts,
            instrument_id=self.sim.instrument.instrument_id,
            interval_ns=ts - int(rows["ts_open"][0]),
            rows=rows,
        )
        loop.tell(loop.hosts[str(Role.FEED)], batch, "venue")
        self.play(loop)

    # --- requests ------------------------------------------------------------------------------

    def launched(self, loop: Loop, host: Host) -> None:
        """The order manager's user stream is up at once."""
        if host.name == Role.ORDERS:
            up = venue.StreamUp(ts_event=loop.now_ns, ts_init=loop.now_ns)
            incarnation = host.incarnation
            loop.after(0, lambda: loop.answer(host, incarnation, up))

    def request(self, loop: Loop, host: Host, message: Message) -> None:
        """The venue acts now; its answer is heard before anything else happens."""
        assert isinstance(message, Command), "only commands go to a venue"
        reply, incarnation = self._reply(message, loop.now_ns), host.incarnation
        loop.after(0, lambda: loop.answer(host, incarnation, reply))

    def _reply(self, message: Command, now_ns: int) -> Event:
        times: dict[str, Any] = {"ts_event": now_ns, "ts_init": now_ns, "causation_id": message.key}
        source = venue.Source.QUERY
        match message:
            case m.SubmitOrder():
                why = self.sim.submit(message.order)
                if why:
                    return self._refused(message.order.client_order_id, "SUBMIT", why, times)
                return self._report(message.order, Decimal(0), venue.VenueStatus.NEW, times)
            case m.CancelOrder():
                found = self.sim.cancel(message.client_order_id)
                return self._changed(found, message, "CANCEL", venue.VenueStatus.CANCELED, times)
            case m.ModifyOrder():
                found = self.sim.amend(message.client_order_id, message.quantity)
                return self._changed(found, message, "MODIFY", venue.VenueStatus.NEW, times)
            case venue.QueryOpenOrders():
                open_now = tuple(
                    self._report(o.spec, o.spec.quantity - o.leaves, venue.VenueStatus.NEW, times)
                    for o in self.sim.orders
                )
                return venue.OpenOrdersReport(
                    **times, instrument_id=message.instrument_id, orders=open_now, source=source
                )
            case venue.QueryFills():
                return venue.FillsReport(
                    **times, instrument_id=message.instrument_id, fills=(), source=source
                )
            case venue.QueryAccount():
                return venue.AccountReport(**times, balances=(), partial=True, source=source)
            case _:
                raise TypeError(f"{type(message).__name__}: this venue has no answer to it")

    def _changed(
        self, found: Resting | None, message: Any, request: str, status: venue.VenueStatus,
        times: dict[str, Any],
    ) -> Event:  # fmt: skip
        if found is None:
            return self._refused(message.client_order_id, request, "unknown order", times)
        return self._report(found.spec, found.spec.quantity - found.leaves, status, times)

    @staticmethod
    def _refused(order_id: Any, request: str, why: str, times: dict[str, Any]) -> Event:
        kind = venue.Request(request)
        return venue.RequestRefused(
            **times, request=kind, client_order_id=order_id, code=why, reason=why
        )

    # --- wording -------------------------------------------------------------------------------

    def _report(
        self, spec: m.OrderSpec, filled: Decimal, status: venue.VenueStatus, times: dict[str, Any]
    ) -> venue.OrderReport:
        if status is venue.VenueStatus.NEW and filled:
            status = venue.VenueStatus.PARTIALLY_FILLED
        return venue.OrderReport(
            **times,
            client_order_id=spec.client_order_id,
            venue_order_id=_venue_id(spec),
            instrument_id=spec.instrument_id,
            side=spec.side,
            order_type=spec.order_type,
            status=status,
            quantity=spec.quantity,
            filled_qty=filled,
            price=spec.price,
            source=venue.Source.ACK,
        )

    def _end(self, event: Ended) -> Event:
        times = {"ts_event": event.ts, "ts_init": event.ts}
        status = _ENDS.get(event.reason, venue.VenueStatus.CANCELED)
        said = self._report(event.spec, event.filled, status, times)
        return said.model_copy(update={"source": venue.Source.STREAM, "reason": event.reason})

    def _fill(self, event: Traded) -> Event:
        spec = event.spec
        return venue.FillReport(
            ts_event=event.ts,
            ts_init=event.ts,
            client_order_id=spec.client_order_id,
            venue_order_id=_venue_id(spec),
            instrument_id=spec.instrument_id,
            trade_id=TradeId(str(len(self.traded))),
            side=spec.side,
            last_qty=event.quantity,
            last_px=event.price,
            commission=event.fee,
            currency=self.sim.instrument.quote,
            liquidity_side=m.LiquiditySide.MAKER if event.maker else m.LiquiditySide.TAKER,
            source=venue.Source.STREAM,
        )


def _venue_id(spec: m.OrderSpec) -> VenueOrderId:
    return VenueOrderId(f"B{spec.client_order_id}")


def exact(row: Any) -> Bar:
    """A BAR row in exact numbers: each price is the shortest decimal that the double stands for."""
    prices = (Decimal(repr(float(row[n]))) for n in ("open", "high", "low", "close", "volume"))
    return Bar(int(row["ts_open"]), int(row["ts_event"]), *prices)
