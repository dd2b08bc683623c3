"""Messages -> Bybit's rows: what the simulator writes in its answers and frames.

docs: v5 "Trade / Get Open & Closed Orders", "Get Trade History", "Position / Get Position Info",
"Account / Get Wallet Balance", "Market"; the streams of the same names.
"""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from messages.arrays import Rows
from messages.market import BarBatch, Instrument, LiquidationBatch, Product, TradeBatch
from messages.orders import LiquiditySide, OrderSide, OrderSpec, OrderType, TimeInForce
from messages.venue import (
    Balance,
    FillReport,
    OrderReport,
    PositionReport,
    Source,
    VenueStatus,
)
from venues.bybit.codec_names import CATEGORY, ms
from venues.bybit.codec_orders import FALLS, RISES, SIDE_WORD, rises, text
from venues.sim.ledger import OrderLine
from venues.wire.evidence import untouched

Json = dict[str, Any]
UNNAMED: Final = "~"  # begins the client ids of orders that came without one
_STATUS: Final[dict[VenueStatus, str]] = {
    VenueStatus.NEW: "New",
    VenueStatus.PARTIALLY_FILLED: "PartiallyFilled",
    VenueStatus.FILLED: "Filled",
    VenueStatus.CANCELED: "Cancelled",
    VenueStatus.EXPIRED: "Cancelled",
    VenueStatus.REJECTED: "Rejected",
}
WOULD_TAKE: Final = "EC_PostOnlyWillTakeLiquidity"
_NO_ERROR: Final = "EC_NoError"


def number(value: float) -> str:
    """A float of the tape as text, without an exponent."""
    return text(Decimal(repr(value)).normalize()) if value else "0"


def link(name: str) -> str:
    """The client's own id, "" if it gave none."""
    return "" if name.startswith(UNNAMED) else name


def order_row(report: OrderReport, line: OrderLine, product: Product) -> Json:
    """An order as the stream and the questions show it."""
    spec = line.spec
    waits = spec.order_type.triggered and not report.triggered and report.status.open
    paid, linear = report.avg_px or Decimal(0), product is Product.LINEAR
    left = report.quantity - report.filled_qty if report.status.open else Decimal(0)
    return {
        "category": CATEGORY[product],
        "symbol": symbol(report.instrument_id),
        "orderId": report.venue_order_id,
        "orderLinkId": link(report.client_order_id),
        "side": SIDE_WORD[report.side],
        "orderType": "Limit" if spec.order_type.limited else "Market",
        "orderStatus": "Untriggered" if waits else _word(report, product),
        "price": text(report.price) if report.price is not None else "0",
        "qty": text(report.quantity),
        "avgPrice": text(paid) if paid else "",
        "leavesQty": text(left),
        "leavesValue": text(left * (report.price or paid)),
        "cumExecQty": text(report.filled_qty),
        "cumExecValue": text(report.filled_qty * paid),
        "cumExecFee": "0",
        "timeInForce": _force(spec),
        "stopOrderType": "Stop" if spec.order_type.triggered else "",
        "triggerPrice": text(spec.trigger_price) if spec.trigger_price is not None else "",
        "triggerDirection": (RISES if rises(spec) else FALLS) if spec.order_type.triggered else 0,
        "triggerBy": "LastPrice" if spec.order_type.triggered else "",
        "lastPriceOnCreated": _reference(spec),
        "reduceOnly": spec.reduce_only,
        "closeOnTrigger": False,
        "positionIdx": 0,
        "isLeverage": "0",
        "marketUnit": "baseCoin",
        "smpType": "None",
        "createdTime": str(ms(line.ts_ns)),
        "updatedTime": str(ms(report.ts_event)),
        **_end(report, spec),
        # Only contracts have attached take-profits and stop-losses.
        **({"tpslMode": "", "takeProfit": "", "stopLoss": ""} if linear else {}),
    }


def symbol(instrument_id: str) -> str:
    """The raw name in an instrument id of either product."""
    return instrument_id.rpartition("-")[0]


