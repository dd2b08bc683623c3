"""One instrument's market: our orders against the tape's book and trades.

Theory of operation. The tape is a recording: it does not react to us. Our resting orders stand in
the displayed queue at a guessed place (`VenueOrder.ahead`, displayed lots in front of us):

  joining        everything displayed at our price is ahead of us (also what traded since the
                 level's last update: late news never flatters); at a level the tape does not
                 reach, the queue is unknown until the tape shows it (`UNSEEN`)
  a trade        at our price eats the queue ahead first, then fills us in time order; through our
                 price (worse for the taker's side) fills us whole, whatever its size
  a shrinking    level that trades do not explain moves us by the configured queue model
  a cross        when the tape shows the other side at our price or beyond, those lots would have
                 met us: we fill as maker at our price, up to what is shown

An incoming order that meets the book takes the levels in price order; what it took stays taken
until the tape's next word about that level (`Book`). Our own orders never trade with each other:
the incoming one expires where it would. Stops and take-profits look at the last trade, or at the
touch they would trade against while the tape has shown no trade. Our own fills are no trades of the
tape and trigger nothing.

Reduce-only orders trade at most until the position is flat, and what is left of them expires then.
"""

from typing import Any, Final

from messages.arrays import Rows
from messages.orders import LiquiditySide, TimeInForce
from messages.venue import VenueStatus
from venues.sim.book import Book
from venues.sim.clearing import Clearing
from venues.sim.ladder import Ladder
from venues.sim.orders import UNSEEN, VenueOrder
from venues.sim.queue_models import QueueModel
from venues.sim.units import Grid

SELF_TRADE: Final = "self-trade: would meet our own order"
NO_LIQUIDITY: Final = "nothing left to take"
FLAT: Final = "reduce-only: the position is flat"
TOO_POOR: Final = "not affordable when triggered"
WOULD_TAKE: Final = "post-only: would take when triggered"
NOT_WHOLE: Final = "fill or kill: cannot fill whole"


