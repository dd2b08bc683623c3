"""What runs over several instruments need besides: a common purse, funding, one equity."""

from typing import Any

from trading.kernels.engine_kernel import cold, kernel
from trading.kernels.engine_metrics import close_drawdown, new_day


@kernel("run desks accounts i8")
def look_around(run: Any, desks: Any, accounts: Any, i: int) -> None:
    """Count what the positions in the other instruments are worth, and what margin they need."""
    cold()
    if run.margin == 0:
        return
    run.others = 0.0
    run.others_maintenance = 0.0
    run.others_initial = 0.0
    for j in range(len(desks)):
        if j != i:
            worth = accounts[j].position * desks[j].price * desks[j].fx
            run.others += worth
            run.others_maintenance += abs(worth) * desks[j].maintenance
            run.others_initial += abs(worth) / run.leverage


@kernel("run desk account f8 f8")
def pay_funding(run: Any, desk: Any, account: Any, rate: float, mark: float) -> None:
    """Settle funding: longs pay `rate` of their value to shorts, at the mark price or the last."""
    cold()
    price = mark if mark > 0.0 else desk.price
    paid = account.position * price * rate * desk.fx
    run.cash -= paid
    run.funding -= paid


@kernel("run desks accounts i8 curve")
def take_equity(run: Any, desks: Any, accounts: Any, ts: int, curve: Any) -> None:
    """One step of the curve (equity, cash, position and price of the main instrument)."""
    cold()
    if ts > run.day_end:
        new_day(run, ts)
    equity = run.cash
    exposed = 0
    for j in range(len(desks)):
        position = accounts[j].position
        if position != 0.0:
            equity += position * desks[j].price * desks[j].fx
            exposed = 1
    if equity > run.peak:
        close_drawdown(run)
        run.peak = equity
        run.trough = equity
    elif equity < run.trough:
        run.trough = equity
    if 4 * run.steps + 3 < len(curve):
        curve[4 * run.steps] = equity
        curve[4 * run.steps + 1] = run.cash
        curve[4 * run.steps + 2] = accounts[0].position
        curve[4 * run.steps + 3] = desks[0].price
    run.exposed += exposed
    run.last_equity = equity
    run.steps += 1
