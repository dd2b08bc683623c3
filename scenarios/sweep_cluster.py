"""A sweep's work on Ray: pieces of many trials each, sent again when a worker or a node dies.

Ray retries nothing (`max_retries=0`): there is one place that knows what is outstanding, and it is
here. A task that failed because its process, its node or its answer is gone is sent again, to
whoever is left; one whose code raised would raise again, and ends the sweep.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import ray
from numpy.typing import NDArray
from ray.exceptions import RayError, RayTaskError

from messages.arrays import Rows
from scenarios.sweep_worker import METRICS_OF, RETURNS_OF, Answer, Setup, work

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
_TASK_STEPS: Final = 10_000_000  # bars * trials of a task: about 80 ms; sending it takes 5
_TASKS_A_WORKER: Final = 4  # of a batch, at least: or the last one leaves the others idle
AHEAD: Final = 2  # tasks a worker that are under way: one runs, one waits
_ATTEMPTS: Final = 6
_WAIT_S: Final = 1.0
Say = Callable[[str], None]


class WorkLost(Exception):
    """The same piece of work failed again and again; the text is one line for the user."""


@dataclass(slots=True)
class Worker:
    """What is known of one worker process."""

    node: str
    pid: int
    tasks: int = 0
    private_kib_first: int = 0
    private_kib_last: int = 0
    private_kib_max: int = 0

    def saw(self, answer: Answer) -> None:
        """One more of its answers."""
        self.tasks += 1
        self.private_kib_first = self.private_kib_first or answer.private_kib
        self.private_kib_last = answer.private_kib
        self.private_kib_max = max(self.private_kib_max, answer.private_kib)


@dataclass(slots=True)
class Pool:
    """Work on the Ray that this process is connected to.

    data     what engines read, put once into the object store
    bars     its length
    workers  processes that are there for it
    ahead    tasks under way for each; 1 where Ray itself would run more than `workers` at once
    """

    setup: Setup
    data: Any
    bars: int
    workers: int
    ahead: int = AHEAD
    say: Say = lambda _: None
    seen: dict[tuple[str, int], Worker] = field(default_factory=dict)
    lost: int = 0  # tasks that were sent again
    _remote: Any = None
    _setup_ref: Any = None
    _data_ref: Any = None

    def __post_init__(self) -> None:
        # Spread over nodes: the packing that is Ray's default leaves some of them idle. On one node
        # it would only have each task wait for a worker to be chosen anew.
        how = "SPREAD" if len(ray.nodes()) > 1 else "DEFAULT"
        options: dict[str, Any] = {"max_retries": 0, "num_cpus": 1, "scheduling_strategy": how}
        self._remote = ray.remote(**options)(work)
        self._setup_ref = ray.put(self.setup)
        self._data_ref = ray.put(self.data)
        self.data = None

    def warm(self, params: Rows, bars: int) -> None:
        """Start the workers and have each load what it needs; returns when all have."""
        pieces = [np.arange(1)] * self.workers
        for _ in self._run(METRICS_OF, params[:1], bars, None, pieces):
            pass

    def metrics(self, trials: I8, params: Rows, bars: int) -> Iterator[tuple[I8, Rows]]:
        """The port of `research.sweep`: pieces in the order in which they are done."""
        for at, answer in self._run(METRICS_OF, params, bars, None, self._cut(len(trials), bars)):
            assert answer.rows is not None, "a task for figures answers with figures"
            yield at, answer.rows

    def returns(self, params: Rows, ends: I8) -> F8:
        """(periods, n) returns of n parameters at the ends of periods, over all bars."""
        out = np.empty((len(ends), len(params)))
        cut = self._cut(len(params), self.bars)
        for at, answer in self._run(RETURNS_OF, params, self.bars, ends, cut):
            assert answer.returns is not None, "a task for returns answers with returns"
            out[:, at] = answer.returns
        return out

    def _cut(self, count: int, bars: int) -> list[I8]:
        """Pieces of a batch; their size follows the work, and decides nothing in the result."""
        size = max(1, min(_TASK_STEPS // max(bars, 1), count // (self.workers * _TASKS_A_WORKER)))
        return np.array_split(np.arange(count), -(-count // size)) if count else []

    def _run(
        self, kind: str, params: Rows, bars: int, ends: I8 | None, pieces: list[I8]
    ) -> Iterator[tuple[I8, Answer]]:
        """Send all pieces, keep a few under way, yield answers as they come."""
        waiting = [(piece, 0) for piece in reversed(pieces)]
        open_: dict[Any, tuple[I8, int]] = {}
        # An interruption leaves what is under way to itself: it is short, and has no effects. To
        # cancel it by force ends this process if a task is done at that moment (Ray 2.60).
        while waiting or open_:
            while waiting and len(open_) < self.workers * self.ahead:
                piece, attempts = waiting.pop()
                ref = self._remote.remote(
                    self._setup_ref, self._data_ref, kind, params[piece], bars, ends
                )
                open_[ref] = piece, attempts
            ready, _ = ray.wait(list(open_), num_returns=1, timeout=_WAIT_S)
            for ref in ready:
                piece, attempts = open_.pop(ref)
                answer = self._answer(ref, piece, attempts)
                if answer is None:
                    waiting.append((piece, attempts + 1))
                else:
                    yield piece, answer

    def _answer(self, ref: Any, piece: I8, attempts: int) -> Answer | None:
        """What a task said; None if it must be sent again.

        raises  WorkLost if it was sent too often; what its code raised
        """
        try:
            answer: Answer = ray.get(ref)
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from None
        except RayError as error:
            self.lost += 1
            reason = str(error).splitlines()[0]
            if attempts + 1 >= _ATTEMPTS:
                raise WorkLost(
                    f"trials {piece[0]} to {piece[-1]} of a batch: their worker died {_ATTEMPTS}"
                    f" times ({type(error).__name__}: {reason}): if the strategy is at fault, run"
                    " them alone with `manta backtest`; what is done is kept"
                ) from None
            self.say(f"{type(error).__name__}: {len(piece)} trials are sent again")
            return None
        key = answer.node, answer.pid
        self.seen.setdefault(key, Worker(*key)).saw(answer)
        return answer
