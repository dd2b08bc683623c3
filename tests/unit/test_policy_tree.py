"""Trees as data."""

from dataclasses import replace

import pytest

from messages.base import NS_PER_S
from supervisors.tree import Backoff, BadTree, Child, Node, Team, leaves, order, path, validate

TREE = Team(
    name="root",
    children=(
        Child(name="journal"),
        Team(name="account", children=(Child(name="orders"), Child(name="risk"))),
        Child(name="feed"),
    ),
)


def test_order_is_the_order_written() -> None:
    assert order(TREE) == ("journal", "account", "feed")
    assert [leaf.name for leaf in leaves(TREE)] == ["journal", "orders", "risk", "feed"]


def test_path_leads_from_the_root_to_a_child() -> None:
    assert path(TREE, "risk") == ("root", "account", "risk")
    assert path(TREE, "feed") == ("root", "feed")
    with pytest.raises(BadTree, match="ghost"):
        path(TREE, "ghost")


def test_sound_tree_is_valid_until_one_name_in_it_is_taken_twice() -> None:
    twice = replace(TREE, children=(*TREE.children, Child(name="risk")))

    validate(TREE)
    with pytest.raises(BadTree, match="twice"):
        validate(twice)


@pytest.mark.parametrize(
    ("children", "complaint"),
    [
        ((), "no children"),
        ((Child(name="a"), Child(name="a")), "twice"),
        ((Child(name="a"), Team(name="t", children=(Child(name="a"),))), "twice"),
        ((Child(name="root"),), "twice"),
        ((Child(name="run/a"),), "slashes"),
        ((Child(name=""),), "one word"),
    ],
)
def test_bad_names_are_refused(children: tuple[Node, ...], complaint: str) -> None:
    with pytest.raises(BadTree, match=complaint):
        validate(Team(name="root", children=children))


def test_limits_that_could_never_escalate_are_refused() -> None:
    slow = Backoff(cap_ns=10 * NS_PER_S)

    with pytest.raises(BadTree, match="never escalate"):
        validate(Team(name="root", children=(Child(name="a"),), backoff=slow))
