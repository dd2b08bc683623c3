"""A sweep on three nodes, one of which goes away in the middle."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import toy_sweep
from ray.cluster_utils import Cluster
from ray_nodes import cluster_of

from scenarios.sweep import Where, create, run
from scenarios.sweep_spec import describe

pytestmark = pytest.mark.ray
BARS = toy_sweep.market(2000)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with cluster_of(tmp_path / "token") as nodes:
        yield nodes


def test_a_node_that_is_removed_in_the_middle_changes_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    doomed = [cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)][1]
    cluster.wait_for_nodes()
    spec = describe(
        BARS, strategy="trend_following", data="toy", space="fast=2:30:2,slow=40:100:5",
        method="random", trials=90, seed=3,
    )  # fmt: skip
    slow = spec.model_copy(update={"settings": {"slow_s": 0.3}})
    removed = threading.Event()

    def remove(view: dict[str, Any]) -> None:
        if view.get("done", 0) > 20 and not removed.is_set():
            removed.set()
            cluster.remove_node(doomed, allow_graceful=False)

    where = Where(create(slow, tmp_path / "a"), cluster.address, None, "toy_sweep:make")
    lost = run(slow, BARS, where, on_progress=remove, validate=False)

    assert removed.is_set()
    assert lost["status"] == "done"
    assert lost["tasks_sent_again"] >= 1
    assert len({w["node"] for w in lost["workers"]}) == 3
    assert lost["table_sha256"] == toy_sweep.in_process(spec, BARS).sha256()
