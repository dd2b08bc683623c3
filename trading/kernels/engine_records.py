"""The records that the parts of the compiled backtest engine share.

RUN holds what the whole run has one of: its settings, its money, its figures. DESK holds what each
instrument has one of: its rules, its working orders, the bar that is being walked through. Kernels
get them as pointers, so a call costs nothing, and a run that stops in the middle goes on from them.
"""

from typing import Final

import numpy as np

from trading.strategy_records import WORKING_MAX

TIERS_MAX: Final = 16
VOLUME_DAYS: Final = 30  # fee tiers look at the traded value of so many days
FILLS_A_BAR_MAX: Final = 1024  # of one instrument: beyond it, orders chase each other
ROOM: Final = 2048  # free rows that a bar may need; the caller gives more between bars
DAY_NS: Final = 86_400_000_000_000

# LIVE.stage
NEW: Final = 0  # decided; the market has not seen it
RESTING: Final = 1
WAITING: Final = 2  # for its parent's fill
# RUN.path_rule: the order in which a bar visits its extremes
ADVERSE: Final = 0
NEAREST: Final = 1
HIGH_FIRST: Final = 2
LOW_FIRST: Final = 3
# RUN.error
ERROR_COUNT: Final = 1  # more requests than fit
ERROR_SIDE: Final = 2
ERROR_TYPE: Final = 3
ERROR_TIF: Final = 4
ERROR_QUANTITY: Final = 5
ERROR_PRICE: Final = 6
ERROR_TRIGGER: Final = 7
ERROR_TRAIL: Final = 8
ERROR_PARENT: Final = 9
ERROR_ACTION: Final = 10
ERROR_CHASE: Final = 11
ERROR_RAISED: Final = 12  # set outside: the handler raised
ERROR_EXPIRES: Final = 13

