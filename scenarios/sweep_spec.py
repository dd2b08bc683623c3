"""A sweep as one value, kept in its folder: what `--resume` goes on with."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import strategies
from actors import user_code
from journal.catalogue import content_digest
from messages import decode
from messages.arrays import Rows
from messages.control import LoadStrategy
from research.search import METHODS, TRIALS, Search, check_objectives, make
from research.space import BadSpace, Space, parse, parse_toml
from scenarios.spec import BadSpec, StrategySpec
from scenarios.strategy_source import source_of
from trading.backtest_settings import Rules, Settings
from trading.strategy import CompiledStrategy, StrategyParams, class_digest
from trading.strategy_python import Strategy

F8 = NDArray[np.float64]
FILE: Final = "sweep.json"
_ID: Final = "sweep"
# Kinds of halving need one order of trials; these two methods think in whole generations.
_WHOLE: Final = ("cmaes", "nsga2")


class SweepSpec(BaseModel):
    """Everything that decides what is in the table.

    strategy  as the user named it; `source` is its name, or the JSON of its files
    code      digest of the strategy's code
    space     its text, or the text of a TOML document
    params    parameters that are not in the space and differ from their defaults
    settings  of the engine, as plain values
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: str
    source: str
    code: str
    data: str
    interval: str | None = None
    start: str | None = None
    end: str | None = None
    data_sha256: str = ""
    bars: int = 0
    space: str
    where: tuple[str, ...] = ()
    params: dict[str, bool | int | float] = {}
    objectives: tuple[str, ...] = ("sharpe",)
    method: str = "grid"
    trials: Annotated[int, Field(ge=1, le=10_000_000)]
    seed: Annotated[int, Field(ge=0)] = 0
    halving: bool = False
    settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.method not in METHODS:
            raise ValueError(f"method {self.method!r}: use one of {', '.join(METHODS)}")
        check_objectives(self.objectives, self.method)
        if self.halving and self.method in _WHOLE:
            raise ValueError(f"halving does not go with {self.method}: use tpe or genetic")
        return self

    def parsed(self) -> Space:
        """The space; raises BadSpec."""
        try:
            if "=" in self.space and "[space]" in self.space:
                return parse_toml(self.space, self.where)
            return parse(self.space, self.where)
        except BadSpace as error:
            raise BadSpec(str(error)) from None


def describe(bars: Rows, **given: Any) -> SweepSpec:
    """The spec that these options describe: fields of SweepSpec, `trials` may be None.

    raises  BadSpec with one line
    """
    given["source"] = _source(str(given["strategy"]))
    strategy = load_strategy(given["source"])
    given |= {"code": digest_of(strategy), "bars": len(bars), "data_sha256": content_digest(bars)}
    given["space"] = _read_space(str(given["space"]))
    given["trials"] = given.get("trials") or TRIALS.get(str(given["method"]), 1)
    given["settings"] = _settings(given.get("settings") or {})
    try:
        spec = SweepSpec.model_validate(given)
    except ValidationError as error:
        raise BadSpec(_said(error)) from None
    # These complain before anything starts.
    Records(params_of(strategy), spec.parsed(), spec.params)
    try:
        search_of(spec).ask()
    except BadSpace as error:
        raise BadSpec(str(error)) from None
    return spec


def search_of(spec: SweepSpec) -> Search:
    """A search as it begins; raises BadSpace if the space leaves its method nothing to try."""
    count = len(spec.objectives)
    return make(spec.method, spec.parsed(), trials=spec.trials, seed=spec.seed, objectives=count)


def reopen(folder: Path) -> SweepSpec:
    """The spec that a sweep was started with.

    raises  BadSpec if none was started there
    """
    try:
        return SweepSpec.model_validate_json((folder / FILE).read_text())
    except OSError:
        raise BadSpec(f"--resume {folder}: no sweep was started there; name its folder") from None
    except ValueError:
        raise BadSpec(f"--resume {folder}: written by another version; start it anew") from None


def check_same(spec: SweepSpec, bars: Rows) -> None:
    """raises BadSpec if code or data are not those that the sweep began with."""
    if digest_of(load_strategy(spec.source)) != spec.code:
        raise BadSpec(f"--resume: the code of {spec.strategy} has changed: start the sweep anew")
    if content_digest(bars) != spec.data_sha256:
        raise BadSpec(f"--resume: {spec.data} has changed: bring it back, or start the sweep anew")


