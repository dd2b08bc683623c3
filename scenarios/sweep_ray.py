"""The Ray of a sweep: one of its own on this machine, or an existing cluster."""

import threading
import time
from typing import Any, Final

import ray

from actors.names import NAMESPACE
from messages.arrays import Rows
from scenarios.spec import BadSpec
from scenarios.sweep_cluster import AHEAD, Pool
from scenarios.sweep_worker import Engine, Setup
from supervisors.local_ray import start_local_ray
from supervisors.warm import quiet_driver

WARM_BARS: Final = 64  # enough to load all code
# What a worker imports before it is given work: beside the compiler of this process, not after it.
_PRELOAD: Final = ("numpy", "numba", "pydantic", "scenarios.sweep_worker")


def start_ray(
    setup: Setup, compiling: "Compiling", address: str | None, workers: int | None
) -> Pool:
    """A pool on a local Ray, or on the cluster at `address`; ends with what compiling raised.

    raises  BadSpec if no cluster answers there
    """
    if address is None:
        start_local_ray(preload=_PRELOAD, cpus=workers)
    else:
        try:
            ray.init(address=address, namespace=NAMESPACE, log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as e:
            reason = str(e).splitlines()[0]
            raise BadSpec(f"--address {address}: no Ray cluster answers there ({reason})") from None
        quiet_driver()
    # A local Ray has as many processors as it was told; a cluster has more, and would use them.
    ahead = 1 if address is not None and workers is not None else AHEAD
    return Pool(setup, compiling.data, compiling.bars, workers or processors(), ahead)


def stop_ray() -> None:
    """Leave the cluster, or end our own."""
    ray.shutdown()


def processors() -> int:
    """Processors of all nodes that are up."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


class Compiling(threading.Thread):
    """Makes the engine in this process while Ray starts: workers then find its code compiled."""

    def __init__(self, setup: Setup, params: Rows, bars: Rows) -> None:
        super().__init__(daemon=True, name="compile")
        self._setup = setup
        self._params = params
        self._bars = bars
        self._error: BaseException | None = None
        self._engine: Engine | None = None
        self._data: Any = None
        self.seconds = 0.0
        self.start()

    def run(self) -> None:
        begun = time.monotonic()
        try:
            self._engine = self._setup.engine()
            self._data = self._engine.prepare(self._bars)
            self._engine.metrics(self._params, self._data, min(WARM_BARS, len(self._bars)))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the engine
            self._error = error
        self.seconds = time.monotonic() - begun

    @property
    def engine(self) -> Engine:
        """The engine, compiled; raises what went wrong."""
        self.join()
        if self._error is not None:
            raise self._error
        assert self._engine is not None, "a thread that ended without error has made it"
        return self._engine

    @property
    def data(self) -> Any:
        """What the engine reads."""
        assert self.engine is not None, "made together"
        return self._data

    @property
    def bars(self) -> int:
        """How many there are."""
        return len(self._bars)
