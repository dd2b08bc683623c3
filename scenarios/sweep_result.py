"""The files a sweep leaves: table.parquet and summary.json."""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from research.sweep import best_of, pareto_front, ranked
from research.sweep_table import STATUS_NAMES, VOID, Table
from scenarios.sweep_cluster import Pool
from scenarios.sweep_follow import Follow
from scenarios.sweep_spec import SweepSpec
from trading.backtest_run import meaning

TOP: Final = 10
SHOWN: Final = (
    "sharpe", "total_return", "max_drawdown", "cagr", "calmar", "sortino", "profit_factor",
    "win_rate", "trades", "fills", "fees", "pnl",
)  # fmt: skip


def summarize(
    spec: SweepSpec, folder: Path, table: Table, follow: Follow, pool: Pool,
    judgement: Mapping[str, Any] | None, times: Mapping[str, float],
) -> dict[str, Any]:  # fmt: skip
    """What came of it, as one JSON document.

    judgement  of the best trial; None: the sweep was interrupted before there was one
    """
    best = best_of(table, spec.objectives)
    judged = dict(judgement or {})
    counts = np.bincount(table.status, minlength=len(STATUS_NAMES)).tolist()
    seconds = times.get("search_s", 0.0)
    summary: dict[str, Any] = {
        "run_id": folder.name,
        "status": "interrupted" if judgement is None else "done",
        "strategy": spec.strategy,
        "data": {"of": spec.data, "bars": spec.bars, "sha256": spec.data_sha256},
        "code": spec.code,
        "method": spec.method,
        "objective": ",".join(spec.objectives),
        "seed": spec.seed,
        "trials": len(table),
        "tried": table.tried,
        "statuses": {n: c for n, c in zip(STATUS_NAMES, counts, strict=True) if c},
        "failed": failed(table),
        "evaluated": follow.evaluated,
        "combos_per_s": follow.evaluated / seconds if seconds > 0.0 else None,
        "bars_per_s": follow.steps / seconds if seconds > 0.0 else None,
        "best": None if best is None else row(table, best),
        "top": [row(table, trial) for trial in ranked(table, spec.objectives, TOP)],
        "deflated_sharpe": judged.get("deflated", {}).get("deflated_sharpe"),
        "pbo": judged.get("overfitting", {}).get("pbo"),
        "significant": judged.get("verdict", {}).get("significant"),
        "table_sha256": table.sha256(),
        "validation": judged,
        "times": {name: round(value, 3) for name, value in times.items()},
        "workers": workers(pool),
        "tasks_sent_again": pool.lost,
        "files": {"table": str(folder / "table.parquet"), "folder": str(folder)},
    }
    if len(spec.objectives) > 1:
        front = pareto_front(table, spec.objectives)
        summary["pareto_front"] = [row(table, trial) for trial in front]
    plain: dict[str, Any] = finite(summary)
    return plain


def failed(table: Table) -> dict[str, Any] | None:
    """How many trials failed, and what the most of them did wrong, with the first such trial."""
    void = np.flatnonzero(table.status == VOID)
    if not len(void):
        return None
    codes, first, counts = np.unique(
        table.metrics["error"][void], return_index=True, return_counts=True
    )
    most = int(np.argmax(counts))
    trial = int(void[first[most]])
    return {
        "trials": len(void),
        "why": meaning(int(codes[most])),
        "trial": trial,
        "params": row(table, trial)["params"],
    }


def row(table: Table, trial: int) -> dict[str, Any]:
    """One trial: number, parameters, the figures that matter."""
    params, metrics = table.params[trial], table.metrics[trial]
    return {
        "trial": trial,
        "params": {n: params[n].item() for n in table.params.dtype.names or ()},
        **{n: metrics[n].item() for n in SHOWN},
    }


def workers(pool: Pool) -> list[dict[str, Any]]:
    """Each worker process with its private memory, MiB: flat, for the bars are shared."""
    found = []
    for each in sorted(pool.seen.values(), key=lambda w: (w.node, w.pid)):
        mib = {
            f"private_mib_{name}": round(value / 1024, 1)
            for name, value in (
                ("first", each.private_kib_first),
                ("last", each.private_kib_last),
                ("max", each.private_kib_max),
            )
        }
        found.append({"node": each.node[:12], "pid": each.pid, "tasks": each.tasks, **mib})
    return found


def write(folder: Path, table: Table, summary: Mapping[str, Any]) -> None:
    """Both files, each as a whole or not at all."""
    part = folder / "table.parquet.new"
    pl.DataFrame(table.columns()).write_parquet(part)
    part.replace(folder / "table.parquet")
    part = folder / "summary.json.new"
    part.write_text(json.dumps(summary, indent=2) + "\n")
    part.replace(folder / "summary.json")


def finite(value: Any) -> Any:
    """The same document with null where a number is none: JSON has no NaN."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value
