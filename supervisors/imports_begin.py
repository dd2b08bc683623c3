"""First on the list of preloaded modules: see `imports_end`."""

import gc

gc.disable()
