"""The records of the compiled engine for trades, quotes and order books.

Inside the engine prices are whole ticks and sizes whole lots, in int64, so that a queue is exact.
A *key* is a tick seen from its side: the tick of a bid, minus the tick of an ask. The better price
has the larger key on both sides, so that one piece of code serves both. Sides are numbered: 0 bids,
1 asks.

Times are nanoseconds since 1970. The engine has two clocks' worth of state: what is true at the
venue (MARKET, its BOOK, the account that fills move) and what we have heard of it (ACCOUNT, a
second BOOK). REQUEST and ANSWER are what is under way between the two.
"""

from typing import Final

import numpy as np

from trading.kernels.engine_records import LIVE
from trading.strategy_records import FILL, WORKING_MAX

FAR: Final = 1 << 62  # a time that never comes
NONE: Final = -(1 << 62)  # the key of no price
UNSEEN: Final = -1  # RESTING.ahead: the tape has not shown this level, so its queue is unknown
REQUESTS_MAX: Final = 1024  # requests on their way to the venue at once
ANSWERS_MAX: Final = 8192  # answers and fills on their way back at once
ANSWERS_AN_EVENT: Final = 256
TAKES_MAX: Final = 256  # levels that we took from and the tape has not spoken of since
RATE_UNIT: Final = 1e12  # EVENT.size of a funding row: rate * RATE_UNIT
MARK_UNIT: Final = 1e8  # EVENT.price of a funding row: mark price * MARK_UNIT

# EVENT.kind: one of five, and flags
TRADE: Final = 1
QUOTE: Final = 2
DELTA: Final = 4
FUNDING: Final = 8
LAST: Final = 16  # the last row of one update of a book
OPENS: Final = 32  # the first row of a snapshot
CLOSES: Final = 64  # the last row of a snapshot; it is LAST as well
BAR: Final = 128

