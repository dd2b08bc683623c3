"""A difference over time: suspected, found, resolved.

A difference starts a Case. A case that outlives the grace unchanged, and has been seen often
enough, is *found*: reported once. It ends when the two sides agree, not when somebody believes so.
"""

from dataclasses import dataclass
from typing import Final

from immutables import Map

from messages import Message
from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.health import Action, DiscrepancyKind
from trading.replacing import replace

K = DiscrepancyKind


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which the two sides differ now, and what to do about it."""

    kind: DiscrepancyKind
    subject: str
    ours: str
    venues: str
    cause: str
    action: Action
    evidence: tuple[Message, ...] = ()  # for the order manager
    token: str = ""  # another token is another difference: its grace begins anew
    sightings: int = 1  # how often it must have been seen
    instrument_id: InstrumentId | None = None
    client_order_id: ClientOrderId | None = None
    strategy_id: StrategyId | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What can be said now; kinds in `waiting` can be neither confirmed nor cleared."""

    differs: tuple[Difference, ...] = ()
    waiting: frozenset[DiscrepancyKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Case:
    """A difference since it was first seen; `ts_found` once it has been reported."""

    difference: Difference
    ts_first: int
    ts_found: int | None = None
    sightings: int = 1
    decided: bool = True  # False: present evidence neither confirms nor clears it
    cycles: int = 0  # completed with it open

    @property
    def found(self) -> bool:
        return self.ts_found is not None


Cases = Map[str, tuple[Case, ...]]  # by owner: what is compared as one


def settle(
    cases: Cases, owner: str, verdict: Verdict, now_ns: int
) -> tuple[Cases, tuple[Case, ...]]:
    """The cases after a comparison of `owner`, and the found ones that it ended."""
    before = {(c.difference.kind, c.difference.subject): c for c in cases.get(owner, ())}
    kept: list[Case] = []
    for difference in verdict.differs:
        case = before.pop((difference.kind, difference.subject), None)
        if case is None or (not case.found and case.difference.token != difference.token):
            kept.append(Case(difference, now_ns))
        else:
            seen = case.sightings + 1
            kept.append(replace(case, difference=difference, sightings=seen, decided=True))
    ended: list[Case] = []
    for (kind, _), case in before.items():
        if kind in verdict.waiting:
            kept.append(replace(case, decided=False))
        elif case.found:
            ended.append(case)
    if kept:
        return cases.set(owner, tuple(kept)), tuple(ended)
    return (cases.delete(owner) if owner in cases else cases), tuple(ended)


_FIRST: Final = (K.MISSED_FILL, K.FILLED_QTY_MISMATCH)  # fills before the ends they belong to


def order_of(case: Case) -> tuple[int, str, str]:
    """The order in which cases are reported: maps have none that two processes share."""
    difference = case.difference
    rank = _FIRST.index(difference.kind) if difference.kind in _FIRST else len(_FIRST)
    return rank, difference.subject, difference.kind


def ripe(case: Case, now_ns: int, grace_ns: int) -> bool:
    """Whether a case that nobody has reported yet has outlived the grace."""
    old = now_ns >= case.ts_first + grace_ns
    return not case.found and case.decided and old and case.sightings >= case.difference.sightings


def find(cases: Cases, now_ns: int, grace_ns: int) -> tuple[Cases, tuple[Case, ...]]:
    """The cases with the ripe ones found, and those, in the order to report them."""
    found: list[Case] = []
    for owner, group in cases.items():
        if any(ripe(case, now_ns, grace_ns) for case in group):
            marked = tuple(
                replace(c, ts_found=now_ns) if ripe(c, now_ns, grace_ns) else c for c in group
            )
            found += [new for old, new in zip(group, marked, strict=True) if old is not new]
            cases = cases.set(owner, marked)
    return cases, tuple(sorted(found, key=order_of))


def all_cases(cases: Cases) -> tuple[Case, ...]:
    """Every case, in reporting order."""
    return tuple(sorted((c for group in cases.values() for c in group), key=order_of))
