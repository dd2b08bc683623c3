"""Where a child is put, when its machine may be gone."""

import socket
from typing import Any

import pytest

from supervisors.placement import choose, in_reach
from supervisors.tree import BadTree, Child, Team, validate


def node(name: str, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"NodeID": name, "Alive": alive, "Resources": resources}


def put(child: Child, *nodes: dict[str, Any], silent: str = "") -> str | None:
    """The chosen node's name."""
    chosen = choose(nodes, child, lambda n: n["NodeID"] != silent)
    return None if chosen is None else str(chosen["NodeID"])


STRATEGY = Child(name="strategy-A", prefers="fast")


def test_a_preferred_node_is_taken() -> None:
    assert put(STRATEGY, node("a"), node("b", fast=1)) == "b"


@pytest.mark.parametrize("gone", [{"alive": False}, {}], ids=["known to Ray", "not yet"])
def test_a_strategy_whose_preferred_node_is_gone_runs_elsewhere(gone: dict[str, Any]) -> None:
    assert put(STRATEGY, node("a"), node("b", fast=1, **gone), node("c"), silent="b") in ("a", "c")


def test_the_preferred_node_is_taken_again_when_it_is_back() -> None:
    assert put(STRATEGY, node("a"), node("b", fast=1), node("c", alive=False, fast=1)) == "b"


def test_a_child_comes_back_to_the_node_where_it_was() -> None:
    nodes = [node(name, fast=1) for name in "abcd"]

    assert put(STRATEGY, *nodes) == put(STRATEGY, *reversed(nodes))


def test_children_without_a_wish_spread() -> None:
    nodes = [node(name) for name in "abcd"]

    assert len({put(Child(name=f"strategy-{i}"), *nodes) for i in range(20)}) > 1


def test_a_single_node_is_left_to_ray() -> None:
    assert put(STRATEGY, node("a", fast=1), node("b", alive=False)) is None


def test_what_a_child_needs_is_left_to_ray() -> None:
    pinned = Child(name="orders", resources=(("disk", 1.0),))

    assert put(pinned, node("a"), node("b", disk=1)) is None


def test_a_child_cannot_need_one_place_and_prefer_another() -> None:
    torn = Child(name="orders", resources=(("disk", 1.0),), prefers="fast")

    with pytest.raises(BadTree, match="leave one out"):
        validate(Team(name="root", children=(torn,)))


def test_a_raylet_is_in_reach_while_it_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as raylet:
        port = raylet.getsockname()[1]
        row = {"NodeManagerAddress": "127.0.0.1", "NodeManagerPort": port}
        listening = in_reach(row)

    assert listening
    assert not in_reach(row)
