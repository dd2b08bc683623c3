"""A finished backtest as a folder: written whole or not at all, and read back as it was.

run.json          identity and settings
stats.json        figures of `research.statistics.performance`
equity.parquet, fills.parquet, orders.parquet, trades.parquet
prices.parquet    of the instruments after the first, if there are any
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from messages.arrays import Rows
from scenarios.spec import BadSpec
from trading.result import (
    EQUITY,
    FILL_ROW,
    METRICS,
    ORDER_ROW,
    PRICE_ROW,
    TRADE_ROW,
    BacktestResult,
)

RUN: Final = "run.json"
STATS: Final = "stats.json"
PRICES: Final = "prices.parquet"
FORMAT: Final = 1
_TABLES: Final = {"equity": EQUITY, "fills": FILL_ROW, "orders": ORDER_ROW, "trades": TRADE_ROW}

_NONE: Final = np.zeros(0, PRICE_ROW)


def save(result: BacktestResult, stats: Mapping[str, Any], folder: Path) -> Path:
    """Write a run into `folder`, which must not exist; the folder.

    It is written beside its place and then renamed, so what is there is whole.

    raises  FileExistsError; OSError, and then nothing is left behind
    """
    if folder.exists():
        raise FileExistsError(17, "there is a run of that name", str(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, dtype in _TABLES.items():
            frame_of(getattr(result, name), dtype).write_parquet(part / f"{name}.parquet")
        if len(result.prices):
            frame_of(result.prices, PRICE_ROW).write_parquet(part / PRICES)
        metrics = dict(zip(METRICS.names or (), result.metrics[0].item(), strict=True))
        document = {
            "format": FORMAT,
            "kind": "backtest",
            "identity": dict(result.identity),
            "settings": dict(result.settings),
            "metrics": {n: _plain(v) for n, v in metrics.items()},
        }
        (part / RUN).write_text(json.dumps(document, indent=2, default=str) + "\n")
        figures = {n: _plain(v) for n, v in stats.items()}
        (part / STATS).write_text(json.dumps(figures, indent=2, default=str) + "\n")
        part.chmod(0o755)
        os.rename(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return folder


def load(folder: Path) -> BacktestResult:
    """The run that `save` wrote.

    raises  BadSpec naming the file that is missing or unreadable
    """
    document = _json(folder / RUN)
    if document.get("format") != FORMAT:
        raise BadSpec(f"{folder / RUN}: format {document.get('format')}, not {FORMAT}: run it anew")
    metrics = np.zeros(1, METRICS)
    for name, value in document.get("metrics", {}).items():
        if name in (METRICS.names or ()):
            metrics[name] = np.nan if value is None else value
    return BacktestResult(
        **{name: _table(folder / f"{name}.parquet", dtype) for name, dtype in _TABLES.items()},
        settings=document["settings"],
        identity=document["identity"],
        metrics=metrics,
        prices=_table(folder / PRICES, PRICE_ROW) if (folder / PRICES).exists() else _NONE,
    )


def frame_of(rows: Rows, dtype: "np.dtype[np.void]") -> pl.DataFrame:
    """A table as columns."""
    return pl.DataFrame({n: np.ascontiguousarray(rows[n]) for n in dtype.names or ()})


def _table(path: Path, dtype: "np.dtype[np.void]") -> Rows:
    try:
        frame = pl.read_parquet(path)
        rows = np.zeros(len(frame), dtype)
        for name in dtype.names or ():
            rows[name] = frame[name].to_numpy()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadSpec(f"{path}: cannot be read: {error}: run the backtest anew") from None
    return rows


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise BadSpec(f"{path}: {error.strerror}: name the folder of a backtest") from None
    except ValueError:
        raise BadSpec(f"{path}: is no JSON: run the backtest anew") from None
    return found


def _plain(value: Any) -> Any:
    """As JSON has it: no NaN, no infinity."""
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
