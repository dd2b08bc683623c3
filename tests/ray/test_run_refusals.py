"""A run that cannot begin ends at once, with one line, and leaves nothing behind."""

import time
from pathlib import Path

import pytest
import ray

from journal.lock import WriterLock
from scenarios.folder import RunFolder
from scenarios.run import run
from scenarios.spec import BadSpec, load

pytestmark = [pytest.mark.ray, pytest.mark.timeout(200)]
AT_ONCE_S = 60.0  # on a busy machine; the time-out of a start is longer


def test_an_account_that_was_taken_in_the_meantime_ends_the_run(tmp_path: Path) -> None:
    path = RunFolder(tmp_path / "any").account_lock("BINANCE/main")
    path.parent.mkdir()
    other = WriterLock(path)  # after the command line has looked, before the order manager does

    begun = time.monotonic()
    with pytest.raises(BadSpec, match=r"orders: .* in use by process .*: stop that run"):
        run(load("quickstart"), runs_dir=tmp_path)

    assert time.monotonic() - begun < AT_ONCE_S
    assert [p.name for p in tmp_path.iterdir() if (p / "spec.toml").exists()] == []
    assert not ray.is_initialized()
    other.release()
