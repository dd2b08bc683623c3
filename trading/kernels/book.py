"""Order book updates over plain arrays: a compiled loop, and the same in NumPy.

A side is two arrays, prices and sizes, of which the first `n` entries count: the worst price
first and the best last, because nearly every change is near the best and so moves few entries.
`sign` is +1 for bids (ascending) and -1 for asks (descending). Rows are applied in order; a size
of 0 removes the level. The caller provides room for n + len(rows) levels.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

F8 = NDArray[np.float64]


@njit(cache=True)
def apply_side(prices: F8, sizes: F8, n: int, sign: float, new_prices: F8, new_sizes: F8) -> int:
    """Apply rows to one side in place.

    ->     the number of levels afterwards
    cost   O(len(rows) * (log n + distance from the best))
    """
    for i in range(new_prices.shape[0]):
        price, size = new_prices[i], new_sizes[i]
        key = sign * price
        low, high = 0, n
        while low < high:
            middle = (low + high) // 2
            if sign * prices[middle] < key:
                low = middle + 1
            else:
                high = middle
        found = low < n and prices[low] == price
        if found and size > 0.0:
            sizes[low] = size
        elif found:
            for j in range(low, n - 1):
                prices[j] = prices[j + 1]
                sizes[j] = sizes[j + 1]
            n -= 1
        elif size > 0.0:
            for j in range(n, low, -1):
                prices[j] = prices[j - 1]
                sizes[j] = sizes[j - 1]
            prices[low] = price
            sizes[low] = size
            n += 1
    return n
