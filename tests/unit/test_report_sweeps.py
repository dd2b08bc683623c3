"""The landscape of a sweep and its page."""

from typing import Any

import numpy as np
import pytest
from report_results import Page

from research.report_landscape import landscape, maps
from research.report_sweep import sweep_document, sweep_page
from research.sweep_table import STATUS_NAMES

WINDOWS = [
    {
        "train": [0, 40 * 10**9], "test": [40 * 10**9, 50 * 10**9], "trial": 4,
        "sharpe_in": 2.0, "sharpe_out": -1.0, "return_out": -0.02,
    },
]  # fmt: skip
WALK = {
    "windows": WINDOWS, "sharpe_out": -1.0, "return_out": -0.02, "efficiency": -0.5,
    "winning_windows": 0.0,
}  # fmt: skip
QUANTILES = {"levels": [0.05, 0.95], "final": [1.0, 2.0], "drawdown": [0.1, 0.2]}
JUDGED: dict[str, Any] = {
    "period_s": 86400.0, "periods": 64, "trials_judged": 9, "chosen_by": "sharpe",
    "walk_forward": {"anchored": WALK, "rolling": {"reason": "too few periods"}},
    "cross_validation": {
        "splits": 1, "sharpe_in": [1.0], "sharpe_out": [0.5], "trials": [4], "path_sharpe": [0.5],
        "median_sharpe_out": 0.5, "losing_paths": 0.0,
    },
    "overfitting": {"pbo": 0.25, "blocks": 16},
    "deflated": {"sharpe": 5.0, "deflated_sharpe": 0.5},
    "verdict": {"significant": False, "against": ["deflated Sharpe ratio 0.500, below 0.95"]},
    "monte_carlo": {
        "trades": 3, "bootstrap": QUANTILES | {"ruin": 0.0, "losing": 0.2},
        "shuffle": QUANTILES | {"ruin": 0.0, "losing": 0.0},
    },
    "look_ahead": {"ok": False, "cuts": [{"ts": 5, "decisions": 2, "first_difference_ts": 10**9}]},
    "warm_up": {"ok": True, "bars_needed": 30, "share_equal": 1.0, "starts": []},
}  # fmt: skip


def columns(sharpe: list[float], **axes: list[float]) -> dict[str, Any]:
    """A table with these figures."""
    n = len(sharpe)
    found: dict[str, Any] = {"trial": np.arange(n)}
    found |= {f"param_{name}": np.array(v) for name, v in axes.items()}
    found |= {"param_fixed": np.ones(n), "status": np.array(["done"] * n, object)}
    return found | {"sharpe": np.array(sharpe), "max_drawdown": np.linspace(0.1, 0.2, n)}


def square(middle: float = 5.0) -> dict[str, Any]:
    """Three by three: 0 .. 8, with a spike in the middle."""
    sharpe = [0.0, 1.0, 2.0, 3.0, middle, 5.0, 6.0, 7.0, 8.0]
    return columns(sharpe, fast=[5, 5, 5, 10, 10, 10, 15, 15, 15], slow=[20, 30, 40] * 3)


def summary(**changed: Any) -> dict[str, Any]:
    """What a sweep leaves in summary.json."""
    known: dict[str, Any] = {
        "run_id": "sweep-1", "status": "done", "strategy": "trend_following",
        "data": {"of": "folder/BTC.csv", "bars": 900, "sha256": "d" * 64}, "code": "c" * 64,
        "method": "grid", "objective": "sharpe", "seed": 3, "trials": 9, "tried": 9,
        "statuses": {"done": 9}, "evaluated": 9, "combos_per_s": 9.0, "top": [], "times": {},
        "best": {"trial": 8, "sharpe": 8.0, "total_return": 0.5, "max_drawdown": 0.2},
        "deflated_sharpe": 0.5, "pbo": 0.25, "significant": False, "table_sha256": "a" * 64,
        "validation": JUDGED, "workers": [{"pid": 7}], "files": {},
    }  # fmt: skip
    return known | changed


SPEC: dict[str, Any] = {"objectives": ["sharpe"], "space": "fast=5:15:5", "settings": {"fill": "x"}}


