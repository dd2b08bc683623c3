"""The other direction, orders: what a Binance server would send for the evidence it produces.

For the simulator and the round-trip tests. An `OrderReport` says where an order is; `Detail` says
what it does not: the words of the wire that our vocabulary has no use for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from messages.market import Instrument
from messages.orders import LiquiditySide, OrderSide, OrderType
from messages.venue import Balance, FillReport, OrderReport, VenueStatus
from venues.binance.codec_encode import Json
from venues.binance.codec_names import ms, symbol_of
from venues.binance.codec_orders import STOPS, text

_ZERO: Final = Decimal(0)
_STEP: Final = Decimal("1e-16")  # price and size have at most 8 decimals each
_WIDE: Final = Context(prec=60)
_PLAIN_TYPE: Final[dict[OrderType, str]] = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_MARKET: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    OrderType.MARKET_IF_TOUCHED: "TAKE_PROFIT",
    OrderType.LIMIT_IF_TOUCHED: "TAKE_PROFIT_LIMIT",
}
_EXECUTION: Final[dict[VenueStatus, str]] = {
    VenueStatus.NEW: "NEW",
    VenueStatus.CANCELED: "CANCELED",
    VenueStatus.REJECTED: "REJECTED",
    VenueStatus.EXPIRED: "EXPIRED",
}


@dataclass(frozen=True, slots=True)
class Detail:
    """What the wire says about an order beyond its report.

    wire_type    "LIMIT_MAKER" and the like; "" takes the plain name of the report's type
    request_id   the client id of the cancel or amend request, where that is what happened
    execution    `x`; "" derives it from the status (or from the fill)
    status       `X`; "" takes the report's ("EXPIRED_IN_MATCH" has no word of ours)
    """

    wire_type: str = ""
    time_in_force: str = "GTC"
    stop_price: Decimal = _ZERO
    request_id: str = ""
    execution: str = ""
    status: str = ""
    ts_created: int = 0


PLAIN: Final = Detail()


def _quote(report: OrderReport) -> str:
    """What the fills cost: the average is a rounded quotient, so its product is rounded back."""
    cost = (report.avg_px or _ZERO) * report.filled_qty
    return text(_WIDE.quantize(cost, _STEP).normalize())


def _type(report: OrderReport, detail: Detail) -> str:
    return detail.wire_type or _PLAIN_TYPE[report.order_type]


def _working(report: OrderReport) -> bool:
    """A stop order is on the book only once it has been triggered."""
    return report.status.open and (report.triggered or report.order_type not in STOPS)


def execution_report(
    report: OrderReport, fill: FillReport | None = None, detail: Detail = PLAIN
) -> Json:
    """One `executionReport`: of a trade where `fill` is given (then `report` is after it)."""
    x = detail.execution or ("TRADE" if fill is not None else _EXECUTION[report.status])
    about_another = x in ("CANCELED", "REPLACED")
    ts = ms(report.ts_event)
    payload: Json = {
        "e": "executionReport",
        "E": ts,
        "s": symbol_of(report.instrument_id),
        "c": (about_another and detail.request_id) or report.client_order_id,
        "S": report.side.value,
        "o": _type(report, detail),
        "f": detail.time_in_force,
        "q": text(report.quantity),
        "p": text(report.price or _ZERO),
        "P": text(detail.stop_price),
        "F": "0",
        "g": -1,
        "C": report.client_order_id if about_another else "",
        "x": x,
        "X": detail.status or report.status.value,
        "r": report.reason if x == "REJECTED" and report.reason else "NONE",
        "i": int(report.venue_order_id),
        "l": text(fill.last_qty) if fill else "0",
        "z": text(report.filled_qty),
        "L": text(fill.last_px) if fill else "0",
        "n": text(fill.commission) if fill else "0",
        "N": fill.currency if fill else None,
        "T": ts,
        "t": int(fill.trade_id) if fill else -1,
        "w": _working(report) or (report.triggered and report.filled_qty == 0),
        "m": fill is not None and fill.liquidity_side is LiquiditySide.MAKER,
        "M": False,
        "O": ms(detail.ts_created or report.ts_event),
        "Z": _quote(report),
        "Y": text(fill.last_qty * fill.last_px) if fill else "0",
        "Q": "0",
        "V": "NONE",
    }
    if x == "EXPIRED" and report.reason:
        payload["eR"] = report.reason
    return payload


def account_position(balances: Iterable[Balance], ts_ns: int) -> Json:
    """`outboundAccountPosition`: the balances that an event may have changed."""
    rows = [{"a": b.currency, "f": text(b.free), "l": text(b.locked)} for b in balances]
    return {"e": "outboundAccountPosition", "E": ms(ts_ns), "u": ms(ts_ns), "B": rows}


def stream_ended(kind: str, ts_ns: int, listen_key: str = "") -> Json:
    """`listenKeyExpired` or `eventStreamTerminated`."""
    payload: Json = {"e": kind, "E": ms(ts_ns)}
    return payload | {"listenKey": listen_key} if listen_key else payload


def _order(report: OrderReport, detail: Detail) -> Json:
    return {
        "symbol": symbol_of(report.instrument_id),
        "orderId": int(report.venue_order_id),
        "orderListId": -1,
        "clientOrderId": report.client_order_id,
        "price": text(report.price or _ZERO),
        "origQty": text(report.quantity),
        "executedQty": text(report.filled_qty),
        "origQuoteOrderQty": "0",
        "cummulativeQuoteQty": _quote(report),
        "status": detail.status or report.status.value,
        "timeInForce": detail.time_in_force,
        "type": _type(report, detail),
        "side": report.side.value,
        "stopPrice": text(detail.stop_price),
        "isWorking": _working(report) or (report.triggered and report.filled_qty == 0),
        "selfTradePreventionMode": "NONE",
    }


def order_ack(report: OrderReport) -> Json:
    """POST /api/v3/order with newOrderRespType=ACK: the ids and nothing else."""
    return {
        "symbol": symbol_of(report.instrument_id),
        "orderId": int(report.venue_order_id),
        "orderListId": -1,
        "clientOrderId": report.client_order_id,
        "transactTime": ms(report.ts_event),
    }


def order_result(report: OrderReport, detail: Detail = PLAIN) -> Json:
    """POST /api/v3/order with newOrderRespType=RESULT: the order after matching."""
    return _order(report, detail) | {"transactTime": ms(report.ts_event)}


def order_full(report: OrderReport, fills: Iterable[FillReport], detail: Detail = PLAIN) -> Json:
    """POST /api/v3/order with newOrderRespType=FULL: and what it took on arrival."""
    rows = [
        {
            "price": text(f.last_px),
            "qty": text(f.last_qty),
            "commission": text(f.commission),
            "commissionAsset": f.currency,
            "tradeId": int(f.trade_id),
        }
        for f in fills
    ]
    return order_result(report, detail) | {"fills": rows}


def cancel_answer(report: OrderReport, detail: Detail = PLAIN) -> Json:
    """DELETE /api/v3/order: `clientOrderId` is the request's, `origClientOrderId` the order's."""
    return order_result(report, detail) | {
        "clientOrderId": detail.request_id or report.client_order_id,
        "origClientOrderId": report.client_order_id,
    }


def amend_answer(report: OrderReport, execution_id: int, detail: Detail = PLAIN) -> Json:
    """PUT /api/v3/order/amend/keepPriority."""
    order = _order(report, detail)
    quote, qty = order.pop("cummulativeQuoteQty"), order.pop("origQty")
    amended = order | {
        "clientOrderId": detail.request_id or report.client_order_id,
        "origClientOrderId": report.client_order_id,
        "qty": qty,
        "preventedQty": "0",
        "cumulativeQuoteQty": quote,
    }
    return {
        "transactTime": ms(report.ts_event),
        "executionId": execution_id,
        "amendedOrder": amended,
    }


def order_view(report: OrderReport, detail: Detail = PLAIN) -> Json:
    """GET /api/v3/order, and one row of GET /api/v3/openOrders."""
    ts, ts_created = ms(report.ts_event), ms(detail.ts_created or report.ts_event)
    return _order(report, detail) | {
        "time": ts_created,
        "updateTime": ts,
        "workingTime": ts_created,
    }


def my_trade(fill: FillReport) -> Json:
    """One row of GET /api/v3/myTrades; it does not say the client order id."""
    return {
        "symbol": symbol_of(fill.instrument_id),
        "id": int(fill.trade_id),
        "orderId": int(fill.venue_order_id),
        "orderListId": -1,
        "price": text(fill.last_px),
        "qty": text(fill.last_qty),
        "quoteQty": text(fill.last_qty * fill.last_px),
        "commission": text(fill.commission),
        "commissionAsset": fill.currency,
        "time": ms(fill.ts_event),
        "isBuyer": fill.side is OrderSide.BUY,
        "isMaker": fill.liquidity_side is LiquiditySide.MAKER,
        "isBestMatch": True,
    }


def account(
    balances: Iterable[Balance], ts_ns: int, maker_fee: Decimal = _ZERO, taker_fee: Decimal = _ZERO
) -> Json:
    """GET /api/v3/account."""
    rates = {"maker": text(maker_fee), "taker": text(taker_fee), "buyer": "0", "seller": "0"}
    return {
        "commissionRates": rates,
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "updateTime": ms(ts_ns),
        "accountType": "SPOT",
        "balances": [
            {"asset": b.currency, "free": text(b.free), "locked": text(b.locked)} for b in balances
        ],
        "permissions": ["SPOT"],
    }


def commission(instrument: Instrument) -> Json:
    """GET /api/v3/account/commission: no tax, no special rates, no discount."""
    none = {"maker": "0", "taker": "0", "buyer": "0", "seller": "0"}
    rates = {"maker": text(instrument.maker_fee), "taker": text(instrument.taker_fee)}
    return {
        "symbol": instrument.symbol,
        "standardCommission": none | rates,
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": "0",
        },
    }


def server_time(ts_ns: int) -> Json:
    """GET /api/v3/time."""
    return {"serverTime": ms(ts_ns)}


def listen_key(key: str) -> Json:
    """POST /api/v3/userDataStream."""
    return {"listenKey": key}


def error(code: int, message: str) -> Json:
    """The body of every refusal."""
    return {"code": code, "msg": message}
