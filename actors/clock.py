"""Where an actor's time comes from."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def since_boot_ns() -> int:
    """A clock that nobody sets, the same in all processes of one start of the machine; where the
    system has such a clock, sleep counts."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot_id() -> str:
    """Which start of the machine this is; "" where the system does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class Clock(Protocol):
    """Time as an actor's cores see it."""

    def now_ns(self) -> int:
        """UTC, nanoseconds; never less than before."""
        ...

    def saw(self, ts_ns: int) -> None:
        """A message carried this time."""
        ...


class WallClock:
    """The host's clock, kept from running backwards.

    While the host's clock is behind what was told, because somebody set it back, time goes on at
    half its pace until the host has caught up: a clock that stood still would make whatever is
    measured with it look instant.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns, self._steady_ns = wall_ns, steady_ns
        self._last_ns = 0
        self._then_ns = 0  # steady time of `_last_ns`

    def now_ns(self) -> int:
        wall_ns, now_ns = self._wall_ns(), self._steady_ns()
        self._last_ns = max(self._last_ns + (now_ns - self._then_ns) // 2, wall_ns)
        self._then_ns = now_ns
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
