"""What a person sees of a run: on a terminal, in a pipe, and from its logs."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scenarios.cli import main
from scenarios.live_view import line, live_view, screen
from scenarios.view import fills

VIEW: dict[str, Any] = {
    "run_id": "20260102-101500-quickstart",
    "mode": "PAPER",
    "state": "running",
    "elapsed_s": 12.0,
    "events": 14808,
    "actors": [
        {"name": "orders", "class": "OrderManager", "state": "serving", "pid": 11, "restarts": 2},
        {"name": "feed", "class": "Feed", "state": "starting"},
    ],
    "orders": {"FILLED": 12, "CANCELED": 3},
    "fills": 14,
    "pnl": {"realized": "12.5", "unrealized": "-3.25"},
    "positions": [{"instrument_id": "BTCUSDT.BINANCE", "quantity": "0.1", "avg_px": "50000"}],
}


def drawn(view: dict[str, Any]) -> str:
    """The screen as text."""
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(screen(view, 30.0))
    return console.export_text()


def test_a_screen_shows_actors_orders_positions_and_money() -> None:
    text = drawn(VIEW)

    for word in (
        "OrderManager",
        "serving",
        "BTCUSDT.BINANCE",
        "FILLED",
        "+12.50",
        "-3.25",
        "18 s",
        "1,234",
    ):
        assert word in text


def test_a_screen_of_a_run_that_has_just_begun_is_drawn() -> None:
    assert "starting" in drawn({})


def test_a_line_counts_actors_restarts_orders_and_fills() -> None:
    text = line(VIEW, 30.0)

    assert "actors 1/2" in text
    assert "restarts 2" in text
    assert "orders 15" in text
    assert "fills 14" in text


def test_what_a_silent_order_manager_could_tell_is_shown_as_unknown() -> None:
    silent = VIEW | {"fills": fills([{"fills": 3}, {}]), "orders": None, "pnl": None}

    assert silent["fills"] is None
    assert fills([{"fills": 3}, {"fills": 0}]) == 3
    assert "fills -" in line(silent, 30.0)
    assert "fills -" in " ".join(drawn(silent).split())


def test_in_a_pipe_a_line_comes_when_the_state_changes(capsys: pytest.CaptureFixture[str]) -> None:
    with live_view(30.0, as_json=False) as progress:
        progress(VIEW)
        progress(VIEW)
        progress(VIEW | {"state": "stopping"})

    assert capsys.readouterr().out.count("\n") == 2


class Gone(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(text)


def test_a_reader_that_goes_away_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Gone())
    told = 0

    with live_view(30.0, as_json=False) as progress:
        for state in ("running", "stopping"):
            progress(VIEW | {"state": state})
            told += 1

    assert told == 2


def test_with_json_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with live_view(30.0, as_json=True) as progress:
        progress(VIEW)

    assert capsys.readouterr().out == ""


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two actors' logs, with a half-written last line."""
    logs = tmp_path / "runs" / "r1" / "logs"
    logs.mkdir(parents=True)
    (tmp_path / "runs" / "r1" / "spec.toml").touch()
    said = {"level": "INFO", "incarnation": 1}
    (logs / "orders.jsonl").write_text(
        "".join(
            json.dumps({"ts": f"2026-01-02T10:00:0{s}", "actor": "orders", "event": m, **said})
            + "\n"
            for s, m in ((1, "first"), (3, "third"))
        )
    )
    second = {"ts": "2026-01-02T10:00:02", "actor": "risk", "event": "second", **said}
    (logs / "risk.jsonl").write_text(json.dumps(second) + '\n{"ts": "2026-01-02T10:00:04", "me')
    return tmp_path / "runs"


def test_logs_of_all_actors_come_in_the_order_of_their_times(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["logs", "--runs-dir", str(runs), "--json"])

    lines = [json.loads(text)["event"] for text in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert lines == ["first", "second", "third"]


def test_logs_of_one_actor_are_its_last_lines(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["logs", "orders", "-n", "1", "--runs-dir", str(runs)])

    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "orders#1" in out
    assert "third" in out


def test_logs_of_nobody_say_who_there_is(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["logs", "nobody", "--runs-dir", str(runs)])

    assert code == 2
    assert "use orders, risk" in capsys.readouterr().err
