"""What the trials of a sweep look like beside each other: maps of parameters, and neighbourhoods.

A best trial whose neighbours are as good is a place to be; one whose neighbours lose is a spike
that the next month will not have. The neighbourhood average of a trial is the mean of the objective
over the trial itself and its neighbours:

- where the trials are a grid (all combinations of the values that were tried are at most four
  times as many as the trials), those within one step on every axis;
- else the eight nearest ones, axes scaled by the order of their values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree  # type: ignore[import-untyped]

from research.search import SMALLER

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

NEAREST: Final = 8
AXES_MAX: Final = 4  # of maps: six pairs
CELLS_MAX: Final = 24  # an axis with more values is cut into MAP_PARTS of equal width
MAP_PARTS: Final = 20
_SPARSE: Final = 4


@dataclass(frozen=True, slots=True)
class Landscape:
    """The trials that saw all data and have a figure for the objective.

    axes       names of the parameters that differ between them
    trials     (n,) numbers
    values     (n, axes)
    objective  (n,) as in the table
    sign       -1 where a smaller objective is better
    average    (n,) neighbourhood average of the objective
    worst      (n,) the worst objective among trial and neighbours
    neighbours (n,) how many
    grid       which of the two rules has been used
    """

    axes: tuple[str, ...]
    trials: I8
    values: F8
    objective: F8
    sign: float
    average: F8
    worst: F8
    neighbours: I8
    grid: bool

    @property
    def steadiest(self) -> int | None:
        """Row of the best neighbourhood average among trials with neighbours; first of equals."""
        some = np.flatnonzero(self.neighbours > 0)
        return int(some[np.argmax(self.sign * self.average[some])]) if len(some) else None


@dataclass(frozen=True, slots=True)
class Map:
    """The objective over two parameters: `cells` (rows, columns), NaN where nothing was tried.

    A cell is the median over all trials in it: the other parameters differ among them.
    """

    across: str
    up: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: F8
    counts: I8


def landscape(columns: Mapping[str, NDArray[Any]], objective: str) -> Landscape:
    """From the columns of a sweep's table.

    cost  O(n log n) for a few axes
    """
    figure = np.asarray(columns[objective], np.float64)
    chosen = (columns["status"] == "done") & np.isfinite(figure)
    names = [n.removeprefix("param_") for n in columns if n.startswith("param_")]
    every = {n: np.asarray(columns[f"param_{n}"], np.float64)[chosen] for n in names}
    axes = tuple(n for n in names if len(np.unique(every[n])) > 1)
    values = np.column_stack([every[n] for n in axes]) if axes else np.zeros((chosen.sum(), 0))
    figure = figure[chosen]
    sign = -1.0 if objective in SMALLER else 1.0
    pairs, grid = _neighbours(values)
    sizes = np.array([len(p) for p in pairs], np.int64)
    near = [sign * figure[p] for p in pairs]
    return Landscape(
        axes=axes,
        trials=np.asarray(columns["trial"], np.int64)[chosen],
        values=values,
        objective=figure,
        sign=sign,
        average=np.array([sign * float(v.mean()) for v in near]),
        worst=np.array([sign * float(v.min()) for v in near]),
        neighbours=sizes - 1,
        grid=grid,
    )


def _neighbours(values: F8) -> tuple[list[I8], bool]:
    """Rows near each row, itself among them; whether by steps on a grid."""
    n, axes = values.shape
    if n == 0 or axes == 0:
        return [np.array([i]) for i in range(n)], True
    steps = np.column_stack([np.unique(c, return_inverse=True)[1] for c in values.T])
    sizes = steps.max(axis=0) + 1
    if prod(float(s) for s in sizes) <= _SPARSE * n:
        found = cKDTree(steps).query_ball_point(steps, 1.5, p=np.inf, return_sorted=True)
        return [np.asarray(f, np.int64) for f in found], True
    scaled = steps / np.maximum(sizes - 1, 1)
    _, nearest = cKDTree(scaled).query(scaled, k=min(NEAREST + 1, n))
    rows = np.asarray(nearest, np.int64).reshape(n, -1)
    return [np.union1d(rows[i], [i]) for i in range(n)], False


def maps(land: Landscape) -> list[Map]:
    """A map for each pair of the first AXES_MAX axes."""
    return [_map(land, a, b) for a, b in combinations(range(min(len(land.axes), AXES_MAX)), 2)]


def _map(land: Landscape, across: int, up: int) -> Map:
    x, columns = _parts(land.values[:, across])
    y, rows = _parts(land.values[:, up])
    cells = np.full((len(rows), len(columns)), np.nan)
    counts = np.zeros(cells.shape, np.int64)
    key = y * len(columns) + x
    order = np.argsort(key, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        at = divmod(int(key[group[0]]), len(columns))
        cells[at], counts[at] = float(np.median(land.objective[group])), len(group)
    return Map(land.axes[across], land.axes[up], columns, rows, cells, counts)


def _parts(values: F8) -> tuple[I8, tuple[str, ...]]:
    """Which part of its axis each value lies in, and the names of the parts."""
    known, at = np.unique(values, return_inverse=True)
    if len(known) <= CELLS_MAX:
        return at, tuple(f"{v:.6g}" for v in known)
    edges = np.linspace(known[0], known[-1], MAP_PARTS + 1)
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, MAP_PARTS - 1)
    return at, tuple(f"{v:.4g}" for v in (edges[:-1] + edges[1:]) / 2.0)


def best_rows(land: Landscape, count: int) -> list[int]:
    """Rows of the best trials, best first; of equals the earlier one."""
    return [int(r) for r in np.argsort(-land.sign * land.objective, kind="stable")[:count]]


def plain(land: Landscape, rows: Sequence[int]) -> list[dict[str, Any]]:
    """These trials for JSON."""
    return [
        {
            "trial": int(land.trials[r]),
            "params": dict(zip(land.axes, land.values[r].tolist(), strict=True)),
            "objective": float(land.objective[r]),
            "average": float(land.average[r]),
            "worst": float(land.worst[r]),
            "neighbours": int(land.neighbours[r]),
        }
        for r in rows
    ]
