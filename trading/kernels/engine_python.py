"""The compiled side of a backtest of a Python strategy: what lies between two of its calls, and a
puppet that does again what the strategy asked for, so that the engine can write the whole result.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from trading.kernels.engine_desk import show
from trading.kernels.engine_loop import _compile_when_missing
from trading.kernels.engine_match import advance, begin_bar, begin_instant
from trading.kernels.engine_requests import accept
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


def _settle(
    bars: Any, k: int, count: int, runs: Any, desks: Any, accounts: Any, asks: Any, made: Any,
    tolds: Any, heard: Any, fills: Any, after: Any, rows: Any, trades: Any,
) -> tuple[float, float, int, int, int]:  # fmt: skip
    """Carry out what was asked at bar k - 1, and walk through bar k.

    heard  (1024,) FILL: the fills, in order
    ->     position, its average price, working orders, fills heard of, RUN.error
    """
    run, desk, account, told = runs[0], desks[0], accounts[0], tolds[0]
    before, bar, filled = bars[k - 1], bars[k], 0
    if count != 0:
        run.step = k - 1
        accept(run, desk, asks, count, made, before.close, before.ts_event, rows)
        if run.at_close != 0 and run.error == 0:
            begin_instant(run, desk, k - 1, before.ts_event, before.close, before.volume)
            while advance(run, desk, account, told, fills, after, rows, trades) != 0:
                heard[filled] = tolds[0]
                filled += 1
    if run.busy != 0 and run.error == 0:
        begin_bar(
            run, desk, k, bar.ts_open, bar.ts_event, bar.open, bar.high, bar.low, bar.close,
            bar.volume,
        )  # fmt: skip
        while advance(run, desk, account, told, fills, after, rows, trades) != 0:
            heard[filled] = tolds[0]
            filled += 1
    if desk.dirty != 0:
        show(desk, account)
    return account.position, account.avg_px, account.working_count, filled, run.error


# numba's cache compares this file alone: the digest of all code behind it goes into the name.
_settle.__qualname__ = f"settle_{function_digest(_settle)[:16]}"
settle: Final = njit(_settle, cache=True, error_model="numpy", nogil=True)
_compile_when_missing(settle, "a Python strategy's venue")


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
