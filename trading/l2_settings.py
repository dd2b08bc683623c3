"""What an event backtest assumes about the venue and the way to it. All of it is in the result.

Every model is a named choice with a default; docs/backtesting-l2.md says what each one means.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from messages.arrays import Rows
from messages.base import NS_PER_S
from trading.backtest_settings import Rules, Settings, Tier
from trading.kernels.engine_records import TIERS_MAX
from trading.kernels.l2_queue import QUEUE_MODELS
from trading.kernels.l2_records import FAR, LINE

QueueModel = Literal["risk_averse", "prob_power", "prob_log"]
# Measured ways: what was sent at `ts` took `entry_ns` there; what the venue answered at `ts` took
# `response_ns` back. Between rows, interpolated.
I8 = NDArray[np.int64]
LATENCY: Final = np.dtype([("ts", "<i8"), ("entry_ns", "<i8"), ("response_ns", "<i8")])


class L2Settings(BaseModel):
    """The whole of an event backtest's assumptions.

    queue_model  who leaves a level's queue when it shrinks without a trade
    queue_power  exponent of prob_power
    maker_fill   partial: a trade fills us with what it has left after the queue; whole: a trade or
                 quote that reaches us fills the whole order, as hftbacktest's NoPartialFillExchange
    unseen       the queue at a price deeper than all that the tape shows: unknown until it shows
                 the level, or empty, as with hftbacktest
    protection   an order without a limit takes at most this fraction beyond the touch that we knew
                 when it was decided; 0 off
    leverage     value of positions / equity at most, on margin
    sample_s     seconds between two rows of the equity table
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    queue_model: QueueModel = "risk_averse"
    queue_power: float = Field(default=3.0, gt=0, le=20)
    maker_fill: Literal["partial", "whole"] = "partial"
    unseen: Literal["unknown", "empty"] = "unknown"
    entry_latency_ns: int = Field(default=0, ge=0, le=60 * NS_PER_S)
    response_latency_ns: int = Field(default=0, ge=0, le=60 * NS_PER_S)
    protection: float = Field(default=0.0, ge=0, lt=1)
    account: Literal["cash", "margin"] = "margin"
    leverage: float = Field(default=1.0, ge=1, le=500)
    liquidation_fee: float = Field(default=0.0, ge=0, lt=1)
    initial_balance: float = Field(default=10_000.0, gt=0)
    currency: str = "USDT"
    maker_fee: float = Field(default=0.0002, gt=-0.1, lt=1)
    taker_fee: float = Field(default=0.0005, ge=0, lt=1)
    tiers: tuple[Tier, ...] = Field(default=(), max_length=TIERS_MAX)
    instruments: tuple[Rules, ...] = Field(default=(Rules(),), min_length=1)
    sample_s: float = Field(default=1.0, ge=0.001)
    seed: int = 0  # of whoever made the data or chose the parameters; kept for the record

    def money(self) -> Settings:
        """The part of it that all engines share."""
        shared = {name: getattr(self, name) for name in Settings.model_fields if name in _SHARED}
        return Settings(**shared)


_SHARED: Final = set(Settings.model_fields) & set(L2Settings.model_fields)


def line_record(settings: L2Settings, events: Rows, timer_ns: int, *, react: bool) -> Rows:
    """A fresh LINE record for these rows."""
    lines = np.zeros(1, LINE)
    line = lines[0]
    line["queue"], line["power"] = QUEUE_MODELS[settings.queue_model], settings.queue_power
    line["whole"] = settings.maker_fill == "whole"
    line["bare"] = settings.unseen == "empty"
    line["react"], line["timer_ns"] = react, timer_ns
    line["sample_ns"] = round(settings.sample_s * NS_PER_S)
    heard = events["ts_init"]
    first = int(events["ts_event"][0])
    line["ordered"] = bool((np.diff(heard) >= 0).all())
    line["ts_last"] = max(int(heard.max()), int(events["ts_event"][-1]))
    line["timer_due"] = int(heard.min()) + timer_ns if timer_ns else FAR
    line["sample_due"] = line["alarm"] = first + int(line["sample_ns"])
    line["gtd_due"] = line["refused_at"] = FAR
    return lines


def series(settings: L2Settings, latency: Rows | None) -> tuple[tuple[I8, I8], tuple[I8, I8]]:
    """(times, delays) of the way there and of the way back: int64 arrays.

    raises  ValueError for measurements that are unsorted or negative
    """
    if latency is None:
        zero = np.zeros(1, np.int64)
        return (zero, zero + settings.entry_latency_ns), (zero, zero + settings.response_latency_ns)
    if latency.dtype != LATENCY or len(latency) == 0:
        raise ValueError(f"latency: expected rows of {LATENCY.names}, at least one")
    if (np.diff(latency["ts"]) <= 0).any():
        raise ValueError("latency: ts must rise from row to row: sort it, one row a time")
    for name in ("entry_ns", "response_ns"):
        if latency[name].min() < 0:
            row = int(np.argmax(latency[name] < 0))
            raise ValueError(f"latency row {row}: {name} is negative: correct the measurements")
    columns = (np.ascontiguousarray(latency[n]) for n in ("ts", "entry_ns", "response_ns"))
    times, there, back = columns
    return (times, there), (times, back)
