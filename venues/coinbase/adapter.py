"""Coinbase Advanced Trade's spot products, as the contract of the wire has them."""

from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final

import msgspec

from messages.base import NS_PER_MS, NS_PER_S, Command, Event, InstrumentId
from messages.market import BookDeltaBatch, Instrument, Product
from messages.venue import OrderReport, Request
from venues.coinbase.codec_errors import LISTED_AFTER_NS, RULE_CODES, UNAUTHORIZED, retry_after_s
from venues.coinbase.codec_instruments import decode_products
from venues.coinbase.codec_market import (
    CANDLES,
    TRADES,
    decode_book,
    decode_candles,
    decode_trades,
    oldest_s,
    readable,
)
from venues.coinbase.codec_names import (
    INTERVAL_NAME,
    INTERVAL_NS,
    STREAM_INTERVAL_NS,
    VENUE,
    instrument_id,
    product_of,
)
from venues.coinbase.codec_requests import (
    CANCEL,
    CANCELS_MAX,
    LIST,
    PUBLIC,
    ROOT,
    body_of,
    ids_of,
    order_at,
    target_of,
    wire_of,
)
from venues.coinbase.codec_rest import Page, decode_answer
from venues.coinbase.codec_rest_orders import open_ids, was_taken
from venues.coinbase.known import KnownOrders
from venues.coinbase.session_market import CHANNELS, CoinbaseMarketSession
from venues.coinbase.session_user import CoinbaseUserSession
from venues.coinbase.signing import HOST, LIFETIME_S, token
from venues.wire.adapter import Adapter, Endpoints, Instruments, MarketSession, UserSession
from venues.wire.asked import Asked
from venues.wire.keys import Keys
from venues.wire.limits import Cost, Lane, LimitRule
from venues.wire.request import Answer, HttpRequest, WireRequest

_JSON: Final = {"Content-Type": "application/json"}
_TRADES_PAGE: Final = 1000
_CANDLES_PAGE: Final = 300  # docs: "Get Public Product Candles": less than 350
_LANES: Final = {
    Request.SUBMIT: Lane.SUBMIT,
    Request.CANCEL: Lane.CANCEL,
    Request.MODIFY: Lane.REDUCE,
}


class _Time(msgspec.Struct):
    epochMillis: str  # noqa: N815 - Coinbase's name


