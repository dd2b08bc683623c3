"""Messages -> OKX's rows: what the simulator writes in its answers and frames.

docs: docs-v5, the pages of the endpoints and channels that are named below (2026-09). Quantities of
swaps are counted in contracts on the wire.
"""

from decimal import Decimal
from typing import Any, Final

from messages.arrays import Rows
from messages.base import InstrumentId
from messages.market import Instrument, Product
from messages.orders import LiquiditySide, OrderSpec, OrderType, TimeInForce
from messages.venue import Balance, FillReport, MarginMode, OrderReport, PositionReport, VenueStatus
from venues.okx.codec_names import INST_TYPE, family, ms, text
from venues.okx.codec_requests import order_type
from venues.sim.ledger import OrderLine
from venues.sim.matching import SELF_TRADE

Json = dict[str, Any]
UNNAMED: Final = "~"  # begins the client ids of orders that came without one
_CHILD: Final = "8"
_CHILD_LENGTH: Final = 18
_STATE: Final[dict[VenueStatus, str]] = {
    VenueStatus.NEW: "live",
    VenueStatus.PARTIALLY_FILLED: "partially_filled",
    VenueStatus.FILLED: "filled",
    VenueStatus.CANCELED: "canceled",
    VenueStatus.EXPIRED: "canceled",
    VenueStatus.REJECTED: "canceled",
}
_TAKES: Final = frozenset({OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED})
WOULD_TAKE: Final = "31"
SWITCH: Final = "20"


def number(value: float) -> str:
    """A float of the tape as text, without an exponent."""
    return text(Decimal(repr(float(value)))) if value else "0"


def sized(value: float, instrument: Instrument) -> str:
    """A float in base units as the venue counts it."""
    return text(Decimal(repr(float(value))) / instrument.contract_size) if value else "0"


def units(amount: Decimal, instrument: Instrument) -> str:
    """Base units as the venue counts them."""
    return text(amount / instrument.contract_size)


def named(name: str) -> str:
    """The client's own id, "" if it gave none."""
    return "" if name.startswith(UNNAMED) else name


def child_of(order_id: str) -> str:
    """The id of the order that an algo places when it triggers."""
    return _CHILD + order_id.zfill(_CHILD_LENGTH - 1)


def parent_of(order_id: str) -> str | None:
    """The algo that placed an order; None of an id that no algo's order has."""
    if len(order_id) == _CHILD_LENGTH and order_id.startswith(_CHILD):
        return order_id[1:].lstrip("0")
    return None


def order_row(
    report: OrderReport,
    line: OrderLine,
    instrument: Instrument,
    fill: FillReport | None = None,
    source: str = "",
) -> Json:
    """docs: "Order details", "WS / Order channel"."""
    spec, algo = line.spec, line.spec.order_type.triggered
    order_id, name = report.venue_order_id, named(report.client_order_id)
    market = not spec.order_type.limited
    row: Json = {
        "instType": INST_TYPE[instrument.product],
        "instId": instrument.symbol,
        "ordId": child_of(order_id) if algo else order_id,
        "clOrdId": "" if algo else name,
        "algoId": order_id if algo else "",
        "algoClOrdId": name if algo else "",
        "side": report.side.value.lower(),
        "ordType": ("market" if market else "limit") if algo else order_type(spec),
        "state": _STATE[report.status],
        "sz": units(report.quantity, instrument),
        "px": "" if market or report.price is None else text(report.price),
        "avgPx": text(report.avg_px) if report.avg_px is not None else "",
        "accFillSz": units(report.filled_qty, instrument),
        "tdMode": "cash" if instrument.product is Product.SPOT else "cross",
        "posSide": "net",
        "tgtCcy": "base_ccy" if instrument.product is Product.SPOT and market else "",
        "reduceOnly": str(spec.reduce_only).lower(),
        "cancelSource": _source(report, spec, source),
        "category": "normal",
        "ccy": "",
        "lever": "" if instrument.product is Product.SPOT else "3",
        "uTime": str(ms(report.ts_event)),
        "cTime": str(ms(line.ts_ns)),
        "tag": "",
        "pnl": "0",
        "fee": "0",
        "feeCcy": "",
        "rebate": "0",
        "rebateCcy": "",
        "attachAlgoOrds": [],
    }
    return row | _traded(fill, instrument)


