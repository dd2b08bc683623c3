"""A recording as a tape: (time, market message) in time order, fit for a simulated venue.

A tape's book is whole from its first message on: each instrument starts with its snapshot, diffs
that the snapshot covers are dropped by the documented rule, and trades and quotes from before it
are left out, because there is no book that they could have happened on.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from messages.base import Event, InstrumentId
from messages.market import Batch, BookDeltaBatch, Instrument
from trading.book_sync import BookSync, SyncState
from trading.errors import Garbled
from venues.binance.codec_frames import decode_frame
from venues.binance.codec_instruments import decode_exchange_info, default_fees
from venues.binance.codec_market import decode_depth_snapshot
from venues.binance.codec_names import Market, instrument_id
from venues.binance.recording import Record, RecordingError, concatenated, market_of_recording
from venues.wire.frames import Control, Unknown

# Binance's quote assets, longest first, so that BTCFDUSD is not BTCFD in USD.
_QUOTES: Final = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "EUR", "TRY", "BTC", "ETH", "BNB")
_LOOK: Final = 20_000  # lines that are read to learn steps: a snapshot and some minutes
# Binance's own values for its main symbols, where a recording holds no exchangeInfo.
_MIN_NOTIONAL: Final = Decimal(5)
_MAX_QUANTITY: Final = Decimal(9000)


class _Levels(msgspec.Struct):
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class Tape:
    """Recordings of one market, one after the other, as market messages.

    counts       readable frames by Binance's kind; `unknown` of kinds that we do not know
    garbled      frames that could not be read
    gaps         times that a book lost its sequence: from there on it waits for a snapshot
    instruments  what is on it, with the venue's rules where the recording holds them, and else
                 with steps as fine as any price and size in its beginning
    """

    def __init__(self, paths: Sequence[Path], market: Market | None = None) -> None:
        if not paths:
            raise RecordingError("no recording given")
        self._paths = tuple(paths)
        self.market = market or market_of_recording(self._paths[0])
        self.counts: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.garbled = 0
        self._syncs: dict[InstrumentId, BookSync] = {}
        self.instruments = _instruments(self._paths, self.market)

    @property
    def gaps(self) -> int:
        return sum(sync.gaps for sync in self._syncs.values())

    def __iter__(self) -> Iterator[tuple[int, Event]]:
        """From the beginning; the counters start again."""
        self.counts.clear()
        self.unknown.clear()
        self.garbled = 0
        known = {i.instrument_id for i in self.instruments}
        self._syncs = {name: BookSync(buffer_max=100_000) for name in known}
        for record in concatenated(self._paths):
            for message in self._messages(record):
                if isinstance(message, Batch) and message.instrument_id in known:
                    yield from ((record.ts_ns, m) for m in self._in_step(message))

    def _messages(self, record: Record) -> tuple[Event, ...]:
        try:
            if record.kind == "exchangeInfo":
                return ()
            if record.kind == "depth":
                self.counts["depthSnapshot"] += 1
                name = instrument_id(record.symbol, self.market)
                return (decode_depth_snapshot(record.raw, name, record.ts_ns),)
            found = decode_frame(record.raw, self.market, record.ts_ns)
        except Garbled:
            self.garbled += 1
            return ()
        if isinstance(found, Unknown):
            self.unknown[found.kind] += 1
            return ()
        self.counts[found.kind] += 1
        return () if isinstance(found, Control) else found.messages

    def _in_step(self, batch: Batch) -> tuple[Event, ...]:
        sync = self._syncs[batch.instrument_id]
        if isinstance(batch, BookDeltaBatch):
            return sync.offer(batch).ready
        return (batch,) if sync.state is SyncState.SYNCHRONIZED else ()


def _instruments(paths: tuple[Path, ...], market: Market) -> tuple[Instrument, ...]:
    """What the beginning of the recording says is on it.

    raises  RecordingError if there is no depth snapshot in it
    """
    start = list(islice(concatenated(paths), _LOOK))
    snapshots = {r.symbol: r for r in start if r.kind == "depth"}
    if not snapshots:
        raise RecordingError(
            f"{paths[0]}: no depth snapshot in its first {_LOOK} lines, so no book;"
            " put the recording that comes before it in front"
        )
    for info in (r for r in start if r.kind == "exchangeInfo"):
        return decode_exchange_info(info.raw, market, snapshots)
    return tuple(_inferred(r, market) for r in snapshots.values())


def _inferred(snapshot: Record, market: Market) -> Instrument:
    """Steps as fine as any price and size of a snapshot (some thousand levels show them all)."""
    levels = msgspec.json.decode(snapshot.raw, type=_Levels)
    both = levels.bids + levels.asks
    tick, lot = _finest(price for price, _ in both), _finest(size for _, size in both)
    symbol = snapshot.symbol
    quote = next((q for q in _QUOTES if symbol.endswith(q) and symbol != q), "USDT")
    maker, taker = default_fees(market)
    return Instrument(
        instrument_id=instrument_id(symbol, market),
        symbol=symbol,
        base=symbol.removesuffix(quote),
        quote=quote,
        price_increment=tick,
        size_increment=lot,
        min_quantity=lot,
        max_quantity=_MAX_QUANTITY,
        min_notional=_MIN_NOTIONAL,
        maker_fee=maker,
        taker_fee=taker,
    )


def _finest(numbers: Iterator[str]) -> Decimal:
    """The power of ten that every number is a multiple of; at most 1."""
    places = max((len(n.rstrip("0").partition(".")[2]) for n in numbers), default=0)
    return Decimal(1).scaleb(-places)
