"""A progress bar on a terminal, silence elsewhere: stdout belongs to the result."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

OnBytes = Callable[[int, int, str], None]  # bytes done, bytes in all, a remark


@contextmanager
def progress() -> Iterator[Progress]:
    """Bars on stderr, if that is a terminal; they vanish when the block ends."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[remark]}"),
        console=console,
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bars:
        yield bars


def bar(bars: Progress, name: str) -> OnBytes:
    """A bar of its own, to be told how far a job is."""
    task: TaskID = bars.add_task(name, total=None, remark="")

    def tell(done: int, total: int, remark: str) -> None:
        going_on = not total or done < total  # one of hundreds of files that is done makes room
        bars.update(task, completed=done, total=total or None, remark=remark, visible=going_on)

    return tell
