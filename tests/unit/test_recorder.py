import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journal.errors import JournalCorrupt, JournalUnavailable
from journal.recorder import AnyBatch, Recorder, read_batches, write_parts
from messages import encode
from messages.arrays import BAR, DELTA, FUNDING, QUOTE, TRADE
from messages.base import NS_PER_S, InstrumentId
from messages.market import BarBatch, BookDeltaBatch, FundingBatch, QuoteBatch, TradeBatch

BTC = InstrumentId("BTCUSDT.BINANCE")
ODD = InstrumentId("BTC/USDT:USDT.ODD VENUE")
DTYPES: dict[type[Any], np.dtype[np.void]] = {
    TradeBatch: TRADE,
    QuoteBatch: QUOTE,
    BookDeltaBatch: DELTA,
    BarBatch: BAR,
    FundingBatch: FUNDING,
}


def batch(number: int, kind: type[Any] = TradeBatch, rows: int = 3, **more: Any) -> AnyBatch:
    """A batch whose every value tells which it is."""
    dtype = DTYPES[kind]
    table = np.zeros(rows, dtype)
    for place, name in enumerate(dtype.names or ()):
        table[name] = number * 1000 + place * 100 + np.arange(rows)
    fields: dict[str, Any] = {"instrument_id": BTC, "sequence": number, "rows": table}
    if kind is BookDeltaBatch:
        fields |= {"first_seq": number * 10, "last_seq": number * 10 + 9, "prev_seq": number - 1}
    if kind is BarBatch:
        fields["interval_ns"] = NS_PER_S
    made: AnyBatch = kind(ts_event=number, ts_init=number + 1, **(fields | more))
    return made


def record(folder: Path, batches: Iterable[AnyBatch], incarnation: int = 1) -> None:
    recorder = Recorder(folder, incarnation)
    for one in batches:
        recorder.add(one, 0)
    write_parts(recorder.take())


def wires(batches: Iterable[AnyBatch]) -> list[bytes]:
    return [encode(b) for b in batches]


@pytest.mark.parametrize("kind", DTYPES)
def test_a_recorded_batch_comes_back_as_it_was(tmp_path: Path, kind: type[Any]) -> None:
    said = [batch(1, kind), batch(2, kind, rows=1, correlation_id="c", causation_id="é")]

    record(tmp_path, said)

    assert wires(read_batches(tmp_path)) == wires(said)


def test_a_book_snapshot_and_an_empty_change_keep_their_sequence(tmp_path: Path) -> None:
    said = [
        batch(1, BookDeltaBatch, rows=0, snapshot=True),
        batch(2, BookDeltaBatch, rows=2),
        batch(3, BookDeltaBatch, rows=0),
        batch(4, BookDeltaBatch, rows=0),
    ]

    record(tmp_path, said)

    assert wires(read_batches(tmp_path)) == wires(said)


def test_streams_come_back_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    kinds = [TradeBatch, BookDeltaBatch, QuoteBatch] * 5
    said = [batch(7, kind, instrument_id=(BTC, ODD)[n % 2]) for n, kind in enumerate(kinds)]

    record(tmp_path, said)

    assert wires(read_batches(tmp_path)) == wires(said)


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    trade, quote, odd = batch(1), batch(2, QuoteBatch), batch(3, instrument_id=ODD)

    record(tmp_path, [trade, quote, odd])

    assert wires(read_batches(tmp_path, kinds=["trade_batch"])) == wires([trade, odd])
    assert wires(read_batches(tmp_path, instruments=[BTC])) == wires([trade, quote])


def test_a_successor_writes_beside_its_predecessor_and_comes_after_it(tmp_path: Path) -> None:
    record(tmp_path, [batch(1), batch(2)], incarnation=1)
    record(tmp_path, [batch(4)], incarnation=2)
    late = Recorder(tmp_path, 1)
    late.add(batch(9), 0)
    parts = late.take()

    names = {p.name for p in tmp_path.rglob("*.parquet")}

    assert [b.sequence for b in read_batches(tmp_path)] == [1, 2, 4]
    assert parts[0].path.name in names  # its own first number again, never the successor's
    assert len(names) == 2


def test_any_parquet_reader_sees_one_row_a_tick(tmp_path: Path) -> None:
    record(tmp_path, [batch(1, rows=3), batch(2, rows=2)])

    table = pl.read_parquet(tmp_path / "trade_batch" / BTC / "part-*.parquet")

    assert table["price"].to_list() == [1200.0, 1201.0, 1202.0, 2200.0, 2201.0]
    assert table["batch_sequence"].to_list() == [1, 1, 1, 2, 2]


