"""Tables, books and rings reached through addresses that records hold.

As `engine_memory`: an array travels between compiled parts as seven words, a record as one. With a
dozen arrays passed from part to part the engine took twice as long to compile, and an array that
lies within a record costs a part as much again wherever it takes a row. So LINE, RUN and BOOK hold
the addresses of their tables, and a part makes the record that it needs on the spot. Whoever fills
in an address keeps the memory alive; nothing here counts references or knows bounds.
"""

from typing import Any, Final

import numpy as np
from numba import types
from numba.extending import intrinsic

from trading.kernels.engine_memory import Row, llvm, part_of, row_of
from trading.kernels.l2_records import BOOK, EVENT, LINE, MARKET
from trading.result import EQUITY
from trading.strategy_records import BOOK as SHOWN


@intrinsic
def turn(typing_context: Any, door: Any, line: Any, count: Any) -> Any:
    """Call the engine at the address `door`; see `trading.kernels.l2_door`."""
    word = llvm.IntType(64)
    kind = llvm.FunctionType(word, [word, word])

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])

    return types.int64(*[types.int64] * 3), generate


line_at: Final[Row] = row_of(LINE)
event_at: Final[Row] = row_of(EVENT)
market_at: Final[Row] = row_of(MARKET)
book_at: Final[Row] = row_of(BOOK)
show_at: Final[Row] = row_of(SHOWN)
curve_row_at: Final[Row] = row_of(EQUITY)
number_at: Final[Row] = row_of(np.dtype([("n", "<i8")]))
order_of: Final[Row] = part_of(MARKET, "orders")
request_of: Final[Row] = part_of(LINE, "requests")
answer_of: Final[Row] = part_of(LINE, "answers")
there_of: Final[Row] = part_of(LINE, "there")
back_of: Final[Row] = part_of(LINE, "back")
live_at_venue: Final[Row] = part_of(LINE, "live")
told_of: Final[Row] = part_of(LINE, "told")
