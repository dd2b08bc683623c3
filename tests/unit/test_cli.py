"""The command line without a run: help, versions, one-line errors, exit codes, speed of start."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from journal import Draft, Journal
from scenarios.cli import main
from scenarios.cli_output import Unforeseen, exit_code

OWNER: dict[str, Any] = {"owner": "run", "lease": "SIM/main", "incarnation": 1, "now_ns": 1}
HEAVY = {"ray", "numba", "ccxt", "polars", "aiosqlite", "rich.live"}


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command; exit code, stdout, stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


Said = Callable[..., tuple[int, str, str]]


def one_line(err: str) -> bool:
    """A single line that says who speaks."""
    return err.startswith("manta: ") and err.count("\n") == 1 and "Traceback" not in err


async def journal_at(path: Path, records: int = 3) -> None:
    """A journal with a few records."""
    journal = await Journal.open(
        path, owner="run/orders", lease="SIM/main", incarnation=1, now_ns=1
    )
    async with journal:
        for n in range(records):
            note = Draft(
                ts_ns=n, direction="note", actor="orders", incarnation=1, kind="k", payload=b"{}"
            )
            await journal.append([note])


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from scenarios.cli import main; main(['--help']); print(sorted(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = set(eval(done.stdout.splitlines()[-1]))
    assert loaded & HEAVY == set()


def test_help_names_every_verb(said: Said) -> None:
    code, out, _ = said("--help")

    assert code == 0
    for verb in ("run", "status", "orders", "positions", "actors", "stop", "kill-switch", "logs"):
        assert f"\n  {verb} " in out


def test_version_as_json_is_one_document(said: Said) -> None:
    code, out, err = said("version", "--json")

    assert (code, err) == (0, "")
    assert json.loads(out).keys() >= {"manta", "ray", "python"}


def test_no_verb_at_all_is_a_mistake_that_shows_the_help(said: Said) -> None:
    code, _, err = said()

    assert code == 2
    assert "Usage: manta" in err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("fly",), "No such command 'fly'"),
        (("run",), "Missing argument"),
        (("run", "quickstart", "--fast"), "No such option: --fast"),
        (("run", "quickstart", "--speed", "very"), "--speed"),
        (("run", "slowstart"), "slowstart: no such preset"),
        (("run", "nowhere.toml"), "nowhere.toml: cannot be read"),
        (("run", "quickstart", "--set", "venue.sped=2"), "unknown key"),
        (("run", "quickstart", "--set", "speed"), "write section.key=value"),
        (("run", "quickstart", "--speed", "0"), "venue.speed"),
        (("run", "quickstart", "--resume", "nothing"), "there is no such run"),
        (("config", "show", "slowstart"), "no such preset"),
        (("simulate", "--seeds", "9:3"), "seeds: '9:3' is empty"),
        (("simulate", "--faults", "gremlins"), "'gremlins' is no fault"),
        (("simulate", "--trace"), "--seed N"),
        (("status",), "no run there"),
        (("orders", "--run", "x"), "there is no such run"),
        (("journal", "verify"), "no run there"),
        (("venue", "ledger"), "no run there"),
        (("logs",), "no run there"),
        (("logs", "-n", "-1"), "'-n': Input should be greater than or equal to 0"),
        (("run", "quickstart", "--duration", "inf"), "duration_s: input should be a finite number"),
        (("run", "quickstart", "--duration", "nan"), "duration_s: input should be a finite number"),
        (("run", "quickstart", "--duration", "0"), "duration_s: input should be greater than 0"),
        (("config", "show", "quickstart", "--set", "venue.account=../x"), "'../x' names files"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    said: Said, command: tuple[str, ...], words: str, empty: Path
) -> None:
    code, out, err = said(*command)

    assert code == 2
    assert out == ""
    assert one_line(err)
    assert words in err
    assert list(empty.iterdir()) == []


def test_a_spec_with_an_unknown_instrument_says_which_are_known(said: Said, tmp_path: Path) -> None:
    spec = tmp_path / "mine.toml"
    spec.write_text(
        'instruments = [{ instrument_id = "BTCUSDT.BINANCE" }]\n'
        'strategies = [{ id = "A", strategy = "trend_following", instruments = ["DOGE"] }]\n'
    )

    code, _, err = said("run", spec)

    assert code == 2
    assert one_line(err)
    assert "'DOGE'" in err
    assert "BTCUSDT.BINANCE" in err


def test_config_shows_every_default_and_what_was_set(said: Said) -> None:
    code, out, _ = said("config", "show", "quickstart", "--set", "venue.speed=20", "--json")

    spec = json.loads(out)
    assert code == 0
    assert spec["venue"]["speed"] == 20.0
    assert spec["risk"]["max_orders"] == 50


def test_simulate_prints_one_document_that_two_runs_share(said: Said) -> None:
    documents = [json.loads(said("simulate", "--seeds", "0:2", "--json")[1]) for _ in range(2)]
    for timing in ("seeds_per_second", "duration_s"):
        for document in documents:
            del document[timing]

    assert documents[0] == documents[1]
    assert documents[0]["seeds"] == 2
    assert documents[0]["violations"] == []


def test_simulate_traces_one_seed(said: Said) -> None:
    code, out, _ = said("simulate", "--seed", "1", "--trace", "--faults", "none", "--json")

    assert code == 0
    assert any("orders" in line for line in json.loads(out)["trace"])


async def test_verify_finds_an_intact_journal_intact(said: Said, tmp_path: Path) -> None:
    await journal_at(tmp_path / "account.sqlite")

    code, out, _ = said("journal", "verify", tmp_path / "account.sqlite", "--json")

    document = json.loads(out)
    assert code == 0
    assert document["ok"]
    assert document["journals"][0]["rows"] == 3


async def test_verify_of_a_damaged_journal_names_the_record_and_fails(
    said: Said, tmp_path: Path
) -> None:
    path = tmp_path / "account.sqlite"
    await journal_at(path)
    damaged = path.read_bytes().replace(b"orders", b"0rders")
    path.write_bytes(damaged)

    code, out, err = said("journal", "verify", path)

    assert (code, err) == (1, "")
    assert "problems" in out
    assert "record 1 " in out


def test_verify_of_something_else_is_a_mistake_or_a_finding(said: Said, tmp_path: Path) -> None:
    (tmp_path / "note.sqlite").write_text("not a journal, but long enough to be looked at")

    code, out, err = said("journal", "verify", tmp_path / "note.sqlite")

    assert code in (1, 2)
    assert "not a SQLite database" in out + err


async def test_backup_copies_and_never_overwrites(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    await journal_at(path)

    first = said("journal", "backup", tmp_path / "copies", "--run", path, "--json")
    again = said("journal", "backup", tmp_path / "copies", "--run", path)

    assert first[0] == 0
    assert said("journal", "verify", tmp_path / "copies" / "account.sqlite")[0] == 0
    assert again[0] == 2
    assert one_line(again[2])


async def test_a_backup_that_meets_an_older_one_copies_nothing(said: Said, tmp_path: Path) -> None:
    run, copies = tmp_path / "run", tmp_path / "copies"
    (run / "journal").mkdir(parents=True)
    copies.mkdir()
    await journal_at(run / "journal" / "account.sqlite")
    await journal_at(run / "journal" / "run.sqlite")
    (copies / "run.sqlite").write_bytes(b"of yesterday")

    code, _, err = said("journal", "backup", copies, "--run", run)

    assert code == 2
    assert one_line(err)
    assert "run.sqlite: it exists, and a backup overwrites nothing: name another folder" in err
    assert [p.name for p in copies.iterdir()] == ["run.sqlite"]
    assert (copies / "run.sqlite").read_bytes() == b"of yesterday"


async def test_a_journal_in_use_is_a_mistake_that_names_the_process(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async with await Journal.open(tmp_path / "account.sqlite", **OWNER):
        with pytest.raises(Exception, match="in use") as busy:
            await Journal.open(tmp_path / "account.sqlite", **OWNER)

    code = exit_code(busy.value)

    assert code == 2
    assert one_line(capsys.readouterr().err)


def test_a_full_disk_and_a_busy_port_are_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    full = OSError(28, "No space left on device", "runs/x")
    busy = OSError(98, "Address already in use")

    codes = [exit_code(full), exit_code(busy)]

    lines = capsys.readouterr().err.splitlines()
    assert codes == [2, 2]
    assert "free some space" in lines[0]
    assert "choose another port" in lines[1]


def test_an_unexpected_error_is_one_line_and_keeps_its_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = exit_code(ZeroDivisionError("by\nnothing"), tmp_path)

    kept = list(tmp_path.iterdir())
    assert code == 1
    assert one_line(capsys.readouterr().err)
    assert "ZeroDivisionError" in kept[0].read_text()


def test_a_bug_during_a_run_is_told_in_the_folder_of_the_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bug = Unforeseen(tmp_path)
    bug.__cause__ = ZeroDivisionError("by nothing")

    code = exit_code(bug)

    assert code == 1
    assert str(tmp_path) in capsys.readouterr().err
    assert "by nothing" in next(tmp_path.iterdir()).read_text()


def test_a_reader_that_goes_away_is_no_error() -> None:
    manta = [sys.executable, "-m", "scenarios.cli", "config", "show", "quickstart"]
    with subprocess.Popen(manta, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()

    assert b"Traceback" not in err
    assert b"Exception ignored" not in err


def test_the_entry_point_loads_nothing_before_it_can_be_interrupted() -> None:
    code = "import sys; were = {*sys.modules}; import scenarios.cli; print(*{*sys.modules} - were)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) == {"scenarios", "scenarios.cli"}


INTERRUPTED = """
import os, signal, sys

class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == {when!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Impatient())
from scenarios.cli import main
sys.exit(main(["data", "list"]))
"""


@pytest.mark.parametrize("when", ["typer", "scenarios.cli_verbs", "journal.catalogue"])
def test_ctrl_c_while_it_loads_is_told_in_a_line(when: str) -> None:
    code = INTERRUPTED.format(when=when)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (130, "manta: interrupted\n")


def test_a_closed_stdout_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)  # as Python has it after `>&-`

    assert main(["version", "--json"]) == 0
