"""`judge` against an independent model of OTP supervisors: same survivors, same order, same ends.

The model below is a naive simulation written from the documented behaviour of OTP's supervisor
(`supervisor` of stdlib, `Supervisor` of Elixir): mutable processes, linked to the one that started
them. It shares only the tree's data types with the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hypothesis import event, given, settings
from hypothesis import strategies as st

from supervisors.policy import Death, TeamState, judge, started
from supervisors.tree import Child, Node, Restart, Strategy, Team, child, path, walk

Log = list[str]


# --- The model -----------------------------------------------------------------------------------


@dataclass
class Process:
    """A worker (no slots) or a supervisor, alive as long as somebody holds it."""

    spec: Node
    slots: list[Slot] = field(default_factory=list)
    restart_times: list[int] = field(default_factory=list)


@dataclass
class Slot:
    """One entry of a supervisor's child list; `process` is None while it does not run."""

    spec: Node
    process: Process | None


def spawn(spec: Node, log: Log) -> Process:
    log.append(f"+{spec.name}")
    process = Process(spec)
    if isinstance(spec, Team):
        for each in spec.children:
            process.slots.append(Slot(each, spawn(each, log)))
    return process


def terminate(process: Process, log: Log) -> None:
    """Shut down from above: a supervisor ends its children, last first, then itself."""
    terminate_children(process, log)
    log.append(f"-{process.spec.name}")


def terminate_children(process: Process, log: Log) -> None:
    for slot in reversed(process.slots):
        if slot.process is not None:
            terminate(slot.process, log)
            slot.process = None


class Otp:
    """The whole tree; `halted` once the top supervisor has given up."""

    def __init__(self, tree: Team) -> None:
        self.log: Log = []
        self.top = spawn(tree, self.log)
        self.halted = False

    def living(self) -> list[str]:
        return [] if self.halted else list(self._living(self.top))

    def _living(self, process: Process) -> list[str]:
        names = [process.spec.name]
        for slot in process.slots:
            if slot.process is not None:
                names += self._living(slot.process)
        return names

    def kill(self, name: str, reason: str, now: int) -> None:
        line = self._line(self.top, name)
        for below in line[1:]:
            if below is line[-1]:
                terminate_children(below, self.log)  # linked processes die with it
        if not self._exit(line, reason, now):
            self.halted = True

    def _line(self, process: Process, name: str) -> list[Process]:
        if process.spec.name == name:
            return [process]
        for slot in process.slots:
            if slot.process is not None and (line := self._line(slot.process, name)):
                return [process, *line]
        return []

    def _exit(self, line: list[Process], reason: str, now: int) -> bool:
        """The last of `line` has exited: its supervisor acts; False if the top gives up."""
        *above, dead = line
        if not above:
            return False
        boss = above[-1]
        if self._handle_exit(boss, dead, reason, now):
            return True
        terminate_children(boss, self.log)
        return self._exit(above, "shutdown", now)

    def _handle_exit(self, boss: Process, dead: Process, reason: str, now: int) -> bool:
        index = next(i for i, slot in enumerate(boss.slots) if slot.process is dead)
        slot = boss.slots[index]
        slot.process = None
        if slot.spec.restart is Restart.TEMPORARY:
            del boss.slots[index]
            return True
        if slot.spec.restart is Restart.TRANSIENT and reason == "normal":
            return True
        assert isinstance(boss.spec, Team)
        boss.restart_times = [
            then for then in [now, *boss.restart_times] if now <= then + boss.spec.window_ns
        ]
        if len(boss.restart_times) > boss.spec.restarts_max:
            return False
        if boss.spec.strategy is Strategy.ONE_FOR_ONE:
            slot.process = spawn(slot.spec, self.log)
            return True
        first = index if boss.spec.strategy is Strategy.REST_FOR_ONE else 0
        before, group = boss.slots[:first], boss.slots[first:]
        for member in reversed(group):
            if member.process is not None:
                terminate(member.process, self.log)
        group = [m for m in group if m.spec.restart is not Restart.TEMPORARY]
        for member in group:
            member.process = spawn(member.spec, self.log)
        boss.slots = before + group
        return True


