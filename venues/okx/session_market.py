"""One market-data connection to OKX without its socket.

docs: docs-v5 "WebSocket / Connect", "Subscribe", and each channel's page (2026-09). Candles are on
an address of their own ("business"), which is a route here; all else is public.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from messages.market import InstrumentChanged, Product
from trading.errors import Garbled
from venues.okx import codec_market as market
from venues.okx.codec_account import LIVE, InstrumentRow, instrument_of, known_kind, status_of
from venues.okx.codec_book import SentBook
from venues.okx.codec_names import (
    INST_TYPE,
    INTERVAL_NAME,
    contract_size,
    instrument_id,
    ns,
    product_of,
    symbol_of,
)
from venues.wire.adapter import Channel, Instruments, MarketSession, Ping, Subscription
from venues.wire.frames import Control, Decoded, Read, Unknown
from venues.wire.pending import Pending
from venues.wire.piece import Piece

PUBLIC, BUSINESS = "", "business"  # routes
PATHS: Final = {PUBLIC: "/ws/v5/public", BUSINESS: "/ws/v5/business"}
PONG: Final = b"pong"
# docs: "Connect": the venue closes a connection after 30 s without a frame either way.
PING: Final = Ping(20.0, b"ping")
# docs: "Connect": 480 subscribe, unsubscribe and login requests an hour and connection.
SEND_GAP_S: Final = 0.1
_ARGS_MAX: Final = 100  # docs: the channels of one request together at most 64 KB
UNREADABLE: Final = (msgspec.DecodeError, ValidationError, ValueError, OverflowError)
_NAMES: Final[dict[Channel, tuple[str, ...]]] = {
    Channel.BOOK: ("books",),
    Channel.TRADES: ("trades",),
    Channel.QUOTES: ("bbo-tbt",),
    Channel.FUNDING: ("funding-rate", "mark-price"),
    Channel.LIQUIDATIONS: ("liquidation-orders",),
    Channel.STATUS: ("instruments",),
}
_BY_TYPE: Final = frozenset({"liquidation-orders", "instruments"})  # one stream for a product
_WORD: Final = re.compile(r"[\w-]+")
_encode: Final = msgspec.json.Encoder().encode


class Arg(msgspec.Struct, rename="camel"):
    """What a subscription names."""

    channel: str = ""
    inst_id: str = ""
    inst_type: str = ""


class Head(msgspec.Struct):
    """The fields that tell frames apart."""

    arg: Arg = msgspec.field(default_factory=Arg)
    event: str = ""
    action: str = ""
    code: str = ""
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw()


HEAD: Final = msgspec.json.Decoder(Head)
_TRADES: Final = msgspec.json.Decoder(list[market.TradeRow])
_QUOTES: Final = msgspec.json.Decoder(list[market.QuoteRow])
_TICKERS: Final = msgspec.json.Decoder(list[market.TickerRow])
_FUNDING: Final = msgspec.json.Decoder(list[market.FundingRow])
_MARKS: Final = msgspec.json.Decoder(list[market.MarkRow])
_FORCED: Final = msgspec.json.Decoder(list[market.LiquidationRow])
_CANDLES: Final = msgspec.json.Decoder(list[market.Candle])
_RULES: Final = msgspec.json.Decoder(list[InstrumentRow])


def garbled(error: Exception, raw: bytes) -> Garbled:
    """What cannot be read, with what was wrong about it."""
    return Garbled(f"{type(error).__name__}: {str(error).splitlines()[0]}", raw)


def answer_of(head: Head) -> Control:
    """An acknowledgement, or a refusal with the venue's code and words."""
    if head.event == "error":
        return Control("error", head.arg.channel or None, f"{head.code}: {head.msg}")
    return Control(head.event, head.arg.channel or None)


