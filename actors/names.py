"""How actors are found: one Ray namespace, and names that start with the run's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import ray

from trading.wiring import Role

NAMESPACE: Final = "manta"
CELL: Final = "cell"  # the actor that hosts others, where a run has one


def hosted(actor: str) -> bool:
    """Whether `actor` is one of those that a cell hosts."""
    return actor in (Role.ORDERS, Role.RISK) or actor.startswith(f"{Role.STRATEGY}-")


def ray_name(run: str, actor: str) -> str:
    """The Ray actor name of `actor` ("orders", "strategy-TREND") in a run."""
    return f"{run}/{actor}"


@dataclass(frozen=True, slots=True)
class Found:
    """A living actor of a run, in a process of its own or in the cell's."""

    handle: Any
    member: str = ""  # its name within the cell

    def call(self, method: str, *arguments: Any) -> Any:
        """Call it through Ray; what comes back is Ray's reference."""
        if self.member:
            return self.handle.member.remote(self.member, method, arguments)
        return getattr(self.handle, method).remote(*arguments)


def find(run: str, actor: str) -> Found:
    """Who bears the name now.

    raises  ValueError if nobody does, and there is no cell that could host it
    """
    names: Sequence[tuple[str, str]] = ((actor, ""), (CELL, actor))
    for name, member in names if hosted(actor) else names[:1]:
        try:
            return Found(ray.get_actor(ray_name(run, name), namespace=NAMESPACE), member)
        except ValueError:
            continue
    raise ValueError(f"{actor}: nobody bears this name in {run}")
