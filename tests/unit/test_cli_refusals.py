"""What a run refuses before anything is started: one line, exit code 2, nothing lost.

And what is no refusal: a running system that does not answer is a failure, exit code 1.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from journal import Draft, Journal, verify
from journal.lock import WriterLock
from scenarios.cli import main
from scenarios.cli_output import exit_code
from scenarios.connect import Connected, NoAnswer, connect
from scenarios.folder import RunFolder
from supervisors.process import birth

OWNER: dict[str, Any] = {
    "owner": "run",
    "lease": "BINANCE/main",
    "incarnation": 1,
    "now_ns": 1,
}
Refused = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """The one line on stderr of a run that is refused."""

    def run(*arguments: str | Path) -> str:
        code = main(["run", *(str(a) for a in arguments)])
        out, err = capsys.readouterr()
        assert code == 2, err
        assert out == ""
        assert err.startswith("manta: ")
        assert err.count("\n") == 1
        return err

    return run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A runs folder."""
    return tmp_path / "runs"


async def earlier_run(runs: Path) -> Path:
    """A run that has ended and left a journal; its folder."""
    folder = runs / "20260102-101500-quickstart-1"
    (folder / "journal").mkdir(parents=True)
    (folder / "spec.toml").write_text(
        'instruments = [{ instrument_id = "BTCUSDT.BINANCE" }]\n'
        'strategies = [{ id = "A", strategy = "trend_following" }]\n'
    )
    async with await Journal.open(folder / "journal" / "account.sqlite", **OWNER) as journal:
        for n in range(3):
            await journal.append(
                [
                    Draft(
                        ts_ns=n,
                        direction="note",
                        actor="orders",
                        incarnation=1,
                        kind="k",
                        payload=b"{}",
                    )
                ]
            )
    return folder


def spec_with(tmp_path: Path, instrument: str, strategy: str) -> Path:
    """A RunSpec file."""
    path = tmp_path / "mine.toml"
    path.write_text(
        f'instruments = [{{ instrument_id = "{instrument}" }}]\n'
        f'strategies = [{{ id = "A", strategy = "{strategy}" }}]\n'
    )
    return path


def test_an_unknown_instrument_says_which_are_known(
    refused: Refused, runs: Path, tmp_path: Path
) -> None:
    spec = spec_with(tmp_path, "DOGEUSDT.BINANCE", "trend_following")

    line = refused(spec, "--runs-dir", runs)

    assert "'DOGEUSDT.BINANCE'" in line
    assert "BTCUSDT.BINANCE" in line
    assert not list(runs.glob("*/spec.toml")), "it would be taken for the latest run"


def test_a_strategy_that_is_not_there_says_which_are(
    refused: Refused, runs: Path, tmp_path: Path
) -> None:
    spec = spec_with(tmp_path, "BTCUSDT.BINANCE", "money_machine")

    line = refused(spec, "--runs-dir", runs)

    assert "money_machine" in line
    assert "trend_following" in line


def test_a_spec_that_is_no_text_is_named(refused: Refused, runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "garbage.toml"
    path.write_bytes(b"\xa0\xff")

    line = refused(path, "--runs-dir", runs)

    assert f"{path}: is no text" in line
    assert not runs.exists()


def test_a_missing_tape_is_named(refused: Refused, runs: Path) -> None:
    line = refused("recorded", "--tape", "nowhere.gz", "--runs-dir", runs)

    assert "nowhere.gz" in line
    assert not list(runs.glob("*/spec.toml")), "it would be taken for the latest run"


def test_a_second_run_of_an_account_names_the_first(refused: Refused, runs: Path) -> None:
    lock = RunFolder(runs.resolve() / "first").account_lock("BINANCE/main")
    lock.parent.mkdir(parents=True)
    first = WriterLock(lock)

    line = refused("quickstart", "--runs-dir", runs)
    first.release()

    assert "in use by process" in line
    assert [p.name for p in runs.iterdir()] == [".accounts"]


async def test_a_corrupt_journal_is_named_with_its_record_and_left_alone(
    refused: Refused, runs: Path
) -> None:
    folder = await earlier_run(runs)
    path = folder / "journal" / "account.sqlite"
    damaged = path.read_bytes().replace(b"orders", b"0rders")
    path.write_bytes(damaged)

    line = refused("quickstart", "--resume", "latest", "--runs-dir", runs)

    assert "account.sqlite: record 1 " in line
    assert "restore a backup" in line
    assert path.read_bytes() == damaged


async def test_a_locked_journal_is_refused_and_intact(refused: Refused, runs: Path) -> None:
    folder = await earlier_run(runs)
    lock = RunFolder(folder.resolve()).account_lock("BINANCE/main")
    lock.parent.mkdir(parents=True, exist_ok=True)
    other = WriterLock(lock)

    line = refused("quickstart", "--resume", folder.name, "--runs-dir", runs)
    other.release()

    assert "in use" in line
    assert verify(folder / "journal" / "account.sqlite").rows == 3


async def test_a_run_whose_simulated_venue_is_gone_with_its_fills_is_not_resumed(
    refused: Refused, runs: Path
) -> None:
    folder = await earlier_run(runs)
    venue = folder / "venue"
    venue.mkdir(exist_ok=True)
    (venue / "ledger.json").write_text(json.dumps({"fills": [{"trade_id": "1"}]}))

    line = refused("quickstart", "--resume", "latest", "--runs-dir", runs)

    assert "its simulated BINANCE has ended" in line
    assert "venue.outlives_run=true" in line
    assert verify(folder / "journal" / "account.sqlite").rows == 3


def test_a_full_disk_is_refused_before_anything_is_written(
    refused: Refused, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1024))

    line = refused("quickstart", "--runs-dir", runs)

    assert "free" in line
    assert not list(runs.glob("*/system.json"))


