"""Supervisors on a real Ray, with real SIGKILLs."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import ray

from actors.names import NAMESPACE, ray_name
from messages import decode
from messages.base import NS_PER_S
from messages.health import ChildDied
from messages.risk import KillSwitch
from supervisors.incarnations import Incarnations
from supervisors.local_ray import start_local_ray
from supervisors.plan import Plan
from supervisors.system import (
    CannotServe,
    find_root,
    start_system,
    status,
    stop_system,
    wait_serving,
)
from supervisors.tree import Backoff, Child, Pulse, Restart, Strategy, Team

pytestmark = pytest.mark.ray
TOOLS = str(Path(__file__).parents[1] / "tools")
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [TOOLS, before]))
    start_local_ray(preload=("pydantic", "messages", "supervisors.root"), cpus=2)
    yield
    ray.shutdown()
    os.environ["PYTHONPATH"] = before


def mortal(name: str, restart: Restart = Restart.PERMANENT) -> Child:
    return Child(name=name, actor="mortal:Mortal", restart=restart)


def tree(**settings: Any) -> Team:
    account = Team(
        name="account",
        strategy=Strategy.REST_FOR_ONE,
        children=(mortal("orders"), mortal("reconciler"), mortal("risk")),
    )
    return Team(name="root", children=(mortal("journal"), account, mortal("feed")), **settings)


@dataclass
class System:
    """One run, looked at from outside."""

    plan: Plan
    root: Any
    pids: set[int] = field(default_factory=set)  # every process ever seen

    def row(self, name: str) -> dict[str, Any]:
        return self.rows()[name]

    def rows(self) -> dict[str, dict[str, Any]]:
        found = {row["name"]: row for row in status(self.root, PATIENCE_S)["actors"]}
        self.pids |= {row["pid"] for row in found.values() if row["pid"]}
        return found

    def kill(self, name: str) -> None:
        os.kill(self.row(name)["pid"], signal.SIGKILL)

    def until(self, holds: Callable[[dict[str, dict[str, Any]]], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds(rows := self.rows()):
            assert time.monotonic() < deadline, rows
            time.sleep(0.02)

    def until_serving(self, **incarnations: int) -> None:
        self.until(
            lambda rows: all(
                name in rows
                and rows[name]["incarnation"] == number
                and rows[name]["state"] == "serving"
                for name, number in incarnations.items()
            )
        )

    def lines(self, file: str) -> list[str]:
        return (Path(self.plan.config) / file).read_text(encoding="utf-8").splitlines()


Launch = Callable[[Team], System]


@pytest.fixture
def launch(local_ray: None, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Launch]:
    systems: list[System] = []

    def start(team: Team) -> System:
        plan = Plan(
            run=f"{request.node.name}-{len(systems)}",
            session="1",
            config=str(tmp_path),
            ledger=str(tmp_path / "incarnations"),
            tree=team,
            spares=1,
        )
        root = start_system(plan)
        systems.append(System(plan, root))
        wait_serving(root, 60)
        return systems[-1]

    yield start
    for system in systems:
        stop_system(system.plan, "test over")


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2][1] in "ZX"
    except FileNotFoundError:
        return True


def test_killed_children_come_back_once_and_only_those_that_belong(launch: Launch) -> None:
    system = launch(tree())
    before = system.rows()

    system.kill("feed")
    system.until_serving(feed=2)
    system.kill("reconciler")
    system.until_serving(reconciler=2, risk=2)

    after = system.rows()
    for name in ("root", "journal", "account", "orders"):
        assert after[name]["pid"] == before[name]["pid"]
        assert after[name]["incarnation"] == 1
    assert after["feed"]["restarts"] == 1
    assert [line.split()[0] for line in system.lines("boots")] == [
        *("journal", "orders", "reconciler", "risk", "feed"),
        *("feed", "reconciler", "risk"),
    ]
    served = {r["actor"] for r in status(system.root)["recoveries"]}
    assert served == {"feed", "reconciler", "risk"}
    events = [decode(raw) for raw in ray.get(system.root.events.remote())]
    assert [e.kind for e in events if e.actor == "feed"][-2:] == ["child_died", "child_started"]  # type: ignore[attr-defined]


def test_killed_supervisor_leaves_its_children_and_adopts_them(launch: Launch) -> None:
    system = launch(tree())
    before = system.rows()

    system.kill("account")
    system.until_serving(account=2, orders=1, reconciler=1, risk=1)

    after = system.rows()
    assert {n: after[n]["pid"] for n in ("orders", "reconciler", "risk")} == {
        n: before[n]["pid"] for n in ("orders", "reconciler", "risk")
    }
    system.kill("risk")
    system.until_serving(risk=2, orders=1)


def test_killed_root_is_restarted_by_ray_and_adopts_everybody(launch: Launch) -> None:
    system = launch(tree())
    before = system.rows()

    system.kill("root")
    system.until_serving(root=2, journal=1, account=1, orders=1, feed=1)

    after = system.rows()
    assert {n: r["pid"] for n, r in after.items() if n != "root"} == {
        n: r["pid"] for n, r in before.items() if n != "root"
    }
    system.kill("journal")
    system.kill("orders")
    system.until_serving(journal=2, orders=2, reconciler=2, risk=2)


def test_root_supervisor_and_child_killed_together_come_back(launch: Launch) -> None:
    system = launch(tree())
    victims = [system.row(name)["pid"] for name in ("root", "account", "orders")]

    for pid in victims:
        os.kill(pid, signal.SIGKILL)

    system.until_serving(root=2, account=2, orders=2, reconciler=1, risk=1)
    after = [system.row(name)["pid"] for name in ("root", "account", "orders")]
    assert not set(victims) & set(after)


def test_child_that_cannot_boot_halts_trading_and_the_root_stays(launch: Launch) -> None:
    hasty = Backoff(first_ns=1_000_000, cap_ns=2_000_000)
    system = launch(tree(restarts_max=2, backoff=hasty))
    poison = Path(system.plan.config) / "poison-feed"
    poison.touch()

    system.kill("feed")
    system.until(lambda rows: rows["feed"]["state"] == "given_up")

    assert status(system.root)["state"] == "halted"
    orders = ray.get_actor(ray_name(system.plan.run, "orders"), namespace=NAMESPACE)
    told: list[bytes] = []
    deadline = time.monotonic() + PATIENCE_S
    while not (told := ray.get(orders.told.remote())):
        assert time.monotonic() < deadline
    halt = decode(told[0])
    assert isinstance(halt, KillSwitch)  # halts, and takes working orders off the book
    assert halt.operator == "supervisor"
    assert "feed" in halt.reason

    system.kill("root")  # a root that comes back has not forgotten
    system.until_serving(root=2)
    assert status(system.root)["state"] == "halted"
    assert system.row("feed")["state"] == "given_up"
    system.kill("orders")  # and the others are still looked after
    system.until_serving(orders=2, risk=2)

    poison.unlink()
    ray.get(system.root.resume.remote("tester"))
    system.until(lambda rows: rows["feed"]["state"] == "serving")
    assert status(system.root)["state"] == "running"


def test_halt_decided_by_a_root_that_died_at_once_is_told_by_its_successor(
    launch: Launch, tmp_path: Path
) -> None:
    decided = Incarnations(tmp_path / "incarnations", "1")
    decided.halt("feed", "feed died: poison")  # and then the process ended

    system = launch(tree())

    orders = ray.get_actor(ray_name(system.plan.run, "orders"), namespace=NAMESPACE)
    told: list[bytes] = []
    deadline = time.monotonic() + PATIENCE_S
    while not (told := ray.get(orders.told.remote())):
        assert time.monotonic() < deadline
    halt = decode(told[0])
    assert isinstance(halt, KillSwitch)
    assert "poison" in halt.reason
    while "told feed" not in system.lines("incarnations"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    system.kill("root")  # what was confirmed is not said again: the operator may have decided since
    system.until_serving(root=2)
    assert len(ray.get(orders.told.remote())) == len(told)


def test_child_that_says_why_it_cannot_serve_ends_the_wait(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "refusal-feed").write_text("JournalBusy: its journal is in use: stop that run")

    begun = time.monotonic()
    with pytest.raises(CannotServe, match="feed: its journal is in use: stop that run") as refused:
        launch(tree())

    assert refused.value.kind == "JournalBusy"
    assert time.monotonic() - begun < PATIENCE_S


def test_team_that_gives_up_is_restarted_whole_by_the_team_above(launch: Launch) -> None:
    account = Team(
        name="account",
        strategy=Strategy.ONE_FOR_ONE,
        restarts_max=1,
        children=(mortal("orders"), mortal("risk")),
    )
    system = launch(Team(name="root", children=(account, mortal("feed"))))

    system.kill("risk")
    system.until_serving(risk=2)
    system.kill("risk")

    system.until_serving(account=2, orders=2, risk=3, feed=1)
    assert status(system.root)["state"] == "running"


def test_normal_end_of_a_transient_child_is_no_crash(launch: Launch) -> None:
    children = (mortal("once", Restart.TRANSIENT), mortal("feed"))
    system = launch(Team(name="root", children=children))
    once = ray.get_actor(ray_name(system.plan.run, "once"), namespace=NAMESPACE)

    once.stop.remote("done")

    system.until(lambda rows: rows["once"]["state"] == "ended")
    assert system.row("feed")["incarnation"] == 1


def test_shutdown_stops_in_reverse_and_leaves_no_process(launch: Launch) -> None:
    system = launch(tree())
    system.kill("risk")
    system.until_serving(risk=2)

    stop_system(system.plan, "done")

    assert system.lines("stops") == ["feed", "risk", "reconciler", "orders", "journal"]
    assert len(system.pids) >= 7
    assert [pid for pid in system.pids if not gone(pid)] == []
    with pytest.raises(Exception, match="not on this cluster"):
        find_root(system.plan.run)


def test_child_that_hangs_while_everybody_lives_is_replaced(launch: Launch) -> None:
    impatient = Pulse(every_ns=NS_PER_S, wait_ns=NS_PER_S, misses_max=3)
    account = Team(name="account", pulse=impatient, children=(mortal("orders"), mortal("risk")))
    system = launch(Team(name="root", pulse=impatient, children=(account, mortal("feed"))))
    before = system.rows()
    hung = [before[name]["pid"] for name in ("feed", "orders")]

    begun = time.monotonic()
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)

    system.until_serving(root=1, account=1, feed=2, orders=2, risk=1)
    assert time.monotonic() - begun < 30
    assert all(gone(pid) for pid in hung)  # so a SIGCONT would wake nobody
    events = [decode(raw) for raw in ray.get(system.root.events.remote())]
    died = {e.actor: e.reason for e in events if isinstance(e, ChildDied)}
    assert set(died) == {"feed", "orders"}
    assert all(reason.startswith("hung") for reason in died.values())


def test_hung_supervisor_is_replaced_and_its_team_lives_on(launch: Launch) -> None:
    impatient = Pulse(every_ns=NS_PER_S, wait_ns=NS_PER_S, misses_max=3)
    account = Team(name="account", children=(mortal("orders"),))
    system = launch(Team(name="root", pulse=impatient, children=(account,)))
    before = system.rows()

    os.kill(before["account"]["pid"], signal.SIGSTOP)
    system.until_serving(root=1, account=2, orders=1)

    after = system.rows()
    assert gone(before["account"]["pid"])  # ended, not left to wake up beside its successor
    for name in ("root", "orders"):
        assert after[name]["pid"] == before[name]["pid"]
        assert after[name]["incarnation"] == before[name]["incarnation"]


def test_hung_child_is_ended_before_its_name_is_given_again(launch: Launch) -> None:
    system = launch(Team(name="root", children=(mortal("feed"),)))
    zombie = system.row("feed")["pid"]
    os.kill(zombie, signal.SIGSTOP)  # alive for the kernel and for Ray, deaf for everybody

    system.kill("root")  # its successor finds the name, and nobody who answers to it

    system.until_serving(root=2, feed=2)
    assert gone(zombie)
