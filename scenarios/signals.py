"""Signals that tell a run to end: it takes its orders off the book first, as with Ctrl-C."""

import signal
import threading
from typing import Final

# `kill`, a service manager, a container's stop; a terminal that was closed.
_END: Final = (signal.SIGTERM, signal.SIGHUP)


def heed_signals() -> None:
    """From here on these signals interrupt this process as Ctrl-C does.

    Said again after Ray has started, which sets handlers of its own: the process would be gone
    with its orders working. What is ignored (`nohup`) stays so; only a main thread is interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for each in _END:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, signal.default_int_handler)
