"""The backtest engine as a sweep uses it: the same figures as single runs, over shared bars."""

import json
from pathlib import Path

import numpy as np
import pytest
import toy_sweep

from research.space import parse
from research.sweep import plan_of, sweep
from research.sweep_table import DONE, VOID, Table
from research.validation import period_ends, returns_of
from scenarios.spec import BadSpec
from scenarios.sweep_engine import BarEngine, make
from scenarios.sweep_spec import Records, describe, load_strategy, params_of
from trading.result import METRICS

BARS = toy_sweep.market(3000)
SPACE = parse("fast=2:8:2,slow=20:30:10")
TEXT = '''
import numpy as np
from pydantic import Field
from trading.kernels.strategy import submit_market
from trading.strategy import BUY, SELL, CompiledStrategy, StrategyParams


class Params(StrategyParams):
    """A quantity that makes no sense above 5."""

    every: int = Field(10, ge=1, le=100)
    quantity: float = Field(1.0, gt=0)


def on_bar(state, params, bar, account, orders):
    state.bars += 1
    if state.bars % params.every != 0:
        return 0
    side = BUY if account.position == 0.0 else SELL
    return submit_market(orders, 0, side, params.quantity if params.quantity < 5.0 else np.nan)


ODD = CompiledStrategy(
    name="odd", params=Params, state=np.dtype([("bars", "i8")]), on_bar=on_bar
)
'''


@pytest.fixture(scope="module")
def engine() -> BarEngine:
    return make("trend_following", json.dumps({"taker_fee": 0.0005}))


def params(space: str = "fast=2:8:2,slow=20:30:10") -> np.ndarray:
    parsed = parse(space)
    return Records(params_of(load_strategy("trend_following")), parsed, {})(parsed.grid())[0]


def test_the_figures_of_a_sweep_are_those_of_single_runs(engine: BarEngine) -> None:
    rows = params()

    found = engine.metrics(rows, engine.prepare(BARS), len(BARS))

    singly = np.concatenate(
        [engine.result(rows[i : i + 1], BARS).metrics for i in range(len(rows))]
    )
    assert found.tobytes() == singly.tobytes()
    assert (found["fills"] > 0).all()


def test_pieces_of_any_size_have_the_same_figures(engine: BarEngine) -> None:
    data, rows = engine.prepare(BARS), params()

    whole = engine.metrics(rows, data, len(BARS))

    pieces = [engine.metrics(rows[i : i + 3], data, len(BARS)) for i in range(0, len(rows), 3)]
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


def test_a_part_of_the_data_is_its_beginning(engine: BarEngine) -> None:
    data = engine.prepare(BARS)

    found = engine.metrics(params(), data, 1000)

    assert set(found["bars"]) == {1000}
    assert found.tobytes() == engine.metrics(params(), engine.prepare(BARS[:1000]), 1000).tobytes()


def test_returns_are_those_of_the_equity_curve(engine: BarEngine) -> None:
    rows = params()
    ends, _, _ = period_ends(BARS["ts_event"])

    found = engine.returns(rows, engine.prepare(BARS), ends)

    for i in range(len(rows)):
        equity = engine.result(rows[i : i + 1], BARS).equity["equity"]
        assert found[:, i] == pytest.approx(returns_of(equity[ends], 10_000.0), abs=1e-12)


def test_read_only_parameters_as_ray_hands_them_out_are_taken(engine: BarEngine) -> None:
    rows = params()
    rows.flags.writeable = False

    found = engine.metrics(rows, engine.prepare(BARS), len(BARS))

    assert found.dtype == METRICS


def test_a_trial_whose_strategy_fails_is_void_and_the_others_go_on(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text(TEXT)
    spec = describe(
        BARS, strategy=f"{file}:ODD", data="toy", space="quantity=1:6:1", method="grid", trials=None
    )
    made = make(spec.source, json.dumps(spec.settings))
    data, space = made.prepare(BARS), spec.parsed()
    records = Records(params_of(load_strategy(spec.source)), space, {})

    table = sweep(
        _Listed(space.grid()),
        Table(records.dtype),
        records,
        plan_of(("sharpe",), len(BARS), halving=False),
        lambda trials, rows, bars: iter([(np.arange(len(trials)), made.metrics(rows, data, bars))]),
    )

    assert table.status.tolist() == [DONE] * 4 + [VOID] * 2
    ends, _, _ = period_ends(BARS["ts_event"])
    assert not made.returns(table.params, data, ends)[:, 4:].any()


class _Listed:
    """Asks once."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def ask(self) -> np.ndarray:
        values, self._values = self._values, self._values[:0]
        return values

    def tell(self, told: object) -> None:
        pass


def test_bars_that_no_backtest_may_use_are_refused_by_row_and_field(engine: BarEngine) -> None:
    bars = BARS.copy()
    bars["close"][7] = np.nan

    with pytest.raises(BadSpec, match="row 7: close"):
        engine.prepare(bars)


def test_what_bars_cannot_drive_is_refused() -> None:
    with pytest.raises(BadSpec, match="has no on_bar"):
        make("market_making", "{}")
