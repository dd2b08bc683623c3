"""Verbs for a running system, from a second terminal: look at it, stop it, halt it."""

import getpass
from typing import Annotated, Any, Literal

import typer

from scenarios.cli_folders import find_run, secure_local_ray
from scenarios.cli_output import FAILED, RUNS, Json, RunName, RunsDir, facts, show, table
from scenarios.cli_run import verdict
from scenarios.summary import Summary


def status(run: RunName = None, runs_dir: RunsDir = RUNS, as_json: Json = False) -> None:
    """Print how a run is doing: state, time left, orders by status, PnL, actors.

    \b
    Examples:
      manta status
      manta status --run 20260102-101500-quickstart --json
    """
    document = _connect(run, runs_dir).status()
    show(document, as_json=as_json, text=_status_lines(document))


def orders(
    run: RunName = None,
    runs_dir: RunsDir = RUNS,
    every: Annotated[bool, typer.Option("--all", help="Every closed order, too.")] = False,
    closed: Annotated[
        int, typer.Option("--closed", metavar="N", min=0, help="The newest N closed orders, too.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """Print the orders that the order manager holds: open ones and the newest closed, or all.

    \b
    Examples:
      manta orders
      manta orders --closed 0
      manta orders --all --json
    """
    found = _connect(run, runs_dir).orders(every=every, closed=closed)
    columns = ("client_order_id", "instrument_id", "side", "quantity", "filled_qty", "price")
    show(found, as_json=as_json, text=_rows(found, (*columns, "status")))


def positions(run: RunName = None, runs_dir: RunsDir = RUNS, as_json: Json = False) -> None:
    """Print positions with their average price and PnL.

    \b
    Examples:
      manta positions
      manta positions --json
    """
    found = _connect(run, runs_dir).positions()
    columns = (
        "strategy_id",
        "instrument_id",
        "quantity",
        "avg_px",
        "realized_pnl",
        "unrealized_pnl",
    )
    show(found, as_json=as_json, text=_rows(found, columns))


def actors(run: RunName = None, runs_dir: RunsDir = RUNS, as_json: Json = False) -> None:
    """Print every actor: name, class, process, node, incarnation, restarts.

    \b
    Examples:
      manta actors
      manta actors --json
    """
    found = _connect(run, runs_dir).actors()
    columns = ("name", "class", "state", "pid", "node", "incarnation", "restarts")
    show(found, as_json=as_json, text=_rows(found, columns))


def stop(
    run: RunName = None,
    runs_dir: RunsDir = RUNS,
    keep_orders: Annotated[
        bool, typer.Option("--keep-orders", help="Leave working orders at the venue, for --resume.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Stop a run in order: cancel working orders, stop every actor, write the summary.

    The exit code is 1 if our books and the venue's do not agree at the end.

    \b
    Examples:
      manta stop
      manta stop --run 20260102-101500-quickstart --json
    """
    document = _connect(run, runs_dir).stop(cancel_orders=not keep_orders)
    ok = Summary(document).ok
    show(document, as_json=as_json, text=[*facts(document), "", verdict(document, ok=ok)])
    if not ok:
        raise typer.Exit(FAILED)


def kill_switch(
    run: RunName = None,
    runs_dir: RunsDir = RUNS,
    reason: Annotated[str, typer.Option("--reason", help="For the record.")] = "operator",
    as_json: Json = False,
) -> None:
    """Halt trading now and cancel every order. HALTED is durable: restarts do not undo it.

    \b
    Examples:
      manta kill-switch --reason "spread looks wrong"
    """
    document = _connect(run, runs_dir).kill(reason=reason, operator=getpass.getuser())
    show(document, as_json=as_json, text=facts(document))


def trading(
    state: Annotated[
        Literal["ACTIVE", "REDUCING", "HALTED"],
        typer.Argument(help="Trade; only reduce positions; only cancel."),
    ],
    run: RunName = None,
    runs_dir: RunsDir = RUNS,
    reason: Annotated[str, typer.Option("--reason", help="For the record.")] = "operator",
    as_json: Json = False,
) -> None:
    """Set what the account may do. It is durable: restarts do not undo it.

    ACTIVE also starts again the actors that the root supervisor has given up.

    \b
    Examples:
      manta trading REDUCING --reason "news at 14:00"
      manta trading ACTIVE --reason "the venue is back"
    """
    from messages.risk import TradingState  # noqa: PLC0415 - pydantic

    wanted = TradingState(state)
    document = _connect(run, runs_dir).trading(wanted, reason=reason, operator=getpass.getuser())
    show(document, as_json=as_json, text=facts(document))


def _connect(run: str | None, runs_dir: Any) -> Any:
    folder = find_run(run, runs_dir)
    secure_local_ray(folder.parent)
    from scenarios.connect import connect  # noqa: PLC0415 - Ray

    return connect(folder)


def _rows(found: list[dict[str, Any]], columns: tuple[str, ...]) -> list[str]:
    return [*table(columns, [[row.get(c) for c in columns] for row in found])]


def _status_lines(document: dict[str, Any]) -> list[str]:
    rest = {k: v for k, v in document.items() if k != "actors"}
    team = document.get("actors") or []
    return [*facts(rest), "", *_rows(team, ("name", "state", "incarnation", "restarts"))]
