"""`manta journal`: prove that journals hold what was written, and copy them while they are used."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.cli_folders import find_run, journals_of
from scenarios.cli_output import FAILED, RUNS, Json, Mistake, RunsDir, show

if TYPE_CHECKING:
    from journal import VerifyReport

Which = Annotated[
    str | None,
    typer.Argument(metavar="[PATH|RUN]", help="A journal file, or a run; by default the latest."),
]


def verify(which: Which = None, runs_dir: RunsDir = RUNS, as_json: Json = False) -> None:
    """Find any changed byte and any missing record, and say which record it is.

    Changes nothing; a writer may go on. Exit code 1 if something is wrong.

    \b
    Examples:
      manta journal verify                          the journals of the latest run
      manta journal verify account.sqlite --json
    """
    from journal import verify as prove  # noqa: PLC0415 - `manta --help` needs no SQLite

    reports = [prove(path) for path in _journals(which, runs_dir)]
    documents = [_document(r) for r in reports]
    ok = all(r.ok for r in reports)
    show(
        {"ok": ok, "journals": documents},
        as_json=as_json,
        text=(line for r in reports for line in _lines(r)),
    )
    if not ok:
        raise typer.Exit(FAILED)


def backup(
    to: Annotated[Path, typer.Argument(help="A folder; journals keep their names.")],
    which: Annotated[str | None, typer.Option("--run", help="A journal file, or a run.")] = None,
    runs_dir: RunsDir = RUNS,
    as_json: Json = False,
) -> None:
    """Copy a run's journals while it goes on; each copy is complete and of one moment.

    \b
    Examples:
      manta journal backup backups/today
      manta journal backup backups/today --run 20260102-101500-quickstart
    """
    from journal import backup as copy  # noqa: PLC0415
    from journal.backup import refuse_existing  # noqa: PLC0415

    paths = _journals(which, runs_dir)
    for path in paths:  # before any is copied: all of them, or none
        refuse_existing(to / path.name)
    to.mkdir(parents=True, exist_ok=True)
    done = []
    for path in paths:
        target = to / path.name
        copy(path, target)
        done.append({"journal": str(path), "copy": str(target), "bytes": target.stat().st_size})
    show(done, as_json=as_json, text=(f"{d['journal']} -> {d['copy']}" for d in done))


def _journals(which: str | None, runs_dir: Path) -> list[Path]:
    if which is not None and Path(which).is_file():
        return [Path(which)]
    folder = find_run(which, runs_dir)
    paths = journals_of(folder)
    if not paths:
        raise Mistake(f"{folder}: it has no journal yet: wait until its actors have started")
    return paths


def _document(report: "VerifyReport") -> dict[str, Any]:
    head = report.head
    return {
        "path": str(report.path),
        "ok": report.ok,
        "rows": report.rows,
        "last_record": head.seq if head else None,
        "last_hash": head.hash.hex() if head else None,
        "lease": head.lease if head else None,
        "fence": head.fence if head else None,
        "torn_frames": report.torn_frames,
        "torn_bytes": report.torn_bytes,
        "problems": [{"record": p.seq or None, "reason": p.reason} for p in report.problems],
    }


def _lines(report: "VerifyReport") -> list[str]:
    torn = f", {report.torn_bytes} torn bytes of a killed writer" if report.torn_bytes else ""
    verdict = "intact" if report.ok else f"{len(report.problems)} problems"
    return [
        f"{report.path}: {report.rows} records, {verdict}{torn}",
        *(f"  {problem}" for problem in report.problems),
    ]
