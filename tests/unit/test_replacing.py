"""`replace` changes what it is told to and copies the rest, like the one of dataclasses."""

import dataclasses
from dataclasses import dataclass, field

import pytest

from trading.replacing import replace


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2


@dataclass(frozen=True, slots=True)
class Named(Point):
    name: str = ""
    tags: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Loose:
    x: int


@dataclass(frozen=True, slots=True)
class Checked:
    x: int

    def __post_init__(self) -> None:
        assert self.x > 0


@pytest.mark.parametrize("changes", [{}, {"x": 9}, {"name": "b", "tags": ("t",)}, {"y": None}])
def test_a_changed_copy_is_the_one_of_dataclasses(changes: dict[str, object]) -> None:
    before = Named(1, name="a", tags=("s",))

    after = replace(before, **changes)

    expected = dataclasses.replace(before, **changes)  # type: ignore[arg-type]
    assert (after, after.tags, type(after)) == (expected, expected.tags, Named)
    assert before == Named(1, name="a")


def test_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(TypeError, match="Point has no field 'z'"):
        replace(Point(1), z=1)


@pytest.mark.parametrize("value", [Loose(1), Checked(1), 7])
def test_a_value_that_is_more_than_its_slots_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no dataclass with slots"):
        replace(value, x=2)
