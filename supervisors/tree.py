"""The supervision tree as data: who is started, in which order, and what a death means.

A tree is read top to bottom: children start in the order written and stop in the reverse order.
Nothing here decides or runs anything; `policy.judge` decides, `supervisor.Supervisor` carries out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from messages.base import NS_PER_MS, NS_PER_S

ROOT: Final = "root"


class Restart(StrEnum):
    """When a dead child comes back."""

    PERMANENT = "permanent"  # always
    TRANSIENT = "transient"  # after a crash, not after a normal end
    TEMPORARY = "temporary"  # never; and it leaves the team for good


class Strategy(StrEnum):
    """Who goes down, and comes back, with a dead child."""

    ONE_FOR_ONE = "one_for_one"
    REST_FOR_ONE = "rest_for_one"  # every child listed after it
    ONE_FOR_ALL = "one_for_all"


class BadTree(ValueError):
    """The tree cannot be supervised; the text says which name and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long a child that keeps dying waits before it comes back.

    The first restart is immediate; each next one within `quiet_ns` of the last doubles the wait.
    """

    first_ns: int = 100 * NS_PER_MS
    cap_ns: int = NS_PER_S
    quiet_ns: int = 5 * NS_PER_S

    def delay_ns(self, earlier: int) -> int:
        """The wait before a restart that follows `earlier` others without a quiet time."""
        if earlier == 0:
            return 0
        return int(min(self.first_ns * 2 ** min(earlier - 1, 62), self.cap_ns))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How long a serving child may be deaf before it counts as dead: about 20 s.

    An event loop may stand still for seconds, while code is compiled or the machine is busy, and
    to replace a child that only was slow costs more than to wait.
    """

    every_ns: int = 2 * NS_PER_S
    wait_ns: int = 2 * NS_PER_S
    misses_max: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """How to run one actor; `name` is unique in the whole tree."""

    name: str
    actor: str = ""  # "actors.feed:Feed": the import path of its class
    restart: Restart = Restart.PERMANENT
    boot_ns: int = 30 * NS_PER_S  # it must serve within this time
    stop_ns: int = 5 * NS_PER_S  # after this time it is killed
    resources: tuple[tuple[str, float], ...] = ()  # Ray custom resources: where it may live
    prefers: str = ""  # a custom resource: it lives on a node that has it, else anywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Children in start order under one supervisor; a team is itself a permanent child."""

    name: str
    children: tuple["Child | Team", ...]
    strategy: Strategy = Strategy.ONE_FOR_ONE
    restarts_max: int = 10  # one more within `window_ns`, and the team gives up
    window_ns: int = 30 * NS_PER_S
    backoff: Backoff = Backoff()
    pulse: Pulse = Pulse()
    resources: tuple[tuple[str, float], ...] = ()

    @property
    def restart(self) -> Restart:
        """Teams always come back."""
        return Restart.PERMANENT

    @property
    def boot_ns(self) -> int:
        """Every child in turn, and every one of them restarted once."""
        return 2 * sum(child.boot_ns for child in self.children) + 10 * NS_PER_S

    @property
    def stop_ns(self) -> int:
        """Every child in turn, with a second each to be killed."""
        return sum(child.stop_ns + NS_PER_S for child in self.children) + NS_PER_S


Node = Child | Team


def child(team: Team, name: str) -> Node:
    """The direct child of that name; raises BadTree if there is none."""
    for node in team.children:
        if node.name == name:
            return node
    raise BadTree(f"team {team.name!r} has no child {name!r}; it has {order(team)}")


def order(team: Team) -> tuple[str, ...]:
    """Names of the direct children in start order."""
    return tuple(node.name for node in team.children)


def walk(team: Team) -> Iterator[Node]:
    """The team and everything below it, in start order (a team before its children)."""
    yield team
    for node in team.children:
        if isinstance(node, Team):
            yield from walk(node)
        else:
            yield node


def leaves(team: Team) -> tuple[Child, ...]:
    """Every actor of the tree that is not a supervisor, in start order."""
    return tuple(node for node in walk(team) if isinstance(node, Child))


def path(team: Team, name: str) -> tuple[str, ...]:
    """Names from `team` down to `name`; raises BadTree if it is not in the tree."""
    if team.name == name:
        return (name,)
    for node in team.children:
        if node.name == name:
            return (team.name, name)
        if isinstance(node, Team) and any(below.name == name for below in walk(node)):
            return (team.name, *path(node, name))
    raise BadTree(f"no {name!r} below team {team.name!r}")


def validate(team: Team) -> None:
    """Check a whole tree before it runs.

    raises  BadTree on names used twice or unfit, empty teams, limits that could never escalate, and
            children that both need a place and prefer one
    """
    seen: set[str] = set()
    for node in walk(team):
        if not node.name or any(c.isspace() or c == "/" for c in node.name):
            raise BadTree(f"name {node.name!r}: use one word without spaces and slashes")
        if node.name in seen:
            raise BadTree(f"name {node.name!r} is used twice; names are unique in the tree")
        seen.add(node.name)
        if isinstance(node, Team):
            _validate_team(node)
        elif node.prefers and node.resources:
            raise BadTree(
                f"child {node.name!r} needs {dict(node.resources)} and prefers {node.prefers!r}: "
                "what it needs decides where it lives, so leave one out"
            )


def _validate_team(team: Team) -> None:
    if not team.children:
        raise BadTree(f"team {team.name!r} has no children; leave it out")
    if team.restarts_max < 0 or team.window_ns <= 0:
        raise BadTree(f"team {team.name!r}: restarts_max must be >= 0 and window_ns > 0")
    # A child that dies at once would otherwise be restarted for ever, at the pace of its back-off.
    waits_ns = sum(team.backoff.delay_ns(i) for i in range(team.restarts_max + 1))
    if waits_ns >= team.window_ns:
        raise BadTree(
            f"team {team.name!r} could never escalate: {team.restarts_max} restarts wait "
            f"{waits_ns / NS_PER_S:g} s in a window of {team.window_ns / NS_PER_S:g} s; "
            "widen the window or lower the back-off"
        )
