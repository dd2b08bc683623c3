"""The REST endpoints about the account, and the public ones.

docs: docs-v5 "Trading Account", "Market Data", "Public Data" (2026-09).
"""

from collections.abc import Mapping
from typing import Any, Final

from messages.market import Product
from messages.venue import (
    AccountReport,
    PositionsReport,
    QueryAccount,
    QueryPositions,
    RequestRefused,
    SetLeverage,
)
from venues.okx import simulator_encode as wire
from venues.okx.codec_names import INST_TYPE, INTERVAL_NS, family, ms, ns, text
from venues.okx.simulator_errors import OkxError, RowError, envelope, words
from venues.okx.simulator_exchange import OkxExchange
from venues.okx.simulator_params import Sent, decimal, instrument, need
from venues.okx.simulator_rest_orders import Handler, times

_BARS_MAX: Final = 1440
_PRODUCT: Final = {word: product for product, word in INST_TYPE.items()}


def balance(exchange: OkxExchange, params: Any) -> bytes:
    """What is there."""
    reply = exchange.act(QueryAccount(**times(exchange))).reply
    assert isinstance(reply, AccountReport), "it is always answered"
    wanted = [c for c in str(params.get("ccy") or "").split(",") if c]
    chosen = tuple(b for b in reply.balances if not wanted or b.currency in wanted)
    return envelope([exchange.account_row(reply.model_copy(update={"balances": chosen}))])


def positions(exchange: OkxExchange, params: Any) -> bytes:
    """Open positions."""
    one = instrument(exchange, params).instrument_id if params.get("instId") else None
    command = QueryPositions(**times(exchange), instrument_id=one)
    reply = exchange.act(command).reply
    if not isinstance(reply, PositionsReport):
        return envelope([])
    rows = [wire.position_row(p, exchange.instrument(p.instrument_id)) for p in reply.positions]
    return envelope([r for r in rows if r["pos"] != "0"])


def fees(exchange: OkxExchange, params: Any) -> bytes:
    """What the account receives: negative is paid."""
    kind = _PRODUCT.get(need(params, "instType"))
    about = params.get("instId") or params.get("instFamily")
    found = [
        i
        for i in exchange.venue.instruments
        if i.product is kind and about in (None, i.symbol, family(i.symbol))
    ]
    if not found:
        raise OkxError("51001", "Instrument ID does not exist.")
    maker, taker = text(-found[0].maker_fee), text(-found[0].taker_fee)
    spot = kind is Product.SPOT
    return envelope(
        [
            {
                "instType": params["instType"],
                "level": "Lv1",
                "maker": maker if spot else "",
                "taker": taker if spot else "",
                "makerU": "" if spot else maker,
                "takerU": "" if spot else taker,
                "ts": str(ms(exchange.now_ns())),
            }
        ]
    )


def leverage(exchange: OkxExchange, params: Any) -> bytes:
    """Set an instrument's leverage."""
    rules, mode = instrument(exchange, params), need(params, "mgnMode")
    try:
        wanted = decimal(params, "lever")
    except RowError as e:
        raise OkxError(e.code, e.text, 400) from None
    if wanted is None or mode not in ("cross", "isolated"):
        raise OkxError("51000", "Parameter lever error", 400)
    command = SetLeverage(**times(exchange), instrument_id=rules.instrument_id, leverage=wanted)
    reply = exchange.act(command).reply
    if isinstance(reply, RequestRefused):
        raise OkxError(*words(reply))
    row = {"instId": rules.symbol, "lever": text(wanted), "mgnMode": mode, "posSide": "net"}
    return envelope([row])


def config(exchange: OkxExchange, params: Any) -> bytes:
    """The account's settings."""
    return envelope([{"uid": "1", "acctLv": "2", "posMode": "net_mode", "level": "Lv1"}])


def nothing(exchange: OkxExchange, params: Any) -> bytes:
    """What this venue has none of."""
    return envelope([])


# --- public --------------------------------------------------------------------------------------


def clock(exchange: OkxExchange, params: Any) -> bytes:
    """The venue's clock."""
    return envelope([{"ts": str(ms(exchange.now_ns()))}])