def test_a_folder_that_cannot_be_written_is_refused(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where a folder should be")

    line = refused("quickstart", "--runs-dir", tmp_path / "runs")

    assert str(tmp_path / "runs") in line


def test_a_cluster_that_does_not_answer_is_refused(refused: Refused, runs: Path) -> None:
    line = refused("quickstart", "--address", "127.0.0.1:1", "--runs-dir", runs)

    assert "--address 127.0.0.1:1" in line


def test_a_run_that_dies_instead_of_stopping_is_a_failure(
    capsys: pytest.CaptureFixture[str], runs: Path
) -> None:
    folder = RunFolder(runs / "one")
    folder.path.mkdir(parents=True)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()

    with pytest.raises(NoAnswer) as told:
        Connected(folder, {"run_id": "one", "pid": dead.pid}).stop()

    assert exit_code(told.value) == 1
    assert capsys.readouterr().err.startswith("manta: stop: run one did not end in time")
    assert folder.part("stop").read_text() == "cancel\n"


def test_a_run_whose_ray_has_gone_before_its_command_is_said_to_be_ending(runs: Path) -> None:
    folder = RunFolder(runs / "one")
    folder.path.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    me = {"pid": os.getpid(), "born": birth(os.getpid())}
    folder.write("system.json", {"run_id": "one", "address": f"127.0.0.1:{port}", **me})

    with pytest.raises(NoAnswer, match=r"one: its Ray is gone; is it ending\?"):
        connect(folder.path)  # Ray itself would wait for longer than a test may take


@pytest.mark.parametrize("age_s", [-1, 1], ids=["this start's", "an earlier start's"])
def test_a_stop_that_comes_late_finds_the_summary_of_this_start_only(
    runs: Path, age_s: int
) -> None:
    folder = RunFolder(runs / "one")
    folder.path.mkdir(parents=True)
    system = {"run_id": "one", "pid": 0}
    folder.write("system.json", system)
    folder.write("summary.json", {"fills": 7})
    begun = folder.part("system.json").stat().st_mtime
    os.utime(folder.part("summary.json"), (begun - age_s, begun - age_s))
    run = Connected(folder, system)

    if age_s < 0:
        assert run.stop() == {"fills": 7}
    else:
        with pytest.raises(NoAnswer, match="did not end in time"):
            run.stop()

    assert folder.read("summary.json") == {"fills": 7}, "nothing is deleted"


@pytest.mark.parametrize(
    "verb",
    [
        ("run", "quickstart"),
        ("backtest", "--strategy", "trend_following", "--data", "BTCUSDT"),
        ("backtest", "--strategy", "market_making", "--tape", "a.gz"),
        ("sweep", "--strategy", "trend_following", "--data", "BTCUSDT", "--space", "fast=2:3"),
    ],
)
def test_without_the_compiler_nothing_is_begun(
    verb: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")

    code = main([*verb, "--runs-dir", str(tmp_path)])

    line = "NUMBA_DISABLE_JIT=1: strategies and backtests have to be compiled: unset it"
    assert (code, capsys.readouterr().err) == (2, f"manta: {line}\n")
    assert list(tmp_path.iterdir()) == []
