"""`run` and `run_many`: an oracle in plain Python, errors, figures, growth, folders."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bar_stage import ask, bars, play
from pydantic import Field, ValidationError

from messages.arrays import Rows
from scenarios.backtest_folder import STATS, load, save
from trading.backtest import Rules, Settings, StrategyError, prepare, run, run_many
from trading.kernels.engine_records import ERROR_QUANTITY, ERROR_RAISED
from trading.kernels.strategy import submit_market
from trading.strategy import BUY, SELL, CompiledStrategy, StrategyParams

FLAT = (100, 100, 100, 100)


class Cross(StrategyParams):
    """An EMA cross; `break_at` makes it fail on that bar."""

    fast: int = Field(10, ge=1)
    slow: int = Field(20, ge=1)
    quantity: float = 1.0
    break_at: int = -1
    how: int = 0


STATE = np.dtype([("fast", "f8"), ("slow", "f8"), ("bars", "i8")])


def on_bar(state: Any, params: Any, bar: Any, account: Any, orders: Any) -> int:
    if state.bars == 0:
        state.fast = state.slow = bar.close
    state.fast += (bar.close - state.fast) * 2.0 / (params.fast + 1.0)
    state.slow += (bar.close - state.slow) * 2.0 / (params.slow + 1.0)
    state.bars += 1
    if state.bars - 1 == params.break_at:
        if params.how == 0:
            return int(submit_market(orders, 0, BUY, np.nan))
        if params.how == 1:
            return int(submit_market(orders, 0, BUY, -1.0))
        if params.how == 2:
            return 1000
        if params.how == 3:
            return int(submit_market(orders, 0, 0, 1.0))
        return int(1 // (params.break_at - params.break_at))
    if state.bars >= params.slow:
        if state.fast > state.slow and account.position == 0.0:
            return int(submit_market(orders, 0, BUY, params.quantity))
        if state.fast < state.slow and account.position > 0.0:
            return int(submit_market(orders, 0, SELL, account.position))
    return 0


CROSS = CompiledStrategy(name="cross", params=Cross, state=STATE, on_bar=on_bar)


def walk(count: int, seed: int = 1) -> Rows:
    """A random walk in cents."""
    rng = np.random.default_rng(seed)
    close = 100 + np.cumsum(rng.integers(-10, 11, count)) / 100
    opened = np.r_[100.0, close[:-1]] + rng.integers(-2, 3, count) / 100
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return bars(*np.round(np.column_stack((opened, high, low, close)), 2).tolist())


def oracle(rows: Rows, fast: int, slow: int, at_close: bool) -> tuple[float, int]:
    """(PnL, fills) in plain Python, fee 0.1 %."""
    quick = late = float(rows["close"][0])
    cash, position, fills, wanted = 0.0, 0.0, 0, 0.0
    for i, bar in enumerate(rows):
        if wanted and not at_close:
            cash -= wanted * bar["open"] + abs(wanted) * bar["open"] * 0.001
            position, fills, wanted = position + wanted, fills + 1, 0.0
        quick += (bar["close"] - quick) * 2.0 / (fast + 1.0)
        late += (bar["close"] - late) * 2.0 / (slow + 1.0)
        if i + 1 >= slow:
            wanted = 1.0 if quick > late and position == 0 else 0.0
            wanted = -position if quick < late and position > 0 else wanted
        if wanted and at_close:
            cash -= wanted * bar["close"] + abs(wanted) * bar["close"] * 0.001
            position, fills, wanted = position + wanted, fills + 1, 0.0
    return cash + position * float(rows["close"][-1]), fills


@pytest.mark.parametrize("fill", ["next_open", "close"])
@pytest.mark.parametrize(("fast", "slow"), [(10, 20), (3, 50)])
def test_a_run_equals_the_same_in_plain_python(fill: Any, fast: int, slow: int) -> None:
    rows = walk(3_000)

    result = run(CROSS, {"fast": fast, "slow": slow}, rows, Settings(fill=fill))

    pnl, fills = oracle(rows, fast, slow, fill == "close")
    assert (result.final_equity - 10_000, len(result.fills)) == (pytest.approx(pnl), fills)


def test_many_runs_give_the_figures_of_single_ones() -> None:
    data = prepare(walk(5_000))
    table = np.zeros(3, Cross.dtype())
    table["fast"], table["slow"] = (5, 10, 20), (20, 30, 60)
    table["quantity"], table["break_at"] = 1.0, -1

    many = run_many(CROSS, table, data)

    for row, figures in zip(table, many, strict=True):
        chosen = {"fast": int(row["fast"]), "slow": int(row["slow"])}
        assert run(CROSS, chosen, data).metrics[0].tolist() == pytest.approx(
            figures.tolist(), nan_ok=True
        )


def test_tables_grow_between_bars_and_lose_nothing() -> None:
    rows = walk(120_000, seed=5)

    result = run(CROSS, {"fast": 1, "slow": 2}, rows, Settings(initial_balance=1e9))

    pnl, fills = oracle(rows, 1, 2, at_close=False)
    assert fills > 65_536 // 2
    assert len(result.fills) == fills
    assert result.final_equity - 1e9 == pytest.approx(pnl, abs=1e-4)
    assert (np.diff(result.fills["ts"]) >= 0).all()
    assert result.orders["id"].tolist() == list(range(fills + int(len(result.orders) > fills)))


@pytest.mark.parametrize(
    ("how", "field", "said"),
    [
        (0, "quantity", "request 0: quantity is nan"),
        (1, "quantity", "request 0: quantity is -1"),
        (2, "count", "count is 1000: a call may write 0 to 64 requests"),
        (3, "side", "request 0: side is 0"),
        (4, "", "the code raised ZeroDivisionError"),
    ],
)
def test_nonsense_is_named_with_strategy_bar_and_field(how: int, field: str, said: str) -> None:
    with pytest.raises(StrategyError, match=said) as caught:
        run(CROSS, {"break_at": 7, "how": how}, walk(50))

    assert caught.value.field == field
    assert "cross: at the bar that closed at 2024-01-01T00:08:00Z" in str(caught.value)


def test_a_failing_row_of_a_sweep_is_marked_and_the_others_go_on() -> None:
    table = np.zeros(3, Cross.dtype())
    table["fast"], table["slow"], table["quantity"] = 5, 20, 1.0
    table["break_at"], table["how"] = (-1, 7, 7), (0, 0, 4)

    many = run_many(CROSS, table, walk(500))

    assert many["error"].tolist() == [0, ERROR_QUANTITY, ERROR_RAISED]
    assert many["bars"].tolist() == [500, 0, 0]


def test_parameters_outside_their_range_never_start() -> None:
    table = np.zeros(1, Cross.dtype())

    with pytest.raises(ValidationError, match="fast"):
        run_many(CROSS, table, walk(10))
    with pytest.raises(ValidationError, match="slow"):
        run(CROSS, {"slow": 0}, walk(10))


def test_a_strategy_without_on_bar_is_refused() -> None:
    from strategies import load as built_in  # noqa: PLC0415

    with pytest.raises(ValueError, match="no on_bar"):
        run(built_in("market_making"), {}, walk(10))


def test_progress_ends_at_the_last_bar() -> None:
    told: list[tuple[int, int]] = []

    run(CROSS, {}, walk(100), progress=lambda done, total: told.append((done, total)))

    assert told == [(100, 100)]


def test_two_results_do_not_share_memory() -> None:
    first = play(bars(FLAT, FLAT), ask(0))
    kept = first.fills
    before = kept.tolist()
    del first

    play(bars(FLAT, (200, 200, 200, 200)), ask(0, quantity=2.0))

    assert kept.tolist() == before


def test_a_run_is_kept_and_read_back(tmp_path: Path) -> None:
    result = run(CROSS, {}, walk(400))

    folder = save(result, {"sharpe": float("nan"), "trades": 3}, tmp_path / "runs" / "one")
    back = load(folder)

    for name in ("equity", "fills", "orders", "trades"):
        assert getattr(back, name).tolist() == getattr(result, name).tolist()
    assert dict(back.identity) == dict(result.identity)
    assert back.metrics[0].tolist() == pytest.approx(result.metrics[0].tolist(), nan_ok=True)
    assert json.loads((folder / STATS).read_text()) == {"sharpe": None, "trades": 3}
    assert [p.name for p in folder.parent.iterdir()] == ["one"]


def test_prices_of_other_instruments_are_kept_where_there_are_any(tmp_path: Path) -> None:
    rows = walk(60)
    one = run(CROSS, {}, rows)
    two = run(CROSS, {}, prepare({"A": rows, "B": rows}), Settings(instruments=(Rules(), Rules())))

    alone, both = save(one, {}, tmp_path / "one"), save(two, {}, tmp_path / "two")

    assert not (alone / "prices.parquet").exists()
    assert len(load(alone).prices) == 0
    assert load(both).prices["price"].tolist() == rows["close"].tolist()
    assert set(load(both).prices["instrument"].tolist()) == {1}


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    result = run(CROSS, {}, walk(50))

    with pytest.raises(TypeError):
        save(result, {("no", "name"): 1}, tmp_path / "one")  # type: ignore[dict-item]

    assert list(tmp_path.iterdir()) == []