class OkxMarketSession(MarketSession):
    """Frames of one connection, in order."""

    ping = PING
    send_gap_s = SEND_GAP_S

    def __init__(self, product: Product, instruments: Instruments, route: str = PUBLIC) -> None:
        self.books: dict[str, SentBook] = {}
        self.pending: Pending[Subscription] = Pending()
        self._product = product
        self._instruments = instruments
        self._path = PATHS[route]
        self._wanted: set[tuple[str, str]] = set()  # (channel by type, symbol)
        self._rates: dict[str, market.FundingRow] = {}
        self._marks: dict[str, float] = {}
        self._readers: dict[str, Callable[[Head, int], Read]] = {
            "books": self._book,
            "trades": self._trades,
            "bbo-tbt": self._quotes,
            "tickers": self._tickers,
            "funding-rate": self._funding,
            "mark-price": self._mark,
            "liquidation-orders": self._liquidations,
            "instruments": self._rules,
        }

    def path(self) -> str:
        return self._path

    def subscribe(self, wanted: Sequence[Subscription]) -> tuple[bytes, ...]:
        for name, symbol in self._streams(wanted):
            if name in _BY_TYPE:
                self._wanted.add((name, symbol))
        for each in wanted:
            self.pending.ask(each, [self._key(*stream) for stream in self._streams([each])])
        return self._frames("subscribe", self._streams(wanted))

    def unsubscribe(self, unwanted: Sequence[Subscription]) -> tuple[bytes, ...]:
        streams = self._streams(unwanted)
        for each in unwanted:
            self.pending.drop(each)
        self._wanted -= set(streams)
        still = {name for name, _ in self._wanted}
        # A stream of a whole product ends with its last instrument.
        ended = [(n, s) for n, s in streams if n not in _BY_TYPE or n not in still]
        return self._frames("unsubscribe", ended)

    def heard(self, raw: bytes, ts_init: int) -> Read:
        if raw == PONG:
            return Control("pong")
        try:
            head = HEAD.decode(raw)
            if head.event:
                self._answered(head)
                return answer_of(head)
            return self._data(head, ts_init)
        except UNREADABLE as e:
            self._damaged(raw)
            raise garbled(e, raw) from e

    def _data(self, head: Head, ts_init: int) -> Read:
        name, symbol = head.arg.channel, head.arg.inst_id
        if symbol and not self._ours(symbol):
            return Control(f"{name}:other product")
        if name.startswith("candle"):
            return self._candles(head, ts_init)
        reader = self._readers.get(name)
        if reader is None:
            return Unknown(name or "unnamed")
        return reader(head, ts_init)

    def _key(self, name: str, symbol: str) -> str:
        return f"{name}:{INST_TYPE[self._product] if name in _BY_TYPE else symbol}"

    def _answered(self, head: Head) -> None:
        """A confirmation names its channel. A refusal may do so in its words alone, such as
        "channel:books,instId:X doesn't exist"; one that names nothing settles nothing."""
        arg = head.arg
        if head.event == "subscribe":
            self.pending.confirm([f"{arg.channel}:{arg.inst_id or arg.inst_type}"])
        elif head.event == "error":
            said = f"{arg.channel} {arg.inst_id} {arg.inst_type} {head.msg}"
            words = set(_WORD.findall(said))
            named = [k for k in self.pending.keys if set(k.split(":")) <= words]
            self.pending.refuse(named, f"{head.code}: {head.msg}")

    def _damaged(self, raw: bytes) -> None:
        """What was lost with an unreadable frame may be part of any book: of the one it names, if
        that can still be read, else of all."""
        named = [b for symbol, b in self.books.items() if f'"{symbol}"'.encode() in raw]
        for book in named or self.books.values():
            book.damage()

    def _streams(self, subscriptions: Sequence[Subscription]) -> list[tuple[str, str]]:
        return [
            (name, symbol_of(each.instrument_id, self._product))
            for each in subscriptions
            for name in _names(each)
        ]

    def _frames(self, op: str, streams: Sequence[tuple[str, str]]) -> tuple[bytes, ...]:
        args: list[dict[str, str]] = []
        for name, symbol in streams:
            key = "instType" if name in _BY_TYPE else "instId"
            value = INST_TYPE[self._product] if name in _BY_TYPE else symbol
            arg = {"channel": name, key: value}
            if arg not in args:
                args.append(arg)
        parts = [args[i : i + _ARGS_MAX] for i in range(0, len(args), _ARGS_MAX)]
        return tuple(_encode({"op": op, "args": part}) for part in parts)

    def _ours(self, symbol: str) -> bool:
        """Whether it is of our product, or known all the same; a connection may carry others."""
        known = instrument_id(symbol) in self._instruments
        return known or product_of(symbol) is self._product

    def _size(self, symbol: str) -> float:
        return float(contract_size(self._instruments, symbol))

    # --- readers -------------------------------------------------------------------------------

    def _book(self, head: Head, ts_init: int) -> Read:
        symbol = head.arg.inst_id
        book = self.books.get(symbol)
        if book is None:
            book = SentBook(instrument_id(symbol), self._size(symbol))
        found = book.read(head.data, ts_init, whole=head.action == "snapshot")
        self.books[symbol] = book
        return found or Control("books:unchanged")

    def _trades(self, head: Head, ts_init: int) -> Read:
        rows = _TRADES.decode(head.data)
        return _some(*(market.trade(d, self._size(d.inst_id), ts_init) for d in rows))

    def _quotes(self, head: Head, ts_init: int) -> Read:
        symbol = head.arg.inst_id
        rows, size = _QUOTES.decode(head.data), self._size(symbol)
        return _some(*(market.quote(d, symbol, size, ts_init) for d in rows))

    def _tickers(self, head: Head, ts_init: int) -> Read:
        rows = _TICKERS.decode(head.data)
        return _some(*(market.ticker(d, self._size(d.inst_id), ts_init) for d in rows))

    def _funding(self, head: Head, ts_init: int) -> Read:
        for d in _FUNDING.decode(head.data):
            self._rates[d.inst_id] = d
            if d.inst_id in self._marks:
                ts = ns(int(d.ts)) if d.ts else ts_init
                return market.funding(d, self._marks[d.inst_id], ts, ts_init)
        return Control("funding-rate:no mark price yet")

    def _mark(self, head: Head, ts_init: int) -> Read:
        for d in _MARKS.decode(head.data):
            self._marks[d.inst_id] = market.positive(d.mark_px)
            rate = self._rates.get(d.inst_id)
            if rate is not None:
                return market.funding(rate, self._marks[d.inst_id], ns(int(d.ts)), ts_init)
        return Control("mark-price:no rate yet")

    def _liquidations(self, head: Head, ts_init: int) -> Read:
        name = head.arg.channel
        rows = [d for d in _FORCED.decode(head.data) if (name, d.inst_id) in self._wanted]
        pieces = [market.liquidations(d, self._size(d.inst_id), ts_init) for d in rows]
        return _some(*(piece for each in pieces for piece in each), otherwise=f"{name}:others")

    def _candles(self, head: Head, ts_init: int) -> Read:
        symbol, bar = head.arg.inst_id, head.arg.channel.removeprefix("candle")
        found = [market.candle(d, symbol, bar, ts_init) for d in _CANDLES.decode(head.data)]
        return _some(*(each for each in found if each is not None), otherwise="candle:open")

    def _rules(self, head: Head, ts_init: int) -> Read:
        out: list[Any] = []
        for d in _RULES.decode(head.data):
            if (head.arg.channel, d.inst_id) not in self._wanted:
                continue
            if d.state == LIVE and known_kind(d, self._product):
                rules = instrument_of(d, self._product)
                out.append(InstrumentChanged(ts_event=ts_init, ts_init=ts_init, instrument=rules))
            out.append(status_of(d, ts_init))
        return Decoded("instruments", tuple(out)) if out else Control("instruments:others")


def _names(wanted: Subscription) -> tuple[str, ...]:
    if wanted.channel is Channel.BARS:
        return (f"candle{INTERVAL_NAME[wanted.interval_ns]}",)
    return _NAMES[wanted.channel]


def _some(*pieces: Piece, otherwise: str = "empty") -> Read:
    return pieces or Control(otherwise)
