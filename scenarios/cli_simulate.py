"""`manta simulate`: many seeded worlds full of faults, and whether every law held in each."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.cli_output import FAILED, Json, Mistake, facts, show

if TYPE_CHECKING:
    from scenarios.simulate import Report

Seeds = Annotated[str, typer.Option("--seeds", metavar="A:B", help="Seeds A up to B, without B.")]
Faults = Annotated[
    str, typer.Option("--faults", metavar="all|none|NAME,NAME", help="What may go wrong.")
]


def simulate(
    seeds: Seeds = "0:100",
    faults: Faults = "all",
    seed: Annotated[int | None, typer.Option("--seed", help="One seed, instead of many.")] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Print every step of --seed.")] = False,
    as_json: Json = False,
) -> None:
    """Simulate the whole trading path under virtual time with seeded faults.

    The same seeds and code give the same digest on every machine. Exit code 1 if any law broke: no
    duplicate order, no lost order or fill, positions equal to the venue's, exposure within limits,
    journals intact, outlived processes fenced.

    \b
    Examples:
      manta simulate --seeds 0:500 --faults all --json
      manta simulate --seeds 0:50 --faults crash,torn
      manta simulate --seed 17 --trace
    """
    if trace and seed is None:
        raise Mistake("--trace: it follows one world: say which with --seed N")
    from scenarios import simulate as worlds  # noqa: PLC0415 - numpy and all cores

    lines: list[str] = []
    try:
        chosen = worlds.parse_seeds(seeds if seed is None else str(seed))
        kinds = worlds.parse_faults(faults)
    except ValueError as error:
        raise Mistake(str(error)) from error
    if trace:
        say = lines.append if as_json else print
        life = worlds.simulate(chosen[0], kinds, trace=say)
        report = worlds.Report(faults, [life])
    else:
        report = worlds.run_seeds(chosen, faults, on_progress=_progress(len(chosen), as_json))
    document = report.to_json() | ({"trace": lines} if trace else {})
    show(document, as_json=as_json, text=_lines(document))
    if report.violations:
        raise typer.Exit(FAILED)


def _progress(total: int, as_json: bool) -> Any:
    """A line that counts, on a terminal only."""
    if as_json or not sys.stderr.isatty():
        return None

    def tell(report: "Report") -> None:
        done = len(report.lives)
        ending = "\n" if done == total else "\r"
        found = len(report.violations)
        sys.stderr.write(f"{done}/{total} seeds, {found} violations{ending}")
        sys.stderr.flush()

    return tell


def _lines(document: dict[str, Any]) -> list[str]:
    violations = document["violations"]
    rest = {k: v for k, v in document.items() if k not in ("violations", "trace")}
    found = [f"seed {v['seed']} step {v['step']}: {v['what']}" for v in violations]
    verdict = "every law held" if not violations else f"{len(violations)} violations:"
    return [*facts(rest), verdict, *found]
