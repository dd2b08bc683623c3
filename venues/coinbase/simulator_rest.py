"""The REST endpoints of Coinbase's simulator.

docs: "Advanced Trade REST API" (https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/
rest-api, 2026-09). The pages of the older API that clients ask for currencies and the time are
here too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from messages.base import NS_PER_S, ClientOrderId, InstrumentId, StrategyId
from messages.market import Instrument
from messages.orders import CancelOrder, ModifyOrder, OrderSide, QueryOrder, SubmitOrder
from messages.venue import AccountReport, OrderReport, QueryAccount, RequestRefused
from venues.coinbase import simulator_errors as errors
from venues.coinbase import simulator_wire as wire
from venues.coinbase.codec_names import INTERVAL_NS, instrument_id, text
from venues.coinbase.codec_requests import CANCEL, CANCELS_MAX, FILLS, LIST, ORDERS, PUBLIC, ROOT
from venues.coinbase.simulator_exchange import CoinbaseExchange
from venues.coinbase.simulator_params import Ask, Unsupported, decimal, order_of
from venues.coinbase.simulator_wire import Json

_STRATEGY: Final = StrategyId("?")
_EVERYTHING: Final = 100_000
_CANDLES_MAX: Final = 350


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint: who answers, and whether it needs a token."""

    handler: Callable[[CoinbaseExchange, Ask], Mapping[str, Any]]
    private: bool = False
    counted: bool = True


# --- market -------------------------------------------------------------------------------------


def _instrument(exchange: CoinbaseExchange, product: str | None) -> Instrument:
    found = next((i for i in exchange.venue.instruments if i.symbol == product), None)
    if found is None:
        raise errors.no_product()
    return found


def _time(exchange: CoinbaseExchange, ask: Ask) -> Json:
    return wire.server_time(exchange.now_ns())