class CoinbaseAdapter(Adapter):
    """One account's spot trading; remembers the orders that it hears of (see `known`)."""

    venue = VENUE
    product = Product.SPOT
    endpoints = Endpoints(
        rest=f"https://{HOST}",
        public="wss://advanced-trade-ws.coinbase.com",
        private="wss://advanced-trade-ws-user.coinbase.com",
    )
    channels = frozenset(CHANNELS)
    quotes_at_trades = True  # docs: "ticker channel": every time a match happens
    told = frozenset({OrderReport})
    bar_intervals = {STREAM_INTERVAL_NS: INTERVAL_NAME[STREAM_INTERVAL_NS]}  # noqa: RUF012
    # docs: "Rate Limits" of Advanced Trade: by user, and by address; tighter when trading is busy.
    limits = (
        LimitRule("private", 30, NS_PER_S, rolling=True),
        LimitRule("public", 10, NS_PER_S, rolling=True),
    )
    clock_codes = frozenset({UNAUTHORIZED})
    rule_codes = MappingProxyType(RULE_CODES)
    listed_ns = LISTED_AFTER_NS

    def __init__(self) -> None:
        self.known = KnownOrders()

    def instrument_id(self, symbol: str) -> InstrumentId:
        return instrument_id(symbol)

    def symbol(self, instrument_id: InstrumentId) -> str:
        return product_of(instrument_id)

    # --- requests ------------------------------------------------------------------------------

    def request_of(self, command: Command, instruments: Instruments) -> WireRequest:
        return wire_of(command, self.known)

    def cost(self, wire: WireRequest) -> Cost:
        if wire.request is None:
            return Cost(Lane.DATA, (("public", 1),))
        return Cost(_LANES.get(wire.request, Lane.QUERY), (("private", 1),))

    def sign(
        self, wire: WireRequest, keys: Keys, venue_ns: int, recv_window_ms: int
    ) -> HttpRequest:
        target, body = target_of(wire), body_of(wire)
        signed = token(
            keys,
            venue_ns // NS_PER_S,
            _lifetime_s(recv_window_ms),
            f"{wire.method} {HOST}{wire.path}",
            salt=b"\0".join((str(venue_ns).encode(), target.encode(), body)),
        )
        return HttpRequest(wire.method, target, {"Authorization": f"Bearer {signed}"} | _JSON, body)

    def expires_ns(self, wire: WireRequest, venue_ns: int, recv_window_ms: int) -> int:
        return (venue_ns // NS_PER_S + _lifetime_s(recv_window_ms)) * NS_PER_S

    def unsigned(self, wire: WireRequest) -> HttpRequest:
        return HttpRequest(wire.method, target_of(wire), dict(_JSON), body_of(wire))

    def read_answer(self, answer: Answer, asked: Asked) -> tuple[Event, ...]:
        return decode_answer(answer.status, answer.headers, answer.body, asked, self.known)

    def next_page(self, wire: WireRequest, answer: Answer) -> WireRequest | None:
        if wire.request is None:
            return _older(wire, answer) if "limit" in wire.params else _newer(wire, answer)
        body = answer.body
        page = readable(body, "page", lambda: msgspec.json.decode(body, type=Page))
        if not page.cursor or not page.has_next:
            return None
        return _with(wire, cursor=page.cursor)

    def follow_up(self, wire: WireRequest, answer: Answer) -> WireRequest | None:
        if answer.status != 200 or wire.request is None:
            return None
        if wire.request is Request.CANCEL_ALL:
            return _rest_of_all(wire, answer.body)
        if wire.path == LIST:
            found = self.next_page(wire, answer)
            return found if wire.request is Request.QUERY_ORDER else None
        if wire.request not in (Request.CANCEL, Request.MODIFY) or wire.method == "GET":
            return None
        if not readable(answer.body, "answer", lambda: was_taken(answer.body)):
            return None
        # An accepted cancel or edit is not yet carried out: how is the order by now?
        canceled = wire.request is Request.CANCEL
        order_id = ids_of(wire)[0] if canceled else str(wire.params["order_id"])
        return order_at(order_id, wire.request)

    def retry_after_ns(self, answer: Answer) -> int:
        return retry_after_s(answer.status, answer.headers) * NS_PER_S

    def throttled(self, wire: WireRequest, answer: Answer) -> tuple[str, ...]:
        return tuple(name for name, _ in self.cost(wire).amounts)

    # --- public questions ----------------------------------------------------------------------

    def ask_time(self) -> WireRequest:
        return WireRequest(None, "GET", f"{ROOT}/time")

    def read_time(self, body: bytes) -> int:
        told = readable(
            body, "time", lambda: int(msgspec.json.decode(body, type=_Time).epochMillis)
        )
        return told * NS_PER_MS

    def ask_instruments(self) -> WireRequest:
        return WireRequest(None, "GET", f"{PUBLIC}/products", {"product_type": "SPOT"})

    def read_instruments(self, body: bytes) -> tuple[Instrument, ...]:
        return decode_products(body)

    def ask_book(self, instrument_id: InstrumentId) -> WireRequest:
        params = {"product_id": product_of(instrument_id)}
        return WireRequest(None, "GET", f"{PUBLIC}/product_book", params)

    def read_book(self, body: bytes, instrument: Instrument, ts_init: int) -> BookDeltaBatch:
        return decode_book(body, instrument.instrument_id, ts_init)

    def ask_trades(self, instrument_id: InstrumentId, since_ns: int) -> WireRequest:
        path = f"{PUBLIC}/products/{product_of(instrument_id)}/ticker"
        return WireRequest(None, "GET", path, {"limit": _TRADES_PAGE}, since_ns)

    def ask_bars(self, instrument_id: InstrumentId, interval_ns: int, since_ns: int) -> WireRequest:
        first = -(-since_ns // interval_ns) * interval_ns // NS_PER_S
        params = {
            "start": first,
            "end": first + (_CANDLES_PAGE - 1) * interval_ns // NS_PER_S,
            "granularity": INTERVAL_NAME[interval_ns],
        }
        path = f"{PUBLIC}/products/{product_of(instrument_id)}/candles"
        return WireRequest(None, "GET", path, params, since_ns)

    def read_history(
        self, body: bytes, wire: WireRequest, instrument: Instrument, ts_init: int
    ) -> tuple[Event, ...]:
        name = instrument.instrument_id
        if "limit" in wire.params:
            return decode_trades(body, name, wire.since_ns, ts_init)
        return decode_candles(body, name, INTERVAL_NS[str(wire.params["granularity"])], ts_init)

    # --- streams -------------------------------------------------------------------------------

    def market_session(self, instruments: Instruments, route: str) -> MarketSession:
        return CoinbaseMarketSession()

    def user_session(self, keys: Keys, instruments: Instruments) -> UserSession:
        return CoinbaseUserSession(keys, self.known)


def _lifetime_s(recv_window_ms: int) -> int:
    """Whole seconds, rounded up: a token does not know parts of one."""
    return min(LIFETIME_S, -(-recv_window_ms * NS_PER_MS // NS_PER_S))


def _rest_of_all(wire: WireRequest, body: bytes) -> WireRequest | None:
    """List, cancel those, and list again where there may be more."""
    if wire.method == "GET":
        ids = readable(body, "open orders", lambda: open_ids(body))
        params = {**wire.params, "order_ids": ids}
        return WireRequest(wire.request, "POST", CANCEL, params) if ids else None
    if len(ids_of(wire)) < CANCELS_MAX:
        return None
    params = {name: value for name, value in wire.params.items() if name != "order_ids"}
    return WireRequest(wire.request, "GET", LIST, params)


def _older(wire: WireRequest, answer: Answer) -> WireRequest | None:
    """Trades come newest first: the page before, until the time that is asked for."""
    trades = readable(answer.body, "trades", lambda: TRADES.decode(answer.body).trades)
    if len(trades) < _TRADES_PAGE:
        return None
    end = oldest_s(trades) + 1  # the second may go on; trades that come twice have one id
    if (end - 1) * NS_PER_S < wire.since_ns or end == wire.params.get("end"):
        return None
    return _with(wire, start=wire.since_ns // NS_PER_S, end=end)


def _newer(wire: WireRequest, answer: Answer) -> WireRequest | None:
    """Candles are asked for by time, so the pages end where the venue's clock is."""
    candles = readable(answer.body, "candles", lambda: CANDLES.decode(answer.body).candles)
    interval_s = INTERVAL_NS[str(wire.params["granularity"])] // NS_PER_S
    end = int(str(wire.params["end"]))
    told = next((v for k, v in answer.headers.items() if k.lower() == "date"), "")
    if told:
        now_s = int(parsedate_to_datetime(told).timestamp())
    else:
        now_s = max((c.start for c in candles), default=0) + interval_s
    if end + interval_s >= now_s:
        return None
    return _with(wire, start=end + interval_s, end=end + (_CANDLES_PAGE - 1) * interval_s)


def _with(wire: WireRequest, **more: object) -> WireRequest:
    return WireRequest(wire.request, wire.method, wire.path, {**wire.params, **more}, wire.since_ns)


ADAPTERS: Final[dict[Product, Adapter]] = {Product.SPOT: CoinbaseAdapter()}
