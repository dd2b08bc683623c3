"""`manta sweep`: what it refuses before anything is started, and what it shows at the end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import toy_sweep

from research.report_sweep import sweep_document, sweep_page
from research.search import make
from research.sweep import plan_of, sweep
from research.sweep_table import STATUS_NAMES, VOID, Table
from scenarios.cli import main
from scenarios.cli_sweep import find_sweep
from scenarios.sweep import create
from scenarios.sweep_cluster import Pool, Worker
from scenarios.sweep_follow import Follow, remembered
from scenarios.sweep_journal import SweepJournal
from scenarios.sweep_result import finite, summarize, write
from scenarios.sweep_spec import Records, describe, load_strategy, params_of
from scenarios.sweep_view import lines, said
from trading.kernels.engine_records import ERROR_QUANTITY
from trading.result import METRICS

Refused = Callable[..., str]
BARS = toy_sweep.market(400)
ASKED = ["--strategy", "trend_following", "--data", "CSV"]


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "BTCUSDT-1m.csv"
    head = "timestamp,open,high,low,close,volume"
    rows = [
        f"{b['ts_open'] // 1_000_000},{b['open']},{b['high']},{b['low']},{b['close']},10"
        for b in BARS
    ]
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


@pytest.fixture
def refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Refused:
    """The one line on stderr of a sweep that is refused; nothing is left behind."""
    for name in ("NUMBA_CACHE_DIR", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, str(tmp_path / "any"))  # so that what is set is undone

    def run(*arguments: str | Path) -> str:
        runs = tmp_path / "runs"
        code = main(["sweep", *(str(a) for a in arguments), "--runs-dir", str(runs)])
        out, err = capsys.readouterr()
        assert code == 2, err
        assert out == ""
        assert err.startswith("manta: ")
        assert err.count("\n") == 1
        assert not list(runs.glob("*/sweep.json"))
        return err

    return run


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "--strategy: missing"),
        (["--strategy", "trend_following"], "--data: missing"),
        (["--strategy", "trend_following", "--data", "CSV"], "--space: missing"),
        (["--strategy", "x", "--data", "CSV", "--space", "fast=1:5"], "not built in"),
        (["--strategy", "trend_following", "--data", "no.csv", "--space", "a=1"], "no such file"),
        (["--strategy", "trend_following", "--data", "CSV", "--space", "fast=9:5"], "backwards"),
        ([*ASKED, "--space", "fast=5:9:1", "--where", "fast > 99"], "no combination keeps"),
        ([*ASKED, "--space", "fast=5:9", "--method", "cmaes"], "cmaes needs two axes"),
        ([*ASKED, "--space", "GARBAGE"], "is no text"),
        (["--workers", "0"], "--workers 0"),
        (["--trials", "0"], "'--trials': Input should be greater than or equal to 1"),
        (
            [*ASKED, "--space", "fast=5:9", "--param", "slow=abc"],
            "--param slow=abc: write a number",
        ),
        (["--param", "fast"], "--param fast: not of the form"),
        (["--resume", "latest"], "no sweep there"),
        (["--resume", "latest", "--trials", "x"], "--trials"),
        (["--address", "127.0.0.1:1"], "no Ray cluster answers there"),
    ],
)
def test_a_mistake_is_one_line_and_starts_nothing(
    refused: Refused, csv: Path, options: list[str], expected: str
) -> None:
    garbage = csv.with_name("garbage.toml")
    garbage.write_bytes(b"\xa0\xff")
    files = {"CSV": csv, "GARBAGE": garbage}
    assert expected in refused(*(files.get(o, o) for o in options))


def test_a_sweep_is_found_by_id_path_and_as_the_latest(tmp_path: Path) -> None:
    spec = describe(BARS, strategy="trend_following", data="x", space="fast=2:4", method="grid")
    folder = create(spec, tmp_path)

    assert find_sweep("latest", tmp_path) == folder
    assert find_sweep(folder.name, tmp_path) == folder
    assert find_sweep(str(folder), tmp_path / "elsewhere") == folder


class _Seen:
    """What `summarize` asks of a pool."""

    lost = 1
    seen = {("a" * 40, 7): Worker("a" * 40, 7, 3, 1024, 1124, 1224)}  # noqa: RUF012


def swept(
    tmp_path: Path, judgement: Any, method: str = "nsga2", fails: slice = slice(0)
) -> tuple[Path, Table, dict[str, Any], Follow]:
    spec = describe(
        BARS, strategy="trend_following", data="x", space="fast=2:10:2,slow=20:40:10",
        method=method, trials=20,
        objectives=("sharpe", "max_drawdown") if method == "nsga2" else ("sharpe",),
    )  # fmt: skip
    folder, space, toy = create(spec, tmp_path), spec.parsed(), toy_sweep.Toy({})
    records = Records(params_of(load_strategy(spec.source)), space, {})
    table = Table(records.dtype)
    plan = plan_of(spec.objectives, len(BARS), halving=False)
    shown: list[dict[str, Any]] = []
    follow = Follow(table, plan, 0 if method == "grid" else spec.trials, shown.append)

    def evaluate(trials: Any, rows: Any, length: int) -> Any:
        found = toy.metrics(rows, BARS, length)
        for name in METRICS.names or ():
            if METRICS[name].kind == "f":
                found[name][fails] = np.nan
        found["error"][fails] = ERROR_QUANTITY
        yield np.arange(len(trials)), found

    search = make(spec.method, space, trials=20, seed=0, objectives=len(spec.objectives))
    with SweepJournal(folder / "trials.journal") as journal:
        sweep(search, table, records, plan, remembered(evaluate, journal, follow), follow)
    assert shown[-1]["done"] == shown[-1]["total"]
    pool: Pool = _Seen()  # type: ignore[assignment]
    summary = summarize(spec, folder, table, follow, pool, judgement, {"total_s": 1.0})
    return folder, table, summary, follow


def test_the_files_hold_every_trial_and_the_keys_that_are_promised(tmp_path: Path) -> None:
    folder, table, summary, follow = swept(tmp_path, {"overfitting": {"pbo": float("nan")}})
    write(folder, table, summary)

    found = json.loads((folder / "summary.json").read_text())
    frame = pl.read_parquet(folder / "table.parquet")

    promised = {"trials", "combos_per_s", "best", "deflated_sharpe", "pbo", "table_sha256"}
    assert promised <= found.keys()
    assert found["trials"] == len(frame) == len(table) == 20
    assert found["evaluated"] == follow.evaluated == table.tried
    assert found["pbo"] is None
    assert found["table_sha256"] == table.sha256()
    assert frame["param_fast"].to_list() == table.params["fast"].tolist()
    assert set(frame["status"]) <= set(STATUS_NAMES)
    assert found["best"]["trial"] == found["top"][0]["trial"]
    assert found["pareto_front"]
    assert found["workers"][0]["private_mib_max"] == 1.2
    assert not list(folder.glob("*.new"))


def test_a_person_reads_the_best_and_what_to_do_next(tmp_path: Path) -> None:
    _, _, summary, _ = swept(tmp_path, None)

    text = "\n".join(lines(summary))

    assert "sharpe" in text
    assert f"manta sweep --resume {summary['run_id']}" in text
    assert summary["table_sha256"] in text


def test_a_reason_stands_where_there_is_no_judgement(tmp_path: Path) -> None:
    _, _, summary, _ = swept(tmp_path, {"reason": "nothing to judge"})

    assert "nothing to judge" in "\n".join(lines(summary))


@pytest.mark.parametrize("method", ["grid", "random", "sobol", "genetic", "tpe", "cmaes", "nsga2"])
def test_a_sweep_in_which_every_trial_fails_ends_and_says_why(tmp_path: Path, method: str) -> None:
    reason = {"reason": "no trial came to its end with a figure for the objective"}
    folder, table, summary, _ = swept(tmp_path, reason, method, slice(None))
    write(folder, table, summary)

    text = list(lines(summary))
    found = json.loads((folder / "summary.json").read_text())

    assert found["best"] is None
    assert found["top"] == []
    assert set(found["statuses"]) <= {"void", "repeated"}
    assert found["failed"]["trials"] == found["tried"] == table.tried > 0
    assert found["failed"]["why"] == "quantity: must be a number of units, 0 or more"
    assert text[-1].startswith(f"Every trial failed, {table.tried} of {table.tried}; trial 0: quan")
    assert f"--param fast={found['failed']['params']['fast']}" in text[-1]
    assert "figure for the objective" not in "\n".join(text)
    spec, columns = json.loads((folder / "sweep.json").read_text()), table.columns()
    page = sweep_page(sweep_document(found, spec, columns), columns)
    assert f"{table.tried} trials failed, most of them of this: quantity: must be" in page


def test_a_trial_that_fails_is_told_among_the_others(tmp_path: Path) -> None:
    _, table, summary, _ = swept(tmp_path, {}, "random", slice(3, 5))

    assert summary["best"] is not None
    void = np.flatnonzero(table.status == VOID).tolist()
    assert summary["failed"]["trials"] == len(void) == 2
    assert summary["failed"]["trial"] == void[0]
    assert (
        f"failed {summary['failed']['trials']} of {table.tried}; trial {void[0]}: quantity"
        in " ".join(" ".join(lines(summary)).split())
    )


def test_progress_says_rate_best_and_time_left() -> None:
    view = {"state": "searching", "done": 5, "total": 9, "rate": 1234.5, "best": 1.5, "eta_s": 3.0}

    assert said(view) == "1,234/s  best 1.5  3 s left"
    assert said({"state": "starting"}) == ""


def test_json_has_no_nan() -> None:
    given = {"a": [float("nan"), 1.0], "b": {"c": float("inf")}, "d": np.float64(2.0)}

    assert finite(given) == {"a": [None, 1.0], "b": {"c": None}, "d": 2.0}