def test_neighbours_on_a_grid_are_one_step_away() -> None:
    land = landscape(square(), "sharpe")

    assert land.grid
    assert land.axes == ("fast", "slow")
    assert land.neighbours.tolist() == [3, 5, 3, 5, 8, 5, 3, 5, 3]
    assert land.average[0] == pytest.approx(np.mean([0.0, 1.0, 3.0, 5.0]))
    assert land.worst[8] == 5.0


def test_a_spike_is_not_the_steadiest_trial() -> None:
    land = landscape(square(middle=20.0), "sharpe")

    assert int(np.argmax(land.objective)) == 4
    assert land.steadiest == 8


def test_of_a_small_objective_the_smallest_neighbourhood_is_best() -> None:
    land = landscape(square(), "max_drawdown")

    assert land.steadiest == 0
    assert land.worst[0] == pytest.approx(square()["max_drawdown"][4])


def test_trials_of_a_random_search_have_their_nearest_as_neighbours() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.random(100), rng.random(100)
    land = landscape(columns((x + y).tolist(), a=x.tolist(), b=y.tolist()), "sharpe")

    assert not land.grid
    assert set(land.neighbours.tolist()) == {8}
    assert abs(land.average - land.objective).mean() < 0.1


def test_what_did_not_see_all_data_is_not_in_the_landscape() -> None:
    table = square()
    table["status"][2] = "stopped"
    table["sharpe"][3] = np.nan

    assert landscape(table, "sharpe").trials.tolist() == [0, 1, 4, 5, 6, 7, 8]
    assert set(table["status"]) <= set(STATUS_NAMES)


def test_a_map_has_a_cell_for_each_pair_of_values() -> None:
    (found,) = maps(landscape(square(), "sharpe"))

    assert (found.across, found.columns) == ("fast", ("5", "10", "15"))
    assert (found.up, found.rows) == ("slow", ("20", "30", "40"))
    assert found.cells.tolist() == [[0.0, 3.0, 6.0], [1.0, 5.0, 7.0], [2.0, 5.0, 8.0]]


def test_a_cell_of_many_trials_is_their_median() -> None:
    table = columns([1.0, 2.0, 9.0, 4.0], a=[1, 1, 1, 2], b=[1, 1, 1, 2], c=[1, 2, 3, 1])
    found = maps(landscape(table, "sharpe"))

    assert len(found) == 3
    assert found[0].cells[0, 0] == 2.0
    assert found[0].counts.tolist() == [[3, 0], [0, 1]]


def test_an_axis_of_many_values_is_cut_into_parts() -> None:
    x = np.linspace(0.0, 1.0, 200)
    (found,) = maps(landscape(columns(x.tolist(), a=x.tolist(), b=[1.0, 2.0] * 100), "sharpe"))

    assert len(found.columns) == 20
    assert found.counts.sum() == 200


@pytest.mark.parametrize("sharpe", [[], [1.0]])
def test_hardly_any_trials_make_a_page_too(sharpe: list[float]) -> None:
    table = columns(sharpe, fast=[5.0] * len(sharpe))
    validation = {"reason": "no trial came to its end"}
    found = sweep_document(summary(best=None, validation=validation), SPEC, table)

    assert Page(sweep_page(found, table)).problems == []
    assert found["stability"]["steadiest"] is None


def test_the_page_of_a_sweep_is_whole_and_says_the_verdict() -> None:
    found = sweep_document(summary(), SPEC, square())
    html = sweep_page(found, square())
    page = Page(html)

    assert page.problems == []
    assert len(page.ids) == len(set(page.ids))
    assert "http:" not in html
    assert "https:" not in html
    assert "not significant: deflated Sharpe ratio 0.500, below 0.95" in page.text
    assert "decisions know the future: the first one at 1970-01-01 00:00:01" in page.text
    assert "Not done: too few periods." in page.text
    for panel in (
        "verdict",
        "best",
        "map-0",
        "trials",
        "walk-anchored",
        "walk-rolling",
        "identity",
    ):
        assert panel in page.ids
    assert sweep_page(found, square()) == html


def test_a_document_of_a_sweep_leaves_out_what_differs_between_machines() -> None:
    found = sweep_document(summary(), SPEC, square())

    assert not {"times", "workers", "files", "combos_per_s"} & set(found)
    assert found["stability"]["best"][0]["trial"] == 8
    assert found["pbo"] == 0.25
