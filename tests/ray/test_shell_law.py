"""The runtime law: one scenario, one log, actor by actor, in the Loop and on Ray."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import law
import pytest
import ray
import story
import tiny_actors as tiny

from actors.names import NAMESPACE, ray_name
from supervisors.local_ray import start_local_ray

pytestmark = pytest.mark.ray
TOOLS = str(Path(__file__).parents[1] / "tools")
PATIENCE_S = 30.0


@pytest.fixture
def local_ray() -> Iterator[None]:
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [TOOLS, before]))
    start_local_ray(preload=("pydantic", "messages", "actors.orders"), cpus=2)
    yield
    ray.shutdown()
    os.environ["PYTHONPATH"] = before


def test_one_scenario_has_the_same_log_in_the_loop_and_on_ray(
    local_ray: None, tmp_path: Path
) -> None:
    digests, handled = law.in_the_loop()

    on_ray = play(tmp_path, handled)

    assert on_ray == digests


def play(folder: Path, handled: list[dict[str, int]]) -> dict[str, str]:
    """The scenario in real shells, input by input; each actor's digest at the end."""
    steps = iter(handled)
    config = tiny.config(folder.name, str(folder), (story.BTC,), law.LIMITS)
    actors: dict[str, Any] = {}
    for name in law.ACTORS:
        shell = ray.remote(law.CLASSES[name])
        options = {"name": ray_name(folder.name, name), "namespace": NAMESPACE, "num_cpus": 0}
        actors[name] = shell.options(**options).remote(config, name, 1)
        ray.get(actors[name].boot.remote(), timeout=PATIENCE_S)
        settle(actors, next(steps))
    for name, peer, message in law.script():
        ray.get(actors[name].inject.remote(peer, message), timeout=PATIENCE_S)
        settle(actors, next(steps))
    return {name: ray.get(actor.digest.remote()) for name, actor in actors.items()}


def settle(actors: dict[str, Any], expected: dict[str, int]) -> None:
    """Wait until every actor has handled what it handles in the Loop."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        names = list(expected)
        looks = ray.get([actors[n].progress.remote() for n in names], timeout=PATIENCE_S)
        if dict(zip(names, looks, strict=True)) == expected:
            return
        assert time.monotonic() < deadline, (looks, expected)
        time.sleep(0.005)
