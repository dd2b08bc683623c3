"""Grid: buy a little at each line that the price falls through, sell it one line higher.

    line k  = lower + k (upper - lower) / (levels - 1)       arithmetic
            = lower (upper / lower)^(k / (levels - 1))       geometric
    size    = investment / ((levels / 2) line)

Theory of operation. Two neighbouring lines are a *cell*. An empty cell below the price has a buy at
its lower line; a cell that has bought has a sell at its upper line for just what it bought; a fill
of the one places the other. `cells` holds what each has bought (with `shorts`, less than 0: sold at
the upper line), so nothing has to be remembered of orders: at every bar, a cell without a working
order that should have one gets it. An order's tag says whose it is.

Trailing moves all lines by whole steps once the price is more than a step outside and no cell holds
anything. Stop and target are fractions of the investment, of the grid's own profit and loss: all
orders are canceled, then the position is closed at the market, then the grid is done.
"""

from typing import Any, Final, Self

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from trading.kernels.strategy import cancel_all, submit_limit, submit_market
from trading.strategy import BUY, RELOAD, SELL, CompiledStrategy, StrategyParams

LEVELS_MAX: Final = 32
STEPS_MAX: Final = 100_000  # of a shift: a price that far outside is no market of this grid
RUNNING: Final = 0
CLOSING: Final = 1
DONE: Final = 2


class Params(StrategyParams):
    """Parameters of a grid; the bounds have no defaults, for there is no price that is right."""

    lower: float = Field(gt=0, description="price of the lowest line")
    upper: float = Field(gt=0, description="price of the highest line")
    levels: int = Field(10, ge=3, le=LEVELS_MAX, description="lines from lower to upper")
    investment: float = Field(1000.0, gt=0, description="quote currency in half of the lines")
    geometric: bool = Field(False, description="equal ratios between lines, not equal steps")
    shorts: bool = Field(False, description="sell above the price without holding anything")
    take_profit: float = Field(
        0.0, ge=0, description="fraction of the investment; 0 off", json_schema_extra=RELOAD
    )
    stop_loss: float = Field(
        0.0, ge=0, le=1, description="fraction of the investment; 0 off", json_schema_extra=RELOAD
    )
    trailing: bool = Field(
        False, description="move the bounds after the price", json_schema_extra=RELOAD
    )
    rebalance: bool = Field(
        False, description="size new orders with the grid's profit so far, too",
        json_schema_extra=RELOAD,
    )  # fmt: skip

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.upper <= self.lower:
            raise ValueError(f"upper ({self.upper:g}) must be above lower ({self.lower:g})")
        return self


STATE = np.dtype(
    [
        ("close", "f8"),
        ("shift", "i8"),  # steps that the bounds have moved
        ("phase", "i8"),
        ("cells", "f8", (LEVELS_MAX,)),  # base currency; > 0 bought, < 0 sold short
    ]
)


@njit()
def line(params: Any, shift: int, k: int) -> float:
    """Price of the k-th line."""
    part = (k + shift) / (params.levels - 1)
    if params.geometric != 0:
        return float(params.lower * (params.upper / params.lower) ** part)
    return float(params.lower + (params.upper - params.lower) * part)


@njit()
def profit(account: Any, price: float) -> float:
    """The grid's own profit and loss at this price, after fees, in quote currency."""
    open_result = account.position * (price - account.avg_px) if account.position != 0.0 else 0.0
    return float(account.realized_pnl - account.commissions + open_result)


@njit()
def size(params: Any, account: Any, price: float) -> float:
    """Base currency of an order at this line; 0 if the venue would not take so little."""
    invested = params.investment
    if params.rebalance != 0:
        invested = max(invested + account.realized_pnl - account.commissions, 0.0)
    quantity = invested / (0.5 * params.levels * price)
    return float(quantity if quantity * price >= account.min_notional else 0.0)


@njit()
def crosses_own(account: Any, side: int, price: float) -> bool:
    """Whether an order would meet one of our own: it would be refused."""
    for i in range(account.working_count):
        other = account.working[i]
        if other.side == -side and (price - other.price) * side >= 0.0:
            return True
    return False


@njit()
def ask_for(state: Any, params: Any, account: Any, orders: Any, count: int, cell: int) -> int:
    """Write the order that this cell should have, if any; how many requests there are then."""
    under, over = line(params, state.shift, cell), line(params, state.shift, cell + 1)
    inside = state.cells[cell]
    side, price, quantity = 0, 0.0, 0.0
    if inside >= 0.5 * account.lot:
        side, price, quantity = SELL, over, inside
    elif inside <= -0.5 * account.lot:
        side, price, quantity = BUY, under, -inside
    elif under < state.close:
        side, price, quantity = BUY, under, size(params, account, under)
    elif params.shorts != 0:
        side, price, quantity = SELL, over, size(params, account, over)
    if quantity < account.min_quantity or quantity <= 0.0 or crosses_own(account, side, price):
        return count
    return int(submit_limit(orders, count, side, quantity, price, tag=cell + 1))


@njit()
def follow(state: Any, params: Any) -> bool:
    """Move the bounds after a price that has left them by more than a step; whether they moved."""
    for cell in range(params.levels - 1):
        if state.cells[cell] != 0.0:
            return False
    moved = False
    for _ in range(STEPS_MAX):
        if state.close > line(params, state.shift, params.levels):
            state.shift += 1
        elif state.close < line(params, state.shift, -1) and line(params, state.shift, -1) > 0.0:
            state.shift -= 1
        else:
            break
        moved = True
    return moved


@njit()
def close_all(state: Any, account: Any, orders: Any) -> int:
    """First no order, then no position, then nothing ever again."""
    if account.working_count > 0:
        return int(cancel_all(orders, 0, account))
    if abs(account.position) < account.min_quantity:
        state.phase = DONE
        return 0
    side = SELL if account.position > 0.0 else BUY
    return int(submit_market(orders, 0, side, abs(account.position)))


def on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    """Stop, follow, and give every cell the order that it lacks."""
    state.close = bar.close
    if account.acting == 0 or state.phase == DONE:
        return 0
    gained = profit(account, bar.close)
    won = params.take_profit > 0.0 and gained >= params.take_profit * params.investment
    lost = params.stop_loss > 0.0 and gained <= -params.stop_loss * params.investment
    if won or lost:
        state.phase = CLOSING
    if state.phase == CLOSING:
        return int(close_all(state, account, orders))
    if params.trailing != 0 and follow(state, params):
        return int(cancel_all(orders, 0, account))
    count = 0
    for cell in range(params.levels - 1):
        busy = False
        for i in range(account.working_count):
            busy = busy or account.working[i].tag == cell + 1
        if not busy:
            count = ask_for(state, params, account, orders, count, cell)
    return count


def on_fill(state: Any, params: Any, fill: Any, account: Any, orders: Any) -> int:
    """A cell has traded: when its order is done, ask for the opposite one."""
    state.close = fill.price
    cell = fill.tag - 1
    if cell < 0 or cell >= params.levels - 1:
        return 0
    after = state.cells[cell] + fill.side * fill.quantity
    state.cells[cell] = after if abs(after) >= 0.5 * account.lot else 0.0
    if fill.leaves > 0.0 or account.acting == 0 or state.phase != RUNNING:
        return 0
    return int(ask_for(state, params, account, orders, 0, cell))


STRATEGY = CompiledStrategy(name="grid", params=Params, state=STATE, on_bar=on_bar, on_fill=on_fill)
