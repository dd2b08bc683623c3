"""How an actor that cannot start says so: its supervisor is told why, then the process ends."""

import asyncio
import os
from typing import Final

_LAST_WORDS_S: Final = 0.2
_CRASHED: Final = 70


class CannotServe(Exception):
    """Why an actor did not boot, as "Class: text"; the error itself need not travel."""


def refusal(error: Exception) -> CannotServe:
    """The answer to `boot` that `error` is; this process ends when it is on its way.

    The supervisor ends the process sooner. If that is dead too, nobody else would, and a half-open
    actor must not live.
    """
    asyncio.get_running_loop().call_later(_LAST_WORDS_S, os._exit, _CRASHED)
    return CannotServe(f"{type(error).__name__}: {' '.join(str(error).split())}")
