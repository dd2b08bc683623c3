"""Identity as a pure function: the same run, strategy and sequence give the same order id."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from messages.base import ClientOrderId, RunId, StrategyId

EXTERNAL: Final = StrategyId("EXTERNAL")  # whose order it is when it is nobody's of this run
_SEQUENCE_DIGITS: Final = 8
_STREAM_CHARS: Final = 12


def client_order_id(run_id: RunId, strategy_id: StrategyId, sequence: int) -> ClientOrderId:
    """The id of a strategy's `sequence`-th order in a run: 21 characters of [0-9a-f] and "M".

    Valid on every venue we know (<= 32 alphanumerics). 48 bits name the (run, strategy) stream:
    a thousand streams of one account collide with a chance of about 2e-9.
    raises  ValueError if sequence is outside 0 .. 99,999,999
    """
    if not 0 <= sequence < 10**_SEQUENCE_DIGITS:
        raise ValueError(f"sequence {sequence}: outside 0 .. {10**_SEQUENCE_DIGITS - 1}")
    return ClientOrderId(f"{stream(run_id, strategy_id)}{sequence:0{_SEQUENCE_DIGITS}d}")


def stream(run_id: RunId, strategy_id: StrategyId) -> str:
    """What all order ids of a strategy in a run begin with: 13 characters."""
    name = hashlib.sha256(f"{run_id}\0{strategy_id}".encode()).hexdigest()
    return f"M{name[:_STREAM_CHARS]}"


def owners(run_id: RunId, strategies: Iterable[StrategyId]) -> dict[str, StrategyId]:
    """Whose orders a run's ids belong to, for `owner_of`."""
    return {stream(run_id, strategy_id): strategy_id for strategy_id in strategies}


def owner_of(owners: Mapping[str, StrategyId], order_id: str) -> StrategyId | None:
    """The strategy that an order id is derived from; None for an id of nobody's in this run."""
    name, digits = order_id[:-_SEQUENCE_DIGITS], order_id[-_SEQUENCE_DIGITS:]
    return owners.get(name) if len(digits) == _SEQUENCE_DIGITS and digits.isdecimal() else None
