"""How actors are found: one Ray namespace, and names that start with the run's."""

from typing import Final

NAMESPACE: Final = "manta"


def ray_name(run: str, actor: str) -> str:
    """The Ray actor name of `actor` ("orders", "strategy-TREND") in a run."""
    return f"{run}/{actor}"
