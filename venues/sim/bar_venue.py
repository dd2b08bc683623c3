"""A venue that knows bars alone, in exact numbers: what the compiled engine is held against.

The same fill rules as `trading.kernels.engine_match` (docs/backtesting.md has them in words),
written a second time, in Decimal, from the rules and not from that code's shape. Orders that were
decided on a bar's close meet the market at the next bar's open; then the price walks to the two
extremes and to the close, and what it comes to first is carried out first.

`open` and `walk` stop after each event, so that the strategy can hear of a fill and act before the
price goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

from messages.market import Instrument
from messages.orders import OrderSide, OrderSpec, OrderType, TimeInForce

PathRule = Literal["adverse", "nearest", "high_first", "low_first"]
_SAME_STEP: Final = Decimal("0.0009737")  # closer means the step; as trading.kernels has it
_IMMEDIATE: Final = (TimeInForce.IOC, TimeInForce.FOK)


@dataclass(frozen=True, slots=True)
class BarRules:
    """What the venue assumes; names as in `trading.backtest_settings.Settings`."""

    path: PathRule = "adverse"
    slippage: Decimal = Decimal(0)
    volume_share: Decimal = Decimal(0)
    through: bool = False
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, exact."""

    ts_open: int
    ts_close: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(slots=True)
class Resting:
    """An order that is not closed."""

    spec: OrderSpec
    step: int  # of the bar on which it was decided
    leaves: Decimal
    kind: OrderType  # a STOP_LIMIT that was triggered is a LIMIT
    fresh: bool = True  # the market has not seen it
    skip: int = -1  # the step on which no more can be had for it

    @property
    def sign(self) -> int:
        return self.spec.side.sign


