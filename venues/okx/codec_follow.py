"""What has to be asked after an answer: further pages, and orders that may be of the other kind.

docs: docs-v5 (2026-09). Lists come newest first; `after` names the row before which to go on. A
command's first answer is not its last where OKX acknowledges without saying what became of the
order, where the order may be an algo, and where there is no one request for the whole.
"""

from dataclasses import replace
from typing import Any, Final

import msgspec

from messages.base import NS_PER_MS
from messages.venue import Request
from trading.errors import Garbled
from venues.okx import codec_requests as path
from venues.okx.codec_errors import ABSENT
from venues.okx.codec_rest import ENDED, FILLS_LIMIT, Ack, Outer, acks, outer
from venues.wire.request import Answer, WireRequest

_PAGE: Final = 100  # docs: rows of a page of pending orders
_ALGOS_MAX: Final = 10  # docs: "Cancel algo order"
_ALGO_TYPES: Final = "conditional,oco"
HISTORY_LIMIT: Final = 100
TRADES, BARS = "/api/v5/market/history-trades", "/api/v5/market/history-candles"
_Rows = list[dict[str, Any]]


def next_page(wire: WireRequest, answer: Answer) -> WireRequest | None:
    """The next page of a list; None if that was all.

    raises  Garbled
    """
    try:
        head = outer(answer)
        if head.code != "0":
            return None
        rows: Any = msgspec.json.decode(head.data, type=list[Any])
        if wire.path in (TRADES, BARS):
            return _history(wire, rows)
        if wire.request is Request.QUERY_FILLS:
            return _fills(wire, rows)
        if wire.request is Request.QUERY_OPEN_ORDERS:
            return _open_orders(wire, rows)
    except (msgspec.DecodeError, ValueError, KeyError, IndexError, TypeError) as e:
        raise Garbled(f"page of {wire.path}: {str(e).splitlines()[0]}", answer.body) from e
    return None


def _history(wire: WireRequest, rows: list[Any]) -> WireRequest | None:
    if len(rows) < HISTORY_LIMIT:
        return None
    oldest = int(rows[-1]["ts"] if wire.path == TRADES else rows[-1][0])
    if oldest * NS_PER_MS < wire.since_ns:
        return None
    # Trades of one millisecond may lie on two pages: it is asked for again, unless it fills one.
    newest = int(rows[0]["ts"] if wire.path == TRADES else rows[0][0])
    again = 1 if wire.path == TRADES and oldest < newest else 0
    return replace(wire, params={**wire.params, "after": str(oldest + again)})


def _fills(wire: WireRequest, rows: _Rows) -> WireRequest | None:
    if wire.path == path.ALGO:  # this is what the algo placed
        placed = rows[0].get("ordId") if rows else ""
        return replace(wire, path=path.FILLS, params=_of(rows[0])) if placed else None
    if len(rows) == FILLS_LIMIT:
        return replace(wire, params={**wire.params, "after": rows[-1]["billId"]})
    if not rows and "ordId" in wire.params and "after" not in wire.params:
        if wire.since_ns:  # asked for what an algo placed, which has not traded
            return None
        # No trade of an order of this id: it may be that of an algo.
        return replace(wire, path=path.ALGO, params={"algoId": wire.params["ordId"]}, since_ns=1)
    return None


def _of(algo: dict[str, Any]) -> dict[str, object]:
    kind = "SWAP" if algo["instId"].endswith("-SWAP") else "SPOT"
    return {"instType": kind, "instId": algo["instId"], "ordId": algo["ordId"]}


def _open_orders(wire: WireRequest, rows: _Rows) -> WireRequest | None:
    if wire.path == path.PENDING:
        if len(rows) == _PAGE:
            return replace(wire, params={**wire.params, "after": rows[-1]["ordId"]})
        params = {k: v for k, v in wire.params.items() if k != "after"}
        return replace(wire, path=path.PENDING_ALGO, params={"ordType": _ALGO_TYPES, **params})
    if len(rows) == _PAGE:
        return replace(wire, params={**wire.params, "after": rows[-1]["algoId"]})
    return None


