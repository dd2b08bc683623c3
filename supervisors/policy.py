"""What to do about a death, as a pure function with OTP's words and OTP's answers.

Theory of operation. A team is a list of children in start order, each with a restart kind. When a
child ends, three questions are asked in this order:

1. Does it come back? Permanent: yes. Transient: if it crashed. Temporary: no, and it is forgotten.
2. Has the team restarted too often? Each death that asks for a restart counts once, however many
   siblings go with it; more than `restarts_max` within `window_ns` and the team gives up: it stops
   its children in reverse order and is itself a dead child of the team above.
3. Who goes with it? one_for_one nobody, rest_for_one the children listed after it, one_for_all
   everybody. They are stopped in reverse order and started in order. Temporary ones among them are
   stopped and forgotten. A transient one that had ended normally before is started again: the
   group starts as a group (OTP does the same).

Not OTP's: the back-off. A child that dies again and again waits longer each time; waiting is part
of the verdict, so the caller needs no memory of its own.
"""

from dataclasses import dataclass, field, replace

from supervisors.tree import Restart, Strategy, Team, child, order


@dataclass(frozen=True, slots=True)
class Restarted:
    """A restart that was granted."""

    name: str
    ts_ns: int


@dataclass(frozen=True, slots=True)
class TeamState:
    """What a supervisor remembers about its team between two deaths."""

    present: tuple[str, ...]  # children not forgotten, in start order
    running: frozenset[str]  # started, or on the way to be
    restarts: tuple[Restarted, ...] = ()  # recent, oldest first


@dataclass(frozen=True, slots=True)
class Death:
    """A child's process ended; `crashed` is False if it ended because its work was done."""

    name: str
    crashed: bool
    ts_ns: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the supervisor has to do, in this order: stop, wait, start; or stop and escalate."""

    stop: tuple[str, ...] = ()  # running siblings, in reverse start order
    start: tuple[str, ...] = ()  # in start order
    after_ns: int = 0
    escalate: bool = False
    forget: frozenset[str] = field(default_factory=frozenset)  # left the team for good


def started(team: Team) -> TeamState:
    """A team that has just been started: all children, no history."""
    names = order(team)
    return TeamState(present=names, running=frozenset(names))


def judge(team: Team, state: TeamState, death: Death) -> tuple[Verdict, TeamState]:
    """What to do about `death`, and what to remember once it is done.

    A death of a child that is not running changes nothing: it was stopped on purpose, or is
    being told twice.
    """
    if death.name not in state.running:
        return Verdict(), state
    state = replace(state, running=state.running - {death.name})
    kind = child(team, death.name).restart
    if kind is Restart.TEMPORARY:
        return Verdict(forget=frozenset({death.name})), _without(state, {death.name})
    if kind is Restart.TRANSIENT and not death.crashed:
        return Verdict(), state

    history = (*_recent(team, state.restarts, death.ts_ns), Restarted(death.name, death.ts_ns))
    within = sum(death.ts_ns <= r.ts_ns + team.window_ns for r in history)
    if within > team.restarts_max:
        stop = tuple(n for n in reversed(state.present) if n in state.running)
        return Verdict(stop=stop, escalate=True), replace(state, running=frozenset())

    swept = _swept(team.strategy, state.present, death.name)
    forget = {n for n in swept if child(team, n).restart is Restart.TEMPORARY}
    verdict = Verdict(
        stop=tuple(n for n in reversed(swept) if n in state.running),
        start=tuple(n for n in swept if n not in forget),
        after_ns=team.backoff.delay_ns(_in_a_row(team, history)),
        forget=frozenset(forget),
    )
    after = _without(replace(state, restarts=history), forget)
    return verdict, replace(after, running=after.running | set(verdict.start))


def _swept(strategy: Strategy, present: tuple[str, ...], dead: str) -> tuple[str, ...]:
    match strategy:
        case Strategy.ONE_FOR_ONE:
            return (dead,)
        case Strategy.REST_FOR_ONE:
            return present[present.index(dead) :]
        case Strategy.ONE_FOR_ALL:
            return present


def _recent(team: Team, restarts: tuple[Restarted, ...], now_ns: int) -> tuple[Restarted, ...]:
    """What the window or the back-off may still ask about; the rest is forgotten."""
    keep_ns = max(team.window_ns, _chain_ns(team))
    return tuple(r for r in restarts if now_ns <= r.ts_ns + keep_ns)


def _chain_ns(team: Team) -> int:
    """How far back a row of restarts can reach before its length stops mattering (the cap)."""
    steps = 1
    while team.backoff.delay_ns(steps) < team.backoff.cap_ns and steps < 64:
        steps += 1
    return (steps + 1) * team.backoff.quiet_ns


def _in_a_row(team: Team, history: tuple[Restarted, ...]) -> int:
    """How many restarts of the same child lead up to the newest without a quiet time between."""
    newest = history[-1]
    count, next_ns = 0, newest.ts_ns
    for r in reversed(history[:-1]):
        if r.name != newest.name:
            continue
        if next_ns - r.ts_ns > team.backoff.quiet_ns:
            break
        count, next_ns = count + 1, r.ts_ns
    return count


def _without(state: TeamState, names: set[str]) -> TeamState:
    return replace(
        state,
        present=tuple(n for n in state.present if n not in names),
        running=state.running - names,
    )
