"""Importing this starts numba's compiler context, so that the first cached function loads at once.

Numba fills its typing and lowering tables at the first call of any compiled function, which takes
longer than the load itself. A worker process that waits for an actor imports this beforehand; the
actor that a crash needs back then loads its strategy in a few hundredths of a second.
"""

from numba.core.registry import cpu_target

cpu_target.typing_context.refresh()
cpu_target.target_context.refresh()
