"""`manta backtest`: what it prints, what it keeps, and how it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from scenarios.backtest_folder import load
from scenarios.cli import main

COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Five hundred minute bars as CSV."""
    rng = np.random.default_rng(2)
    close = np.round(100 + np.cumsum(rng.normal(0, 0.3, 500)), 2)
    opened = np.r_[100.0, close[:-1]]
    times = 1_704_067_200_000 + 60_000 * np.arange(500)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    columns = (times, opened, high, low, close, np.full(500, 5.0))
    path = tmp_path / "bars.csv"
    pl.DataFrame(dict(zip(COLUMNS, columns, strict=True))).write_csv(path)
    return path


def manta(*arguments: object) -> int:
    return main([str(a) for a in arguments])


def test_a_backtest_is_printed_and_kept(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"

    code = manta(
        "backtest", "--strategy", "trend_following", "--data", file, "--runs-dir", runs,
        "--param", "fast=5", "--fee", "0.0005", "--json",
    )  # fmt: skip

    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == 0
    assert found["bars"] == 500
    assert found["identity"]["params"]["fast"] == 5
    assert found["settings"]["taker_fee"] == 0.0005
    kept = load(Path(found["folder"]))
    assert len(kept.fills) == found["fills"] > 0
    assert kept.final_equity == pytest.approx(found["final_equity"])


def test_a_table_for_people(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = manta("backtest", "--strategy", "trend_following", "--data", file, "--no-keep")

    printed = capsys.readouterr().out
    assert code == 0
    assert "trend_following on bars: fast=10" in printed
    assert "max drawdown" in printed


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--param", "fast=0"), "trend_following: fast"),
        (("--param", "fast"), "--param fast: write it as NAME=VALUE"),
        (("--fill", "nowhere"), "--fill nowhere: use next_open, close or path"),
        (("--cash", "-1"), "initial_balance"),
        (("--leverage", "0.5"), "leverage"),
        (("--start", "2030-01-01"), "0 bars in this range"),
    ],
)
def test_a_mistake_is_one_line_and_code_two(
    more: tuple[str, ...], said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = manta("backtest", "--strategy", "trend_following", "--data", file, "--no-keep", *more)

    printed = capsys.readouterr()
    assert code == 2
    assert said in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("cell", "value", "field"),
    [(7, "nan", "close"), (7, "0", "close"), (7, "-3", "close")],
)
def test_a_bad_row_is_named(
    cell: int, value: str, field: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = file.read_text().splitlines()
    row = lines[cell].split(",")
    row[4] = value
    lines[cell] = ",".join(row)
    file.write_text("\n".join(lines) + "\n")

    code = manta("backtest", "--strategy", "trend_following", "--data", file, "--no-keep")

    printed = capsys.readouterr().err
    assert code == 2
    assert "bars.csv" in printed
    assert str(cell + 1) in printed or str(cell) in printed


def test_a_strategy_of_the_users_own_file(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "import numpy as np\n"
        "from trading.kernels.strategy import submit_market\n"
        "from trading.strategy import BUY, CompiledStrategy, StrategyParams\n"
        "class P(StrategyParams):\n"
        "    at: int = 3\n"
        "STATE = np.dtype([('n', 'i8')])\n"
        "def on_bar(state, params, bar, account, orders):\n"
        "    state.n += 1\n"
        "    if state.n == params.at:\n"
        "        return submit_market(orders, 0, BUY, 1.0)\n"
        "    return 0\n"
        "MINE = CompiledStrategy(name='mine', params=P, state=STATE, on_bar=on_bar)\n"
    )

    code = manta("backtest", "--strategy", f"{own}:MINE", "--data", file, "--no-keep", "--json")

    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (found["orders"], found["fills"], found["trades"]) == (1, 1, 0)


def test_a_python_class_of_the_users_own_file(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own_class.py"
    own.write_text(
        "from messages.orders import OrderSide\n"
        "from trading.strategy import StrategyParams\n"
        "from trading.strategy_python import Strategy\n"
        "class P(StrategyParams):\n"
        "    size: float = 1.0\n"
        "class Mine(Strategy):\n"
        "    Params = P\n"
        "    def on_bar(self, ctx, bar):\n"
        "        if ctx.position.quantity == 0:\n"
        "            ctx.submit_market(OrderSide.BUY, self.params.size)\n"
    )
    given = ("backtest", "--strategy", f"{own}:Mine", "--data", file, "--no-keep", "--json")

    code = manta(*given, "--param", "size=2")

    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (found["orders"], found["fills"], found["trades"]) == (1, 1, 0)
