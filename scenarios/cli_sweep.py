"""`manta sweep`: many parameters of one strategy, and whether the best of them means anything."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from scenarios.cli_compiled import compiled_code_beside
from scenarios.cli_folders import LATEST, secure_local_ray
from scenarios.cli_options import (
    Address,
    Catalogue,
    Data,
    End,
    Interval,
    Start,
    StrategyIfAny,
    refuse_silence,
)
from scenarios.cli_output import FAILED, INTERRUPTED, RUNS, Json, Mistake, RunsDir, show

if TYPE_CHECKING:
    from messages.arrays import Rows
    from scenarios.sweep_spec import SweepSpec

SpaceText = Annotated[
    str | None,
    typer.Option("--space", metavar="TEXT|FILE.toml", help="As in fast=5:50:5,slow=20:200:10."),
]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="RELATION", help="As in 'fast < slow'; may be repeated."),
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A parameter that stays; repeatable."),
]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the backtest; repeatable."),
]
Objective = Annotated[
    str, typer.Option("--objective", metavar="FIGURE,...", help="To be made best; nsga2: several.")
]
Method = Annotated[
    str,
    typer.Option("--method", metavar="NAME", help="grid random sobol genetic tpe cmaes nsga2."),
]
Trials = Annotated[
    int | None,
    typer.Option("--trials", metavar="N", min=1, help="At most so many; a default a method."),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Same seed, same table.")]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", help="Processes; one a processor.")
]
Halving = Annotated[
    bool, typer.Option("--halving", help="Try on a ninth of the data first, keep the best third.")
]
Validation = Annotated[
    bool, typer.Option("--validate/--no-validate", help="Judge the best trial afterwards.")
]
Resume = Annotated[
    str | None, typer.Option("--resume", metavar="RUN", help="Go on with a sweep, or latest.")
]
_SPEC: Final = "sweep.json"


def sweep(
    strategy: StrategyIfAny = None,
    data: Data = None,
    space: SpaceText = None,
    where: Where = None,
    param: Param = None,
    setting: Setting = None,
    objective: Objective = "sharpe",
    method: Method = "grid",
    trials: Trials = None,
    seed: Seed = 0,
    workers: Workers = None,
    halving: Halving = False,
    validate: Validation = True,
    interval: Interval = None,
    start: Start = None,
    end: End = None,
    catalogue: Catalogue = None,
    runs_dir: RunsDir = RUNS,
    address: Address = None,
    resume: Resume = None,
    as_json: Json = False,
) -> None:
    """Try many parameters of a strategy, and judge the best (docs/sweeps.md says how).

    The same seed, data and code give the same table, whatever the number of workers. Ctrl-C keeps
    what is done; --resume goes on.

    \b
    Examples:
      manta sweep --strategy trend_following --data bars.csv --space "fast=5:50:5,slow=20:200:10"
      manta sweep --strategy my.py:BREAKOUT --data BTCUSDT --space space.toml --method tpe --json
      manta sweep --strategy grid --data BTCUSDT --space space.toml --method sobol --halving
      manta sweep --resume latest --workers 2
      manta sweep --strategy momentum --data bars.csv --space s.toml --address 10.0.0.1:6379
    """
    asked: dict[str, Any] = {
        "strategy": strategy, "data": data, "space": space, "where": tuple(where or ()),
        "params": _numbers(param or []), "settings": _pairs(setting or [], "--set"),
        "objectives": tuple(filter(None, objective.split(","))), "method": method,
        "trials": trials, "seed": seed, "halving": halving,
        "interval": interval, "start": start, "end": end,
    }  # fmt: skip
    _prepare(workers, address, runs_dir)
    from scenarios import sweep as sweeps  # noqa: PLC0415 - Ray, numba
    from scenarios.sweep_view import lines, sweep_view  # noqa: PLC0415

    if resume is None:
        spec, bars = _described(asked, catalogue)
        folder = sweeps.create(spec, runs_dir)
    else:
        folder = find_sweep(resume, runs_dir)
        spec, bars = _reopened(folder, asked, catalogue)
    here = sweeps.Where(folder, address, workers)
    with sweep_view(as_json=as_json) as progress:
        summary = sweeps.run(spec, bars, here, validate=validate, on_progress=progress)
    show(summary, as_json=as_json, text=lines(summary))
    if summary["status"] != "done" or summary["best"] is None:
        raise typer.Exit(INTERRUPTED if summary["status"] != "done" else FAILED)


def _prepare(workers: int | None, address: str | None, runs_dir: Path) -> None:
    """What numba and Ray read when they are imported, here and in every worker."""
    if workers is not None and workers < 1:
        raise Mistake(f"--workers {workers}: one at least")
    compiled_code_beside(runs_dir)
    if address is None:
        secure_local_ray(runs_dir)
    else:  # its token is the operator's to set
        refuse_silence(address)


def _described(asked: dict[str, Any], catalogue: Path | None) -> "tuple[SweepSpec, Rows]":
    """A new sweep; raises Mistake or BadSpec for what cannot be swept."""
    from scenarios.sweep_data import load_bars  # noqa: PLC0415
    from scenarios.sweep_spec import describe  # noqa: PLC0415

    missing = [name for name in ("strategy", "data", "space") if not asked[name]]
    if missing:
        raise Mistake(f"--{missing[0]}: missing: a sweep needs --strategy, --data and --space")
    asked["data"] = _absolute(asked["data"])
    bars = load_bars(asked["data"], asked["interval"], asked["start"], asked["end"], catalogue)
    return describe(bars, **asked), bars


def _reopened(
    folder: Path, asked: dict[str, Any], catalogue: Path | None
) -> "tuple[SweepSpec, Rows]":
    """A sweep that goes on; raises Mistake or BadSpec if it is not the one that was started."""
    from scenarios.sweep_data import load_bars  # noqa: PLC0415
    from scenarios.sweep_spec import check_same, reopen  # noqa: PLC0415

    other = [n for n in ("strategy", "data", "space", "where", "params", "settings") if asked[n]]
    if other:
        raise Mistake(f"--resume: goes on as it was started: leave --{other[0]} out")
    spec = reopen(folder)
    bars = load_bars(spec.data, spec.interval, spec.start, spec.end, catalogue)
    check_same(spec, bars)
    return spec, bars


def find_sweep(which: str, runs_dir: Path) -> Path:
    """The folder of a sweep: by path, by id, or the one that was started last.

    raises  Mistake if there is none
    """
    if which != LATEST:
        for folder in (runs_dir / which, Path(which)):
            if (folder / _SPEC).is_file():
                return folder.resolve()
    found = sorted(runs_dir.glob(f"*/{_SPEC}"), key=lambda p: p.stat().st_mtime_ns)
    if not found:
        raise Mistake(f"{runs_dir}: no sweep there: start one with `manta sweep --strategy ...`")
    if which != LATEST:
        raise Mistake(
            f"sweep {which!r}: there is no such sweep in {runs_dir}: "
            f"choose one of {', '.join(p.parent.name for p in found[-3:])}"
        )
    return found[-1].parent.resolve()


def _absolute(data: str) -> str:
    """A file's whole path, so that --resume works from any folder; a name as it is."""
    path = Path(data).expanduser()
    return str(path.resolve()) if path.exists() else data


def _pairs(given: list[str], option: str) -> dict[str, Any]:
    """NAME=VALUE options: numbers, true and false, or text."""
    found: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or not name:
            raise Mistake(f"{option} {each}: not of the form name=value")
        found[name.strip()] = _value(text.strip())
    return found


def _numbers(given: list[str]) -> dict[str, Any]:
    """What --param fixes."""
    found = _pairs(given, "--param")
    for name, value in found.items():
        if isinstance(value, str):
            raise Mistake(f"--param {name}={value}: write a number, true or false after the '='")
    return found


def _value(text: str) -> bool | int | float | str:
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
