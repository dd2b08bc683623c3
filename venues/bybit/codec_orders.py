"""Bybit's words for orders and ours, shared by the private stream, the answers and the requests.

docs: v5 "Enums Definitions": orderStatus, stopOrderType, triggerDirection, timeInForce,
cancelType, rejectReason, execType; "Trade / Get Open & Closed Orders" for the row of an order.
"""

from decimal import Decimal
from typing import Final

import msgspec

from messages.base import ClientOrderId, TradeId, VenueOrderId
from messages.market import Product
from messages.orders import LiquiditySide, OrderSide, OrderSpec, OrderType
from messages.venue import (
    FillReport,
    OrderReport,
    Request,
    RequestRefused,
    Source,
    VenueStatus,
)
from venues.bybit.codec_names import amount, currencies, instrument_id, lookup, ns

STATUS: Final[dict[str, VenueStatus]] = {
    "Created": VenueStatus.NEW,
    "New": VenueStatus.NEW,
    "PartiallyFilled": VenueStatus.PARTIALLY_FILLED,
    "Untriggered": VenueStatus.NEW,  # a conditional order that waits
    "Triggered": VenueStatus.NEW,  # for the instant between Untriggered and New
    "Rejected": VenueStatus.REJECTED,
    "PartiallyFilledCanceled": VenueStatus.CANCELED,  # spot only
    "Filled": VenueStatus.FILLED,
    "Cancelled": VenueStatus.CANCELED,
    "Deactivated": VenueStatus.CANCELED,  # a conditional order, before it triggered
}
SIDE: Final[dict[str, OrderSide]] = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}
SIDE_WORD: Final[dict[OrderSide, str]] = {side: word for word, side in SIDE.items()}
RISES: Final = 1  # triggerDirection: when the price rises to the trigger price
FALLS: Final = 2
_STOPS: Final = frozenset({"StopLoss", "PartialStopLoss", "TrailingStop"})
_TOUCHES: Final = frozenset({"TakeProfit", "PartialTakeProfit"})
# Ends that somebody asked for; any other word means that the venue's rules ended the order.
_ASKED_FOR: Final = frozenset({"", "UNKNOWN", "CancelByUser", "CancelByDCP"})
_NO_REASON: Final = frozenset({"", "UNKNOWN", "EC_NoError", "EC_PerCancelRequest"})
_LIMITED: Final = {
    OrderType.MARKET: OrderType.LIMIT,
    OrderType.STOP_MARKET: OrderType.STOP_LIMIT,
    OrderType.MARKET_IF_TOUCHED: OrderType.LIMIT_IF_TOUCHED,
}
# Whether an execution moves our position: a trade, or a charge that only names one.
MOVES: Final[dict[str, bool]] = {
    "Trade": True,
    "AdlTrade": True,  # auto-deleveraging closed us
    "BustTrade": True,  # liquidation closed us
    "BlockTrade": True,
    "MovePosition": True,
    "FutureSpread": True,
    "Delivery": True,
    "Funding": False,
    "Settle": False,
    "SessionSettlePnL": False,
    "UNKNOWN": False,
}


class OrderRow(msgspec.Struct, rename="camel"):
    """An order in any answer or frame. Numbers are text, and "" or null where there is none."""

    symbol: str
    order_id: str
    side: str
    order_type: str
    order_status: str
    qty: str
    updated_time: str
    order_link_id: str = ""
    category: str = ""
    price: str | None = ""
    avg_price: str | None = ""
    cum_exec_qty: str | None = ""
    cum_exec_value: str | None = ""
    stop_order_type: str | None = ""
    trigger_price: str | None = ""
    trigger_direction: int = 0
    last_price_on_created: str | None = ""
    cancel_type: str | None = ""
    reject_reason: str | None = ""
    market_unit: str | None = ""


class ExecutionRow(msgspec.Struct, rename="camel"):
    """One execution, over REST or streamed. docs: "Trade / Get Trade History", "Execution"."""

    symbol: str
    order_id: str
    side: str
    exec_id: str
    exec_price: str
    exec_qty: str
    exec_time: str
    exec_fee: str | None = ""
    exec_type: str = "Trade"
    order_link_id: str = ""
    category: str = ""
    fee_currency: str | None = ""
    is_maker: bool = False


def text(number: Decimal) -> str:
    """A decimal as Bybit writes it: exact, never in scientific notation."""
    return format(number, "f")


def rises(order: OrderSpec) -> bool:
    """Whether an order waits for the price to rise to its trigger."""
    stop = order.order_type in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
    return stop is (order.side is OrderSide.BUY)


