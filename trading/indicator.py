"""What an indicator is: inputs, parameters, outputs, and one step that batch and stream share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

F8 = NDArray[np.float64]
Values = Mapping[str, int | float]

# States are compiled for one of these, so that few periods mean few compilations.
CAPACITY_MIN: Final = 64
CAPACITY_STEP: Final = 8


class Parameter(NamedTuple):
    """A parameter of an indicator; an int default means that only whole numbers will do."""

    default: int | float
    minimum: int | float
    meaning: str


@dataclass(frozen=True)
class Indicator:
    """An indicator; call it for a batch, or `stream` it one bar after the other.

    name      "rsi"
    formula   one line, for documentation
    inputs    columns of a bar, in the order of the step: "close", "high", "volume", "ts_event" ...
    outputs   what a step answers with, in order
    params    in the order of the step
    state     (capacity, parameters) -> dtype of its state record
    step      compiled: (state, *inputs, *parameters) -> a float, or a tuple of them
    batch     compiled: (state, *inputs, *parameters, out) with out (outputs, n); the same step
    warmup    parameters -> how many bars until every output is there
    """

    name: str
    formula: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Mapping[str, Parameter]
    state: Callable[[int, Values], "np.dtype[np.void]"]
    step: Callable[..., Any]
    batch: Callable[..., None]
    warmup: Callable[[Values], int]

    def __call__(self, bars: Any, **params: float) -> dict[str, F8]:
        """Every output for every bar; NaN until there is one, and where an input is missing.

        bars    a structured array or a mapping with the columns of `inputs`, oldest first; an
                indicator of one column takes the plain array too
        ->      output -> (n,) float64
        raises  ValueError for unknown parameters, values below their minimum, columns that are
                missing or not of one length
        """
        values = self.checked(params)
        columns = self._columns(bars)
        out = np.empty((len(self.outputs), len(columns[0])))
        self.batch(self._fresh(values)[0], *columns, *values.values(), out)
        return dict(zip(self.outputs, out, strict=True))

    def stream(self, **params: float) -> "Stream":
        """The same indicator, one bar after the other; same errors as a call."""
        values = self.checked(params)
        return Stream(self, values, self._fresh(values))

    def checked(self, params: Mapping[str, float]) -> dict[str, int | float]:
        """All parameters in order, defaults filled in.

        raises  ValueError naming the parameter, its value and what it may be
        """
        unknown = sorted(params.keys() - self.params.keys())
        if unknown:
            known = ", ".join(self.params) or "none"
            raise ValueError(f"{self.name}: no parameter {unknown[0]!r}; there are: {known}")
        out: dict[str, int | float] = {}
        for name, (default, minimum, _) in self.params.items():
            value = params.get(name, default)
            whole = isinstance(default, int)
            if not isfinite(value) or value < minimum or (whole and value != int(value)):
                kind = "a whole number" if whole else "a number"
                raise ValueError(f"{self.name}: {name} = {value}: {kind}, {minimum} at least")
            out[name] = int(value) if whole else float(value)
        if {"fast", "slow"} <= out.keys() and out["fast"] >= out["slow"]:
            raise ValueError(
                f"{self.name}: fast = {out['fast']} must be below slow = {out['slow']}"
            )
        return out

    def _fresh(self, values: Values) -> NDArray[np.void]:
        capacity = CAPACITY_MIN
        windows = [v for n, v in values.items() if isinstance(v, int) and n != "session_ns"]
        while capacity < max(windows, default=0):
            capacity *= CAPACITY_STEP
        return np.zeros(1, self.state(capacity, values))

    def _columns(self, bars: Any) -> list[NDArray[Any]]:
        if len(self.inputs) == 1 and not isinstance(bars, Mapping) and not _structured(bars):
            bars = {self.inputs[0]: bars}
        out = []
        for name in self.inputs:
            if name not in (bars.keys() if isinstance(bars, Mapping) else bars.dtype.names):
                raise ValueError(f"{self.name}: no column {name!r}; needs {', '.join(self.inputs)}")
            out.append(_column(bars[name], np.int64 if name == "ts_event" else np.float64))
        if len({len(c) for c in out}) != 1 or any(c.ndim != 1 for c in out):
            raise ValueError(f"{self.name}: columns of shapes {[c.shape for c in out]}; one length")
        return out


class Stream:
    """An indicator fed bar by bar; `values` has the latest outputs, NaN before the first."""

    def __init__(self, indicator: Indicator, params: Values, state: NDArray[np.void]) -> None:
        self.indicator = indicator
        self.params = dict(params)
        self.values: tuple[float, ...] = (float("nan"),) * len(indicator.outputs)
        self._state = state

    def update(self, *inputs: float) -> tuple[float, ...]:
        """The outputs after one more bar; `inputs` in the order of the indicator's `inputs`."""
        found = self.indicator.step(self._state[0], *inputs, *self.params.values())
        self.values = found if isinstance(found, tuple) else (found,)
        return self.values

    def save(self) -> bytes:
        """The state, for a checkpoint."""
        return self._state.tobytes()

    def load(self, saved: bytes) -> None:
        """Continue from a state that was saved under the same parameters.

        raises  ValueError if it is of another size
        """
        if len(saved) != self._state.nbytes:
            raise ValueError(
                f"{self.indicator.name}: a state of {len(saved)} bytes, not {self._state.nbytes}: "
                "saved with other parameters"
            )
        self._state = np.frombuffer(saved, self._state.dtype).copy()


def _structured(bars: Any) -> bool:
    return isinstance(bars, np.ndarray) and bars.dtype.names is not None


def _column(values: ArrayLike, kind: type) -> NDArray[Any]:
    return np.ascontiguousarray(values, kind)
