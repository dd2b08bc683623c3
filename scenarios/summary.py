"""What came of a run: our books beside the venue's ledger, fill by fill."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.orders import CLOSED, OrderStatus


@dataclass(frozen=True, slots=True)
class Summary:
    """The document that `--json` prints; `ok` says whether both sides agree and nothing is left."""

    document: dict[str, Any]

    @property
    def ok(self) -> bool:
        ledger = self.document["ledger"]
        agreed = ledger["equal"] and not ledger["duplicate_client_order_ids"]
        # None is "nobody could tell", and not 0; orders are left open only if that was asked for.
        settled = self.document["discrepancies"]["open"] == 0
        left = self.document["orders_open"]
        done = left is not None and (left == 0 or self.document["orders_kept"])
        return bool(agreed and settled and done)

    def to_json(self) -> dict[str, Any]:
        return self.document


def compare_fills(
    ours: list[dict[str, str]], ledger: dict[str, Any], *, kept_ns: int | None = None
) -> dict[str, Any]:
    """Our fills against the venue's: by trade id, with order, quantity and price.

    kept_ns  when the run began to end, if it left orders at the venue. The venue goes on filling
             them while nobody of ours listens: what it filled later and we have not is no fill that
             we lost, but one of "after_stop", which the run that resumes books. None: none of it.
    """
    mine = {f["trade_id"]: _facts(f) for f in ours}
    filled = {str(f["trade_id"]): f for f in ledger.get("fills", [])}
    theirs = {trade: _facts(f) for trade, f in filled.items()}
    differing = [t for t in mine.keys() & theirs.keys() if mine[t] != theirs[t]]
    times = Counter(f["trade_id"] for f in ours)
    doubled = sorted(trade for trade, count in times.items() if count > 1)
    missing = sorted(theirs.keys() - mine.keys())
    later = [t for t in missing if kept_ns is not None and filled[t]["ts_event"] > kept_ns]
    lost = [t for t in missing if t not in later]
    invented = sorted(mine.keys() - theirs.keys())
    return {
        "equal": not (differing or lost or invented or doubled) and bool(ledger),
        "fills": len(theirs),
        "lost": lost,
        "invented": invented,
        "doubled": doubled,
        "differing": sorted(differing),
        "after_stop": later,
        "duplicate_client_order_ids": ledger.get("duplicate_client_order_ids", []),
        "conserved": ledger.get("conserved", False),
    }


def together(ledgers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several accounts' comparisons as one: equal only if all are; lists one after the other."""
    faults = ("lost", "invented", "doubled", "differing")
    lists = (*faults, "after_stop", "duplicate_client_order_ids")
    return {
        "equal": all(one["equal"] for one in ledgers),
        "fills": sum(one["fills"] for one in ledgers),
        **{name: [trade for one in ledgers for trade in one[name]] for name in lists},
        "conserved": all(one["conserved"] for one in ledgers),
    }


def orders_open(by_status: dict[str, int] | None) -> int | None:
    """How many orders may still trade; an UNKNOWN one may. None if nobody could tell."""
    if by_status is None:
        return None
    return sum(count for status, count in by_status.items() if OrderStatus(status) not in CLOSED)


def _facts(fill: dict[str, Any]) -> tuple[str, Decimal, Decimal]:
    quantity, price = Decimal(fill["last_qty"]), Decimal(fill["last_px"])
    return str(fill["client_order_id"]), quantity, price