def _word(report: OrderReport, product: Product) -> str:
    ended = report.status in (VenueStatus.CANCELED, VenueStatus.EXPIRED)
    if ended and product is Product.SPOT and report.filled_qty:
        return "PartiallyFilledCanceled"
    return _STATUS[report.status]


def _force(spec: OrderSpec) -> str:
    if spec.post_only:
        return "PostOnly"
    return spec.time_in_force.value if spec.order_type.limited else TimeInForce.IOC.value


def _reference(spec: OrderSpec) -> str:
    """Some price on the side of the trigger where the order waits."""
    if spec.trigger_price is None:
        return ""
    return text(spec.trigger_price * (Decimal("0.99") if rises(spec) else Decimal("1.01")))


def _end(report: OrderReport, spec: OrderSpec) -> Json:
    if report.status is VenueStatus.CANCELED:
        return {"cancelType": "CancelByUser", "rejectReason": "EC_PerCancelRequest"}
    if report.status is VenueStatus.EXPIRED:
        if "SELF" in report.reason.upper():
            return {"cancelType": "CancelBySmp", "rejectReason": _NO_ERROR}
        whole = spec.time_in_force is TimeInForce.FOK
        why = "EC_CancelForNoFullFill" if whole else "EC_NoImmediateQtyToFill"
        return {"cancelType": "UNKNOWN", "rejectReason": why}
    return {"cancelType": "UNKNOWN", "rejectReason": report.reason or _NO_ERROR}


def never_row(spec: OrderSpec, order_id: str, product: Product, ts_ns: int) -> Json:
    """A post-only order that would have taken: acknowledged, then cancelled before it worked."""
    report = untouched(
        spec,
        order_id,
        ts_event=ts_ns,
        ts_init=ts_ns,
        status=VenueStatus.REJECTED,
        source=Source.STREAM,
        reason=WOULD_TAKE,
    )
    row = order_row(report, OrderLine(spec, ts_ns, None), product)
    return row | {"orderStatus": "Cancelled", "leavesQty": "0"}


def execution_row(fill: FillReport, line: OrderLine, product: Product) -> Json:
    """One trade of ours."""
    spec, value = line.spec, fill.last_qty * fill.last_px
    return {
        "category": CATEGORY[product],
        "symbol": symbol(fill.instrument_id),
        "orderId": fill.venue_order_id,
        "orderLinkId": link(spec.client_order_id),
        "side": SIDE_WORD[fill.side],
        "orderType": "Limit" if spec.order_type.limited else "Market",
        "orderPrice": text(spec.price) if spec.price is not None else "0",
        "orderQty": text(spec.quantity),
        "stopOrderType": "Stop" if spec.order_type is OrderType.STOP_MARKET else "UNKNOWN",
        "execId": fill.trade_id,
        "execType": "Trade",
        "execPrice": text(fill.last_px),
        "execQty": text(fill.last_qty),
        "execValue": text(value),
        "execFee": text(fill.commission),
        "feeCurrency": fill.currency,
        "feeRate": text((fill.commission / value).normalize() if value else Decimal(0)),
        "execTime": str(ms(fill.ts_event)),
        "isMaker": fill.liquidity_side is LiquiditySide.MAKER,
        "isLeverage": "0",
        "closedSize": "0",
        "seq": int(fill.trade_id),
    }


def position_row(report: PositionReport) -> Json:
    """A position; REST and the stream name its price differently, so both names are there."""
    size, price = abs(report.quantity), text(report.avg_px)
    return {
        "category": "linear",
        "symbol": symbol(report.instrument_id),
        "side": "" if not size else SIDE_WORD[_side(report.quantity)],
        "size": text(size),
        "avgPrice": price,
        "entryPrice": price,
        "positionValue": text(size * report.avg_px),
        "leverage": text(report.leverage),
        "liqPrice": text(report.liquidation_px) if report.liquidation_px else "",
        "markPrice": price,
        "unrealisedPnl": "0",
        "positionIdx": 0,
        "tradeMode": 0,
        "positionStatus": "Normal",
        "createdTime": str(ms(report.ts_event)),
        "updatedTime": str(ms(report.ts_event)),
    }


