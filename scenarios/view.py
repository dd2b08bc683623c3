"""A running system as plain data: what the live screen, `manta status` and the summary show."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import ray
from ray.exceptions import RayError

from actors.names import CELL, Found, find
from messages.risk import TradingState
from supervisors.system import status
from trading.wiring import Directory, Role

_ANSWER_S: Final = 2.0
_CARE: Final = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)
NO_CORE: Final = (
    "Root",
    "Supervisor",
    "JournalKeeper",
    "RateGovernor",
    "Cell",
)  # classes without a core


def actor(run_id: str, name: str) -> Found | None:
    """The living actor of that name, or None."""
    try:
        return find(run_id, name)
    except (ValueError, RayError):
        return None


def look(run_id: str, name: str, what: str = "status") -> Any:
    """One actor's own view; None while it is away."""
    handle = actor(run_id, name)
    if handle is None:
        return None
    try:
        return ray.get(handle.call("look", what), timeout=_ANSWER_S)
    except (RayError, TimeoutError):
        return None


def of_accounts(role: Role, tags: Iterable[str]) -> tuple[str, ...]:
    """The actors of one role, one for each account."""
    return tuple(Directory({}, tag).actor(role) for tag in tags)


def books(run_id: str, what: str, tags: Iterable[str] = ("",)) -> list[dict[str, Any]] | None:
    """The order managers' "orders" or "positions"; None while one of them recovers."""
    rows: list[dict[str, Any]] = []
    for name in of_accounts(Role.ORDERS, tags):
        found = look(run_id, name, what)
        if not isinstance(found, list):
            return None
        rows += found
    return rows


def positions(run_id: str, tags: Sequence[str] = ("",)) -> list[dict[str, Any]] | None:
    """Positions with unrealized PnL at the mid that risk last saw; None if nobody can tell."""
    held = books(run_id, "positions", tags)
    if held is None:
        return None
    marks: dict[str, float] = {}
    for name in of_accounts(Role.RISK, tags):
        marks |= look(run_id, name, "marks") or {}
    for position in held:
        mark = marks.get(position["instrument_id"])
        quantity, avg_px = Decimal(position["quantity"]), Decimal(position["avg_px"])
        if mark is not None:
            gain = (Decimal(str(mark)) - avg_px) * quantity
            position["unrealized_pnl"] = str(gain.quantize(Decimal("0.00000001")))
    return held


def _members(run_id: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each actor that the cell hosts; the restarts of its process are the cell's."""
    for row in rows:
        if row["name"] == CELL:
            found = (look(run_id, CELL) or {}).get("members", {})
            here = row | {"team": CELL, "restarts": 0}
            return [here | {"name": name, "class": kind} for name, kind in found.items()]
    return []


def whole_tree(run_id: str, root: Any) -> dict[str, Any]:
    """The supervision tree, with those whom a cell hosts."""
    tree = status(root)
    return tree | {"actors": [*tree["actors"], *_members(run_id, tree["actors"])]}


def view(run_id: str, root: Any, begun_s: float, tags: Sequence[str] = ("",)) -> dict[str, Any]:
    """The whole system now; None for what only a silent order manager could tell.

    tags  of the run's accounts; with several, "accounts" has a row for each
    """
    tree = whole_tree(run_id, root)
    rows = tree["actors"]
    names = [r["name"] for r in rows if r["class"] not in NO_CORE]
    looks = {name: look(run_id, name) or {} for name in names}
    for row in rows:
        row |= {k: v for k, v in looks.get(row["name"], {}).items() if k in ("handled", "lag_ms")}
    accounts = [looks.get(name) or {} for name in of_accounts(Role.ORDERS, tags)]
    held = positions(run_id, tags)
    feeds = [looks.get(name) or {} for name in of_accounts(Role.FEED, tags)]
    return {
        "run_id": run_id,
        "state": tree["state"],
        "mode": "PAPER",
        "elapsed_s": round(time.time() - begun_s, 1),
        "trading_state": _common(accounts),
        "events": sum(feed.get("events", 0) for feed in feeds),
        "orders": _counted(accounts),
        "fills": fills(accounts),
        "balances": [b for account in accounts for b in account.get("balances", [])],
        "accounts": _rows(tags, accounts, feeds),
        "streams": _streams(feeds),
        "clocks": clocks(tags, feeds),
        "positions": held,
        "pnl": None if held is None else pnl(held),
        "discrepancies": discrepancies(run_id),
        "actors": rows,
        "recoveries": tree["recoveries"],
    }


def _common(accounts: Sequence[Mapping[str, Any]]) -> str | None:
    """The trading state of all accounts; the most careful one where they differ."""
    states = [account.get("trading_state") for account in accounts]
    if None in states:
        return None
    return str(max(states, key=_CARE.index))


def _counted(accounts: Sequence[Mapping[str, Any]]) -> dict[str, int] | None:
    """Orders by status, over all accounts."""
    total: Counter[str] = Counter()
    for account in accounts:
        if account.get("orders") is None:
            return None
        total.update(account["orders"])
    return dict(total)


def fills(accounts: Sequence[Mapping[str, Any]]) -> int | None:
    """How many fills all accounts have booked; None while one of them is silent."""
    counts = [account.get("fills") for account in accounts]
    return None if None in counts else sum(count for count in counts if count is not None)


def _streams(feeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Subscriptions of all feeds: how many in which state, and those that are not active."""
    told = [feed.get("streams") or {} for feed in feeds]
    states: Counter[str] = Counter()
    for each in told:
        states.update(each.get("states", {}))
    troubled = [row for each in told for row in each.get("troubled", ())]
    return {"states": dict(states), "troubled": troubled}


def clocks(tags: Sequence[str], feeds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The venue's clock as each account's feed has measured it; the only account's tag is ""."""
    return [
        {"account": tag, **feed["clock"]}
        for tag, feed in zip(tags, feeds, strict=True)
        if feed.get("clock")
    ]


def _rows(
    tags: Sequence[str], accounts: Sequence[Mapping[str, Any]], feeds: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each account of a run of several."""
    return [
        {
            "account": tag,
            "trading_state": account.get("trading_state"),
            "events": feed.get("events", 0),
            "books": feed.get("books"),
            "orders": account.get("orders"),
            "fills": account.get("fills"),
            "stream_up": account.get("stream_up"),
        }
        for tag, account, feed in zip(tags, accounts, feeds, strict=True)
        if tag
    ]


def pnl(held: list[dict[str, Any]]) -> dict[str, str]:
    """Sums over positions, quote currency; realized is before commissions."""

    def total(key: str) -> str:
        return str(sum((Decimal(p.get(key, "0")) for p in held), Decimal(0)))

    return {
        "realized": total("realized_pnl"),
        "unrealized": total("unrealized_pnl"),
        "commissions": total("commissions"),
    }


def discrepancies(run_id: str) -> dict[str, int | None]:
    """How many differences the reconciler has found and resolved in this run.

    All None while the journal keeper is away: what nobody can tell is not "none".
    """
    kinds = look(run_id, "journal")
    if kinds is None:
        return {"found": None, "resolved": None, "open": None}
    found = int(kinds.get("discrepancy", 0))
    resolved = int(kinds.get("discrepancy_resolved", 0))
    return {"found": found, "resolved": resolved, "open": max(found - resolved, 0)}
