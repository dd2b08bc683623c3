"""The compiled side of a backtest of a Python strategy: what lies between two of its calls, and a
puppet that does again what the strategy asked for, so that the engine can write the whole result.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from trading.kernels.engine_door import SETTLE
from trading.kernels.engine_loop import loop_digest, note_compiling
from trading.kernels.engine_memory import account_at, enter, run_at
from trading.strategy import CompiledStrategy, StrategyParams, function_digest
from trading.strategy_records import ORDER

SCRIPT_MAX: Final = 4096  # requests that a puppet holds at once
SCRIPT: Final = np.dtype(
    [
        ("bar", "<i8"),
        ("next", "<i8"),
        ("count", "<i8"),
        ("at", "<i8", (SCRIPT_MAX,)),  # the bar of each request
        ("asked", ORDER, (SCRIPT_MAX,)),
    ]
)


def _settle(at: int, k: int, count: int) -> Any:
    """Carry out what was asked at bar k - 1, and walk through bar k.

    at     address of RUN, whose heard_at has room for two bars' fills
    ->     (5,) position, its average price, working orders, fills heard of, RUN.error
    """
    run = run_at(at, 0)
    filled = enter(run.engine, SETTLE, at, 0, k, count, 0, 0.0)
    account = account_at(run.accounts_at, 0)
    return account.position, account.avg_px, account.working_count, filled, run.error


# numba's cache compares this file alone: the digest of what is behind it goes into the name.
_settle.__qualname__ = f"settle_{function_digest(_settle)[:16]}{loop_digest()}"
settle: Final[Any] = njit(_settle, cache=True, error_model="numpy", nogil=True)
note_compiling(settle, "a Python strategy's venue")


class Nothing(StrategyParams):
    """The script is in the state."""

    unused: int = 0


def _on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    count = 0
    while state.next < state.count and state.at[state.next] == state.bar:
        asked = state.asked[state.next]
        order = orders[count]
        order.action = asked.action
        order.target = asked.target
        order.side = asked.side
        order.type = asked.type
        order.quantity = asked.quantity
        order.price = asked.price
        order.trigger = asked.trigger
        order.tif = asked.tif
        order.post_only = asked.post_only
        order.reduce_only = asked.reduce_only
        order.tag = asked.tag
        order.trail = asked.trail
        order.expires = asked.expires
        order.group = asked.group
        order.parent = asked.parent
        state.next += 1
        count += 1
    state.bar += 1
    return count


PUPPET: Final = CompiledStrategy(name="puppet", params=Nothing, state=SCRIPT, on_bar=_on_bar)
