"""A sweep on Ray: the table does not know how many workers made it, or how many of them died."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import toy_sweep

from scenarios.sweep import Where, create, run
from scenarios.sweep_spec import SweepSpec, describe
from supervisors.environment import prepare_environment

pytestmark = pytest.mark.ray
TOOLS = str(Path(__file__).parents[1] / "tools")
BARS = toy_sweep.market(4000)
TOY = "toy_sweep:make"


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path) -> Iterator[None]:
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [TOOLS, before.get("PYTHONPATH")]))
    prepare_environment(tmp_path / "token")
    yield
    os.environ.clear()
    os.environ.update(before)


def spec_of(settings: dict[str, Any] | None = None, **changes: Any) -> SweepSpec:
    given = {
        "strategy": "trend_following",
        "data": "toy",
        "space": "fast=2:30:2,slow=40:100:5",
        "method": "genetic",
        "trials": 120,
        "seed": 5,
    }
    found = describe(BARS, **(given | changes))
    return found.model_copy(update={"settings": settings or {}})


def swept(spec: SweepSpec, runs: Path, workers: int, **options: Any) -> dict[str, Any]:
    return run(spec, BARS, Where(create(spec, runs), None, workers, TOY), **options)


def test_a_killed_worker_changes_nothing_and_the_data_stays_shared(tmp_path: Path) -> None:
    folder = tmp_path / "tasks"
    folder.mkdir()
    fragile = {"folder": str(folder), "kill_at": 8}

    killed = swept(spec_of(fragile), tmp_path, 2)

    assert (tmp_path / "killed").exists()
    assert killed["tasks_sent_again"] >= 1
    assert len(killed["workers"]) >= 2
    assert killed["table_sha256"] == toy_sweep.in_process(spec_of(), BARS).sha256()
    assert killed["status"] == "done"
    assert killed["pbo"] is not None
    assert killed["validation"]["look_ahead"]["ok"]


def test_an_interrupted_sweep_resumes_to_the_same_table(tmp_path: Path) -> None:
    seen = 0

    def interrupt(view: dict[str, Any]) -> None:
        nonlocal seen
        seen += view["state"] == "searching"
        if seen == 5:
            raise KeyboardInterrupt

    spec = spec_of(method="grid", space="fast=2:16:2,slow=40:100:10", halving=True)
    whole = toy_sweep.in_process(spec, BARS).sha256()
    folder = create(spec, tmp_path)
    first = run(spec, BARS, Where(folder, None, 2, TOY), on_progress=interrupt)
    kept = first["evaluated"]

    again = run(spec, BARS, Where(folder, None, 2, TOY))

    assert first["status"] == "interrupted"
    assert first["table_sha256"] != whole
    assert kept > 0
    assert (folder / "table.parquet").is_file()
    assert again["status"] == "done"
    assert again["table_sha256"] == whole
    assert again["evaluated"] == 56 + 19 + 7 - kept  # the three rounds of halving
