"""The figures of the run through all faults: when a book was out, and what a cell says."""

import json
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fault_figures import Cell, Time, outages, stream_losses, wrongs
from benchmarks.fault_list import FAULTS, FOR_S, MARKETS, begins, plan
from benchmarks.fault_table import line, page
from benchmarks.faults import keep, kept_cells
from journal.recorder import Recorder, write_parts
from messages.arrays import DELTA
from messages.base import NS_PER_MS, NS_PER_S, InstrumentId
from messages.market import BookDeltaBatch, Product
from venues.coinbase.codec_errors import LISTED_AFTER_NS
from venues.okx.adapter import STAMP_NS
from venues.serving.faults import WHOLE, FaultKind, FaultScript, Rule
from venues.serving.plan import read_plan
from venues.serving.registry import simulator

MARKET = InstrumentId("A.X")
CELL = Cell("gap", "SPOT", "OKX", struck=3, out_ms=200, healed_ms=0, trading_ms=None, wrong="late")


def change(ms: int, number: int, *, snapshot: bool = False) -> BookDeltaBatch:
    ts = ms * NS_PER_MS
    return BookDeltaBatch(
        ts_event=ts,
        ts_init=ts,
        instrument_id=MARKET,
        snapshot=snapshot,
        first_seq=number,
        last_seq=number,
        rows=np.array([(ts, ts, 1, 100.0, float(number))], DELTA),
    )