# One thing that happened in one market, in the order of the venue's time.
EVENT: Final = np.dtype(
    [
        ("ts_event", "<i8"),  # at the venue
        ("ts_init", "<i8"),  # when we hear of it
        ("kind", "<i4"),
        ("instrument", "<i2"),
        ("side", "<i2"),  # DELTA: +1 bid, -1 ask; TRADE: the aggressor, 0 unknown
        ("price", "<i8"),  # tick; QUOTE: of the bid; BAR: index in the table of bars
        ("size", "<i8"),  # lots
        ("price2", "<i8"),  # QUOTE: tick of the ask; TRADE: its id
        ("size2", "<i8"),
    ]
)
# One book. With depth, levels stand in `sizes` at `start[side] + key`, and `words` has a bit a
# level; without, only the touch is known. In what we have heard, `lots` are the ticks of the touch.
BOOK: Final = np.dtype(
    [
        ("depth", "<i8"),
        ("best", "<i8", (2,)),  # keys; NONE if the side is empty
        ("lots", "<i8", (2,)),  # without depth: at the touch
        ("start", "<i8", (2,)),
        ("low", "<i8", (2,)),  # no level has a smaller key
        ("first", "<i8"),  # keys that the arrays have room for, as ticks: first..last
        ("last", "<i8"),
        ("seen", "<i8"),  # the tape has shown something
        ("sizes", "<i8"),  # addresses, see l2_memory
        ("words", "<i8"),
    ]
)
# RESTING.stage
INCOMING: Final = 0
RESTS: Final = 1
STOPPED: Final = 2  # waits for its trigger
HELD_BACK: Final = 3  # waits for its parent's fill
# An order of ours as the venue holds it; in order of time.
RESTING: Final = np.dtype(
    [
        ("id", "<i8"),
        ("side", "<i8"),  # +1, -1
        ("type", "<i8"),
        ("stage", "<i8"),
        ("tif", "<i8"),
        ("post_only", "<i8"),
        ("reduce_only", "<i8"),
        ("tag", "<i8"),
        ("key", "<i8"),  # NONE for what has no price
        ("trigger", "<i8"),  # tick
        ("trail", "<i8"),  # ticks
        ("floor", "<i8"),  # worst key of the other side that it takes: its limit, or protection
        ("lots", "<i8"),
        ("leaves", "<i8"),
        ("filled", "<i8"),
        ("ahead", "<i8"),  # lots in front of us at our price, or UNSEEN
        ("traded", "<i8"),  # lots that traded at our price since the tape's last word about it
        ("expires", "<i8"),
        ("group", "<i8"),
        ("parent", "<i8"),  # id, -1 none
    ]
)
MARKET: Final = np.dtype(
    [
        ("count", "<i8"),
        ("stops", "<i8"),
        ("gtds", "<i8"),
        ("tied", "<i8"),  # orders that have a group or a parent
        ("reducing", "<i8"),  # reduce-only orders that rest
        ("best", "<i8", (2,)),  # of our resting orders: keys; NONE without
        ("worst", "<i8", (2,)),
        ("last", "<i8"),  # tick of the tape's last trade; NONE before
        ("low", "<i8"),  # liquidation is due when bid + ask in ticks come down to here, or
        ("high", "<i8"),  # up to here
        ("takes", "<i8"),
        ("take_side", "<i8", (TAKES_MAX,)),
        ("take_key", "<i8", (TAKES_MAX,)),
        ("take_lots", "<i8", (TAKES_MAX,)),
        ("orders", RESTING, (WORKING_MAX + 1,)),  # the last is room to move one through
    ]
)
REQUEST: Final = np.dtype(
    [
        ("arrives", "<i8"),
        ("action", "<i8"),
        ("instrument", "<i8"),
        ("id", "<i8"),
        ("side", "<i8"),
        ("type", "<i8"),
        ("tif", "<i8"),
        ("post_only", "<i8"),
        ("reduce_only", "<i8"),
        ("tag", "<i8"),
        ("price", "<i8"),  # ticks; 0 none
        ("trigger", "<i8"),
        ("trail", "<i8"),
        ("protection", "<i8"),  # worst tick of an order without a price; 0 none
        ("lots", "<i8"),
        ("expires", "<i8"),
        ("group", "<i8"),
        ("parent", "<i8"),
    ]
)
# ANSWER.what
ACCEPTED: Final = 0
FILLED: Final = 1
ENDED: Final = 2
AMENDED: Final = 3
WORKS: Final = 4  # a bracket's order, once its parent has filled
ANSWER: Final = np.dtype(
    [
        ("arrives", "<i8"),
        ("ts", "<i8"),  # at the venue
        ("what", "<i8"),
        ("instrument", "<i8"),
        ("id", "<i8"),
        ("side", "<i8"),
        ("price", "<f8"),
        ("quantity", "<f8"),
        ("leaves", "<f8"),
        ("commission", "<f8"),
        ("maker", "<i8"),
        ("tag", "<i8"),
        # the account after a fill
        ("position", "<f8"),
        ("avg_px", "<f8"),
        ("realized_pnl", "<f8"),
        ("commissions", "<f8"),
    ]
)
# A way that words travel: the addresses of measured times and delays, and how far it has come.
WAY: Final = np.dtype(
    [
        ("times", "<i8"),
        ("delays", "<i8"),
        ("count", "<i8"),
        ("at", "<i8"),  # the last measurement at or before the last word, or 0
        ("last", "<i8"),  # when the last word arrives
    ]
)
# What a run has one of, besides RUN.
LINE: Final = np.dtype(
    [
        # settings
        ("queue", "<i8"),  # l2_queue: the model
        ("power", "<f8"),
        ("whole", "<i8"),  # a maker that is reached fills whole, whatever the trade's size
        ("bare", "<i8"),  # a level that the tape does not reach has nobody in it
        ("react", "<i8"),  # the strategy has on_fill
        ("handled", "<i8"),  # the bits of EVENT.kind on which the strategy decides
        ("sample_ns", "<i8"),
        ("timer_ns", "<i8"),
        ("ordered", "<i8"),  # rows are heard in their order
        ("ts_last", "<i8"),  # when the last row is heard
        # progress
        ("now", "<i8"),  # the venue's clock
        ("local_now", "<i8"),  # ours
        ("venue_at", "<i8"),  # rows that have happened
        ("local_at", "<i8"),  # rows that we have heard
        ("peek", "<i8"),
        ("alarm", "<i8"),  # the venue's next business that is no row: request, sample, expiry
        ("timer_due", "<i8"),
        ("sample_due", "<i8"),
        ("gtd_due", "<i8"),
        ("refused_at", "<i8"),  # when risk refused an order that still counts as working; FAR
        ("samples", "<i8"),
        ("finished", "<i8"),
        # rings: head counts what was taken out, tail what was put in
        ("requests_head", "<i8"),
        ("requests_tail", "<i8"),
        ("answers_head", "<i8"),
        ("answers_tail", "<i8"),
        ("requests", REQUEST, (REQUESTS_MAX,)),
        ("answers", ANSWER, (ANSWERS_MAX,)),
        # the turn that is under way (`trading.kernels.l2_door`)
        ("phase", "<i8"),
        ("due", "<i8"),  # when the strategy would be asked next
        ("row_due", "<i8"),  # for a row of the tape
        ("asked", "<i8"),  # instrument of the handler that was called last
        ("timer_at", "<i8"),  # instrument whose timer comes next
        ("row", "<i8"),  # the row that the handler is called with
        # the two ways, scratch
        ("there", WAY, (1,)),
        ("back", WAY, (1,)),
        ("live", LIVE, (1,)),
        ("told", FILL, (1,)),
        # the addresses of the tables, besides those in RUN
        ("engine", "<i8"),  # the code that `trading.kernels.l2_door` compiles
        ("run_at", "<i8"),
        ("events_at", "<i8"),
        ("rows", "<i8"),
        ("heard_at", "<i8"),
        ("markets_at", "<i8"),
        ("books_at", "<i8"),
        ("nears_at", "<i8"),
        ("seens_at", "<i8"),  # ACCOUNT, as far as we have heard
        ("show_at", "<i8"),
        ("orders_at", "<i8"),
        ("curve_at", "<i8"),
        ("curve_room", "<i8"),
        ("bars_at", "<i8"),
    ]
)
