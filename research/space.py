"""What a sweep may try: one axis a parameter, and the relations that must hold between them.

As text, first axis outermost in a grid:

    fast=5:50:5        5, 10, ... 50: both ends belong to it
    slow=20:200        whole numbers if both ends are, else any number between them
    stop=0.001:0.1:log any number, evenly spread over its logarithm
    shorts=true|false  these values
    notional=1000      this value

A `Space` deals in float64 rows, one column an axis; `trading.strategy.StrategyParams` turns rows
into PARAMS records and has the last word on what a parameter may be.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from research.relations import Relation, relation

F8 = NDArray[np.float64]
POINTS: Final = 10  # that a grid takes of an axis without a step
STEPS_MAX: Final = 1_000_000
_WORDS: Final = {"true": 1.0, "false": 0.0}


class BadSpace(ValueError):
    """A space that cannot be searched; the text names axis, reason and remedy."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter's range.

    low, high  both belong to it
    step       distance of values from `low` on; 0 any number between
    scale      "log" spreads over the logarithm
    choices    these values alone, in this order; () where low and high count
    """

    name: str
    low: float
    high: float
    step: float = 0.0
    scale: str = "linear"
    choices: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not all(np.isfinite((self.low, self.high, self.step, *self.choices))):
            raise BadSpace(f"space, {self.name}: infinite or no number: give finite values")
        if self.high < self.low or self.step < 0.0:
            raise BadSpace(
                f"space, {self.name}: {self.low:g}:{self.high:g} runs backwards: smaller end first"
            )
        if self.scale == "log" and self.low <= 0.0:
            raise BadSpace(f"space, {self.name}: log needs values above 0; it begins at {self.low}")
        if self.step and (self.high - self.low) / self.step > STEPS_MAX:
            raise BadSpace(f"space, {self.name}: more than {STEPS_MAX} steps: use a larger step")

    @property
    def size(self) -> int:
        """How many values there are; 0 for a continuous axis."""
        if self.choices:
            return len(self.choices)
        if self.low == self.high:
            return 1
        # A part of a step, so that 0:0.3:0.1 ends at 0.3 and not at 0.2.
        return floor((self.high - self.low) / self.step + 1e-9) + 1 if self.step else 0

    def at(self, unit: F8) -> F8:
        """Values at positions in [0, 1]: equal parts of it for each value of a discrete axis."""
        if self.size:
            return self.points()[np.minimum((unit * self.size).astype(np.int64), self.size - 1)]
        if self.scale == "log":
            ends = log(self.low), log(self.high)
            return np.clip(np.exp(ends[0] + unit * (ends[1] - ends[0])), self.low, self.high)
        return np.clip(self.low + unit * (self.high - self.low), self.low, self.high)

    def points(self) -> F8:
        """Every value of a discrete axis; POINTS of a continuous one, both ends included."""
        if self.choices:
            return np.array(self.choices)
        if self.size:
            return _tidy(self.low + np.arange(self.size, dtype=np.float64) * self.step)
        return self.at(np.linspace(0.0, 1.0, POINTS))


@dataclass(frozen=True, slots=True)
class Space:
    """Axes in the order of a grid, the first one outermost, and what must hold between them."""

    axes: tuple[Axis, ...]
    relations: tuple[Relation, ...] = ()

    def __post_init__(self) -> None:
        if not self.axes:
            raise BadSpace("space: empty: give at least one axis, as in fast=5:50:5")
        twice = {n for n in self.names if self.names.count(n) > 1}
        if twice:
            raise BadSpace(f"space, {min(twice)}: given twice: keep one")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(axis.name for axis in self.axes)

    def at(self, units: F8) -> F8:
        """(n, axes) values at positions in the unit cube."""
        return np.column_stack([a.at(units[:, i]) for i, a in enumerate(self.axes)])

    def allowed(self, values: F8) -> NDArray[np.bool_]:
        """(n,) whether each row keeps every relation."""
        columns = {name: values[:, i] for i, name in enumerate(self.names)}
        found = np.ones(len(values), bool)
        for each in self.relations:
            found &= each.holds(columns)
        return found

    def grid(self) -> F8:
        """(cells, axes) every allowed combination, the last axis changing fastest.

        raises  BadSpace beyond STEPS_MAX cells, or where no cell is allowed
        """
        points = [axis.points() for axis in self.axes]
        cells = 1
        for each in points:
            cells *= len(each)
        if cells > STEPS_MAX:
            raise BadSpace(f"space: a grid of {cells} cells: use larger steps, or --method sobol")
        mesh = np.meshgrid(*points, indexing="ij")
        values = np.column_stack([m.ravel() for m in mesh])
        allowed = values[self.allowed(values)]
        if not len(allowed):
            raise BadSpace(f"space: no combination keeps {self.said()}: widen the ranges")
        return allowed

    def said(self) -> str:
        """The relations as text."""
        return " and ".join(r.text for r in self.relations)


def parse(text: str, relations: Iterable[str] = ()) -> Space:
    """A space from its text.

    relations  such as "fast < slow"; a fixed parameter is an axis too: slow=200
    raises     BadSpace naming the part that cannot be read
    """
    axes = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, given = (p.strip() for p in part.partition("="))
        if not equals or not name.isidentifier():
            raise BadSpace(f"space, {part!r}: not of the form name=low:high:step")
        axes.append(_axis(name, given))
    return _space(axes, relations)


def parse_toml(text: str, relations: Iterable[str] = ()) -> Space:
    """A space from a TOML document: a table `space` with one key an axis, as text or a list of
    values, and optionally `where`, a list of relations.

    raises  BadSpace naming the key
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSpace(f"space: not TOML: {error}") from None
    unknown = document.keys() - {"space", "where"}
    table = document.get("space")
    if unknown or not isinstance(table, Mapping):
        what = f"unknown key {min(unknown)!r}" if unknown else "no table [space]"
        raise BadSpace(f"space: {what}: give [space] with one key an axis, and where = [...]")
    where = document.get("where", [])
    if not isinstance(where, list) or not all(isinstance(w, str) for w in where):
        raise BadSpace('space, where: give a list of texts, as in ["fast < slow"]')
    axes = [_axis(name, _as_text(name, value)) for name, value in table.items()]
    return _space(axes, [*where, *relations])