def _side(quantity: Decimal) -> OrderSide:
    return OrderSide.BUY if quantity > 0 else OrderSide.SELL


def coin_row(balance: Balance) -> Json:
    """One currency of the wallet. `locked` holds what orders and positions do."""
    total = text(balance.total)
    return {
        "coin": balance.currency,
        "equity": total,
        "walletBalance": total,
        "usdValue": total,
        "locked": text(balance.locked),
        "totalOrderIM": "0",
        "totalPositionIM": "0",
        "spotBorrow": "0",
        "borrowAmount": "0",
        "availableToWithdraw": "",
        "unrealisedPnl": "0",
        "cumRealisedPnl": "0",
    }


def wallet(balances: tuple[Balance, ...]) -> Json:
    """The account."""
    return {"accountType": "UNIFIED", "coin": [coin_row(b) for b in balances]}


def instrument_row(instrument: Instrument) -> Json:
    """The rules of an instrument."""
    lot, most = text(instrument.size_increment), text(instrument.max_quantity)
    least, notional = text(instrument.min_quantity), text(instrument.min_notional)
    head: Json = {
        "symbol": instrument.symbol,
        "status": "Trading",
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "priceFilter": {"tickSize": text(instrument.price_increment)},
    }
    if instrument.product is Product.SPOT:
        sizes = {
            "basePrecision": lot,
            "quotePrecision": "0.0000001",
            "minOrderQty": least,
            "maxOrderQty": most,
            "maxLimitOrderQty": most,
            "maxMarketOrderQty": most,
            "minOrderAmt": notional,
            "maxOrderAmt": "8000000",
        }
        return head | {"innovation": "0", "marginTrading": "utaOnly", "lotSizeFilter": sizes}
    sizes = {
        "qtyStep": lot,
        "minOrderQty": least,
        "maxOrderQty": most,
        "maxMktOrderQty": most,
        "postOnlyMaxOrderQty": most,
        "minNotionalValue": notional,
    }
    return head | {
        "contractType": "LinearPerpetual",
        "launchTime": "1584230400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": "2",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": instrument.quote,
        "lotSizeFilter": sizes,
    }


def trade_id(value: int, product: Product) -> str:
    """Spot counts its trades, contracts have UUIDs."""
    return str(value) if product is Product.SPOT else str(UUID(int=value))


def trade_rows(batch: TradeBatch, product: Product) -> list[Json]:
    """Public trades as the stream has them."""
    return [
        {
            "T": ms(ts),
            "s": symbol(batch.instrument_id),
            "S": "Buy" if aggressor > 0 else "Sell",
            "v": number(size),
            "p": number(price),
            "L": "ZeroPlusTick",
            "i": trade_id(found, product),
            "BT": False,
            "RPI": False,
            "seq": found,
        }
        for ts, _, price, size, aggressor, found in batch.rows.tolist()
    ]


def liquidation_rows(batch: LiquidationBatch) -> list[Json]:
    """A position that is sold by force was a long one: "Buy"."""
    return [
        {
            "T": ms(ts),
            "s": symbol(batch.instrument_id),
            "S": "Sell" if aggressor > 0 else "Buy",
            "v": number(size),
            "p": number(price),
        }
        for ts, _, price, size, aggressor, _ in batch.rows.tolist()
    ]


def bar_lists(rows: Rows) -> list[list[str]]:
    """Bars as REST has them, newest first."""
    fields = ("open", "high", "low", "close", "volume", "quote_volume")
    return [
        [str(ms(int(row["ts_open"]))), *(number(float(row[f])) for f in fields)] for row in rows
    ][::-1]


def bar_row(batch: BarBatch, interval: str, closed: bool, now_ns: int) -> Json:
    """One bar as the stream has it."""
    row = batch.rows[0]
    start = int(row["ts_open"])
    named = {name: number(float(row[name])) for name in ("open", "close", "high", "low", "volume")}
    return {
        "start": ms(start),
        "end": ms(start + batch.interval_ns) - 1,
        "interval": interval,
        **named,
        "turnover": number(float(row["quote_volume"])),
        "confirm": closed,
        "timestamp": ms(now_ns),
    }
