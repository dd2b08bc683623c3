"""Our working orders as far as we know, and those that our own risk does not let leave."""

from typing import Any

from trading.kernels.engine_account import whole_steps
from trading.kernels.engine_kernel import cold
from trading.kernels.engine_memory import account_at, desk_at, order_row_at, put_back, seen_of
from trading.kernels.l2_kernel import part
from trading.kernels.l2_orders import price_of, size_of
from trading.kernels.l2_records import FAR
from trading.result import DONE_REFUSED, REASON_NOTIONAL

_DUST = 1e-12  # of a product of doubles that is exactly the least notional


@part("account i8")
def find_working(account: Any, order_id: int) -> int:
    """Index of one of our working orders, as far as we know; -1 if it is closed."""
    for k in range(account.working_count):
        if seen_of(account, k).sequence == order_id:
            return k
    return -1


@part("desk account i8 f8")
def count_leaves(desk: Any, account: Any, side: int, more: float) -> None:
    """What our orders of one side leave has changed by `more`: whole lots, without dust."""
    if side > 0:
        account.buying = whole_steps(account.buying + more, desk.lot, desk.lots_a_unit, 0)
    else:
        account.selling = whole_steps(account.selling + more, desk.lot, desk.lots_a_unit, 0)


@part("desk account i8")
def drop_working(desk: Any, account: Any, k: int) -> None:
    """The k-th working order is closed, as far as we know."""
    count_leaves(desk, account, seen_of(account, k).side, -seen_of(account, k).leaves)
    for i in range(k, account.working_count - 1):
        put_back(seen_of(account, i), seen_of(account, i + 1))
    account.working_count -= 1


@part("desk account i8 f8")
def set_leaves(desk: Any, account: Any, k: int, leaves: float) -> None:
    """The k-th working order leaves so much."""
    mine = seen_of(account, k)
    count_leaves(desk, account, mine.side, leaves - mine.leaves)
    mine.leaves = leaves


@part("desk account request")
def too_little(desk: Any, account: Any, wanted: Any) -> bool:
    """Whether an order is worth less than the venue takes, as far as we know."""
    ticks = wanted.price if wanted.price > 0 else wanted.trigger
    price = price_of(desk, ticks)
    if ticks <= 0:
        price = account.ask if wanted.side > 0 else account.bid
    worth = price * size_of(desk, wanted.lots)
    return bool(price > 0.0 and worth < desk.min_notional * (1.0 - _DUST))


@part("line run")
def forget_refused(line: Any, run: Any) -> None:
    """Orders that risk refused stop to count as working.

    Risk answers before anything later happens, but not between two rows of one moment.
    """
    cold()
    line.refused_at = FAR
    for i in range(run.desk_count):
        account = account_at(line.seens_at, i)
        for k in range(account.working_count - 1, -1, -1):
            row = order_row_at(line.orders_at, seen_of(account, k).sequence)
            ours = row.reason == REASON_NOTIONAL and row.ts_closed == row.ts
            if row.status == DONE_REFUSED and ours:
                drop_working(desk_at(run.desks_at, i), account, k)
