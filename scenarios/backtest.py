"""A backtest from the names of things: a strategy, data, parameters; and the folder it leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from messages.arrays import Rows
from research.statistics import performance_of
from scenarios.backtest_folder import save
from scenarios.cli_output import invalid
from scenarios.spec import BadSpec, StrategySpec
from scenarios.strategy_source import source_of
from scenarios.sweep_spec import load_strategy
from trading import backtest, backtest_python
from trading.backtest_run import Progress
from trading.result import BacktestResult
from trading.strategy import CompiledStrategy
from trading.strategy_python import Strategy

_ID: Final = "backtest"


@dataclass(frozen=True, slots=True)
class Done:
    """A backtest, its figures and its folder (None if it was not kept)."""

    result: BacktestResult
    stats: Mapping[str, float | int | None]
    folder: Path | None


def loaded(name: str) -> CompiledStrategy | type[Strategy]:
    """The strategy of this name, built in or "path.py:Name", that bars can drive.

    raises  BadSpec
    """
    try:
        source = source_of(StrategySpec.model_construct(id=_ID, strategy=name))
    except BadSpec as error:
        said = str(error).removeprefix(f"strategies.{_ID}.strategy: ")
        raise BadSpec(f"--strategy {said}") from None
    strategy = load_strategy(source)
    if not isinstance(strategy, CompiledStrategy):
        return strategy
    if strategy.on_bar is None:
        has = ", ".join(strategy.handlers)
        raise BadSpec(f"--strategy {name}: no on_bar (it has {has}): bars cannot drive it")
    return strategy


def parameters(given: Sequence[str]) -> dict[str, str]:
    """["fast=10"] as {"fast": "10"}; the strategy's model reads the values.

    raises  BadSpec
    """
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise BadSpec(f"--param {each}: write it as NAME=VALUE")
        found[name.strip()] = value.strip()
    return found


def settings_of(**given: Any) -> backtest.Settings:
    """Settings from options; None leaves a default.

    raises  BadSpec naming the option
    """
    try:
        return backtest.Settings(**{n: v for n, v in given.items() if v is not None})
    except ValidationError as error:
        raise BadSpec(f"settings: {invalid(error)}") from None


def run(
    strategy: str,
    params: Mapping[str, Any],
    bars: Rows,
    settings: backtest.Settings,
    folder: Path | None,
    *,
    data: str = "bars",
    progress: Progress | None = None,
) -> Done:
    """Run it, compute its figures, keep it.

    data    what the bars are called in errors and in the result
    raises  BadSpec for whatever its user can mend; OSError if the folder cannot be written
    """
    code = loaded(strategy)
    if isinstance(code, CompiledStrategy):
        named, of = code.name, code.params
    else:
        named, of = code.__name__, code.Params
    try:
        model = of.model_validate(dict(params), strict=False)
    except ValidationError as error:
        raise BadSpec(f"--param: {named}: {invalid(error)}") from None
    try:
        ready = backtest.prepare({data: bars})
        result: BacktestResult
        if isinstance(code, CompiledStrategy):
            result = backtest.run(code, model, ready, settings, progress=progress)
        else:
            result = backtest_python.run(code, model, ready, settings)
    except (backtest.BadBars, backtest.StrategyError) as error:
        raise BadSpec(str(error)) from None
    except ValueError as error:
        raise BadSpec(f"--strategy {strategy}: {error}") from None
    stats = performance_of(result)
    kept = save(result, stats, folder) if folder is not None else None
    return Done(result, stats, kept)


def new_folder(runs_dir: Path, strategy: str, now: datetime) -> Path:
    """Where a run that starts now keeps its results: runs/backtest-<time>-<strategy>."""
    name = Path(strategy.rpartition(":")[2] or strategy).stem.lower()
    stamp = now.astimezone(UTC).strftime("%Y%m%d-%H%M%S")
    folder = runs_dir / f"backtest-{stamp}-{name}"
    count = 2
    while folder.exists():
        folder = runs_dir / f"backtest-{stamp}-{name}-{count}"
        count += 1
    return folder
