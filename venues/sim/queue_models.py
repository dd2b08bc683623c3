"""How much of a level's unexplained shrinking happened in front of our order.

A level-2 feed says that a price level became smaller, not whose order left. What trades explain is
exact; the rest needs an assumption, and these are the named ones. Sizes are lots.
"""

import math
from collections.abc import Callable
from typing import Final

# (lots ahead of us, lots behind us, lots that left without a trade) -> lots that left ahead of us
QueueModel = Callable[[int, int, int], int]


def risk_averse(ahead: int, behind: int, left: int) -> int:
    """Everyone who left stood behind us; only when nobody is left behind were they ahead."""
    return max(0, left - behind)


def _weighted(weight: Callable[[int], float], ahead: int, behind: int, left: int) -> int:
    if ahead <= 0:
        return 0
    front = weight(ahead)
    share = front / (front + weight(behind))
    # Rounded down, so chance never flatters us; never less than what cannot have been behind.
    return min(ahead, max(int(left * share), left - behind))


def prob_power(ahead: int, behind: int, left: int) -> int:
    """Who leaves is drawn in proportion to the cube of the part's size: the longer part shrinks."""
    return _weighted(lambda lots: float(lots) ** 3, ahead, behind, left)


def prob_log(ahead: int, behind: int, left: int) -> int:
    """Who leaves is drawn in proportion to log(1 + size): both parts shrink about alike."""
    return _weighted(math.log1p, ahead, behind, left)


QUEUE_MODELS: Final[dict[str, QueueModel]] = {
    "risk_averse": risk_averse,
    "prob_power": prob_power,
    "prob_log": prob_log,
}