def out(folder: Path, batches: list[BookDeltaBatch], losses: list[int], until_ms: int) -> object:
    recorder = Recorder(folder, 1)
    for batch in batches:
        recorder.add(batch, batch.ts_init)
    write_parts(recorder.take())
    lost = [ms * NS_PER_MS for ms in losses]
    found = outages(folder, MARKET, lost, until_ms * NS_PER_MS)
    return [(a // NS_PER_MS, b and b // NS_PER_MS) for a, b in found]


def test_a_gap_lasts_from_the_last_good_change_to_the_new_book(tmp_path: Path) -> None:
    heard = [change(1, 1, snapshot=True), change(100, 2), change(200, 4), change(250, 5)]

    assert out(tmp_path, [*heard, change(300, 5, snapshot=True)], [], 400) == [(100, 300)]


def test_a_book_is_lost_with_the_connection_that_brings_it_and_with_no_other(
    tmp_path: Path,
) -> None:
    log = tmp_path / "feed.jsonl"
    downs = [("stream_down", "market", 1), ("stream_down", "public", 2), ("stream_up", "public", 3)]
    lines = [json.dumps({"event": e, "route": r, "ts_init": ts}) for e, r, ts in downs]
    log.write_text("\n".join(lines))

    assert stream_losses(log, "public") == [2]


def test_silence_and_lost_connections_are_outages_too(tmp_path: Path) -> None:
    heard = [change(1, 1, snapshot=True), change(100, 2), change(2000, 3)]
    again = change(2600, 9, snapshot=True)

    found = out(tmp_path, [*heard, again, change(2700, 10)], [2100], 2800)

    assert found == [(100, 2000), (2000, 2600)]


def test_a_book_that_stays_out_or_silent_is_out_to_the_end(tmp_path: Path) -> None:
    begun = [change(1, 1, snapshot=True), change(100, 2)]

    assert out(tmp_path / "out", [*begun, change(200, 4)], [], 300) == [(100, None)]
    assert out(tmp_path / "silent", begun, [], 5000) == [(100, None)]
    assert out(tmp_path / "well", begun, [], 300) == []


def test_a_fault_ends_after_its_seconds() -> None:
    time = Time(NS_PER_S, 20 * NS_PER_S)

    assert time.end_ns == 5 * NS_PER_S
    assert [time.has(s * NS_PER_S) for s in (0, 1, 19, 20)] == [False, True, True, False]


def test_every_fault_is_a_plan_at_each_venue_and_no_two_share_a_kind(tmp_path: Path) -> None:
    kinds = [kind for fault in FAULTS.values() for kind, _ in fault.rules]
    path = tmp_path / "plan.toml"
    for venue, market in (one for markets in MARKETS.values() for one in markets.items()):
        path.write_text(plan(list(FAULTS), market, 20.0))
        rules = read_plan(path).rules
        struck = [f for f in FAULTS.values() if f.at(venue)]

        assert len(rules) == sum(len(fault.rules) for fault in struck)
        assert max(rule.at_s for rule in rules) == begins(list(FAULTS), 20.0)[-2]

    assert len(kinds) == len(set(kinds))
    assert set(WHOLE) <= set(kinds)


def test_another_seed_strikes_otherwise_by_the_same_rules(tmp_path: Path) -> None:
    path, market = tmp_path / "plan.toml", MARKETS[Product.LINEAR]["OKX"]
    plans = []
    for seed in (7, 8):
        path.write_text(plan(list(FAULTS), market, 20.0, seed))
        plans.append(read_plan(path))

    assert [one.seed for one in plans] == [7, 8]
    assert plans[0].rules == plans[1].rules


@pytest.mark.parametrize("product", MARKETS)
def test_every_plan_names_requests_that_its_venue_has(product: Product, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    wrong = Rule(kind=FaultKind.CUT, requests=("POST /api/v3/ordr",))
    for venue, market in MARKETS[product].items():
        path.write_text(plan(list(FAULTS), market, 20.0))
        kind = simulator(venue, product)
        keys = kind.make_keys(np.random.default_rng(1))

        kind(kind.config_type(faults=read_plan(path)), keys, None, time.time_ns).check_plan()
        config = kind.config_type(faults=FaultScript(rules=(wrong,)))
        mistaken = kind(config, keys, None, time.time_ns)
        with pytest.raises(ValueError, match=r"requests: 'POST /api/v3/ordr': [^\n]*nearest$"):
            mistaken.check_plan()


def test_what_was_played_is_kept_and_a_line_cut_off_is_not(tmp_path: Path) -> None:
    path = tmp_path / "faults.jsonl"
    newer = json.dumps({**vars_of(CELL), "struck": 4})
    path.write_text(json.dumps(vars_of(CELL)) + "\n" + newer + "\n" + newer[:20])

    found = kept_cells(path)

    assert [cell.struck for cell in found.values()] == [4]
    assert kept_cells(tmp_path / "none") == {}


def test_what_is_kept_anew_replaces_what_was(tmp_path: Path) -> None:
    path = tmp_path / "faults.jsonl"
    path.write_text(json.dumps(vars_of(CELL)) + "\n")
    other = Cell("reset", "SPOT", "OKX", struck=5)

    keep(path, [other])

    assert list(kept_cells(path).values()) == [other]


def test_a_fault_that_never_struck_is_wrong() -> None:
    struck = Cell("5xx", "SPOT", "OKX", struck=1, healed_ms=0, trading_ms=0)

    assert list(wrongs(struck)) == []
    assert list(wrongs(replace(struck, struck=0))) == ["never struck"]


def test_after_a_fault_that_lets_orders_never_arrive_there_is_time_to_settle_them() -> None:
    settled_s = 5.0 + max(STAMP_NS, LISTED_AFTER_NS) / NS_PER_S

    begun = begins(("5xx", "maintenance"), 15.0)

    assert all(b - a - FOR_S > settled_s for a, b in pairwise(begun))


def vars_of(cell: Cell) -> dict[str, object]:
    return {name: getattr(cell, name) for name in cell.__dataclass_fields__}


def test_the_page_has_a_row_a_cell_and_says_what_no_venue_has() -> None:
    none = Cell("bad checksum", "SPOT", "BYBIT", skipped="the venue has none")

    rows = [row for row in page([none, CELL]).splitlines() if row.startswith("| ")][2:]

    assert [row.split(" | ")[0] for row in rows] == ["| gap", "| bad checksum"]
    assert "| 200 | 0 | - |" in rows[0]
    assert "the venue has none" in rows[1]
    assert "WRONG: late" in line(CELL)
