"""A strategy trades on a second machine; that machine is gone while its orders work.

Both nodes are on this host, so the second one gets a folder of its own for direct lines: its actors
find no neighbours there and speak through Ray, as they would from another machine.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster
from ray_nodes import cluster_of

from actors.logs import read_logs
from journal.reader import read_records
from messages import decode
from messages.control import StrategyCheckpoint
from messages.orders import OrderFilled, OrderSide
from scenarios.assemble import NODE_RESOURCES
from scenarios.connect import Connected, connect

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]
PATIENCE_S = 120.0
MAKER = "strategy-MAKER"
SPEC = """
name = "two-nodes"
duration_s = 600.0

[[instruments]]
instrument_id = "BTCUSDT.BINANCE"
max_position = "0.5"

[[strategies]]
id = "MAKER"
strategy = "market_making"
node = "fast"
"""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    preload = ("pydantic", "messages", "actors.shell")
    with cluster_of(None, preload, resources=dict(NODE_RESOURCES)) as nodes:
        yield nodes


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Where sockets of the second node are; short, as paths of sockets must be."""
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def add_second(nodes: Cluster, elsewhere: str) -> Any:
    node = nodes.add_node(
        num_cpus=1,
        resources={"fast": 1},
        env_vars={"XDG_RUNTIME_DIR": elsewhere},
    )
    nodes.wait_for_nodes()
    return node


@dataclass
class Run:
    """`manta run` on the cluster, and its second terminal."""

    process: "subprocess.Popen[str]"
    path: Path
    system: Connected

    def row(self, name: str) -> dict[str, Any]:
        return {row["name"]: row for row in self.system.actors()}.get(name, {})

    def checkpoint(self) -> StrategyCheckpoint | None:
        """The newest state of the strategy that is durable."""
        found = None
        for record in read_records(self.path / "journal" / "run.sqlite", direction="note"):
            if record.kind == "strategy_checkpoint":
                found = decode(record.payload)
        assert found is None or isinstance(found, StrategyCheckpoint)
        return found


def until(holds: Callable[[], Any], what: str) -> Any:
    """What `holds` returns once it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


def launch(nodes: Cluster, tmp_path: Path) -> Run:
    (tmp_path / "spec.toml").write_text(SPEC)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "scenarios.cli", "run", "spec.toml", "--json"),
            *("--address", nodes.address),
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba")},
    )

    def found() -> list[Path]:
        assert process.poll() is None, process.communicate()
        return list(tmp_path.glob("runs/2*/system.json"))

    (file,) = until(found, "the run does not start")
    return Run(process, file.parent, connect(file.parent))


def test_a_strategy_of_a_lost_node_goes_on_elsewhere_and_no_order_is_lost_or_doubled(
    cluster: Cluster, tmp_path: Path, elsewhere: str
) -> None:
    second = add_second(cluster, elsewhere)
    run = launch(cluster, tmp_path)
    until(lambda: run.row(MAKER).get("state") == "serving", "the strategy does not serve")
    until(lambda: (run.system.status()["fills"] or 0) >= 3, "no fills")
    until(run.system.orders, "no order works")
    before = {row["name"]: row for row in run.system.actors()}
    assert {name for name, row in before.items() if row["node"] == second.node_id} == {MAKER}

    cluster.remove_node(second, allow_graceful=False)
    durable = run.checkpoint()
    assert durable is not None

    until(lambda: run.row(MAKER).get("incarnation") == 2, "the strategy is not started again")
    until(lambda: run.row(MAKER)["state"] == "serving", "the strategy does not serve again")
    after = {row["name"]: row for row in run.system.actors()}
    fills = until(lambda: run.system.status()["fills"], "nobody knows the fills")
    until(lambda: (run.system.status()["fills"] or 0) > fills + 3, "it does not trade again")
    run.system.stop()
    out, err = run.process.communicate(timeout=60)

    assert after[MAKER]["node"] == before["orders"]["node"]
    assert {n: r["pid"] for n, r in after.items() if n != MAKER} == {
        n: r["pid"] for n, r in before.items() if n != MAKER
    }
    restored = [
        line
        for line in read_logs(run.path, MAKER)
        if line["event"] == "restored" and line["incarnation"] == 2
    ]
    assert restored[0]["intents"] >= durable.intents > 0  # its state came with it
    last = run.checkpoint()
    assert last is not None
    assert last.intents > durable.intents
    assert list((tmp_path / "numba").rglob("market_making*.nbi"))  # the environment came, too
    assert run.process.returncode == 0, err
    assert_nothing_lost(json.loads(out), run)


def assert_nothing_lost(summary: dict[str, Any], run: Run) -> None:
    """No order twice, no fill lost, positions as the venue's ledger says, nothing open."""
    ledger = json.loads((run.path / "venue" / "ledger.json").read_text())
    fills = [
        decode(record.payload)
        for record in read_records(run.path / "journal" / "account.sqlite", direction="out")
        if record.kind == "order_filled"
    ]
    ours = {fill.trade_id: fill for fill in fills if isinstance(fill, OrderFilled)}
    position = sum(
        (f.last_qty if f.side is OrderSide.BUY else -f.last_qty for f in ours.values()),
        Decimal(0),
    )
    assert position == Decimal(ledger["positions"]["BTCUSDT.BINANCE"])
    ids = [order["client_order_id"] for order in ledger["orders"]]
    assert len(ids) == len(set(ids))
    assert summary["ledger"]["duplicate_client_order_ids"] == []
    assert summary["ledger"]["equal"]
    assert summary["ledger"]["lost"] == summary["ledger"]["doubled"] == []
    assert summary["discrepancies"]["open"] == 0
    assert summary["orders_open"] == 0
    assert summary["restarts"] == 1
