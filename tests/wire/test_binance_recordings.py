"""Real frames: every recording decodes, every book stays in step, all damage is seen and heals."""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.base import InstrumentId
from messages.market import BookDeltaBatch, SnapshotRequested
from trading.book import Book
from trading.book_sync import SyncState
from trading.feed import FeedCore
from trading.feed_state import FeedConfig
from venues.binance.codec_frames import reader
from venues.binance.codec_names import Market
from venues.binance.recording import RecordingError, frames, market_of_recording, records
from venues.binance.tape import Tape
from venues.wire.batch import Batcher

WIRE = Path(__file__).parents[3] / "shared" / "data" / "wire"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not WIRE.is_dir(), reason="no recordings in ../shared/data/wire"),
]
HFT, CRYPTOFEED = WIRE / "hftbacktest", WIRE / "cryptofeed"
S = 1_000_000_000

TAPES = {
    # The second spot file begins right after the last diff of the first: they are one tape.
    "spot": (
        (HFT / "spot/btcusdt_20240808.gz", HFT / "spot/btcusdt_20240809.gz"),
        {"depthUpdate": 6495, "bookTicker": 73174, "trade": 19904, "depthSnapshot": 1},
    ),
    "usdm-btc": (
        (HFT / "usdm/btcusdt_20240808.gz",),
        {"depthUpdate": 6551, "bookTicker": 66089, "trade": 21313, "depthSnapshot": 1},
    ),
    "usdm-eth": (
        (HFT / "usdm/ethusdt_20240808.gz",),
        {"depthUpdate": 6586, "bookTicker": 53992, "trade": 14076, "depthSnapshot": 1},
    ),
    "cryptofeed-spot": (
        (CRYPTOFEED / "BINANCE.jsonl.zst",),
        {
            "depthUpdate": 177,
            "bookTicker": 84,
            "aggTrade": 2,
            "kline_open": 2,
            "depthSnapshot": 4,
        },
    ),
    "cryptofeed-usdm": (
        (CRYPTOFEED / "BINANCE_FUTURES.jsonl.zst",),
        {
            "depthUpdate": 764,
            "bookTicker": 613,
            "aggTrade": 91,
            "kline": 4,
            "kline_open": 63,
            "depthSnapshot": 4,
        },
    ),
}


@pytest.mark.parametrize("name", TAPES)
def test_every_frame_decodes_and_no_book_is_ever_crossed(name: str) -> None:
    paths, counts = TAPES[name]
    tape = Tape(paths)
    books = {i.instrument_id: Book() for i in tape.instruments}
    applied, ts_before = 0, 0

    for ts, message in tape:
        assert ts >= ts_before
        ts_before = ts
        if isinstance(message, BookDeltaBatch):
            book = books[message.instrument_id]
            book.apply(message.rows, message.snapshot)
            assert not book.crossed, f"{message.instrument_id} at {ts}"
            applied += 1

    assert tape.counts == counts
    assert (dict(tape.unknown), tape.garbled, tape.gaps) == ({}, 0, 0)
    assert all(not book.empty for book in books.values())
    assert applied > 0.8 * counts["depthUpdate"]


@pytest.mark.parametrize(
    ("name", "tick", "lot"),
    [("spot", "0.01", "0.00001"), ("usdm-btc", "0.1", "0.001"), ("usdm-eth", "0.01", "0.001")],
)
def test_a_tape_without_rules_has_the_steps_of_its_data(name: str, tick: str, lot: str) -> None:
    (instrument,) = Tape(TAPES[name][0]).instruments

    assert str(instrument.price_increment) == tick
    assert str(instrument.size_increment) == lot


def test_a_tape_with_exchange_info_has_the_venues_rules() -> None:
    found = {i.symbol: i for i in Tape(TAPES["cryptofeed-spot"][0]).instruments}

    assert found.keys() == {"NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"}
    assert str(found["NKNUSDT"].min_notional) == "10"
    assert (found["BLZETH"].base, found["BLZETH"].quote) == ("BLZ", "ETH")


def test_a_tape_starts_with_the_book() -> None:
    _, first = next(iter(Tape(TAPES["spot"][0])))

    assert isinstance(first, BookDeltaBatch)
    assert first.snapshot


def test_a_recording_that_starts_without_a_book_says_what_to_do() -> None:
    with pytest.raises(RecordingError, match="put the recording that comes before it in front"):
        Tape([HFT / "spot/btcusdt_20240809.gz"])


