"""Where Ray is asked to put a child: on a node that it prefers while one lives, else on any.

Theory of operation. What a child *needs* (`resources`: the disk of the journal) is Ray's business:
without it the child waits. What it *prefers* is a wish: a strategy whose machine is gone must come
back somewhere else at once, with its state, because orders are working. Ray takes seconds to find
out that a node is gone, and an actor that is sent there meanwhile waits as long. So the node is
chosen here, among those whose raylet takes a connection now, and Ray is told with *soft* affinity:
if the node dies in between, Ray puts the child elsewhere by itself (docs/decisions/014).
"""

import socket
from collections.abc import Callable, Sequence
from typing import Any, Final
from zlib import crc32

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from supervisors.tree import Child, Node

_ANSWER_S: Final = 0.3  # a raylet in reach takes a connection within a round trip
NodeRow = dict[str, Any]  # as `ray.nodes()` has it


def choose(
    nodes: Sequence[NodeRow], child: Child, answers: Callable[[NodeRow], bool]
) -> NodeRow | None:
    """The node for a child that may run anywhere; None leaves it to Ray.

    Of several, the child's name decides, so that children spread and come back where they were.
    """
    alive = sorted((n for n in nodes if n["Alive"]), key=lambda n: str(n["NodeID"]))
    if len(alive) < 2 or child.resources:
        return None
    preferred = [n for n in alive if n["Resources"].get(child.prefers, 0) > 0]
    for group in (preferred, alive):
        first = crc32(child.name.encode()) % len(group) if group else 0
        for node in (*group[first:], *group[:first]):
            if answers(node):
                return node
    return None


def placement(node: Node) -> dict[str, Any]:
    """Options of the Ray actor that say where it runs. May wait for a moment: not for a loop."""
    found: dict[str, Any] = {"resources": dict(node.resources)}
    chosen = choose(ray.nodes(), node, in_reach) if isinstance(node, Child) else None
    if chosen is not None:
        found["scheduling_strategy"] = NodeAffinitySchedulingStrategy(chosen["NodeID"], soft=True)
        # An actor that asks for nothing is first sent to a node at random, dead ones included; one
        # that asks for anything is scheduled from here. A byte of memory is anything.
        found["memory"] = 1
    return found


def in_reach(node: NodeRow) -> bool:
    """Whether a node's raylet takes a connection now; Ray itself needs seconds to say so."""
    address = (str(node["NodeManagerAddress"]), int(node["NodeManagerPort"]))
    try:
        socket.create_connection(address, timeout=_ANSWER_S).close()
    except OSError:
        return False
    return True
