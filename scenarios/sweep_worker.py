"""What a worker process does for a sweep: run many parameters over shared bars, and say so.

A task is a function of its arguments: no files but the compiler's cache, no clock, no chance. So it
may be run again, anywhere, and what it says is the same. The bars come out of the node's object
store as read-only memory that all workers of the node share.
"""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import ray
from numpy.typing import NDArray

from messages.arrays import Rows
from trading.result import BacktestResult

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
METRICS_OF: Final = "metrics"
RETURNS_OF: Final = "returns"
_ROLLUP: Final = Path("/proc/self/smaps_rollup")
_MEMORY_EVERY_S: Final = 1.0
_CPU_CACHE: Final = "numba"


class Engine(Protocol):
    """What runs a strategy; made once a process by `Setup.factory`."""

    def prepare(self, bars: Rows) -> Any:
        """What the other methods read: arrays, which every process of a node shares."""
        ...

    def metrics(self, params: Rows, data: Any, bars: int) -> Rows:
        """(n,) METRICS of n PARAMS over the first `bars` bars."""
        ...

    def returns(self, params: Rows, data: Any, ends: I8) -> F8:
        """(periods, n) returns, where `ends` are the last bars of periods."""
        ...

    def result(self, params: Rows, bars: Rows) -> BacktestResult:
        """All of one run: its orders and trades."""
        ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What every task of a sweep needs to know; small.

    factory   import path "module:name" of (source, settings) -> Engine
    source    a built-in strategy's name, or the JSON of a LoadStrategy message
    settings  JSON of the engine's settings
    """

    factory: str
    source: str
    settings: str

    def engine(self) -> Engine:
        """The engine of this process for this setup; made at the first call."""
        if _engines.get("setup") != self:
            module, _, name = self.factory.partition(":")
            make: Callable[[str, str], Engine] = getattr(import_module(module), name)
            _engines.update(setup=self, engine=make(self.source, self.settings))
        engine: Engine = _engines["engine"]
        return engine


@dataclass(frozen=True, slots=True)
class Answer:
    """What a task says: `rows` METRICS or `returns`, and who did it.

    private_kib  memory of the process that no other one shares; 0 where this is not known
    """

    rows: Rows | None
    returns: F8 | None
    node: str
    pid: int
    private_kib: int


def work(setup: Setup, data: Any, kind: str, params: Rows, bars: int, ends: I8 | None) -> Answer:
    """One task: METRICS over `bars` bars, or returns at `ends`."""
    share_compiled_code()
    engine = setup.engine()
    rows = returns = None
    if kind == METRICS_OF:
        rows = engine.metrics(params, data, bars)
    else:
        assert ends is not None, "returns are read at the ends of periods"
        returns = engine.returns(params, data, ends)
    node = ray.get_runtime_context().get_node_id()
    return Answer(rows, returns, node, os.getpid(), memory_now())


def share_compiled_code() -> None:
    """Have numba keep code where all processes of this host and user find it.

    A local Ray's workers inherit the folder from the command; those of a cluster use one in the
    host's temporary folder. Must precede numba's import; code is loaded from there, so the folder
    is this user's alone.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    root = Path(tempfile.gettempdir()) / f"manta-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.stat().st_uid == os.getuid() and not root.stat().st_mode & 0o022:
        os.environ["NUMBA_CACHE_DIR"] = str(root / _CPU_CACHE)


def memory_now() -> int:
    """`private_kib` as of a second ago at most: the kernel takes milliseconds to count pages."""
    now_s = time.monotonic()
    if now_s - _memory.get("at_s", 0.0) > _MEMORY_EVERY_S:
        _memory.update(at_s=now_s, kib=float(private_kib()))
    return int(_memory["kib"])


def private_kib() -> int:
    """Memory of this process alone, KiB: shared pages, as of the object store, are not in it."""
    try:
        lines = _ROLLUP.read_text().splitlines()
    except OSError:
        return 0  # no Linux: not known
    names = ("Private_Clean:", "Private_Dirty:")
    return sum(int(line.split()[1]) for line in lines if line.startswith(names))


_engines: dict[str, Any] = {}
_memory: dict[str, float] = {}
