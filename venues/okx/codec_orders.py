"""Orders and fills of OKX, as evidence: the same rows come over REST and over the stream.

docs: docs-v5 "Order details", "WS / Order channel", "WS / Algo orders channel", "Transaction
details" (2026-09). Everything here is exact: text goes to Decimal and nowhere through a float.
A stop or take-profit is an algo order; when it triggers, OKX places another order in its name.
For us that is one order, so both carry the algo's ids.
"""

from decimal import Decimal
from typing import Final

import msgspec

from messages.base import ClientOrderId, TradeId, VenueOrderId
from messages.orders import LiquiditySide, OrderSide, OrderType
from messages.venue import (
    FillReport,
    OrderReport,
    Request,
    RequestRefused,
    Source,
    VenueStatus,
)
from venues.okx.codec_names import contract_size, instrument_id, lookup, ns, plain
from venues.wire.adapter import Instruments

ZERO: Final = Decimal(0)
SIDE: Final[dict[str, OrderSide]] = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}
TYPE: Final[dict[str, OrderType]] = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "post_only": OrderType.LIMIT,
    "fok": OrderType.LIMIT,
    "ioc": OrderType.LIMIT,
    "optimal_limit_ioc": OrderType.MARKET,
    "mmp": OrderType.LIMIT,
    "mmp_and_post_only": OrderType.LIMIT,
    "op_fok": OrderType.LIMIT,
    "elp": OrderType.LIMIT,
    "trigger": OrderType.MARKET,  # what an algo order became
}
STATUS: Final[dict[str, VenueStatus]] = {
    "live": VenueStatus.NEW,
    "partially_filled": VenueStatus.PARTIALLY_FILLED,
    "filled": VenueStatus.FILLED,
    "canceled": VenueStatus.CANCELED,
    "mmp_canceled": VenueStatus.EXPIRED,
}
# docs: "Algo order history", `state`. An effective algo has placed its order, which works on.
ALGO_STATUS: Final[dict[str, VenueStatus]] = {
    "live": VenueStatus.NEW,
    "pause": VenueStatus.NEW,
    "partially_effective": VenueStatus.NEW,
    "effective": VenueStatus.NEW,
    "order_placed": VenueStatus.NEW,
    "filled": VenueStatus.FILLED,
    "canceled": VenueStatus.CANCELED,
    "order_failed": VenueStatus.EXPIRED,
    "partially_failed": VenueStatus.EXPIRED,
}
_TRIGGERED: Final = frozenset({"effective", "partially_effective", "order_placed", "filled"})
# docs: "Order details", `cancelSource`: somebody told it to. Every other source is a rule of the
# venue (13 FOK, 14 IOC, 31 post-only, 32 self-trade, 3 liquidation and so on).
_TOLD: Final = frozenset({"", "0", "1", "20"})

_AMEND_FAILED: Final = "-1"


class Order(msgspec.Struct, rename="camel"):
    """One row of an order, of any endpoint; text that is "" where it does not apply."""

    inst_id: str
    ord_id: str
    side: str
    ord_type: str
    state: str
    u_time: str
    sz: str = ""
    px: str = ""
    avg_px: str = ""
    acc_fill_sz: str = ""
    cl_ord_id: str = ""
    algo_id: str = ""
    algo_cl_ord_id: str = ""
    tgt_ccy: str = ""
    cancel_source: str = ""
    fill_px: str = ""
    fill_sz: str = ""
    fill_time: str = ""
    trade_id: str = ""
    exec_type: str = ""
    fee: str = ""
    fee_ccy: str = ""
    rebate: str = ""
    fill_fee: str | None = None
    fill_fee_ccy: str = ""
    amend_result: str = ""
    code: str = ""
    msg: str = ""


