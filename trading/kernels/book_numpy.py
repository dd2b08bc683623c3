"""The book update of `trading.kernels.book` in NumPy: its reference, and what runs without numba.

A freshly started feed must not wait for a compiler, and 50 us a batch is enough for a wire.
"""

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]


def apply_side(prices: F8, sizes: F8, n: int, sign: float, new_prices: F8, new_sizes: F8) -> int:
    """Apply rows to one side in place; see the compiled twin.

    ->     the number of levels afterwards
    cost   O(n + len(rows) log len(rows)), vectorised
    """
    if len(new_prices) == 0:
        return n
    # Of several rows of one price only the last one counts: a stable sort keeps it last.
    keys = sign * new_prices
    order = keys.argsort(kind="stable")
    keys, amounts = keys[order], new_sizes[order]
    if len(keys) > 1:
        last = np.empty(len(keys), np.bool_)
        np.not_equal(keys[1:], keys[:-1], out=last[:-1])
        last[-1] = True
        keys, amounts = keys[last], amounts[last]
    have = sign * prices[:n]
    at = have.searchsorted(keys)
    hit = at < n
    hit[hit] = have[at[hit]] == keys[hit]
    sizes[at[hit]] = amounts[hit]
    fresh = ~hit
    fresh &= amounts > 0.0
    # Keys ascend, so nothing below the first one moves: only the tail is written anew.
    low = int(at[0])
    added = int(np.count_nonzero(fresh))
    if added:
        spots = at[fresh] - low
        spots += np.arange(added)
        end = n - low + added
        old = np.ones(end, np.bool_)
        old[spots] = False
        merged = np.empty(end)
        merged[old], merged[spots] = have[low:], keys[fresh]
        grown = np.empty(end)
        grown[old], grown[spots] = sizes[low:n], amounts[fresh]
        n = low + end
        np.multiply(merged, sign, out=prices[low:n])
        sizes[low:n] = grown
    if not amounts.all():
        keep = sizes[low:n] > 0.0
        kept = low + int(np.count_nonzero(keep))
        prices[low:kept], sizes[low:kept] = prices[low:n][keep], sizes[low:n][keep]
        n = kept
    return n
