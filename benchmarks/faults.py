"""What exchanges do to those who trade there, fault by fault, on four venues at once.

    python -m benchmarks.faults [--only reset --only gap] [--duration 13] [--json]

For each fault a run of `four-venues` whose simulators all play it for a while, from second 2 on;
the run goes on when it is over. Then, for each venue: how often it struck, client order ids that
reached the venue twice, fills that only one side knows or knows otherwise (or that are doubled),
discrepancies that are still open, whether the books are in step with the venue again, and whether
our positions are the ledger's. Exit code 1 if anything was wrong.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # before Ray is imported, here and below
from messages.market import Product
from scenarios import venue_process
from scenarios.folder import RunFolder
from scenarios.run import run
from scenarios.spec import RunSpec, load, venue_of
from scenarios.venue_process import Place

_BEGIN_S: Final = 2
_FOR_S: Final = 4
_STEP_S: Final = 0.3  # of the strategies: many orders in little time
_FAULTY: Final = f"at_s = {_BEGIN_S}\nfor_s = {_FOR_S}\n"
_NONE: Final = "the venue has none"
_PLACE: Final = {  # the requests that place orders; Binance's by product
    "BINANCE": ["POST /api/v3/order", "POST /fapi/v1/order"],
    "OKX": ["POST /api/v5/trade/order"],
    "BYBIT": ["POST /v5/order/create"],
    "COINBASE": ["POST /api/v3/brokerage/orders"],
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the list: the rules of a plan, and where it exists.

    rules    (kind, more TOML); every rule is in force for the same seconds
    orders   strikes requests that place orders only
    venues   that have what is broken; empty: all
    product  of Binance: only its perpetuals have listen keys
    """

    rules: tuple[tuple[str, str], ...]
    orders: bool = False
    venues: tuple[str, ...] = ()
    product: Product = Product.SPOT

    def plan(self, venue: str) -> str:
        """The plan for one venue's simulator, as TOML."""
        only = f"requests = {json.dumps(_PLACE[venue])}\n" if self.orders else ""
        rules = (
            f'[[fault]]\nkind = "{kind}"\n{_FAULTY}{more}\n{only}' for kind, more in self.rules
        )
        return "seed = 7\n" + "\n".join(rules)


def _both(kind: str, more: str) -> tuple[tuple[str, str], ...]:
    return ((f"{kind}_MARKET", more), (f"{kind}_USER", more))


FAULTS: Final = {
    "silent stall": Fault(_both("MUTE", "")),
    "half-open socket": Fault((("HALF_OPEN", "times = 3"),)),
    "reset": Fault(_both("CUT", "probability = 0.05\ntimes = 4")),
    "slow drip": Fault(
        (
            ("SLOW_STREAM", "times = 1\ndelay_ms = 20"),
            ("SLOW_DRIP", "probability = 0.3\ndelay_ms = 400"),
        )
    ),
    "gap": Fault((("DROP_DEPTH", "probability = 0.05"),)),
    "duplicate": Fault((("DUPLICATE_DEPTH", "probability = 0.3"),)),
    "reorder": Fault((("REORDER_DEPTH", "probability = 0.05"),)),
    "bad checksum": Fault((("BAD_CHECKSUM", "probability = 0.05"),), venues=("OKX",)),
    "429 storm": Fault((("THROTTLE", ""),)),
    "5xx": Fault((("FAIL_5XX", "probability = 0.5"),)),
    "answer lost after acting": Fault((("ACT_THEN_CUT", "probability = 0.7"),), orders=True),
    "5xx after acting": Fault((("ACT_THEN_5XX", "probability = 0.7"),), orders=True),
    "answer late": Fault((("DELAY", "delay_ms = 1500"),), orders=True),
    "partial-fill storm": Fault((("PARTIAL_FILLS", "pieces = 20"),)),
    "filter change": Fault((("FILTER_CHANGE", ""),)),
    "maintenance": Fault((("MAINTENANCE", ""),)),
    "clock skew": Fault((("CLOCK_SKEW", "delay_ms = 2000"),)),
    "expired listen key": Fault(
        (("EXPIRE_KEY", "times = 1"),), venues=("BINANCE",), product=Product.LINEAR
    ),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault at one venue; `wrong` in words, empty if everything held."""

    fault: str
    venue: str
    struck: int = 0
    orders: int = 0
    fills: int = 0
    duplicate_orders: int = 0
    fills_wrong: int = 0
    discrepancies_found: int | None = 0
    discrepancies_open: int | None = 0
    books: str = ""
    positions_equal: bool = True
    wrong: str = ""
    skipped: str = ""


def main(arguments: Sequence[str]) -> int:
    """0 if nothing was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--only", action="append", choices=FAULTS, help="one fault; may be repeated"
    )
    parser.add_argument("--duration", type=float, default=13.0, help="seconds a run")
    parser.add_argument("--seed", type=int, default=7, help="of the market")
    parser.add_argument("--runs-dir", help="keep the runs here")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    cells: list[Cell] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(given.runs_dir or scratch)
        for name in given.only or FAULTS:
            begun_s = time.monotonic()
            found = list(played(name, folder, given.duration, given.seed))
            cells += found
            if not given.json:
                print(*map(_line, found), f"({time.monotonic() - begun_s:.0f} s)", sep="\n")
                sys.stdout.flush()
    if given.json:
        print(json.dumps([asdict(cell) for cell in cells], indent=2))
    return 1 if any(cell.wrong for cell in cells) else 0


