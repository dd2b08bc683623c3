"""OKX v5 behind the contract of `venues/wire`; each part is in the module that it calls.

docs: docs-v5 "Overview" for the addresses (2026-09); docs/venues/okx.md lists the rules used.
"""

from types import MappingProxyType
from typing import Final, TypeVar

import msgspec

from messages.base import NS_PER_MS, NS_PER_S, Command, Event, InstrumentId
from messages.market import BookDeltaBatch, Instrument, Product
from trading.errors import Garbled, Refused
from venues.okx import codec_follow as follow
from venues.okx import codec_market as market
from venues.okx.codec_account import LIVE, InstrumentRow, instrument_of, known_kind
from venues.okx.codec_book import BookRow, levels
from venues.okx.codec_errors import CLOCK_CODES, RULE_CODES, wait_ns
from venues.okx.codec_names import (
    INST_TYPE,
    INTERVAL_NAME,
    VENUE,
    instrument_id,
    ms,
    ns,
    symbol_of,
)
from venues.okx.codec_requests import request_of
from venues.okx.codec_rest import UNREADABLE, Outer, read_answer
from venues.okx.limits import RULES, cost_of, throttled
from venues.okx.session_market import BUSINESS, PUBLIC, OkxMarketSession
from venues.okx.session_user import OkxUserSession
from venues.okx.signing import body, expires, signed, target
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
from venues.wire.piece import Piece, delta_rows, join
from venues.wire.request import Answer, HttpRequest, WireRequest

# docs: "REST Authentication": the time stamp may differ from OKX's clock by 30 s, either way.
STAMP_NS: Final = 30 * NS_PER_S
_STREAM: Final = "wss://ws.okx.com:8443"
_DEPTH: Final = "400"  # what the stream holds
_DERIVED: Final = frozenset({Channel.FUNDING, Channel.LIQUIDATIONS})
_T = TypeVar("_T")