class Algo(msgspec.Struct, rename="camel"):
    """One row of an algo order."""

    inst_id: str
    algo_id: str
    side: str
    ord_type: str
    state: str
    u_time: str = ""
    c_time: str = ""
    sz: str = ""
    algo_cl_ord_id: str = ""
    sl_trigger_px: str = ""
    sl_ord_px: str = ""
    tp_trigger_px: str = ""
    tp_ord_px: str = ""
    ord_px: str = ""
    actual_sz: str = ""
    actual_px: str = ""
    fail_code: str = ""
    ord_id: str = ""


class Fill(msgspec.Struct, rename="camel"):
    """One row of "Transaction details" and of the fills channel."""

    inst_id: str
    trade_id: str
    ord_id: str
    fill_px: str
    fill_sz: str
    side: str
    ts: str
    cl_ord_id: str = ""
    exec_type: str = ""
    fee: str = ""
    fee_ccy: str = ""


def number(text: str | None) -> Decimal:
    """A decimal, 0 where OKX says nothing; raises ValueError for text that is no number."""
    if not text:
        return ZERO
    try:
        found = Decimal(text)
    except ArithmeticError:
        raise ValueError(f"{text!r} is no number") from None
    if not found.is_finite():
        raise ValueError(f"{text!r} is no amount")
    return found


def price(text: str) -> Decimal | None:
    """A price; None where there is none: "", "0", and "-1" of a market order of an algo."""
    found = number(text)
    return found if found > 0 else None


def named(d: Order) -> tuple[ClientOrderId, VenueOrderId]:
    """The ids under which we know an order; of one that an algo placed, the algo's."""
    if d.algo_id and (d.algo_cl_ord_id or not d.cl_ord_id):
        return ClientOrderId(d.algo_cl_ord_id), VenueOrderId(d.algo_id)
    return ClientOrderId(d.cl_ord_id), VenueOrderId(d.ord_id)


def order_report(
    d: Order, instruments: Instruments, ts_init: int, source: Source
) -> OrderReport | None:
    """The venue's view of an order; None where its quantity is one of quote currency.

    Such an order is a market buy of somebody else: we place ours in base (`tgtCcy`), it never
    rests, and how much base it was for is not known before it is done.
    raises  ValueError
    """
    size = contract_size(instruments, d.inst_id)
    filled = plain(number(d.acc_fill_sz) * size)
    status = lookup(STATUS, d.state, "state")
    if status is VenueStatus.CANCELED and d.cancel_source not in _TOLD:
        status = VenueStatus.EXPIRED
    quantity = plain(number(d.sz) * size)
    if d.tgt_ccy == "quote_ccy":
        quantity = filled
    if quantity <= 0:
        return None
    client_id, venue_id = named(d)
    kind = lookup(TYPE, d.ord_type, "ordType")
    reason = d.cancel_source if status is VenueStatus.EXPIRED else ""
    return OrderReport(
        ts_event=ns(int(d.u_time)),
        ts_init=ts_init,
        client_order_id=client_id,
        venue_order_id=venue_id,
        instrument_id=instrument_id(d.inst_id),
        side=lookup(SIDE, d.side, "side"),
        order_type=kind,
        status=status,
        quantity=quantity,
        filled_qty=filled,
        price=price(d.px) if kind.limited else None,
        avg_px=price(d.avg_px) if filled > 0 else None,
        triggered=bool(d.algo_id),
        source=source,
        reason=f"cancelSource {reason}" if reason else "",
    )


def amend_refused(d: Order, ts_init: int) -> RequestRefused | None:
    """The end of an amend that was acknowledged, and that the engine then refused.

    docs: "Order channel", `amendResult`: -1 is a failure; 1 one that had the order canceled, which
    its state tells.
    """
    client_id, _ = named(d)
    if d.amend_result != _AMEND_FAILED or not client_id:
        return None
    return RequestRefused(
        ts_event=ns(int(d.u_time)),
        ts_init=ts_init,
        request=Request.MODIFY,
        client_order_id=client_id,
        code=d.code,
        reason=d.msg or "the amend failed",
    )


