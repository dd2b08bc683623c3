"""Bybit v5 as the contract of the wire sees it: spot, and linear perpetuals."""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

import msgspec

from messages.base import Command, Event, InstrumentId
from messages.market import BookDeltaBatch, Instrument, Product
from trading.errors import Garbled
from venues.bybit import codec_public, requests, signing
from venues.bybit.codec_errors import NO_SUCH_ORDER, RULE_CODES, banned, envelope_of, retry_after_ns
from venues.bybit.codec_frames import UNREADABLE
from venues.bybit.codec_instruments import PAGE, instruments_of
from venues.bybit.codec_names import (
    CATEGORY,
    INTERVAL_NAME,
    INTERVAL_NS,
    VENUE,
    instrument_id,
    ms,
    symbol_of,
)
from venues.bybit.codec_rest import Listed, decode_answer, result
from venues.bybit.limits import cost_of, rules
from venues.bybit.session_market import (
    BOOK_DEPTH,
    CHANNELS,
    STREAMS_MAX,
    BybitMarketSession,
)
from venues.bybit.session_user import BybitUserSession
from venues.wire.adapter import Adapter, Endpoints, Instruments, MarketSession, UserSession
from venues.wire.asked import Asked
from venues.wire.keys import Keys
from venues.wire.limits import Cost
from venues.wire.request import Answer, HttpRequest, WireRequest

ENDPOINTS: Final = Endpoints(
    "https://api.bybit.com", "wss://stream.bybit.com", "wss://stream.bybit.com"
)
_BARS_PAGE: Final = 1000
_TRADES_MAX: Final = {Product.SPOT: 60, Product.LINEAR: 1000}
_CLOCK_CODES: Final = frozenset({"10002"})
_JSON: Final = {"Content-Type": "application/json"}
_ACKNOWLEDGED: Final = frozenset({requests.CANCEL, requests.AMEND})
_ORDER_PARAMS: Final = frozenset({"category", "symbol", "orderLinkId", "orderId"})
_KLINE: Final = "/v5/market/kline"
_INSTRUMENTS: Final = "/v5/market/instruments-info"
_PAGED: Final = frozenset(
    {requests.REALTIME, requests.EXECUTIONS, requests.POSITIONS, _INSTRUMENTS}
)