class Market:
    """The book of one instrument and our orders in it."""

    def __init__(self, grid: Grid, clearing: Clearing, queue_model: QueueModel) -> None:
        self.grid = grid
        self.rules = grid.instrument  # those that hold now; their steps are multiples of the grid's
        self.book = Book()
        self.last: int | None = None  # tick of the tape's last trade
        self._clearing = clearing
        self._queue_model = queue_model
        self._own: dict[int, Ladder[list[VenueOrder]]] = {1: Ladder(1), -1: Ladder(-1)}
        self._stops: list[VenueOrder] = []
        self._reducing: list[VenueOrder] = []  # resting reduce-only orders
        self._traded: dict[tuple[int, int], int] = {}  # lots since the level's last update
        self._has_depth = False

    # --- the tape ------------------------------------------------------------------------------

    def on_depth(self, rows: Rows, snapshot: bool) -> None:
        """Level changes, or (`snapshot`) the whole book."""
        self._has_depth = True
        ticks, lots = self.grid.ticks_per_one, self.grid.lots_per_one
        changes = [
            (side, round(price * ticks), round(size * lots))
            for _, _, side, price, size in rows.tolist()
        ]
        if snapshot:
            self._hide_absent(changes)
        bids, asks = self._own[1].by_tick, self._own[-1].by_tick
        for side, tick, size in changes:
            before = self.book.set(side, tick, size)
            if tick in (bids if side > 0 else asks):
                self._queue_moved(side, tick, before, size)
        self._settle()

    def on_quotes(self, rows: Rows) -> None:
        """Best bid and ask, for tapes without depth; ignored where depth has been seen."""
        if self._has_depth:
            return
        ticks, lots = self.grid.ticks_per_one, self.grid.lots_per_one
        for _, _, bid, bid_size, ask, ask_size in self._worth_reading(rows):
            self._quote(1, round(bid * ticks), round(bid_size * lots))
            self._quote(-1, round(ask * ticks), round(ask_size * lots))
            self._settle()

    def on_trades(self, rows: Rows) -> None:
        ticks, lots = self.grid.ticks_per_one, self.grid.lots_per_one
        for _, _, price, size, aggressor, _ in self._worth_reading(rows):
            tick = round(price * ticks)
            for sign in (1, -1):
                # A seller meets bids, a buyer asks; an unknown aggressor may have met either.
                if sign != aggressor and len(self._own[sign]):
                    self._trade(sign, tick, round(size * lots))
            self.last = tick
            self._run_stops()

    # --- our orders ----------------------------------------------------------------------------

    def enter(self, order: VenueOrder) -> None:
        """An accepted order starts to wait, to take or to rest."""
        if order.waits:
            self._stops.append(order)
        else:
            self._work(order)

    def remove(self, order: VenueOrder) -> None:
        """Take a waiting or resting order out of the market."""
        if order in self._stops:
            self._stops.remove(order)
        elif order.price is not None:
            self._leave(order)

    def would_take(self, sign: int, limit: int) -> bool:
        """Whether an order at `limit` would meet the book or one of our own."""
        for best in (self.book.touch(-sign), self._own[-sign].best()):
            if best is not None and sign * best <= sign * limit:
                return True
        return False

    def triggers(self, order: VenueOrder) -> bool:
        """Whether the price has reached the order's trigger."""
        seen, sign = self.book.touch(-order.sign) if self.last is None else self.last, order.reach
        return seen is not None and order.trigger is not None and sign * (seen - order.trigger) >= 0

    def reference(self, sign: int) -> int | None:
        """The price that an unpriced order is judged by: what it would meet, else the last."""
        touch = self.book.touch(-sign)
        return self.last if touch is None else touch

    def mark(self) -> int | None:
        """What a position is valued at where the tape tells no mark price: the last trade, or the
        middle of the touch."""
        bid, ask = self.book.touch(1), self.book.touch(-1)
        middle = None if bid is None or ask is None else (bid + ask) // 2
        return middle if self.last is None else self.last

    def worth(self, order: VenueOrder) -> int:
        """Ticks times lots that the order would trade for now, at its limit at worst."""
        if order.price is not None:
            return order.price * order.leaves
        plan, _ = self._plan(order.sign, None, order.leaves)
        return sum(tick * size for tick, size in plan)

    # --- taking and resting --------------------------------------------------------------------

    def _plan(self, sign: int, limit: int | None, lots: int) -> tuple[list[tuple[int, int]], bool]:
        """What an order would take, best first, and whether one of our own stops it."""
        plan: list[tuple[int, int]] = []
        own = self._own[-sign].best()
        if own is not None and limit is not None and sign * own > sign * limit:
            own = None
        for tick, shown in self.book.levels(-sign, limit):
            reach = shown
            if own is not None and sign * tick >= sign * own:
                if tick != own:
                    break
                reach = min(shown, self._own[-sign].by_tick[own][0].ahead)
            size = min(reach, lots)
            if size > 0:
                plan.append((tick, size))
                lots -= size
            if lots == 0 or tick == own:
                break
        return plan, lots > 0 and own is not None

    def _work(self, order: VenueOrder) -> None:
        sign, spec, clearing = order.sign, order.spec, self._clearing
        wanted = order.leaves
        if spec.reduce_only:
            wanted = min(wanted, clearing.reducible(order))
        plan, stopped = self._plan(sign, order.price, wanted)
        planned = sum(lots for _, lots in plan)
        if spec.time_in_force is TimeInForce.FOK and planned < order.leaves:
            clearing.close(order, VenueStatus.EXPIRED, SELF_TRADE if stopped else NOT_WHOLE)
            return
        for tick, lots in plan:
            self.book.take(-sign, tick, lots)
            clearing.fill(order, tick, lots, LiquiditySide.TAKER)
        if order.open:
            if stopped:
                clearing.close(order, VenueStatus.EXPIRED, SELF_TRADE)
            elif spec.reduce_only and not clearing.reducible(order):
                clearing.close(order, VenueStatus.EXPIRED, FLAT)
            elif order.rests:
                self._rest(order)
            else:
                clearing.close(order, VenueStatus.EXPIRED, NO_LIQUIDITY)
        self._expire_flat()

    def _rest(self, order: VenueOrder) -> None:
        price = order.price
        assert price is not None, "only a priced order rests"
        sign = order.sign
        if self.book.hides(sign, price):
            order.ahead = UNSEEN
        else:
            order.ahead = self.book.side(sign).by_tick.get(price, 0)
        ladder = self._own[sign]
        if price in ladder.by_tick:
            ladder.by_tick[price].append(order)
        else:
            ladder.put(price, [order])
        if order.spec.reduce_only:
            self._reducing.append(order)

    def _leave(self, order: VenueOrder) -> None:
        price = order.price
        assert price is not None, "only a priced order rests"
        ladder = self._own[order.sign]
        level = ladder.by_tick[price]
        level.remove(order)
        if not level:
            ladder.drop(price)
            self._traded.pop((order.sign, price), None)
        if order.spec.reduce_only:
            self._reducing.remove(order)

    def _make(self, order: VenueOrder, lots: int) -> int:
        """Up to `lots` of a resting order trade at its price -> how many did."""
        if order.spec.reduce_only:
            lots = min(lots, self._clearing.reducible(order))
        lots = min(lots, order.leaves)
        if lots > 0:
            assert order.price is not None, "only a priced order rests"
            self._clearing.fill(order, order.price, lots, LiquiditySide.MAKER)
            if not order.open:
                self._leave(order)
        return lots

    def _expire_flat(self) -> None:
        for order in [o for o in self._reducing if not self._clearing.reducible(o)]:
            self._leave(order)
            self._clearing.close(order, VenueStatus.EXPIRED, FLAT)

    # --- what the tape does to resting orders --------------------------------------------------

    def _trade(self, sign: int, tick: int, lots: int) -> None:
        """A trade of the tape at `tick` against side `sign`."""
        ladder = self._own[sign]
        for level_tick in list(ladder.ticks(tick)):
            if level_tick != tick:
                for order in list(ladder.by_tick[level_tick]):
                    lots -= self._make(order, order.leaves)
            else:
                key = (sign, tick)
                self._traded[key] = self._traded.get(key, 0) + max(0, lots)
                self._eat_queue(ladder.by_tick[tick], max(0, lots))
        self._expire_flat()

    def _eat_queue(self, level: list[VenueOrder], lots: int) -> None:
        """A trade of `lots` meets the displayed queue and our orders in it, in time order."""
        eaten = 0  # displayed lots so far: they were ahead of every later order of ours too
        for order in list(level):
            if order.ahead == UNSEEN and order.price is not None:
                if self.book.hides(order.sign, order.price):
                    break
                order.ahead = 0  # the tape reaches this far now, and shows nothing here
            front = min(max(0, order.ahead - eaten), lots)
            eaten += front
            lots -= front
            if lots == 0:
                break
            lots -= self._make(order, lots)
        for order in level:
            if order.ahead != UNSEEN:
                order.ahead = max(0, order.ahead - eaten)

    def _queue_moved(self, sign: int, tick: int, before: int, after: int) -> None:
        """The tape's word about a level where we stand: it showed `before`, now `after`."""
        traded = self._traded.pop((sign, tick), 0)
        left = max(0, before - after - traded)
        earlier = 0  # what is ahead of an order is ahead of every later one
        for order in self._own[sign].by_tick[tick]:
            if order.ahead == UNSEEN:
                order.ahead = after
            elif left and order.ahead:
                behind = max(0, before - traded - order.ahead)
                order.ahead -= self._queue_model(order.ahead, behind, left)
            earlier = order.ahead = min(max(order.ahead, earlier), after)

    def _settle(self) -> None:
        """After a change of the book: fills of orders that it crosses, stops that it triggers."""
        for sign in (1, -1):
            best = self._own[sign].best()
            if best is not None:
                touch = self.book.touch(-sign)
                if touch is not None and sign * touch <= sign * best:
                    self._cross(sign)
        if self._stops and self.last is None:
            self._run_stops()

    def _cross(self, sign: int) -> None:
        """The other side now stands at or beyond our prices: it would have met us first."""
        ladder = self._own[sign]
        for own_tick in list(ladder.ticks()):
            for order in list(ladder.by_tick[own_tick]):
                offers = list(self.book.levels(-sign, own_tick))
                if not offers:
                    self._expire_flat()
                    return
                order.ahead = 0
                for tick, lots in offers:
                    done = self._make(order, lots)
                    if done:
                        self.book.take(-sign, tick, done)
        self._expire_flat()

    def _run_stops(self) -> None:
        while due := [o for o in self._stops if self.triggers(o)]:
            order = due[0]  # one at a time: what it takes may move the touch for the next
            self._stops.remove(order)
            self._clearing.trigger(order)
            reason = self._stillborn(order)
            if reason:
                self._clearing.close(order, VenueStatus.EXPIRED, reason)
            else:
                self._work(order)

    def _stillborn(self, order: VenueOrder) -> str:
        """Why a triggered order cannot work; "" if it can."""
        clearing = self._clearing
        if order.spec.reduce_only and not clearing.reducible(order):
            return FLAT
        if not clearing.affords(order, self.worth(order)):
            return TOO_POOR
        taking = order.price is not None and self.would_take(order.sign, order.price)
        return WOULD_TAKE if order.spec.post_only and taking else ""

    # --- tapes that show only part of the book -------------------------------------------------

    def _worth_reading(self, rows: Rows) -> list[Any]:
        """With none of our orders in the market only the last row can matter."""
        idle = not (self._stops or len(self._own[1]) or len(self._own[-1]))
        read: list[Any] = rows[-1:].tolist() if idle else rows.tolist()
        return read

    def _hide_absent(self, changes: list[tuple[int, int, int]]) -> None:
        """Levels that a snapshot leaves out are gone, or, beyond its depth, merely not shown."""
        for sign in (1, -1):
            shown = {tick for side, tick, size in changes if side == sign and size > 0}
            deepest = min((sign * tick for tick in shown), default=None)
            for tick in [t for t in self.book.side(sign).by_tick if t not in shown]:
                if deepest is not None and sign * tick < deepest:
                    self.book.forget(sign, tick)
                else:
                    self._set(sign, tick, 0)

    def _quote(self, sign: int, tick: int, lots: int) -> None:
        """The touch of one side is now `lots` at `tick`."""
        if lots <= 0:
            return
        old = self.book.side(sign).best()
        if old is not None and old != tick:
            if sign * old > sign * tick:
                self._set(sign, old, 0)
                for own in self._own[sign].ticks():
                    if sign * own <= sign * tick:
                        break
                    for order in self._own[sign].by_tick[own]:
                        order.ahead = 0
            else:
                self.book.forget(sign, old)
        self._set(sign, tick, lots)

    def _set(self, sign: int, tick: int, lots: int) -> None:
        before = self.book.set(sign, tick, lots)
        if tick in self._own[sign].by_tick:
            self._queue_moved(sign, tick, before, lots)
