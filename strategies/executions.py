"""Work off one large order by small ones: TWAP, POV or an iceberg (docs/execution.md)."""

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from messages.orders import OrderSide
from trading.strategy import RELOAD, StrategyParams
from trading.strategy_python import Context, Strategy


class ExecutionParams(StrategyParams):
    """What all of them take."""

    quantity: float = Field(
        0.0, ge=0, description="base currency; 0 waits to be told", json_schema_extra=RELOAD
    )
    buy: bool = Field(True, description="false sells")
    limit: float = Field(0.0, ge=0, description="no child is worse than this price; 0 for none")
    slice_s: float = Field(5.0, gt=0, description="how often a child is placed")
    jitter: float = Field(0.1, ge=0, lt=0.5, description="share of a slice that its time moves by")
    reduce_only: bool = Field(False, description="derivatives: only make a position smaller")
    cancel: bool = Field(False, description="give up what is not done", json_schema_extra=RELOAD)
    pause: bool = Field(False, description="place nothing for now", json_schema_extra=RELOAD)


class TwapParams(ExecutionParams):
    """Equal parts in equal times."""

    duration_s: float = Field(60.0, gt=0, description="when all is due; whole slices")
    offset_bps: float = Field(5.0, ge=0, description="how far beyond the touch a child reaches")

    @model_validator(mode="after")
    def _whole_slices(self) -> Self:
        count = self.duration_s / self.slice_s
        if abs(count - round(count)) > 1e-9 or round(count) < 1:
            raise ValueError(f"duration_s: {self.duration_s} is no whole number of slice_s")
        return self


class PovParams(ExecutionParams):
    """A share of what the market trades."""

    participation: float = Field(0.1, gt=0, le=1, description="of the market's volume")
    offset_bps: float = Field(5.0, ge=0, description="how far beyond the touch a child reaches")


class IcebergParams(ExecutionParams):
    """Rests at `limit`, and shows a part."""

    limit: float = Field(gt=0, description="where it rests")
    display: float = Field(gt=0, description="base currency that is visible")


class Executing(Strategy):
    """One execution per instrument, begun as soon as the strategy acts."""

    method: ClassVar[str] = ""
    timer_ns = 250_000_000

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.begun: dict[str, int] = {}

    def on_quote(self, ctx: Context, quote: Any) -> None:
        """It lives on quotes: while nobody knows where the market is, nothing is placed."""

    def on_timer(self, ctx: Context) -> None:
        number = self.begun.get(ctx.instrument_id, 0)
        if number:
            self._obey(ctx, number)
        elif self.params.quantity and not (self.params.cancel or self.params.pause):
            number = ctx.execute(self._side, self.params.quantity, self.method, **self._plan) or 0
            if number:
                self.begun[ctx.instrument_id] = number

    def _obey(self, ctx: Context, number: int) -> None:
        if self.params.cancel:
            ctx.cancel_execution(number, "cancel was set")
        elif self.params.pause:
            ctx.pause_execution(number)
        else:
            ctx.resume_execution(number)

    @property
    def _side(self) -> OrderSide:
        return OrderSide.BUY if self.params.buy else OrderSide.SELL

    @property
    def _plan(self) -> dict[str, Any]:
        """The parameters of the plan, as the contract names them."""
        ours = ("quantity", "buy", "cancel", "pause")
        plan = {k: v for k, v in self.params.model_dump().items() if k not in ours}
        return plan | {"limit": self.params.limit or None}


class Twap(Executing):
    """TWAP."""

    Params = TwapParams
    method = "TWAP"


class Pov(Executing):
    """POV; it lives on trades, too."""

    Params = PovParams
    method = "POV"

    @property
    def _plan(self) -> dict[str, Any]:
        return super()._plan | {"duration_s": 0}

    def on_trade(self, ctx: Context, trade: Any) -> None:
        """Its core counts them: a gap in them is asked for again."""


class Iceberg(Executing):
    """An iceberg."""

    Params = IcebergParams
    method = "ICEBERG"

    @property
    def _plan(self) -> dict[str, Any]:
        shown = min(self.params.display, self.params.quantity)
        return super()._plan | {"duration_s": 0, "display": shown}


__all__ = ["Executing", "Iceberg", "Pov", "Twap"]