def _source(report: OrderReport, spec: OrderSpec, source: str) -> str:
    """docs: `cancelSource`."""
    if report.status is VenueStatus.CANCELED:
        return source or "1"
    if report.status is not VenueStatus.EXPIRED:
        return ""
    if report.reason == SELF_TRADE:
        return "32"
    return "13" if spec.time_in_force is TimeInForce.FOK else "14"


def _traded(fill: FillReport | None, instrument: Instrument) -> Json:
    if fill is None:
        return {"tradeId": "", "fillPx": "", "fillSz": "0", "fillTime": "", "execType": ""}
    return {
        "tradeId": fill.trade_id,
        "fillPx": text(fill.last_px),
        "fillSz": units(fill.last_qty, instrument),
        "fillTime": str(ms(fill.ts_event)),
        "fillFee": text(-fill.commission),
        "fillFeeCcy": fill.currency,
        "execType": "M" if fill.liquidity_side is LiquiditySide.MAKER else "T",
    }


def algo_row(report: OrderReport, line: OrderLine, instrument: Instrument) -> Json:
    """docs: "Algo order list", "WS / Algo orders channel"."""
    spec = line.spec
    kind, other = ("tp", "sl") if spec.order_type in _TAKES else ("sl", "tp")
    assert spec.trigger_price is not None, "every algo has a trigger"
    state = "effective" if report.triggered else _STATE[report.status]
    return {
        "instType": INST_TYPE[instrument.product],
        "instId": instrument.symbol,
        "algoId": report.venue_order_id,
        "algoClOrdId": named(report.client_order_id),
        "clOrdId": "",
        "ordId": child_of(report.venue_order_id) if report.triggered else "",
        "ordType": "conditional",
        "side": report.side.value.lower(),
        "posSide": "net",
        "tdMode": "cash" if instrument.product is Product.SPOT else "cross",
        "state": state,
        "sz": units(report.quantity, instrument),
        f"{kind}TriggerPx": text(spec.trigger_price),
        f"{kind}OrdPx": "-1" if spec.price is None else text(spec.price),
        f"{kind}TriggerPxType": "last",
        f"{other}TriggerPx": "",
        f"{other}OrdPx": "",
        f"{other}TriggerPxType": "",
        "triggerPx": "",
        "ordPx": "",
        "actualSz": "0",
        "actualPx": "",
        "actualSide": "",
        "reduceOnly": str(spec.reduce_only).lower(),
        "failCode": "",
        "triggerTime": str(ms(report.ts_event)) if report.triggered else "",
        "uTime": str(ms(report.ts_event)),
        "cTime": str(ms(line.ts_ns)),
    }


def fill_row(fill: FillReport, spec: OrderSpec, instrument: Instrument) -> Json:
    """docs: "Transaction details". What an algo placed goes by its own id, without a client's."""
    algo = spec.order_type.triggered
    return {
        "instType": INST_TYPE[instrument.product],
        "instId": instrument.symbol,
        "tradeId": fill.trade_id,
        "ordId": child_of(fill.venue_order_id) if algo else fill.venue_order_id,
        "clOrdId": "" if algo else named(spec.client_order_id),
        "billId": fill.trade_id,
        "side": fill.side.value.lower(),
        "posSide": "net",
        "fillPx": text(fill.last_px),
        "fillSz": units(fill.last_qty, instrument),
        "execType": "M" if fill.liquidity_side is LiquiditySide.MAKER else "T",
        "fee": text(-fill.commission),
        "feeCcy": fill.currency,
        "ts": str(ms(fill.ts_event)),
        "fillTime": str(ms(fill.ts_event)),
    }


