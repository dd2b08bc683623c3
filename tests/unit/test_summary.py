"""When a run may say that it is sound."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from journal import Draft, Journal
from messages import encode
from messages.base import ClientOrderId, InstrumentId, StrategyId, TradeId
from messages.orders import LiquiditySide, OrderFilled, OrderSide
from scenarios import cli_operate
from scenarios.cli import main
from scenarios.cli_run import verdict
from scenarios.connect import Connected, connect
from scenarios.folder import RunFolder, ask_to_stop, keeps_orders, told_to_stop
from scenarios.live_view import line, screen
from scenarios.spec import BadSpec
from scenarios.summarize import as_told, booked
from scenarios.summary import Summary, compare_fills, orders_open, together

SOUND: dict[str, Any] = {
    "ledger": {"equal": True, "duplicate_client_order_ids": []},
    "discrepancies": {"found": 2, "resolved": 2, "open": 0},
    "orders_open": 0,
    "orders_kept": False,
}


def test_a_run_without_differences_and_open_orders_is_sound() -> None:
    assert Summary(SOUND).ok


@pytest.mark.parametrize(
    "change",
    [
        {"ledger": {"equal": False, "duplicate_client_order_ids": []}},
        {"ledger": {"equal": True, "duplicate_client_order_ids": ["o1"]}},
        {"discrepancies": {"found": 1, "resolved": 0, "open": 1}},
        {"discrepancies": {"found": None, "resolved": None, "open": None}},
        {"orders_open": 1},
        {"orders_open": None},
        {"orders_open": None, "orders_kept": True},
    ],
    ids=["ledger", "doubled", "discrepancy", "nobody knows", "open", "silent", "silent, kept"],
)
def test_a_run_with_anything_open_or_unknown_is_not_sound(change: dict[str, Any]) -> None:
    assert not Summary(SOUND | change).ok


def test_orders_that_were_to_be_kept_are_no_fault() -> None:
    assert Summary(SOUND | {"orders_open": 3, "orders_kept": True}).ok


def sold(trade_id: str, ts_event: int, quantity: str = "0.5") -> dict[str, Any]:
    """A fill as the venue's ledger has it."""
    order = {"client_order_id": "o1", "last_qty": quantity, "last_px": "100.1"}
    return {"instrument_id": "A.X", "trade_id": trade_id, "ts_event": ts_event, **order}


def test_a_fill_that_we_have_not_is_lost_whenever_it_was_if_no_orders_were_kept() -> None:
    found = compare_fills([sold("1", 10)], {"fills": [sold("1", 10), sold("2", 99)]})

    assert (found["equal"], found["lost"], found["after_stop"]) == (False, ["A.X 2"], [])


def test_a_kept_order_that_fills_after_the_stop_is_counted_apart_and_not_as_lost() -> None:
    ledger = {"fills": [sold("1", 10), sold("2", 50), sold("3", 51)], "conserved": True}

    found = compare_fills([sold("1", 10), sold("2", 50)], ledger, kept_ns=50)

    assert (found["equal"], found["lost"], found["after_stop"]) == (True, [], ["A.X 3"])
    assert together([found, found])["after_stop"] == ["A.X 3", "A.X 3"]


@pytest.mark.parametrize(
    ("ours", "fault", "trades"),
    [
        ([], "lost", ["A.X 1"]),
        ([sold("1", 10), sold("2", 60, "0.4")], "differing", ["A.X 2"]),
        ([sold("1", 10), sold("4", 60)], "invented", ["A.X 4"]),
        ([sold("1", 10), sold("1", 10)], "doubled", ["A.X 1"]),
        ([sold("1", 10), sold("1", 10) | {"client_order_id": "o2"}], "doubled", ["A.X 1"]),
        ([sold("1", 10), sold("1", 10) | {"instrument_id": "B.X"}], "invented", ["B.X 1"]),
    ],
)
def test_kept_orders_excuse_nothing_else(
    ours: list[dict[str, Any]], fault: str, trades: list[str]
) -> None:
    ledger = {"fills": [sold("1", 50), sold("2", 60)]}

    found = compare_fills(ours, ledger, kept_ns=50)

    assert not found["equal"]
    assert found[fault] == trades


