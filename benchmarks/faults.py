"""What exchanges do to those who trade there, fault by fault, at every venue and product.

    python -m benchmarks.faults                           # everything, about 15 minutes
    python -m benchmarks.faults --only reset --product linear --again
    python -m benchmarks.faults --into runs/faults --json
    python -m benchmarks.faults --table docs/faults.md

Each run trades at the simulated venues of one product while they play some of the list's faults
one after the other, four seconds each, with a pause to recover. Then, for each fault and venue: how
often it struck, orders and fills meanwhile, client order ids that reached the venue twice, fills
that only one side knows (or knows otherwise, or twice), how long the book was out, when it was well
again and when an order was taken again after the fault's end, and whether our positions are the
ledger's. What has been played is kept, and not played again unless told so, so that a run that was
interrupted goes on. Exit code 1 if anything was wrong; a fault that never struck is.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # before Ray is imported, here and below
from actors.config import account_journal
from benchmarks.fault_figures import Account, Cell, Time
from benchmarks.fault_list import FAULTS, MARKETS, begins, plan
from benchmarks.fault_table import line, page
from messages.base import NS_PER_S
from messages.market import Product
from scenarios import venue_process
from scenarios.folder import RunFolder
from scenarios.run import run
from scenarios.spec import RunSpec, load
from scenarios.venue_process import Place

# Of the strategies: many orders in little time, and large enough for coarser lots.
_PARAMS: Final = {"step_s": 0.3, "notional": 3000.0}
_RULES_S: Final = 1.0  # a filter that changes for four seconds is to be seen
_INTERRUPTED: Final = 130
_SAY_S: Final = 10.0


def main(arguments: Sequence[str]) -> int:
    """0 if nothing was wrong."""
    given = _arguments(arguments)
    given.into.mkdir(parents=True, exist_ok=True)
    kept = given.into / "faults.jsonl"
    cells = kept_cells(kept)
    if given.again:
        cells = {key: cell for key, cell in cells.items() if not _chosen(given, cell)}
        keep(kept, cells.values())
    groups = list(_groups(given, cells))
    for done, (product, faults) in enumerate(groups):
        _say(given, f"run {done + 1} of {len(groups)}: {product.lower()}: {', '.join(faults)}")
        begun_s = time.monotonic()
        try:
            found = played(product, faults, given)
        except KeyboardInterrupt:
            print("faults: interrupted: say it again to go on with what is left", file=sys.stderr)
            return _INTERRUPTED
        with kept.open("a") as file:
            file.writelines(json.dumps(asdict(cell)) + "\n" for cell in found)
        cells |= {_key(cell): cell for cell in found}
        for cell in found:
            _say(given, line(cell))
        took_s = time.monotonic() - begun_s
        _say(given, f"  {took_s:.0f} s; about {took_s * (len(groups) - done - 1):.0f} s left")
    chosen = [cell for cell in cells.values() if _chosen(given, cell)]
    if given.table:
        given.table.write_text(page(list(cells.values())))
    if given.json:
        print(json.dumps([asdict(cell) for cell in chosen], indent=2))
    return 1 if any(cell.wrong for cell in chosen) else 0


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", action="append", choices=FAULTS, help="one fault; may be repeated"
    )
    parser.add_argument(
        "--product",
        action="append",
        type=str.upper,
        choices=[str(p) for p in MARKETS],
        help="may be repeated; default: all",
    )
    parser.add_argument("--each-run", type=int, default=6, metavar="N", help="faults a run")
    parser.add_argument(
        "--every", type=float, default=15.0, metavar="SECONDS", help="from one fault to the next"
    )
    parser.add_argument("--seed", type=int, default=7, help="of the market and of chance")
    parser.add_argument("--into", type=Path, default=Path("runs/faults"), help="what is kept")
    parser.add_argument(
        "--again", action="store_true", help="play what is chosen anew; the rest is kept"
    )
    parser.add_argument("--table", type=Path, metavar="PAGE", help="write the page of docs")
    parser.add_argument("--json", action="store_true", help="one document instead of lines")
    given = parser.parse_args(arguments)
    given.product = given.product or [str(p) for p in MARKETS]
    return given


def _only(given: argparse.Namespace) -> Sequence[str]:
    return list(given.only or FAULTS)


def _chosen(given: argparse.Namespace, cell: Cell) -> bool:
    return cell.fault in _only(given) and cell.product in given.product


def _key(cell: Cell) -> tuple[str, str, str]:
    return cell.fault, cell.product, cell.venue


def kept_cells(path: Path) -> dict[tuple[str, str, str], Cell]:
    """The newest cell of each fault and market; a line that was cut off is played again."""
    found = {}
    for text in path.read_text().splitlines() if path.is_file() else ():
        try:
            cell = Cell(**json.loads(text))
        except (ValueError, TypeError):
            continue
        found[_key(cell)] = cell
    return found


def keep(path: Path, cells: Iterable[Cell]) -> None:
    """Keep these and no others; whole or not at all, so that nothing is lost half way."""
    beside = path.with_suffix(".new")
    beside.write_text("".join(json.dumps(asdict(cell)) + "\n" for cell in cells))
    beside.replace(path)


def _groups(
    given: argparse.Namespace, cells: dict[tuple[str, str, str], Cell]
) -> Iterator[tuple[Product, tuple[str, ...]]]:
    for product, markets in MARKETS.items():
        if str(product) not in given.product:
            continue
        left = [f for f in _only(given) if any((f, product, v) not in cells for v in markets)]
        for at in range(0, len(left), given.each_run):
            yield product, tuple(left[at : at + given.each_run])


def _say(given: argparse.Namespace, text: str) -> None:
    if not given.json:
        print(text, flush=True)


def played(product: Product, faults: Sequence[str], given: argparse.Namespace) -> list[Cell]:
    """One run with these faults, one after the other, at every venue -> a cell each."""
    folder = given.into / "runs"
    spec = _spec(product, faults, folder, given)
    views, said_s = list[dict[str, Any]](), [time.monotonic()]

    def watch(view: dict[str, Any]) -> None:
        views[:] = [view]
        if time.monotonic() - said_s[0] >= _SAY_S:
            said_s[0] = time.monotonic()
            counts = f"{sum((view['orders'] or {}).values())} orders, {view['fills']} fills"
            _say(given, f"  {view['elapsed_s']:.0f} of {spec.duration_s:.0f} s: {counts}")

    summary = run(spec, runs_dir=folder, on_progress=watch).document
    if views[-1]["elapsed_s"] < spec.duration_s:
        raise KeyboardInterrupt  # it ended in order, and says nothing of faults it has not played
    found = []
    for account in _accounts(spec, folder / summary["run_id"], summary, views[-1]):
        start_ns = account.ledger["server"]["plan_from_ns"]
        at_ns = [start_ns + int(s * NS_PER_S) for s in begins(faults, given.every)]
        times = {f: Time(*at_ns[i : i + 2]) for i, f in enumerate(faults)}
        found += account.cells(times)
    return sorted(found, key=lambda cell: faults.index(cell.fault))


def _spec(
    product: Product, faults: Sequence[str], folder: Path, given: argparse.Namespace
) -> RunSpec:
    folder.mkdir(parents=True, exist_ok=True)
    duration_s = begins(faults, given.every)[-1]
    spec = load("four-venues", [f"duration_s={duration_s}", f"seed={given.seed}"])
    table, markets = spec.model_dump(mode="json"), MARKETS[product]
    table["feed"]["rules_s"] = _RULES_S
    table["venues"] = [v for v in table["venues"] if v["name"] in markets]
    table["strategies"] = [s for s in table["strategies"] if s["id"] in markets]
    limits = {i["instrument_id"].rpartition(".")[2]: i for i in table["instruments"]}
    table["instruments"] = [limits[v] | {"instrument_id": m} for v, m in markets.items()]
    for venue in table["venues"]:
        path = folder / f"{venue['name']}.toml"
        path.write_text(plan(faults, markets[venue["name"]], given.every, given.seed))
        venue |= {"faults": str(path), "product": str(product)}
    for strategy in table["strategies"]:
        strategy |= {"params": _PARAMS, "instruments": [markets[strategy["id"]]]}
    return RunSpec.model_validate_json(json.dumps(table))


def _accounts(
    spec: RunSpec, folder: Path, summary: dict[str, Any], last: dict[str, Any]
) -> Iterator[Account]:
    held: dict[str, Decimal] | None = None if last["positions"] is None else {}
    for position in last["positions"] or ():
        name, quantity = position["instrument_id"], Decimal(position["quantity"])
        held = (held or {}) | {name: (held or {}).get(name, Decimal(0)) + quantity}
    general = []
    if summary["discrepancies"]["open"] != 0:
        general.append(f"{summary['discrepancies']['open']} discrepancies open at the end")
    if summary["orders_open"] != 0:
        general.append(f"{summary['orders_open']} orders left open")
    for tag, part in spec.parts.items():
        compared = next(a for a in summary["accounts"] if a["account"] == tag)["ledger"]
        whole = [] if compared["equal"] and compared["conserved"] else ["ledger differs"]
        venue, product = part.venue.name, part.venue.product
        yield Account(
            venue=venue,
            product=str(product),
            market=MARKETS[product][venue],
            folder=folder / "data",
            journal=account_journal(folder, tag),
            feed_log=folder / "logs" / f"feed@{tag}.jsonl",
            ledger=venue_process.ledger(Place(RunFolder(folder), tag)),
            held=held,
            general=(*general, *whole),
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
