"""A run's folder: everything that belongs to one run is in it.

runs/<run_id>/
  spec.toml       the RunSpec as resolved        system.json   how to find the running system
  journal/        account.sqlite, run.sqlite     logs/         one JSON-lines file an actor
  data/           recorded market data           venue/        the simulator's ledger and keys
  incarnations    numbers given to actors        summary.json  what came of it

Beside the runs lies what they share: .accounts/ (locks), .ray_token, .cache/ (compiled strategies).
Ray keeps its own session files in its own temporary folder.
"""

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scenarios.spec import BadSpec, RunSpec, dump

_FREE_MIB_MIN: Final = 64
PARTS: Final = ("journal", "logs", "data", "venue")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run; `path` is absolute, because actors live in other folders."""

    path: Path

    @property
    def run_id(self) -> str:
        return self.path.name

    def part(self, *names: str) -> Path:
        """A path within the folder."""
        return self.path.joinpath(*names)

    def read(self, name: str) -> dict[str, Any]:
        """A JSON document of this folder; {} if it is not there or half written."""
        try:
            found: dict[str, Any] = json.loads(self.part(name).read_text())
        except (OSError, ValueError):
            return {}
        return found

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Replace a JSON document as a whole."""
        whole = self.part(name + ".new")
        whole.write_text(json.dumps(document, indent=2) + "\n")
        whole.replace(self.part(name))

    def account_lock(self, account: str) -> Path:
        """The lock that only one run of an account may hold, beside all runs."""
        return self.path.parent / ".accounts" / account.replace("/", "-")


def create(spec: RunSpec, runs_dir: Path) -> RunFolder:
    """A fresh folder for a run of `spec`.

    raises  BadSpec if the folder cannot be written or the disk is full
    """
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    path = runs_dir.expanduser().resolve() / f"{stamp}-{spec.name}-{os.getpid()}"
    folder = RunFolder(path)
    try:
        path.mkdir(parents=True)
        prepare(folder)
        folder.part("spec.toml").write_text(dump(spec))
    except OSError as e:
        raise BadSpec(f"{path}: cannot be written ({e.strerror}); choose another --runs-dir") from e
    return folder


def ask_to_stop(folder: RunFolder, *, keep_orders: bool) -> None:
    """Leave word for the command that runs it; see `told_to_stop` and `keeps_orders`."""
    whole = folder.part("stop.new")
    whole.write_text("keep\n" if keep_orders else "cancel\n")
    whole.replace(folder.part("stop"))


def told_to_stop(folder: RunFolder) -> bool:
    """Whether somebody has asked the run to end."""
    return folder.part("stop").exists()


def keeps_orders(folder: RunFolder) -> bool:
    """Whether working orders shall stay at the venue when it ends."""
    try:
        return folder.part("stop").read_text().strip() == "keep"
    except OSError:
        return False


def prepare(folder: RunFolder) -> None:
    """Make the parts of a folder, and see that there is room to write.

    raises  BadSpec if there is not
    """
    for name in PARTS:
        folder.part(name).mkdir(parents=True, exist_ok=True)
    (folder.path.parent / ".accounts").mkdir(exist_ok=True)
    free_mib = shutil.disk_usage(folder.path).free // 2**20
    if free_mib < _FREE_MIB_MIN:
        raise BadSpec(
            f"{folder.path}: only {free_mib} MiB free; a run needs {_FREE_MIB_MIN}: "
            "make room or choose another --runs-dir"
        )
