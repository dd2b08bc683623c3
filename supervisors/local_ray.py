"""A Ray of one's own on this machine, without those processes of Ray that nobody here asks.

Ray starts a server for a dashboard even where none is wanted, a monitor that could add nodes, and a
reader of the workers' logs for a driver that does not print them. Each is a Python process that
takes a second of the processor to import, and `ray.init` waits for the first one. None of the three
can be declined through Ray's public interface; where their names are not found, they just start.
"""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import ray

from supervisors.warm import PRELOAD, quiet_driver, ray_init_options

_NOBODY_ASKS: Final = ("start_api_server", "start_monitor", "start_log_monitor")
_TOO_SLOW: Final = "timed out during startup"  # Ray's words: it has no class of error for it


class RayDidNotStart(Exception):
    """Ray waits half a minute for its own processes, and for no longer."""

    def __init__(self) -> None:
        super().__init__("Ray did not start in time: this machine is too busy; try again later")


def start_local_ray(
    *,
    preload: Sequence[str] = PRELOAD,
    token: Path | None = None,
    dashboard: bool = False,
    cpus: int | None = None,
    **more: Any,
) -> None:
    """Start a Ray for this process and connect to it; arguments as in `ray_init_options`.

    dashboard  with the dashboard comes all that Ray has
    more       further arguments of `ray.init`

    raises  RayDidNotStart on a machine that is too busy; what has started ends with this process
    """
    options = ray_init_options(preload=preload, token=token, dashboard=dashboard, cpus=cpus)
    try:
        with _deaf_to_hangup(), _without(() if dashboard else _NOBODY_ASKS):
            ray.init(**options, **more)
    except Exception as e:
        if _TOO_SLOW in str(e):
            raise RayDidNotStart from None
        raise
    quiet_driver()


@contextmanager
def _deaf_to_hangup() -> Iterator[None]:
    """What is started meanwhile ignores that its terminal was closed: a run that ends for that
    needs its actors to take its orders off the book."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """A head node that is started meanwhile starts none of these processes."""
    try:
        # By name and here: Ray may move its internals, and then it only starts more than it must.
        node = import_module("ray._private.node").Node
    except (ImportError, AttributeError):
        yield
        return
    kept = {name: vars(node)[name] for name in names if name in vars(node)}
    for name in kept:
        setattr(node, name, _nothing)
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(node, name, method)


def _nothing(*_: object, **__: object) -> None:
    """Start no process."""
