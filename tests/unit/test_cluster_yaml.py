"""cluster.yaml is what Ray's own launcher accepts, and says what the supervisors ask for."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private import util

from scenarios.assemble import NODE_RESOURCES, PINNED
from supervisors.warm import system_config

CLUSTER = Path(__file__).parents[2] / "cluster.yaml"


@pytest.fixture
def cluster() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(CLUSTER.read_text())
    return loaded


def test_ray_accepts_the_file(cluster: dict[str, Any]) -> None:
    prepared = util.prepare_config(cluster)
    util.validate_config(prepared)

    assert prepared["provider"]["type"] == "local"


def test_a_key_that_ray_does_not_know_is_refused(cluster: dict[str, Any]) -> None:
    cluster["max_wokers"] = 3

    with pytest.raises(Exception, match="max_wokers"):
        util.validate_config(util.prepare_config(cluster))


def test_every_node_starts_ray_with_tokens(cluster: dict[str, Any]) -> None:
    commands = cluster["head_start_ray_commands"] + cluster["worker_start_ray_commands"]
    starts = [c for c in commands if "ray start" in c]

    assert len(starts) == 2
    assert all(shlex.split(c)[0] == "RAY_AUTH_MODE=token" for c in starts)


def head_option(cluster: dict[str, Any], name: str) -> str:
    """An option of the head's `ray start`."""
    (start,) = (c for c in cluster["head_start_ray_commands"] if "ray start" in c)
    (text,) = (w for w in shlex.split(start) if w.startswith(f"--{name}="))
    return text.partition("=")[2]


def test_the_head_has_every_resource_that_the_tree_asks_for(cluster: dict[str, Any]) -> None:
    offered = json.loads(head_option(cluster, "resources"))

    assert offered == NODE_RESOURCES
    assert dict(PINNED).keys() <= offered.keys()


def test_the_head_is_configured_for_fast_restarts(cluster: dict[str, Any]) -> None:
    code = shlex.split(head_option(cluster, "system-config").strip("$()"))[-1]

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(told.stdout) == system_config()
