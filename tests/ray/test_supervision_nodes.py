"""A supervised system on two nodes, one of which goes away."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from supervisors.plan import Plan
from supervisors.system import start_system, status, stop_system, wait_serving
from supervisors.tree import Child, Team
from supervisors.warm import prepare_environment, system_config

pytestmark = pytest.mark.ray
TOOLS = str(Path(__file__).parents[1] / "tools")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [TOOLS, before.get("PYTHONPATH")]))
    prepare_environment(tmp_path / "token")
    head = {
        "num_cpus": 1,
        "resources": {"disk": 1000, "anywhere": 1000},
        "_system_config": system_config(("pydantic", "messages", "supervisors.root")),
        "include_dashboard": False,
    }
    nodes = Cluster(initialize_head=True, head_node_args=head)
    yield nodes
    ray.shutdown()
    nodes.shutdown()
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.xfail(
    raises=TimeoutError,
    strict=False,
    reason="timed out at boot twice; waiting for both nodes seems to cure it, too few runs to say",
)
def test_actor_of_a_lost_node_comes_back_on_another(cluster: Cluster, tmp_path: Path) -> None:
    second = cluster.add_node(num_cpus=1, resources={"anywhere": 1000})
    ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
    cluster.wait_for_nodes()  # else all of them may be queued on the first node, for good
    pinned = Child(name="orders", actor="mortal:Mortal", resources=(("disk", 1.0),))
    # Together they do not fit on one node, so the strategy starts on the second.
    filler = Child(name="feed", actor="mortal:Mortal", resources=(("disk", 1.0), ("anywhere", 600)))
    roaming = Child(name="strategy", actor="mortal:Mortal", resources=(("anywhere", 600.0),))
    plan = Plan(
        run="nodes",
        session="1",
        config=str(tmp_path),
        ledger=str(tmp_path / "incarnations"),
        tree=Team(name="root", children=(pinned, filler, roaming), resources=(("disk", 1.0),)),
        spares=1,
    )
    root = start_system(plan)
    wait_serving(root, 60)
    before = rows(root)
    assert before["strategy"]["node"] != before["orders"]["node"]

    cluster.remove_node(second, allow_graceful=False)
    cluster.add_node(num_cpus=1, resources={"anywhere": 1000})

    deadline = time.monotonic() + 60
    while (after := rows(root))["strategy"]["state"] != "serving" or (
        after["strategy"]["incarnation"] != 2
    ):
        assert time.monotonic() < deadline, after
        time.sleep(0.1)
    assert after["orders"]["pid"] == before["orders"]["pid"]
    assert after["strategy"]["node"] != before["strategy"]["node"]
    stop_system(plan, "test over")


def rows(root: Any) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in status(root, 20)["actors"]}