def instruments(exchange: OkxExchange, params: Any) -> bytes:
    """What may be traded; of futures and options there is nothing."""
    kind, symbol = need(params, "instType"), params.get("instId")
    rows = [
        wire.instrument_row(i)
        for i in exchange.venue.instruments
        if INST_TYPE[i.product] == kind and symbol in (None, "", i.symbol)
    ]
    return envelope(rows)


def _limit(params: Sent, default: int, most: int, name: str = "limit") -> int:
    found = str(params.get(name) or default)
    if not found.isdigit():
        raise OkxError("51000", f"Parameter {name} error", 400)
    return max(1, min(int(found), most))


def book(exchange: OkxExchange, params: Any) -> bytes:
    """A whole book, up to a depth."""
    rules = instrument(exchange, params)
    return envelope([exchange.book_row(rules.instrument_id, _limit(params, 1, 400, "sz"))])


def trades(exchange: OkxExchange, params: Any) -> bytes:
    """The newest public trades, newest first; `after` ends them, by id (type 1) or time (2)."""
    rules = instrument(exchange, params)
    recent = exchange.trades[rules.instrument_id].recent
    rows = [row for batch in recent for row in wire.trade_rows(batch.rows, rules)][::-1]
    after = params.get("after")
    if after:
        key = "ts" if params.get("type") == "2" else "tradeId"
        rows = [r for r in rows if int(r[key]) < int(after)]
    return envelope(rows[: _limit(params, 100, 500)])


def bars(exchange: OkxExchange, params: Any) -> bytes:
    """Bars, newest first; the newest one is still open."""
    rules = instrument(exchange, params)
    interval_ns = INTERVAL_NS.get(str(params.get("bar") or "1m"))
    if interval_ns is None:
        raise OkxError("51000", "Parameter bar error", 400)
    now_ns = exchange.now_ns()
    batch = exchange.trades[rules.instrument_id].candles(interval_ns, _BARS_MAX, now_ns)
    opened = batch.rows["ts_open"]
    before, after = (int(params.get(word) or 0) for word in ("before", "after"))
    rows = batch.rows[(opened > ns(before)) & (opened < (ns(after) or now_ns + 1))]
    found = wire.candle_rows(rows, rules, now_ns)[::-1]
    return envelope(found[: _limit(params, 100, 300)])


def ticker(exchange: OkxExchange, params: Any) -> bytes:
    """The state of one market."""
    return envelope([exchange.ticker(instrument(exchange, params).instrument_id)])


def tickers(exchange: OkxExchange, params: Any) -> bytes:
    """The state of every market of a product."""
    kind = need(params, "instType")
    chosen = [i for i in exchange.venue.instruments if INST_TYPE[i.product] == kind]
    return envelope([exchange.ticker(i.instrument_id) for i in chosen])


def funding(exchange: OkxExchange, params: Any) -> bytes:
    """What is paid next."""
    return envelope([exchange.funding_row(instrument(exchange, params).instrument_id)])


def mark(exchange: OkxExchange, params: Any) -> bytes:
    """Mark prices."""
    return envelope([exchange.mark_row(instrument(exchange, params).instrument_id)])


ACCOUNT: Final[Mapping[str, Handler]] = {
    "GET /api/v5/account/balance": balance,
    "GET /api/v5/account/positions": positions,
    "GET /api/v5/account/trade-fee": fees,
    "GET /api/v5/account/config": config,
    "POST /api/v5/account/set-leverage": leverage,
    "GET /api/v5/asset/currencies": nothing,
}
PUBLIC: Final[Mapping[str, Handler]] = {
    "GET /api/v5/public/time": clock,
    "GET /api/v5/public/instruments": instruments,
    "GET /api/v5/public/funding-rate": funding,
    "GET /api/v5/public/mark-price": mark,
    "GET /api/v5/market/books": book,
    "GET /api/v5/market/books-full": book,
    "GET /api/v5/market/trades": trades,
    "GET /api/v5/market/history-trades": trades,
    "GET /api/v5/market/candles": bars,
    "GET /api/v5/market/history-candles": bars,
    "GET /api/v5/market/ticker": ticker,
    "GET /api/v5/market/tickers": tickers,
}