def account_row(balances: tuple[Balance, ...], ts_ns: int) -> Json:
    """docs: "Get balance", "WS / Account channel"."""
    now = str(ms(ts_ns))
    details = [
        {
            "ccy": b.currency,
            "eq": text(b.total),
            "cashBal": text(b.total),
            "availBal": text(b.free),
            "availEq": text(b.free),
            "frozenBal": text(b.locked),
            "ordFrozen": text(b.locked),
            "uTime": now,
            "upl": "0",
        }
        for b in balances
    ]
    return {"uTime": now, "totalEq": "", "adjEq": "", "details": details}


def position_row(report: PositionReport, instrument: Instrument) -> Json:
    """docs: "Get positions", "WS / Positions channel"."""
    isolated = report.margin_mode is MarginMode.ISOLATED
    return {
        "instType": "SWAP",
        "instId": instrument.symbol,
        "posId": instrument.symbol,
        "mgnMode": "isolated" if isolated else "cross",
        "posSide": "net",
        "pos": units(report.quantity, instrument),
        "availPos": units(abs(report.quantity), instrument),
        "avgPx": text(report.avg_px) if report.avg_px else "",
        "lever": text(report.leverage),
        "liqPx": text(report.liquidation_px) if report.liquidation_px else "",
        "markPx": text(report.avg_px) if report.avg_px else "",
        "upl": "0",
        "uplRatio": "0",
        "imr": "",
        "mmr": "",
        "margin": "",
        "mgnRatio": "",
        "notionalUsd": text(abs(report.quantity) * report.avg_px),
        "ccy": instrument.quote,
        "cTime": str(ms(report.ts_event)),
        "uTime": str(ms(report.ts_event)),
    }


def instrument_row(i: Instrument) -> Json:
    """docs: "Get instruments"."""
    spot, lot = i.product is Product.SPOT, units(i.size_increment, i)
    most = units(i.max_quantity, i)
    return {
        "instType": INST_TYPE[i.product],
        "instId": i.symbol,
        "uly": "" if spot else family(i.symbol),
        "instFamily": "" if spot else family(i.symbol),
        "baseCcy": i.base if spot else "",
        "quoteCcy": i.quote if spot else "",
        "settleCcy": "" if spot else i.quote,
        "ctVal": "" if spot else text(i.contract_size),
        "ctMult": "" if spot else "1",
        "ctValCcy": "" if spot else i.base,
        "ctType": "" if spot else "linear",
        "tickSz": text(i.price_increment),
        "lotSz": lot,
        "minSz": units(i.min_quantity, i),
        "maxLmtSz": most,
        "maxMktSz": most,
        "lever": "" if spot else "100",
        "state": "live",
        "listTime": "1597026383085",
        "expTime": "",
        "alias": "",
        "category": "1",
        "ruleType": "normal",
    }


def trade_rows(rows: Rows, instrument: Instrument) -> list[Json]:
    """docs: "WS / Trades channel", "Get trades"."""
    return [
        {
            "instId": instrument.symbol,
            "tradeId": str(number_),
            "px": number(price),
            "sz": sized(size, instrument),
            "side": "buy" if aggressor > 0 else "sell",
            "ts": str(ms(ts)),
            "count": "1",
        }
        for ts, _, price, size, aggressor, number_ in rows.tolist()
    ]


def candle_rows(rows: Rows, instrument: Instrument, now_ns: int) -> list[list[str]]:
    """docs: "Get candlesticks": oldest first here, `confirm` last."""
    found = []
    for ts_open, ts, _, *prices, volume, quote, _, _ in rows.tolist():
        spot = instrument.product is Product.SPOT
        counted = number(volume) if spot else sized(volume, instrument)
        second = number(quote) if spot else number(volume)
        closed = "1" if ts <= now_ns else "0"
        texts = [number(p) for p in prices]
        found.append([str(ms(ts_open)), *texts, counted, second, number(quote), closed])
    return found


def level(price: float, size: float, instrument: Instrument) -> list[str]:
    """One level of a book."""
    return [number(price), sized(size, instrument), "0", "1" if size else "0"]


def symbol_of(name: InstrumentId) -> str:
    """The symbol in an instrument id of either product."""
    return name.rpartition(".")[0]
