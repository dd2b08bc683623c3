"""`manta report` and `manta compare`: what they write, print and refuse."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from report_results import Page, small

from research.statistics import performance_of
from scenarios.backtest_folder import save
from scenarios.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with two backtests."""
    folder = tmp_path / "runs"
    save(small(), performance_of(small()), folder / "one")
    other = small(params={"fast": 4, "slow": 7})
    save(other, performance_of(other), folder / "two")
    return folder


@pytest.fixture
def manta(capsys: pytest.CaptureFixture[str], runs: Path) -> Run:
    """Exit code, stdout and stderr of a command."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([*(str(a) for a in arguments), "--runs-dir", str(runs)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_a_report_is_written_beside_the_run(manta: Run, runs: Path) -> None:
    code, out, err = manta("report", "one")

    page = runs / "one" / "report.html"
    assert (code, err) == (0, "")
    assert str(page) in out
    assert Page(page.read_text()).problems == []
    assert page.stat().st_mode & 0o777 == 0o644
    assert sorted(p.name for p in page.parent.iterdir() if p.name.startswith(".")) == []


def test_json_has_the_statistics_and_the_page(manta: Run, tmp_path: Path) -> None:
    code, out, _ = manta("report", "one", "--json", "--out", tmp_path / "x.html")
    found = json.loads(out)

    assert code == 0
    assert found["stats"] == json.loads(json.dumps(dict(performance_of(small()))))
    assert found["page"] == str(tmp_path / "x.html")
    assert (tmp_path / "x.html").is_file()


def test_the_same_run_gives_the_same_bytes_each_time(manta: Run, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        assert manta("report", "one", "--out", tmp_path / name)[0] == 0

    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_run_is_found_by_id_by_folder_and_as_the_latest(manta: Run, runs: Path) -> None:
    for which in ("two", runs / "two", runs / "two" / "run.json", "latest"):
        code, out, err = manta("report", which, "--json")

        assert code == 0, err
        assert json.loads(out)["run"] == "two"


def test_a_comparison_shows_figures_and_what_differs(manta: Run, tmp_path: Path) -> None:
    page = tmp_path / "compare.html"
    code, out, _ = manta("compare", "one", "two", "--out", page)

    assert code == 0
    assert "identity.params.fast" in out
    assert "total return" in out
    assert Page(page.read_text()).problems == []


def test_a_comparison_as_json(manta: Run) -> None:
    code, out, _ = manta("compare", "one", "two", "--json")
    found = json.loads(out)

    assert code == 0
    assert found["runs"] == ["one", "two"]
    assert found["differences"] == {"identity.params.fast": ["3", "4"]}
    assert found["page"] is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["report", "three"], "there is no such run in"),
        (["report", "empty"], "is not the folder of a run"),
        (["report", "system"], "a run of a trading system, not a backtest or a sweep"),
        (["report", "unfinished"], "has not come to an end"),
        (["report", "one", "--out", "no/such/x.html"], "make it first"),
        (["report", "one", "--out", "."], "is a folder"),
        (["report", "one", "--out", "/proc/x.html"], "manta: /proc/x.html: No such file"),
        (["report"], "Missing argument"),
        (["compare", "one"], "name two at least"),
        (["compare", "one", "one"], "named twice"),
        (["compare", "one", "unfinished"], "is no backtest but a sweep"),
        (["compare", "one", "two", "--open"], "--open: there is no page"),
    ],
)
def test_a_mistake_is_one_line(manta: Run, runs: Path, arguments: list[str], expected: str) -> None:
    for name, sign in (("system", "spec.toml"), ("unfinished", "sweep.json"), ("empty", "notes")):
        (runs / name).mkdir()
        (runs / name / sign).write_text("{}")

    code, out, err = manta(*arguments)

    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith("manta: ")
    assert expected in err
    assert "bug in manta" not in err
    assert list(runs.rglob("*.html")) == []


DAMAGES: list[tuple[str, Callable[[Path], Any]]] = [
    ("fills.parquet", lambda p: p.unlink()),
    ("fills.parquet", lambda p: p.write_bytes(b"PAR1 torn")),
    ("trades.parquet", lambda p: pl.read_parquet(p).drop("pnl").write_parquet(p)),
    ("equity.parquet", lambda p: pl.read_parquet(p).head(0).write_parquet(p)),
    ("run.json", lambda p: p.write_text("{")),
    ("run.json", lambda p: p.write_text("[]")),
    ("run.json", lambda p: p.write_text('{"format": 1}')),
    ("run.json", lambda p: p.write_text('{"format": 1, "settings": 3, "identity": 4}')),
    ("run.json", lambda p: p.write_text('{"format": 99}')),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_damaged_run_is_one_line_and_leaves_no_page(
    manta: Run, runs: Path, name: str, damage: Callable[[Path], Any]
) -> None:
    damage(runs / "one" / name)

    answers = [manta("report", "one"), manta("compare", "two", "one", "--out", runs / "x.html")]

    for code, out, err in answers:
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert "run" in err
        assert "bug in manta" not in err
    assert list(runs.rglob("*.html")) == []


@pytest.mark.parametrize("name", ["summary.json", "sweep.json", "table.parquet"])
def test_a_damaged_sweep_is_one_line(manta: Run, runs: Path, name: str) -> None:
    (runs / "sweep").mkdir()
    for each in ("summary.json", "sweep.json"):
        (runs / "sweep" / each).write_text("{}")
    (runs / "sweep" / name).write_text("[1")

    code, out, err = manta("report", "sweep")

    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert "damaged" in err
    assert "bug in manta" not in err
    assert list(runs.rglob("*.html")) == []
