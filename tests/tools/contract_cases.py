"""What every product must do over its wire, or say that the venue has not: one case a row."""

import asyncio
from decimal import Decimal
from typing import Any, Final

from contract_market import MARKET_CASES, Case
from contract_streams import SELL, STREAM_CASES
from contract_world import ASK, LOT, World

from messages.base import NS_PER_S, VenueOrderId
from messages.orders import (
    CancelOrder,
    ModifyOrder,
    OrderSide,
    OrderType,
    QueryOrder,
    SubmitOrder,
    TimeInForce,
)
from messages.venue import (
    AccountReport,
    CancelAllAfter,
    CancelAllOrders,
    FeesReport,
    FillReport,
    FillsReport,
    MarginMode,
    OpenOrdersReport,
    OrderListReport,
    OrderNotFound,
    OrderReport,
    PositionsReport,
    QueryAccount,
    QueryFees,
    QueryFills,
    QueryOpenOrders,
    QueryPositions,
    RequestDone,
    RequestFailed,
    RequestRefused,
    SetLeverage,
    SetMarginMode,
    SubmitOrderList,
    VenueStatus,
)

GONE = (VenueStatus.CANCELED, VenueStatus.EXPIRED)


async def _placed(w: World, order: SubmitOrder, *ends: VenueStatus) -> OrderReport:
    """Placed, and in one of these states by the venue's word."""
    await w.get(order, OrderReport)
    known = await w.how(order)
    assert known.status in ends, known
    assert known.client_order_id == order.order.client_order_id
    assert known.side is order.order.side
    assert known.quantity == order.order.quantity
    return known


async def _market(w: World) -> None:
    known = await _placed(w, w.order(None), VenueStatus.FILLED)
    assert known.filled_qty == LOT


async def _limit(w: World) -> None:
    known = await _placed(w, w.order("50000"), VenueStatus.NEW)
    assert (known.price, known.filled_qty) == (Decimal(50000), 0)


async def _post_only(w: World) -> None:
    await _placed(w, w.order("59000", post_only=True), VenueStatus.NEW)
    taker = w.order("60010", post_only=True)
    reply = await w.do(taker)
    if isinstance(reply, OrderReport):  # some venues take it and end it
        reply = await w.how(taker)
        assert not reply.status.open, reply
        assert reply.filled_qty == 0
    else:
        assert isinstance(reply, RequestRefused), reply


async def _ioc(w: World) -> None:
    await _placed(w, w.order("50000", time_in_force=TimeInForce.IOC), *GONE)


async def _fok(w: World) -> None:
    await _placed(w, w.order("60020", time_in_force=TimeInForce.FOK), VenueStatus.FILLED)


def _waits(order_type: OrderType, trigger: str, side: OrderSide = OrderSide.BUY) -> Case:
    """An order that waits for its trigger, is among the open ones, and is cancelled."""

    async def case(w: World) -> None:
        price = trigger if order_type.limited else None
        order = w.order(price, order_type=order_type, trigger_price=Decimal(trigger), side=side)
        known = await _placed(w, order, VenueStatus.NEW)
        assert not known.triggered
        assert order.order.client_order_id in await _open(w)
        await w.do(w.about(order, CancelOrder))
        assert order.order.client_order_id not in await _open(w)

    return case


async def _reduce_only(w: World) -> None:
    await w.do(w.order(None))
    await _placed(w, w.order("61000", reduce_only=True, **SELL), VenueStatus.NEW)


async def _open(w: World) -> set[str]:
    asks = QueryOpenOrders(**w.times(), instrument_id=w.name)
    found = await w.get(asks, OpenOrdersReport)
    return {order.client_order_id for order in found.orders}


