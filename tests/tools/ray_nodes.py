"""A Ray cluster on this host, whose nodes come and go within a test."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import ray
from ray.cluster_utils import Cluster

from supervisors.environment import prepare_environment
from supervisors.warm import system_config

_TOOLS: Final = str(Path(__file__).parent)


@contextmanager
def cluster_of(token: Path | None, preload: Sequence[str] = (), **head: Any) -> Iterator[Cluster]:
    """One node of one processor, the head; its actors may use what is beside this file."""
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_TOOLS, before.get("PYTHONPATH")]))
    prepare_environment(token)
    config = system_config(tuple(preload))
    first = {"num_cpus": 1, "_system_config": config, "include_dashboard": False, **head}
    nodes = Cluster(initialize_head=True, head_node_args=first)
    yield nodes
    ray.shutdown()
    nodes.shutdown()
    os.environ.clear()
    os.environ.update(before)
