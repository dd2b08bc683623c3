"""Whether an operating-system process is really gone; a name in a table is no proof."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Final

_POLL_S: Final = 0.005


def birth(pid: int) -> str:
    """What tells this process from a later one with the same id; "" if it is gone.

    Linux: its start time in clock ticks since boot. Elsewhere only existence is known.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "alive" if not Path("/proc/self").exists() and _exists(pid) else ""
    # The second field is the command in parentheses and may hold spaces: count from its end.
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return "" if state in "ZX" else started  # a zombie runs no code any more


def alive(pid: int) -> bool:
    """Whether a process of this id runs (a zombie does not), whichever it is."""
    return birth(pid) != ""


def runs(pid: int, born: str) -> bool:
    """Whether the very process that was noted as (`pid`, `born`) runs, and no later one."""
    return born != "" and birth(pid) == born


async def ensure_gone(pid: int, born: str, patience_s: float, timeout_s: float = 5.0) -> bool:
    """Wait `patience_s` for a process of this host to end, then SIGKILL it; True once it is gone.

    born  what `birth` said when the process was known to be ours: no stranger is ever killed
    """
    if not born:
        return True
    if await _wait_gone(pid, born, patience_s):
        return True
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return await _wait_gone(pid, born, timeout_s)


def wait_gone(pid: int, born: str, timeout_s: float) -> bool:
    """Wait until a process of this host has ended; for callers without an event loop."""
    deadline = time.monotonic() + timeout_s
    while born and birth(pid) == born:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


async def _wait_gone(pid: int, born: str, timeout_s: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while birth(pid) == born:
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
