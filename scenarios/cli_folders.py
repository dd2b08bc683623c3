"""Runs as folders: which one is meant, and what lies in it. No Ray, no SQLite."""

from pathlib import Path
from typing import Final

from scenarios.cli_output import Mistake

TOKEN: Final = ".ray_token"
LATEST: Final = "latest"
# Written when a run is described, and when it is started or resumed.
_SIGNS: Final = ("spec.toml", "system.json")


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


def secure_local_ray(runs_dir: Path) -> None:
    """Have local Rays of these runs ask for a token, kept beside the runs.

    Ray reads this while it is imported, so call it before. What the operator has set stays.
    """
    from supervisors.environment import prepare_environment  # noqa: PLC0415

    runs_dir.mkdir(parents=True, exist_ok=True)
    prepare_environment(runs_dir.resolve() / TOKEN)


def journals_of(folder: Path) -> list[Path]:
    """Every journal of a run, in the order of their names."""
    return sorted((folder / "journal").glob("*.sqlite"))


def _runs(runs_dir: Path) -> list[Path]:
    """Runs, the one that was started or resumed last at the end."""
    if not runs_dir.is_dir():
        return []
    started = [(_started_ns(p), p.name, p) for p in runs_dir.iterdir() if p.is_dir()]
    return [path for ts_ns, _, path in sorted(started) if ts_ns]


def _started_ns(folder: Path) -> int:
    """When a run was started or resumed last; 0 if the folder is none of a run."""
    signs = [folder / name for name in _SIGNS]
    return max((s.stat().st_mtime_ns for s in signs if s.is_file()), default=0)
