"""Bybit's real frames: all decode, books stay in step to the last frame, damage is seen."""

import io
import json
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

from messages.base import InstrumentId
from messages.market import BookDeltaBatch, FundingBatch, Product, QuoteBatch, TradeBatch
from trading.book import Book
from trading.book_sync import BookSync, Outcome
from venues.bybit.adapter import ADAPTERS
from venues.bybit.codec_names import currencies
from venues.wire.batch import Batcher

RECORDING = Path(__file__).parents[3] / "shared/data/wire/cryptofeed/BYBIT.jsonl.zst"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not RECORDING.is_file(), reason="no recording of Bybit in ../shared/data"),
]
PRODUCT = {"linear": Product.LINEAR, "spot": Product.SPOT}
COUNTS = {
    Product.LINEAR: {
        "tickers": 700,
        "tickers:other": 58,
        "orderbook": 1598,
        "publicTrade": 102,
        "kline": 4,
        "kline_open": 67,
        "subscribe": 17,
    },
    Product.SPOT: {
        "tickers:other": 81,
        "orderbook": 550,
        "publicTrade": 18,
        "kline": 2,
        "kline_open": 23,
        "subscribe": 7,
    },
}


@cache
def lines() -> tuple[dict[str, object], ...]:
    """The recording's records."""
    zstandard = pytest.importorskip("zstandard")
    with zstandard.ZstdDecompressor().stream_reader(RECORDING.read_bytes()) as reader:
        return tuple(json.loads(line) for line in io.BytesIO(reader.read()))


def frames(product: Product) -> list[tuple[int, bytes]]:
    """(when it came, raw frame) of one product's connection."""
    found, addresses = [], {}
    for line in lines():
        if line["t"] == "connect":
            addresses[line["conn"]] = PRODUCT[str(line["addr"]).rpartition("/")[2]]
        elif line["t"] == "recv" and addresses[line["conn"]] is product:
            found.append((int(float(str(line["ts"])) * 1e9), str(line["data"]).encode()))
    return found


@pytest.mark.parametrize("product", Product)
def test_every_frame_is_understood_and_no_book_is_ever_crossed(product: Product) -> None:
    session = ADAPTERS[product].market_session({}, "")
    batcher = Batcher(session.heard)
    books: dict[InstrumentId, Book] = defaultdict(Book)
    syncs: dict[InstrumentId, BookSync] = defaultdict(BookSync)
    outcomes: Counter[Outcome] = Counter()
    rows: Counter[type] = Counter()

    for ts, raw in frames(product):
        batcher.add(raw, ts)
        for message in batcher.flush():
            rows[type(message)] += len(message.rows)  # type: ignore[attr-defined]
            if isinstance(message, BookDeltaBatch):
                synced = syncs[message.instrument_id].offer(message)
                outcomes[synced.outcome] += 1
                for batch in synced.ready:
                    books[message.instrument_id].apply(batch.rows, batch.snapshot)
                    assert not books[message.instrument_id].crossed

    assert (dict(batcher.unknown), batcher.garbled) == ({}, 0)
    assert batcher.counts == COUNTS[product]
    assert outcomes == {Outcome.APPLIED: COUNTS[product]["orderbook"]}
    assert all(not book.empty for book in books.values())
    assert rows[TradeBatch] > COUNTS[product]["publicTrade"]
    assert (rows[QuoteBatch] > 0, rows[FundingBatch] > 0) == (product is Product.LINEAR,) * 2


def bodies(category: str) -> list[bytes]:
    """Recorded pages of instruments."""
    return [
        str(line["data"]).encode()
        for line in lines()
        if line["t"] == "http" and f"category={category}" in str(line["url"])
    ]


@pytest.mark.parametrize(
    ("product", "count", "name", "steps"),
    [
        (Product.LINEAR, 760, "BTCUSDT-LINEAR.BYBIT", ("0.1", "0.001", "0.001", "1500", "5")),
        (Product.LINEAR, 760, "BTCPERP-LINEAR.BYBIT", ("0.1", "0.001", "0.001", "1000", "5")),
        (Product.SPOT, 557, "BTCUSDT-SPOT.BYBIT", ("0.1", "0.000001", "0.000001", "230", "5")),
    ],
)
def test_every_recorded_instrument_that_trades_has_its_rules(
    product: Product, count: int, name: str, steps: tuple[str, ...]
) -> None:
    (body,) = bodies(product.lower())

    found = {i.instrument_id: i for i in ADAPTERS[product].read_instruments(body)}
    one = found[InstrumentId(name)]

    assert len(found) == count
    assert {i.product for i in found.values()} == {product}
    rules = (one.price_increment, one.size_increment, one.min_quantity, one.max_quantity)
    assert tuple(map(str, (*rules, one.min_notional))) == steps
    assert one.quote == ("USDC" if "PERP" in one.symbol else "USDT")


def test_what_the_letters_of_a_symbol_say_is_what_the_venue_says() -> None:
    for product in Product:
        for body in bodies(product.lower()):
            for one in ADAPTERS[product].read_instruments(body):
                assert currencies(one.symbol, product)[1] == one.quote, one.symbol