class BybitAdapter(Adapter):
    """One product of Bybit's unified trading account, in one-way position mode."""

    venue = VENUE
    endpoints = ENDPOINTS
    bar_intervals = INTERVAL_NAME
    clock_codes = _CLOCK_CODES
    rule_codes = MappingProxyType(RULE_CODES)

    def __init__(self, product: Product) -> None:
        self.product = product
        self.channels = CHANNELS[product]
        self.streams_max = STREAMS_MAX
        self.limits = rules(product)
        self._category = CATEGORY[product]

    def instrument_id(self, symbol: str) -> InstrumentId:
        return instrument_id(symbol, self.product)

    def symbol(self, instrument_id: InstrumentId) -> str:
        return symbol_of(instrument_id, self.product)

    # --- requests ------------------------------------------------------------------------------

    def request_of(self, command: Command, instruments: Instruments) -> WireRequest:
        return requests.wire_of(command, self.product)

    def cost(self, wire: WireRequest) -> Cost:
        return cost_of(wire)

    def sign(
        self, wire: WireRequest, keys: Keys, venue_ns: int, recv_window_ms: int
    ) -> HttpRequest:
        if wire.method == "POST":
            body = msgspec.json.encode(wire.params)
            signed = signing.headers(body.decode(), keys, venue_ns, recv_window_ms)
            return HttpRequest("POST", wire.path, _JSON | signed, body)
        query = _query(wire)
        signed = signing.headers(query, keys, venue_ns, recv_window_ms)
        return HttpRequest(wire.method, f"{wire.path}?{query}", _JSON | signed)

    def unsigned(self, wire: WireRequest) -> HttpRequest:
        query = _query(wire)
        return HttpRequest(wire.method, f"{wire.path}?{query}" if query else wire.path)

    def read_answer(self, answer: Answer, asked: Asked) -> tuple[Event, ...]:
        return decode_answer(answer, replace(asked, product=self.product))

    def next_page(self, wire: WireRequest, answer: Answer) -> WireRequest | None:
        """The next page by cursor; positions come by the currency that they settle in."""
        if not _succeeded(answer):
            return None
        if wire.path == _KLINE:
            return self._later_bars(wire, len(_rows(answer).list))
        if wire.path not in _PAGED:
            return None
        page = _rows(answer)
        if page.next_page_cursor and page.list:
            return _with(wire, cursor=page.next_page_cursor)
        if "endTime" in wire.params:
            return _next_window(wire, answer)
        return self._next_coin(wire)

    def follow_up(self, wire: WireRequest, answer: Answer) -> WireRequest | None:
        """Where Bybit needs two requests for one command.

        A cancel or an amend is only acknowledged: how the order is by then. An order that is not
        among the open and recent ones may be in the history. Spot cancels conditional orders by a
        request of their own: where there is no plain order of this id, and all of them.
        """
        if not _succeeded(answer):
            if self.product is Product.SPOT and _no_plain_order(wire, answer):
                return _with(wire, orderFilter=requests.CONDITIONAL)
            return None
        if wire.path in _ACKNOWLEDGED:
            return replace(wire, method="GET", path=requests.REALTIME, params=_order_of(wire))
        if wire.path == requests.REALTIME and not _rows(answer).list:
            return replace(wire, path=requests.HISTORY)
        if wire.params.get("orderFilter") == "Order":
            return _with(wire, orderFilter=requests.CONDITIONAL)
        return None

    def _next_coin(self, wire: WireRequest) -> WireRequest | None:
        coins = requests.SETTLE_COINS
        if wire.params.get("settleCoin") != coins[0]:
            return None
        params = {k: v for k, v in wire.params.items() if k != "cursor"}
        return replace(wire, params=params | {"settleCoin": coins[1]})

    def _later_bars(self, wire: WireRequest, rows: int) -> WireRequest | None:
        """Windows of a page each, from the oldest on, until one is not full."""
        if rows < _BARS_PAGE:
            return None
        start = int(str(wire.params["end"])) + 1
        return _with(wire, start=start, end=start + self._span_ms(str(wire.params["interval"])))

    def _span_ms(self, interval: str) -> int:
        return _BARS_PAGE * ms(INTERVAL_NS[interval]) - 1

    def retry_after_ns(self, answer: Answer) -> int:
        return retry_after_ns(answer)

    def throttled(self, wire: WireRequest, answer: Answer) -> tuple[str, ...]:
        return () if banned(answer) else (wire.path,)

    # --- public questions ----------------------------------------------------------------------

    def ask_time(self) -> WireRequest:
        return WireRequest(None, "GET", "/v5/market/time")

    def read_time(self, body: bytes) -> int:
        return codec_public.read_time(body)

    def ask_instruments(self) -> WireRequest:
        params: dict[str, object] = {"category": self._category}
        if self.product is Product.LINEAR:  # spot has one page, and takes no limit
            params["limit"] = PAGE
        return WireRequest(None, "GET", _INSTRUMENTS, params)

    def read_instruments(self, body: bytes) -> tuple[Instrument, ...]:
        page = codec_public.read_page(body)
        try:
            return instruments_of(page, self.product)
        except ValueError as e:
            raise Garbled(f"instruments: {str(e).splitlines()[0]}", body) from e

    def ask_book(self, instrument_id: InstrumentId) -> WireRequest:
        params = self._of(instrument_id) | {"limit": BOOK_DEPTH}
        return WireRequest(None, "GET", "/v5/market/orderbook", params)

    def read_book(self, body: bytes, instrument: Instrument, ts_init: int) -> BookDeltaBatch:
        return codec_public.read_book(body, instrument.instrument_id, ts_init)

    def ask_trades(self, instrument_id: InstrumentId, since_ns: int) -> WireRequest:
        """The newest: Bybit does not go further back, at most 1,000 trades (spot: 60)."""
        params = self._of(instrument_id) | {"limit": _TRADES_MAX[self.product]}
        return WireRequest(None, "GET", "/v5/market/recent-trade", params, since_ns)

    def ask_bars(self, instrument_id: InstrumentId, interval_ns: int, since_ns: int) -> WireRequest:
        interval = INTERVAL_NAME[interval_ns]
        start = ms(since_ns)
        params = self._of(instrument_id) | {
            "interval": interval,
            "start": start,
            "end": start + self._span_ms(interval),
            "limit": _BARS_PAGE,
        }
        return WireRequest(None, "GET", _KLINE, params, since_ns)

    def read_history(
        self, body: bytes, wire: WireRequest, instrument: Instrument, ts_init: int
    ) -> tuple[Event, ...]:
        if wire.path == _KLINE:
            interval = str(wire.params["interval"])
            return codec_public.read_bars(body, instrument, interval, ts_init)
        return codec_public.read_trades(body, instrument, wire.since_ns, ts_init)

    def _of(self, name: InstrumentId) -> dict[str, object]:
        return {"category": self._category, "symbol": self.symbol(name)}

    # --- streams -------------------------------------------------------------------------------

    def market_session(self, instruments: Instruments, route: str) -> MarketSession:
        return BybitMarketSession(self.product)

    def user_session(self, keys: Keys, instruments: Instruments) -> UserSession:
        return BybitUserSession(keys, self.product)


def _query(wire: WireRequest) -> str:
    """Parameters as they are sent and signed. A cursor comes encoded and goes back as it came."""
    return "&".join(f"{name}={value}" for name, value in wire.params.items())


def _no_plain_order(wire: WireRequest, answer: Answer) -> bool:
    """Whether a cancel found no order among the plain ones, which it looks for by default."""
    if wire.path != requests.CANCEL or "orderFilter" in wire.params or answer.status != 200:
        return False
    envelope = envelope_of(answer)
    return envelope is not None and envelope.ret_code in NO_SUCH_ORDER


def _next_window(wire: WireRequest, answer: Answer) -> WireRequest | None:
    """The next seven days of executions, until the venue's clock is reached."""
    found, end_ms = envelope_of(answer), int(str(wire.params["endTime"]))
    if found is None or end_ms >= found.time:
        return None
    params = {k: v for k, v in wire.params.items() if k != "cursor"}
    return replace(wire, params=params | requests.window(end_ms))


def _with(wire: WireRequest, **more: object) -> WireRequest:
    return replace(wire, params={**wire.params, **more})


def _order_of(wire: WireRequest) -> dict[str, object]:
    """Which order a request is about."""
    return {k: v for k, v in wire.params.items() if k in _ORDER_PARAMS}


def _succeeded(answer: Answer) -> bool:
    envelope = envelope_of(answer) if answer.status == 200 else None
    return envelope is not None and envelope.ret_code == 0


def _rows(answer: Answer) -> Listed:
    """The rows of a success, unread.

    raises  Garbled
    """
    try:
        envelope = envelope_of(answer)
        if envelope is None:
            raise ValueError("no envelope")
        return result(envelope, Listed)
    except UNREADABLE as e:
        raise Garbled(f"page: {str(e).splitlines()[0]}", answer.body) from e


ADAPTERS: Final[dict[Product, Adapter]] = {
    Product.SPOT: BybitAdapter(Product.SPOT),
    Product.LINEAR: BybitAdapter(Product.LINEAR),
}
