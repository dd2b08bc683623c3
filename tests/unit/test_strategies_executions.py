"""The built-in executions: begun once, obeyed to, refused where they make no sense."""

import json
from typing import Any

import pytest

from messages.control import SetParams
from scenarios.cli import main
from scenarios.spec import BadSpec, StrategySpec
from scenarios.strategy_source import source_of
from strategies import LIVE, load, load_live
from trading.execution.core import Status
from trading.strategy_bench import Bench
from trading.strategy_turn import StrategyFault

PARAMS: dict[str, dict[str, Any]] = {
    "twap": {"duration_s": 20.0},
    "pov": {"participation": 0.5},
    "iceberg": {"limit": 59_990.0, "display": 0.2},
}


def bench_of(name: str, **params: Any) -> Bench:
    bench = Bench(load_live(name), PARAMS[name] | {"quantity": 1.0, "jitter": 0.0} | params)
    bench.quote(60_000, 60_001)
    bench.wait(0.3)
    return bench


def tell(bench: Bench, **values: Any) -> None:
    times = {"ts_event": bench.now_ns, "ts_init": bench.now_ns}
    word = SetParams(**times, strategy_id="BENCH", values=values, operator="op")  # type: ignore[arg-type]
    bench.tell(word)
    bench.wait(0.3)


@pytest.mark.parametrize(("name", "first"), [("twap", 0.25), ("pov", 0.75), ("iceberg", 0.2)])
def test_it_begins_by_itself_and_its_children_add_up_to_the_quantity(
    name: str, first: float
) -> None:
    bench = bench_of(name)
    bench.trade(60_001, 1.5, 1)
    for _ in range(12):
        bench.wait(5)
        for order in bench.orders:
            held = bench._held.get(order.client_order_id)
            if held is None or not held.closed:
                bench.fill(order, 60_000)
        bench.trade(60_001, 0.1, 1)

    (running,) = bench.state.executions.values()
    assert float(bench.orders[0].quantity) == pytest.approx(first, abs=0.05)
    assert float(sum(o.quantity for o in bench.orders)) <= 1.0
    assert running.state.filled == bench.position
    if name != "pov":
        assert running.state.status is Status.COMPLETED


def test_without_a_quantity_it_waits_until_it_is_told_one_and_a_second_word_changes_nothing() -> (
    None
):
    bench = bench_of("twap", quantity=0.0)
    assert bench.orders == []

    tell(bench, quantity=0.8)
    tell(bench, quantity=5.0)
    bench.restart()

    (running,) = bench.state.executions.values()
    assert float(running.plan.quantity) == 0.8
    assert [float(o.quantity) for o in bench.orders] == [0.2]


def test_pause_and_cancel_are_obeyed() -> None:
    bench = bench_of("iceberg")
    bench.accept(bench.orders[0])
    tell(bench, pause=True)
    bench.canceled(bench.orders[0])
    bench.wait(20)
    assert len(bench.orders) == 1

    tell(bench, pause=False)
    assert len(bench.orders) == 2
    tell(bench, cancel=True)

    (running,) = bench.state.executions.values()
    assert (running.state.status, running.state.reason) == (Status.CANCELLED, "cancel was set")


def test_a_run_knows_them_and_a_backtest_refuses_them_in_one_line() -> None:
    for name in LIVE:
        assert source_of(StrategySpec(id="A", strategy=name)) == name
        with pytest.raises(ValueError, match="live market: use it in `manta run`"):
            load(name)
    with pytest.raises(BadSpec, match="twap"):
        source_of(StrategySpec(id="A", strategy="twop"))


def test_the_command_line_says_what_they_live_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategies", "show", "pov", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["streams"] == "trades, quotes"
    assert {"quantity", "cancel", "pause"} == set(found["reloadable"])


def test_a_duration_that_is_no_whole_number_of_slices_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="duration_s"):
        Bench(load_live("twap"), {"duration_s": 12.0})


def test_an_execution_that_makes_no_sense_is_a_fault_of_the_strategy() -> None:
    bench = bench_of("iceberg", quantity=0.0)
    core, state = bench.core, bench.state
    from messages.orders import OrderSide  # noqa: PLC0415
    from trading.strategy_python import Context  # noqa: PLC0415

    ctx = Context(core._turn(state, None, bench.now_ns), 0)
    for more in ({"method": "SWAP"}, {"method": "VWAP"}, {"method": "TWAP", "colour": 1}):
        with pytest.raises(StrategyFault, match="correct the strategy's code"):
            ctx.execute(OrderSide.BUY, 1, **more)  # type: ignore[arg-type]
    assert ctx.execute(OrderSide.BUY, 0.000_001, "TWAP") is None
