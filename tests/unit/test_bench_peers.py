"""Peers of the benchmarks: what is told of one that answers, that fails, or that is not there."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ANSWERS = """
import sys
sys.path.insert(0, {peers!r})
from turns import bars, serve
rows = bars()
serve("numpy", lambda: (0.5, len(rows), rows[:, 3].sum()))
"""


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import bench_peers  # noqa: PLC0415 - a script of the repository, not a package

    here = [sys.executable]
    monkeypatch.setattr(bench_peers, "environment", lambda python, packages: here)
    yield bench_peers
    sys.modules.pop("bench_peers", None)


def started(peers: Any, tmp_path: Path, script: str) -> Any:
    path, data = tmp_path / "peer.py", tmp_path / "bars.npy"
    path.write_text(script)
    np.save(data, np.arange(20.0).reshape(4, 5))
    return peers.Turns(peers.Peer("p", str(path), "3.11", (), 3), data)


def test_peer_runs_once_for_each_turn_on_the_bars_that_it_was_given(
    peers: Any, tmp_path: Path
) -> None:
    turns = started(peers, tmp_path, ANSWERS.format(peers=str(BENCHMARKS / "peers")))

    version = turns.ready()
    found = [turns.run(), turns.run()]
    turns.close()

    assert version == np.__version__
    assert found == [{"seconds": 0.5, "fills": 3, "pnl": 3.0 + 8.0 + 13.0}] * 2


def test_peer_that_fails_is_told_with_its_last_words(peers: Any, tmp_path: Path) -> None:
    turns = started(peers, tmp_path, "raise SystemExit('no wheel for this machine')")

    with pytest.raises(peers.Unavailable, match="no wheel for this machine"):
        turns.ready()
    turns.close()


def test_peer_that_says_nothing_is_given_up(
    peers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "READY_S", 0.2)
    turns = started(peers, tmp_path, "import time; time.sleep(60)")

    with pytest.raises(peers.Unavailable, match="no answer"):
        turns.ready()
    turns.close()


def test_machine_without_uv_is_told_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import bench_peers  # noqa: PLC0415 - a script of the repository, not a package

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(bench_peers.Unavailable, match="uv is not installed"):
        bench_peers.environment("3.11", ("x==1",))
