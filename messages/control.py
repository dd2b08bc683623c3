"""Running the system: timers, strategies as values, checkpoints, stopping."""

import base64
import hashlib
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import PlainSerializer, PlainValidator, model_validator

from messages.base import (
    Command,
    Event,
    InstrumentId,
    NonNegative,
    Quantity,
    StrategyId,
    TsNs,
)
from messages.orders import OrderSide


def _to_bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return base64.b64decode(value, validate=True)
    raise ValueError("expected bytes, or base64 text")


Blob = Annotated[
    bytes,
    PlainValidator(_to_bytes),
    PlainSerializer(lambda b: base64.b64encode(b).decode(), return_type=str),
]


class SetTimer(Command):
    """Ask the runtime to send `TimerFired(name)` back to this actor at `ts_due`.

    Setting a name again replaces it. Timers are not durable: a core sets them in `resume`.
    """

    kind: Literal["set_timer"] = "set_timer"
    name: str
    ts_due: TsNs


class TimerFired(Event):
    """A timer is due; it may fire late, never early."""

    kind: Literal["timer_fired"] = "timer_fired"
    name: str


class Resumed(Event):
    """An actor's new incarnation begins: journaled as an input, so that a fold repeats it."""

    kind: Literal["resumed"] = "resumed"
    actor: str
    incarnation: int


class LoadStrategy(Command):
    """Import `entry` from these files; the digest names the version."""

    kind: Literal["load_strategy"] = "load_strategy"
    strategy_id: StrategyId
    files: Mapping[str, str]  # "__init__.py" -> source text; relative POSIX paths only
    sha256: str
    entry: str

    @model_validator(mode="after")
    def _files_are_what_they_claim(self) -> Self:
        if digest(self.files) != self.sha256:
            raise ValueError("sha256 does not match files")
        paths = [PurePosixPath(p) for p in self.files]
        if any(".." in p.parts or p.is_absolute() for p in paths):
            raise ValueError("paths must stay inside the package")
        return self


def digest(files: Mapping[str, str]) -> str:
    """SHA-256 over (path, text) in path order, each length-prefixed."""
    h = hashlib.sha256()
    for path in sorted(files):
        for part in (path, files[path]):
            raw = part.encode()
            h.update(len(raw).to_bytes(8, "big") + raw)
    return h.hexdigest()


class StrategyCheckpoint(Event):
    """All that a strategy instance needs to come back: durable before its intents are sent."""

    kind: Literal["strategy_checkpoint"] = "strategy_checkpoint"
    strategy_id: StrategyId
    intents: int  # how many it has decided: the next intent's number
    state: Blob
    cursor: int  # how many messages from the order manager the state includes
    digest: str  # of the code that wrote the state


class ActorSnapshot(Event):
    """A durable actor as of its last journaled step: recovery starts from the newest one."""

    kind: Literal["actor_snapshot"] = "actor_snapshot"
    actor: str
    handled: int
    log: str  # SHA-256 (hex) of its log so far; its log begins anew with it
    state: Blob
    shelved: Blob  # what left `state` since the snapshot before, and is written only here
    links: Blob


class PauseStrategy(Command):
    """Stop deciding; keep folding what happens."""

    kind: Literal["pause_strategy"] = "pause_strategy"
    strategy_id: StrategyId


class ResumeStrategy(Command):
    """Decide again."""

    kind: Literal["resume_strategy"] = "resume_strategy"
    strategy_id: StrategyId


ParamValue = bool | int | float


class SetParams(Command):
    """Change parameters of a running strategy: all of these, or none."""

    kind: Literal["set_params"] = "set_params"
    strategy_id: StrategyId
    values: Mapping[str, ParamValue]
    operator: str


class ParamsRefusal(StrEnum):
    """Why parameters stay as they are."""

    UNKNOWN = "UNKNOWN"  # the strategy has no such parameter
    NOT_RELOADABLE = "NOT_RELOADABLE"  # its STATE depends on it: start a new run
    OUT_OF_RANGE = "OUT_OF_RANGE"


class ParamsChanged(Event):
    """A running strategy uses these parameters; its checkpoint with them is durable."""

    kind: Literal["params_changed"] = "params_changed"
    strategy_id: StrategyId
    values: Mapping[str, ParamValue]  # those that were asked for
    operator: str


class ParamsRefused(Event):
    """A running strategy keeps its parameters."""

    kind: Literal["params_refused"] = "params_refused"
    strategy_id: StrategyId
    parameter: str  # the first one that is wrong
    code: ParamsRefusal
    reason: str
    operator: str


class ExecutionEnded(Event):
    """A large order that a strategy worked off by child orders is over; fills that were on their
    way then may still raise `filled`."""

    kind: Literal["execution_ended"] = "execution_ended"
    strategy_id: StrategyId
    number: int  # of the strategy's executions, from 1
    method: str
    instrument_id: InstrumentId
    side: OrderSide
    status: str  # COMPLETED, CANCELLED, FAILED
    quantity: Quantity
    filled: NonNegative
    reason: str
    # Measures against the market when it began (trading.execution.quality); None if nobody knew it.
    # The shortfall needs the market at the end too, if something is left; the rate needs neither.
    slippage_bps: Decimal | None = None
    shortfall_bps: Decimal | None = None
    improved: Decimal | None = None
    fill_rate: Decimal | None = None
    duration_ns: int | None = None

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.strategy_id}:{self.number}"


class Shutdown(Command):
    """Stop in order; `cancel_orders` first takes working orders off the book."""

    kind: Literal["shutdown"] = "shutdown"
    reason: str
    cancel_orders: bool = True


ControlMessage = (
    SetTimer
    | TimerFired
    | Resumed
    | LoadStrategy
    | StrategyCheckpoint
    | ActorSnapshot
    | PauseStrategy
    | ResumeStrategy
    | SetParams
    | ParamsChanged
    | ParamsRefused
    | ExecutionEnded
    | Shutdown
)
