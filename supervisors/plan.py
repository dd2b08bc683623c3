"""What a supervised run consists of, small enough to be an actor's constructor argument."""

from dataclasses import dataclass
from pathlib import Path

from supervisors.tree import Node, Team, walk
from supervisors.warm import SPARES


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The tree of one run, and what every child is told."""

    run: str  # run id: Ray names are "<run>/<actor>"
    session: str  # one start of the system; the same for every restart of the root within it
    config: str  # first constructor argument of every child
    ledger: str  # absolute path of the incarnation file, on the root's node
    tree: Team  # the root's team; its name is "root"
    sink: str = "journal"  # actor that keeps supervision events: `note(bytes)`
    hooks: tuple[str, ...] = ("orders",)  # actors that a halt is told to: `command(bytes)`
    spares: int = SPARES  # warm worker processes to keep ready on each node

    def node(self, name: str) -> Node:
        """The child or team of that name, at any depth."""
        return next(node for node in walk(self.tree) if node.name == name)

    def team(self, name: str) -> Team:
        """The team of that name."""
        node = self.node(name)
        if not isinstance(node, Team):
            raise ValueError(f"{name!r} is an actor, not a team")
        return node

    @property
    def ledger_path(self) -> Path:
        """Where claimed incarnation numbers are kept."""
        return Path(self.ledger)
