"""The summary of a run, from what is durable: its journals and the venue's ledger."""

import hashlib
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from actors.config import account_journal
from actors.metrics import LatencyBuckets
from journal.reader import read_records
from messages import decode
from messages.base import ClientOrderId, InstrumentId, TradeId
from messages.orders import OrderFilled
from scenarios import venue_process
from scenarios.folder import RunFolder, keeps_orders
from scenarios.spec import RunSpec
from scenarios.summary import Summary, compare_fills, orders_open, together
from scenarios.venue_process import Place

_Key = tuple[InstrumentId, TradeId, ClientOrderId]
_LEDGER_S: Final = 5.0
_POLL_S: Final = 0.1


def summarize(
    spec: RunSpec,
    folder: RunFolder,
    last: dict[str, Any],
    latency: list[dict[str, Any]],
    logs: dict[str, str],
    *,
    begun_s: float,
    ending_ns: int,
) -> Summary:
    """Our journaled fills against the venue's ledger, and everything else worth a line.

    begun_s, ending_ns  when the run was started, and when it had wound down and was about to stop
    """
    kept = keeps_orders(folder)
    places = [Place(folder, tag) for tag in spec.parts]
    journaled = [booked(account_journal(folder.path, place.tag)) for place in places]
    fills = [fill for account in journaled for fill in account]
    ledgers = [
        compare_fills(as_told(account), _settled(place), kept_ns=ending_ns if kept else None)
        for account, place in zip(journaled, places, strict=True)
    ]
    whole = hashlib.sha256("".join(f"{n} {d}\n" for n, d in sorted(logs.items())).encode())
    return Summary(
        {
            "run_id": folder.run_id,
            "mode": str(spec.mode),
            "events": last["events"],
            "orders": last["orders"],
            "orders_open": orders_open(last["orders"]),
            "trading_state": last["trading_state"],
            "orders_kept": kept,
            "fills": len(fills),
            "fees": _fees(fills),
            "pnl": last["pnl"],
            "restarts": sum(row["restarts"] for row in last["actors"]),
            "discrepancies": last["discrepancies"],
            "latency_ms": {
                name: _percentiles([one[name] for one in latency if name in one])
                for name in ("feed_to_strategy", "decision_to_ack")
            },
            "event_log_sha256": whole.hexdigest(),
            "ledger": together(ledgers),
            "accounts": [
                {"account": place.tag, "fills": len(account), "ledger": ledger}
                for place, account, ledger in zip(places, journaled, ledgers, strict=True)
                if place.tag
            ],
            "duration_s": round(time.time() - begun_s, 3),
        }
    )


def as_told(fills: list[OrderFilled]) -> list[dict[str, str]]:
    """Fills as `compare_fills` takes them."""
    return [
        {
            "instrument_id": f.instrument_id,
            "trade_id": f.trade_id,
            "client_order_id": f.client_order_id,
            "last_qty": str(f.last_qty),
            "last_px": str(f.last_px),
        }
        for f in fills
    ]


def booked(path: Path) -> list[OrderFilled]:
    """Every fill that the order manager has booked, from its journal, as often as it did.

    It tells each fill to several actors, a row each: as often as it told any one of them.
    """
    told: dict[str, dict[_Key, list[OrderFilled]]] = {}
    for record in read_records(path, direction="out"):
        if record.kind == "order_filled":
            fill = decode(record.payload)
            assert isinstance(fill, OrderFilled), "a record is what its kind says"
            key = (fill.instrument_id, fill.trade_id, fill.client_order_id)
            told.setdefault(record.peer, {}).setdefault(key, []).append(fill)
    most: dict[_Key, list[OrderFilled]] = {}
    for by_trade in told.values():
        for key, rows in by_trade.items():
            most[key] = max(most.get(key, []), rows, key=len)
    return [fill for rows in most.values() for fill in rows]


def _settled(place: Place) -> dict[str, Any]:
    """The venue's ledger as of now or later: it is written every second, so give it that time."""
    now_ns = time.time_ns()
    deadline = time.monotonic() + _LEDGER_S
    written = venue_process.ledger(place)
    while time.monotonic() < deadline and written.get("server", {}).get("ts_ns", 0) < now_ns:
        time.sleep(_POLL_S)
        written = venue_process.ledger(place)
    return written


def _fees(fills: list[OrderFilled]) -> dict[str, str]:
    fees: dict[str, Decimal] = {}
    for fill in fills:
        fees[fill.currency] = fees.get(fill.currency, Decimal(0)) + fill.commission
    return {currency: str(amount) for currency, amount in sorted(fees.items())}


def _percentiles(parts: list[Any]) -> dict[str, float | None]:
    whole = LatencyBuckets()
    for part in parts:
        whole = whole.merged(LatencyBuckets.from_json(part))
    return {"p50": whole.percentile_ms(0.50), "p99": whole.percentile_ms(0.99)}
