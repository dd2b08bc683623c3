"""How the threads of an actor's process share the interpreter."""

import sys
from typing import Final

_SWITCH_S: Final = 0.0003


def prompt() -> None:
    """Let a thread that has work wait 0.3 ms for the interpreter, not Python's default of 5 ms.

    A call to an actor passes between Ray's threads and the event loop's several times, and the
    journal has a thread of its own: at 5 ms each, one order took tens of milliseconds.
    """
    sys.setswitchinterval(_SWITCH_S)
