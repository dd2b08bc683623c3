"""The verb that gives a large order out among the venues of a run."""

import getpass
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from scenarios.cli_folders import find_run, secure_local_ray
from scenarios.cli_output import RUNS, Json, Mistake, RunsDir, table
from scenarios.cli_output import show as out
from scenarios.cli_strategies import Run


def route(
    run: Run,
    strategies: Annotated[
        list[str], typer.Argument(metavar="STRATEGY...", help="Who could work it off: their ids.")
    ],
    quantity: Annotated[str, typer.Option("--quantity", "-q", help="In base currency.")],
    limit: Annotated[
        str, typer.Option("--limit", help="Look no further into the books than this price.")
    ] = "",
    dry: Annotated[bool, typer.Option("--dry-run", help="Only show what would be told.")] = False,
    runs_dir: RunsDir = RUNS,
    as_json: Json = False,
) -> None:
    """Give a large order out among strategies of one run, each on its venue, by score.

    They are `twap`, `pov` or `iceberg` with quantity = 0. Said again, it gives out only what is
    missing. See docs/execution.md for the score.

    \b
    Examples:
      manta route latest BUY-OKX BUY-BINANCE --quantity 2 --dry-run
      manta route latest BUY-OKX BUY-BINANCE --quantity 2 --limit 61000
    """
    wanted, worst = _number(quantity, "--quantity"), _number(limit, "--limit") if limit else None
    folder = find_run(run, runs_dir)
    secure_local_ray(folder.parent)
    from scenarios.connect import connect  # noqa: PLC0415 - Ray
    from scenarios.routing import give_out  # noqa: PLC0415 - Ray

    found = give_out(connect(folder), strategies, wanted, worst, getpass.getuser(), dry=dry)
    columns = ("strategy", "instrument_id", "score", "given_before", "given_now", "worst_price")
    text = [
        *table(columns, [[row[c] for c in columns] for row in found["parts"]]),
        "",
        f"placed nowhere: {found['unplaced']} of {found['quantity']}",
    ]
    out(found, as_json=as_json, text=text)


def _number(text: str, option: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise Mistake(f"{option} {text}: is no positive number: write for example {option} 1.5")
    return value
