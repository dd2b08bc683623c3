"""What came of a run: our books beside the venue's ledger, fill by fill."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.orders import CLOSED, OrderStatus

Trade = tuple[str, str]
Facts = tuple[str, Decimal, Decimal]


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
    """Our fills against the venue's: by instrument and trade id, with order, quantity and price.

    ours     as they are booked: a fill that is booked twice is there twice
    kept_ns  when the run began to end, if it left orders at the venue. The venue goes on filling
             them while nobody of ours listens: what it filled later and we have not is no fill that
             we lost, but one of "after_stop", which the run that resumes books. None: none of it.
    """
    filled: list[dict[str, Any]] = ledger.get("fills", [])
    mine, theirs = _by_trade(ours), _by_trade(filled)
    late = {_trade(f) for f in filled if kept_ns is not None and f["ts_event"] > kept_ns}
    missing = sorted(theirs.keys() - mine.keys())
    shared = mine.keys() & theirs.keys()
    twice = {t for t in mine if len(mine[t]) > max(len(theirs.get(t, ())), 1)}
    found = {
        "lost": [t for t in missing if t not in late],
        "invented": sorted(mine.keys() - theirs.keys()),
        "doubled": sorted(twice),
        "differing": sorted(t for t in shared - twice if mine[t] != theirs[t]),
    }
    return {
        "equal": not any(found.values()) and bool(ledger),
        "fills": len(filled),
        **{name: [_name(t) for t in trades] for name, trades in found.items()},
        "after_stop": [_name(t) for t in missing if t in late],
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


def _trade(fill: dict[str, Any]) -> Trade:
    """What a venue tells fills apart by: ids of trades are counted for each market."""
    return str(fill["instrument_id"]), str(fill["trade_id"])


def _name(trade: Trade) -> str:
    return " ".join(trade)


def _by_trade(fills: list[dict[str, Any]]) -> dict[Trade, list[Facts]]:
    found: dict[Trade, list[Facts]] = {}
    for fill in fills:
        quantity, price = Decimal(fill["last_qty"]), Decimal(fill["last_px"])
        found.setdefault(_trade(fill), []).append((str(fill["client_order_id"]), quantity, price))
    return {trade: sorted(facts) for trade, facts in found.items()}
