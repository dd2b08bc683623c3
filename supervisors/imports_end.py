"""Last on the list of preloaded modules: what was imported will never be garbage.

The collector walks every object again and again while modules are imported, a fifth of the
processor time that a new worker takes, and afterwards whenever an actor has made enough objects: a
pause on the trading path. It is off while we import, and then never looks at those objects again.
"""

import gc

gc.freeze()
gc.enable()
