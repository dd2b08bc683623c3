"""Restart verdicts, decided without Ray."""

import pytest

from messages.base import NS_PER_MS, NS_PER_S
from supervisors.policy import Death, TeamState, Verdict, judge, started
from supervisors.tree import Child, Restart, Strategy, Team

P, T, X = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY
ONE, REST, ALL = Strategy.ONE_FOR_ONE, Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ALL


def team(strategy: Strategy = ONE, restarts_max: int = 10, window_s: int = 30) -> Team:
    """Four children: permanent a, transient b, temporary c, permanent d."""
    kinds = {"a": P, "b": T, "c": X, "d": P}
    children = tuple(Child(name=name, restart=kind) for name, kind in kinds.items())
    return Team(
        name="team",
        strategy=strategy,
        children=children,
        restarts_max=restarts_max,
        window_ns=window_s * NS_PER_S,
    )


def crash(name: str, at_s: float = 0) -> Death:
    return Death(name, True, int(at_s * NS_PER_S))


@pytest.mark.parametrize(
    ("strategy", "dead", "crashed", "stop", "start", "forget"),
    [
        (ONE, "a", True, "", "a", ""),
        (ONE, "a", False, "", "a", ""),  # permanent: a normal end is no excuse
        (ONE, "b", True, "", "b", ""),
        (ONE, "b", False, "", "", ""),
        (ONE, "c", True, "", "", "c"),
        (ONE, "c", False, "", "", "c"),
        (REST, "a", True, "dcb", "abd", "c"),
        (REST, "b", True, "dc", "bd", "c"),
        (REST, "b", False, "", "", ""),
        (REST, "c", True, "", "", "c"),  # a temporary child takes nobody with it
        (REST, "d", True, "", "d", ""),
        (ALL, "a", True, "dcb", "abd", "c"),
        (ALL, "d", True, "cba", "abd", "c"),
        (ALL, "b", False, "", "", ""),
        (ALL, "c", True, "", "", "c"),
    ],
)
def test_kind_and_strategy_decide_who_goes_and_who_comes_back(
    strategy: Strategy, dead: str, crashed: bool, stop: str, start: str, forget: str
) -> None:
    group = team(strategy)

    verdict, after = judge(group, started(group), Death(dead, crashed, 0))

    assert verdict == Verdict(
        stop=tuple(stop), start=tuple(start), forget=frozenset(forget), after_ns=0
    )
    assert after.present == tuple(n for n in "abcd" if n not in forget)


def test_transient_child_that_had_finished_comes_back_with_its_group() -> None:
    group = team(ALL)
    _, state = judge(group, started(group), Death("b", False, 0))

    verdict, _ = judge(group, state, crash("a", 1))

    assert verdict.stop == ("d", "c")
    assert verdict.start == ("a", "b", "d")


def test_one_restart_too_many_in_the_window_stops_all_and_escalates() -> None:
    group = team(ONE, restarts_max=2, window_s=10)
    state = started(group)
    for at_s, name in ((0, "a"), (4, "d")):
        verdict, state = judge(group, state, crash(name, at_s))
        assert not verdict.escalate

    verdict, state = judge(group, state, crash("a", 10))

    assert verdict == Verdict(stop=("d", "c", "b"), escalate=True)
    assert not state.running


def test_restarts_outside_the_window_are_forgiven() -> None:
    group = team(ONE, restarts_max=2, window_s=10)
    state = started(group)
    for at_s in (0, 4, 11, 15, 22):
        verdict, state = judge(group, state, crash("a", at_s))

        assert verdict.start == ("a",)


def test_deaths_that_need_no_restart_do_not_count() -> None:
    group = team(ONE, restarts_max=0)
    state = started(group)

    for death in (Death("b", False, 0), crash("c")):
        verdict, state = judge(group, state, death)
        assert not verdict.escalate

    assert judge(group, state, crash("a"))[0].escalate


def test_death_told_twice_changes_nothing() -> None:
    group = team(ONE)
    _, state = judge(group, started(group), Death("b", False, 0))

    assert judge(group, state, crash("b", 1)) == (Verdict(), state)


def delays_ms(group: Team, deaths: list[tuple[float, str]]) -> list[int]:
    state: TeamState = started(group)
    found = []
    for at_s, name in deaths:
        verdict, state = judge(group, state, crash(name, at_s))
        found.append(verdict.after_ns // NS_PER_MS)
    return found


def test_child_that_keeps_dying_waits_longer_up_to_the_cap() -> None:
    deaths = [(0.5 * i, "a") for i in range(8)]

    assert delays_ms(team(), deaths) == [0, 100, 200, 400, 800, 1000, 1000, 1000]


def test_back_off_starts_over_after_a_quiet_window() -> None:
    assert delays_ms(team(), [(0, "a"), (1, "a"), (6.5, "a"), (7, "a")]) == [0, 100, 0, 100]


def test_back_off_of_one_child_does_not_delay_another() -> None:
    assert delays_ms(team(), [(0, "a"), (1, "a"), (1.5, "d")]) == [0, 100, 0]
