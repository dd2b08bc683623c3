"""Orders of an account: those in use as values, those long closed as bytes.

Nothing is ever forgotten, because a venue may speak of any order at any time; but an order as bytes
takes a tenth of the memory, and a journal's snapshot can take it as it is. Reading one from the
shelf unpacks it; whoever changes it takes it off the shelf. So to everybody else this is a map.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import nlargest
from typing import Final, NamedTuple

from immutables import Map

from messages.base import ClientOrderId, InstrumentId, VenueOrderId
from messages.orders import OrderSpec
from messages.venue import OrderReport
from trading.orders import Order, OrderStatus

_INSTRUMENT: Final = rb"\"instrument_id\":\""  # as JSON within JSON


class Packed(NamedTuple):
    """A closed order as bytes, and what is asked of many at once."""

    status: str
    venue_order_id: str
    trades: int
    raw: bytes


def pack(order: Order) -> bytes:
    """The order's byte form; equal orders give equal bytes."""
    awaited = order.awaited
    content = {
        "spec": order.spec.model_dump_json(),
        "status": str(order.status),
        "quantity": str(order.quantity),
        "filled_qty": str(order.filled_qty),
        "cost": str(order.cost),
        "trades": sorted(order.trades),
        "venue_order_id": order.venue_order_id,
        "triggered": order.triggered,
        "cancel_wanted": order.cancel_wanted,
        "refusals": order.refusals,
        "ts_conclusive": order.ts_conclusive,
        "ts_asked": order.ts_asked,
        "ts_last": order.ts_last,
        "ts_update": order.ts_update,
        "awaited": awaited.model_dump_json() if awaited is not None else None,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def unpack(raw: bytes) -> Order:
    """The inverse of `pack`."""
    found = json.loads(raw)
    venue_order_id, awaited = found["venue_order_id"], found["awaited"]
    return Order(
        spec=OrderSpec.model_validate_json(found["spec"]),
        status=OrderStatus(found["status"]),
        quantity=Decimal(found["quantity"]),
        filled_qty=Decimal(found["filled_qty"]),
        cost=Decimal(found["cost"]),
        trades=frozenset(found["trades"]),
        venue_order_id=VenueOrderId(venue_order_id) if venue_order_id is not None else None,
        triggered=found["triggered"],
        cancel_wanted=found["cancel_wanted"],
        refusals=found.get("refusals", 0),
        ts_conclusive=found["ts_conclusive"],
        ts_asked=found["ts_asked"],
        ts_last=found["ts_last"],
        ts_update=found.get("ts_update", 0),  # of later make than the first snapshots
        awaited=OrderReport.model_validate_json(awaited) if awaited is not None else None,
    )


def _ts_last(raw: bytes) -> int:
    """`ts_last` of what `pack` wrote, without reading the rest: quotes within it are escaped."""
    _, _, rest = raw.partition(b'"ts_last":')
    return int(rest[: rest.index(b",")])


def instrument_of(packed: Packed) -> InstrumentId:
    """The instrument of an order on the shelf, without reading the rest: its name is plain text."""
    _, _, rest = packed.raw.partition(_INSTRUMENT)
    return InstrumentId(rest[: rest.index(b"\\")].decode())


@dataclass(frozen=True, slots=True)
class Orders:
    """A persistent map from client order id to order."""

    recent: Map[ClientOrderId, Order] = field(default_factory=Map)
    packed: Map[ClientOrderId, Packed] = field(default_factory=Map)

    def get(self, key: ClientOrderId) -> Order | None:
        """The order of this id, wherever it is."""
        order = self.recent.get(key)
        if order is None and (found := self.packed.get(key)) is not None:
            return unpack(found.raw)
        return order

    def __getitem__(self, key: ClientOrderId) -> Order:
        order = self.get(key)
        if order is None:
            raise KeyError(key)
        return order

    def __contains__(self, key: object) -> bool:
        return key in self.recent or key in self.packed

    def __len__(self) -> int:
        return len(self.recent) + len(self.packed)

    def __iter__(self) -> Iterator[ClientOrderId]:
        yield from self.packed
        yield from self.recent

    def items(self) -> Iterator[tuple[ClientOrderId, Order]]:
        """Every order, unpacked."""
        return ((key, self[key]) for key in self)

    def values(self) -> Iterator[Order]:
        """Every order, unpacked."""
        return (self[key] for key in self)

    def newest_closed(self, n: int) -> list[Order]:
        """The `n` closed orders that were last spoken of, oldest first; unpacks no other."""
        closed = [(o.ts_last, key) for key, o in self.recent.items() if o.closed]
        closed += [(_ts_last(found.raw), key) for key, found in self.packed.items()]
        return [self[key] for _, key in sorted(nlargest(n, closed))]

    def statuses(self) -> Iterator[str]:
        """The status of every order; unpacks none."""
        yield from (found.status for found in self.packed.values())
        yield from (str(order.status) for order in self.recent.values())

    def trades(self) -> int:
        """How many trades all orders had; unpacks none."""
        packed = sum(found.trades for found in self.packed.values())
        return packed + sum(len(order.trades) for order in self.recent.values())

    def set(self, key: ClientOrderId, order: Order) -> "Orders":
        """With this order; off the shelf, if it was there."""
        packed = self.packed.delete(key) if key in self.packed else self.packed
        return Orders(self.recent.set(key, order), packed)

    def shelve(self, keys: Iterable[ClientOrderId]) -> tuple["Orders", tuple[Packed, ...]]:
        """With these orders as bytes, and the bytes, in the order of `keys`."""
        recent, packed = self.recent.mutate(), self.packed.mutate()
        put: list[Packed] = []
        for key in keys:
            order = recent.pop(key)
            packed[key] = made = Packed(
                str(order.status), order.venue_order_id or "", len(order.trades), pack(order)
            )
            put.append(made)
        return Orders(recent.finish(), packed.finish()), tuple(put)