def fill_of_order(
    d: Order, instruments: Instruments, ts_init: int, source: Source
) -> FillReport | None:
    """The trade that an order row tells about; None if it tells of none.

    raises  ValueError, also if the row does not say what this one trade cost
    """
    size, traded = contract_size(instruments, d.inst_id), number(d.fill_sz)
    if not d.trade_id or d.trade_id == "0" or traded <= 0:
        return None
    if d.fill_fee:
        fee, currency = number(d.fill_fee), d.fill_fee_ccy
    elif traded == number(d.acc_fill_sz):
        fee, currency = number(d.fee), d.fee_ccy  # summed over the order, which is this trade
    else:
        raise ValueError("fillFee: missing, and `fee` is that of several trades")
    client_id, venue_id = named(d)
    return FillReport(
        ts_event=ns(int(d.fill_time or d.u_time)),
        ts_init=ts_init,
        client_order_id=client_id,
        venue_order_id=venue_id,
        instrument_id=instrument_id(d.inst_id),
        trade_id=TradeId(d.trade_id),
        side=lookup(SIDE, d.side, "side"),
        last_qty=plain(traded * size),
        last_px=number(d.fill_px),
        commission=plain(-fee) if fee else ZERO,  # OKX: negative is charged, positive a rebate
        currency=currency,
        liquidity_side=_liquidity(d.exec_type),
        source=source,
    )


def fill_report(d: Fill, instruments: Instruments, ts_init: int, source: Source) -> FillReport:
    """One row of "Transaction details"; raises ValueError."""
    fee = number(d.fee)
    return FillReport(
        ts_event=ns(int(d.ts)),
        ts_init=ts_init,
        client_order_id=ClientOrderId(d.cl_ord_id),
        venue_order_id=VenueOrderId(d.ord_id),
        instrument_id=instrument_id(d.inst_id),
        trade_id=TradeId(d.trade_id),
        side=lookup(SIDE, d.side, "side"),
        last_qty=plain(number(d.fill_sz) * contract_size(instruments, d.inst_id)),
        last_px=number(d.fill_px),
        commission=plain(-fee) if fee else ZERO,
        currency=d.fee_ccy,
        liquidity_side=_liquidity(d.exec_type),
        source=source,
    )


def algo_report(
    d: Algo, instruments: Instruments, ts_init: int, source: Source
) -> OrderReport | None:
    """The venue's view of a stop or take-profit order; None for one that closes a position whole.

    Of a plain trigger order nobody can say whether it stops or takes: it is called a stop.
    raises  ValueError
    """
    quantity = plain(number(d.sz) * contract_size(instruments, d.inst_id))
    if quantity <= 0:
        return None
    taking = bool(d.tp_trigger_px) and not d.sl_trigger_px
    limit = price(d.tp_ord_px if taking else d.sl_ord_px or d.ord_px)
    market, limited = (
        (OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED)
        if taking
        else (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
    )
    status = lookup(ALGO_STATUS, d.state, "state")
    return OrderReport(
        ts_event=ns(int(d.u_time or d.c_time)),
        ts_init=ts_init,
        client_order_id=ClientOrderId(d.algo_cl_ord_id),
        venue_order_id=VenueOrderId(d.algo_id),
        instrument_id=instrument_id(d.inst_id),
        side=lookup(SIDE, d.side, "side"),
        order_type=market if limit is None else limited,
        status=status,
        quantity=quantity,
        filled_qty=quantity if status is VenueStatus.FILLED else ZERO,
        price=limit,
        avg_px=price(d.actual_px) if status is VenueStatus.FILLED else None,
        triggered=d.state in _TRIGGERED,
        source=source,
        reason=d.fail_code if status is VenueStatus.EXPIRED else "",
    )


def _liquidity(word: str) -> LiquiditySide:
    return LiquiditySide.MAKER if word == "M" else LiquiditySide.TAKER
