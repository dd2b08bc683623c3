import itertools
import json
import os
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.logs import Log, actors_logged, open_log, read_logs
from messages.arrays import TRADE
from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.control import LoadStrategy, SetTimer, StrategyCheckpoint, digest
from messages.health import ChildDied
from messages.market import TradeBatch
from messages.orders import LiquiditySide, OrderFilled, OrderSide
from messages.risk import TradingState, TradingStateChanged

FILL = OrderFilled(
    ts_event=5,
    ts_init=6,
    correlation_id="O1",
    causation_id="fill_report:1:2",
    client_order_id=ClientOrderId("O1"),
    strategy_id=StrategyId("TREND"),
    instrument_id=InstrumentId("BTCUSDT.BINANCE"),
    trade_id="7",  # type: ignore[arg-type]
    side=OrderSide.BUY,
    last_qty=Decimal("0.10"),
    last_px=Decimal("60000.5"),
    leaves_qty=Decimal(0),
    commission=Decimal("-0.001"),
    currency="USDT",
    liquidity_side=LiquiditySide.MAKER,
)


def log_of(run: Path, actor: str = "orders", incarnation: int = 1, **more: Any) -> Log:
    return open_log(run, "r1", actor, incarnation, **more)


def file_of(run: Path, actor: str = "orders") -> Path:
    return run / "logs" / f"{actor}.jsonl"


def written(run: Path, actor: str = "orders") -> list[dict[str, Any]]:
    return [json.loads(line) for line in file_of(run, actor).read_text().splitlines()]


def events(run: Path, actor: str | None = None, **more: Any) -> list[str]:
    return [line["event"] for line in read_logs(run, actor, **more)]


# --- writing --------------------------------------------------------------------------------------