# --- The code under test, driven as a supervisor drives it ----------------------------------------


class Judged:
    """A tree whose deaths are decided by `judge`; teams keep their `TeamState` by name."""

    def __init__(self, tree: Team) -> None:
        self.tree = tree
        self.states: dict[str, TeamState] = {}
        self.log: Log = []
        self.halted = False
        self._start(tree)

    def living(self) -> list[str]:
        return [] if self.halted else self._living(self.tree)

    def _living(self, node: Node) -> list[str]:
        names = [node.name]
        if isinstance(node, Team):
            state = self.states[node.name]
            for name in state.present:
                if name in state.running:
                    names += self._living(child(node, name))
        return names

    def kill(self, name: str, reason: str, now: int) -> None:
        *above, _ = path(self.tree, name)
        node = find(self.tree, name)
        if isinstance(node, Team):
            self._stop_children(node)
        crashed = reason != "normal"
        while above:
            boss = find(self.tree, above.pop())
            assert isinstance(boss, Team)
            death = Death(name, crashed, now)
            verdict, self.states[boss.name] = judge(boss, self.states[boss.name], death)
            for sibling in verdict.stop:
                self._stop(child(boss, sibling))
            for fresh in verdict.start:
                self._start(child(boss, fresh))
            if not verdict.escalate:
                return
            name, crashed = boss.name, True
        self.halted = True

    def _start(self, node: Node) -> None:
        self.log.append(f"+{node.name}")
        if isinstance(node, Team):
            self.states[node.name] = started(node)
            for each in node.children:
                self._start(each)

    def _stop(self, node: Node) -> None:
        if isinstance(node, Team):
            self._stop_children(node)
        self.log.append(f"-{node.name}")

    def _stop_children(self, team: Team) -> None:
        state = self.states[team.name]
        for name in reversed(state.present):
            if name in state.running:
                self._stop(child(team, name))


def find(tree: Team, name: str) -> Node:
    return next(node for node in walk(tree) if node.name == name)


# --- The comparison ------------------------------------------------------------------------------

WINDOW: Final = 10


@st.composite
def trees(draw: st.DrawFn) -> Team:
    names = (f"n{i}" for i in range(1000))

    def team(depth: int) -> Team:
        name = next(names)
        count = draw(st.integers(1, 4))
        nodes: list[Node] = []
        for _ in range(count):
            if depth < 2 and draw(st.integers(0, 3)) == 0:
                nodes.append(team(depth + 1))
            else:
                nodes.append(Child(name=next(names), restart=draw(st.sampled_from(Restart))))
        return Team(
            name=name,
            children=tuple(nodes),
            strategy=draw(st.sampled_from(Strategy)),
            restarts_max=draw(st.integers(0, 3)),
            window_ns=WINDOW,
        )

    return team(0)


@settings(max_examples=400, deadline=None)
@given(tree=trees(), data=st.data())
def test_judge_agrees_with_otp_on_every_death(tree: Team, data: st.DataObject) -> None:
    otp, judged = Otp(tree), Judged(tree)
    now = 0
    for _ in range(data.draw(st.integers(1, 12), label="deaths")):
        victims = otp.living()[1:]  # the top has nobody above it
        if not victims:
            break
        name = data.draw(st.sampled_from(victims), label="victim")
        is_team = isinstance(find(tree, name), Team)
        reason = "crash" if is_team else data.draw(st.sampled_from(["normal", "crash"]))
        # Steps that land on the window's edges, which chance alone would rarely meet.
        now += data.draw(st.sampled_from([0, 1, 3, WINDOW - 1, WINDOW, WINDOW + 1]), label="wait")

        otp.kill(name, reason, now)
        judged.kill(name, reason, now)

        assert judged.log == otp.log
        assert judged.living() == otp.living()
        assert judged.halted == otp.halted
    event(f"halted: {otp.halted}")
    event(f"nested: {any(isinstance(n, Team) for n in tree.children)}")
