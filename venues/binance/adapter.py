"""Binance spot and USD-M futures behind the contract of `venues/wire`; each part is in the module
that it calls.

docs: Spot "General API Information" and USD-M "General Info" for the addresses (2026-09).
docs/venues/binance.md lists the rules used.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from messages.base import NS_PER_S, Command, Event, InstrumentId
from messages.market import BookDeltaBatch, Instrument, Product
from venues.binance import codec_follow as follow
from venues.binance import codec_history as history
from venues.binance import codec_requests, codec_requests_usdm, limits
from venues.binance.codec_errors import (
    ORDERS_WAIT_S,
    RULE_CODES,
    USDM_RULE_CODES,
    too_many_orders,
    wait_ns,
)
from venues.binance.codec_instruments import decode_exchange_info
from venues.binance.codec_market import decode_depth_snapshot
from venues.binance.codec_names import (
    INTERVAL_NAME,
    VENUE,
    Market,
    instrument_id,
    market_for,
    market_of,
    symbol_of,
)
from venues.binance.codec_rest import decode_answer, decode_server_time
from venues.binance.session_market import OTHER, PUBLIC, ROUTE, BinanceMarketSession
from venues.binance.session_user import SpotUserSession, UsdmUserSession
from venues.binance.signing import plain, signed
from venues.wire.adapter import (
    Adapter,
    Channel,
    Endpoints,
    Instruments,
    MarketSession,
    SnapshotBy,
    Subscription,
    UserSession,
)
from venues.wire.asked import Asked
from venues.wire.keys import Keys
from venues.wire.limits import Cost
from venues.wire.request import Answer, HttpRequest, WireRequest

DEPTH_LIMIT: Final = 1000
_SPOT: Final = frozenset({Channel.BOOK, Channel.TRADES, Channel.QUOTES, Channel.BARS})
_ENDPOINTS: Final = {
    Market.SPOT: Endpoints(
        "https://api.binance.com",
        "wss://stream.binance.com:9443",
        "wss://ws-api.binance.com:443",
    ),
    Market.USDM: Endpoints(
        "https://fapi.binance.com",
        "wss://fstream.binance.com",
        "wss://fstream.binance.com/private",
    ),
}


class BinanceAdapter(Adapter):
    """One market of Binance."""

    venue = VENUE
    snapshot_by = SnapshotBy.REST
    bar_intervals = MappingProxyType(INTERVAL_NAME)
    clock_codes = frozenset({"-1021"})

    def __init__(self, product: Product) -> None:
        self.product = product
        self._market = market = market_for(product)
        self._root = history.ROOT[market]
        self.endpoints = _ENDPOINTS[market]
        spot = market is Market.SPOT
        self.channels = _SPOT if spot else frozenset(Channel)
        self.routes = ("",) if spot else (PUBLIC, OTHER)
        self.limits = limits.SPOT if spot else limits.USDM
        self.rule_codes = RULE_CODES if spot else USDM_RULE_CODES
        self._request_of: Callable[[Command], WireRequest] = (
            codec_requests.request_of if spot else codec_requests_usdm.request_of
        )

    def instrument_id(self, symbol: str) -> InstrumentId:
        return instrument_id(symbol, self._market)

    def symbol(self, instrument_id: InstrumentId) -> str:
        symbol = symbol_of(instrument_id)
        if market_of(instrument_id) is not self._market:
            raise ValueError(f"{instrument_id}: not an instrument of Binance {self._market}")
        return symbol

    def request_of(self, command: Command, instruments: Instruments) -> WireRequest:
        return self._request_of(command)

    def cost(self, wire: WireRequest) -> Cost:
        return limits.cost_of(wire, self._market)

    def sign(
        self, wire: WireRequest, keys: Keys, venue_ns: int, recv_window_ms: int
    ) -> HttpRequest:
        return signed(wire, keys, venue_ns, recv_window_ms)

    def unsigned(self, wire: WireRequest) -> HttpRequest:
        return plain(wire)

    def read_answer(self, answer: Answer, asked: Asked) -> tuple[Event, ...]:
        return decode_answer(answer.status, answer.headers, answer.body, asked)

    def next_page(self, wire: WireRequest, answer: Answer) -> WireRequest | None:
        return follow.next_page(wire, answer)

    def follow_up(self, wire: WireRequest, answer: Answer) -> WireRequest | None:
        return follow.follow_up(wire, answer)

    def retry_after_ns(self, answer: Answer) -> int:
        longest_ns = wait_ns(answer.status, answer.headers)
        if too_many_orders(answer.body):
            return min(longest_ns, ORDERS_WAIT_S * NS_PER_S)
        return longest_ns

    def throttled(self, wire: WireRequest, answer: Answer) -> tuple[str, ...]:
        return ("orders",) if too_many_orders(answer.body) else ()

    def ask_time(self) -> WireRequest:
        return WireRequest(None, "GET", self._root + "time")

    def read_time(self, body: bytes) -> int:
        return decode_server_time(body)

    def ask_instruments(self) -> WireRequest:
        return WireRequest(None, "GET", self._root + "exchangeInfo")

    def read_instruments(self, body: bytes) -> tuple[Instrument, ...]:
        return decode_exchange_info(body, self._market)

    def ask_book(self, instrument_id: InstrumentId) -> WireRequest:
        params = {"symbol": self.symbol(instrument_id), "limit": DEPTH_LIMIT}
        return WireRequest(None, "GET", self._root + "depth", params)

    def read_book(self, body: bytes, instrument: Instrument, ts_init: int) -> BookDeltaBatch:
        return decode_depth_snapshot(body, instrument.instrument_id, ts_init)

    def ask_trades(self, instrument_id: InstrumentId, since_ns: int) -> WireRequest:
        return history.ask_trades(self.symbol(instrument_id), self._market, since_ns)

    def ask_bars(self, instrument_id: InstrumentId, interval_ns: int, since_ns: int) -> WireRequest:
        return history.ask_bars(self.symbol(instrument_id), self._market, interval_ns, since_ns)

    def read_history(
        self, body: bytes, wire: WireRequest, instrument: Instrument, ts_init: int
    ) -> tuple[Event, ...]:
        return history.read(body, wire, instrument, ts_init)

    def route_of(self, wanted: Subscription) -> str:
        return "" if self._market is Market.SPOT else ROUTE.get(wanted.channel, OTHER)

    def market_session(self, instruments: Instruments, route: str) -> MarketSession:
        return BinanceMarketSession(self._market, route)

    def user_session(self, keys: Keys, instruments: Instruments) -> UserSession:
        return SpotUserSession(keys) if self._market is Market.SPOT else UsdmUserSession()


ADAPTERS: Final = {product: BinanceAdapter(product) for product in Product}
