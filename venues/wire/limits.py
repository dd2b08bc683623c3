"""How a venue counts requests, and what each costs: values that the rate budget works with."""

from dataclasses import dataclass
from enum import IntEnum


class Lane(IntEnum):
    """Who goes first, and how much of a limit each may use, in per cent.

    Less urgent requests stop short of the limit, so that there is always room to cancel.
    """

    CANCEL = 100
    REDUCE = 97  # orders and changes that only make us smaller
    QUERY = 95  # finding out about an UNKNOWN order comes before placing more
    SUBMIT = 90
    DATA = 70  # market data, reconciliation


@dataclass(frozen=True, slots=True)
class LimitRule:
    """One limit: at most `amount` of `name` in each `interval_ns`.

    name     what is counted: "weight", "orders"; a Cost names how much of each it takes
    rolling  the interval ends now, whenever now is; else it starts at whole multiples of itself
    header   where answers say how much is used, "" where they do not
    """

    name: str
    amount: int
    interval_ns: int
    rolling: bool = False
    header: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request takes: (name, amount) pairs, each counted by every rule of that name."""

    lane: Lane
    amounts: tuple[tuple[str, int], ...] = (("weight", 1),)
