"""Tables and books reached through addresses that records hold.

An array travels between compiled parts as seven words, a record as one. With a dozen arrays passed
from part to part the engine took twice as long to compile, so LINE and BOOK hold the addresses of
their arrays, and a part that needs one makes the view on the spot, for the cost of a load. Whoever
fills in an address keeps the array alive; the views do not count references and have no bounds.
"""

from typing import Any, Final

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from messages.arrays import BAR
from trading.result import EQUITY, ORDER_ROW

_ENDLESS: Final = 1 << 40


def _view(dtype: "np.dtype[Any]") -> Any:
    """The compiled function (address) -> array of this dtype, of no known length."""
    rows = types.Array(numba.from_dtype(dtype), 1, "C")

    @intrinsic
    def view(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            made = make_array(rows)(context, builder)
            size = context.get_constant(types.intp, dtype.itemsize)
            populate_array(
                made,
                data=builder.inttoptr(args[0], made.data.type),
                shape=[context.get_constant(types.intp, _ENDLESS)],
                strides=[size],
                itemsize=size,
                meminfo=None,
            )
            return made._getvalue()

        return rows(types.int64), generate

    return view


numbers_at: Final = _view(np.dtype(np.int64))
orders_at: Final = _view(ORDER_ROW)
curve_at: Final = _view(EQUITY)
bars_at: Final = _view(BAR)