def _changes(quantity: Decimal, price: Decimal | None) -> Case:
    async def case(w: World) -> None:
        order = w.order("50000", quantity=2 * LOT)
        known = await _placed(w, order, VenueStatus.NEW)
        more: dict[str, Any] = {"quantity": quantity, "placed": order.order}
        more |= {"venue_order_id": known.venue_order_id, "price": price}
        reply = await w.do(w.about(order, ModifyOrder, **more))
        assert isinstance(reply, OrderReport | RequestDone), reply
        known = await w.how(order)
        assert known.quantity == quantity
        assert known.price == (price or Decimal(50000))
        assert known.status is VenueStatus.NEW

    return case


async def _cancel(w: World) -> None:
    order = w.order()
    await _placed(w, order, VenueStatus.NEW)
    reply = await w.do(w.about(order, CancelOrder))
    assert isinstance(reply, OrderReport | RequestDone), reply
    assert (await w.how(order)).status is VenueStatus.CANCELED


async def _cancel_all(w: World) -> None:
    orders = [w.order(), w.order("49000")]
    for order in orders:
        await _placed(w, order, VenueStatus.NEW)
    await w.get(CancelAllOrders(**w.times(), instrument_id=w.name), RequestDone)
    assert await _open(w) == set()


async def _by_client_id(w: World) -> None:
    order = w.order()
    known = await _placed(w, order, VenueStatus.NEW)
    assert known.client_order_id == order.order.client_order_id


async def _by_venue_id(w: World) -> None:
    order = w.order()
    known = await _placed(w, order, VenueStatus.NEW)
    asks = w.about(order, QueryOrder, client_order_id="", venue_order_id=known.venue_order_id)
    found = await w.get(asks, OrderReport)
    assert found.client_order_id == order.order.client_order_id


async def _open_orders(w: World) -> None:
    orders = [w.order(), w.order("49000")]
    for order in orders:
        await w.do(order)
    assert {o.order.client_order_id for o in orders} <= await _open(w)


async def _fills(w: World, order: SubmitOrder) -> FillReport:
    known = await w.how(order)
    asks = QueryFills(
        **w.times(), instrument_id=w.name, venue_order_id=VenueOrderId(known.venue_order_id)
    )
    found = await w.get(asks, FillsReport)
    assert found.complete
    (fill,) = found.fills
    return fill


async def _my_trades(w: World) -> None:
    order = w.order(None)
    await w.do(order)
    fill = await _fills(w, order)
    assert (fill.last_qty, fill.last_px) == (LOT, ASK)
    assert fill.commission > 0
    if FillReport in w.access.adapter.told:
        told = await w.heard(FillReport, lambda f: f.venue_order_id == fill.venue_order_id)
        # One trade is one fill, whichever way it is heard.
        assert (told.trade_id, told.last_px) == (fill.trade_id, fill.last_px)


async def _since(w: World) -> None:
    """Of two trades the later: lists end where we know everything already."""
    first, second = w.order(None), w.order(None)
    await w.do(first)
    known = await _fills(w, first)
    await asyncio.sleep(0.02)  # times are milliseconds: a tie would be listed too
    await w.do(second)
    last = await _fills(w, second)
    number = int(last.trade_id) if last.trade_id.isdecimal() else 0
    asks = QueryFills(
        **w.times(), instrument_id=w.name, since_trade_id=number, since_ns=last.ts_event
    )
    found = await w.get(asks, FillsReport)
    assert found.complete
    listed = {fill.trade_id for fill in found.fills}
    assert last.trade_id in listed
    assert known.trade_id not in listed


async def _balances(w: World) -> None:
    found = await w.get(QueryAccount(**w.times()), AccountReport)
    assert not found.partial
    assert any(b.total > 0 for b in found.balances)
    assert all(b.total == b.free + b.locked for b in found.balances)


async def _positions(w: World) -> None:
    asks = QueryPositions(**w.times(), instrument_id=w.name)
    before = {p.instrument_id: p.quantity for p in (await w.get(asks, PositionsReport)).positions}
    await w.do(w.order(None))
    found = await w.get(asks, PositionsReport)
    (position,) = [p for p in found.positions if p.instrument_id == w.name]
    assert position.quantity == before.get(w.name, Decimal(0)) + LOT


