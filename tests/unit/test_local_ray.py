"""A Ray that could not start is told in one line; any other failure of it is not hidden."""

from typing import Any

import pytest
import ray

from scenarios.cli_output import FAILED, explained
from supervisors.local_ray import RayDidNotStart, start_local_ray


def ends(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Ray's start fails with these words."""

    def init(**_: Any) -> None:
        raise Exception(words)

    monkeypatch.setattr(ray, "init", init)


def test_a_ray_that_is_too_slow_to_start_is_one_line_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends(monkeypatch, "The current node timed out during startup. This could happen because")

    with pytest.raises(RayDidNotStart) as told:
        start_local_ray()

    assert explained(told.value) == (
        FAILED,
        "Ray did not start in time: this machine is too busy; try again later",
    )


def test_another_failure_of_ray_keeps_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, "no such option")

    with pytest.raises(Exception, match="no such option"):
        start_local_ray()
