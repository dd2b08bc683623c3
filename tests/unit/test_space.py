"""What a sweep may try: parsing, grids, relations, and errors in one line."""

import numpy as np
import pytest

from research.space import POINTS, Axis, BadSpace, Space, parse, parse_toml


def test_the_first_axis_of_a_grid_is_outermost() -> None:
    space = parse("fast=5:53:2,slow=60:255:5")

    grid = space.grid()

    assert grid.shape == (1000, 2)
    assert grid[:3].tolist() == [[5, 60], [5, 65], [5, 70]]
    assert grid[-1].tolist() == [53, 255]


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("a=0:0.3:0.1", [0, 0.1, 0.2, 0.3]),
        ("a=1:4", [1, 2, 3, 4]),
        ("a=1:4:2", [1, 3]),
        ("a=-2:0", [-2, -1, 0]),
        ("a=7", [7]),
        ("a=true|false", [1, 0]),
        ("a=3|1|2", [3, 1, 2]),
        ("a=0.5:0.5", [0.5]),
    ],
)
def test_an_axis_has_the_values_that_its_text_says(text: str, points: list[float]) -> None:
    assert parse(text).axes[0].points().tolist() == points


def test_a_continuous_axis_gives_a_grid_ten_points_with_both_ends() -> None:
    points = parse("a=0.5:1.5").axes[0].points()

    assert len(points) == POINTS
    assert points[[0, -1]].tolist() == [0.5, 1.5]


def test_a_log_axis_is_even_in_its_logarithm() -> None:
    middle = parse("a=0.001:0.1:log").at(np.array([[0.5]]))

    assert middle[0, 0] == pytest.approx(0.01)


def test_the_unit_interval_gives_each_discrete_value_an_equal_part() -> None:
    axis = Axis("a", 1.0, 4.0, 1.0)

    values = axis.at((np.arange(400) + 0.5) / 400)

    assert np.unique(values, return_counts=True)[1].tolist() == [100, 100, 100, 100]
    assert axis.at(np.array([0.0, 1.0])).tolist() == [1, 4]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("a < b", [[1, 2], [1, 3], [2, 3]]),
        ("a + 1 < b", [[1, 3]]),
        ("1 < a < b", [[2, 3]]),
        ("a == b or a / b > 2", [[1, 1], [2, 2], [3, 3], [3, 1]]),
        ("not a <= 2 and -b * 1 <= -3", [[3, 3]]),
    ],
)
def test_a_relation_keeps_the_rows_in_which_it_holds(where: str, kept: list[list[int]]) -> None:
    grid = parse("a=1:3,b=1:3", [where]).grid()

    assert sorted(grid.tolist()) == sorted(kept)


def test_a_toml_space_is_the_space_of_its_text() -> None:
    document = """
        where = ["fast < slow"]
        [space]
        fast = "5:50:5"
        slow = [20, 200]
        shorts = true
        quantity = 0.5
    """

    assert parse_toml(document) == parse(
        "fast=5:50:5,slow=20|200,shorts=true,quantity=0.5", ["fast < slow"]
    )


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("", [], "space: empty"),
        ("fast", [], "'fast': not of the form"),
        ("fast=", [], "fast: '' is no number"),
        ("fast=5:x", [], "fast: 'x' is no number"),
        ("fast=9:5", [], "fast: 9:5 runs backwards"),
        ("fast=1:5:0", [], "fast: step 0"),
        ("fast=1:5:1:1", [], "fast: '1:5:1:1': at most"),
        ("fast=1:nan", [], "fast: infinite or no number"),
        ("fast=0:1:log", [], "fast: log needs values above 0"),
        ("fast=0:1:1e-9", [], "fast: more than"),
        ("fast=1|2|1", [], "fast: a value is given twice"),
        ("fast=1:2,fast=3", [], "fast: given twice"),
        ("fast=1:2", ["fast < slow"], "slow is no axis"),
        ("fast=1:2", ["fast"], "no comparison"),
        ("fast=1:2", ["fast <"], "cannot be read"),
        ("fast=1:2", ["__import__('os') == 1"], "__import__ is no axis"),
        ("fast=1:2", ["fast.real < 3"], "only names, numbers"),
        ("fast=1:2", ["fast in (1, 2)"], "only"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(text: str, where: list[str], said: str) -> None:
    with pytest.raises(BadSpace) as caught:
        parse(text, where)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[space", "not TOML"),
        ("a = 1", "unknown key 'a'"),
        ("where = []", "no table [space]"),
        ("[space]\nfast = {low = 1}", "fast: give text"),
        ("where = 3\n[space]\nfast = 1", "where: give a list"),
    ],
)
def test_a_toml_space_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadSpace) as caught:
        parse_toml(text)

    assert said in str(caught.value)


def test_a_grid_in_which_nothing_is_allowed_is_refused() -> None:
    space = Space(parse("a=1:3,b=5:9").axes, parse("a=1:3,b=5:9", ["a > b"]).relations)

    with pytest.raises(BadSpace, match="no combination keeps a > b"):
        space.grid()
