"""Depth frames of each venue, made by the hundred thousand: what `feed_source.py` sends.

A frame changes `levels` levels around a middle that stays; a tenth of them empty a level. What is
in frames repeats after some hundred of them, their numbers and times do not.

A frame's global number can be read from the batch that holds it (`Frames.number`), so that a
receiver knows when it was sent.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np

from messages.base import NS_PER_MS, InstrumentId
from messages.market import Instrument
from venues.registry import adapter

# Levels that the middle one of the depth frames changes, in the recordings of ../shared/data.
RECORDED_LEVELS: Final = {"BINANCE": 16, "OKX": 37, "BYBIT": 5, "COINBASE": 5}
_SYMBOLS: Final = {
    "BINANCE": "C{}USDT",
    "OKX": "C{}-USDT",
    "BYBIT": "C{}USDT",
    "COINBASE": "C{}-USD",
}
_DEPTH: Final = 400  # levels of each side of a whole book
_TICK: Final = 0.01
_MIDDLE: Final = 6_000_000  # ticks
_REACH: Final = 100  # levels of each side that frames change
_BODIES: Final = 500
_ISO: Final = "2026-01-01T00:00:00.{:09d}Z"

Level = tuple[str, str]


def instruments(venue: str, names: Sequence[str]) -> tuple[Instrument, ...]:
    """Those of these symbols, with made-up rules."""
    of = adapter(venue)
    return tuple(
        Instrument(
            instrument_id=of.instrument_id(name),
            symbol=name,
            base=f"C{n}",
            quote="USD" if venue == "COINBASE" else "USDT",
            price_increment=Decimal("0.01"),
            size_increment=Decimal("0.001"),
            min_quantity=Decimal("0.001"),
            max_quantity=Decimal(9000),
            min_notional=Decimal(5),
            maker_fee=Decimal(0),
            taker_fee=Decimal(0),
        )
        for n, name in enumerate(names)
    )


class Frames:
    """Frame number g changes the book of instrument g % count; numbers count from 1.

    symbols  the venue's; without them `count` made-up ones
    """

    def __init__(self, venue: str, count: int, levels: int, symbols: Sequence[str] = ()) -> None:
        self.venue = venue
        names = symbols or [_SYMBOLS[venue].format(n) for n in range(count)]
        self.instruments = instruments(venue, names)
        count = len(names)
        self._count = count
        rng = np.random.default_rng(7)
        self._bodies = [_changes(rng, levels) for _ in range(_BODIES)]
        self._made: dict[tuple[int, int], str] = {}
        self._places = {i.instrument_id: n for n, i in enumerate(self.instruments)}
        self._bases: dict[InstrumentId, int] = {}

    def update(self, g: int, now_ns: int) -> bytes:
        """Frame `g`, made now."""
        place, number = g % self._count, g // self._count + 1
        symbol = self.instruments[place].symbol
        key = (place, g % _BODIES)
        body = self._made.get(key)
        if body is None:
            body = self._made[key] = self._text(symbol, *self._bodies[g % _BODIES])
        ms = now_ns // NS_PER_MS
        match self.venue:
            case "BINANCE":
                head = (
                    f'{{"stream":"{symbol.lower()}@depth@100ms","data":{{"e":"depthUpdate","E":{ms}'
                )
                return f'{head},"s":"{symbol}","U":{number},"u":{number},{body}}}}}'.encode()
            case "OKX":
                arg = f'{{"arg":{{"channel":"books","instId":"{symbol}"}},"action":"update",'
                tail = f'"ts":"{ms}","checksum":0,"seqId":{number},"prevSeqId":{number - 1}}}]}}'
                return f'{arg}"data":[{{{body},{tail}'.encode()
            case "BYBIT":
                head = f'{{"topic":"orderbook.50.{symbol}","type":"delta","ts":{ms},"data":{{'
                tail = f'"u":{number + 1},"seq":{number + 1}}},"cts":{ms}}}'
                return f'{head}"s":"{symbol}",{body},{tail}'.encode()
            case _:
                return self._coinbase("update", g + self._count + 1, symbol, body, now_ns)

    def trade(self, g: int, now_ns: int) -> tuple[bytes, bytes]:
        """A trade and a quote after frame `g`, of Binance: prices wander within a few ticks."""
        symbol, ms = self.instruments[g % self._count].symbol, now_ns // NS_PER_MS
        away = int(40 * np.sin(g / 5000) + 10 * np.sin(g / 70))
        head = f'{{"stream":"{symbol.lower()}@'
        said = f'"e":"trade","E":{ms},"s":"{symbol}","t":{g},"p":"{_price(away)}","q":"0.010"'
        sides = f'"b":"{_price(-1)}","B":"1.000","a":"{_price(1)}","A":"1.000"'
        trade = f'{head}trade","data":{{{said},"T":{ms},"m":{_json(g % 3 == 0)},"M":true}}}}'
        quote = f'{head}bookTicker","data":{{"u":{g},"s":"{symbol}",{sides}}}}}'
        return trade.encode(), quote.encode()

    def whole(self, place: int, g: int, now_ns: int) -> bytes:
        """The whole book of an instrument before frame `g`, as the stream (or REST) says it."""
        symbol = self.instruments[place].symbol
        number = (g + self._count - 1 - place) // self._count  # frames of this book before g
        bids = [(_price(-n), "1.000") for n in range(1, _DEPTH + 1)]
        asks = [(_price(n), "1.000") for n in range(1, _DEPTH + 1)]
        ms = now_ns // NS_PER_MS
        match self.venue:
            case "BINANCE":
                book: Any = {"lastUpdateId": number, "bids": bids, "asks": asks}
            case "OKX":
                sides = {
                    s: [[*level, "0", "1"] for level in x]
                    for s, x in (("asks", asks), ("bids", bids))
                }
                arg = {"channel": "books", "instId": symbol}
                row = {**sides, "ts": str(ms), "checksum": 0, "seqId": number, "prevSeqId": -1}
                book = {"arg": arg, "action": "snapshot", "data": [row]}
            case "BYBIT":
                data = {"s": symbol, "b": bids, "a": asks, "u": number + 1, "seq": number + 1}
                book = {
                    "topic": f"orderbook.50.{symbol}",
                    "type": "snapshot",
                    "ts": ms,
                    "data": data,
                }
                book["cts"] = ms
            case _:
                body = self._text(symbol, bids, asks)
                return self._coinbase("snapshot", g + place + 1, symbol, body, now_ns)
        return json.dumps(book).encode()

    def place(self, symbol: str) -> int:
        """Which instrument bears the symbol."""
        return [i.symbol for i in self.instruments].index(symbol)

    def number(self, name: InstrumentId, last_seq: int) -> int:
        """The global number of the frame that a book's `last_seq` belongs to; -1: a whole book.

        OKX's books are numbered by our side, from the time of the whole book: the first number of
        an instrument that this is asked for must be that of its whole book.
        """
        place = self._places[name]
        if self.venue == "COINBASE":
            return last_seq - self._count - 1
        base = self._bases.setdefault(name, last_seq) if self.venue == "OKX" else 0
        frames = last_seq - base - (self.venue == "BYBIT")
        return (frames - 1) * self._count + place if frames > 0 else -1

    def _text(self, symbol: str, bids: Sequence[Level], asks: Sequence[Level]) -> str:
        if self.venue == "OKX":
            rows = [[[*level, "0", "1"] for level in side] for side in (asks, bids)]
            return f'"asks":{_json(rows[0])},"bids":{_json(rows[1])}'
        if self.venue == "COINBASE":
            said = [("bid", level) for level in bids] + [("offer", level) for level in asks]
            one = '{{"side":"{}","event_time":"@","price_level":"{}","new_quantity":"{}"}}'
            return ",".join(one.format(side, *level) for side, level in said)
        return f'"b":{_json(bids)},"a":{_json(asks)}'

    @staticmethod
    def _coinbase(kind: str, number: int, symbol: str, body: str, now_ns: int) -> bytes:
        iso = f"{np.datetime64(now_ns, 'ns')}Z"
        head = f'{{"channel":"l2_data","client_id":"","timestamp":"{iso}","sequence_num":{number}'
        event = f'{{"type":"{kind}","product_id":"{symbol}","updates":[{body.replace("@", iso)}]}}'
        return f'{head},"events":[{event}]}}'.encode()


def _price(ticks: int) -> str:
    return f"{(_MIDDLE + ticks) * _TICK:.2f}"


def _json(levels: object) -> str:
    return json.dumps(levels, separators=(",", ":"))


def _changes(rng: np.random.Generator, levels: int) -> tuple[list[Level], list[Level]]:
    """(bids, asks): prices near the middle are the likelier, the best one never goes."""
    sides: tuple[list[Level], list[Level]] = ([], [])
    for n in range(levels):
        far = 1 + int(_REACH * rng.random() ** 2)
        gone = far > 1 and rng.random() < 0.1
        size = "0.000" if gone else f"{1 + rng.integers(9_000) / 1000:.3f}"
        side = n % 2
        sides[side].append((_price(far if side else -far), size))
    return sides
