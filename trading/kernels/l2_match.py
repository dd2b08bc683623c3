"""What the tape does to our resting orders, and what our incoming orders do to its book.

Theory of operation. The tape is a recording: it does not react to us. The rules are those of the
simulated venue (`venues.sim.matching`), in arrays:

  joining   everything shown at our price is ahead of us; at a price deeper than all that the tape
            shows, the queue is unknown until the tape shows it
  a trade   at our price eats the queue ahead first, then fills us in the order of time; through our
            price it fills us whole, whatever its size
  a change  of our level that trades do not explain moves us by the queue model (`l2_queue`)
  a cross   when the tape shows the other side at our price or beyond, those lots would have met us:
            we fill as maker at our price, up to what is shown
  taking    goes through the levels in order of price; what it took stays taken until the tape's
            next word about that level

With `line.whole`, a maker whom a trade or a cross reaches fills whole: the rule of a peer, for
comparisons.
"""

from typing import Any

from trading.kernels.engine_kernel import cold
from trading.kernels.l2_book import hides, next_level, shown
from trading.kernels.l2_kernel import part
from trading.kernels.l2_memory import order_of
from trading.kernels.l2_orders import end_flat, make
from trading.kernels.l2_records import NONE, RESTS, TAKES_MAX, UNSEEN


@part("market i8 i8")
def taken(market: Any, side: int, key: int) -> int:
    """Lots that we took from a level since the tape spoke of it."""
    for i in range(market.takes):
        if market.take_key[i] == key and market.take_side[i] == side:
            return int(market.take_lots[i])
    return 0


@part("market i8 i8 i8")
def take(market: Any, side: int, key: int, lots: int) -> None:
    """Note that we took `lots` from a level; of too many levels the oldest is forgotten."""
    cold()
    for i in range(market.takes):
        if market.take_key[i] == key and market.take_side[i] == side:
            market.take_lots[i] += lots
            return
    if market.takes == TAKES_MAX:
        forget_take(market, market.take_side[0], market.take_key[0])
    at = market.takes
    market.take_side[at] = side
    market.take_key[at] = key
    market.take_lots[at] = lots
    market.takes += 1


@part("market i8 i8")
def forget_take(market: Any, side: int, key: int) -> None:
    """The tape has spoken of this level: what it shows is there."""
    cold()
    kept = 0
    for i in range(market.takes):
        if market.take_key[i] == key and market.take_side[i] == side:
            continue
        market.take_side[kept] = market.take_side[i]
        market.take_key[kept] = market.take_key[i]
        market.take_lots[kept] = market.take_lots[i]
        kept += 1
    market.takes = kept


@part("market book i8")
def touch(market: Any, book: Any, side: int) -> int:
    """Best key of a side where something can still be taken; NONE if nothing can."""
    key = book.best[side]
    while market.takes > 0 and key != NONE:
        if shown(book, side, key) > taken(market, side, key):
            return int(key)
        key = next_level(book, side, key) if book.depth != 0 else NONE
    return int(key)


@part("line market book i8")
def rest(line: Any, market: Any, book: Any, j: int) -> None:
    """The j-th order joins the queue at its price."""
    cold()
    order = order_of(market, j)
    side = (1 - order.side) >> 1
    order.stage = RESTS
    order.traded = 0
    order.ahead = shown(book, side, order.key)
    if order.ahead == 0 and line.bare == 0 and hides(book, side, order.key):
        order.ahead = UNSEEN
    market.reducing += order.reduce_only != 0
    best = market.best[side]
    if best != NONE and market.worst[side] <= order.key <= best:
        for k in range(j):
            other = order_of(market, k)
            if other.stage == RESTS and other.side == order.side and other.key == order.key:
                order.traded = other.traded
                break
    if best == NONE:
        market.best[side] = order.key
        market.worst[side] = order.key
    else:
        market.best[side] = max(best, order.key)
        market.worst[side] = min(market.worst[side], order.key)


@part("market i8 i8 i8")
def next_own(market: Any, side: int, key: int, start: int) -> int:
    """Index, from `start` on, of our order that rests at this price; -1 without."""
    sign = 1 - 2 * side
    for j in range(start, market.count):
        order = order_of(market, j)
        if order.key == key and order.side == sign and order.stage == RESTS:
            return j
    return -1


@part("line run desk account market book i8 i8 i8")
def meet_trade(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
    side: int, key: int, lots: int,
) -> None:  # fmt: skip
    """A trade of the tape comes to at least our best price on `side`."""
    cold()
    while market.best[side] != NONE and market.best[side] > key and run.error == 0:
        j = next_own(market, side, market.best[side], 0)
        lots -= make(
            line, run, desk, account, market, j, order_of(market, j).leaves,
        )  # fmt: skip
    lots = max(0, lots)
    for j in range(market.count):
        order = order_of(market, j)
        if order.key == key and order.side == 1 - 2 * side:
            order.traded += lots
    if market.best[side] == key:
        eat_queue(
            line, run, desk, account, market, book, side, key, lots,
        )  # fmt: skip
    if market.reducing > 0:
        end_flat(line, run, desk, account, market)


@part("line run desk account market book i8 i8 i8")
def eat_queue(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
    side: int, key: int, lots: int,
) -> None:  # fmt: skip
    """A trade of `lots` meets the queue at our price and our orders in it, in order of time."""
    eaten = 0  # shown lots so far: they were ahead of every later order of ours too
    j = next_own(market, side, key, 0)
    while j >= 0 and run.error == 0:
        order = order_of(market, j)
        if order.ahead == UNSEEN:
            if hides(book, side, key):
                break
            order.ahead = 0  # the tape reaches this far now, and shows nothing here
        front = min(max(0, order.ahead - eaten), lots)
        eaten += front
        lots -= front
        if lots == 0:
            break
        wanted = order.leaves if line.whole != 0 else lots
        order_id = order.id
        done = make(line, run, desk, account, market, j, wanted)
        lots = max(0, lots - done)
        kept = j < market.count and order_of(market, j).id == order_id
        j = next_own(market, side, key, j + 1 if kept else j)
    for k in range(market.count):
        order = order_of(market, k)
        if order.key == key and order.side == 1 - 2 * side and order.ahead != UNSEEN:
            order.ahead = max(0, order.ahead - eaten)


@part("line run desk account market book i8")
def cross(
    line: Any, run: Any, desk: Any, account: Any, market: Any, book: Any,
    side: int,
) -> None:  # fmt: skip
    """The other side may stand at or beyond our prices: it would have met us first."""
    cold()
    other = 1 - side
    while market.best[side] != NONE and run.error == 0:
        key = touch(market, book, other)
        if key == NONE or key + market.best[side] < 0:
            break
        j = next_own(market, side, market.best[side], 0)
        order = order_of(market, j)
        order.ahead = 0
        lots = shown(book, other, key) - taken(market, other, key)
        wanted = order.leaves if line.whole != 0 else lots
        done = make(line, run, desk, account, market, j, wanted)
        if done > 0:
            take(market, other, key, min(done, lots))
    if market.reducing > 0:
        end_flat(line, run, desk, account, market)


@part("market i8 i8")
def lead(market: Any, side: int, key: int) -> None:
    """The tape's touch fell back to `key`: better prices of ours have nobody ahead."""
    cold()
    for j in range(market.count):
        order = order_of(market, j)
        if order.stage == RESTS and order.side == 1 - 2 * side and order.key > key:
            order.ahead = 0
