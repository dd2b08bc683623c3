"""`manta run` and `manta config show`: a RunSpec from a preset, a file and options."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.cli_compiled import refuse_uncompiled
from scenarios.cli_folders import find_run, journals_of, secure_local_ray
from scenarios.cli_options import Address, refuse_silence
from scenarios.cli_output import (
    FAILED,
    RUNS,
    Json,
    Mistake,
    RunsDir,
    Unforeseen,
    explained,
    facts,
    show,
)

if TYPE_CHECKING:
    from scenarios.spec import RunSpec

Source = Annotated[
    str,
    typer.Argument(
        metavar="PRESET|FILE.toml", help="quickstart, recorded, four-venues, or a TOML file."
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
]
Tape = Annotated[
    Path | None, typer.Option("--tape", metavar="FILE", help="Play this recording as the market.")
]
Speed = Annotated[
    float | None, typer.Option("--speed", metavar="N", help="Play the market N times as fast.")
]
Duration = Annotated[
    float | None, typer.Option("--duration", metavar="S", help="Trade for S seconds of wall time.")
]
Resume = Annotated[
    str | None,
    typer.Option("--resume", metavar="RUN", help="Go on with a run (its id, or latest)."),
]


def run(
    source: Source,
    tape: Tape = None,
    speed: Speed = None,
    duration: Duration = None,
    runs_dir: RunsDir = RUNS,
    resume: Resume = None,
    address: Address = None,
    changes: Changes = None,
    as_json: Json = False,
) -> None:
    """Run a whole trading system until its time is up, or until it is stopped.

    Ctrl-C stops it in order, and so does `kill`: working orders are taken off the book first. The
    exit code is 1 if our books and the venue's do not agree at the end.

    \b
    Examples:
      manta run quickstart
      manta run quickstart --duration 300 --set seed=7 --json
      manta run recorded --tape btcusdt_20240808.gz --speed 20
      manta run my-run.toml --resume latest
      manta run quickstart --address 10.0.0.1:6379
    """
    options = {"tape": tape, "speed": speed, "duration": duration}
    overrides = [*_overrides(options), *(changes or [])]
    folder = None if resume is None else find_run(resume, runs_dir)
    spec = _spec(source, overrides) if folder is None else _kept(folder, overrides)

    refuse_uncompiled()
    _refuse_second_run(spec, runs_dir)
    if address is not None:
        refuse_silence(address)
    if folder is not None:
        _refuse_damage(folder)

    if address is None:  # a cluster's token is the operator's to set
        secure_local_ray(runs_dir)
    from scenarios.live_view import live_view  # noqa: PLC0415 - rich
    from scenarios.run import run as start  # noqa: PLC0415 - Ray
    from scenarios.signals import heed_signals  # noqa: PLC0415

    heed_signals()
    try:
        with live_view(spec.duration_s, as_json=as_json) as progress:
            summary = start(
                spec, runs_dir=runs_dir, resume=folder, address=address, on_progress=progress
            )
    except Exception as error:
        if explained(error)[1] is None:
            raise Unforeseen(_logs(folder, runs_dir)) from error
        raise
    document = summary.to_json()
    show(document, as_json=as_json, text=[*facts(document), "", verdict(document, ok=summary.ok)])
    if not summary.ok:
        raise typer.Exit(FAILED)


def verdict(document: dict[str, Any], *, ok: bool) -> str:
    """What came of it, in a sentence."""
    count, still_open = document["fills"], document["discrepancies"]["open"]
    left = document["orders_open"]
    state = document.get("trading_state")
    halted = f" Trading was {state} at the end." if state in ("REDUCING", "HALTED") else ""
    if ok:
        kept = f" {left} orders stay at the venue." if left else ""
        if later := document["ledger"].get("after_stop"):
            kept += f" It filled {len(later)} times after the stop: `--resume` books that."
        agreed = f"{count} fills, each as in the venue's own ledger; no discrepancy is open."
        return f"{agreed}{kept}{halted}"
    unsettled, left = ("an unknown number of" if n is None else n for n in (still_open, left))
    return (
        f"NOT SOUND: {count} fills, equal to the venue's ledger: {document['ledger']['equal']};"
        f" {unsettled} discrepancies and {left} orders are open."
        f"{halted} See `manta venue ledger` and `manta logs`."
    )


def show_config(source: Source, changes: Changes = None, as_json: Json = False) -> None:
    """Print a RunSpec with every default, as it would run.

    \b
    Examples:
      manta config show quickstart
      manta config show my-run.toml --set venue.speed=20 --json
    """
    from scenarios.spec import dump  # noqa: PLC0415 - pydantic

    spec = _spec(source, changes or [])
    show(spec.model_dump(mode="json"), as_json=as_json, text=dump(spec).rstrip().splitlines())


def _spec(source: str, overrides: list[str]) -> "RunSpec":
    from scenarios.spec import load  # noqa: PLC0415

    return load(source, overrides)


def _refuse_second_run(spec: "RunSpec", runs_dir: Path) -> None:
    """Say at once what the second order manager would only die of.

    raises  JournalBusy if a run of this account is alive
    """
    from journal.lock import WriterLock  # noqa: PLC0415
    from scenarios.folder import RunFolder  # noqa: PLC0415

    anyone = RunFolder(runs_dir.expanduser().resolve() / "any")
    lock = anyone.account_lock(f"{spec.venue.name}/{spec.venue.account}")
    if lock.parent.is_dir():
        WriterLock(lock).release()


def _refuse_damage(folder: Path) -> None:
    """A run goes on from its journals: look at them before anything is started.

    raises  Mistake for the first damage found
    """
    from journal import verify  # noqa: PLC0415

    for path in journals_of(folder):
        report = verify(path)
        if not report.ok:
            raise Mistake(
                f"{path}: {report.problems[0]}: restore a backup, or start a new run;"
                " `manta journal verify` lists all that is wrong"
            )


def _logs(folder: Path | None, runs_dir: Path) -> Path:
    """Where the run of this process logs; its folder's name ends with our process id."""
    mine = [folder] if folder is not None else sorted(runs_dir.glob(f"*-{os.getpid()}"))
    return mine[-1] / "logs" if mine else runs_dir / "logs"


def _kept(folder: Path, overrides: list[str]) -> "RunSpec":
    """The RunSpec that a run was started with: what it resumes is decided by its folder."""
    kept = folder / "spec.toml"
    if not kept.is_file():
        raise Mistake(f"{folder}: it has no spec.toml, so nothing was started there: run it anew")
    return _spec(str(kept), overrides)


def _overrides(options: dict[str, Any]) -> list[str]:
    keys = {"tape": "venue.tape", "speed": "venue.speed", "duration": "duration_s"}
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(given.get("tape"), Path):
        # Actors run elsewhere, in other folders.
        given["tape"] = given["tape"].expanduser().resolve()
    return [f"{keys[name]}={value}" for name, value in given.items()]
