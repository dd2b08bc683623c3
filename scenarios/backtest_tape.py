"""A backtest on a recording of the wire: trades, quotes, the whole book, latency and queue."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from messages.base import NS_PER_S
from research.statistics import performance_of
from scenarios.backtest import Done
from scenarios.backtest_folder import save
from scenarios.cli_output import invalid
from scenarios.spec import BadSpec, StrategySpec
from scenarios.strategy_source import source_of
from scenarios.sweep_spec import load_strategy
from trading import backtest_l2
from trading.strategy import CompiledStrategy
from venues.binance.codec_names import Market
from venues.binance.recording import RecordingError
from venues.binance.tape import Tape
from venues.binance.tape_events import tape_events

_ID = "backtest"
NS_PER_MIN = 60 * NS_PER_S


def run_tape(
    strategy: str,
    params: Mapping[str, Any],
    tapes: Sequence[Path],
    settings: Mapping[str, Any],
    folder: Path | None,
    *,
    interval_ns: int = NS_PER_MIN,
    note: Callable[[str], None] | None = None,
) -> Done:
    """Run a strategy on recordings of one market, compute its figures, keep it.

    strategy  built in, or "path.py:Name"; it needs on_book, on_quote, on_trade or on_bar
    settings  of `trading.l2_settings.L2Settings`; fees and steps come from the recording's
              instruments unless they are given, and spot is traded with a cash account
    interval_ns  of the bars that trades are made into, for a strategy of bars
    note      told what takes long
    raises    BadSpec for whatever its user can mend; OSError if the folder cannot be written
    cost      reading takes 10 us a message, the run 0.1 us a row
    """
    code = _compiled(strategy)
    try:
        model = code.params.model_validate(dict(params), strict=False)
    except ValidationError as error:
        raise BadSpec(f"--param: {code.name}: {invalid(error)}") from None
    try:
        if note is not None:
            note("reading " + ", ".join(path.name for path in tapes))
        wanted = interval_ns if code.on_bar is not None else 0
        tape = Tape(tuple(tapes))
        found = tape_events(tape, interval_ns=wanted)
        fees = {n: v for n, v in settings.items() if n in {"maker_fee", "taker_fee"}}
        rules = tuple(r.model_copy(update=fees) for r in found.rules)
        # Nobody sells on a spot market what he does not have, unless he borrows it.
        money = {"account": "cash"} if tape.market is Market.SPOT else {}
        chosen = backtest_l2.L2Settings(**{"instruments": rules, **money, **settings})
        result = backtest_l2.run(code, model, found.rows, chosen, bars=found.bars, note=note)
    except ValidationError as error:
        raise BadSpec(f"settings: {invalid(error)}") from None
    except (RecordingError, backtest_l2.BadEvents, backtest_l2.StrategyError) as error:
        raise BadSpec(str(error)) from None
    stats = performance_of(result)
    return Done(result, stats, save(result, stats, folder) if folder is not None else None)


def _compiled(name: str) -> CompiledStrategy:
    try:
        source = source_of(StrategySpec.model_construct(id=_ID, strategy=name))
    except BadSpec as error:
        said = str(error).removeprefix(f"strategies.{_ID}.strategy: ")
        raise BadSpec(f"--strategy {said}") from None
    strategy = load_strategy(source)
    if not isinstance(strategy, CompiledStrategy):
        raise BadSpec(f"--strategy {name}: a Python class: this engine runs compiled strategies")
    return strategy
