"""Bybit's real frames: all decode, books stay in step to the last frame, damage is seen."""

from collections import Counter, defaultdict

import pytest

from messages.base import InstrumentId
from messages.market import BookDeltaBatch, FundingBatch, Product, QuoteBatch, TradeBatch
from tests.tools.recorded import CRYPTOFEED, needs_wire, recorded
from trading.book import Book
from trading.book_sync import BookSync, Outcome
from venues.bybit.adapter import ADAPTERS
from venues.bybit.codec_names import currencies
from venues.wire.batch import Batcher

RECORDING = CRYPTOFEED / "BYBIT.jsonl.zst"
pytestmark = [pytest.mark.data, needs_wire]
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


def frames(product: Product) -> list[tuple[int, bytes]]:
    """(when it came, raw frame) of one product's connection."""
    lines = recorded(RECORDING)
    end = f"/{product.lower()}"
    ours = {x.connection for x in lines if x.kind == "connect" and x.address.endswith(end)}
    return [(x.ts_ns, x.raw) for x in lines if x.kind == "recv" and x.connection in ours]


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


def bodies(product: Product) -> list[bytes]:
    """Recorded pages of instruments."""
    wanted = f"category={product.lower()}"
    return [x.raw for x in recorded(RECORDING) if x.kind == "http" and wanted in x.url]


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
    (body,) = bodies(product)

    found = {i.instrument_id: i for i in ADAPTERS[product].read_instruments(body)}
    one = found[InstrumentId(name)]

    assert len(found) == count
    assert {i.product for i in found.values()} == {product}
    rules = (one.price_increment, one.size_increment, one.min_quantity, one.max_quantity)
    assert tuple(map(str, (*rules, one.min_notional))) == steps
    assert one.quote == ("USDC" if "PERP" in one.symbol else "USDT")


def test_what_the_letters_of_a_symbol_say_is_what_the_venue_says() -> None:
    for product in Product:
        for body in bodies(product):
            for one in ADAPTERS[product].read_instruments(body):
                assert currencies(one.symbol, product)[1] == one.quote, one.symbol
