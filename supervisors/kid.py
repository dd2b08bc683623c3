"""One supervised actor as its supervisor knows it, and the Ray calls that act on it."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any, Final

import ray
from ray.exceptions import ActorDiedError, RayError

from actors.names import NAMESPACE, ray_name
from supervisors.placement import placement
from supervisors.process import birth, ensure_gone
from supervisors.tree import Child, Node, Team

SUPERVISOR: Final = "supervisors.supervisor:Supervisor"
GONE_S: Final = 5.0  # a killed process that is still there after this time is an error
PATIENCE_S: Final = 0.5  # how long a process that said it ends may take to do so

Handle = Any  # ray.actor.ActorHandle: its methods are the class's, known only at run time


class State(StrEnum):
    """Where a child is in its life."""

    WAITING = "waiting"  # for its turn, or for its back-off to pass
    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"
    STOPPED = "stopped"  # on purpose
    ENDED = "ended"  # of itself, and not to be restarted
    DOWN = "down"  # dead; the verdict is being carried out
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Process:
    """A process, and on which node."""

    pid: int
    born: str  # as `process.birth` tells it; "" if it runs elsewhere or not at all
    node_id: str


@dataclass(slots=True)
class Kid:
    """What is known of one child now; rewritten by its supervisor only."""

    node: Node
    state: State = State.WAITING
    since_ns: int = 0
    incarnation: int = 0
    pid: int = 0
    born: str = ""
    node_id: str = ""
    handle: Handle = None
    refusals: int = 0  # starts in a row that ended with its own words, not with its death
    reason: str = ""  # of its last death
    life: int = 0  # counts attempts: what an older attempt reports is stale
    bringing_up: asyncio.Task[None] | None = None
    creating: asyncio.Task[Handle] | None = None
    watch: asyncio.Task[None] | None = None
    farewell: asyncio.Task[None] | None = None  # its answer to being told to stop

    @property
    def name(self) -> str:
        """Its name in the tree."""
        return self.node.name

    def forget_process(self) -> None:
        """Its process is gone."""
        self.handle, self.pid, self.born, self.node_id = None, 0, "", ""


def class_name(node: Node) -> str:
    """The class that Ray's dashboard shows for this child."""
    return (node.actor if isinstance(node, Child) else SUPERVISOR).rpartition(":")[2]


@cache
def actor_class(path: str) -> Any:
    """The Ray actor class at "package.module:Class"; imported and exported once a process."""
    module, _, name = path.partition(":")
    return ray.remote(getattr(import_module(module), name))


def create(run: str, node: Node, args: tuple[Any, ...]) -> Handle:
    """Start the process of a child; blocks for some milliseconds, so call it in a thread.

    raises  ValueError if an actor of that name lives: Ray's names are our last fence
    """
    path = SUPERVISOR if isinstance(node, Team) else node.actor
    return (
        actor_class(path)
        .options(
            name=ray_name(run, node.name),
            namespace=NAMESPACE,
            lifetime="detached",
            max_restarts=0,
            max_task_retries=0,
            num_cpus=0,
            max_concurrency=1000,
            enable_task_events=False,  # a call a batch: nobody lists them, everybody would pay
            **placement(node),
        )
        .remote(*args)
    )


async def find(run: str, name: str) -> Handle | None:
    """The living actor of that name, if there is one."""
    try:
        return await asyncio.to_thread(ray.get_actor, ray_name(run, name), namespace=NAMESPACE)
    except ValueError:
        return None


async def tell_to_stop(handle: Handle, reason: str) -> None:
    """A farewell: that the actor dies while answering is the point."""
    try:
        await handle.stop.remote(reason)
    except RayError:
        return


async def kill(handle: Handle) -> None:
    """Ask Ray to end the actor's process at once."""
    try:
        await asyncio.to_thread(ray.kill, handle, no_restart=True)
    except RayError:
        return  # it was dead already


async def bury(kid: Kid, *, patience_s: float) -> None:
    """Make sure that a child's process is gone before anything replaces it."""
    if kid.handle is None:
        return
    await end(kid.handle, Process(kid.pid, kid.born, kid.node_id), patience_s=patience_s)
    kid.forget_process()


async def end(handle: Handle, process: Process | None = None, *, patience_s: float = 0.0) -> None:
    """End an actor, and do not take Ray's word for it where we can look ourselves.

    Ray gives a name free while a stopped or stuck process of that name still exists, so on this
    host its process id decides. On another host Ray's word has to do: its raylet kills the
    process, or ends all its workers with itself once it has lost the head.
    """
    process = process if process is not None and process.pid else await whereabouts(handle)
    here = process.node_id == ray.get_runtime_context().get_node_id()
    if here and await ensure_gone(process.pid, process.born, patience_s, GONE_S):
        return  # Ray notices; until it does, it refuses the name, and `create` is tried again
    await kill(handle)
    await dead(handle, GONE_S)


async def whereabouts(handle: Handle) -> Process:
    """Where Ray runs an actor that does not answer for itself; pid 0 if it cannot say."""
    try:
        table = import_module("ray._private.state").actors
        told = await asyncio.to_thread(table, handle._actor_id.hex())
        pid, node_id = int(told["Pid"]), str(told["Address"]["NodeID"])
    except (ImportError, AttributeError, KeyError, TypeError, RayError):
        return Process(0, "", "")
    return Process(pid, birth(pid) if pid and told["State"] == "ALIVE" else "", node_id)


async def dead(handle: Handle, timeout_s: float) -> bool:
    """Wait until Ray itself knows that the actor is dead and its name is free."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while loop.time() < deadline:
        try:
            await asyncio.wait_for(handle.identity.remote(), 0.5)
        except ActorDiedError:
            return True
        except (RayError, TimeoutError):
            pass  # slow, or Ray is still finding out: neither proves a death
        await asyncio.sleep(0.02)
    return False


def seen(kid: Kid, pid: int, node_id: str) -> None:
    """Note where a child runs, and what its process looks like if it runs on this host."""
    kid.pid, kid.node_id = pid, node_id
    local = node_id == ray.get_runtime_context().get_node_id()
    kid.born = birth(pid) if local else ""
