"""Bars that we make from trades are those that the venue makes, wherever a recording holds an
interval from its beginning: at every word of the venue about it, closed or not."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from messages.arrays import TRADE
from messages.base import NS_PER_MS, NS_PER_S
from trading.bars import Bars

FOLDER = Path(__file__).parents[3] / "shared/data/wire/cryptofeed"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings in ../shared/data/wire"),
]
MINUTE = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade, or several of one order at one price (Binance's aggregates)."""

    market: str
    ts_ms: int
    price: str
    size: str
    bought: bool
    last_id: int = 0


@dataclass(frozen=True, slots=True)
class Kline:
    """What a venue says of a minute, up to a time or a trade."""

    market: str
    start_ms: int
    words: tuple[str, ...]  # open, high, low, close, volume, quote volume
    until_ms: int = 0
    until_id: int = 0
    buys: str = ""


def frames(name: str) -> Iterator[tuple[str, Any]]:
    """(connection, frame) of a recording."""
    with (FOLDER / name).open("rb") as packed:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed)):
            record = json.loads(line)
            if record["t"] == "recv":
                yield record["conn"], json.loads(record["data"])


def bybit() -> tuple[list[Trade], list[Kline], int]:
    """Spot and contracts are two connections, on which one symbol is two markets."""
    trades, klines, first = [], [], 0
    for conn, frame in frames("BYBIT.jsonl.zst"):
        topic = frame.get("topic", "")
        for row in frame["data"] if topic.startswith(("publicTrade", "kline")) else ():
            market = f"{conn}:{topic.rpartition('.')[2]}"
            if topic.startswith("kline"):
                words = ("open", "high", "low", "close", "volume", "turnover")
                said = tuple(row[word] for word in words)
                klines.append(Kline(market, row["start"], said, until_ms=row["timestamp"]))
            else:
                first = first or row["T"]
                trades.append(Trade(market, row["T"], row["p"], row["v"], row["S"] == "Buy"))
    return trades, klines, first


def usdm() -> tuple[list[Trade], list[Kline], int]:
    trades, klines, first = [], [], 0
    for _, frame in frames("BINANCE_FUTURES.jsonl.zst"):
        row = frame.get("data", frame)
        if row.get("e") == "aggTrade":
            first = first or row["T"]
            bought = not row["m"]
            trades.append(Trade(row["s"], row["T"], row["p"], row["q"], bought, row["l"]))
        elif row.get("e") == "kline":
            k = row["k"]
            said = tuple(k[word] for word in "ohlcvq")
            klines.append(Kline(row["s"], k["t"], said, until_id=k["L"], buys=k["V"]))
    return trades, klines, first


def covered(trades: list[Trade], kline: Kline) -> list[Trade]:
    """The trades up to the kline: Binance names the last one. Bybit says when it spoke, and what
    was traded in the last instants may not be in it yet: those that its volume holds are."""
    known = [t for t in trades if t.market == kline.market]
    if kline.until_id:
        return [t for t in known if t.last_id <= kline.until_id]
    volume, found = Decimal(0), []
    for t in known:
        if t.ts_ms >= kline.start_ms:
            if volume == Decimal(kline.words[4]) or t.ts_ms > kline.until_ms:
                assert t.ts_ms > kline.until_ms - 1000, "a kline is at most a second late"
                break
            volume += Decimal(t.size)
        found.append(t)
    return found


def bar_of(trades: list[Trade], kline: Kline) -> Any:
    """Our bar of the kline's minute, from the trades that it covers; None where its last trade is
    one of an aggregate that goes on, or the close that it opens at was not recorded."""
    chosen = covered(trades, kline)
    if not chosen or (kline.until_id and chosen[-1].last_id != kline.until_id):
        return None
    if not kline.until_id and chosen[0].ts_ms >= kline.start_ms:
        return None
    rows = [
        (t.ts_ms * NS_PER_MS, 0, float(t.price), float(t.size), 1 if t.bought else -1, 0)
        for t in chosen
    ]
    bars = Bars([MINUTE], opens_at_close=not kline.until_id)
    bars.on_trades(np.array(rows, TRADE), 0)
    closed = bars.on_time(kline.start_ms * NS_PER_MS + MINUTE, 0)
    return closed[0][1][-1] if closed else None


@pytest.mark.parametrize(("venue", "least"), [(bybit, 20), (usdm, 15)])
def test_our_bar_is_the_venues_at_every_word_about_a_minute_that_was_recorded_whole(
    venue: Any, least: int
) -> None:
    trades, klines, first_ms = venue()
    judged = [
        (kline, bar)
        for kline in klines
        # An earlier minute had trades before the recording began.
        if kline.start_ms >= first_ms and (bar := bar_of(trades, kline)) is not None
    ]

    for kline, bar in judged:
        ours = [bar[n] for n in ("open", "high", "low", "close", "volume", "quote_volume")]
        assert ours == pytest.approx([float(word) for word in kline.words], rel=1e-9), kline
        assert not kline.buys or bar["buy_volume"] == pytest.approx(float(kline.buys))
    assert len(judged) >= least
