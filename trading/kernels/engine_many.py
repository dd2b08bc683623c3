"""What runs over several instruments need besides: a common purse, funding, one equity."""

from typing import Any

from trading.kernels.engine_kernel import cold, kernel
from trading.kernels.engine_memory import account_at, desk_at, put, step_at
from trading.kernels.engine_metrics import close_drawdown, new_day


@kernel("run i8")
def look_around(run: Any, i: int) -> None:
    """Count what the positions in the other instruments are worth, and what margin they need."""
    cold()
    if run.margin == 0:
        return
    run.others = 0.0
    run.others_maintenance = 0.0
    run.others_initial = 0.0
    for j in range(run.desk_count):
        if j != i:
            desk = desk_at(run.desks_at, j)
            worth = account_at(run.accounts_at, j).position * desk.price * desk.fx
            run.others += worth
            run.others_maintenance += abs(worth) * desk.maintenance
            run.others_initial += abs(worth) / run.leverage


@kernel("run desk account f8 f8")
def pay_funding(run: Any, desk: Any, account: Any, rate: float, mark: float) -> None:
    """Settle funding: longs pay `rate` of their value to shorts, at the mark price or the last."""
    cold()
    price = mark if mark > 0.0 else desk.price
    paid = account.position * price * rate * desk.fx
    run.cash -= paid
    run.funding -= paid


@kernel("run i8")
def take_equity(run: Any, ts: int) -> None:
    """One step of the curve (equity, cash, position and price of the main instrument)."""
    cold()
    if ts > run.day_end:
        new_day(run, ts)
    equity = run.cash
    exposed = 0
    for j in range(run.desk_count):
        position = account_at(run.accounts_at, j).position
        if position != 0.0:
            desk = desk_at(run.desks_at, j)
            equity += position * desk.price * desk.fx
            exposed = 1
    if equity > run.peak:
        close_drawdown(run)
        run.peak = equity
        run.trough = equity
    elif equity < run.trough:
        run.trough = equity
    if run.steps < run.curve_room:
        put(
            step_at(run.curve_at, run.steps), equity, run.cash,
            account_at(run.accounts_at, 0).position, desk_at(run.desks_at, 0).price,
        )  # fmt: skip
    run.exposed += exposed
    run.last_equity = equity
    run.steps += 1
