"""Plans of faults: schedules, chance, files and their mistakes; meters of rolling limits."""

import re
from pathlib import Path

import pytest
from repository import ROOT

from messages.base import NS_PER_S
from venues.serving.faults import WHOLE, FaultKind, Faults, FaultScript, Rule
from venues.serving.meter import Denied, Meter
from venues.serving.plan import read_plan
from venues.wire.limits import LimitRule

K = FaultKind


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> int:
        return int(self.now_s * NS_PER_S)


def playing(*rules: Rule, seed: int = 0) -> tuple[Faults, Clock]:
    clock = Clock()
    return Faults(FaultScript(seed=seed, rules=rules), clock), clock


def test_scheduled_fault_strikes_only_in_its_time() -> None:
    faults, clock = playing(Rule(kind=K.CUT, at_s=10, for_s=5))
    struck = []

    for second in range(20):
        clock.now_s = 1000.0 + second
        struck += [second] if faults.fires((K.CUT,)) else []

    assert struck == [10, 11, 12, 13, 14]
    assert faults.counts == {"CUT": 5}


def test_lasting_fault_is_counted_once_each_time_the_script_is_played() -> None:
    faults, clock = playing(Rule(kind=K.MAINTENANCE, at_s=1))
    assert faults.active(K.MAINTENANCE) is None
    clock.now_s += 2

    assert [faults.active(K.MAINTENANCE) is not None for _ in range(3)] == [True] * 3
    assert faults.counts == {"MAINTENANCE": 1}
    faults.play(FaultScript())
    assert faults.active(K.MAINTENANCE) is None


def test_times_and_requests_bound_a_fault() -> None:
    faults, _ = playing(Rule(kind=K.DELAY, times=2, requests=("GET /a",)))

    found = [faults.fires((K.DELAY,), name) is not None for name in ("GET /b", *["GET /a"] * 3)]

    assert found == [False, True, True, False]


def test_seed_decides_chance() -> None:
    def drawn(seed: int) -> list[bool]:
        faults, _ = playing(Rule(kind=K.CUT, probability=0.5), seed=seed)
        return [faults.fires((K.CUT,)) is not None for _ in range(50)]

    assert drawn(3) == drawn(3) != drawn(4)


def test_plan_file_is_a_script(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('seed = 7\n[[fault]]\nkind = "BAN"\nat_s = 3\n[[fault]]\nkind = "CUT"\n')

    assert read_plan(path) == FaultScript(
        seed=7, rules=(Rule(kind=K.BAN, at_s=3), Rule(kind=K.CUT))
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[fault]\n", ["not TOML"]),
        ("[[faults]]\n", ["faults", "unknown"]),
        ('[[fault]]\nkind = "NOPE"\n', ["fault.0.kind"]),
        ('[[fault]]\nkind = "CUT"\nat = 3\n', ["fault.0.at"]),
        ('[[fault]]\nkind = "CUT"\nprobability = 3\n', ["fault.0.probability"]),
        ('[[fault]]\nkind = "CUT"\ntimes = 0\n', ["fault.0.times"]),
        ('[[fault]]\nkind = "CUT"\nfor_s = -1\n', ["fault.0.for_s"]),
        ('seed = "x"\n', ["seed"]),
        ("fault = 3\n", ["fault"]),
        ("[[fault]]\nat_s = 3\n", ["fault.0.kind"]),
        ('[[fault]]\nkind = "CUT"\n[[fault]]\nkind = "DELAY"\n', ["fault.1.delay_ms", "needs"]),
        ('[[fault]]\nkind = "DELAY"\ndelay_ms = -1\n', ["fault.0.delay_ms", "negative"]),
        ('[[fault]]\nkind = "CUT"\ndelay_ms = 9\n', ["fault.0.delay_ms", "remove"]),
        ('[[fault]]\nkind = "MUTE_USER"\nrequests = ["GET /"]\n', ["fault.0.requests"]),
        ('[[fault]]\nkind = "MAINTENANCE"\ntimes = 1\n', ["fault.0.times", "for_s"]),
        ('[[fault]]\nkind = "CLOCK_SKEW"\ndelay_ms = 9\nprobability = 0.1\n', ["probability"]),
        ('[[fault]]\nkind = "CUT"\npieces = 3\n', ["fault.0.pieces"]),
    ],
)
def test_wrong_plan_is_one_line_with_its_place(text: str, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text)

    with pytest.raises(ValueError, match=r"plan\.toml") as caught:
        read_plan(path)

    assert "\n" not in str(caught.value)
    assert [w for w in words if w not in str(caught.value)] == []


def test_docs_name_every_fault_with_an_example_by_schedule_and_by_seed(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "simulators.md").read_text()
    rules = []
    for i, text in enumerate(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)):
        path = tmp_path / f"{i}.toml"
        path.write_text(text)
        rules += read_plan(path).rules
    by_schedule = {r.kind for r in rules if r.at_s and r.for_s}
    by_seed = {r.kind for r in rules if r.probability < 1}

    assert [kind for kind in FaultKind if f"`{kind}`" not in page] == []
    assert by_schedule == set(FaultKind)
    assert by_seed == set(FaultKind) - set(WHOLE)


def test_two_plays_of_one_plan_are_the_same(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "simulators.md").read_text()
    path = tmp_path / "plan.toml"
    path.write_text(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)[-1])

    def played(seed: int) -> list[FaultKind | None]:
        script = read_plan(path).model_copy(update={"seed": seed})
        faults, _ = playing(*script.rules, seed=script.seed)
        struck = [faults.fires((kind,), "") for _ in range(40) for kind in FaultKind]
        return [None if rule is None else rule.kind for rule in struck]

    assert read_plan(path) == read_plan(path)
    assert played(7) == played(7) != played(8)


def test_rolling_window_forgets_bit_by_bit() -> None:
    meter = Meter([LimitRule("orders", 2, 10 * NS_PER_S, rolling=True)])
    at = [0, 4, 6, 10, 11, 14]

    found = [meter.charge((("orders", 1),), 100 * NS_PER_S + s * NS_PER_S) for s in at]

    assert [f is None for f in found] == [True, True, False, True, False, True]
    assert [f.wait_ns // NS_PER_S for f in found if f is not None] == [4, 3]


def test_keys_are_counted_apart_and_every_rule_of_a_name_counts() -> None:
    meter = Meter([LimitRule("w", 2, NS_PER_S), LimitRule("w", 3, 60 * NS_PER_S)])

    def ask(key: str, second: int) -> Denied | None:
        return meter.charge((("w", 2),), 60_000 * NS_PER_S + second * NS_PER_S, key)

    assert ask("a", 0) is None
    assert ask("b", 0) is None
    denied = [ask("a", 0), ask("a", 1)]
    assert [d.rule.interval_ns // NS_PER_S for d in denied if d is not None] == [1, 60]


def test_denials_end_in_a_ban_that_doubles() -> None:
    meter = Meter([LimitRule("w", 1, 60 * NS_PER_S)], ban_after=1, ban_s=5)
    t = 600 * NS_PER_S

    first = [meter.charge((("w", 1),), t) for _ in range(4)]
    assert [f and f.banned for f in first] == [None, False, True, True]
    assert meter.charge((("w", 1),), t + 60 * NS_PER_S) is None
    assert meter.ban(t).wait_ns == 10 * NS_PER_S
