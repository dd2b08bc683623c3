"""The venue's clock as seen from here: our clock plus a measured offset.

An offset is measured with one request: the server's time lies somewhere between sending and
receiving, so the middle is right to half the round trip. Of several measurements the one with the
shortest round trip is kept.
"""

from collections.abc import Callable
from typing import Final

from trading.errors import Ambiguous, Garbled, NotSent
from venues.binance.codec_rest import decode_server_time
from venues.binance.transport_rest import Rest

_SAMPLES: Final = 3


class VenueClock:
    """`now_ns` of the venue; until the first `sync` it is our own.

    uncertainty_ns  half the round trip of the measurement in use; -1 before the first
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self.offset_ns = 0
        self.uncertainty_ns = -1

    def now_ns(self) -> int:
        return self._now_ns() + self.offset_ns

    async def sync(self, rest: Rest) -> bool:
        """Measure; False if the venue gave no time, which leaves the offset as it was."""
        best: tuple[int, int] | None = None
        for _ in range(_SAMPLES):
            sent_ns = self._now_ns()
            try:
                answer = await rest.public("time")
                server_ns = decode_server_time(answer.body)
            except (NotSent, Ambiguous, Garbled):
                continue
            received_ns = self._now_ns()
            half = (received_ns - sent_ns) // 2
            # The venue rounds down to milliseconds, so half of one is missing on average.
            found = (half, server_ns + 500_000 - (sent_ns + half))
            best = found if best is None else min(best, found)
        if best is None:
            return False
        self.uncertainty_ns, self.offset_ns = best
        return True
