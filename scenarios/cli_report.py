"""`manta report`: what a run did, as one HTML file that works offline, and as JSON."""

import webbrowser
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from scenarios.cli_output import RUNS, Json, Mistake, RunsDir, facts, show

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id or folder, or latest.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Of the page; report.html in the run's folder."),
]
Open = Annotated[bool, typer.Option("--open", help="Show the page in the browser.")]
_SHOWN: Final = ("total_return", "sharpe", "max_drawdown", "trades")
PAGE: Final = "report.html"


def report(
    run: Run,
    out: Out = None,
    open_: Open = False,
    runs_dir: RunsDir = RUNS,
    as_json: Json = False,
) -> None:
    """Make a page of a backtest or a sweep: one HTML file that loads nothing.

    The same run gives the same bytes. --json prints the figures and the curves that are drawn.

    \b
    Examples:
      manta report latest --open
      manta report backtest-20260101-120000-trend_following --out report.html
      manta report runs/my-sweep --json
    """
    from scenarios import report_runs  # noqa: PLC0415 - polars, numpy

    folder, kind = report_runs.find(run, runs_dir)
    if kind == "system":
        raise Mistake(
            f"{folder.name}: a run of a trading system, not a backtest or a sweep:"
            " see `manta status` and summary.json in its folder"
        )
    path = target(out, folder / PAGE)
    document, page = _backtest(folder) if kind == "backtest" else _sweep(folder)
    document["page"] = str(report_runs.write(page, path))
    show(document, as_json=as_json, text=lines(document))
    if open_:
        webbrowser.open(path.resolve().as_uri())


def target(out: Path | None, default: Path) -> Path:
    """Where the page goes; raises Mistake if it cannot."""
    path = (out or default).expanduser()
    if path.is_dir():
        raise Mistake(f"--out {path}: is a folder: name a file")
    if not path.parent.is_dir():
        raise Mistake(f"--out {path}: there is no folder {path.parent}: make it first")
    return path


def lines(document: Mapping[str, Any]) -> Iterable[str]:
    """The document for a person: what it is of, and where the page is."""
    known = document.get("stats") or document.get("best") or {}
    shown = {n.replace("_", " "): known[n] for n in _SHOWN if n in known}
    yield from facts({"run": document["run"], **shown, "page": document["page"]})


def _backtest(folder: Path) -> tuple[dict[str, Any], str]:
    from research.report import document  # noqa: PLC0415 - numpy
    from research.report_backtest import backtest_page  # noqa: PLC0415 - jinja2
    from scenarios.report_runs import backtest_in, guarded  # noqa: PLC0415 - polars

    result = backtest_in(folder)
    found = guarded(folder, lambda: document(result, folder.name))
    return found, guarded(folder, lambda: backtest_page(result, folder.name, found))


def _sweep(folder: Path) -> tuple[dict[str, Any], str]:
    from research.report_sweep import sweep_document, sweep_page  # noqa: PLC0415 - numpy
    from scenarios.report_runs import guarded, sweep_in  # noqa: PLC0415 - polars

    summary, spec, columns = sweep_in(folder)
    found = guarded(folder, lambda: sweep_document(summary, spec, columns))
    return found, guarded(folder, lambda: sweep_page(found, columns))
