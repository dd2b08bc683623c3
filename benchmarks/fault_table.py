"""Cells as lines of a terminal, and as the page of docs."""

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.fault_figures import Cell
from benchmarks.fault_list import FAULTS, FOR_S

_HEAD: Final = f"""# What faults do to a run

Every fault of the list at every simulated venue and product, as
`python -m benchmarks.faults --table docs/faults.md` finds it: a strategy places, amends, cancels,
buys and sells every 0.3 s while a fault is in force for {FOR_S:g} s.

- *struck*: how often; *orders*, *refused*, *fills*: at the venue, until the next fault begins;
- *orders doubled*: client order ids that reached the venue twice; *fills wrong*: lost, invented,
  doubled or differing, by the venue's ledger;
- *book out*: the longest time between two good changes of the book with a loss or a second of
  silence between them; *book well*: from the fault's end until it was well for good;
- *trading*: from the fault's end until the venue had taken an order that was sent after it (the
  strategy's own pace is 0.3 s);
- *positions*: ours and the ledger's, when the run has ended.

Times in ms, several faults and venues a run, some thirty processes on two cores that were busy with
other work as well: they say what heals, and roughly how fast. After a 429 Binance says to wait
until its minute is over, and that is obeyed; the strategy itself waits for an order whose fate is
unknown until that is settled. One that is at the venue is found at once; one that never arrived
takes the receive window (5 s) and a few seconds more, at Coinbase some 11 s more and at OKX some
30 s more, because "not found" counts there as older than it is.

A fault that never struck has shown nothing: its row says so, and the exit code is 1.
"""
_COLUMNS: Final = (
    *("fault", "venue", "struck", "orders", "refused", "fills", "orders doubled", "fills wrong"),
    *("book out", "book well", "trading", "positions", ""),
)


def line(cell: Cell) -> str:
    """A cell in one line."""
    head = f"  {cell.fault:24} {cell.venue:8}"
    if cell.skipped:
        return f"{head} {cell.skipped}"
    return (
        f"{head} struck {cell.struck:4} orders {cell.orders:3} refused {cell.refused:2} "
        f"fills {cell.fills:3} doubled {cell.duplicate_orders} wrong fills {cell.fills_wrong} "
        f"book out {_ms(cell.out_ms)} well {_ms(cell.healed_ms)} trading {_ms(cell.trading_ms)} "
        f"positions {'equal' if cell.positions_equal else 'DIFFER'} "
        f"{'WRONG: ' + cell.wrong if cell.wrong else 'ok'}"
    )


def page(cells: Sequence[Cell]) -> str:
    """The page: a table a product."""
    return "\n".join((_HEAD, *(_table(p, cells) for p in sorted({c.product for c in cells}))))


def _table(product: str, cells: Sequence[Cell]) -> str:
    order = list(FAULTS)
    chosen = sorted((c for c in cells if c.product == product), key=lambda c: order.index(c.fault))
    rule = ["---"] * 2 + ["---:"] * 9 + ["---"] * 2
    rows = [_row(_COLUMNS), _row(rule), *(_row(list(_texts(cell))) for cell in chosen)]
    return f"## {product.capitalize()}\n\n" + "\n".join(rows) + "\n"


def _texts(cell: Cell) -> Iterator[str]:
    yield from (cell.fault, cell.venue)
    if cell.skipped:
        yield from ("",) * 10
        yield cell.skipped
        return
    counts = (cell.struck, cell.orders, cell.refused, cell.fills, cell.duplicate_orders)
    yield from map(str, (*counts, cell.fills_wrong))
    yield from map(_ms, (cell.out_ms, cell.healed_ms, cell.trading_ms))
    yield "equal" if cell.positions_equal else "differ"
    yield cell.wrong


def _row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _ms(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
