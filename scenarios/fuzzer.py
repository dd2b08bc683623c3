"""A strategy without a plan: any order that a strategy may place, at any moment, from a seed.

It goes through the same core as every user's strategy, so what the simulation proves of it holds
for theirs: checkpoints, restarts, refusals, races. Its dice are a part of its state: after a crash
it goes on where its last checkpoint left it.
"""

from typing import Any, Final

from pydantic import Field

from messages.base import RunId, StrategyId
from messages.market import Instrument
from messages.orders import OrderSide
from trading.strategy import StrategyParams
from trading.strategy_core import StrategyCore
from trading.strategy_python import Context, Strategy
from trading.strategy_state import StrategyConfig

# A linear congruential generator (Knuth, MMIX): one integer of state, good enough for whims.
_MULTIPLIER: Final = 6_364_136_223_846_793_005
_INCREMENT: Final = 1_442_695_040_888_963_407
_WORD: Final = 2**64
RUN_ID: Final = RunId("simulation")


class FuzzerParams(StrategyParams):
    """How lively it is."""

    seed: int = 0
    act: float = Field(default=0.35, ge=0, le=1)  # chance of doing something at a quote
    lot: float = Field(default=0.001, gt=0)
    lots_max: int = Field(default=6, gt=0)


class Fuzzer(Strategy):
    """Submits, crosses, rests, amends and cancels at random."""

    Params = FuzzerParams

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.dice = params.seed % _WORD

    def on_quote(self, ctx: Context, quote: Any) -> None:
        if not ctx.acting or self._unit() >= self.params.act:
            return
        working = ctx.working
        if working and self._unit() < 0.4:
            chosen = working[self._upto(len(working))]
            if self._unit() < 0.4:
                ctx.amend(chosen, chosen.filled + chosen.leaves / 2)
            else:
                ctx.cancel(chosen)
            return
        side = OrderSide.BUY if self._unit() < 0.5 else OrderSide.SELL
        quantity = self.params.lot * (1 + self._upto(self.params.lots_max))
        near, far = (quote.bid_price, quote.ask_price)
        if side is OrderSide.SELL:
            near, far = far, near
        whim = self._upto(5)
        if whim == 0:
            ctx.submit_market(side, quantity)
        elif whim == 1:
            ctx.submit_limit(side, quantity, far, time_in_force="IOC")
        elif whim == 2:
            ctx.submit_limit(side, quantity, far)
        elif whim == 3:
            ctx.submit_limit(side, quantity, near, post_only=True)
        else:
            ctx.submit_limit(side, quantity, near * (1 - 0.0005 * side.sign))

    def _unit(self) -> float:
        self.dice = (self.dice * _MULTIPLIER + _INCREMENT) % _WORD
        return float(self.dice >> 11) / float(1 << 53)

    def _upto(self, limit: int) -> int:
        return int(self._unit() * limit)


def fuzzer_core(
    seed: int,
    strategy_id: StrategyId,
    instruments: tuple[Instrument, ...],
    incarnation: int,
    kind: type[Strategy] = Fuzzer,
) -> StrategyCore:
    """The core of one fuzzer; other ids of one seed have other whims."""
    own = seed * 1_000_003 + sum(ord(c) * 31**i for i, c in enumerate(strategy_id))
    config = StrategyConfig(
        run_id=RUN_ID,
        strategy_id=strategy_id,
        instrument_ids=tuple(i.instrument_id for i in instruments),
        params={"seed": own % 2**62},
        incarnation=incarnation,
    )
    return StrategyCore(config, kind)
