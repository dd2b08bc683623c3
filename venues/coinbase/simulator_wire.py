"""What the simulator says, in Coinbase's words: the inverse of the codecs.

Ids are unique texts on this wire and numbers in the simulated venue: a number becomes the last
part of a UUID.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from messages.base import NS_PER_MS, NS_PER_S
from messages.market import BarBatch, BookDeltaBatch, Instrument, QuoteBatch, TradeBatch
from messages.orders import OrderSpec, OrderType, TimeInForce
from messages.venue import Balance, FillReport, OrderReport, VenueStatus
from venues.coinbase.codec_names import rfc3339, text
from venues.coinbase.codec_orders import configuration_of
from venues.sim.ledger import OrderLine

Json = dict[str, Any]
_ORDER: Final = "00000000-0000-4000-8000-"
_TRADE: Final = "11111111-0000-4000-8000-"
_DIGITS: Final = 12
_STATUS: Final = {
    VenueStatus.NEW: "OPEN",
    VenueStatus.PARTIALLY_FILLED: "OPEN",
    VenueStatus.FILLED: "FILLED",
    VenueStatus.CANCELED: "CANCELLED",
    VenueStatus.EXPIRED: "CANCELLED",  # what is left of an IOC order; only GTD orders expire
    VenueStatus.REJECTED: "FAILED",
}
_TIME_IN_FORCE: Final = {
    TimeInForce.GTC: "GOOD_UNTIL_CANCELLED",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "FILL_OR_KILL",
}
_TYPE: Final = {OrderType.MARKET: "MARKET", OrderType.LIMIT: "LIMIT"}
_ZERO: Final = Decimal(0)


def order_id(number: str) -> str:
    """The wire's id of an order."""
    return f"{_ORDER}{int(number):0{_DIGITS}d}"


def number_of(wire_id: str) -> str:
    """The venue's number behind the wire's id; "" for an id that is none of ours."""
    digits = wire_id.removeprefix(_ORDER)
    return str(int(digits)) if digits.isascii() and digits.isdigit() else ""


def trade_id(number: str) -> str:
    """The wire's id of a trade of ours."""
    return f"{_TRADE}{int(number):0{_DIGITS}d}"


def amount(value: float) -> str:
    """A float as the shortest decimal, never in scientific notation."""
    return text(Decimal(repr(value)))


def frame(channel: str, events: bytes, number: int, now_ns: int) -> bytes:
    """The envelope around events that are already JSON."""
    head = f'{{"channel":"{channel}","client_id":"","timestamp":"{rfc3339(now_ns)}",'
    return f'{head}"sequence_num":{number},"events":'.encode() + events + b"}"


# --- market data --------------------------------------------------------------------------------


def book_event(batch: BookDeltaBatch, product: str) -> Json:
    """A whole book, or changes of one."""
    updates = [
        {
            "side": "bid" if side > 0 else "offer",
            "event_time": rfc3339(ts),
            "price_level": amount(price),
            "new_quantity": amount(size),
        }
        for ts, _, side, price, size in batch.rows.tolist()
    ]
    kind = "snapshot" if batch.snapshot else "update"
    return {"type": kind, "product_id": product, "updates": updates}


def trades_event(batches: Iterable[TradeBatch], product: str, kind: str) -> Json:
    """Trades, newest first; `side` is the maker's."""
    rows = [row for batch in batches for row in batch.rows.tolist()]
    return {"type": kind, "trades": [trade_row(row, product) for row in reversed(rows)]}


def trade_row(row: tuple[Any, ...], product: str) -> Json:
    """One public trade."""
    ts, _, price, size, taker, number = row
    return {
        "trade_id": str(number),
        "product_id": product,
        "price": amount(price),
        "size": amount(size),
        "time": rfc3339(ts),
        "side": "SELL" if taker > 0 else "BUY",
    }


def ticker_event(batch: QuoteBatch, product: str, last: float, kind: str) -> Json:
    """The touch, with what else a ticker says left at nothing."""
    _, _, bid, bid_size, ask, ask_size = batch.rows[-1].tolist()
    ticker = {
        "type": "ticker",
        "product_id": product,
        "price": amount(last),
        "volume_24_h": "0",
        "low_24_h": "0",
        "high_24_h": "0",
        "low_52_w": "0",
        "high_52_w": "0",
        "price_percent_chg_24_h": "0",
        "best_bid": amount(bid),
        "best_bid_quantity": amount(bid_size),
        "best_ask": amount(ask),
        "best_ask_quantity": amount(ask_size),
    }
    return {"type": kind, "tickers": [ticker]}