# An order of ours that is not closed, oldest first in its desk.
LIVE: Final = np.dtype(
    [
        ("id", "<i8"),
        ("side", "<i8"),
        ("type", "<i8"),  # STOP_LIMIT becomes LIMIT once it is triggered
        ("stage", "<i8"),
        ("step", "<i8"),  # of the bar on which it was decided
        ("skip", "<i8"),  # the step on which no more can be had for it
        ("tif", "<i8"),
        ("post_only", "<i8"),
        ("reduce_only", "<i8"),
        ("tag", "<i8"),
        ("ts", "<i8"),
        ("expires", "<i8"),
        ("group", "<i8"),
        ("parent", "<i8"),
        ("quantity", "<f8"),
        ("leaves", "<f8"),
        ("filled", "<f8"),
        ("price", "<f8"),
        ("trigger", "<f8"),
        ("trail", "<f8"),
        ("reference", "<f8"),  # the price when it was decided: price protection counts from it
    ]
)
DESK: Final = np.dtype(
    [
        # rules
        ("instrument", "<i8"),
        ("tick", "<f8"),
        ("ticks_a_unit", "<f8"),  # 1 / tick if that is whole, else 0
        ("lot", "<f8"),
        ("lots_a_unit", "<f8"),
        ("min_quantity", "<f8"),
        ("max_quantity", "<f8"),
        ("min_notional", "<f8"),
        ("maker_fee", "<f8"),
        ("taker_fee", "<f8"),
        ("maintenance", "<f8"),
        ("fx", "<f8"),  # settlement currency per quote currency, now
        # now
        ("price", "<f8"),
        ("count", "<i8"),
        ("timer_due", "<i8"),  # 0 before the first step
        ("plain", "<i8"),  # the last order is a market order, alone, and tied to nothing
        ("dirty", "<i8"),  # ACCOUNT.working is behind
        # the walk through a bar
        ("row", "<i8"),  # the bar
        ("leg", "<i8"),
        ("last_leg", "<i8"),
        ("next", "<i8"),
        ("instant", "<i8"),
        ("at", "<f8"),
        ("points", "<f8", (4,)),
        ("volume", "<f8"),
        ("liquidity", "<f8"),
        ("ts_open", "<i8"),
        ("ts_close", "<i8"),
        ("fills_here", "<i8"),
        # the round trip that is under way
        ("trip_ts", "<i8"),
        ("trip_step", "<i8"),
        ("trip_entered", "<f8"),
        ("trip_entry_value", "<f8"),
        ("trip_exited", "<f8"),
        ("trip_exit_value", "<f8"),
        ("trip_fee", "<f8"),
        ("trip_pnl", "<f8"),
        ("orders", LIVE, (WORKING_MAX,)),
    ]
)
RUN: Final = np.dtype(
    [
        # where everything is (`trading.kernels.engine_memory`); 0 where there is nothing
        ("engine", "<i8"),  # the code that `trading.kernels.engine_door` compiles
        ("bars_at", "<i8"),
        ("packed_at", "<i8"),  # the columns of bars that the strategy reads
        ("events_at", "<i8"),
        ("desks_at", "<i8"),
        ("desk_count", "<i8"),
        ("accounts_at", "<i8"),
        ("states_at", "<i8"),
        ("params_at", "<i8"),
        ("asks_at", "<i8"),
        ("made_at", "<i8"),  # scratch: the id that each request of a call became, -1 none
        ("told_at", "<i8"),
        ("heard_at", "<i8"),
        ("metrics_at", "<i8"),
        ("curve_at", "<i8"),
        ("curve_room", "<i8"),
        ("orders_at", "<i8"),
        ("fills_at", "<i8"),
        ("after_at", "<i8"),
        ("trades_at", "<i8"),
        # settings
        ("at_close", "<i8"),
        ("path_rule", "<i8"),
        ("through", "<i8"),
        ("slippage", "<f8"),
        ("share", "<f8"),  # of a bar's volume that we may trade; 0 all we want
        ("impact", "<f8"),
        ("protection", "<f8"),
        ("margin", "<i8"),
        ("leverage", "<f8"),
        ("liquidation_fee", "<f8"),
        ("tiers", "<i8"),
        ("tier_volume", "<f8", (TIERS_MAX,)),
        ("tier_maker", "<f8", (TIERS_MAX,)),
        ("tier_taker", "<f8", (TIERS_MAX,)),
        ("plain", "<i8"),  # orders fill whole, are paid in cash, and nobody is told
        ("tells", "<i8"),  # the strategy has on_fill
        ("keep", "<i8"),  # rows of orders, fills and trades are written
        # progress
        ("step", "<i8"),
        ("busy", "<i8"),  # orders that work, + 1 while rows run short, + positions on margin
        ("full", "<i8"),
        ("orders_room", "<i8"),
        ("fills_room", "<i8"),
        ("error", "<i8"),
        ("error_request", "<i8"),
        ("error_value", "<f8"),
        # money
        ("initial", "<f8"),
        ("cash", "<f8"),
        ("others", "<f8"),  # value of the positions in other instruments
        ("others_maintenance", "<f8"),
        ("others_initial", "<f8"),
        ("fees", "<f8"),
        ("funding", "<f8"),
        ("turnover", "<f8"),
        ("volume_day", "<i8"),
        ("volume", "<f8", (VOLUME_DAYS,)),
        # counts
        ("orders", "<i8"),
        ("fills", "<i8"),
        ("trades", "<i8"),
        ("dropped", "<i8"),
        ("wins", "<i8"),
        ("gained", "<f8"),
        ("lost", "<f8"),
        ("liquidated", "<i8"),
        # figures
        ("peak", "<f8"),
        ("trough", "<f8"),
        ("drawdown", "<f8"),
        ("exposed", "<i8"),
        ("steps", "<i8"),
        ("ts_start", "<i8"),
        ("ts_end", "<i8"),
        ("day_end", "<i8"),
        ("last_equity", "<f8"),  # of the step before
        ("day_equity", "<f8"),
        ("days", "<i8"),
        ("mean", "<f8"),
        ("m2", "<f8"),
        ("m3", "<f8"),
        ("m4", "<f8"),
        ("downside", "<f8"),
        ("equity_sum", "<f8"),
    ]
)
# What FILL_ROW does not hold, for the equity table: the step and the cash after the fill.
AFTER: Final = np.dtype([("step", "<i8"), ("cash", "<f8")])
# A step of the curve where there are several instruments or intervals.
STEP: Final = np.dtype([("equity", "<f8"), ("cash", "<f8"), ("position", "<f8"), ("price", "<f8")])
