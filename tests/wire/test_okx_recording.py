"""Real frames of OKX: all decode, every checksum matches, every book is whole to the end."""

from collections import Counter

import pytest

from messages.market import BookDeltaBatch, Instrument, Product, QuoteBatch, TradeBatch
from tests.tools.recorded import CRYPTOFEED, needs_wire, recorded
from trading.book import Book
from trading.book_sync import BookSync, SyncState
from venues.okx.adapter import ADAPTERS
from venues.okx.codec_account import InstrumentRow, instrument_of
from venues.okx.codec_names import instrument_id
from venues.okx.session_market import OkxMarketSession
from venues.okx.simulator import Simulator
from venues.okx.simulator_config import SimulatorConfig
from venues.wire.adapter import Instruments
from venues.wire.batch import Batcher

pytestmark = [pytest.mark.data, needs_wire]
FILE = CRYPTOFEED / "OKX.jsonl.zst"
SYMBOLS = ("BTC-USDT", "UNI-USD-SWAP", "BTC-USD-220527")


def rules() -> Instruments:
    """Rules of what was recorded. Two are inverse contracts, which are no product of ours: their
    books are followed all the same, in contracts."""
    spot = InstrumentRow(
        inst_id="BTC-USDT",
        inst_type="SPOT",
        state="live",
        tick_sz="0.1",
        lot_sz="0.00000001",
        min_sz="0.00001",
        max_lmt_sz="9999999999",
        base_ccy="BTC",
        quote_ccy="USDT",
    )
    found = instrument_of(spot, Product.SPOT)
    return {instrument_id(s): found for s in SYMBOLS}


def test_every_frame_decodes_and_every_checksum_matches() -> None:
    session = OkxMarketSession(Product.SPOT, rules())
    batcher = Batcher(session.heard)
    books = {instrument_id(s): (BookSync(), Book()) for s in SYMBOLS}
    updates: Counter[str] = Counter()
    kinds: Counter[type] = Counter()

    for line in recorded(FILE):
        if line.kind != "recv":
            continue
        batcher.add(line.raw, line.ts_ns)
        for event in batcher.flush():
            kinds[type(event)] += 1
            if isinstance(event, BookDeltaBatch):
                sync, book = books[event.instrument_id]
                for batch in sync.offer(event).ready:
                    book.apply(batch.rows, batch.snapshot)
                    updates[batch.instrument_id] += 1
                    assert not book.crossed

    assert (batcher.garbled, dict(batcher.unknown)) == (0, {})
    assert {s: b.checked for s, b in session.books.items()} == {
        "BTC-USDT": 98,
        "UNI-USD-SWAP": 93,
        "BTC-USD-220527": 99,
    }
    assert sum(b.breaks for b in session.books.values()) == 0
    assert sum(updates.values()) == 290
    assert all(sync.state is SyncState.SYNCHRONIZED for sync, _ in books.values())
    assert all(not book.empty for _, book in books.values())
    assert kinds[TradeBatch] == 74
    assert kinds[QuoteBatch] == 28


@pytest.mark.parametrize(("product", "least"), [(Product.SPOT, 300), (Product.LINEAR, 80)])
def test_every_instrument_that_traded_then_is_read(product: Product, least: int) -> None:
    kind = "SPOT" if product is Product.SPOT else "SWAP"
    bodies = [x.raw for x in recorded(FILE) if x.url.endswith(f"instType={kind}")]

    found: list[tuple[Instrument, ...]] = [ADAPTERS[product].read_instruments(b) for b in bodies]

    assert len(found) == 5
    assert all(len(each) > least for each in found)
    sizes = {i.symbol: str(i.contract_size) for i in found[0]}
    wanted = ("BTC-USDT", "1") if product is Product.SPOT else ("BTC-USDT-SWAP", "0.01")
    assert sizes[wanted[0]] == wanted[1]
    assert not any(i.symbol.endswith("-USD-SWAP") for i in found[0])


def test_the_recording_plays_as_a_tape_of_the_simulator() -> None:
    config, tape = Simulator.tape_of(SimulatorConfig(recordings=(str(FILE),)))

    found = Counter(type(message) for _, message in tape)

    assert [i.symbol for i in config.instruments] == ["BTC-USDT"]
    assert found[BookDeltaBatch] == 98
    assert found[TradeBatch] >= 60
    assert (tape.garbled, dict(tape.unknown), tape.gaps) == (0, {}, 0)  # type: ignore[attr-defined]
