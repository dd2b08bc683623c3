"""Signals that tell a run to end: it takes its orders off the book first, as with Ctrl-C."""

import signal
import threading
from types import FrameType
from typing import Final

# `kill`, a service manager, a container's stop; a terminal that was closed.
_END: Final = (signal.SIGTERM, signal.SIGHUP)


def heed_signals() -> None:
    """From here on the first of these signals interrupts this process as Ctrl-C does.

    It comes twice more often than not (shell and kernel at a hang-up, a supervisor that insists),
    and means an orderly end each time: only a second Ctrl-C gives that up.
    Said again after Ray has started, which sets handlers of its own: the process would be gone
    with its orders working. What is ignored (`nohup`) stays so; only a main thread is interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for each in _END:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, _end)


def _end(number: int, frame: FrameType | None) -> None:
    for each in _END:
        signal.signal(each, signal.SIG_IGN)
    signal.default_int_handler(number, frame)
