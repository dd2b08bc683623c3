"""The books as bytes: what a snapshot in the journal holds.

Two parts, because the books grow and a snapshot must not: orders that went to the shelf since the
snapshot before (each is written once), and everything else. Equal books give equal bytes, in every
process: a fold that comes past a snapshot compares.
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from immutables import Map

from messages.base import ClientOrderId, InstrumentId, StrategyId, VenueOrderId
from messages.market import Instrument
from messages.risk import TradingState
from messages.venue import Balance
from trading import catch_up
from trading.account import Books, Question
from trading.positions import Holding
from trading.replacing import replace
from trading.shelf import Orders, Packed, instrument_of, pack, unpack


def shelve(books: Books, before_ns: int) -> tuple[Books, bytes]:
    """The books with all orders shelved that closed before `before_ns`, and those orders as bytes.

    Orders about which something is still to be learned stay.
    """
    keys = sorted(
        key
        for key, order in books.orders.recent.items()
        if order.closed
        and order.awaited is None
        and order.ts_last < before_ns
        and catch_up.name_of(order) not in books.catch_up
    )
    orders, put = books.orders.shelve(keys)
    books = _without_former_ids(books, frozenset(keys))
    rows = [[key, *row[:3], row.raw.decode()] for key, row in zip(keys, put, strict=True)]
    return replace(books, orders=orders), _json(rows)


def save(books: Books) -> bytes:
    """Everything but the shelf."""
    content = {
        "orders": [pack(order).decode() for _, order in sorted(books.orders.recent.items())],
        "open": list(books.open),
        "positions": [[*key, _holding_out(h)] for key, h in sorted(books.positions.items())],
        "balances": [b.model_dump_json() for _, b in sorted(books.balances.items())],
        "last_trade": sorted(books.last_trade.items()),
        "last_fill_ns": sorted(books.last_fill_ns.items()),
        "catch_up": [
            [name, list(q.keys), q.ts_asked, q.tries, q.seen, q.seen_ns]
            for name, q in sorted(books.catch_up.items())
        ],
        "trading_state": str(books.trading_state),
        "stream_up": books.stream_up,
        "fills": books.fills,
    }
    if books.rules:  # of later make than the first snapshots: those have the same bytes as ever
        content["rules"] = [i.model_dump_json() for _, i in sorted(books.rules.items())]
    if books.renamed:  # also
        content["renamed"] = [[*at, key] for at, key in sorted(books.renamed.items())]
    return _json(content)


def load(raw: bytes, shelves: Iterable[bytes]) -> Books:
    """The books that `save` was given; `shelves` as `shelve` gave them, oldest first."""
    found = json.loads(raw)
    recent = {o.spec.client_order_id: o for o in (unpack(r.encode()) for r in found["orders"])}
    packed: dict[ClientOrderId, Packed] = {}
    for shelf in shelves:
        for key, status, venue_order_id, trades, order in json.loads(shelf):
            packed[ClientOrderId(key)] = Packed(status, venue_order_id, trades, order.encode())
    renamed = {(InstrumentId(i), VenueOrderId(v)): k for i, v, k in found.get("renamed", ())}
    ids = renamed | {
        (instrument_of(p), VenueOrderId(p.venue_order_id)): key
        for key, p in packed.items()
        if p.venue_order_id
    }
    ids |= {
        (o.spec.instrument_id, o.venue_order_id): key
        for key, o in recent.items()
        if o.venue_order_id is not None
    }
    for key in recent.keys() & packed.keys():  # came off the shelf again
        del packed[key]
    return Books(
        orders=Orders(Map(recent), Map(packed)),
        open=tuple(ClientOrderId(key) for key in found["open"]),
        by_venue_id=Map(ids),
        renamed=Map(renamed),
        positions=Map(
            {(StrategyId(s), InstrumentId(i)): _holding_in(h) for s, i, h in found["positions"]}
        ),
        balances=Map({b.currency: b for b in map(Balance.model_validate_json, found["balances"])}),
        last_trade=Map({InstrumentId(i): last for i, last in found["last_trade"]}),
        # Both times are of later make than the first snapshots.
        last_fill_ns=Map({InstrumentId(i): ts for i, ts in found.get("last_fill_ns", ())}),
        catch_up=Map(
            {name: Question(tuple(keys), *rest) for name, keys, *rest in found["catch_up"]}
        ),
        rules=Map(
            {
                i.instrument_id: i
                for i in map(Instrument.model_validate_json, found.get("rules", ()))
            }
        ),
        trading_state=TradingState(found["trading_state"]),
        stream_up=found["stream_up"],
        fills=found["fills"],
    )


def _without_former_ids(books: Books, keys: frozenset[ClientOrderId]) -> Books:
    """The books without ids that these orders had before: late reports tell nothing new of them,
    and a snapshot must not grow with every stop that triggered."""
    renamed, ids = books.renamed, books.by_venue_id
    for at_venue, key in books.renamed.items():
        if key not in keys:
            continue
        renamed = renamed.delete(at_venue)
        newest = books.orders[key].venue_order_id == at_venue[1]
        if ids[at_venue] == key and not newest:
            ids = ids.delete(at_venue)
    return replace(books, renamed=renamed, by_venue_id=ids)


def _holding_out(holding: Holding) -> dict[str, Any]:
    return {
        "quantity": str(holding.quantity),
        "cost": str(holding.cost),
        "realized_pnl": str(holding.realized_pnl),
        "commissions": str(holding.commissions),
        "other": sorted((c, str(v)) for c, v in holding.commissions_other.items()),
    }


def _holding_in(found: dict[str, Any]) -> Holding:
    other = Map({c: Decimal(v) for c, v in found.pop("other")})
    amounts = {name: Decimal(value) for name, value in found.items()}
    return Holding(**amounts, commissions_other=other)


def _json(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