def played(name: str, folder: Path, duration_s: float, seed: int) -> Iterator[Cell]:
    """One run with this fault at every venue that has it -> a cell a venue."""
    fault, views = FAULTS[name], list[dict[str, Any]]()
    spec = _spec(fault, folder, duration_s, seed)
    summary = run(spec, runs_dir=folder, on_progress=views.append).document
    last = views[-1]
    for tag, part in spec.parts.items():
        venue = part.venue.name
        if fault.venues and venue not in fault.venues:
            yield Cell(name, venue, skipped=_NONE)
            continue
        ledger = venue_process.ledger(Place(RunFolder(folder / summary["run_id"]), tag))
        account = next(a for a in summary["accounts"] if a["account"] == tag)
        row = next(a for a in last["accounts"] if a["account"] == tag)
        yield _cell(name, part, ledger, account, row, summary, last["positions"])


def _spec(fault: Fault, folder: Path, duration_s: float, seed: int) -> RunSpec:
    folder.mkdir(parents=True, exist_ok=True)
    spec = load("four-venues", [f"duration_s={duration_s}", f"seed={seed}"])
    venues = []
    for venue in spec.venues:
        if fault.venues and venue.name not in fault.venues:
            venues.append(venue)
            continue
        plan = folder / f"{venue.name}.toml"
        plan.write_text(fault.plan(venue.name))
        product = fault.product if venue.name == "BINANCE" else Product.SPOT
        venues.append(venue.model_copy(update={"faults": str(plan), "product": product}))
    lively = [s.model_copy(update={"params": {"step_s": _STEP_S}}) for s in spec.strategies]
    update = {"strategies": tuple(lively), "venues": tuple(venues)}
    text = spec.model_copy(update=update).model_dump_json()
    if fault.product is Product.LINEAR:
        text = text.replace("BTCUSDT.BINANCE", "BTCUSDT-PERP.BINANCE")
    return RunSpec.model_validate_json(text)


def _cell(
    name: str,
    part: RunSpec,
    ledger: dict[str, Any],
    account: dict[str, Any],
    row: dict[str, Any],
    summary: dict[str, Any],
    held: list[dict[str, Any]] | None,
) -> Cell:
    venue, compared = part.venue.name, account["ledger"]
    books = row["books"] or {}
    mine = {
        p["instrument_id"]: Decimal(p["quantity"])
        for p in held or ()
        if venue_of(p["instrument_id"]) == venue
    }
    theirs = {i: Decimal(q) for i, q in ledger["positions"].items()}
    cell = Cell(
        fault=name,
        venue=venue,
        struck=sum(ledger["server"]["faults"].values()),
        orders=len(ledger["orders"]),
        fills=len(ledger["fills"]),
        duplicate_orders=len(compared["duplicate_client_order_ids"]),
        fills_wrong=sum(len(compared[k]) for k in ("lost", "invented", "doubled", "differing")),
        discrepancies_found=summary["discrepancies"]["found"],
        discrepancies_open=summary["discrepancies"]["open"],
        books=" ".join(sorted(set(books.values()))) or "nobody can tell",
        positions_equal=all(mine.get(i, Decimal(0)) == q for i, q in theirs.items()),
    )
    return Cell(**(asdict(cell) | {"wrong": "; ".join(_wrong(cell, compared, summary))}))


def _wrong(cell: Cell, compared: dict[str, Any], summary: dict[str, Any]) -> Iterator[str]:
    if not cell.struck:
        yield "never struck"
    if not cell.fills:
        yield "nothing was traded"
    if cell.duplicate_orders:
        yield "duplicate orders"
    if not compared["equal"] or not compared["conserved"]:
        yield "ledger differs"
    if cell.discrepancies_open != 0:
        yield f"{cell.discrepancies_open} discrepancies open (all venues)"
    if cell.books != "SYNCHRONIZED":
        yield "book not in step"
    if not cell.positions_equal:
        yield "positions differ"
    if summary["orders_open"] != 0:
        yield f"{summary['orders_open']} orders left open (all venues)"


def _line(cell: Cell) -> str:
    head = f"{cell.fault:24} {cell.venue:8}"
    if cell.skipped:
        return f"{head} {cell.skipped}"
    return (
        f"{head} struck {cell.struck:5} orders {cell.orders:3} fills {cell.fills:4} "
        f"twice {cell.duplicate_orders} wrong fills {cell.fills_wrong} "
        f"discrepancies {cell.discrepancies_found}/{cell.discrepancies_open} "
        f"{cell.books} positions {'equal' if cell.positions_equal else 'DIFFER'}"
        f" {'WRONG: ' + cell.wrong if cell.wrong else 'ok'}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
