"""`manta backtest --tape`: its options as settings of the event engine."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from journal.data.kinds import interval_ns
from scenarios.backtest import Done, new_folder, parameters
from scenarios.backtest_tape import run_tape
from scenarios.spec import BadSpec


def from_tape(
    strategy: str,
    params: Sequence[str],
    tapes: Sequence[Path],
    *,
    queue: str,
    latency_ms: float,
    fee: float | None,
    cash: float,
    leverage: float | None,
    interval: str | None,
    runs_dir: Path | None,
) -> Done:
    """Run it; notes go to stderr.

    interval   of the bars that trades are made into, for a strategy of bars
    runs_dir   None: keep nothing

    raises     BadSpec
    """
    delay = round(latency_ms * 1e6)
    settings: dict[str, Any] = {
        "queue_model": queue,
        "entry_latency_ns": delay,
        "response_latency_ns": delay,
        "initial_balance": cash,
    }
    if leverage is not None:
        settings |= {"account": "margin", "leverage": leverage}
    if fee is not None:
        settings |= {"maker_fee": fee, "taker_fee": fee}
    folder = None if runs_dir is None else new_folder(runs_dir, strategy, datetime.now(UTC))
    return run_tape(
        strategy, parameters(params), tapes, settings, folder, interval_ns=_length(interval),
        note=_note,
    )  # fmt: skip


def _length(interval: str | None) -> int:
    try:
        return interval_ns(interval or "1m")
    except ValueError as error:
        raise BadSpec(f"--{error}") from None


def _note(what: str) -> None:
    sys.stderr.write(f"{what}\n")
    sys.stderr.flush()
