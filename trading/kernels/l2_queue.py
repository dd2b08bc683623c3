"""Where we stand in the queue: how much of a level's unexplained shrinking was in front of us.

A level-2 feed says that a level became smaller, not whose order left. What trades explain is exact:
a trade at our price takes from the front. The rest (`left` lots, of `ahead` in front of us and
`behind` behind us) needs an assumption, and these are the named ones:

    RISK_AVERSE  all who left stood behind us, while there was anybody:  max(0, left - behind)
    POWER        f(x) = x^n           in front = left * f(ahead) / (f(ahead) + f(behind)),
    LOG          f(x) = log(1 + x)    rounded down, and no less than RISK_AVERSE says

POWER with a large n lets the longer part of the queue shrink; LOG lets both shrink about alike.

source   https://hftbacktest.readthedocs.io (Order Fill: Probability Queue Position Models), which
         goes back to https://quant.stackexchange.com/questions/3782 and
         https://rigtorp.se/2013/06/08/estimating-order-queue-position.html; the same models, in
         Python integers, are those of `venues.sim.queue_models`

Level 3 needs no model: its rows name the order that leaves. An L3 tape will bring its own kind of
row, and its handler will lower `ahead` where the named order stood before ours; nothing else here
changes, since an order's place is a number of lots wherever it comes from.
"""

import math
from typing import Any, Final

from trading.kernels.engine_kernel import cold
from trading.kernels.l2_kernel import part
from trading.kernels.l2_memory import order_of
from trading.kernels.l2_records import UNSEEN

RISK_AVERSE: Final = 0
POWER: Final = 1
LOG: Final = 2
QUEUE_MODELS: Final = {"risk_averse": RISK_AVERSE, "prob_power": POWER, "prob_log": LOG}


@part("i8 f8 i8 i8 i8")
def left_ahead(model: int, power: float, ahead: int, behind: int, left: int) -> int:
    """How many of `left` lots, that left without a trade, were in front of us."""
    cold()
    sure = left - behind
    if model == RISK_AVERSE:
        return max(0, sure)
    if ahead <= 0:
        return 0
    if model == POWER:
        if power == 3.0:
            front = float(ahead) * float(ahead) * float(ahead)
            back = float(behind) * float(behind) * float(behind)
        else:
            front = float(ahead) ** power
            back = float(behind) ** power
    else:
        front = math.log1p(float(ahead))
        back = math.log1p(float(behind))
    share = front / (front + back)
    return min(ahead, max(int(left * share), sure))


@part("line market i8 i8 i8 i8")
def queue_moved(line: Any, market: Any, side: int, key: int, before: int, after: int) -> None:
    """The tape's word about a level where we may stand: it showed `before`, now `after`."""
    cold()
    sign = 1 - 2 * side
    earlier = 0  # what is ahead of an order is ahead of every later one
    for j in range(market.count):
        order = order_of(market, j)
        if order.key != key or order.side != sign or order.stage != 1:
            continue
        traded = order.traded
        order.traded = 0
        left = max(0, before - after - traded)
        if order.ahead == UNSEEN:
            order.ahead = after
        elif left > 0 and order.ahead > 0:
            behind = max(0, before - traded - order.ahead)
            order.ahead -= left_ahead(line.queue, line.power, order.ahead, behind, left)
        order.ahead = min(max(order.ahead, earlier), after)
        earlier = order.ahead