def _conditional(d: OrderRow) -> OrderType:
    """Stop or take-profit. Contracts say which way the trigger waits, spot does not: there the
    price at the time of placing tells."""
    kind = d.stop_order_type or ""
    if kind in _STOPS or kind in _TOUCHES:
        return OrderType.STOP_MARKET if kind in _STOPS else OrderType.MARKET_IF_TOUCHED
    up = d.trigger_direction == RISES
    if d.trigger_direction not in (RISES, FALLS):
        up = amount(d.trigger_price) >= amount(d.last_price_on_created)
    stop = up is (d.side == "Buy")
    return OrderType.STOP_MARKET if stop else OrderType.MARKET_IF_TOUCHED


def type_of(d: OrderRow) -> OrderType:
    """Our order type; raises ValueError for a word that we do not know."""
    base = _conditional(d) if amount(d.trigger_price) > 0 else OrderType.MARKET
    words = {"Market": base, "Limit": _LIMITED[base]}
    return lookup(words, d.order_type, "orderType")


def status_of(d: OrderRow, filled: Decimal) -> VenueStatus:
    """Where the venue says the order is.

    Bybit acknowledges an order before its engine has looked at it, so REJECTED may follow an
    acknowledgement; an order that traded before it was "rejected" has only lost its rest. One that
    ends for the venue's own reason (post-only that would take, the rest of an IOC, reduce-only) is
    "Cancelled" there and EXPIRED with us.
    """
    status = lookup(STATUS, d.order_status, "orderStatus")
    if status is VenueStatus.REJECTED and filled > 0:
        return VenueStatus.EXPIRED
    own = (d.cancel_type or "") not in _ASKED_FOR or (d.reject_reason or "") not in _NO_REASON
    return VenueStatus.EXPIRED if status is VenueStatus.CANCELED and own else status


def order_report(d: OrderRow, product: Product, source: Source, ts_init: int) -> OrderReport | None:
    """Evidence in a row; None for a market order that counts in quote currency and has not traded
    yet: its size in base is not known before."""
    filled = amount(d.cum_exec_qty)
    quantity = filled if d.market_unit == "quoteCoin" else amount(d.qty)
    if quantity == 0:
        return None
    kind = type_of(d)
    price, paid = amount(d.price), amount(d.avg_price)
    if not paid and filled:
        paid = amount(d.cum_exec_value) / filled
    return OrderReport(
        ts_event=ns(d.updated_time),
        ts_init=ts_init,
        client_order_id=ClientOrderId(d.order_link_id),
        venue_order_id=VenueOrderId(d.order_id),
        instrument_id=instrument_id(d.symbol, product),
        side=lookup(SIDE, d.side, "side"),
        order_type=kind,
        status=status_of(d, filled),
        quantity=quantity,
        filled_qty=filled,
        price=price if kind.limited and price > 0 else None,
        avg_px=paid if paid > 0 else None,
        triggered=kind.triggered and (filled > 0 or d.order_status in ("Triggered", "New")),
        source=source,
        reason=_reason(d),
    )


def amend_refused(d: OrderRow, report: OrderReport | None, ts_init: int) -> RequestRefused | None:
    """The end of an amend that was acknowledged, and that the engine then refused: the order works
    on as it was, with a reason for a rejection. The page of the stream is silent on it; an order
    that was never asked to change does not mind."""
    why = d.reject_reason or ""
    if report is None or not report.status.open or why in _NO_REASON or not d.order_link_id:
        return None
    return RequestRefused(
        ts_event=report.ts_event,
        ts_init=ts_init,
        request=Request.MODIFY,
        client_order_id=report.client_order_id,
        code=why,
        reason="the order works on as it was",
    )


def _reason(d: OrderRow) -> str:
    """Why it ended, as far as the venue says."""
    words = (d.reject_reason or "", d.cancel_type or "")
    return next((w for w in words if w not in _NO_REASON and w not in _ASKED_FOR), "")


def fill_report(
    d: ExecutionRow, product: Product, source: Source, ts_init: int
) -> FillReport | None:
    """Evidence in an execution; None for one that is no trade (funding, a settlement).

    `execId` is the same in the stream and over REST. Fees are in `feeCurrency`; where that is
    absent, a contract pays in its quote currency and spot in what it receives.
    """
    if not lookup(MOVES, d.exec_type, "execType"):
        return None
    side = lookup(SIDE, d.side, "side")
    base, quote = currencies(d.symbol, product)
    received = base if product is Product.SPOT and side is OrderSide.BUY else quote
    return FillReport(
        ts_event=ns(d.exec_time),
        ts_init=ts_init,
        client_order_id=ClientOrderId(d.order_link_id),
        venue_order_id=VenueOrderId(d.order_id),
        instrument_id=instrument_id(d.symbol, product),
        trade_id=TradeId(d.exec_id),
        side=side,
        last_qty=amount(d.exec_qty),
        last_px=amount(d.exec_price),
        commission=amount(d.exec_fee),
        currency=d.fee_currency or received,
        liquidity_side=LiquiditySide.MAKER if d.is_maker else LiquiditySide.TAKER,
        source=source,
    )
