"""The checks themselves: a list of small rules over one view, first refusal wins."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from messages.base import InstrumentId
from messages.market import Instrument
from messages.orders import OrderSide, OrderSpec, OrderType, RefusalCode
from messages.risk import InstrumentLimits, TradingState
from trading import instruments

_BPS: Final = Decimal(10_000)
C = RefusalCode


@dataclass(frozen=True, slots=True)
class Exposure:
    """What one open order may still trade, at worst."""

    instrument_id: InstrumentId
    side: OrderSide
    leaves_qty: Decimal


@dataclass(frozen=True, slots=True)
class Market:
    """The last quote, when we learned it, and which streams are silent."""

    bid: float = 0.0
    ask: float = 0.0
    ts_ns: int = 0
    stale: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A coded reason; `text` reads "CODE: key=value ..."."""

    code: RefusalCode
    detail: str

    @property
    def text(self) -> str:
        return f"{self.code}: {self.detail}"


@dataclass(frozen=True, slots=True)
class View:
    """All that the rules may look at. `long_worst`, `short_worst` exclude the order itself."""

    instrument: Instrument | None
    limits: InstrumentLimits | None
    market: Market | None
    trading_state: TradingState
    position: Decimal  # signed, base currency
    long_worst: Decimal  # position if every open buy fills and no sell does
    short_worst: Decimal  # position if every open sell fills and no buy does
    recent: int
    recent_max: int
    stale_after_ns: int
    now_ns: int

    def reduces(self, spec: OrderSpec) -> bool:
        """Whether the order can only bring the position closer to flat, whatever fills first."""
        if spec.side is OrderSide.SELL:
            return self.position > 0 and self.short_worst - spec.quantity >= 0
        return self.position < 0 and self.long_worst + spec.quantity <= 0

    def reference(self, side: OrderSide) -> Decimal | None:
        """The touch that a market order of `side` would meet."""
        if self.market is None:
            return None
        touch = self.market.ask if side is OrderSide.BUY else self.market.bid
        return Decimal(str(touch)) if touch > 0 else None


def worst_case(
    instrument_id: InstrumentId, position: Decimal, orders: Iterable[Exposure]
) -> tuple[Decimal, Decimal]:
    """(long, short): the position if only the buys fill, and if only the sells do."""
    long_worst = short_worst = position
    for order in orders:
        if order.instrument_id != instrument_id:
            continue
        if order.side is OrderSide.BUY:
            long_worst += order.leaves_qty
        else:
            short_worst -= order.leaves_qty
    return long_worst, short_worst


def check(spec: OrderSpec, view: View) -> Refusal | None:
    """The first rule that refuses `spec`, or None. About 10 us."""
    for rule in RULES:
        refusal = rule(spec, view)
        if refusal is not None:
            return refusal
    return None


def _known(spec: OrderSpec, view: View) -> Refusal | None:
    if view.instrument is None or view.limits is None:
        return Refusal(C.UNKNOWN_INSTRUMENT, f"instrument={spec.instrument_id} has no limits")
    return None


def _permitted(spec: OrderSpec, view: View) -> Refusal | None:
    if view.trading_state is TradingState.HALTED:
        return Refusal(C.TRADING_HALTED, "the account is halted")
    if view.trading_state is TradingState.REDUCING and not view.reduces(spec):
        return Refusal(C.TRADING_REDUCING, f"position={view.position} only reductions pass")
    return None


def _rate(spec: OrderSpec, view: View) -> Refusal | None:
    if view.recent >= view.recent_max:
        return Refusal(C.ORDER_RATE, f"orders={view.recent} limit={view.recent_max} a window")
    return None


def _fresh(spec: OrderSpec, view: View) -> Refusal | None:
    """New exposure needs fresh data; a reduction may be decided on old data."""
    if view.market is None or view.market.ts_ns == 0:
        return Refusal(C.NO_REFERENCE_PRICE, f"instrument={spec.instrument_id} has no quote yet")
    if view.reduces(spec):
        return None
    silent_ns = view.now_ns - view.market.ts_ns
    if view.market.stale:
        return Refusal(C.MARKET_DATA_STALE, f"streams={','.join(sorted(view.market.stale))}")
    if silent_ns > view.stale_after_ns:
        return Refusal(C.MARKET_DATA_STALE, f"quote_age_ms={silent_ns // 1_000_000}")
    return None


def _increments(spec: OrderSpec, view: View) -> Refusal | None:
    assert view.instrument is not None  # _known comes first
    reference = spec.price or spec.trigger_price or view.reference(spec.side)
    code = instruments.refusal(view.instrument, spec, reference)
    if code is None:
        return None
    return Refusal(code, f"quantity={spec.quantity} price={spec.price} of {spec.instrument_id}")


def _reduce_only(spec: OrderSpec, view: View) -> Refusal | None:
    if spec.reduce_only and not view.reduces(spec):
        return Refusal(C.REDUCE_ONLY, f"position={view.position} quantity={spec.quantity}")
    return None


def _collar(spec: OrderSpec, view: View) -> Refusal | None:
    """A limit may rest anywhere, but not cross the touch by more than the collar."""
    if spec.price is None or spec.order_type is not OrderType.LIMIT:
        return None
    reference = view.reference(spec.side)
    if reference is None or view.limits is None:
        return Refusal(C.NO_REFERENCE_PRICE, f"instrument={spec.instrument_id} one-sided quote")
    slack = reference * view.limits.price_collar_bps / _BPS
    beyond = (
        spec.price > reference + slack
        if spec.side is OrderSide.BUY
        else spec.price < reference - slack
    )
    if beyond:
        detail = f"price={spec.price} touch={reference} collar_bps={view.limits.price_collar_bps}"
        return Refusal(C.PRICE_COLLAR, detail)
    return None


def _notional(spec: OrderSpec, view: View) -> Refusal | None:
    price = spec.price or spec.trigger_price or view.reference(spec.side)
    if price is None or view.limits is None:
        return Refusal(C.NO_REFERENCE_PRICE, f"instrument={spec.instrument_id} one-sided quote")
    notional = price * spec.quantity
    if notional > view.limits.max_order_notional:
        detail = f"notional={notional} limit={view.limits.max_order_notional}"
        return Refusal(C.MAX_ORDER_NOTIONAL, detail)
    return None


def _position(spec: OrderSpec, view: View) -> Refusal | None:
    """Both worst cases stay within the limit; an order that only reduces always passes."""
    assert view.limits is not None  # _known comes first
    if view.reduces(spec):
        return None
    limit = view.limits.max_position
    worst = (
        view.long_worst + spec.quantity
        if spec.side is OrderSide.BUY
        else view.short_worst - spec.quantity
    )
    if abs(worst) > limit:
        return Refusal(C.MAX_POSITION, f"worst_case={worst} limit={limit}")
    return None


# In the order in which a trader would want to hear them.
RULES: Final[tuple[Callable[[OrderSpec, View], Refusal | None], ...]] = (
    _known,
    _permitted,
    _rate,
    _fresh,
    _increments,
    _reduce_only,
    _collar,
    _notional,
    _position,
)