async def _leverage(w: World) -> None:
    asks = SetLeverage(**w.times(), instrument_id=w.name, leverage=Decimal(5))
    await w.get(asks, RequestDone)


async def _margin_mode(w: World) -> None:
    asks = SetMarginMode(**w.times(), instrument_id=w.name, mode=MarginMode.CROSS)
    await w.get(asks, RequestDone)


async def _fees(w: World) -> None:
    found = await w.get(QueryFees(**w.times(), instrument_id=w.name), FeesReport)
    assert 0 < found.taker < Decimal("0.1")


async def _batch(w: World) -> None:
    orders = [w.order(), w.order("49000")]
    asks = SubmitOrderList(**w.times(), orders=tuple(o.order for o in orders))
    found = await w.get(asks, OrderListReport)
    assert [type(answer) for answer in found.answers] == [OrderReport, OrderReport]
    assert {o.order.client_order_id for o in orders} <= await _open(w)


async def _dead_man(w: World) -> None:
    asks = CancelAllAfter(**w.times(), instrument_id=w.name, after_ns=10 * NS_PER_S)
    await w.get(asks, RequestDone)
    disarms = asks.model_copy(update={"after_ns": 0})
    reply = await w.do(disarms)
    if isinstance(reply, RequestFailed):  # some take it once a second only
        await asyncio.sleep(reply.retry_after_ns / NS_PER_S + 0.2)
        reply = await w.do(disarms)
    assert isinstance(reply, RequestDone), reply


async def _unknown(w: World) -> None:
    await w.get(w.about(w.order(), QueryOrder), OrderNotFound)
    reply = await w.do(w.about(w.order(), CancelOrder))
    assert isinstance(reply, RequestRefused | OrderNotFound), reply


async def _too_much(w: World) -> None:
    order = w.order("60000", quantity=Decimal(1000))
    await _refused(w, order)


async def _too_small(w: World) -> None:
    await _refused(w, w.order("60000", quantity=Decimal("0.000000001")))


async def _refused(w: World, order: SubmitOrder) -> None:
    reply = await w.do(order)
    assert isinstance(reply, RequestRefused), reply
    assert reply.code
    assert reply.reason
    assert order.order.client_order_id not in await _open(w)


async def _same_id(w: World) -> None:
    order = w.order()
    await w.get(order, OrderReport)
    await w.do(order)
    asks = QueryOpenOrders(**w.times(), instrument_id=w.name)
    found = await w.get(asks, OpenOrdersReport)
    ids = [o.client_order_id for o in found.orders]
    assert ids.count(order.order.client_order_id) == 1


CASES: Final[dict[str, Case]] = {
    "place: market": _market,
    "place: limit": _limit,
    "place: post-only": _post_only,
    "place: IOC": _ioc,
    "place: FOK": _fok,
    "place: stop": _waits(OrderType.STOP_MARKET, "61000"),
    "place: stop-limit": _waits(OrderType.STOP_LIMIT, "61000"),
    "place: take-profit": _waits(OrderType.MARKET_IF_TOUCHED, "59000"),
    "place: take-profit limit": _waits(OrderType.LIMIT_IF_TOUCHED, "59000"),
    "place: reduce-only": _reduce_only,
    "place: several at once": _batch,
    "amend: smaller": _changes(LOT, None),
    "amend: another price": _changes(2 * LOT, Decimal(50100)),
    "cancel": _cancel,
    "cancel all": _cancel_all,
    "dead-man switch": _dead_man,
    "query by client id": _by_client_id,
    "query by venue id": _by_venue_id,
    "open orders": _open_orders,
    "my trades, the same as streamed": _my_trades,
    "my trades: since a time or an id": _since,
    "balances": _balances,
    "positions": _positions,
    "leverage": _leverage,
    "margin mode": _margin_mode,
    "fee tier": _fees,
    "refused: unknown order": _unknown,
    "refused: more than we have": _too_much,
    "refused: less than a lot": _too_small,
    "refused: the same id again": _same_id,
    **STREAM_CASES,
    **MARKET_CASES,
}
