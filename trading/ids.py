"""Identity as a pure function: the same run, strategy and sequence give the same order id."""

import hashlib
from typing import Final

from messages.base import ClientOrderId, RunId, StrategyId

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
    stream = hashlib.sha256(f"{run_id}\0{strategy_id}".encode()).hexdigest()[:_STREAM_CHARS]
    return ClientOrderId(f"M{stream}{sequence:0{_SEQUENCE_DIGITS}d}")
