"""`manta run quickstart` as a process of its own, seen from outside."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from journal.errors import JournalUnavailable
from journal.reader import read_records

MANTA: Final = (sys.executable, "-m", "scenarios.cli")
SERVING_S: Final = 150.0  # on a busy machine; seconds on an idle one


def started(folder: Path, *options: str) -> "subprocess.Popen[str]":
    """It begins in the background."""
    return subprocess.Popen(
        [*MANTA, "run", "quickstart", "--json", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "RAY_AUTH_MODE": "disabled"},
    )


def booked(run: Path) -> int:
    """Fills in the account's journal so far."""
    path = run / "journal" / "account.sqlite"
    if not path.is_file():
        return 0
    try:
        kinds = [r.kind for r in read_records(path, direction="out")]
    except JournalUnavailable:  # it is just being made
        return 0
    return kinds.count("order_filled")


def until_booked(folder: Path, process: "subprocess.Popen[str]") -> Path:
    """The folder of the first run, once it has fills.

    Looking takes no process of its own: a verb every half second would take the processor from
    the run that is starting.
    """
    deadline = time.monotonic() + SERVING_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        runs = [p for p in (folder / "runs").glob("2*") if p.is_dir()]
        if runs and booked(runs[0]):
            return runs[0]
        time.sleep(0.2)
    raise TimeoutError("the run does not trade")