@dataclass(frozen=True, slots=True)
class Traded:
    """A fill."""

    spec: OrderSpec
    price: Decimal
    quantity: Decimal
    leaves: Decimal
    fee: Decimal
    maker: bool
    ts: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An order that the venue has ended."""

    spec: OrderSpec
    filled: Decimal
    reason: str
    ts: int


@dataclass(slots=True)
class BarVenue:
    """One instrument and one cash account, in which nothing is borrowed or sold short."""

    instrument: Instrument
    rules: BarRules
    cash: Decimal
    position: Decimal = Decimal(0)
    step: int = -1
    orders: list[Resting] = field(default_factory=list)  # oldest first
    _next: int = 0
    _at: Decimal = Decimal(0)
    _liquidity: Decimal | None = None  # None: all that is wanted

    # --- commands ------------------------------------------------------------------------------

    def submit(self, spec: OrderSpec) -> str:
        """Take an order; "" or why not."""
        if spec.order_type is OrderType.LIMIT and self._crosses_own(spec):
            return "SELF_TRADE"
        self.orders.append(Resting(spec, self.step, spec.quantity, spec.order_type))
        return ""

    def cancel(self, client_order_id: str) -> Resting | None:
        """Take an order off; None if there is no such order."""
        for at, order in enumerate(self.orders):
            if order.spec.client_order_id == client_order_id:
                return self._remove(at)
        return None

    def amend(self, client_order_id: str, quantity: Decimal) -> Resting | None:
        """Make an order smaller; like a new one it meets the market at the next open."""
        for order in self.orders:
            if order.spec.client_order_id == client_order_id:
                order.leaves += quantity - order.spec.quantity
                order.spec = order.spec.model_copy(update={"quantity": quantity})
                order.fresh, order.step = True, self.step
                return order
        return None

    # --- a bar ---------------------------------------------------------------------------------

    def open(self, bar: Bar) -> Iterator[Traded | Ended]:
        """What the open of a bar does to the orders, one event at a time."""
        self.step += 1
        self._at, self._next = bar.open, 0
        share = self.rules.volume_share
        self._liquidity = share * bar.volume if share else None
        while self._next < len(self.orders):
            order = self.orders[self._next]
            self._next += 1
            yield from self._meet(order, bar.ts_open)

    def walk(self, bar: Bar) -> Iterator[Traded | Ended]:
        """What the rest of it does, after `open`."""
        for target in self._path(bar):
            while (found := self._first_on_the_way(target)) is not None:
                order, self._at = found
                yield from self._hit(order, bar.ts_close - 1)
            self._at = target

    def _path(self, bar: Bar) -> tuple[Decimal, Decimal, Decimal]:
        """The extremes in the order in which they are visited, and the close."""
        rule = self.rules.path
        high_first = rule == "high_first"
        if rule in ("adverse", "nearest"):
            high_first = bar.high - bar.open <= bar.open - bar.low
        if rule == "adverse" and self.position:
            high_first = self.position < 0
        extremes = (bar.high, bar.low) if high_first else (bar.low, bar.high)
        return (*extremes, bar.close)

    def _first_on_the_way(self, target: Decimal) -> tuple[Resting, Decimal] | None:
        """The order that the price comes to first; of several at one price, stops go first."""
        up = 1 if target >= self._at else -1
        best: tuple[Decimal, bool, Resting, Decimal] | None = None
        for order in self.orders:
            idle = order.fresh or order.skip == self.step or order.leaves <= 0
            if idle or order.kind is OrderType.MARKET:
                continue
            limit = order.kind is OrderType.LIMIT
            level = order.spec.price if limit else order.spec.trigger_price
            assert level is not None, "the type says that there is one"
            beyond = self.instrument.price_increment if limit and self.rules.through else 0
            comes = order.sign * up == (-1 if limit else 1)
            if not comes or (target - level) * up < beyond:
                continue
            level = self._at if (level - self._at) * up < 0 else level
            key = ((level - self._at) * up, limit)
            if best is None or key < best[:2]:
                best = (*key, order, level)
        return best[2:] if best is not None else None

    def _hit(self, order: Resting, ts: int) -> Iterator[Traded | Ended]:
        if order.kind is OrderType.LIMIT:
            assert order.spec.price is not None, "a limit order has a price"
            yield from self._execute(order, order.spec.price, ts, maker=True)
        elif order.kind is OrderType.STOP_LIMIT:
            order.kind, order.fresh, order.step = OrderType.LIMIT, True, self.step - 1
            yield from self._meet(order, ts)
        else:
            yield from self._execute(order, self._at, ts, maker=False)

    def _meet(self, order: Resting, ts: int) -> Iterator[Traded | Ended]:
        """What the price where the walk stands does to an order."""
        new = order.fresh and order.step < self.step
        if order.skip == self.step or (order.fresh and not new):
            return
        price, spec = self._at, order.spec
        if order.kind in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT):
            assert spec.trigger_price is not None, "a stop has a trigger"
            if (price - spec.trigger_price) * order.sign < 0:
                order.fresh = False
                return
            if order.kind is OrderType.STOP_LIMIT:
                order.kind, new = OrderType.LIMIT, True
        if order.kind is OrderType.LIMIT:
            yield from self._meet_limit(order, new, ts)
        else:
            yield from self._execute(order, price, ts, maker=False)

    def _meet_limit(self, order: Resting, new: bool, ts: int) -> Iterator[Traded | Ended]:
        price, spec = self._at, order.spec
        assert spec.price is not None, "a limit order has a price"
        beyond = (spec.price - price) * order.sign
        if beyond < 0:
            order.fresh = False
            if spec.time_in_force in _IMMEDIATE:
                yield self._end(order, str(spec.time_in_force), ts)
        elif not new:
            if beyond >= (self.instrument.price_increment if self.rules.through else 0):
                yield from self._execute(order, spec.price, ts, maker=True)
        elif spec.post_only:
            yield self._end(order, "POST_ONLY", ts)
        elif self._crosses_own(spec):
            yield self._end(order, "SELF_TRADE", ts)
        else:
            yield from self._execute(order, price, ts, maker=False)

    def _execute(
        self, order: Resting, price: Decimal, ts: int, *, maker: bool
    ) -> Iterator[Traded | Ended]:
        """Fill as far as liquidity, position and money let it."""
        order.fresh = False
        quantity, spec, lot = order.leaves, order.spec, self.instrument.size_increment
        if spec.reduce_only:
            held = -self.position * order.sign
            if held < lot:
                yield self._end(order, "REDUCE_ONLY", ts)
                return
            quantity = min(quantity, held)
        if self._liquidity is not None and self._liquidity < quantity:
            if spec.time_in_force is TimeInForce.FOK:
                yield self._end(order, "FOK", ts)
                return
            quantity = whole(self._liquidity, lot, -1)
        if quantity < lot:
            order.skip = self.step
            if spec.time_in_force is TimeInForce.IOC:
                yield self._end(order, "IOC", ts)
            return
        if not maker:
            price = self._slipped(order, price)
        if not self._can_pay(spec.side, price, quantity):
            yield self._end(order, "MARGIN", ts)
            return
        if self._liquidity is not None:
            self._liquidity -= quantity
        yield self._book(order, price, quantity, ts, maker=maker)
        if order.leaves > 0:
            order.skip = self.step
            if spec.time_in_force is TimeInForce.IOC and order in self.orders:
                yield self._end(order, "IOC", ts)

    # --- money ---------------------------------------------------------------------------------

    def _slipped(self, order: Resting, price: Decimal) -> Decimal:
        worse = price * (1 + order.sign * self.rules.slippage)
        paid = whole(worse, self.instrument.price_increment, order.sign)
        limit = order.spec.price
        if order.kind is OrderType.LIMIT and limit is not None and (paid - limit) * order.sign > 0:
            return limit
        return max(paid, self.instrument.price_increment)

    def _can_pay(self, side: OrderSide, price: Decimal, quantity: Decimal) -> bool:
        if side is OrderSide.BUY:
            return self.cash >= quantity * price * (1 + self.rules.taker_fee)
        return self.position >= quantity

    def _book(
        self, order: Resting, price: Decimal, quantity: Decimal, ts: int, *, maker: bool
    ) -> Traded:
        fee = quantity * price * (self.rules.maker_fee if maker else self.rules.taker_fee)
        self.cash -= order.sign * quantity * price + fee
        self.position += order.sign * quantity
        order.leaves -= quantity
        if order.leaves == 0:
            self._remove(self.orders.index(order))
        return Traded(order.spec, price, quantity, order.leaves, fee, maker, ts)

    # --- the list ------------------------------------------------------------------------------

    def _crosses_own(self, spec: OrderSpec) -> bool:
        """Whether a limit order would trade with one of our own that rests."""
        sign = spec.side.sign
        return any(
            other.kind is OrderType.LIMIT
            and other.sign == -sign
            and other.spec.price is not None
            and spec.price is not None
            and (spec.price - other.spec.price) * sign >= 0
            for other in self.orders
        )

    def _end(self, order: Resting, reason: str, ts: int) -> Ended:
        self._remove(self.orders.index(order))
        return Ended(order.spec, order.spec.quantity - order.leaves, reason, ts)

    def _remove(self, at: int) -> Resting:
        if at < self._next:
            self._next -= 1
        return self.orders.pop(at)


def whole(value: Decimal, step: Decimal, direction: int) -> Decimal:
    """`value` in whole steps: the same step, else the next one up (1), down (-1), nearest (0)."""
    steps = value / step
    nearest = steps.to_integral_value(ROUND_HALF_EVEN)
    if direction and abs(steps - nearest) > _SAME_STEP:
        rounding = ROUND_CEILING if direction > 0 else ROUND_FLOOR
        nearest = steps.to_integral_value(rounding)
    return nearest * step
