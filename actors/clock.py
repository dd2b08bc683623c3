"""Where an actor's time comes from."""

import time
from typing import Protocol


class Clock(Protocol):
    """Time as an actor's cores see it."""

    def now_ns(self) -> int:
        """UTC, nanoseconds; never less than before."""
        ...

    def saw(self, ts_ns: int) -> None:
        """A message carried this time."""
        ...


class WallClock:
    """The host's clock, kept from running backwards when it is stepped."""

    def __init__(self) -> None:
        self._last_ns = 0

    def now_ns(self) -> int:
        self._last_ns = max(self._last_ns, time.time_ns())
        return self._last_ns

    def saw(self, ts_ns: int) -> None:
        """Messages do not move the host's clock."""


class DataClock:
    """The largest time seen in a message: a scripted scenario runs the same at any speed."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def saw(self, ts_ns: int) -> None:
        self._now_ns = max(self._now_ns, ts_ns)
