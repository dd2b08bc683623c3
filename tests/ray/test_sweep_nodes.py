"""A sweep on three nodes, one of which goes away in the middle."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import toy_sweep
from ray.cluster_utils import Cluster

from scenarios.sweep import Where, create, run
from scenarios.sweep_spec import describe
from supervisors.environment import prepare_environment
from supervisors.warm import system_config

pytestmark = pytest.mark.ray
TOOLS = str(Path(__file__).parents[1] / "tools")
BARS = toy_sweep.market(2000)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [TOOLS, before.get("PYTHONPATH")]))
    prepare_environment(tmp_path / "token")
    head = {"num_cpus": 1, "_system_config": system_config(()), "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    yield nodes
    ray.shutdown()
    nodes.shutdown()
    os.environ.clear()
    os.environ.update(before)


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
