"""Peers, each in an environment of its own made by uv, asked to run when it is their turn.

Their requirements contradict ours and each other's, so none is installed beside us. A peer whose
environment cannot be made, or which fails, is told with the reason; nothing stands in for it.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parent / "peers"
READY_S = 400.0
RUN_S = 120.0


@dataclass(frozen=True)
class Peer:
    """A package as W1 asks it.

    bars      of W1 that it runs on: fewer for those that need seconds for 100,000
    close     it fills at the deciding bar's close, not at the next open
    why       what its result may differ in, and where its fills are
    compiled  its strategy is no Python class: not compared with our Python contract
    """

    name: str
    script: str
    python: str
    packages: tuple[str, ...]
    bars: int
    close: bool = False
    why: str = "fills at the next open, as ours"
    compiled: bool = False


W1_PEERS = (
    Peer(
        "vectorbt",
        "w1_vectorbt.py",
        "3.11",
        ("vectorbt[rust]==1.2.0",),
        1_000_000,
        compiled=True,
    ),
    Peer(
        "vnpy",
        "w1_vnpy.py",
        "3.11",
        ("vnpy==4.5.0", "vnpy_ctastrategy==1.4.1"),
        1_000_000,
        why="fills at the next open, as ours; it has no market orders: limit orders a tenth beyond"
        " the price stand for them; its run alone is timed, not its calculation of results",
    ),
    Peer("backtesting", "w1_backtesting.py", "3.11", ("backtesting==0.6.6",), 100_000),
    Peer(
        "backtrader",
        "w1_backtrader.py",
        "3.11",
        ("backtrader==1.9.78.123", "numpy<3", "pandas<3"),
        20_000,
    ),
    Peer(
        "nautilus_trader",
        "w1_nautilus.py",
        "3.13",
        ("nautilus_trader==2.0.0rc7", "numpy<3"),
        1_000_000,
        close=True,
        why="fills at the deciding bar's close: its result is compared with our close model's; it"
        " keeps money in whole 1e-8, and fills at most a quarter of a bar's volume (volumes are"
        " multiplied)",
    ),
)


class Unavailable(Exception):
    """A peer that cannot be measured here, and why."""


def interpreter(version: str) -> str:
    """A Python of this version for uv, or the version itself, for uv to find or fetch."""
    exact = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(exact.glob(f"{version}.*/bin/python"))
    if found:  # uv does not look there, and a shim on the PATH fails unless the version is chosen
        return str(found[-1])
    return sys.executable if version == "{}.{}".format(*sys.version_info) else version


def environment(python: str, packages: tuple[str, ...]) -> list[str]:
    """The command that runs Python with these packages and nothing else."""
    uv = shutil.which("uv")
    if uv is None:
        raise Unavailable("uv is not installed: peers need environments of their own")
    wanted = [part for package in packages for part in ("--with", package)]
    start = [uv, "run", "--quiet", "--no-project", "--isolated", "--python", interpreter(python)]
    return [*start, *wanted, "python"]


class Turns:
    """A peer's process: started, ready, and run once each time it is asked."""

    def __init__(self, peer: Peer, data: Path) -> None:
        command = [*environment(peer.python, peer.packages), str(SCRIPTS / peer.script)]
        clean = {n: v for n, v in os.environ.items() if n not in {"VIRTUAL_ENV", "PYTHONPATH"}}
        self.peer = peer
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in close()
        self._elsewhere = tempfile.TemporaryDirectory(prefix="manta-bench-")
        self._process = subprocess.Popen(
            [*command, str(data.resolve()), str(peer.bars)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            text=True, env=clean, cwd=self._elsewhere.name,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line)
        self._lines.put("")

    def ready(self) -> str:
        """Its version, once it has prepared; raises Unavailable."""
        return str(self._answer(READY_S)["version"])

    def run(self) -> dict[str, Any]:
        """Seconds, fills and PnL of one run; raises Unavailable."""
        assert self._process.stdin is not None, "asked for above"
        try:
            self._process.stdin.write("run\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Unavailable(self._reason()) from error
        return self._answer(RUN_S)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._errors.close()
        self._elsewhere.cleanup()

    def _answer(self, seconds: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise Unavailable(f"no answer within {seconds:.0f} s") from None
        if not line:
            self._process.wait(timeout=10)
            raise Unavailable(self._reason())
        found: dict[str, Any] = json.loads(line)
        return found

    def _reason(self) -> str:
        self._errors.seek(0)
        said = [line.strip() for line in self._errors.read().splitlines() if line.strip()]
        return said[-1][:300] if said else f"it ended with code {self._process.returncode}"
