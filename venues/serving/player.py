"""Plays a tape at `speed` times real time, in small slices, stamped with the venue's clock."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from messages.arrays import Rows
from messages.base import NS_PER_S, Message
from messages.market import Batch
from venues.serving.exchange import Exchange

_SLICE_S: Final = 0.002  # events due within it go out together; nobody waits longer for one
_TURN_MAX: Final = 8  # events before requests get their turn, when the tape is behind
_SLEEP_S_MAX: Final = 0.25
_HOLD_S: Final = 0.02

Tape = Iterable[tuple[int, Message]]


class Player:
    """Where the tape stands.

    clock_ns   this machine's clock, by which it is paced: no fault makes it jump
    may_start  the tape's first event (the book, of a recording) is played at once, so that the
               market is there; the rest waits until this says so
    """

    def __init__(
        self,
        exchange: Exchange,
        tape: Tape,
        speed: float,
        clock_ns: Callable[[], int],
        may_start: Callable[[], bool] = lambda: True,
    ) -> None:
        self.done = False
        self._may_start = may_start
        self._exchange = exchange
        self._tape = iter(tape)
        self._speed = speed
        self._clock_ns = clock_ns

    async def play(self) -> None:
        """Until the tape ends."""
        first = next(self._tape, None)
        if first is None:
            self.done = True
            return
        self._exchange.on_tape(restamp(first[1], self._exchange.now_ns()))
        while not self._may_start():
            await asyncio.sleep(_HOLD_S)
        start_ns, started_ns = first[0], self._clock_ns()
        item = next(self._tape, None)
        turn = 0
        while item is not None:
            due_ns = started_ns + int((item[0] - start_ns) / self._speed)
            wait_s = (due_ns - self._clock_ns()) / NS_PER_S
            if wait_s > _SLICE_S:
                turn = 0
                await asyncio.sleep(min(wait_s, _SLEEP_S_MAX))
                continue
            self._exchange.on_tape(restamp(item[1], due_ns + self._exchange.skew_ns()))
            item = next(self._tape, None)
            turn += 1
            if turn % _TURN_MAX == 0:
                await asyncio.sleep(0)
        self.done = True


def restamp(message: Message, ts_ns: int) -> Message:
    """The message as if its last row happened at `ts_ns`; rows keep their distances."""
    if not isinstance(message, Batch):
        return message.model_copy(update={"ts_event": ts_ns, "ts_init": ts_ns})
    rows: Rows = getattr(message, "rows").copy()  # noqa: B009 - every Batch has rows
    if len(rows):
        later = ts_ns - int(rows["ts_event"][-1])
        rows["ts_event"] += later
        if "ts_next" in (rows.dtype.names or ()):
            rows["ts_next"] += later
        rows["ts_init"] = ts_ns
    rows.flags.writeable = False
    return message.model_copy(update={"ts_event": ts_ns, "ts_init": ts_ns, "rows": rows})
