"""Built-in strategies, one idea a file; pure.

`BUILT_IN` names them; `load` imports one, and with it the compiler, only when it is asked for.
A user's own strategy is "path/to/file.py:Name": `split` tells the two apart, and the file becomes
a message that `actors.user_code` loads where the strategy runs.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

from trading.strategy import CompiledStrategy

if TYPE_CHECKING:
    from trading.strategy_python import Strategy

BUILT_IN: Final[Mapping[str, str]] = {
    "trend_following": "strategies.trend_following:STRATEGY",
    "mean_reversion": "strategies.mean_reversion:STRATEGY",
    "momentum": "strategies.momentum:STRATEGY",
    "market_making": "strategies.market_making:STRATEGY",
    "market_making_bars": "strategies.market_making:ON_BARS",
    "grid": "strategies.grid:STRATEGY",
}
# Python strategies: they work off orders on a live market, and are in no backtest.
LIVE: Final[Mapping[str, str]] = {
    "twap": "strategies.executions:Twap",
    "pov": "strategies.executions:Pov",
    "iceberg": "strategies.executions:Iceberg",
}


def load_live(name: str) -> "CompiledStrategy | type[Strategy]":
    """The built-in strategy of this name, as a run takes it.

    raises  ValueError naming the strategies that there are
    """
    if name not in LIVE:
        return load(name)
    module, _, entry = LIVE[name].partition(":")
    found: type[Strategy] = getattr(import_module(module), entry)
    return found


def load(name: str) -> CompiledStrategy:
    """The built-in strategy of this name.

    raises  ValueError naming the strategies that there are
    """
    if name in LIVE:
        raise ValueError(f"{name!r} works off an order on a live market: use it in `manta run`")
    if name not in BUILT_IN:
        known = ", ".join(sorted(BUILT_IN))
        raise ValueError(f"{name!r} is not built in: use one of {known}, or path/to/file.py:Name")
    module, _, entry = BUILT_IN[name].partition(":")
    found = getattr(import_module(module), entry)
    assert isinstance(found, CompiledStrategy), "built-in strategies are compiled ones"
    return found


def split(name: str) -> tuple[str, str] | None:
    """("path/to/file.py", "Name") of a user's own strategy; None for a built-in name."""
    path, colon, entry = name.rpartition(":")
    return (path, entry) if colon else None
