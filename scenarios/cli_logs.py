"""`manta logs`: one actor's lines or everybody's, in the order of their times."""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import typer

from scenarios.cli_folders import find_run
from scenarios.cli_output import RUNS, Json, Mistake, RunName, RunsDir, one_line

_HEAD: Final = ("ts", "level", "actor", "incarnation", "event")
_ELSEWHERE: Final = ("run", "ts_init", "v")  # the same in every line, or said by its head


def logs(
    actor: Annotated[str | None, typer.Argument(help="One actor; by default all.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")
    ] = 200,
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
    folder = find_run(run, runs_dir)
    from actors.logs import actors_logged, read_logs  # noqa: PLC0415 - all messages

    known = actors_logged(folder)
    if not known:
        raise Mistake(f"{folder / 'logs'}: no logs there yet: wait until an actor has started")
    if actor is not None and actor not in known:
        raise Mistake(f"logs of {actor!r}: no such actor: use {', '.join(known)}")
    _print(read_logs(folder, actor, follow, last=lines), as_json=as_json)


def _print(lines: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    for line in lines:
        sys.stdout.write((json.dumps(line) if as_json else text(line)) + "\n")
        sys.stdout.flush()


def text(line: Mapping[str, Any]) -> str:
    """A line as a person reads it: milliseconds, who, what, and the fields that say something."""
    ts, level, actor, incarnation, event = (str(line.get(name, "")) for name in _HEAD)
    who = f"{actor}#{incarnation}" if incarnation else actor
    rest = " ".join(
        f"{name}={one_line(str(value))}"
        for name, value in line.items()
        if name not in (*_HEAD, *_ELSEWHERE) and value not in (None, "")
    )
    return f"{ts[11:23]}  {level:<7}  {who:<18}  {event}  {rest}".rstrip()
