"""The shell on a real Ray: what it promises about order, durability, bugs and dead peers."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import ray
import tiny_actors as tiny

from actors.names import NAMESPACE, ray_name
from journal.reader import read_records
from messages import Message, encode
from messages.risk import KillSwitch
from supervisors.local_ray import start_local_ray
from trading.machine import Machine
from trading.wiring import Directory

pytestmark = pytest.mark.ray
TOOLS = str(Path(__file__).parents[1] / "tools")
PATIENCE_S = 20.0
CLASSES = {
    "strategy-T": "Talker",
    "risk": "Judge",
    "orders": "Scribe",
    "slow": "SlowScribe",
}


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [TOOLS, before]))
    start_local_ray(preload=("pydantic", "messages", "actors.orders"), cpus=2)
    yield
    ray.shutdown()
    os.environ["PYTHONPATH"] = before


class Town:
    """A few shells of one run, started and killed by hand."""

    def __init__(self, folder: Path) -> None:
        self.run = folder.name
        self.folder = folder
        self.actors: dict[str, Any] = {}
        self.starts: dict[str, int] = {}

    def start(self, name: str, kind: str = "") -> Any:
        self.starts[name] = self.starts.get(name, 0) + 1
        full_name = ray_name(self.run, name)
        self.until(lambda: free(full_name))
        actor = (
            ray.remote(getattr(tiny, kind or CLASSES[name]))
            .options(name=full_name, namespace=NAMESPACE, lifetime="detached", num_cpus=0)
            .remote(tiny.config(self.run, str(self.folder)), name, self.starts[name])
        )
        ray.get(actor.boot.remote(), timeout=PATIENCE_S)
        self.actors[name] = actor
        return actor

    def tell(self, name: str, message: Message) -> None:
        ray.get(self.actors[name].command.remote(encode(message)), timeout=PATIENCE_S)

    def look(self, name: str) -> dict[str, Any]:
        seen: dict[str, Any] = ray.get(self.actors[name].look.remote(), timeout=PATIENCE_S)
        return seen

    def kill(self, name: str) -> None:
        """SIGKILL, and wait until Ray has noticed."""
        os.kill(self.look(name)["pid"], signal.SIGKILL)
        self.await_death(name)

    def await_death(self, name: str) -> None:
        self.until(lambda: dead(self.actors[name]))

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)

    def submitted(self) -> list[str]:
        """Orders that the journal says were submitted, one entry a row to the strategy."""
        return [
            json.loads(r.payload)["client_order_id"]
            for r in read_records(self.folder / "journal.sqlite", direction="out")
            if r.peer == "strategy-T"
        ]

    def end(self) -> None:
        for actor in self.actors.values():
            ray.kill(actor)


@pytest.fixture
def town(local_ray: None, tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.end()


def dead(actor: Any) -> bool:
    try:
        ray.get(actor.identity.remote(), timeout=PATIENCE_S)
    except ray.exceptions.ActorDiedError:
        return True
    except ray.exceptions.RayError:
        pass  # not known to be dead yet
    return False


def head() -> Any:
    """Ray's own view of the node that this process has started."""
    return import_module("ray._private.worker")._global_node


def free(full_name: str) -> bool:
    try:
        ray.get_actor(full_name, namespace=NAMESPACE)
    except ValueError:
        return True
    return False


def names(count: int, first: int = 1) -> list[str]:
    return [f"o{n}" for n in range(first, first + count)]


def test_a_local_ray_has_no_process_that_nobody_asks(local_ray: None) -> None:
    started = head().all_processes

    assert set(started) == {"gcs_server", "raylet"}


def test_a_shell_says_and_hashes_what_its_machine_alone_does(town: Town) -> None:
    directory = Directory({tiny.TALKER: frozenset({tiny.INSTRUMENT})})
    alone = Machine("strategy-T", tiny.TalkerCore(), directory, 1)
    alone.resume(0)
    town.start("strategy-T")

    for number in (1, 2, 5):
        alone.local(tiny.decide(number, 3), number, "operator")
        town.tell("strategy-T", tiny.decide(number, 3))
    actor = town.actors["strategy-T"]
    town.until(lambda: town.look("strategy-T")["unacked"] == 9)

    assert ray.get(actor.digest.remote()) == alone.digest()


