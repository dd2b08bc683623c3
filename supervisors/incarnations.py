"""Incarnation numbers that never repeat, whatever dies: an append-only file of claims.

Theory of operation. A number is claimed, and the claim is on disk, before the process that will
bear it is started. Whoever dies between the two leaves a hole in the sequence, never a repetition.
The file has one writer, the root supervisor, and one line a claim; a torn last line was never
answered, so nobody bears its number and it is dropped; a claim that a full disk cuts short is taken
back at once and refused. Halts are kept here too, and whether the
order manager has confirmed them: a root that comes back must not forget that it had given up, nor
die between the decision and the deed.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class _Known:
    last: dict[str, int] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)  # of this session
    halted: dict[str, str] = field(default_factory=dict)  # given-up child -> reason
    told: set[str] = field(default_factory=set)  # those of them whose halt was confirmed


class Incarnations:
    """The claims of one run. `session` names one start of the whole system."""

    def __init__(self, path: Path, session: str) -> None:
        self._path = path
        self._known = _Known()
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = path.read_bytes() if path.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) < len(raw):
            with path.open("r+b") as file:
                file.truncate(len(whole))
        current = ""
        for line in whole.decode().splitlines():
            if line.startswith("session "):
                current = line.removeprefix("session ")
                self._known.claims.clear()
                self._known.halted.clear()
            else:
                self._fold(line)
        if current != session:
            self._append(f"session {session}")
            self._known.claims.clear()
            self._known.halted.clear()

    def claim(self, name: str) -> int:
        """The next number of `name`, on disk when this returns. Blocks for one fsync."""
        number = self._known.last.get(name, 0) + 1
        self._append(f"claim {number} {name}")
        self._fold(f"claim {number} {name}")
        return number

    def halt(self, name: str, reason: str) -> None:
        """Remember that the root gave up on `name`; a new session forgets it."""
        line = f"halt {name} {' '.join(reason.split())}"
        self._append(line)
        self._fold(line)

    def told(self, name: str) -> None:
        """Remember that the halt over `name` has been carried out."""
        self._append(f"told {name}")
        self._fold(f"told {name}")

    def resume(self) -> None:
        """Forget every halt of this session."""
        self._append("resume")
        self._fold("resume")

    @property
    def halted(self) -> dict[str, str]:
        """Children that the root has given up, with the reason."""
        return dict(self._known.halted)

    @property
    def untold(self) -> dict[str, str]:
        """Halts that nobody has confirmed yet."""
        return {n: r for n, r in self._known.halted.items() if n not in self._known.told}

    def restarts(self, name: str) -> int:
        """How often `name` was started again in this session."""
        return max(self._known.claims.get(name, 0) - 1, 0)

    def _fold(self, line: str) -> None:
        known = self._known
        match line.split(" ", 2):
            case ["claim", number, name]:
                known.last[name] = int(number)
                known.claims[name] = known.claims.get(name, 0) + 1
            case ["halt", name, reason]:
                known.halted[name] = reason
                known.told.discard(name)
            case ["told", name]:
                known.told.add(name)
            case ["resume"]:
                known.halted.clear()
            case _:
                raise ValueError(
                    f"{self._path}: unreadable line {line!r}; the file is written only by the "
                    "root supervisor: restore it from a backup, or start a new run"
                )

    def _append(self, line: str) -> None:
        new = not self._path.exists()
        # Unbuffered: a buffer would write its rest after the file was cut back.
        with self._path.open("ab", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            try:
                left = memoryview(line.encode() + b"\n")
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                # A full disk takes half a line. The next one must not be glued to it.
                file.truncate(size)
                raise
        if new:
            _sync_folder(self._path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
