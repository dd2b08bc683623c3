"""What a backtest assumes about the venue: rules, fees, fills, money. All of it is in the result.

Every model is a named choice with a default; docs/backtesting.md says what each one means.
"""

from typing import Final, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from messages.arrays import Rows
from messages.market import Instrument
from trading.kernels.engine_records import (
    ADVERSE,
    DESK,
    HIGH_FIRST,
    LOW_FIRST,
    NEAREST,
    RUN,
    TIERS_MAX,
)

FillModel = Literal["next_open", "close", "path"]
PathRule = Literal["adverse", "nearest", "high_first", "low_first"]
_RULES: Final = {
    "adverse": ADVERSE, "nearest": NEAREST, "high_first": HIGH_FIRST, "low_first": LOW_FIRST
}  # fmt: skip
_UNBOUNDED: Final = 1e18
_WHOLE: Final = 1e-9  # how far 1 / tick may be from a whole number, as a fraction


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rules(_Value):
    """One instrument as the simulated venue trades it; fees of None are those of the settings."""

    symbol: str = "MAIN"
    quote: str = ""  # "" the settlement currency
    tick: float = Field(default=1e-8, gt=0)
    lot: float = Field(default=1e-8, gt=0)
    min_quantity: float = Field(default=0.0, ge=0)
    max_quantity: float = Field(default=_UNBOUNDED, gt=0)
    min_notional: float = Field(default=0.0, ge=0)
    maker_fee: float | None = Field(default=None, gt=-0.1, lt=1)
    taker_fee: float | None = Field(default=None, ge=0, lt=1)
    maintenance: float = Field(default=0.005, ge=0, lt=1, description="margin rate of liquidation")

    @classmethod
    def of(cls, instrument: Instrument) -> Self:
        """The rules of a venue's instrument."""
        return cls(
            symbol=instrument.symbol,
            quote=instrument.quote,
            tick=float(instrument.price_increment),
            lot=float(instrument.size_increment),
            min_quantity=float(instrument.min_quantity),
            max_quantity=float(instrument.max_quantity),
            min_notional=float(instrument.min_notional),
            maker_fee=float(instrument.maker_fee),
            taker_fee=float(instrument.taker_fee),
        )


class Tier(_Value):
    """Fees from a traded value of the last 30 days on."""

    volume: float = Field(ge=0)
    maker: float = Field(gt=-0.1, lt=1)
    taker: float = Field(ge=0, lt=1)


class Settings(_Value):
    """The whole of a backtest's assumptions.

    fill          next_open, path: market orders trade at the next bar's open; close: at the close
                  of the bar on which they were decided
    path          order of a bar's extremes; None: "nearest" for the path model, else "adverse"
    slippage      fraction by which a taker's price is worse
    volume_share  part of a bar's volume that we may trade; 0 all we want
    impact        volume-share slippage: price moves by impact * (quantity / volume)^2
    limit_fill    touch: a limit order fills when the price comes to it; through: a tick beyond
    protection    a taker pays at most this fraction more than the price it was decided at; 0 off
    leverage      of a margin account: value of positions / equity at most
    """

    fill: FillModel = "next_open"
    path: PathRule | None = None
    slippage: float = Field(default=0.0, ge=0, lt=0.5)
    volume_share: float = Field(default=0.0, ge=0, le=1)
    impact: float = Field(default=0.0, ge=0)
    limit_fill: Literal["touch", "through"] = "touch"
    protection: float = Field(default=0.0, ge=0)
    account: Literal["cash", "margin"] = "cash"
    leverage: float = Field(default=1.0, ge=1, le=500)
    liquidation_fee: float = Field(default=0.0, ge=0, lt=1)
    initial_balance: float = Field(default=10_000.0, gt=0)
    currency: str = "USDT"
    maker_fee: float = Field(default=0.001, gt=-0.1, lt=1)
    taker_fee: float = Field(default=0.001, ge=0, lt=1)
    tiers: tuple[Tier, ...] = Field(default=(), max_length=TIERS_MAX)
    instruments: tuple[Rules, ...] = Field(default=(Rules(),), min_length=1)
    seed: int = 0  # of whoever made the data or chose the parameters; kept for the record

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.leverage > 1 and self.account == "cash":
            raise ValueError("leverage above 1 needs account = 'margin'")
        volumes = [t.volume for t in self.tiers]
        if volumes and (volumes[0] != 0 or volumes != sorted(set(volumes))):
            raise ValueError("tiers: volumes must begin at 0 and rise")
        return self


def run_record(settings: Settings) -> Rows:
    """A fresh RUN record."""
    run = np.zeros(1, RUN)
    one = run[0]
    rule = settings.path or ("nearest" if settings.fill == "path" else "adverse")
    one["at_close"] = settings.fill == "close"
    one["path_rule"] = _RULES[rule]
    one["through"] = settings.limit_fill == "through"
    one["slippage"], one["share"] = settings.slippage, settings.volume_share
    one["impact"], one["protection"] = settings.impact, settings.protection
    one["margin"] = settings.account == "margin"
    one["leverage"], one["liquidation_fee"] = settings.leverage, settings.liquidation_fee
    one["tiers"] = len(settings.tiers)
    sized = settings.volume_share or settings.impact
    one["plain"] = not (sized or settings.protection or settings.account == "margin")
    for i, tier in enumerate(settings.tiers):
        one["tier_volume"][i] = tier.volume
        one["tier_maker"][i], one["tier_taker"][i] = tier.maker, tier.taker
    for name in ("initial", "cash", "peak", "trough", "last_equity", "day_equity"):
        one[name] = settings.initial_balance
    return run


def desk_records(settings: Settings) -> Rows:
    """A fresh DESK record for each instrument."""
    desks = np.zeros(len(settings.instruments), DESK)
    for i, rules in enumerate(settings.instruments):
        desk = desks[i]
        desk["instrument"] = i
        desk["tick"], desk["ticks_a_unit"] = rules.tick, _a_unit(rules.tick)
        desk["lot"], desk["lots_a_unit"] = rules.lot, _a_unit(rules.lot)
        desk["min_quantity"], desk["max_quantity"] = rules.min_quantity, rules.max_quantity
        desk["min_notional"], desk["maintenance"] = rules.min_notional, rules.maintenance
        desk["maker_fee"] = settings.maker_fee if rules.maker_fee is None else rules.maker_fee
        desk["taker_fee"] = settings.taker_fee if rules.taker_fee is None else rules.taker_fee
        desk["fx"] = 1.0
    return desks


def _a_unit(step: float) -> float:
    """Steps a unit where that is a whole number, else 0."""
    count = 1.0 / step
    return float(round(count)) if abs(count - round(count)) < _WHOLE * count else 0.0