def test_the_same_number_of_a_trade_on_two_markets_is_two_fills() -> None:
    both = [sold("1", 10), sold("1", 10) | {"instrument_id": "B.X"}]

    found = compare_fills(both, {"fills": both})

    assert (found["equal"], found["fills"], found["doubled"]) == (True, 2, [])


async def test_a_fill_that_was_booked_twice_is_reported(tmp_path: Path) -> None:
    fill = OrderFilled(
        ts_event=1,
        ts_init=1,
        client_order_id=ClientOrderId("o1"),
        strategy_id=StrategyId("S"),
        instrument_id=InstrumentId("A.X"),
        trade_id=TradeId("1"),
        side=OrderSide.BUY,
        last_qty=Decimal("0.5"),
        last_px=Decimal("100.1"),
        leaves_qty=Decimal(0),
        commission=Decimal(0),
        currency="USDT",
        liquidity_side=LiquiditySide.TAKER,
    )
    risk, strategy = (
        Draft(1, "out", "orders", 1, fill.kind, encode(fill), peer) for peer in ("risk", "strategy")
    )
    path = tmp_path / "orders.db"
    async with await Journal.open(
        path, owner="r/orders", lease="X/main", incarnation=1, now_ns=7
    ) as journal:
        await journal.append([risk, strategy])
        once = compare_fills(as_told(booked(path)), {"fills": [sold("1", 10)]})
        await journal.append([strategy])

    found = compare_fills(as_told(booked(path)), {"fills": [sold("1", 10)]})

    assert (once["equal"], once["doubled"]) == (True, [])
    assert (found["equal"], found["doubled"]) == (False, ["A.X 1"])


def test_an_order_is_open_until_its_end_is_proved() -> None:
    counts = {"FILLED": 5, "CANCELED": 2, "DENIED": 1, "UNKNOWN": 1, "ACCEPTED": 2}

    assert orders_open(counts) == 3
    assert orders_open(None) is None, "a silent order manager has not said that there is none"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trading_state": "HALTED"}, "Trading was HALTED at the end."),
        ({"trading_state": "REDUCING", "orders_open": 1}, "Trading was REDUCING at the end."),
        ({"trading_state": None, "orders_open": None}, "an unknown number of orders are open"),
        (
            {"ledger": SOUND["ledger"] | {"after_stop": ["7", "8"]}},
            "It filled 2 times after the stop",
        ),
    ],
)
def test_the_verdict_says_what_was_unusual(change: dict[str, Any], said: str) -> None:
    document = SOUND | {"fills": 3} | change

    assert said in verdict(document, ok=Summary(document).ok)


@pytest.mark.parametrize("left", [0, 1])
def test_a_stop_fails_if_the_run_is_not_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    folder = RunFolder(tmp_path / "one")
    folder.path.mkdir()
    folder.write("system.json", {"run_id": "one"})
    folder.write("summary.json", SOUND | {"fills": 3, "orders_open": left})
    os.utime(folder.part("system.json"), (1, 1))
    ended = Connected(folder, {"run_id": "one"})
    monkeypatch.setattr(cli_operate, "_connect", lambda *_: ended)

    code = main(["stop"])

    assert code == left
    assert ("NOT SOUND" in capsys.readouterr().out) == bool(left)


def test_a_live_screen_shows_what_nobody_can_tell() -> None:
    silent = {"state": "running", "orders": None, "positions": None, "pnl": None}

    assert "PnL - realized" in line(silent, 30.0)
    assert screen(silent, 30.0)


@pytest.mark.parametrize("keep", [True, False])
def test_whoever_stops_a_run_decides_about_its_orders(tmp_path: Path, keep: bool) -> None:
    folder = RunFolder(tmp_path)
    assert (told_to_stop(folder), keeps_orders(folder)) == (False, False)

    ask_to_stop(folder, keep_orders=keep)

    assert told_to_stop(folder)
    assert keeps_orders(folder) is keep


def test_a_run_whose_process_id_belongs_to_another_now_does_not_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "20260102-101500-quickstart-1")
    folder.path.mkdir()
    folder.write("system.json", {"run_id": "x", "pid": os.getpid(), "born": "1", "address": ""})

    with pytest.raises(BadSpec, match="is not running"):
        connect(folder.path)
