"""When a silent child counts as lost; without Ray."""

import asyncio
from typing import Any

from supervisors.kid import Kid, State
from supervisors.pulse import Pulses
from supervisors.tree import Child, Pulse

MS = 1_000_000
QUICK = Pulse(every_ns=5 * MS, wait_ns=20 * MS, misses_max=3)


class Line:
    """Stands for a remote process: answers, or never does."""

    def __init__(self, *, deaf: bool) -> None:
        self.deaf = deaf
        self.asked = 0

    @property
    def identity(self) -> "Line":
        return self

    async def remote(self) -> str:
        self.asked += 1
        if self.deaf:
            await asyncio.Event().wait()
        return "here"


def child(name: str, state: State = State.SERVING, *, deaf: bool = False) -> Kid:
    return Kid(Child(name=name), state=state, handle=Line(deaf=deaf))


def watched(*kids: Kid, for_s: float) -> list[str]:
    lost: list[str] = []

    async def watch() -> None:
        pulses = Pulses(QUICK, {k.name: k for k in kids}, lambda k, *_: lost.append(k.name))
        task = asyncio.create_task(pulses.watch())
        await asyncio.sleep(for_s)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(watch())
    return lost


def heard(*answers: bool) -> list[tuple[Any, ...]]:
    kid = child("feed")
    lost: list[tuple[Any, ...]] = []
    pulses = Pulses(QUICK, {"feed": kid}, lambda k, life, why: lost.append((k.name, life, why)))
    for answered in answers:
        pulses.heard(kid, answered=answered)
    return lost


def test_child_that_misses_too_many_in_a_row_is_lost_once() -> None:
    assert heard(False, False) == []
    assert heard(False, False, True, False, False) == []
    told = [("feed", 0, "hung: 3 questions in a row without an answer")]
    assert heard(False, False, False) == told
    assert heard(False, False, False, False) == told


def test_misses_of_an_earlier_life_do_not_count() -> None:
    kid = child("feed")
    lost: list[str] = []
    pulses = Pulses(QUICK, {"feed": kid}, lambda k, *_: lost.append(k.name))

    for _ in range(2):
        pulses.heard(kid, answered=False)
    kid.life += 1
    for _ in range(2):
        pulses.heard(kid, answered=False)

    assert lost == []


def test_deaf_child_is_found_and_those_that_answer_or_boot_are_left_alone() -> None:
    booting = child("orders", State.STARTING, deaf=True)

    lost = watched(child("feed", deaf=True), child("risk"), booting, for_s=0.4)

    assert lost == ["feed"]
    assert booting.handle.asked == 0