def candle_rows(batch: BarBatch) -> list[Json]:
    """Candles, oldest first."""
    return [
        {
            "start": str(row["ts_open"] // NS_PER_S),
            **{name: amount(float(row[name])) for name in ("low", "high", "open", "close")},
            "volume": amount(float(row["volume"])),
        }
        for row in batch.rows
    ]


def product_row(instrument: Instrument, price: float) -> Json:
    """docs: "Get Public Product"."""
    return {
        "product_id": instrument.symbol,
        "price": amount(price),
        "base_increment": text(instrument.size_increment),
        "quote_increment": text(instrument.price_increment),
        "price_increment": text(instrument.price_increment),
        "quote_min_size": text(instrument.min_notional),
        "quote_max_size": "150000000",
        "base_min_size": text(instrument.min_quantity),
        "base_max_size": text(instrument.max_quantity),
        "base_name": instrument.base,
        "quote_name": instrument.quote,
        "base_currency_id": instrument.base,
        "quote_currency_id": instrument.quote,
        "base_display_symbol": instrument.base,
        "quote_display_symbol": instrument.quote,
        "display_name": instrument.symbol,
        "product_type": "SPOT",
        "status": "online",
        "is_disabled": False,
        "trading_disabled": False,
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "auction_mode": False,
        "view_only": False,
        "alias": "",
        "alias_to": [],
        "product_venue": "CBE",
    }


def status_row(instrument: Instrument) -> Json:
    """docs: "Status Channel"."""
    return {
        "product_type": "SPOT",
        "id": instrument.symbol,
        "base_currency": instrument.base,
        "quote_currency": instrument.quote,
        "base_increment": text(instrument.size_increment),
        "quote_increment": text(instrument.price_increment),
        "display_name": instrument.symbol.replace("-", "/"),
        "status": "online",
        "status_message": "",
        "min_market_funds": text(instrument.min_notional),
    }


def pricebook(book: BookDeltaBatch, product: str, now_ns: int) -> Json:
    """docs: "Get Public Product Book"."""
    sides: dict[int, list[Json]] = {1: [], -1: []}
    for _, _, side, price, size in book.rows.tolist():
        sides[side].append({"price": amount(price), "size": amount(size)})
    found = {"product_id": product, "bids": sides[1], "asks": sides[-1], "time": rfc3339(now_ns)}
    return {"pricebook": found}


def server_time(now_ns: int) -> Json:
    """docs: "Get Server Time"."""
    seconds = now_ns // NS_PER_S
    return {
        "iso": rfc3339(now_ns),
        "epochSeconds": str(seconds),
        "epochMillis": str(now_ns // NS_PER_MS),
    }


# --- the account --------------------------------------------------------------------------------


def configuration(spec: OrderSpec, asked: Json | None) -> Json:
    """What was asked for, or would have been in our own words."""
    return configuration_of(spec) if asked is None else asked


def order_row(
    report: OrderReport, line: OrderLine, fills: list[FillReport], asked: Json | None
) -> Json:
    """docs: "Get Order"."""
    spec, fees = line.spec, sum((f.commission for f in fills), _ZERO)
    value = sum((f.last_qty * f.last_px for f in fills), _ZERO)
    config = configuration(spec, asked)
    for terms in config.values():  # as it is after edits
        if "base_size" in terms:
            terms["base_size"] = text(report.quantity)
        if "limit_price" in terms and report.price is not None:
            terms["limit_price"] = text(report.price)
    return {
        "order_id": order_id(report.venue_order_id),
        "product_id": line.spec.instrument_id.rpartition(".")[0],
        "user_id": "simulator",
        "order_configuration": config,
        "side": report.side.value,
        "client_order_id": report.client_order_id,
        "status": _STATUS[report.status],
        "time_in_force": _TIME_IN_FORCE[spec.time_in_force],
        "created_time": rfc3339(line.ts_ns),
        "last_update_time": rfc3339(report.ts_event),
        "last_fill_time": rfc3339(fills[-1].ts_event) if fills else None,
        "completion_percentage": text(100 * report.filled_qty / report.quantity),
        "filled_size": text(report.filled_qty),
        "average_filled_price": text(value / report.filled_qty) if report.filled_qty else "0",
        "filled_value": text(value),
        "number_of_fills": str(len(fills)),
        "fee": "",
        "total_fees": text(fees),
        "total_value_after_fees": text(value + fees),
        "pending_cancel": False,
        "size_in_quote": any("quote_size" in terms for terms in config.values()),
        "size_inclusive_of_fees": False,
        "trigger_status": trigger_status(report),
        "order_type": _TYPE.get(spec.order_type, "STOP_LIMIT"),
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "reject_message": "",
        "cancel_message": report.reason,
        "settled": report.status is VenueStatus.FILLED,
        "product_type": "SPOT",
        "order_placement_source": "RETAIL_ADVANCED",
        "outstanding_hold_amount": "0",
        "is_liquidation": False,
    }


def trigger_status(report: OrderReport) -> str:
    """Whether a stop waits."""
    if not report.order_type.triggered:
        return "INVALID_ORDER_TYPE"
    return "STOP_TRIGGERED" if report.triggered else "STOP_PENDING"


def user_row(report: OrderReport, line: OrderLine, fills: list[FillReport]) -> Json:
    """docs: "User Channel": what is left is 0 once the order has ended."""
    spec, fees = line.spec, sum((f.commission for f in fills), _ZERO)
    value = sum((f.last_qty * f.last_px for f in fills), _ZERO)
    left = report.quantity - report.filled_qty if report.status.open else _ZERO
    words = _TYPE.get(spec.order_type, "STOP_LIMIT").replace("_", " ").title()
    return {
        "order_id": order_id(report.venue_order_id),
        "client_order_id": report.client_order_id,
        "cumulative_quantity": text(report.filled_qty),
        "leaves_quantity": text(left),
        "avg_price": text(value / report.filled_qty) if report.filled_qty else "0",
        "total_fees": text(fees),
        "status": _STATUS[report.status],
        "product_id": spec.instrument_id.rpartition(".")[0],
        "creation_time": rfc3339(line.ts_ns),
        "order_side": report.side.value,
        "order_type": words,
        "cancel_reason": report.reason,
        "reject_reason": "",
        "limit_price": "" if report.price is None else text(report.price),
        "stop_price": "" if spec.trigger_price is None else text(spec.trigger_price),
        "number_of_fills": str(len(fills)),
        "time_in_force": _TIME_IN_FORCE[spec.time_in_force],
        "trigger_status": trigger_status(report),
        "product_type": "SPOT",
    }


def fill_row(fill: FillReport) -> Json:
    """docs: "List Fills"."""
    return {
        "entry_id": f"entry-{fill.trade_id}",
        "trade_id": trade_id(fill.trade_id),
        "order_id": order_id(fill.venue_order_id),
        "trade_time": rfc3339(fill.ts_event),
        "trade_type": "FILL",
        "price": text(fill.last_px),
        "size": text(fill.last_qty),
        "commission": text(fill.commission),
        "product_id": fill.instrument_id.rpartition(".")[0],
        "sequence_timestamp": rfc3339(fill.ts_event),
        "liquidity_indicator": fill.liquidity_side.value,
        "size_in_quote": False,
        "user_id": "simulator",
        "side": fill.side.value,
    }


def account_row(balance: Balance) -> Json:
    """docs: "List Accounts"."""
    name = balance.currency
    return {
        "uuid": f"22222222-0000-4000-8000-{name.encode().hex():0>12}",
        "name": f"{name} Wallet",
        "currency": name,
        "available_balance": {"value": text(balance.free), "currency": name},
        "hold": {"value": text(balance.locked), "currency": name},
        "default": True,
        "active": True,
        "ready": True,
        "type": "ACCOUNT_TYPE_FIAT" if name == "USD" else "ACCOUNT_TYPE_CRYPTO",
    }


def summary(maker: Decimal, taker: Decimal) -> Mapping[str, Any]:
    """docs: "Get Transactions Summary"."""
    tier = {
        "pricing_tier": "Advanced 1",
        "maker_fee_rate": text(maker),
        "taker_fee_rate": text(taker),
    }
    return {"total_volume": 0, "total_fees": 0, "fee_tier": tier}
