"""Starting, finding and ending a supervised system from outside (a driver, a command line)."""

import time
from typing import Any, Final

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, GetTimeoutError, RayError

from actors import lines
from actors.names import NAMESPACE, ray_name
from messages.base import NS_PER_S
from supervisors.kid import Handle
from supervisors.plan import Plan
from supervisors.process import birth, wait_gone
from supervisors.root import Root
from supervisors.tree import ROOT, BadTree, validate, walk

_RETRY_S: Final = 0.05
_ANSWER_S: Final = 0.5
_GONE_S: Final = 5.0
_LOOK_S: Final = 0.5  # how often the driver looks who does not come up
REFUSALS_MAX: Final = 3


class NotRunning(Exception):
    """There is no such run on this Ray cluster."""


def start_system(plan: Plan) -> Handle:
    """Start the root of a run, which starts everything else; returns at once.

    The root team's `resources` pin the root to the node that has the run's folder.
    raises  BadTree; ValueError if a run of this id is on the cluster already
    """
    if plan.tree.name != ROOT:
        raise BadTree(f"the top team must be named {ROOT!r}, not {plan.tree.name!r}")
    validate(plan.tree)
    return (
        ray.remote(Root)
        .options(
            name=ray_name(plan.run, ROOT),
            namespace=NAMESPACE,
            lifetime="detached",
            max_restarts=-1,
            max_task_retries=0,
            num_cpus=0,
            resources=dict(plan.tree.resources),
            max_concurrency=1000,
        )
        .remote(plan)
    )


def find_root(run: str) -> Handle:
    """The root of a running system; raises NotRunning."""
    try:
        return ray.get_actor(ray_name(run, ROOT), namespace=NAMESPACE)
    except ValueError:
        raise NotRunning(f"run {run!r} is not on this cluster: start it, or name another") from None


class CannotServe(Exception):
    """A child said at each of several starts why it cannot serve: one more will not change it."""

    def __init__(self, name: str, reason: str) -> None:
        self.kind, _, text = reason.rpartition("CannotServe: ")[2].partition(": ")
        super().__init__(f"{name}: {text or self.kind}")


def wait_serving(root: Handle, timeout_s: float) -> None:
    """Wait until the whole tree serves, across restarts of the root.

    raises  TimeoutError; CannotServe as soon as waiting has become pointless
    """
    deadline = time.monotonic() + timeout_s
    while (left_s := deadline - time.monotonic()) > 0:
        try:
            _patiently(root, "boot", (), min(left_s, _LOOK_S))
        except TimeoutError:
            for row in status(root, left_s)["actors"]:
                if row["refusals"] >= REFUSALS_MAX:
                    raise CannotServe(row["name"], row["reason"]) from None
        else:
            return
    raise TimeoutError(f"not every actor serves after {timeout_s:g} s")


def status(root: Handle, timeout_s: float = 5.0) -> dict[str, Any]:
    """The tree as plain data, waiting for a root that Ray is restarting."""
    found: dict[str, Any] = _patiently(root, "status", (), timeout_s)
    return found


def stop_system(plan: Plan, reason: str) -> None:
    """Stop every actor of the run in reverse order, the root last, and leave no process behind.

    Safe to call again, and when half of the system is dead already.
    """
    try:
        root = find_root(plan.run)
        _patiently(root, "shutdown", (reason,), plan.tree.stop_ns / NS_PER_S + 10.0)
    except (NotRunning, TimeoutError, RayError):
        pass  # whoever is left is ended below
    else:
        _end(root)
    for node in [plan.tree, *reversed(list(walk(plan.tree))[1:])]:
        try:
            left = ray.get_actor(ray_name(plan.run, node.name), namespace=NAMESPACE)
        except ValueError:
            continue
        _end(left)
    lines.forget(plan.run)


def _end(handle: Handle) -> None:
    """Kill an actor; return when Ray knows that it is dead and, on this host, it is."""
    pid, born = 0, ""
    try:
        _, _, pid, node_id = ray.get(handle.identity.remote(), timeout=_ANSWER_S)
        born = birth(pid) if node_id == ray.get_runtime_context().get_node_id() else ""
    except (RayError, TimeoutError):
        pass  # it does not answer: all the more reason
    ray.kill(handle, no_restart=True)
    deadline = time.monotonic() + _GONE_S
    while time.monotonic() < deadline:
        try:
            ray.get(handle.identity.remote(), timeout=_ANSWER_S)
        except ActorDiedError:
            break
        except (RayError, TimeoutError):
            pass  # no proof that it is gone; ask again until the time is up
        time.sleep(_RETRY_S)
    wait_gone(pid, born, _GONE_S)


def _patiently(root: Handle, method: str, args: tuple[Any, ...], timeout_s: float) -> Any:
    """Call the root; while Ray restarts it, try again until the time is up."""
    deadline = time.monotonic() + timeout_s
    while (left_s := deadline - time.monotonic()) > 0:
        try:
            return ray.get(getattr(root, method).remote(*args), timeout=left_s)
        except ActorDiedError:
            raise
        except (ActorUnavailableError, GetTimeoutError):
            time.sleep(_RETRY_S)
    raise TimeoutError(f"the root supervisor did not answer {method!r} within {timeout_s:g} s")
