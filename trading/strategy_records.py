"""The records through which the outside world and a compiled strategy see each other.

All are packed structured dtypes of 8-byte fields, so a record is its own snapshot, an array of
them is a sweep, and numba reads them without a copy. Events of the market (bars, trades, quotes)
are the rows of `messages.arrays`. Prices and sizes are float64: decisions, not money.
"""

from typing import Final

import numpy as np

WORKING_MAX: Final = 32  # orders of one instrument that may be open at once
ORDERS_MAX: Final = 64  # requests that one call may write
BOOK_LEVELS: Final = 10

BUY: Final = 1
SELL: Final = -1
# ORDER.action
SUBMIT: Final = 0
CANCEL: Final = 1
AMEND: Final = 2  # change quantity, price, trigger of `target`; 0 leaves a value as it is
# ORDER.type
MARKET: Final = 0
LIMIT: Final = 1
STOP_MARKET: Final = 2
STOP_LIMIT: Final = 3
TAKE_PROFIT: Final = 4  # a market order once the price has come to `trigger`
TRAILING_STOP: Final = 5  # a stop-market order `trail` behind the best price since it works
# ORDER.tif
GTC: Final = 0
IOC: Final = 1
FOK: Final = 2
GTD: Final = 3  # until `expires`
# WORKING.status
SENT: Final = 0  # decided; the venue is not known to hold it
OPEN: Final = 1
CANCELING: Final = 2  # a cancel was asked for; it may still fill
UNKNOWN: Final = 3  # nobody can say whether the venue holds it
HELD: Final = 4  # part of a bracket: it works once its parent has filled
AMENDING: Final = 5  # a smaller quantity was asked for; until it is confirmed the old one counts

# A request. `target` of a CANCEL or AMEND is the WORKING.sequence of the order that is meant.
# What the live path carries out: SUBMIT of MARKET to STOP_LIMIT with GTC, IOC or FOK, CANCEL, and
# AMEND of the quantity to a smaller one, which is all that a venue changes without a new order.
# A backtest carries out all of it; see docs/backtesting.md.
ORDER: Final = np.dtype(
    [
        ("action", "<i8"),
        ("target", "<i8"),
        ("side", "<i8"),
        ("type", "<i8"),
        ("quantity", "<f8"),
        ("price", "<f8"),
        ("trigger", "<f8"),
        ("tif", "<i8"),
        ("post_only", "<i8"),
        ("reduce_only", "<i8"),
        ("tag", "<i8"),  # the strategy's own mark; it comes back in WORKING and FILL
        ("trail", "<f8"),  # of a TRAILING_STOP: its distance, in quote currency
        ("expires", "<i8"),  # of a GTD order: ns since 1970
        ("group", "<i8"),  # orders of one call with the same group > 0: one fills, others end
        ("parent", "<i8"),  # index in this call of the order that must fill first; -1 none
    ]
)
# One of the strategy's own orders that is not closed, oldest first.
WORKING: Final = np.dtype(
    [
        ("sequence", "<i8"),  # the order's number within the strategy: its identity
        ("side", "<i8"),
        ("type", "<i8"),
        ("price", "<f8"),  # 0 for market orders; the trigger of a stop-market order
        ("quantity", "<f8"),
        ("leaves", "<f8"),
        ("status", "<i8"),
        ("tag", "<i8"),
        ("ts_decided", "<i8"),
    ]
)
# What the strategy may know about itself and its instrument when it decides.
ACCOUNT: Final = np.dtype(
    [
        ("ts", "<i8"),  # of the event at hand: the only clock that a strategy has
        ("acting", "<i8"),  # 0 while requests are not carried out (replay, pause, halt, stale)
        ("position", "<f8"),  # base, > 0 long
        ("avg_px", "<f8"),  # 0 when flat
        ("realized_pnl", "<f8"),  # quote, before commissions
        ("commissions", "<f8"),  # quote
        ("fills", "<i8"),
        ("bid", "<f8"),  # the touch; 0 before the first quote
        ("ask", "<f8"),
        ("tick", "<f8"),
        ("lot", "<f8"),
        ("min_quantity", "<f8"),
        ("min_notional", "<f8"),
        ("maker_fee", "<f8"),
        ("taker_fee", "<f8"),
        ("buying", "<f8"),  # leaves of all own buy orders
        ("selling", "<f8"),
        ("working_count", "<i8"),
        ("working", WORKING, (WORKING_MAX,)),
    ]
)
# The best levels after one update of the book, best first; unused levels are 0.
BOOK: Final = np.dtype(
    [
        ("ts_event", "<i8"),
        ("ts_init", "<i8"),
        ("bids", "<i8"),  # levels that count, <= BOOK_LEVELS
        ("asks", "<i8"),
        ("bid_px", "<f8", (BOOK_LEVELS,)),
        ("bid_sz", "<f8", (BOOK_LEVELS,)),
        ("ask_px", "<f8", (BOOK_LEVELS,)),
        ("ask_sz", "<f8", (BOOK_LEVELS,)),
    ]
)
FILL: Final = np.dtype(
    [
        ("ts_event", "<i8"),
        ("ts_init", "<i8"),
        ("sequence", "<i8"),  # of the order; -1 if it has no number of this strategy
        ("side", "<i8"),
        ("price", "<f8"),
        ("quantity", "<f8"),
        ("leaves", "<f8"),
        ("commission", "<f8"),
        ("maker", "<i8"),
        ("tag", "<i8"),
    ]
)
# What on_timer and on_stale get: the time of the market event seen last, and our own clock.
TICK: Final = np.dtype([("ts_event", "<i8"), ("ts_init", "<i8")])