def follow_up(wire: WireRequest, answer: Answer) -> WireRequest | None:
    """Another request that the command needs; None where this answer is the last word."""
    try:
        head = outer(answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    follow = _FOLLOWS.get(wire.request) if wire.request is not None else None
    return follow(wire, head) if follow is not None else None


def _code(head: Outer) -> str:
    rows = acks(head)
    row_code = rows[0].s_code if rows else None
    return row_code if row_code is not None else head.code


def _after_query(wire: WireRequest, head: Outer) -> WireRequest | None:
    code, rows = _code(head), acks(head)
    if wire.path == path.ORDER:
        missing = code in ABSENT or (code == "0" and not rows)
        if missing and "clOrdId" in wire.params:
            return _get(wire, path.ALGO, {"algoClOrdId": wire.params["clOrdId"]})
        return None
    return _placed(wire, rows[0]) if code == "0" and rows else None


def _placed(wire: WireRequest, row: Ack) -> WireRequest | None:
    """The order that a triggered algo has placed says more than the algo."""
    if not row.ord_id:
        return None
    symbol = wire.params.get("instId") or row.inst_id
    return _get(wire, path.ORDER, {"instId": symbol, "ordId": row.ord_id})


def _after_cancel(wire: WireRequest, head: Outer) -> WireRequest | None:
    code = _code(head)
    if wire.path == path.CANCEL:
        if code == "0":
            return _get(wire, path.ORDER, wire.params)
        if code in ABSENT:
            row = _algo(wire)
            return replace(wire, path=path.CANCEL_ALGO, params={path.ROWS: [row]})
    if wire.path == path.CANCEL_ALGO and code == "0":
        rows: Any = wire.params[path.ROWS]
        return _get(wire, path.ALGO, {"algoClOrdId": rows[0]["algoClOrdId"]})
    return None


def _after_modify(wire: WireRequest, head: Outer) -> WireRequest | None:
    code = _code(head)
    if wire.path == path.AMEND:
        if code == "0":
            about = {k: wire.params[k] for k in ("instId", "clOrdId")}
            return _get(wire, path.ORDER, about)
        if code in ABSENT and "newPx" not in wire.params:
            params = {**_algo(wire), "newSz": wire.params["newSz"]}
            return replace(wire, path=path.AMEND_ALGO, params=params)
    if wire.path == path.AMEND_ALGO and code == "0":
        return _get(wire, path.ALGO, {"algoClOrdId": wire.params["algoClOrdId"]})
    return None


def _algo(wire: WireRequest) -> dict[str, object]:
    return {"instId": wire.params["instId"], "algoClOrdId": wire.params["clOrdId"]}


def _get(wire: WireRequest, where: str, params: Any) -> WireRequest:
    return replace(wire, method="GET", path=where, params=params)


def _after_cancel_all(wire: WireRequest, head: Outer) -> WireRequest | None:
    """List, cancel, list what is older .. and then the same for algos.

    It goes from newest to oldest and never back: a cancel is taken before it is carried out, so
    the same page again would still hold it.
    """
    rows = acks(head)
    if wire.method == "GET":
        plain = wire.path == path.PENDING
        if head.code != "0":
            return None
        if not rows:
            return _list(wire, path.PENDING_ALGO) if plain else None
        symbol = wire.params["instId"]
        if plain:
            ids = [{"instId": symbol, "ordId": row.ord_id} for row in rows]
            return replace(wire, method="POST", path=path.CANCEL_MANY, params={path.ROWS: ids})
        algos = [{"instId": symbol, "algoId": row.algo_id} for row in rows]
        return replace(wire, method="POST", path=path.CANCEL_ALGO, params={path.ROWS: algos})
    if not rows or any(row.s_code not in ("0", *ENDED) for row in rows):
        return None
    sent: Any = wire.params[path.ROWS]
    if wire.path == path.CANCEL_MANY:
        return _list(wire, path.PENDING, sent[0]["instId"], sent[-1]["ordId"])
    return _list(wire, path.PENDING_ALGO, sent[0]["instId"], sent[-1]["algoId"])


def _list(
    wire: WireRequest, where: str, symbol: object = None, after: str | None = None
) -> WireRequest:
    name = str(symbol or wire.params["instId"])
    params: dict[str, object] = {
        "instType": "SWAP" if name.endswith("-SWAP") else "SPOT",
        "instId": name,
        "limit": str(path.BATCH_MAX if where == path.PENDING else _ALGOS_MAX),
    }
    if where == path.PENDING_ALGO:
        params = {"ordType": _ALGO_TYPES, **params}
    if after is not None:
        params["after"] = after
    return replace(wire, method="GET", path=where, params=params)


_FOLLOWS: Final = {
    Request.QUERY_ORDER: _after_query,
    Request.CANCEL: _after_cancel,
    Request.MODIFY: _after_modify,
    Request.CANCEL_ALL: _after_cancel_all,
}
