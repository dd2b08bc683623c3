"""`manta compare`: backtests side by side, and what differs in what was run."""

import webbrowser
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from scenarios.cli_output import RUNS, Json, Mistake, RunsDir, show, table
from scenarios.cli_report import target

Runs = Annotated[
    list[str], typer.Argument(metavar="RUN...", help="Ids or folders of two backtests or more.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write a page with their equity here.")
]
Open = Annotated[bool, typer.Option("--open", help="Show that page in the browser.")]
_PAGE: Final = "compare.html"


def compare(
    runs: Runs,
    out: Out = None,
    open_: Open = False,
    runs_dir: RunsDir = RUNS,
    as_json: Json = False,
) -> None:
    """Compare backtests: all figures, and each setting, parameter or digest that differs.

    \b
    Examples:
      manta compare backtest-20260101-120000-grid backtest-20260101-130000-grid
      manta compare runs/one runs/two runs/three --out compare.html --open
      manta compare one two --json
    """
    from research.report_compare import (  # noqa: PLC0415 - numpy, jinja2
        RUNS_MAX,
        compare_document,
        compare_page,
    )
    from scenarios.report_runs import guarded, write  # noqa: PLC0415 - polars

    if not 1 < len(runs) <= RUNS_MAX:
        raise Mistake(f"compare: {len(runs)} runs: name two at least, {RUNS_MAX} at most")
    if open_ and out is None:
        raise Mistake(f"--open: there is no page: name it, as in --out {_PAGE}")
    path = None if out is None else target(out, Path(_PAGE))
    loaded = [_loaded(each, runs_dir) for each in runs]
    names = distinct([folder for folder, _ in loaded])
    named = list(zip(names, (result for _, result in loaded), strict=True))
    found = guarded(loaded[0][0], lambda: compare_document(named))
    found["page"] = None
    if path is not None:
        page = guarded(loaded[0][0], lambda: compare_page(named, found))
        found["page"] = str(write(page, path))
    show(found, as_json=as_json, text=lines(found))
    if open_ and path is not None:
        webbrowser.open(path.resolve().as_uri())


def distinct(folders: list[Path]) -> list[str]:
    """Names of folders: the last part of each path, or all of it where last parts are equal."""
    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise Mistake(f"compare: {names[0]} is named twice: name different runs")
    return names


def lines(found: Mapping[str, Any]) -> Iterable[str]:
    """The comparison for a person."""
    from research.figures import describe  # noqa: PLC0415 - not for --help
    from research.report_axes import figure_text  # noqa: PLC0415

    rows = [
        (name.replace("_", " "), *(figure_text(v, describe()[name].unit) for v in values))
        for name, values in found["stats"].items()
    ]
    yield from table(("figure", *found["runs"]), rows)
    yield ""
    differ = found["differences"]
    if differ:
        rows = [(name, *(_short(v) for v in values)) for name, values in differ.items()]
        yield from table(("what differs", *found["runs"]), rows)
    else:
        yield "nothing differs in identity and settings"
    yield f"{found['same']} entries are the same in all"
    if found["page"]:
        yield f"page: {found['page']}"


def _short(value: str | None) -> str:
    """A digest is known by its first characters."""
    text = "-" if value is None else value
    return text if len(text) <= 40 else f"{text[:16]}..."


def _loaded(which: str, runs_dir: Path) -> Any:
    from scenarios.report_runs import backtest_in, find  # noqa: PLC0415 - polars

    folder, kind = find(which, runs_dir)
    if kind != "backtest":
        raise Mistake(f"{folder.name}: is no backtest but a {kind}: name runs of `manta backtest`")
    return folder, backtest_in(folder)
