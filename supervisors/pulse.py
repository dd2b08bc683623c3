"""Whether a child that has not died still does anything: a stopped or looping process is no help.

A process that is stopped, or whose event loop never turns again, does not end, so the call that
waits for its end tells nothing. Serving children are therefore asked who they are, which any turn
of their event loop answers. One that is asked in vain `misses_max` times in a row is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from loguru import logger
from ray.exceptions import RayError

from messages.base import NS_PER_S
from supervisors.kid import Kid, State
from supervisors.tree import Pulse


class Pulses:
    """Asks the serving children of one team, all at once, and says who is lost."""

    def __init__(
        self,
        pulse: Pulse,
        kids: Mapping[str, Kid],
        lost: Callable[[Kid, int, str], None],
    ) -> None:
        self._pulse = pulse
        self._kids = kids
        self._lost = lost
        self._misses: dict[str, tuple[int, int]] = {}  # name -> (life, misses in a row)

    async def watch(self) -> None:
        """Ask for ever; ends only by being cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            await asyncio.sleep(self._pulse.every_ns / NS_PER_S)
            due = [kid for kid in self._kids.values() if kid.state is State.SERVING]
            asked = [(kid, kid.life, kid.handle) for kid in due if kid.handle is not None]
            answers = await asyncio.gather(*(self._answers(h.identity.remote) for _, _, h in asked))
            # Late ourselves: stopped, or the machine stands still. Our own lateness accuses nobody.
            late = loop.time() - begun > 2 * (self._pulse.every_ns + self._pulse.wait_ns) / NS_PER_S
            for (kid, life, _), answered in zip(asked, answers, strict=True):
                if life == kid.life and kid.state is State.SERVING and not (late and not answered):
                    self.heard(kid, answered=answered)

    def heard(self, kid: Kid, *, answered: bool) -> None:
        """Count one question; at the limit the child is lost, once."""
        life, misses = self._misses.get(kid.name, (kid.life, 0))
        misses = 0 if answered else (misses if life == kid.life else 0) + 1
        self._misses[kid.name] = (kid.life, misses)
        if misses == 0:
            return
        logger.warning("{} did not answer, {} in a row", kid.name, misses)
        if misses == self._pulse.misses_max:
            self._lost(kid, kid.life, f"hung: {misses} questions in a row without an answer")

    async def _answers(self, ask: Callable[[], Awaitable[object]]) -> bool:
        try:
            await asyncio.wait_for(ask(), self._pulse.wait_ns / NS_PER_S)
        except TimeoutError:
            return False
        except RayError:
            return True  # dead or cut off: that is for the call which waits for its end to tell
        return True
