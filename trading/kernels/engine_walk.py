"""The beginning of a walk through a bar, and the way that it takes: see `engine_match`."""

from typing import Any

from trading.kernels.engine_kernel import cold, kernel
from trading.kernels.engine_memory import bar_row_at
from trading.kernels.engine_records import ADVERSE, HIGH_FIRST, NEAREST


@kernel("run desk i8 i8 i8 f8")
def begin_bar(run: Any, desk: Any, step: int, row: int, ts: int, opened: float) -> None:
    """Set the walk to the open of a bar.

    row  its index; the rest of it is read when the walk goes on from the open, which it seldom does
    """
    _begin(run, desk, step, row, ts, opened)
    desk.last_leg = 3
    desk.instant = 0


@kernel("run desk i8 i8 i8 f8")
def begin_instant(run: Any, desk: Any, step: int, row: int, ts: int, price: float) -> None:
    """Set the walk to a single price: new orders may trade at it, and nothing comes after."""
    _begin(run, desk, step, row, ts, price)
    desk.last_leg = 0
    desk.instant = 1


@kernel("run desk i8 i8 i8 f8")
def _begin(run: Any, desk: Any, step: int, row: int, ts: int, price: float) -> None:
    run.step = step
    desk.row = row
    desk.ts_open = ts
    desk.leg = 0
    desk.next = 0
    desk.fills_here = 0
    desk.at = price
    desk.volume = 0.0
    desk.liquidity = 1e300
    if run.share > 0.0 or run.impact > 0.0:
        desk.volume = bar_row_at(run.bars_at, row).volume
        if run.share > 0.0:
            desk.liquidity = run.share * desk.volume


@kernel("run desk f8")
def leave_open(run: Any, desk: Any, position: float) -> None:
    """Choose the way of the walk from the open to the close."""
    cold()
    bar = bar_row_at(run.bars_at, desk.row)
    rule = run.path_rule
    high, low = bar.high, bar.low
    rise, fall = high - bar.open, bar.open - low
    high_first = rule == HIGH_FIRST or (rule <= NEAREST and rise <= fall + 1e-3 * desk.tick)
    if rule == ADVERSE and position != 0.0:  # what filled at the open counts
        high_first = position < 0.0
    desk.ts_close = bar.ts_event
    points = desk.points
    points[1] = high if high_first else low
    points[2] = low if high_first else high
    points[3] = bar.close