def test_an_event_is_one_line_that_says_who_when_and_what(tmp_path: Path) -> None:
    before_ns = time.time_ns()
    log_of(tmp_path, incarnation=3).event("WARNING", "gap", "O1", missing=4, where="book")

    (line,) = written(tmp_path)
    seconds, _, nanoseconds = line.pop("ts").rstrip("Z").partition(".")

    assert time.strptime(seconds, "%Y-%m-%dT%H:%M:%S").tm_year == time.gmtime(before_ns // 10**9)[0]
    assert len(nanoseconds) == 9
    assert line == {
        "level": "WARNING",
        "run": "r1",
        "actor": "orders",
        "incarnation": 3,
        "event": "gap",
        "correlation_id": "O1",
        "missing": 4,
        "where": "book",
    }


def test_what_is_filtered_is_neither_written_nor_computed(tmp_path: Path) -> None:
    computed: list[int] = []
    log = log_of(tmp_path, level="WARNING")

    log.event("INFO", "detail", costly=lambda: computed.append(1))
    log.message(FILL)

    assert written(tmp_path) == []
    assert computed == []


def test_a_lazy_field_is_computed_when_it_is_written(tmp_path: Path) -> None:
    log_of(tmp_path, level="DEBUG").event("DEBUG", "detail", costly=lambda: 42)

    assert written(tmp_path)[0]["costly"] == 42


def test_a_lazy_field_that_fails_does_not_end_the_actor(tmp_path: Path) -> None:
    log_of(tmp_path).event("INFO", "detail", broken=lambda: 1 // 0)

    assert "ZeroDivisionError" in written(tmp_path)[0]["broken"]


def test_an_exception_is_written_with_its_traceback_and_shown_to_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = log_of(tmp_path)
    try:
        raise ValueError("no such\norder")
    except ValueError as e:
        log.event("ERROR", "died", error=e)

    (line,) = written(tmp_path)

    assert line["error"] == "ValueError: no such\norder"
    assert "test_an_exception_is_written" in line["traceback"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "value",
    [
        Decimal("1.10"),
        float("nan"),
        np.int64(3),
        {("a", 1): 2},
        {1, 2},
        Path("somewhere"),
        "line\nbreak \u2028 {brace} <red>tag</red> \ud800",
        [Decimal(1), object],
    ],
    ids=str,
)
def test_any_value_stays_one_line_of_json(tmp_path: Path, value: object) -> None:
    log = log_of(tmp_path)

    log.event("INFO", "odd", value=value)
    log.event("INFO", "after")

    assert [line["event"] for line in written(tmp_path)] == ["odd", "after"]
    assert events(tmp_path) == ["odd", "after"]


def test_a_huge_field_is_cut(tmp_path: Path) -> None:
    log_of(tmp_path).event("INFO", "long", text="x" * 1_000_000)

    assert len(file_of(tmp_path).read_text()) < 20_000
    assert written(tmp_path)[0]["text"].endswith("(1000000 characters)")


def test_a_field_named_like_the_head_keeps_both(tmp_path: Path) -> None:
    died = ChildDied(ts_event=1, ts_init=1, actor="risk", incarnation=4, reason="x", crashed=True)

    log_of(tmp_path, "root").message(died)

    (line,) = written(tmp_path, "root")
    assert (line["actor"], line["incarnation"]) == ("root", 1)
    assert (line["actor_"], line["incarnation_"]) == ("risk", 4)


def test_a_message_about_an_order_is_a_line_with_its_fields(tmp_path: Path) -> None:
    log_of(tmp_path).message(FILL, peer="venue")

    (line,) = written(tmp_path)

    assert line["event"] == "order_filled"
    assert line["correlation_id"] == "O1"
    assert (line["last_qty"], line["last_px"], line["peer"]) == ("0.10", "60000.5", "venue")


def test_a_message_about_permission_says_which(tmp_path: Path) -> None:
    said = TradingStateChanged(
        ts_event=1, ts_init=1, state=TradingState.HALTED, reason="kill", operator="cli"
    )

    log_of(tmp_path).message(said)

    assert written(tmp_path)[0]["state"] == "HALTED"


def test_a_strategys_state_and_source_are_not_in_the_log(tmp_path: Path) -> None:
    log = log_of(tmp_path, "strategy-TREND")
    files = {"__init__.py": "SECRET = 1"}
    times: dict[str, Any] = {"ts_event": 1, "ts_init": 1, "strategy_id": StrategyId("TREND")}

    log.message(StrategyCheckpoint(**times, intents=3, state=b"SECRET", cursor=9, digest="d"))
    log.message(LoadStrategy(**times, files=files, sha256=digest(files), entry="X"))

    assert [line["event"] for line in written(tmp_path, "strategy-TREND")] == [
        "strategy_checkpoint",
        "load_strategy",
    ]
    assert "SECRET" not in file_of(tmp_path, "strategy-TREND").read_text()
    assert "U0VDUkVU" not in file_of(tmp_path, "strategy-TREND").read_text()  # in base64


@pytest.mark.parametrize(
    "message",
    [
        TradeBatch(
            ts_event=1, ts_init=1, instrument_id=InstrumentId("B.B"), rows=np.zeros(1, TRADE)
        ),
        SetTimer(ts_event=1, ts_init=1, name="tick", ts_due=2),
    ],
    ids=lambda m: m.kind,
)
def test_ticks_and_timers_are_never_logged(tmp_path: Path, message: Any) -> None:
    log_of(tmp_path, level="DEBUG").message(message)

    assert written(tmp_path) == []


def test_logs_of_one_process_do_not_mix(tmp_path: Path) -> None:
    first, second = log_of(tmp_path, "risk"), log_of(tmp_path, "feed")

    first.event("INFO", "one")
    second.event("INFO", "two")

    assert [line["event"] for line in written(tmp_path, "risk")] == ["one"]
    assert [line["event"] for line in written(tmp_path, "feed")] == ["two"]


def test_a_path_with_braces_is_a_path(tmp_path: Path) -> None:
    log_of(tmp_path / "{time}" / "a{b").event("INFO", "here")

    assert events(tmp_path / "{time}" / "a{b") == ["here"]


def test_files_are_bounded_and_the_newest_lines_stay(tmp_path: Path) -> None:
    log = log_of(tmp_path, file_bytes_max=10_000)
    for number in range(1000):
        log.event("INFO", "step", number=number)
    log.close()

    files = list((tmp_path / "logs").iterdir())
    kept = [line["number"] for line in read_logs(tmp_path)]

    assert len(files) == 3
    assert sum(f.stat().st_size for f in files) <= 30_000
    assert kept == list(range(1000 - len(kept), 1000))
    assert len(kept) > 100


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_loses_lines_and_not_the_actor(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").mkdir()
    file_of(tmp_path).symlink_to("/dev/full")
    log = log_of(tmp_path)

    log.event("INFO", "lost")

    assert log.lost == 1
    assert capfd.readouterr() == ("", "")


def test_a_new_incarnation_goes_on_after_the_line_that_death_tore(tmp_path: Path) -> None:
    log_of(tmp_path).event("INFO", "first")
    with file_of(tmp_path).open("a") as file:
        file.write('{"ts": "2026-01-02T')

    log_of(tmp_path, incarnation=2).event("INFO", "second")

    assert events(tmp_path) == ["first", "unreadable_line", "second"]
    assert [line["incarnation"] for line in read_logs(tmp_path) if "run" in line] == [1, 2]


def test_lines_written_before_a_kill_are_there(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from actors.logs import open_log
log = open_log(Path({str(tmp_path)!r}), "r1", "orders", 1)
for number in range(50):
    log.event("INFO", "step", number=number)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)

    assert [line["number"] for line in written(tmp_path)] == list(range(50))


# --- reading --------------------------------------------------------------------------------------


def test_lines_of_all_actors_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    logs = [log_of(tmp_path, name) for name in ("feed", "risk", "strategy-A")]
    for number, log in zip(range(30), itertools.cycle(logs), strict=False):
        log.event("INFO", "step", number=number)

    assert [line["number"] for line in read_logs(tmp_path)] == list(range(30))
    assert [line["number"] for line in read_logs(tmp_path, "risk")] == list(range(1, 30, 3))
    assert actors_logged(tmp_path) == ("feed", "risk", "strategy-A")


def test_the_last_lines_are_the_newest_of_all_actors(tmp_path: Path) -> None:
    logs = [log_of(tmp_path, name) for name in ("feed", "risk")]
    for number in range(2000):
        logs[number % 2].event("INFO", "step", number=number, padding="x" * 50)

    assert [line["number"] for line in read_logs(tmp_path, last=5)] == list(range(1995, 2000))
    assert list(read_logs(tmp_path, last=0)) == []


def test_a_last_line_that_is_not_whole_is_left_for_later(tmp_path: Path) -> None:
    log_of(tmp_path).event("INFO", "whole")
    with file_of(tmp_path).open("a") as file:
        file.write('{"ts": "2026')

    assert events(tmp_path) == ["whole"]


@pytest.mark.parametrize("rubbish", [b"Fatal error\n", b"[1]\n", b"\xff\xfe\n", b"{}\n"])
def test_a_line_that_is_no_event_is_shown_as_it_is(tmp_path: Path, rubbish: bytes) -> None:
    log = log_of(tmp_path)
    log.event("INFO", "before")
    with file_of(tmp_path).open("ab") as file:
        file.write(rubbish)
    log.event("INFO", "after")

    lines = list(read_logs(tmp_path))

    assert [line["event"] for line in lines] == ["before", "unreadable_line", "after"]
    assert lines[1]["text"] == rubbish.decode(errors="replace").rstrip("\n")
    assert lines[1]["actor"] == "orders"


def test_no_logs_read_as_nothing(tmp_path: Path) -> None:
    assert list(read_logs(tmp_path)) == []
    assert actors_logged(tmp_path) == ()


def test_following_sees_new_lines_new_actors_and_files_set_aside(tmp_path: Path) -> None:
    orders = log_of(tmp_path, file_bytes_max=3_000)
    orders.event("INFO", "step", number=0)
    done = threading.Event()

    def write() -> None:
        risk = log_of(tmp_path, "risk")
        for number in range(1, 31):
            (orders, risk)[number % 2].event("INFO", "step", number=number, padding="x" * 200)
            time.sleep(0.01)
        done.set()

    writer = threading.Thread(target=write)
    following = read_logs(tmp_path, follow=True, poll_s=0.005, until=done.is_set)
    seen = [next(following)["number"]]
    writer.start()
    seen += [line["number"] for line in following]
    writer.join()
    seen += [line["number"] for line in read_logs(tmp_path, last=3)]

    assert sorted(set(seen)) == list(range(31))
    assert len(list((tmp_path / "logs").glob("orders*"))) > 1


def test_following_waits_for_the_rest_of_a_line(tmp_path: Path) -> None:
    line = json.dumps({"ts": "2026-01-02T10:00:00Z", "event": "slow"})
    (tmp_path / "logs").mkdir()
    file_of(tmp_path).write_text(line[:10])
    rest = iter(["", line[10:] + "\n", ""])  # what is written between two looks

    def finished() -> bool:
        text = next(rest, None)
        with file_of(tmp_path).open("a") as file:
            file.write(text or "")
        return text is None

    assert events(tmp_path, follow=True, poll_s=0.001, until=finished) == ["slow"]
