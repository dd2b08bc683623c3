"""How one simulator is set up: a value, from Python or from a JSON file."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from messages.market import Instrument
from venues.serving.faults import FaultScript

_BALANCES: Final = {"USDT": Decimal(1_000_000), "BTC": Decimal(10), "ETH": Decimal(100)}


class SimulatorConfig(BaseModel):
    """One venue, one account, one tape. A venue's own subclass gives `instruments` a default and
    adds what only it has.

    port          0 takes any free one
    speed         tape seconds per wall second; 1 is as it was
    folder        where ledger.json goes; "" keeps it in memory
    parent_pid    the server ends when this process does; 0 watches nobody
    start_file    the tape's first event is played at once, the rest and the faults when this
                  file exists; "" waits for nobody
    control       whether POST /sim/faults and /sim/cut work
    queue_max     frames that a slow reader may be behind before it is cut off
    clock_skew_ms how far the venue's clock is ahead of this machine's
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    instruments: tuple[Instrument, ...] = ()
    balances: Mapping[str, Decimal] = Field(default_factory=lambda: dict(_BALANCES))
    queue_model: str = "risk_averse"
    port: int = 0
    port_file: str = ""
    folder: str = ""
    ledger_interval_s: Annotated[float, Field(gt=0)] = 1.0
    parent_pid: int = 0
    speed: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    seed: int = 0
    duration_s: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] | None = None
    recordings: tuple[str, ...] = ()  # captures to play instead of a generated tape
    start_file: str = ""
    control: bool = False
    queue_max: int = 4096
    clock_skew_ms: int = 0
    faults: FaultScript = FaultScript()
