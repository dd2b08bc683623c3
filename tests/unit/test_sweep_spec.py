"""A sweep as a value: what decides its table, and the mistakes that are refused in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy_sweep
from pydantic import Field, model_validator

from research.space import parse
from scenarios.spec import BadSpec
from scenarios.sweep import create
from scenarios.sweep_data import load_bars
from scenarios.sweep_spec import Records, SweepSpec, check_same, describe, reopen
from trading.strategy import StrategyParams

BARS = toy_sweep.market(100)
GIVEN: dict[str, Any] = {
    "strategy": "trend_following",
    "data": "bars.csv",
    "space": "fast=5:50:5,slow=20:200:10",
    "method": "grid",
    "trials": None,
}


class Params(StrategyParams):
    """Two numbers that must be in order, a switch and a fraction."""

    low: int = Field(1, ge=0, le=100)
    high: int = Field(50, ge=0, le=100)
    on: bool = False
    part: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Params":
        if self.low > self.high:
            raise ValueError("low above high")
        return self


def test_a_spec_survives_its_file(tmp_path: Path) -> None:
    spec = describe(BARS, **GIVEN, where=("fast < slow",), params={"notional": 500})

    folder = create(spec, tmp_path)

    assert reopen(folder) == spec
    check_same(spec, BARS)


def test_other_data_or_other_code_is_not_resumed() -> None:
    spec = describe(BARS, **GIVEN)

    with pytest.raises(BadSpec, match=r"bars\.csv has changed"):
        check_same(spec, toy_sweep.market(100, seed=2))
    with pytest.raises(BadSpec, match="the code of trend_following has changed"):
        check_same(spec.model_copy(update={"code": "0"}), BARS)


def test_values_become_records_of_the_strategys_types() -> None:
    space = parse("low=10:20:5,on=true|false,part=0.1:0.2")
    records = Records(Params, space, {"high": 70})

    rows, accepted = records(np.array([[10, 1, 0.125], [20, 0, 0.2]]))

    assert rows.tolist() == [(10, 70, 1, 0.125), (20, 70, 0, 0.2)]
    assert accepted.all()


def test_a_row_that_the_model_refuses_is_marked_and_kept() -> None:
    records = Records(Params, parse("low=0:100:10,high=0:100:10"), {})

    rows, accepted = records(np.array([[20, 10], [10, 20]]))

    assert accepted.tolist() == [False, True]
    assert rows["low"].tolist() == [20, 10]


def test_a_users_own_file_is_a_strategy_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    text = (Path(__file__).parents[2] / "strategies" / "trend_following.py").read_text()
    file.write_text(text.replace('name="trend_following"', 'name="mine"'))

    spec = describe(BARS, **GIVEN | {"strategy": f"{file}:STRATEGY"})
    file.unlink()

    assert spec.source.startswith("{")
    check_same(spec, BARS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strategy": "trend"}, "--strategy 'trend' is not built in"),
        ({"strategy": "missing.py:X"}, "--strategy missing.py:X"),
        ({"space": "fast=5:x"}, "fast: 'x' is no number"),
        ({"space": "missing.toml"}, "--space missing.toml: cannot be read"),
        ({"space": "speed=1:5"}, "speed: the strategy has no such parameter"),
        ({"space": "fast=0:50:5"}, "fast: Input should be greater than or equal to 1"),
        ({"space": "fast=5:5000:5"}, "fast: Input should be less than or equal to 1000"),
        ({"space": "fast=1.5:5.0"}, "fast: counts in whole numbers"),
        ({"space": "fast=1:5:0.5"}, "fast: counts in whole numbers"),
        ({"where": ("fast < pace",)}, "pace is no axis"),
        ({"params": {"fast": 3}}, "fast: is fixed by --param too"),
        ({"params": {"pace": 3}}, "pace: the strategy has no such parameter"),
        ({"params": {"notional": -3}}, "notional"),
        ({"method": "magic"}, "method 'magic': use one of"),
        ({"objectives": ("sharp",)}, "objective 'sharp'"),
        ({"objectives": ("sharpe", "cagr")}, "several need --method nsga2"),
        ({"method": "cmaes", "halving": True}, "halving does not go with cmaes"),
        ({"trials": -1}, "trials: Input should be greater"),
        ({"seed": -1}, "seed: Input should be greater"),
        ({"settings": {"speed": 3}}, "--set speed: Extra inputs"),
        ({"settings": {"fill": "never"}}, "--set fill"),
        ({"settings": {"tick": 0}}, "--set tick"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSpec) as caught:
        describe(BARS, **GIVEN | changes)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_users_file_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("import nowhere_to_be_found\n")

    with pytest.raises(BadSpec, match="ModuleNotFoundError"):
        describe(BARS, **GIVEN | {"strategy": f"{file}:X"})


def test_settings_of_the_instrument_and_of_the_account_are_told_apart() -> None:
    spec = describe(BARS, **GIVEN, settings={"tick": 0.01, "taker_fee": 0.002, "fill": "close"})

    assert spec.settings["instruments"][0]["tick"] == 0.01
    assert spec.settings["taker_fee"] == 0.002
    assert spec.settings["fill"] == "close"


def test_a_folder_without_a_sweep_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(BadSpec, match="no sweep was started there"):
        reopen(tmp_path)
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(BadSpec, match="another version"):
        reopen(tmp_path)


def test_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSpec, match=r"nowhere\.csv: no such file"):
        load_bars(str(tmp_path / "nowhere.csv"))


def test_a_file_of_bars_is_read_within_its_range(tmp_path: Path) -> None:
    file = tmp_path / "BTCUSDT-1m.csv"
    lines = ["timestamp,open,high,low,close,volume"]
    lines += [
        f"{b['ts_open'] // 1_000_000},{b['open']},{b['high']},{b['low']},{b['close']},10"
        for b in BARS
    ]
    file.write_text("\n".join(lines) + "\n")

    bars = load_bars(str(file), start="2024-01-01T00:10:00", end="2024-01-01T00:20:00")

    assert len(bars) == 10
    assert not bars.flags.writeable
    with pytest.raises(BadSpec, match="0 bars in this range"):
        load_bars(str(file), start="2025-01-01")


def test_a_spec_knows_no_unknown_keys() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        SweepSpec.model_validate({"unknown": 1})
