"""`manta logs`: one actor's lines or everybody's, in the order of their times."""

import heapq
import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Final

import typer

from scenarios.cli_folders import find_run
from scenarios.cli_output import RUNS, Json, Mistake, RunName, RunsDir

_POLL_S: Final = 0.2
_HEAD: Final = ("ts", "level", "actor", "incarnation", "event")
_BYTES_A_LINE: Final = 4096  # generously: how much of a file's end is read for its last lines


def logs(
    actor: Annotated[str | None, typer.Argument(help="One actor; by default all.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.")] = 200,
    run: RunName = None,
    runs_dir: RunsDir = RUNS,
    as_json: Json = False,
) -> None:
    """Print log lines: time, level, actor, incarnation, what happened.

    With --json each line is one JSON document.

    \b
    Examples:
      manta logs
      manta logs orders -f
      manta logs risk --json -n 20
    """
    folder = find_run(run, runs_dir) / "logs"
    files = _files(folder, actor)
    opened = [file.open("rb") for file in files]
    try:
        last = list(heapq.merge(*(_tail(f, lines) for f in opened), key=_when))[-lines:]
        _print(last, as_json=as_json)
        while follow:
            time.sleep(_POLL_S)
            fresh = [line for f in opened for line in _whole_lines(f)]
            _print(sorted(fresh, key=_when), as_json=as_json)
    finally:
        for file in opened:
            file.close()


def _files(folder: Path, actor: str | None) -> list[Path]:
    found = sorted([*folder.glob("*.jsonl"), *folder.glob("*.log")])
    if not found:
        raise Mistake(f"{folder}: no logs there yet: wait until an actor has started")
    if actor is None:
        return found
    mine = [f for f in found if f.stem == actor]
    if not mine:
        raise Mistake(f"logs of {actor!r}: no such actor: use {', '.join(f.stem for f in found)}")
    return mine


def _tail(file: IO[bytes], lines: int) -> list[bytes]:
    """The last lines, and the file positioned after them."""
    size = file.seek(0, 2)
    start = max(size - lines * _BYTES_A_LINE, 0)
    file.seek(start)
    found = list(_whole_lines(file))
    return found[-lines:] if start == 0 else found[1:][-lines:]


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines that are complete; a half-written one stays for the next time."""
    while True:
        before = file.tell()
        line = file.readline()
        if not line.endswith(b"\n"):
            file.seek(before)
            return
        yield line.rstrip(b"\n")


def _when(line: bytes) -> float:
    """Seconds since the epoch; 0 for a line without a time."""
    ts = _parsed(line).get("ts")
    if isinstance(ts, str):
        return datetime.fromisoformat(ts).timestamp()
    return float(ts) if isinstance(ts, int | float) else 0.0


def _parsed(line: bytes) -> dict[str, object]:
    try:
        found = json.loads(line)
    except ValueError:
        return {"event": line.decode(errors="replace")}  # a process's last words, as they are
    return found if isinstance(found, dict) else {"event": str(found)}


def _print(lines: Iterable[bytes], *, as_json: bool) -> None:
    for line in lines:
        sys.stdout.write((json.dumps(_parsed(line)) if as_json else _text(line)) + "\n")
    sys.stdout.flush()


def _text(line: bytes) -> str:
    fields = _parsed(line)
    ts, level, actor, incarnation, event = (fields.pop(k, None) for k in _HEAD)
    if ts is None:
        return str(event)
    when = datetime.fromtimestamp(_when(line), UTC).strftime("%H:%M:%S.%f")[:-3]
    rest = " ".join(f"{k}={v}" for k, v in fields.items() if k != "run" and v not in (None, ""))
    return f"{when}  {level!s:<7}  {f'{actor}#{incarnation}':<18}  {event}  {rest}".rstrip()
