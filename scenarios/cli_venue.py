"""`manta venue`: what the simulated venue wrote down, whatever we believe."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.cli_folders import find_run
from scenarios.cli_output import FAILED, RUNS, Json, Mistake, RunName, RunsDir, show, table
from scenarios.spec import BadSpec
from scenarios.venue_decode import adapter_for
from scenarios.venue_decode import decode as run_decode


def ledger(run: RunName = None, runs_dir: RunsDir = RUNS, as_json: Json = False) -> None:
    """Print the simulator's own ledger: every order received, every fill, every balance.

    The simulator keeps it independently of our journals and writes it once a second and at its end.

    \b
    Examples:
      manta venue ledger
      manta venue ledger --json --run 20260102-101500-quickstart
    """
    folder = find_run(run, runs_dir)
    found = sorted(folder.rglob("ledger.json"))
    if not found:
        raise Mistake(f"{folder}: no ledger: its simulator has not started yet, wait a second")
    document = json.loads(found[0].read_bytes())
    show(document, as_json=as_json, text=_lines(document))


def _lines(document: dict[str, Any]) -> list[str]:
    fills = document["fills"]
    repeated = document["duplicate_client_order_ids"]
    lines = [
        f"{len(document['orders'])} orders received, {len(fills)} fills, "
        f"{len(repeated)} client order ids received twice",
        "",
        *table(
            ("fill", "order", "instrument", "side", "quantity", "price", "commission"),
            [_fill(f) for f in fills[-20:]],
        ),
        "",
        *table(
            ("currency", "total", "free", "locked"),
            [(c, b["total"], b["free"], b["locked"]) for c, b in document["balances"].items()],
        ),
    ]
    return [*lines, *document["problems"]]


def _fill(fill: dict[str, Any]) -> tuple[Any, ...]:
    money = f"{fill['commission']} {fill['currency']}"
    names = ("trade_id", "client_order_id", "instrument_id", "side", "last_qty", "last_px")
    return (*(fill[name] for name in names), money)


def _because(found: dict[str, Any], kind: str) -> str:
    """Why it is not known, of a single payload or one of many."""
    reason = found.get("reasons", {}).get(kind) or found.get("reason")
    return f" ({reason})" if reason else ""


def decode(
    files: Annotated[list[Path], typer.Argument(help="Recordings, or files of frames.")],
    venue: Annotated[str, typer.Option(help="Whose they are, where names do not say.")] = "",
    product: Annotated[str, typer.Option(help="SPOT or LINEAR.")] = "",
    as_json: Json = False,
) -> None:
    """Say what a venue's decoders make of recordings: kinds, books in step, crossed, checksums.

    A .json file may also hold a frame of an account or an answer over REST. Exit code 1 if nothing
    in a file can be read.

    \b
    Examples:
      manta venue decode BINANCE.jsonl.zst
      manta venue decode OKX.jsonl.zst BYBIT.jsonl.zst --json
    """
    try:
        found = [run_decode(path, adapter_for(path, venue, product)) for path in files]
    except BadSpec as e:
        raise Mistake(str(e)) from None
    names = ("venue", "product", "frames", "understood", "garbled", "books", "in_step", "crossed")
    rows = [tuple(one[name] for name in names) for one in found]
    unread = [
        f"{one['file']}: {count} of an unknown kind: {kind}" + _because(one, kind)
        for one in found
        for kind, count in one["unknown"].items()
    ]
    lost = [one for one in found if one["frames"] and one["garbled"] == one["frames"]]
    unread += [f"{one['file']}: nothing in it can be read{_because(one, '')}" for one in lost]
    show(found, as_json=as_json, text=[*table(names, rows), *unread])
    if lost:
        raise typer.Exit(FAILED)
