"""`manta bench`: what it refuses, and how it answers where the benchmarks are not installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scenarios import cli, cli_bench, cli_verbs

ROOT = Path(__file__).parents[2]


def test_workload_that_does_not_exist_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = cli.main(["bench", "w9"])

    said = capsys.readouterr().err
    assert code == 2
    known = "w1, w1_python, w2, w3, w4, w5, w7, decode, feed, soak, cold, linear"
    assert said == f"manta: w9: there is no such workload: choose from {known}\n"


def test_installed_package_without_benchmarks_says_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_bench, "FOLDER", tmp_path)

    code = cli.main(["bench", "w1"])

    said = capsys.readouterr().err
    assert code == 2
    assert "in a checkout of the repository" in said
    assert said.count("\n") == 1


def test_help_shows_examples_and_every_workload() -> None:
    said = CliRunner().invoke(cli_verbs.app, ["bench", "--help"]).output

    assert "manta bench w1 w2 w3 --json" in said
    assert all(name in said for name in cli_bench.WORKLOADS)


def test_scripts_refuse_what_the_command_refuses() -> None:
    code = f"""
import sys; sys.path.insert(0, {str(ROOT / "benchmarks")!r})
import bench, json
print(json.dumps(bench.WORKLOADS))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert tuple(json.loads(done.stdout)) == cli_bench.WORKLOADS