def test_a_bug_ends_the_process_and_leaves_no_half_done_step(town: Town) -> None:
    for name in ("orders", "risk", "strategy-T"):
        town.start(name)
    town.tell("strategy-T", tiny.decide(1))
    town.until(lambda: town.look("strategy-T")["submitted"] == ["o1"])

    switch = KillSwitch(ts_event=1, ts_init=1, reason="bug", operator="test")
    town.actors["orders"].command.remote(encode(switch))  # its answer dies with the process
    town.await_death("orders")

    lines = (town.folder / "logs" / "orders.jsonl").read_text().splitlines()
    died = [line for line in map(json.loads, lines) if line["event"] == "died"]
    assert len(died) == 1
    assert "a bug in the core" in died[0]["error"]
    kinds = [r.kind for r in read_records(town.folder / "journal.sqlite", direction="in")]
    assert "kill_switch" not in kinds
    town.start("orders")
    town.tell("strategy-T", tiny.decide(2))
    town.until(lambda: town.look("strategy-T")["submitted"] == ["o1", "o2"])


def test_kill_nine_of_any_peer_loses_and_doubles_nothing(town: Town) -> None:
    for name in ("orders", "risk", "strategy-T"):
        town.start(name)

    said = 0
    for victim in ("risk", "orders", "risk", "orders"):
        town.tell("strategy-T", tiny.decide(said + 1, 40))
        said += 40
        town.kill(victim)
        town.start(victim)
    town.until(lambda: len(town.look("strategy-T")["submitted"]) >= said)

    assert town.submitted() == names(said)  # in the journal: each once, in order
    assert town.look("strategy-T")["submitted"] == names(said)  # and heard so
    town.until(lambda: town.look("strategy-T")["unacked"] == 0)


def test_a_burst_travels_in_few_batches(town: Town) -> None:
    for name in ("orders", "risk", "strategy-T"):
        town.start(name)

    town.tell("strategy-T", tiny.decide(1, 1000))
    town.until(lambda: len(town.look("strategy-T")["submitted"]) == 1000)

    seen = town.look("strategy-T")
    assert seen["sent"] >= 1000
    assert seen["batches"] <= seen["sent"] / 20


def test_what_was_said_to_a_peer_that_was_not_there_arrives_when_it_is(town: Town) -> None:
    town.start("orders")
    town.start("strategy-T")
    town.tell("strategy-T", tiny.decide(1, 5))
    assert town.look("strategy-T")["unacked"] == 5

    town.start("risk")

    town.until(lambda: town.look("strategy-T")["submitted"] == names(5))
    assert town.submitted() == names(5)


def test_nothing_leaves_before_it_is_durable_however_slow_the_disk(town: Town) -> None:
    town.start("orders", "SlowScribe")
    town.start("risk")
    town.start("strategy-T")

    town.tell("strategy-T", tiny.decide(1))
    time.sleep(0.05)
    for number in (2, 3):  # these queue while the first is being written
        town.tell("strategy-T", tiny.decide(number))
    heard: list[str] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(heard) < 3 and time.monotonic() < deadline:
        heard = town.look("strategy-T")["submitted"]
        durable = town.submitted()
        assert durable[: len(heard)] == heard  # never heard first, written later
        time.sleep(0.02)

    assert heard == names(3)


def test_a_stop_ends_the_process_in_order(town: Town) -> None:
    town.start("strategy-T")
    actor = town.actors["strategy-T"]
    alive = actor.alive.remote()

    actor.stop.remote("the test ends")

    assert ray.get(alive, timeout=PATIENCE_S) == "the test ends"
    town.await_death("strategy-T")
