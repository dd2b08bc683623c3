"""Runs as folders: which one is meant, and what lies in it. No Ray, no SQLite."""

from pathlib import Path
from typing import Final

from scenarios.cli_output import Mistake

LATEST: Final = "latest"
_SQLITE: Final = b"SQLite format 3\0"


def find_run(which: str | None, runs_dir: Path) -> Path:
    """The folder of a run: by path, by id, or the one that was started last (None, "latest").

    raises  Mistake if there is none
    """
    if which is not None and which != LATEST:
        for folder in (runs_dir / which, Path(which)):
            if folder.is_dir():
                return folder
        known = ", ".join(p.name for p in _runs(runs_dir)[-3:])
        remedy = f"choose one of {known}" if known else "start one with `manta run quickstart`"
        raise Mistake(f"run {which!r}: there is no such run in {runs_dir}: {remedy}")
    found = _runs(runs_dir)
    if not found:
        raise Mistake(
            f"{runs_dir}: no run there: start one with `manta run quickstart`, or name --runs-dir"
        )
    return found[-1]


def journals_of(folder: Path) -> list[Path]:
    """Every journal of a run, in the order of their names."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and _is_sqlite(p))


def _runs(runs_dir: Path) -> list[Path]:
    """Runs, oldest first: a run's folder changes when its journals are opened."""
    if not runs_dir.is_dir():
        return []
    folders = [p for p in runs_dir.iterdir() if p.is_dir() and not p.name.startswith(".")]
    return sorted(folders, key=lambda p: (p.stat().st_mtime_ns, p.name))


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE
