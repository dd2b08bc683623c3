"""A sweep from the question to the judgement: data, Ray, search, validation, files.

runs/<id>/ of a sweep:
  sweep.json      the SweepSpec as resolved      trials.journal  figures as they came in
  table.parquet   one row a trial                summary.json    what came of it
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from messages.arrays import Rows
from research.sweep import Evaluate, Plan, plan_of, sweep
from research.sweep_table import Table
from scenarios.spec import BadSpec
from scenarios.sweep_follow import Follow, OnProgress, remembered
from scenarios.sweep_journal import SweepJournal
from scenarios.sweep_judge import Judge
from scenarios.sweep_ray import WARM_BARS, Compiling, start_ray, stop_ray
from scenarios.sweep_result import summarize, write
from scenarios.sweep_spec import (
    FILE,
    Records,
    SweepSpec,
    load_strategy,
    params_of,
    search_of,
)
from scenarios.sweep_worker import Setup

ENGINE: Final = "scenarios.sweep_engine:make"
_JOURNAL: Final = "trials.journal"


@dataclass(frozen=True, slots=True)
class Where:
    """Where a sweep computes, and where it keeps what it finds.

    folder   of this sweep
    address  of an existing Ray cluster; None starts a local Ray
    workers  processes; None: one a processor
    factory  import path of what makes the engine
    """

    folder: Path
    address: str | None = None
    workers: int | None = None
    factory: str = ENGINE


def create(spec: SweepSpec, runs_dir: Path) -> Path:
    """A fresh folder for a sweep.

    raises  BadSpec if it cannot be written
    """
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    name = spec.strategy.rpartition(":")[2].lower()
    folder = runs_dir.expanduser().resolve() / f"{stamp}-sweep-{name}-{os.getpid()}"
    try:
        folder.mkdir(parents=True)
        part = folder / (FILE + ".new")
        part.write_text(spec.model_dump_json(indent=2) + "\n")
        part.replace(folder / FILE)
    except OSError as e:
        raise BadSpec(
            f"{folder}: cannot be written ({e.strerror}); choose another --runs-dir"
        ) from e
    return folder


def run(
    spec: SweepSpec,
    bars: Rows,
    where: Where,
    *,
    validate: bool = True,
    on_progress: OnProgress = lambda _: None,
) -> dict[str, Any]:
    """Sweep, validate, write the files; the summary.

    Ctrl-C ends it early: what is done is kept, and `status` says so.

    bars    all of the data, read-only
    raises  BadSpec, WorkLost with one line for the user
    """
    begun = time.monotonic()
    # Worker processes read it when they start; a second sweep of this strategy compiles nothing.
    os.environ.setdefault("NUMBA_CACHE_DIR", str(where.folder.parent / ".cache" / "numba"))
    space = spec.parsed()
    records = Records(params_of(load_strategy(spec.source)), space, spec.params)
    setup = Setup(where.factory, spec.source, json.dumps(spec.settings))
    first = records(space.at(np.full((1, len(space.axes)), 0.5)))[0]
    table = Table(records.dtype)
    with SweepJournal(where.folder / _JOURNAL) as journal:
        on_progress({"state": "starting"})
        compiling = Compiling(setup, first, bars)
        try:
            pool = start_ray(setup, compiling, where.address, where.workers)
            times = {"start_s": time.monotonic() - begun, "compile_s": compiling.seconds}
            pool.warm(first, min(WARM_BARS, len(bars)))
            times["warm_s"] = time.monotonic() - begun - times["start_s"]
            # A grid asks for all of its trials at once; before that, nobody knows how many.
            expected = 0 if spec.method == "grid" else spec.trials
            plan = plan_of(spec.objectives, len(bars), halving=spec.halving)
            follow = Follow(table, plan, expected, on_progress)
            judgement: dict[str, Any] | None = None
            with suppress(
                KeyboardInterrupt
            ):  # what is done by then is kept, and the summary says so
                _search(
                    spec, table, records, plan, remembered(pool.metrics, journal, follow), follow
                )
                on_progress({"state": "validating"})
                judge = Judge(spec, bars, table, pool, compiling.engine)
                judgement = judge.judge() if validate else {}
        finally:
            compiling.join()
            stop_ray()
    times |= {"search_s": follow.seconds, "total_s": time.monotonic() - begun}
    summary = summarize(spec, where.folder, table, follow, pool, judgement, times)
    write(where.folder, table, summary)
    return summary


def _search(
    spec: SweepSpec, table: Table, records: Records, plan: Plan, evaluate: Evaluate, follow: Follow
) -> None:
    sweep(search_of(spec), table, records, plan, evaluate, follow)