def test_the_market_is_told_by_the_frames() -> None:
    assert market_of_recording(HFT / "spot/btcusdt_20240808.gz") is Market.SPOT
    assert market_of_recording(HFT / "usdm/ethusdt_20240808.gz") is Market.USDM


def test_batches_of_real_frames_hold_what_single_frames_do() -> None:
    path = HFT / "spot/btcusdt_20240808.gz"
    many, one = Batcher(reader(Market.SPOT)), Batcher(reader(Market.SPOT))
    rows: dict[str, list[int]] = {"many": [], "one": []}

    for n, (ts, raw) in enumerate(islice(frames(path), 3000)):
        one.add(raw, ts)
        many.add(raw, ts)
        rows["one"] += [len(m.rows) for m in one.flush()]  # type: ignore[attr-defined]
        if n % 250 == 249:
            rows["many"] += [len(m.rows) for m in many.flush()]  # type: ignore[attr-defined]

    assert sum(rows["many"]) == sum(rows["one"])
    assert len(rows["many"]) < 0.5 * len(rows["one"])
    assert many.counts == one.counts


@cache
def script(name: str) -> tuple[Tape, tuple[BookDeltaBatch, ...]]:
    """The snapshot and the first 400 diffs of a recording."""
    tape = Tape(TAPES[name][0])
    books = (m for _, m in tape if isinstance(m, BookDeltaBatch))
    return tape, tuple(islice(books, 401))


def damage(
    diffs: tuple[BookDeltaBatch, ...], faults: list[tuple[int, str]]
) -> Iterator[BookDeltaBatch]:
    """The diffs with some dropped, repeated, or swapped with the next one."""
    out = list(diffs)
    for at, fault in sorted(faults, reverse=True):
        if fault == "drop":
            del out[at]
        elif fault == "repeat":
            out.insert(at + 1, out[at])
        else:
            out[at], out[at + 1] = out[at + 1], out[at]
    return iter(out)


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["spot", "usdm-btc"]),
    faults=st.lists(
        st.tuples(st.integers(1, 350), st.sampled_from(["drop", "repeat", "swap"])),
        min_size=1,
        max_size=6,
        unique_by=lambda fault: fault[0] // 3,
    ),
)
def test_a_damaged_stream_is_noticed_and_heals(name: str, faults: list[tuple[int, str]]) -> None:
    tape, clean = script(name)
    feed = FeedCore(FeedConfig(tape.instruments, stale_after_ns=()))
    state, now = feed.start(), clean[0].ts_init
    feed.resume(state, now)
    truth, seen, requests = Book(), -1, 0
    books = {d.last_seq: d for d in clean}

    for batch in damage(clean, faults):
        now += 2 * S
        for known in [d for q, d in books.items() if seen < q <= batch.last_seq]:
            truth.apply(known.rows, known.snapshot)
        seen = max(seen, batch.last_seq)
        out = feed.react(state, batch, now).out
        if any(isinstance(m, SnapshotRequested) for m in out):
            requests += 1
            feed.react(state, whole(truth, batch.instrument_id, seen, now), now)
        tracked = state.tracked[batch.instrument_id]
        assert tracked.sync.state is SyncState.SYNCHRONIZED
        assert np.array_equal(tracked.book.rows(0, 0), truth.rows(0, 0))

    if any(fault != "repeat" for _, fault in faults):
        assert requests > 0


def whole(book: Book, name: InstrumentId, last_seq: int, ts: int) -> BookDeltaBatch:
    """What the venue would answer: its true book."""
    return BookDeltaBatch(
        ts_event=ts,
        ts_init=ts,
        instrument_id=name,
        snapshot=True,
        first_seq=last_seq,
        last_seq=last_seq,
        rows=book.rows(ts, ts),
    )


def test_a_cut_off_recording_says_where(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes((HFT / "spot/btcusdt_20240808.gz").read_bytes()[:100_000])

    with pytest.raises(RecordingError, match=r"cut\.gz: unreadable after line \d+"):
        list(records(cut))


def test_a_file_that_is_no_recording_is_named(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("x")

    with pytest.raises(RecordingError, match="unknown format"):
        records(other)
    with pytest.raises(RecordingError, match="no such recording"):
        records(tmp_path / "absent.gz")