class OkxAdapter(Adapter):
    """One product of OKX."""

    venue = VENUE
    endpoints = Endpoints("https://www.okx.com", _STREAM, _STREAM)
    needs_passphrase = True
    snapshot_by = SnapshotBy.RESUBSCRIBE
    bar_intervals = MappingProxyType(INTERVAL_NAME)
    limits = RULES
    routes = (PUBLIC, BUSINESS)
    clock_codes = CLOCK_CODES
    rule_codes = MappingProxyType(RULE_CODES)
    ahead_ns = STAMP_NS

    def __init__(self, product: Product) -> None:
        self.product = product
        linear = product is Product.LINEAR
        self.channels = frozenset(Channel) - (frozenset() if linear else _DERIVED)

    def instrument_id(self, symbol: str) -> InstrumentId:
        return instrument_id(symbol)

    def symbol(self, instrument_id: InstrumentId) -> str:
        return symbol_of(instrument_id, self.product)

    def request_of(self, command: Command, instruments: Instruments) -> WireRequest:
        return request_of(command, instruments, self.product)

    def cost(self, wire: WireRequest) -> Cost:
        return cost_of(wire)

    def sign(
        self, wire: WireRequest, keys: Keys, venue_ns: int, recv_window_ms: int
    ) -> HttpRequest:
        return signed(wire, keys, venue_ns, recv_window_ms)

    def expires_ns(self, wire: WireRequest, venue_ns: int, recv_window_ms: int) -> int:
        return venue_ns + (recv_window_ms * NS_PER_MS if expires(wire) else STAMP_NS)

    def unsigned(self, wire: WireRequest) -> HttpRequest:
        return HttpRequest(wire.method, target(wire), {}, body(wire))

    def read_answer(self, answer: Answer, asked: Asked) -> tuple[Event, ...]:
        return read_answer(answer, asked)

    def next_page(self, wire: WireRequest, answer: Answer) -> WireRequest | None:
        return follow.next_page(wire, answer)

    def follow_up(self, wire: WireRequest, answer: Answer) -> WireRequest | None:
        return follow.follow_up(wire, answer)

    def retry_after_ns(self, answer: Answer) -> int:
        return wait_ns(answer.status, _code(answer))

    def throttled(self, wire: WireRequest, answer: Answer) -> tuple[str, ...]:
        return throttled(wire, _code(answer))

    def ask_time(self) -> WireRequest:
        return WireRequest(None, "GET", "/api/v5/public/time")

    def read_time(self, body: bytes) -> int:
        try:
            return ns(int(_rows(body, dict[str, str])[0]["ts"]))
        except (ValueError, LookupError) as e:
            raise Garbled(f"time: {e}", body) from e

    def ask_instruments(self) -> WireRequest:
        params = {"instType": INST_TYPE[self.product]}
        return WireRequest(None, "GET", "/api/v5/public/instruments", params)

    def read_instruments(self, body: bytes) -> tuple[Instrument, ...]:
        rows = _rows(body, InstrumentRow)
        try:
            return tuple(
                instrument_of(d, self.product)
                for d in rows
                if d.state == LIVE and known_kind(d, self.product)
            )
        except UNREADABLE as e:
            raise Garbled(f"instruments: {str(e).splitlines()[0]}", body) from e

    def ask_book(self, instrument_id: InstrumentId) -> WireRequest:
        params = {"instId": self.symbol(instrument_id), "sz": _DEPTH}
        return WireRequest(None, "GET", "/api/v5/market/books", params)

    def read_book(self, body: bytes, instrument: Instrument, ts_init: int) -> BookDeltaBatch:
        """Its number is the venue's: it cannot be merged with the stream, which has its own."""
        rows, size = _rows(body, BookRow), float(instrument.contract_size)
        try:
            d = rows[0]
            ts, seq = ns(int(d.ts)), d.seq_id or 0
            found = delta_rows(levels(d.bids, size), levels(d.asks, size), ts, ts_init)
            return BookDeltaBatch(
                ts_event=ts,
                ts_init=ts_init,
                instrument_id=instrument.instrument_id,
                snapshot=True,
                first_seq=seq,
                last_seq=seq,
                rows=found,
            )
        except (*UNREADABLE, IndexError) as e:
            raise Garbled(f"book of {instrument.symbol}: {e}", body) from e

    def ask_trades(self, instrument_id: InstrumentId, since_ns: int) -> WireRequest:
        # Type 2 goes by time: pages from now backwards, for which `after` names the end.
        params = {"instId": self.symbol(instrument_id), "type": "2"}
        params["limit"] = str(follow.HISTORY_LIMIT)
        return WireRequest(None, "GET", follow.TRADES, params, since_ns)

    def ask_bars(self, instrument_id: InstrumentId, interval_ns: int, since_ns: int) -> WireRequest:
        if interval_ns not in INTERVAL_NAME:
            raise Refused(f"bars of {interval_ns} ns: OKX has none")
        params = {
            "instId": self.symbol(instrument_id),
            "bar": INTERVAL_NAME[interval_ns],
            "before": str(ms(since_ns) - 1),
            "limit": str(follow.HISTORY_LIMIT),
        }
        if since_ns:
            return WireRequest(None, "GET", follow.BARS, params, since_ns)
        del params["before"]
        return WireRequest(None, "GET", follow.BARS, params)

    def read_history(
        self, body: bytes, wire: WireRequest, instrument: Instrument, ts_init: int
    ) -> tuple[Event, ...]:
        try:
            pieces = self._pieces(body, wire, instrument, ts_init)
            wanted = [piece for piece in pieces if piece.ts_event >= wire.since_ns]
            return (join(wanted),) if wanted else ()
        except UNREADABLE as e:
            raise Garbled(f"{wire.path}: {str(e).splitlines()[0]}", body) from e

    def _pieces(
        self, body: bytes, wire: WireRequest, instrument: Instrument, ts_init: int
    ) -> list[Piece]:
        if wire.path == follow.TRADES:
            size = float(instrument.contract_size)
            trades = sorted(_rows(body, market.TradeRow), key=lambda d: int(d.trade_id))
            return [market.trade(d, size, ts_init) for d in trades]
        bar, symbol = str(wire.params["bar"]), instrument.symbol
        found = [market.candle(d, symbol, bar, ts_init) for d in _rows(body, market.Candle)]
        return [piece for piece in reversed(found) if piece is not None]

    def route_of(self, wanted: Subscription) -> str:
        return BUSINESS if wanted.channel is Channel.BARS else PUBLIC

    def market_session(self, instruments: Instruments, route: str) -> MarketSession:
        return OkxMarketSession(self.product, instruments, route)

    def user_session(self, keys: Keys, instruments: Instruments) -> UserSession:
        return OkxUserSession(self.product, keys, instruments)


def _code(answer: Answer) -> str:
    """The answer's code; "" if it cannot be read."""
    try:
        return msgspec.json.decode(answer.body, type=Outer).code
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _rows(body: bytes, shape: type[_T]) -> list[_T]:
    """The rows of a public answer; raises Garbled, Refused."""
    try:
        head = msgspec.json.decode(body, type=Outer)
        if head.code != "0":
            raise Refused(f"{head.code}: {head.msg}")
        return msgspec.json.decode(head.data, type=list[shape])  # type: ignore[valid-type]
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise Garbled(f"{getattr(shape, '__name__', shape)}: {e}", body) from e


ADAPTERS: Final = {product: OkxAdapter(product) for product in Product}