def test_a_stream_is_due_when_it_has_enough_rows_or_is_old_enough() -> None:
    recorder = Recorder(Path("nowhere"), 1, rows_max=5, age_max_ns=100)
    recorder.add(batch(1, rows=3), now_ns=1000)

    assert not recorder.due(1099)
    assert recorder.due(1100)

    recorder.add(batch(2, rows=2), now_ns=1001)

    assert recorder.due(1001)


def test_what_is_taken_is_due_and_no_longer_waits() -> None:
    recorder = Recorder(Path("nowhere"), 1, rows_max=5, age_max_ns=100)
    recorder.add(batch(1, rows=5), now_ns=0)
    recorder.add(batch(2, QuoteBatch, rows=1), now_ns=0)

    first = recorder.take(now_ns=1)
    rest = recorder.take()

    assert [len(p.batches) for p in first] == [1]
    assert [p.path.parts[1] for p in (*first, *rest)] == ["trade_batch", "quote_batch"]
    assert (recorder.rows, recorder.due(10**9)) == (0, False)


def test_memory_is_bounded_and_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 1, pending_max=5)
    for number in (1, 2, 3):
        recorder.add(batch(number, rows=2), 0)

    write_parts(recorder.take())
    recorder.add(batch(4, rows=2), 0)
    write_parts(recorder.take())

    assert recorder.dropped == 2
    assert [b.sequence for b in read_batches(tmp_path)] == [1, 2, 4]


def test_files_are_written_in_a_thread_while_more_is_added(tmp_path: Path) -> None:
    async def both() -> int:
        recorder = Recorder(tmp_path, 1)
        for number in range(100):
            recorder.add(batch(number), 0)
        writing = asyncio.create_task(asyncio.to_thread(write_parts, recorder.take()))
        for number in range(100, 200):
            recorder.add(batch(number), 0)
        return await writing + write_parts(recorder.take())

    rows = asyncio.run(both())

    assert rows == 600
    assert [b.sequence for b in read_batches(tmp_path)] == list(range(200))


LIFE = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_recorder import batch
from journal.recorder import Recorder, write_parts
recorder = Recorder(Path(sys.argv[1]), 1)
for number in range(1, 1000):
    recorder.add(batch(number), 0)
    if number % 10 == 0:
        write_parts(recorder.take())
    if number == 25:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_what_it_had_not_written_and_no_more(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    paths = [str(root), str(Path(__file__).parent)]

    done = subprocess.run([sys.executable, "-c", LIFE, str(tmp_path), *paths], check=False)

    assert done.returncode == -signal.SIGKILL
    assert [b.sequence for b in read_batches(tmp_path)] == list(range(1, 21))


def test_a_file_half_written_by_a_dead_process_is_not_seen(tmp_path: Path) -> None:
    record(tmp_path, [batch(1)])
    whole = next(tmp_path.rglob("*.parquet"))
    (whole.parent / ".part-000001000002.parquet.77").write_bytes(whole.read_bytes()[:100])

    assert [b.sequence for b in read_batches(tmp_path)] == [1]


@pytest.mark.parametrize("keep", [0, 3, 200, -1])
def test_a_damaged_file_is_one_line_that_names_it(tmp_path: Path, keep: int) -> None:
    record(tmp_path, [batch(1)])
    path = next(tmp_path.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(JournalCorrupt, match=r"part-.*restore a backup") as caught:
        list(read_batches(tmp_path))

    assert "\n" not in str(caught.value)


def test_a_file_of_something_else_is_one_line_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "trade_batch" / BTC / "part-000001000001.parquet"
    path.parent.mkdir(parents=True)
    pl.DataFrame({"a": [1]}).write_parquet(path)

    with pytest.raises(JournalCorrupt, match="part-000001000001"):
        list(read_batches(tmp_path))


def test_a_folder_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "trade_batch").write_text("in the way")

    with pytest.raises(JournalUnavailable, match="check the path"):
        record(tmp_path, [batch(1)])

    assert os.listdir(tmp_path) == ["trade_batch"]


def test_nothing_recorded_reads_as_nothing(tmp_path: Path) -> None:
    assert list(read_batches(tmp_path / "absent")) == []


def test_polars_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, journal.recorder; print('polars' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "False\n"


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(DTYPES)), st.integers(0, 4), st.booleans(), st.sampled_from([BTC])
        ),
        max_size=30,
    )
)
def test_any_mixture_written_in_any_pieces_comes_back(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[type[Any], int, bool, InstrumentId]]
) -> None:
    folder = tmp_path_factory.mktemp("data")
    recorder = Recorder(folder, 1)
    said = []
    for number, (kind, rows, flush, instrument) in enumerate(plan):
        said.append(batch(number, kind, rows=rows, instrument_id=instrument))
        recorder.add(said[-1], 0)
        if flush:
            write_parts(recorder.take())
    write_parts(recorder.take())

    assert wires(read_batches(folder)) == wires(said)
