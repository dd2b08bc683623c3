"""How the command line speaks: one JSON document or readable text, and errors in one line.

Exit codes: 0 done, 1 it failed, 2 something to be mended by whoever typed the command.
"""

import errno
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

DONE: Final = 0
FAILED: Final = 1
MISTAKE: Final = 2
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
RunName = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="A run's id or folder; by default the latest one."),
]
RunsDir = Annotated[
    Path, typer.Option("--runs-dir", metavar="DIR", help="Where runs have their folders.")
]
RUNS: Final = Path("runs")


class Mistake(Exception):
    """Something the user can mend: the thing, the reason and the remedy, in one line."""


class Failure(Exception):
    """It did not work, and not for a mistake in the command."""


class Unforeseen(Exception):
    """A bug met while a run was under way: its traceback belongs into the run's `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.folder = folder


def show(document: Any, *, as_json: bool, text: Iterable[str]) -> None:
    """Print one or the other; `text` may be a generator that is only run when needed."""
    if as_json:
        sys.stdout.write(json.dumps(document, default=str) + "\n")
    else:
        for line in text:
            typer.echo(line)
    sys.stdout.flush()


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    """Aligned columns, without borders: as easy to grep as to read."""
    cells = [[*headers], *([cell(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    for row in cells:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


def facts(document: Mapping[str, Any], indent: str = "") -> Iterable[str]:
    """A nested mapping as lines of `name  value`."""
    width = max((len(str(k)) for k in document), default=0)
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}"
            yield from facts(value, indent + "  ")
        else:
            yield f"{indent}{str(name).ljust(width)}  {cell(value)}"


def exit_code(error: BaseException, folder: Path | None = None) -> int:
    """Say on stderr what went wrong, in one line, and return the exit code.

    folder  where the traceback of an unexpected error goes; None for the temporary folder
    """
    if type(error).__name__ == "NoArgsIsHelpError":  # a verb is missing: its message is the help
        sys.stderr.write(f"{error}\n")
        return MISTAKE
    if isinstance(error, Unforeseen) and error.__cause__ is not None:
        folder, error = error.folder, error.__cause__
    code, line = explained(error)
    if line is None:
        line = _unexpected(error, folder)
    if line:
        sys.stderr.write(f"manta: {line}\n")
        sys.stderr.flush()
    return code


def explained(error: BaseException) -> tuple[int, str | None]:
    """Exit code and line of an expected error; (1, None) for one that nobody expected."""
    known = _by_class(error)
    if known is not None:
        return known
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        where = error.filename or "this machine"
        return MISTAKE, one_line(f"{where}: {error.strerror}: {_REMEDIES[error.errno]}")
    return FAILED, None


def one_line(text: str) -> str:
    """`text` without line breaks and runs of blanks."""
    return " ".join(text.split())


_REMEDIES: Final = {
    errno.ENOSPC: "free some space and run the command again; nothing was lost",
    errno.EDQUOT: "free some space and run the command again; nothing was lost",
    errno.EADDRINUSE: "another program has this port: stop it, or choose another port (0: any)",
    errno.EACCES: "choose a folder that you may write, or mend its permissions",
    errno.EPERM: "choose a folder that you may write, or mend its permissions",
    errno.EROFS: "choose a folder on a disk that can be written",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path: a part of it is a file",
    errno.EEXIST: "there is a file of that name: choose another folder",
    errno.EISDIR: "name a file, not a folder",
}


# Errors of other modules that say themselves what to do: (module, class, exit code).
_KNOWN: Final = (
    ("scenarios.spec", "BadSpec", MISTAKE),
    ("research.space", "BadSpace", MISTAKE),
    ("scenarios.connect", "NoAnswer", FAILED),
    ("journal.errors", "JournalError", MISTAKE),
    ("trading.errors", "RecoveryMismatch", MISTAKE),
    ("supervisors.system", "NotRunning", MISTAKE),
    ("supervisors.system", "CannotServe", FAILED),
    ("supervisors.local_ray", "RayDidNotStart", FAILED),
)


def _by_class(error: BaseException) -> tuple[int, str] | None:
    # By module name, so that nothing heavy is imported here: an error can only be of a class whose
    # module is loaded already.
    if isinstance(error, Mistake):
        return MISTAKE, one_line(str(error))
    if isinstance(error, Failure):
        return FAILED, one_line(str(error))
    if isinstance(error, typer.Exit):
        return error.exit_code, ""
    if isinstance(error, TimeoutError) and not error.errno:
        return FAILED, one_line(f"{error}: see `manta logs` for the reason")
    if isinstance(error, typer.Abort):
        return INTERRUPTED, "aborted"
    if isinstance(error, typer.TyperException):
        return MISTAKE, _usage(error)
    for module, name, code in _KNOWN:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return code, one_line(str(error))
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(error, pydantic.ValidationError):
        return MISTAKE, invalid(error)
    return None


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "manta"
    return one_line(f"{error.format_message().rstrip('.')}: see `{command} --help`")


def invalid(error: Any) -> str:
    """A pydantic.ValidationError as one line: where, what is wrong, and what stood there."""
    problems = []
    for each in error.errors(include_url=False):
        where = ".".join(str(part) for part in each["loc"]) or error.title
        given = "" if each["type"] == "missing" else f" (given: {str(each['input'])[:60]})"
        problems.append(f"{where}: {each['msg']}{given}")
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return one_line("; ".join(problems[:3]) + more)


def _unexpected(error: BaseException, folder: Path | None) -> str:
    """Keep the traceback for whoever mends it; a terminal is no place for it."""
    lines = "".join(traceback.format_exception(error))
    try:
        home = folder if folder is not None and folder.is_dir() else None
        handle, name = tempfile.mkstemp(".txt", "manta-error-", home)
        with os.fdopen(handle, "w") as file:
            file.write(lines)
    except OSError as full:
        return one_line(f"{type(error).__name__}: {error}: no traceback, {full}")
    what = one_line(f"{type(error).__name__}: {error}")[:300]
    return f"{what}: this is a bug in manta; please report it with {name}"


def cell(value: object) -> str:
    """A value as a person reads it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        small = 0.0 < abs(value) < 0.01  # 0.0001 is not 0
        return f"{value:.3g}" if small else f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value) or "-"
    return str(value)
