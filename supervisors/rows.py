"""What an operator sees of the tree: one plain row an actor."""

import asyncio
from collections.abc import Iterable
from typing import Final, TypedDict

from ray.exceptions import RayError

from supervisors.kid import Kid, State, class_name
from supervisors.tree import Team

_ANSWER_S: Final = 1.0

# "class" is a keyword, so the functional form.
Row = TypedDict(
    "Row",
    {
        "name": str,
        "class": str,
        "team": str,
        "pid": int,
        "node": str,
        "incarnation": int,
        "restarts": int,  # filled in by the root, which counts
        "state": str,
        "since_ns": int,
        "refusals": int,  # how often in a row it said that it cannot serve
        "reason": str,  # why it died last, or did not start
    },
)


def row(team: str, kid: Kid) -> Row:
    """One child as it is now."""
    return {
        "name": kid.name,
        "class": class_name(kid.node),
        "team": team,
        "pid": kid.pid,
        "node": kid.node_id,
        "incarnation": kid.incarnation,
        "restarts": 0,
        "state": str(kid.state),
        "since_ns": kid.since_ns,
        "refusals": kid.refusals,
        "reason": kid.reason,
    }


async def team_rows(team: str, kids: Iterable[Kid]) -> list[Row]:
    """The children in start order, each team followed by its own children."""
    found: list[Row] = []
    kids = list(kids)
    below = await asyncio.gather(*(_below(kid) for kid in kids))
    for kid, rows in zip(kids, below, strict=True):
        found += [row(team, kid), *rows]
    return found


async def _below(kid: Kid) -> list[Row]:
    """A team's own rows; none while its supervisor does not answer."""
    if not isinstance(kid.node, Team) or kid.handle is None or kid.state is State.GIVEN_UP:
        return []
    try:
        rows: list[Row] = await asyncio.wait_for(kid.handle.rows.remote(), _ANSWER_S)
    except (RayError, TimeoutError):
        return []
    return rows
