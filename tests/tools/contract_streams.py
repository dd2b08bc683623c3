"""The contract's cases about the account's stream: what it tells, and how it is kept."""

from typing import Final

from contract_market import Case
from contract_world import BID, LOT, World
from websockets.asyncio.client import connect

from messages.orders import CancelOrder, OrderSide
from messages.venue import (
    AccountReport,
    FillReport,
    OrderReport,
    PositionReport,
    QueryPositions,
    StreamDown,
    StreamUp,
    VenueStatus,
)
from venues.serving.faults import FaultKind, FaultScript, Rule

SELL: Final = {"side": OrderSide.SELL}


async def _orders(w: World) -> None:
    order = w.order()
    ours = order.order.client_order_id
    await w.do(order)
    await w.heard(OrderReport, lambda o: o.client_order_id == ours and o.status.open)
    await w.do(w.about(order, CancelOrder))
    ended = VenueStatus.CANCELED
    await w.heard(OrderReport, lambda o: o.client_order_id == ours and o.status is ended)


async def _fills(w: World) -> None:
    order = w.order(None, **SELL)
    await w.do(order)
    known = await w.how(order)
    fill = await w.heard(FillReport, lambda f: f.venue_order_id == known.venue_order_id)
    assert (fill.last_qty, fill.last_px, fill.side) == (LOT, BID, OrderSide.SELL)


async def _balances(w: World) -> None:
    await w.do(w.order(None))
    found = await w.heard(AccountReport)
    assert found.balances


async def _positions(w: World) -> None:
    await w.do(QueryPositions(**w.times(), instrument_id=w.name))  # where there are none
    await w.do(w.order(None))
    found = await w.heard(PositionReport, lambda p: p.instrument_id == w.name)
    assert found.quantity != 0


async def _kept_alive(w: World) -> None:
    """What keeps a quiet stream open is taken by the venue: a renewed key, and its kind of ping."""
    adapter, access = w.access.adapter, w.access
    assert access.keys is not None
    session = adapter.user_session(access.keys, access.instruments)
    before = await access.ask(session.before, signed=True) if session.before else None
    async with connect(w.socket.url + session.path(before)) as ws:
        for frame in session.opened(access.clock.now_ns()):
            await ws.send(frame, text=True)
        if session.renew is not None:
            assert session.renew_s > 0
            assert (await access.ask(session.renew, signed=True)).status == 200
        if not session.ping.text:
            await (await ws.ping())
            return
        answered = False
        await ws.send(session.ping.text, text=True)
        while not answered:
            raw = await ws.recv(decode=False)
            answered = b"pong" in raw.lower()
            assert not session.heard(raw, w.times()["ts_init"], access.clock.now_ns()).problem


async def _made_anew(w: World) -> None:
    """A sign-in that ends is noticed; the stream signs in again and tells what comes."""
    w.downs_expected = True
    w.simulator.faults.play(FaultScript(rules=(Rule(kind=FaultKind.EXPIRE_KEY, times=1),)))
    w.simulator.exchange.on_second()
    await w.until(lambda: any(isinstance(e, StreamDown) for e in w.told))
    await w.until(lambda: isinstance(w.turns()[-1], StreamUp))
    await _orders(w)


STREAM_CASES: Final[dict[str, Case]] = {
    "private stream: orders": _orders,
    "private stream: fills": _fills,
    "private stream: balances": _balances,
    "private stream: positions": _positions,
    "private stream: kept alive": _kept_alive,
    "private stream: made anew when its sign-in ends": _made_anew,
}