def _old_time(exchange: CoinbaseExchange, ask: Ask) -> Json:
    now = wire.server_time(exchange.now_ns())
    return {"data": {"iso": now["iso"], "epoch": exchange.now_ns() // NS_PER_S}}


def _currencies(exchange: CoinbaseExchange, ask: Ask) -> Json:
    return {"data": [{"id": "USD", "name": "US Dollar", "min_size": "0.01"}]}


def _crypto(exchange: CoinbaseExchange, ask: Ask) -> Json:
    bases = dict.fromkeys(i.base for i in exchange.venue.instruments)
    rows = [{"asset_id": b, "code": b, "name": b, "type": "crypto"} for b in bases]
    return {"data": rows}


def _rates(exchange: CoinbaseExchange, ask: Ask) -> Json:
    return {"data": {"currency": "USD", "rates": {"USD": "1"}}}


def _products(exchange: CoinbaseExchange, ask: Ask) -> Json:
    spot = ask.one("product_type") in (None, "SPOT", "UNKNOWN_PRODUCT_TYPE")
    wanted = set(ask.several("product_ids"))
    rows = [
        wire.product_row(i, exchange.last_price(i.instrument_id))
        for i in exchange.venue.instruments
        if spot and (not wanted or i.symbol in wanted)
    ]
    return {"products": rows, "num_products": len(rows), "pagination": None}


def _product(exchange: CoinbaseExchange, ask: Ask) -> Json:
    found = _instrument(exchange, ask.where["product_id"])
    return wire.product_row(found, exchange.last_price(found.instrument_id))


def _book(exchange: CoinbaseExchange, ask: Ask) -> Json:
    found = _instrument(exchange, ask.one("product_id"))
    limit = ask.whole("limit", 0) or _EVERYTHING
    now_ns = exchange.now_ns()
    book = exchange.books[found.instrument_id].snapshot(limit, now_ns)
    return wire.pricebook(book, found.symbol, now_ns)


def _trades(exchange: CoinbaseExchange, ask: Ask) -> Json:
    found = _instrument(exchange, ask.where["product_id"])
    first_s, end_s = ask.whole("start", 0), ask.whole("end", 2**33)
    rows = [
        wire.trade_row(row, found.symbol)
        for batch in reversed(exchange.trades[found.instrument_id].recent)
        for row in batch.rows.tolist()
        if first_s <= row[0] // NS_PER_S <= end_s
    ]
    levels = exchange.books[found.instrument_id].levels
    best = [next((wire.amount(p) for p, _ in levels(s, 1)), "") for s in (1, -1)]
    limit = ask.whole("limit", 100)
    return {"trades": rows[:limit], "best_bid": best[0], "best_ask": best[1]}


def _candles(exchange: CoinbaseExchange, ask: Ask) -> Json:
    found = _instrument(exchange, ask.where["product_id"])
    interval_ns = INTERVAL_NS.get(ask.one("granularity") or "")
    if interval_ns is None:
        raise errors.illegal("granularity is unsupported")
    first_s, end_s = ask.whole("start", 0), ask.whole("end", 0)
    if (end_s - first_s) * NS_PER_S // interval_ns >= _CANDLES_MAX:
        raise errors.illegal("number of candles requested should be less than 350")
    batch = exchange.trades[found.instrument_id].candles(
        interval_ns, _CANDLES_MAX, exchange.now_ns()
    )
    rows = [r for r in wire.candle_rows(batch) if first_s <= int(r["start"]) <= end_s]
    return {"candles": rows[::-1]}


# --- orders -------------------------------------------------------------------------------------


def _report(exchange: CoinbaseExchange, name: ClientOrderId) -> Json:
    """The order as "Get Order" shows it."""
    line = exchange.lines[name]
    about = _about(exchange, name, line.spec.instrument_id)
    reply = exchange.act(QueryOrder(**about)).reply
    assert isinstance(reply, OrderReport), "the order is in the ledger"
    fills = exchange.fills.get(reply.venue_order_id, [])
    return wire.order_row(reply, line, fills, exchange.asked.get(name))


def _about(
    exchange: CoinbaseExchange, name: ClientOrderId, instrument: InstrumentId
) -> dict[str, Any]:
    now_ns = exchange.now_ns()
    return {
        "ts_event": now_ns,
        "ts_init": now_ns,
        "client_order_id": name,
        "strategy_id": _STRATEGY,
        "instrument_id": instrument,
    }


def _name(exchange: CoinbaseExchange, order_id: object) -> ClientOrderId | None:
    return exchange.names.get(wire.number_of(str(order_id)))


def _create(exchange: CoinbaseExchange, ask: Ask) -> Json:
    configuration = ask.body.get("order_configuration")
    product = str(ask.body.get("product_id"))
    found = next((i for i in exchange.venue.instruments if i.symbol == product), None)
    if found is None:
        reasons = ("INVALID_PRODUCT_ID", "PREVIEW_INVALID_PRODUCT_ID")
        return errors.not_placed(reasons, configuration, f"{product}: unknown")
    levels = exchange.books[found.instrument_id].levels
    best = {side: next((price for price, _ in levels(-side.sign, 1)), 0.0) for side in OrderSide}
    try:
        spec = order_of(ask, found, best)
    except Unsupported as e:
        return errors.not_placed(errors.UNSUPPORTED, configuration, str(e))
    name = spec.client_order_id
    known = exchange.lines.get(name)
    if known is None or known.order is None:
        now_ns = exchange.now_ns()
        # The user channel tells the order before this answer is here: with what was asked.
        exchange.asked[name] = dict(configuration or {})
        reply = exchange.act(SubmitOrder(ts_event=now_ns, ts_init=now_ns, order=spec)).reply
        if isinstance(reply, RequestRefused):
            return errors.refused_order(reply, configuration)
    # docs: of an id that is not unique, the order that has it is returned.
    return _placed(exchange, name)


def _placed(exchange: CoinbaseExchange, name: ClientOrderId) -> Json:
    row = _report(exchange, name)
    kept = ("order_id", "product_id", "side", "client_order_id")
    return {
        "success": True,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": row["order_id"],
        "success_response": {field: row[field] for field in kept},
        "order_configuration": row["order_configuration"],
    }


def _edit(exchange: CoinbaseExchange, ask: Ask) -> Json:
    refusal, command = _judged_edit(exchange, ask)
    if refusal is not None or command is None:
        return refusal or {}
    reply = exchange.act(command).reply
    if isinstance(reply, RequestRefused):
        return errors.refused_edit(reply)
    return {"success": True, "errors": []}


def _preview_edit(exchange: CoinbaseExchange, ask: Ask) -> Json:
    refusal, command = _judged_edit(exchange, ask)
    if refusal is not None or command is None:
        return {"errors": (refusal or {}).get("errors", [])}
    total = command.quantity * (command.price or Decimal(0))
    return {"errors": [], "order_total": text(total), "commission_total": "0"}


def _judged_edit(exchange: CoinbaseExchange, ask: Ask) -> tuple[Json | None, ModifyOrder | None]:
    """Why an edit is not taken, or what it asks for."""
    name = _name(exchange, ask.body.get("order_id"))
    if name is None:
        return errors.not_edited("ORDER_NOT_FOUND"), None
    spec = exchange.lines[name].spec
    if spec.order_type.triggered or spec.price is None:
        return errors.not_edited("ONLY_LIMIT_ORDER_EDITS_SUPPORTED"), None
    for field, reason in (("size", "INVALID_EDITED_SIZE"), ("price", "INVALID_EDITED_PRICE")):
        if not ask.body.get(field):  # docs: what is left out is taken for 0
            return errors.not_edited(reason), None
    size, price = decimal(ask.body["size"], "size"), decimal(ask.body["price"], "price")
    about = _about(exchange, name, spec.instrument_id)
    return None, ModifyOrder(**about, quantity=size, price=price)


def _cancel(exchange: CoinbaseExchange, ask: Ask) -> Json:
    ids = ask.body.get("order_ids")
    if not isinstance(ids, list) or len(ids) > CANCELS_MAX:
        raise errors.illegal(f"Too many orderIDs entered, limit is {CANCELS_MAX}")
    return {"results": [_canceled(exchange, str(order_id)) for order_id in ids]}


def _canceled(exchange: CoinbaseExchange, order_id: str) -> Json:
    name, reason = _name(exchange, order_id), "UNKNOWN_CANCEL_ORDER"
    if name is not None:
        about = _about(exchange, name, exchange.lines[name].spec.instrument_id)
        if isinstance(exchange.act(CancelOrder(**about)).reply, OrderReport):
            unknown = "UNKNOWN_CANCEL_FAILURE_REASON"
            return {"success": True, "failure_reason": unknown, "order_id": order_id}
    return {"success": False, "failure_reason": reason, "order_id": order_id}


def _get_order(exchange: CoinbaseExchange, ask: Ask) -> Json:
    name = _name(exchange, ask.where["order_id"])
    if name is None:
        raise errors.no_order()
    return {"order": _report(exchange, name)}


def _list_orders(exchange: CoinbaseExchange, ask: Ask) -> Json:
    products, statuses = ask.several("product_ids", "product_id"), ask.several("order_status")
    wanted, first = set(ask.several("order_ids")), ask.one("start_date") or ""
    rows = []
    for name in reversed(list(dict.fromkeys(exchange.names.values()))):
        row = _report(exchange, name)
        fits = not products or row["product_id"] in products
        fits = fits and (not statuses or row["status"] in statuses)
        if fits and (not wanted or row["order_id"] in wanted) and row["created_time"] >= first:
            rows.append(row)
    page, cursor = _paged(rows, *ask.page(100))
    return {"orders": page, "sequence": "0", "has_next": bool(cursor), "cursor": cursor}


def _list_fills(exchange: CoinbaseExchange, ask: Ask) -> Json:
    products, ids = ask.several("product_ids", "product_id"), ask.several("order_ids", "order_id")
    first = ask.one("start_sequence_timestamp") or ""
    rows = [wire.fill_row(fill) for fill in reversed(exchange.venue.ledger().fills)]
    rows = [r for r in rows if not products or r["product_id"] in products]
    rows = [r for r in rows if not ids or r["order_id"] in ids]
    page, cursor = _paged([r for r in rows if r["trade_time"] >= first], *ask.page(100))
    return {"fills": page, "cursor": cursor}


def _paged(rows: list[Json], first: int, limit: int) -> tuple[list[Json], str]:
    """(rows of this page, where the next one begins)."""
    end = first + limit
    return rows[first:end], str(end) if end < len(rows) else ""


# --- the account --------------------------------------------------------------------------------


def _accounts(exchange: CoinbaseExchange, ask: Ask) -> Json:
    now_ns = exchange.now_ns()
    reply = exchange.act(QueryAccount(ts_event=now_ns, ts_init=now_ns)).reply
    assert isinstance(reply, AccountReport), "the venue has one account"
    page, cursor = _paged([wire.account_row(b) for b in reply.balances], *ask.page(49))
    return {"accounts": page, "has_next": bool(cursor), "cursor": cursor, "size": len(page)}


def _summary(exchange: CoinbaseExchange, ask: Ask) -> Mapping[str, Any]:
    instrument = exchange.venue.instruments[0]
    return wire.summary(instrument.maker_fee, instrument.taker_fee)


def known(exchange: CoinbaseExchange, product: str) -> bool:
    """Whether a product is traded here."""
    return instrument_id(product) in exchange.books


ROUTES: Final[Mapping[str, Route]] = {
    f"GET {ROOT}/time": Route(_time),
    f"GET {PUBLIC}/products": Route(_products),
    f"GET {PUBLIC}/products/{{product_id}}": Route(_product),
    f"GET {PUBLIC}/product_book": Route(_book),
    f"GET {PUBLIC}/products/{{product_id}}/ticker": Route(_trades),
    f"GET {PUBLIC}/products/{{product_id}}/candles": Route(_candles),
    f"GET {ROOT}/products": Route(_products, private=True),
    f"GET {ROOT}/product_book": Route(_book, private=True),
    f"POST {ORDERS}": Route(_create, private=True),
    f"POST {ORDERS}/edit": Route(_edit, private=True),
    f"POST {ORDERS}/edit_preview": Route(_preview_edit, private=True),
    f"POST {CANCEL}": Route(_cancel, private=True),
    f"GET {LIST}": Route(_list_orders, private=True),
    f"GET {FILLS}": Route(_list_fills, private=True),
    f"GET {ORDERS}/historical/{{order_id}}": Route(_get_order, private=True),
    f"GET {ROOT}/accounts": Route(_accounts, private=True),
    f"GET {ROOT}/transaction_summary": Route(_summary, private=True),
    "GET /v2/time": Route(_old_time, counted=False),
    "GET /v2/currencies": Route(_currencies, counted=False),
    "GET /v2/currencies/crypto": Route(_crypto, counted=False),
    "GET /v2/exchange-rates": Route(_rates, counted=False),
}
