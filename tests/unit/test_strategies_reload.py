"""Parameters that change while a strategy runs: which may, what stays, what survives."""

import json
from typing import Any

import numpy as np
import pytest
from bench_strategies import BUYER

from messages import decode, encode
from messages.control import ParamsChanged, ParamsRefusal, ParamsRefused, SetParams
from strategies import BUILT_IN, load
from trading.strategy import RELOAD, StrategyParams
from trading.strategy_bench import Bench
from trading.strategy_params import described
from trading.strategy_python import Context, Strategy
from trading.strategy_view import described as state_of

TREND, GRID = load("trend_following"), load("grid")
CLOSES = [float(x) for x in 60_000 + 400 * np.sin(np.arange(120) / 5)]


def asked(bench: Bench, **values: Any) -> SetParams:
    times = {"ts_event": bench.now_ns, "ts_init": bench.now_ns}
    who = {"strategy_id": bench.core.config.strategy_id, "operator": "me"}
    return SetParams(**times, **who, correlation_id="me@1", values=values)


def test_a_declared_parameter_changes_at_once_and_nothing_else_does() -> None:
    bench = Bench(TREND, {"warmup": 1, "notional": 600.0})
    bench.bars(60_000, 60_010)
    memory, orders = bench.state.memory.copy(), dict(bench.state.orders)

    bench.tell(asked(bench, notional=1_200.0))
    said = bench.said

    assert [m.kind for m in said] == ["strategy_checkpoint", "params_changed"]  # type: ignore[attr-defined]
    assert bench.state.memory.tolist() == memory.tolist()
    assert bench.state.orders == orders
    bench.refuse(bench.orders[0])
    bench.bars(60_000 * 1.001)
    assert [round(float(o.quantity) * 60_000, -1) for o in bench.orders] == [600, 1200]


def test_decisions_are_those_of_a_strategy_that_had_the_value_from_then_on() -> None:
    changed = Bench(TREND, {"fast": 3, "slow": 8, "warmup": 1, "notional": 500.0})
    always = Bench(TREND, {"fast": 3, "slow": 8, "warmup": 1, "notional": 700.0})
    for n, close in enumerate(CLOSES):
        if n == 40:
            changed.tell(asked(changed, notional=700.0))
        for bench in (changed, always):
            before = len(bench.orders)
            bench.bars(close)
            for order in bench.orders[before:]:
                bench.fill(order, close)

    late = [(o.side, o.quantity) for o in changed.orders[-3:]]

    assert late == [(o.side, o.quantity) for o in always.orders[-3:]]
    assert len(changed.orders) == len(always.orders) > 6


@pytest.mark.parametrize(
    ("values", "code", "names"),
    [
        ({"quick": 3}, ParamsRefusal.UNKNOWN, "quick"),
        ({"fast": 3}, ParamsRefusal.NOT_RELOADABLE, "fast"),
        ({"notional": -1.0}, ParamsRefusal.OUT_OF_RANGE, "notional"),
        ({"notional": 700.0, "stop_loss": 2.0}, ParamsRefusal.OUT_OF_RANGE, "stop_loss"),
    ],
)
def test_a_wrong_change_is_refused_whole_with_its_code(
    values: dict[str, float], code: ParamsRefusal, names: str
) -> None:
    bench = Bench(TREND)
    before = bench.core.params(bench.state)

    bench.tell(asked(bench, **values))
    (answer,) = bench.said

    assert isinstance(answer, ParamsRefused)
    assert (answer.code, answer.parameter, answer.correlation_id) == (code, names, "me@1")
    assert bench.core.params(bench.state) == before
    assert bench.state.tuned == {}


def test_a_restart_keeps_the_change() -> None:
    bench = Bench(TREND, {"warmup": 1})
    bench.tell(asked(bench, notional=123.0))

    bench.restart()
    bench.bars(60_000, 60_100)

    assert float(bench.state.params["notional"][0]) == 123.0
    assert float(bench.orders[0].quantity) * 60_100 == pytest.approx(123, abs=1)


def test_a_change_says_its_checkpoint_before_its_answer() -> None:
    bench = Bench(TREND)

    bench.tell(asked(bench, take_profit=0.03))

    assert bench.checkpoint is not None
    assert json.loads(bench.checkpoint.state)["tuned"] == {"take_profit": 0.03}
    assert isinstance(bench.said[-1], ParamsChanged)


def test_a_message_for_another_strategy_changes_nothing() -> None:
    bench = Bench(TREND)

    bench.tell(asked(bench, notional=5.0).model_copy(update={"strategy_id": "OTHER"}))

    assert bench.said == []
    assert bench.state.tuned == {}


class Sized(StrategyParams):
    size: float = 1.0
    fee: float = 0.0


class Python(Strategy):
    """Buys `size` at each bar."""

    Params = Sized

    def on_bar(self, ctx: Context, bar: Any) -> None:
        self.seen = self.params.size


def test_a_python_strategy_declares_nothing_unless_it_says_so() -> None:
    bench = Bench(Python)

    bench.tell(asked(bench, size=2.0))

    assert isinstance(bench.said[0], ParamsRefused)
    assert bench.said[0].code is ParamsRefusal.NOT_RELOADABLE


def test_the_messages_have_one_wire_form() -> None:
    message = asked(Bench(BUYER), a=True, b=2, c=2.0)

    again = decode(encode(message))

    assert again == message
    assert isinstance(again, SetParams)
    assert [type(v) for v in again.values.values()] == [bool, int, float]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_parameter_is_described_with_its_range(name: str) -> None:
    model = load(name).params

    rows = {row["name"]: row for row in described(model)}

    assert list(rows) == list(model.model_fields)
    assert all(row["description"] for row in rows.values())
    assert all(row["range"] for row in rows.values() if row["type"] != "boolean")
    assert {n for n, row in rows.items() if row["reload"]} == model.reloadable()
    assert RELOAD == {"reload": True}


def test_a_live_strategy_shows_all_that_it_knows_as_json() -> None:
    bench = Bench(GRID, {"lower": 50_000.0, "upper": 54_000.0, "levels": 5})
    bench.bars(52_500)
    bench.accept(bench.orders[0])
    bench.fill(bench.orders[0], 50_000)

    shown = json.loads(json.dumps(state_of(bench.core, bench.state)))

    assert shown["memory"]["BTCUSDT.BINANCE"]["cells"][0] == 0.008
    assert shown["positions"][0]["quantity"] == "0.00800"
    assert shown["params"]["levels"] == 5
    assert {o["status"] for o in shown["orders"]} == {"SENT"}
    assert shown["live"] is True
