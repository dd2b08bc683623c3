"""The book update of `trading.kernels.book` in NumPy: its reference, and what runs without numba.

A freshly started feed must not wait for a compiler, and 50 us a batch is enough for a wire.
"""

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]


def apply_side(  # noqa: PLR0913, PLR0917 - the signature of its compiled twin
    prices: F8, sizes: F8, n: int, sign: float, new_prices: F8, new_sizes: F8
) -> int:
    """Apply rows to one side in place; see the compiled twin.

    ->     the number of levels afterwards
    cost   O(n + len(rows) log len(rows)), vectorised
    """
    if len(new_prices) == 0:
        return n
    # Of several rows of one price only the last one counts.
    keys, last = np.unique(sign * new_prices[::-1], return_index=True)
    amounts = new_sizes[::-1][last]
    have = sign * prices[:n]
    at = np.searchsorted(have, keys)
    hit = at < n
    hit[hit] = have[at[hit]] == keys[hit]
    sizes[at[hit]] = amounts[hit]
    fresh = ~hit & (amounts > 0.0)
    if fresh.any():
        added = np.insert(have, at[fresh], keys[fresh])
        grown = np.insert(sizes[:n], at[fresh], amounts[fresh])
        n = len(added)
        prices[:n], sizes[:n] = sign * added, grown
    if not amounts.all():
        keep = sizes[:n] > 0.0
        kept_prices, kept_sizes = prices[:n][keep], sizes[:n][keep]
        n = len(kept_prices)
        prices[:n], sizes[:n] = kept_prices, kept_sizes
    return n
