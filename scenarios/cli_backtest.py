"""`manta backtest`: one strategy over past bars, from the command line."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from scenarios.cli_compiled import compiled_code_beside
from scenarios.cli_options import Catalogue, Data, End, Interval, Start, Strategy
from scenarios.cli_output import RUNS, Json, Mistake, RunsDir, cell, show, table

if TYPE_CHECKING:
    from scenarios.backtest import Done

Tape = Annotated[
    list[Path] | None,
    typer.Option("--tape", metavar="FILE", help="A recording instead of bars; may be repeated."),
]
Latency = Annotated[
    float, typer.Option("--latency-ms", metavar="MS", help="With --tape: to the venue, and back.")
]
Queue = Annotated[
    str,
    typer.Option(
        "--queue", metavar="MODEL", help="With --tape: risk_averse, prob_power, prob_log."
    ),
]
Param = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="May be repeated.")
]
Fill = Annotated[
    str, typer.Option("--fill", metavar="MODEL", help="next_open, close or path: when orders fill.")
]
Fee = Annotated[
    float | None,
    typer.Option(
        "--fee",
        metavar="FRACTION",
        help="Maker and taker fee of a fill's value. [0.001; with --tape the instrument's]",
    ),
]
Slippage = Annotated[
    float, typer.Option("--slippage", metavar="FRACTION", help="How much worse a taker's price is.")
]
Share = Annotated[
    float,
    typer.Option("--volume-share", metavar="FRACTION", help="Of a bar's volume at most; 0 all."),
]
Cash = Annotated[float, typer.Option("--cash", metavar="AMOUNT", help="The balance to begin with.")]
Leverage = Annotated[
    float | None,
    typer.Option("--leverage", metavar="X", help="Trade on margin, X times the equity at most."),
]
Tick = Annotated[float, typer.Option("--tick", metavar="STEP", help="Smallest step of a price.")]
Lot = Annotated[float, typer.Option("--lot", metavar="STEP", help="Smallest step of a quantity.")]
Keep = Annotated[bool, typer.Option("--keep/--no-keep", help="Write the run's folder, or not.")]
_FEE: Final = 0.001
_SHOWN: Final = (
    "total_return", "cagr", "sharpe", "sortino", "max_drawdown", "calmar", "volatility",
    "profit_factor", "win_rate", "exposure", "turnover",
)  # fmt: skip
_FRACTIONS: Final = {"total_return", "cagr", "max_drawdown", "volatility", "win_rate", "exposure"}


def backtest(
    strategy: Strategy,
    data: Data = None,
    tape: Tape = None,
    interval: Interval = None,
    start: Start = None,
    end: End = None,
    param: Param = None,
    fill: Fill = "next_open",
    fee: Fee = None,
    slippage: Slippage = 0.0,
    volume_share: Share = 0.0,
    cash: Cash = 10_000.0,
    leverage: Leverage = None,
    tick: Tick = 1e-8,
    lot: Lot = 1e-8,
    latency_ms: Latency = 1.0,
    queue: Queue = "risk_averse",
    catalogue: Catalogue = None,
    runs_dir: RunsDir = RUNS,
    keep: Keep = True,
    as_json: Json = False,
) -> None:
    """Run a strategy over past bars: orders, fills, fees, equity, figures.

    The run's folder has all of it as Parquet and JSON. What is assumed about the venue is in
    docs/backtesting.md. The first run of a strategy compiles it, which takes seconds.

    \b
    Examples:
      manta backtest --strategy trend_following --data BTCUSDT --interval 1h --param fast=12
      manta backtest --strategy my.py:BREAKOUT --data bars.csv --fill close --slippage 0.0005
      manta backtest --strategy momentum --data bars.parquet --leverage 3 --no-keep --json
      manta backtest --strategy market_making --tape btcusdt_20240808.gz --latency-ms 5
    """
    if tape:
        if data is not None:
            raise Mistake("--data and --tape: give one of them")
        compiled_code_beside(runs_dir)
        from scenarios.cli_backtest_tape import from_tape  # noqa: PLC0415 - numba

        done = from_tape(
            strategy, param or [], tape, queue=queue, latency_ms=latency_ms, fee=fee, cash=cash,
            leverage=leverage, interval=interval, runs_dir=runs_dir if keep else None,
        )  # fmt: skip
        show(document(done), as_json=as_json, text=lines(done))
        return
    if data is None:
        raise Mistake("--data is missing: give a file of bars, an instrument, or --tape FILE")
    settings = _settings(fill, fee, slippage, volume_share, cash, leverage)
    settings["instruments"] = ({"symbol": Path(data).stem, "tick": tick, "lot": lot},)
    where = (data, interval, start, end, catalogue)
    done = _carry_out(strategy, where, param or [], settings, runs_dir, keep, as_json)
    show(document(done), as_json=as_json, text=lines(done))


def _settings(
    fill: str, fee: float | None, slippage: float, share: float, cash: float, leverage: float | None
) -> dict[str, Any]:
    if fill not in ("next_open", "close", "path"):
        raise Mistake(f"--fill {fill}: use next_open, close or path")
    fee = _FEE if fee is None else fee
    return {
        "fill": fill, "maker_fee": fee, "taker_fee": fee, "slippage": slippage,
        "volume_share": share, "initial_balance": cash, "leverage": leverage,
        "account": None if leverage is None else "margin",
    }  # fmt: skip


def _carry_out(
    strategy: str,
    where: tuple[Any, ...],
    params: list[str],
    given: dict[str, Any],
    runs_dir: Path,
    keep: bool,
    quiet: bool,
) -> "Done":
    compiled_code_beside(runs_dir)
    from scenarios import backtest as scenario  # noqa: PLC0415 - numba
    from scenarios.sweep_data import load_bars  # noqa: PLC0415
    from trading.kernels.engine_loop import listeners  # noqa: PLC0415

    settings = scenario.settings_of(**given)
    bars = load_bars(*where)
    folder = scenario.new_folder(runs_dir, strategy, datetime.now(UTC)) if keep else None
    listeners.append(_compiling)
    try:
        return scenario.run(
            strategy,
            scenario.parameters(params),
            bars,
            settings,
            folder,
            data=Path(where[0]).name,
            progress=None if quiet else _progress(),
        )
    finally:
        listeners.remove(_compiling)


def document(done: "Done") -> dict[str, Any]:
    """What --json prints."""
    result = done.result
    return {
        "folder": str(done.folder) if done.folder is not None else None,
        "identity": dict(result.identity),
        "settings": dict(result.settings),
        "bars": int(result.metrics["bars"][0]),
        "orders": len(result.orders),
        "fills": len(result.fills),
        "trades": len(result.trades),
        "fees": float(result.metrics["fees"][0]),
        "final_equity": result.final_equity,
        "pnl": result.final_equity - result.initial_balance,
        "stats": dict(done.stats),
    }


def lines(done: "Done") -> list[str]:
    """The same for a person."""
    found = document(done)
    identity = found["identity"]
    params = " ".join(f"{n}={cell(v)}" for n, v in identity["params"].items())
    money = [
        ("samples" if identity["engine"].startswith("events") else "bars", cell(found["bars"])),
        ("orders / fills / trades", f"{found['orders']} / {found['fills']} / {found['trades']}"),
        ("final equity", f"{found['final_equity']:.4f} {identity['currency']}"),
        ("pnl", f"{found['pnl']:.4f}"),
        ("fees", f"{found['fees']:.4f}"),
    ]
    if identity["dropped"]:
        money.append(("dropped requests", f"{identity['dropped']} (less than a lot, or no room)"))
    figures = [(n.replace("_", " "), _figure(n, done.stats.get(n))) for n in _SHOWN]
    head = f"{identity['strategy']} on {', '.join(identity['instruments'])}: {params}"
    where = [f"kept in {found['folder']}"] if found["folder"] else []
    return [head, *table(("figure", "value"), [*money, *figures]), *where]


def _figure(name: str, value: float | int | None) -> str:
    if value is not None and name in _FRACTIONS:
        return f"{100 * value:.2f} %"
    return cell(value)


def _compiling(name: str) -> None:
    sys.stderr.write(f"compiling {name} ... (once; the code is kept)\n")
    sys.stderr.flush()


def _progress() -> Any:
    """A line that counts, on a terminal only, for runs that take a while."""
    if not sys.stderr.isatty():
        return None

    def tell(done: int, total: int) -> None:
        if total > 10_000_000:
            sys.stderr.write(f"{done}/{total} bars{chr(10) if done == total else chr(13)}")
            sys.stderr.flush()

    return tell
