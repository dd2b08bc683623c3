"""Runs that a report can be made of: which one is meant, what kind it is, what lies in it."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import polars as pl

from scenarios.backtest_folder import RUN, load
from scenarios.cli_folders import LATEST
from scenarios.cli_output import Mistake
from scenarios.spec import BadSpec
from trading.result import BacktestResult

T = TypeVar("T")
Kind = Literal["backtest", "sweep", "system"]
SWEEP: Final = "sweep.json"
SUMMARY: Final = "summary.json"
TABLE: Final = "table.parquet"
_SIGNS: Final[tuple[tuple[str, Kind], ...]] = (
    (RUN, "backtest"),
    (SWEEP, "sweep"),
    ("spec.toml", "system"),
    ("system.json", "system"),
)
_DAMAGED: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


def find(which: str, runs_dir: Path) -> tuple[Path, Kind]:
    """The folder of a run and its kind: by path, by id, or the one that was changed last.

    raises  Mistake if there is none, or it is none that a report can be made of
    """
    if which == LATEST:
        found = _runs(runs_dir)
        if not found:
            raise Mistake(f"{runs_dir}: no run there: make one with `manta backtest`")
        return found[-1], kind_of(found[-1])
    for folder in (runs_dir / which, Path(which).expanduser()):
        if folder.is_dir():
            return folder.resolve(), kind_of(folder)
        if folder.name == RUN and folder.is_file():
            return folder.parent.resolve(), "backtest"
    known = ", ".join(p.name for p in _runs(runs_dir)[-3:])
    remedy = f"choose one of {known}" if known else "make one with `manta backtest`"
    raise Mistake(f"run {which!r}: there is no such run in {runs_dir}: {remedy}")


def kind_of(folder: Path) -> Kind:
    """What a folder is of.

    raises  Mistake if it is none of a run
    """
    for name, kind in _SIGNS:
        if (folder / name).is_file():
            return kind
    raise Mistake(f"{folder}: is not the folder of a run: it has no {RUN}, {SWEEP} or spec.toml")


def backtest_in(folder: Path) -> BacktestResult:
    """A backtest that was kept.

    raises  Mistake naming what is missing or damaged
    """
    return guarded(folder, lambda: load(folder))


def sweep_in(folder: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A sweep that was kept: its summary, its spec, its table by column.

    raises  Mistake naming what is missing or damaged
    """
    if not (folder / SUMMARY).is_file():
        raise Mistake(
            f"{folder}: the sweep has not come to an end: `manta sweep --resume {folder.name}`"
        )

    def read() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        frame = pl.read_parquet(folder / TABLE)
        columns = {name: frame[name].to_numpy() for name in frame.columns}
        return _json(folder / SUMMARY), _json(folder / SWEEP), columns

    return guarded(folder, read)


def guarded(folder: Path, read: Callable[[], T]) -> T:
    """What `read` returns.

    raises  Mistake in place of whatever a damaged file makes it raise
    """
    try:
        return read()
    except BadSpec as error:
        raise Mistake(str(error)) from None
    except (OSError, pl.exceptions.PolarsError, *_DAMAGED) as error:
        said = f"{type(error).__name__}: {error}"[:200]
        raise Mistake(f"{folder}: the run is damaged ({said}): run it anew") from None


def write(text: str, path: Path) -> Path:
    """Write a page whole or not at all; its path.

    raises  OSError that names `path`, and then nothing is left behind
    """
    try:
        return _write(text, path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # not the file that was to replace it
        raise


def _write(text: str, path: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text())
    if not isinstance(found, dict):
        raise TypeError(f"{path.name} is no object")
    return found


def _runs(runs_dir: Path) -> list[Path]:
    """Runs, the one that was changed last at the end."""
    if not runs_dir.is_dir():
        return []
    found = []
    for folder in runs_dir.iterdir():
        signs = [folder / name for name, _ in _SIGNS]
        changed = [s.stat().st_mtime_ns for s in signs if s.is_file()]
        if changed:
            found.append((max(changed), folder.name, folder.resolve()))
    return [path for _, _, path in sorted(found)]
