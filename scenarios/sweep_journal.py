"""What a sweep has computed, appended to a file piece by piece as it comes in.

The file is the memory of `--resume`: figures by (trial, bars), each beside a checksum of the
parameters they are of and one of the record itself. A record that a crash left half written is cut
off; it was never told to anybody.
"""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from messages.arrays import Rows
from scenarios.spec import BadSpec
from trading.result import METRICS

I8 = NDArray[np.int64]
RECORD: Final = np.dtype(
    [
        ("trial", "<i8"),
        ("bars", "<i8"),
        ("params", "<u4"),
        ("metrics", METRICS),
        ("check", "<u4"),
    ]
)
_MAGIC: Final = f"manta sweep 1 {crc32(repr(METRICS.descr).encode()):08x}\n".encode()
_SYNC_S: Final = 1.0


class SweepJournal:
    """One sweep's journal; held by one process at a time.

    raises  BadSpec if another process has it, or it was written by another version
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[tuple[int, int], Rows] = {}
        self._checks: dict[tuple[int, int], int] = {}
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise BadSpec(f"{path.parent}: this sweep is running: let it end, or stop it") from None
        self._load()
        self._synced_s = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def keep(self, trials: I8, bars: int, params: Rows, metrics: Rows) -> None:
        """Append figures; they survive this process at once, and the machine after a second."""
        rows = np.zeros(len(trials), RECORD)
        rows["trial"], rows["bars"], rows["metrics"] = trials, bars, metrics
        rows["params"] = [crc32(p.tobytes()) for p in params]
        rows["check"] = [_check(row) for row in rows]
        self._file.write(rows.tobytes())
        self._file.flush()
        if time.monotonic() - self._synced_s > _SYNC_S:
            self.sync()

    def find(self, trial: int, bars: int, params: bytes) -> Rows | None:
        """(1,) METRICS that are kept; None if there are none.

        raises  BadSpec if they are of other parameters: the search asks something else than before
        """
        found = self.known.get((trial, bars))
        if found is not None and self._checks[trial, bars] != crc32(params):
            raise BadSpec(
                f"{self.path.parent}: trial {trial} has other parameters than before: this version"
                " searches differently: start the sweep anew"
            )
        return found

    def sync(self) -> None:
        """Have all of it on the disk."""
        os.fsync(self._file.fileno())
        self._synced_s = time.monotonic()

    def close(self) -> None:
        """Let another process have it."""
        if not self._file.closed:
            self.sync()
            self._file.close()

    def _load(self) -> None:
        self._file.seek(0)
        raw = self._file.read()
        if not raw or (len(raw) < len(_MAGIC) and _MAGIC.startswith(raw)):
            self._file.truncate(0)
            self._file.write(_MAGIC)
            self._file.flush()
            return
        if not raw.startswith(_MAGIC):
            raise BadSpec(f"{self.path}: written by another version: start the sweep anew")
        body = raw[len(_MAGIC) :]
        rows = np.frombuffer(body, RECORD, len(body) // RECORD.itemsize)
        whole = 0
        for row in rows:
            if _check(row) != row["check"]:
                break
            key = int(row["trial"]), int(row["bars"])
            self.known[key] = rows[whole : whole + 1]["metrics"]
            self._checks[key] = int(row["params"])
            whole += 1
        self._file.truncate(len(_MAGIC) + whole * RECORD.itemsize)


def _check(row: np.void) -> int:
    return crc32(row.tobytes()[: -RECORD["check"].itemsize])
