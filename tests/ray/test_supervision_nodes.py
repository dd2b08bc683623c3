"""A supervised system on two nodes, one of which goes away."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster
from ray_nodes import cluster_of

from supervisors.plan import Plan
from supervisors.system import start_system, status, stop_system, wait_serving
from supervisors.tree import Child, Team

pytestmark = pytest.mark.ray


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    preload = ("pydantic", "messages", "supervisors.root")
    with cluster_of(tmp_path / "token", preload, resources={"disk": 1000}) as nodes:
        yield nodes


def test_actor_of_a_lost_node_comes_back_on_another(cluster: Cluster, tmp_path: Path) -> None:
    second = cluster.add_node(num_cpus=1, resources={"fast": 1})
    ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
    cluster.wait_for_nodes()
    pinned = Child(name="orders", actor="mortal:Mortal", resources=(("disk", 1.0),))
    roaming = Child(name="strategy", actor="mortal:Mortal", prefers="fast")
    plan = Plan(
        run="nodes",
        session="1",
        config=str(tmp_path),
        ledger=str(tmp_path / "incarnations"),
        tree=Team(name="root", children=(pinned, roaming), resources=(("disk", 1.0),)),
        spares=1,
    )
    root = start_system(plan)
    wait_serving(root, 60)
    before = rows(root)
    assert before["strategy"]["node"] == second.node_id

    cluster.remove_node(second, allow_graceful=False)

    after = until_serving(root, strategy=2)
    assert after["orders"]["pid"] == before["orders"]["pid"]
    assert after["strategy"]["node"] == before["orders"]["node"]

    third = cluster.add_node(num_cpus=1, resources={"fast": 1})  # the wish is remembered
    os.kill(after["strategy"]["pid"], signal.SIGKILL)
    assert until_serving(root, strategy=3)["strategy"]["node"] == third.node_id
    stop_system(plan, "test over")


def until_serving(root: Any, **incarnations: int) -> dict[str, dict[str, Any]]:
    deadline = time.monotonic() + 60
    while True:
        found = rows(root)
        if all(
            found[name]["state"] == "serving" and found[name]["incarnation"] == number
            for name, number in incarnations.items()
        ):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def rows(root: Any) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in status(root, 20)["actors"]}