def _read_space(text: str) -> str:
    """The space itself, or what a TOML file of this name holds."""
    if not text.endswith(".toml"):
        return text
    try:
        return Path(text).expanduser().read_text()
    except OSError as error:
        raise BadSpec(f"--space {text}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise BadSpec(f"--space {text}: is no text: name a TOML file") from None


def load_strategy(source: str) -> CompiledStrategy | type[Strategy]:
    """The strategy of a source: built in, or out of a message.

    raises  BadSpec naming what is wrong with the user's file
    """
    if not source.startswith("{"):
        return strategies.load(source)
    message = decode(source.encode())
    assert isinstance(message, LoadStrategy), "a source is a name or a LoadStrategy"
    try:
        with redirect_stdout(sys.stderr):  # what it prints is no part of a `--json` answer
            return user_code.load(message)
    except (Exception, SystemExit) as error:  # whatever a user's own code raises when imported
        what = error.msg if isinstance(error, SyntaxError) else error
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
        raise BadSpec(f"strategy {message.entry}: {type(error).__name__}: {what}{line}") from error


def digest_of(strategy: CompiledStrategy | type[Strategy]) -> str:
    """SHA-256 of the code that decides. Hex."""
    if isinstance(strategy, CompiledStrategy):
        return strategy.digest
    return class_digest(strategy)


def params_of(strategy: CompiledStrategy | type[Strategy]) -> type[StrategyParams]:
    """The model of a strategy's parameters."""
    return strategy.params if isinstance(strategy, CompiledStrategy) else strategy.Params


def _source(strategy: str) -> str:
    try:
        return source_of(StrategySpec.model_construct(id=_ID, strategy=strategy))
    except BadSpec as error:
        said = str(error).removeprefix(f"strategies.{_ID}.strategy: ")
        raise BadSpec(f"--strategy {said}") from None


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """Settings as plain values; what only the rules of an instrument have goes there."""
    rules = {k: v for k, v in given.items() if k not in Settings.model_fields}
    plain = {k: v for k, v in given.items() if k in Settings.model_fields}
    try:
        if rules:
            plain["instruments"] = (Rules.model_validate(rules),)
        return Settings.model_validate(plain).model_dump(mode="json")
    except ValidationError as error:
        raise BadSpec(f"--set {_said(error)}") from None


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    text = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


class Records:
    """Values of a space as PARAMS records of a strategy; see `research.sweep.Records`.

    raises  BadSpec, when it is made, for an axis or a parameter that the strategy does not have or
            whose ends it does not accept
    """

    def __init__(
        self, model: type[StrategyParams], space: Space, fixed: dict[str, bool | int | float]
    ) -> None:
        self._model = model
        self._names = space.names
        self._fixed = fixed
        self._whole = {n for n, f in model.model_fields.items() if f.annotation is not float}
        self.dtype = model.dtype()
        known = ", ".join(model.model_fields)
        for name in (*space.names, *fixed):
            if name not in model.model_fields:
                raise BadSpec(f"space, {name}: the strategy has no such parameter: it has {known}")
        both = set(space.names) & set(fixed)
        if both:
            raise BadSpec(f"space, {min(both)}: is fixed by --param too: choose one")
        for axis in space.axes:
            points = axis.points()
            for value in (float(points.min()), float(points.max())):
                self._check_end(axis.name, value)
            if axis.name in self._whole and (not axis.size or (points % 1.0).any()):
                raise BadSpec(f"space, {axis.name}: counts in whole numbers: give a step of 1")

    def __call__(self, values: F8) -> tuple[Rows, NDArray[np.bool_]]:
        rows = np.zeros(len(values), self.dtype)
        accepted = np.ones(len(values), bool)
        for i, value in enumerate(values):
            given = self._given(dict(zip(self._names, value.tolist(), strict=True)))
            try:
                rows[i] = self._model.model_validate(given).record()[0]
            except ValidationError:
                # A relation of the model's own, for the ends of each axis are inside its range.
                accepted[i] = False
                self._fill(rows[i], given)
        return rows, accepted

    def _given(self, values: dict[str, float]) -> dict[str, bool | int | float]:
        whole = {n: self._as_whole(n, v) if n in self._whole else v for n, v in values.items()}
        return {**self._fixed, **whole}

    def _as_whole(self, name: str, value: float) -> bool | int:
        if self._model.model_fields[name].annotation is bool:
            return bool(value)
        return round(value)

    def _fill(self, row: Any, given: dict[str, bool | int | float]) -> None:
        for name in self.dtype.names or ():
            row[name] = given.get(name, self._model.model_fields[name].default)

    def _check_end(self, name: str, value: float) -> None:
        try:
            self._model.model_validate(self._given({name: value}))
        except ValidationError as error:
            for each in error.errors(include_url=False):
                if each["loc"] in {(name,), *((n,) for n in self._fixed)}:
                    raise BadSpec(f"space, {'.'.join(each['loc'])}: {each['msg']}") from None
