"""Orders on four venues in one run, while every venue does what venues do."""

import json
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from actors.config import account_journal
from benchmarks.fault_figures import outages, route_of_book, stream_losses
from benchmarks.fault_list import MARKETS
from journal.reader import read_records
from journal.recorder import read_batches
from messages.market import Product
from scenarios.connect import NoAnswer, connect
from scenarios.routing import give_out
from scenarios.run import run
from scenarios.spec import BadSpec, RunSpec, load

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]
DURATION_S: Final = 12
PLAN: Final = """
seed = 11
[[fault]]
kind = "DROP_DEPTH"
probability = 0.02
at_s = 1
for_s = 5
[[fault]]
kind = "CUT_MARKET"
times = 1
at_s = 2
for_s = 3
[[fault]]
kind = "CUT_USER"
times = 1
at_s = 3
for_s = 3
[[fault]]
kind = "ACT_THEN_CUT"
probability = 0.1
at_s = 1
for_s = 5
[[fault]]
kind = "DELAY"
probability = 0.1
delay_ms = 300
[[fault]]
kind = "PARTIAL_FILLS"
pieces = 3
"""
LIVED: Final = {"order_accepted", "order_updated", "order_canceled", "order_filled"}


PARENT: Final = Decimal("0.02")
BUYERS: Final = {"BUY-BIN": "BTCUSDT.BINANCE", "BUY-OKX": "BTC-USDT.OKX"}


def faulty(plan: Path) -> RunSpec:
    """The preset, brisk, with this plan at every venue, and two who wait for a part of an order."""
    plan.write_text(PLAN)
    spec = load("four-venues", [f"duration_s={DURATION_S}"])
    table = spec.model_dump(mode="json")
    for venue in table["venues"]:
        venue["faults"] = str(plan)
    for strategy in table["strategies"]:
        strategy["params"] = {"step_s": 0.25}
    wait = {"duration_s": 4.0, "slice_s": 0.5, "offset_bps": 50.0}
    table["strategies"] += [
        {"id": name, "strategy": "twap", "instruments": [where], "params": wait}
        for name, where in BUYERS.items()
    ]
    return RunSpec.model_validate_json(RunSpec.model_validate(table).model_dump_json())


def lost_at_the_end(run: Path, tag: str) -> list[int]:
    """Since when the book that the feed of `tag` heard and recorded is not well, if it is not."""
    market = MARKETS[Product.SPOT][tag.upper()]
    heard = [b.ts_init for b in read_batches(run / "data", ("book_delta_batch",), (market,))]
    assert len(heard) > DURATION_S, "some changes a second"
    route = route_of_book(tag.upper(), Product.SPOT, market)
    losses = stream_losses(run / "logs" / f"feed@{tag}.jsonl", route)
    out = outages(run / "data", market, losses, max(heard) + 1)
    return [begin for begin, end in out if end is None]


def test_four_venues_at_once_with_faults_lose_and_double_nothing(tmp_path: Path) -> None:
    routed: list[dict[str, Any]] = []
    spec = faulty(tmp_path / "plan.toml")

    def watch(seen: dict[str, Any]) -> None:
        if not routed or Decimal(routed[-1]["unplaced"]):
            with suppress(BadSpec, NoAnswer):  # an actor that is just restarting: say it again
                live = connect(tmp_path / seen["run_id"])
                routed.append(give_out(live, list(BUYERS), PARENT, None, "test", dry=False))

    summary = run(spec, runs_dir=tmp_path, on_progress=watch)

    told = summary.document
    assert summary.ok, told
    assert [a["ledger"]["equal"] for a in told["accounts"]] == [True] * 4
    assert told["ledger"]["duplicate_client_order_ids"] == []
    for tag in spec.parts:
        records = read_records(account_journal(tmp_path / told["run_id"], tag), direction="out")
        kinds = Counter(record.kind for record in records)
        assert kinds.keys() >= LIVED, (tag, kinds)
    assert {tag: lost_at_the_end(tmp_path / told["run_id"], tag) for tag in spec.parts} == {
        tag: [] for tag in spec.parts
    }
    record = read_records(tmp_path / told["run_id"] / "journal" / "run.sqlite", direction="note")
    ends = [json.loads(r.payload) for r in record if r.kind == "execution_ended"]
    assert sum(Decimal(end["quantity"]) for end in ends) == PARENT, routed
    # A child that nobody could account for in time holds its quantity: then the rest is said.
    assert all(end["status"] == "COMPLETED" or "time is up" in end["reason"] for end in ends), ends
    assert 0 < sum(Decimal(end["filled"]) for end in ends) <= PARENT