def _space(axes: Sequence[Axis], relations: Iterable[str]) -> Space:
    known = {axis.name for axis in axes}
    try:
        return Space(tuple(axes), tuple(relation(text, known) for text in relations))
    except BadSpace:
        raise
    except ValueError as error:
        raise BadSpace(str(error)) from None


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, list) and value and all(isinstance(v, bool | int | float) for v in value):
        return "|".join(str(v).lower() for v in value)
    raise BadSpace(f"space, {name}: give text such as '5:50:5', a number, or a list of numbers")


def _axis(name: str, given: str) -> Axis:
    if "|" in given:
        choices = tuple(_number(name, p) for p in given.split("|"))
        if len(set(choices)) < len(choices):
            raise BadSpace(f"space, {name}: a value is given twice")
        return Axis(name, min(choices), max(choices), choices=choices)
    parts = given.split(":")
    if len(parts) > 3:
        raise BadSpace(f"space, {name}: {given!r}: at most low:high:step")
    low = _number(name, parts[0])
    if len(parts) == 1:
        return Axis(name, low, low)
    high = _number(name, parts[1])
    if len(parts) == 3 and parts[2].strip() == "log":
        return Axis(name, low, high, scale="log")
    if len(parts) == 3:
        step = _number(name, parts[2])
        if step <= 0.0:
            raise BadSpace(f"space, {name}: step {parts[2]}: above 0, or leave it out")
        return Axis(name, low, high, step)
    whole = all(p.strip().lstrip("+-").isdigit() for p in parts)
    return Axis(name, low, high, 1.0 if whole else 0.0)


def _number(name: str, text: str) -> float:
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    try:
        return float(word)
    except ValueError:
        raise BadSpace(f"space, {name}: {text!r} is no number, true or false") from None


def _tidy(values: F8) -> F8:
    """0.1 + 2 * 0.1 is 0.3 to whoever asked for steps of 0.1."""
    return np.array([float(f"{v:.12g}") for v in values])
