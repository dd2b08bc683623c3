"""One turn of a strategy: a workbench that turns requests into intents, exactly.

The strategy asks in floats or Decimals; here they become whole ticks and lots, an id that is a
pure function of (run, strategy, number), an intent, and a working order that the strategy sees
before its next event. If the turn decided anything, its checkpoint is said first.
"""

import math
from collections.abc import Callable
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from messages import Message, ValidationError
from messages.accounts import SyncRequest
from messages.base import NS_PER_S, ClientOrderId
from messages.control import (
    ParamsChanged,
    ParamsRefusal,
    ParamsRefused,
    SetParams,
    SetTimer,
    StrategyCheckpoint,
)
from messages.market import Instrument, SubscribeFeed, UnsubscribeFeed
from messages.orders import (
    CancelIntent,
    ModifyIntent,
    OrderIntent,
    OrderSide,
    OrderSpec,
    OrderType,
    TimeInForce,
)
from trading.core import Step
from trading.ids import client_order_id
from trading.instruments import price_for, price_of, size_for, size_of
from trading.replacing import replace
from trading.strategy_executions import Running
from trading.strategy_records import AMENDING, CANCELING, OPEN, WORKING_MAX
from trading.strategy_state import OwnOrder, StrategyConfig, StrategyState

HOUSEKEEPING: Final = "strategy"
TICK: Final = "on_timer"
HOUSEKEEPING_NS: Final = NS_PER_S
# A float this close to a whole step means that step: 0.1 + 0.2 is 0.3. In steps; a float64 price
# of a million ticks is off by 1e-10 of a tick, and no strategy means a thousandth of one.
_SAME_STEP: Final = 0.0009737  # no round number: see trading.kernels.engine_account
Number = float | Decimal


class StrategyFault(Exception):
    """The strategy asked for something that has no meaning; its actor ends."""


class Turn:
    """The state while one message is handled. Not a value: made, used and dropped in `react`."""

    def __init__(
        self,
        config: StrategyConfig,
        state: StrategyState,
        cause: Message | None,
        now_ns: int,
        checkpoint: Callable[[StrategyState, int], StrategyCheckpoint],
    ) -> None:
        self.config = config
        self.state = state
        self.cause = cause
        self.now_ns = now_ns
        self.out: list[Message] = []
        self.keep = False  # a checkpoint must precede what is said
        self.ended: list[Running] = []  # executions that this turn saw end: the strategy is told
        self._checkpoint = checkpoint

    def step(self) -> Step[StrategyState]:
        if self.keep:
            self.state.dirty = False
            self.out.insert(0, self._checkpoint(self.state, self.now_ns))
        return Step(self.state, tuple(self.out))

    # --- what the strategy sees ----------------------------------------------------------------

    def acting(self, i: int) -> bool:
        """Whether requests for the i-th instrument are carried out now."""
        market = self.state.markets[i]
        return self.state.live and market.instrument is not None and not market.stale

    def show(self, i: int) -> None:
        """Bring the i-th ACCOUNT record up to date."""
        market, account = self.state.markets[i], self.state.accounts[i]
        holding, rules = market.holding, market.instrument
        account["acting"] = self.acting(i)
        account["position"] = float(holding.quantity)
        account["avg_px"] = float(holding.avg_px)
        account["realized_pnl"] = float(holding.realized_pnl)
        account["commissions"] = float(holding.commissions)
        account["fills"] = market.fills
        if rules is not None:
            account["tick"], account["lot"] = rules.price_increment, rules.size_increment
            account["min_quantity"] = rules.min_quantity
            account["min_notional"] = rules.min_notional
            account["maker_fee"], account["taker_fee"] = rules.maker_fee, rules.taker_fee
        mine = self.working(i)[:WORKING_MAX]
        account["working_count"] = len(mine)
        leaves = {1: Decimal(0), -1: Decimal(0)}
        for record, order in zip(account["working"], mine, strict=False):
            spec = order.spec
            leaves[spec.side.sign] += order.leaves
            price = spec.price or spec.trigger_price or 0
            record["sequence"], record["side"] = order.sequence, spec.side.sign
            record["type"] = _TYPES.index(spec.order_type)
            record["price"], record["quantity"] = float(price), float(order.quantity)
            amending = order.wanted is not None and order.status == OPEN
            record["leaves"] = float(order.leaves)
            record["status"] = AMENDING if amending else order.status
            record["tag"], record["ts_decided"] = order.tag, order.ts_decided
        account["buying"], account["selling"] = float(leaves[1]), float(leaves[-1])

    def working(self, i: int) -> list[OwnOrder]:
        """Own orders of the i-th instrument that are not closed, oldest first."""
        mine = self.config.instrument_ids[i]
        return [o for o in self.state.orders.values() if o.spec.instrument_id == mine]

    def cancel_all(self, i: int) -> None:
        """Take back every working order of the i-th instrument."""
        for order in self.working(i):
            if order.status != CANCELING:
                self.force_cancel(order)

    # --- requests ------------------------------------------------------------------------------

    def submit(  # noqa: PLR0913 - an order has this many parts
        self, i: int, side: int, kind: int, quantity: Number, *, price: Number = 0.0,
        trigger: Number = 0.0, tif: int = 0, post_only: bool = False, reduce_only: bool = False,
        tag: int = 0,
    ) -> ClientOrderId | None:  # fmt: skip
        """Decide an order; None if it is not carried out (not acting, no lot left, no room).

        raises  StrategyFault for a side, type, price or quantity that has no meaning
        """
        rules = self.state.markets[i].instrument
        if not self.acting(i) or rules is None:
            return None
        if side not in (1, -1) or not 0 <= kind < len(_TYPES) or not 0 <= tif < len(_TIFS):
            raise self.fault(
                f"side={side} type={kind} tif={tif}: no such order, or one that only backtests"
                " carry out so far (TAKE_PROFIT, TRAILING_STOP, GTD)"
            )
        buys, typed = OrderSide.BUY if side > 0 else OrderSide.SELL, _TYPES[kind]
        for what, value in (("quantity", quantity), ("price", price), ("trigger", trigger)):
            if not math.isfinite(value) or value < 0:
                raise self.fault(f"{what} {value} of {rules.symbol} is no number of units")
        limited = typed in (OrderType.LIMIT, OrderType.STOP_LIMIT)
        stopped = typed in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
        size = to_lots(rules, quantity)
        if size < max(rules.min_quantity, rules.size_increment):
            self.state.dropped += 1
            return None
        if len(self.working(i)) >= WORKING_MAX:
            self.state.dropped += 1
            return None
        number = self.state.intents
        wanted = {
            "client_order_id": client_order_id(self.config.run_id, self.config.strategy_id, number),
            "strategy_id": self.config.strategy_id,
            "instrument_id": rules.instrument_id,
            "side": buys,
            "order_type": typed,
            "quantity": size,
            "price": to_ticks(rules, buys, price) if limited else None,
            "trigger_price": nearest_tick(rules, trigger) if stopped else None,
            "time_in_force": _TIFS[tif],
            "post_only": post_only,
            "reduce_only": reduce_only,
        }
        try:
            spec = OrderSpec(**wanted)  # type: ignore[arg-type]  # each is what its name says
        except ValidationError as e:
            raise self.fault(f"{rules.symbol}: {e.errors()[0]['msg']}") from None
        self.state.intents += 1
        self.state.orders[number] = OwnOrder(number, spec, tag, self.now_ns, size)
        self.say_intent(spec)
        self.show(i)
        return spec.client_order_id

    def cancel(self, sequence: int) -> bool:
        """Ask to cancel one of the own working orders; False if there is nothing to ask."""
        order = self.state.orders.get(sequence)
        if order is None or order.status == CANCELING:
            return False
        if not self.acting(self.config.instrument_ids.index(order.spec.instrument_id)):
            return False
        self.force_cancel(order)
        return True

    def amend(self, sequence: int, quantity: Number) -> bool:
        """Ask for a smaller total quantity of a working order, which keeps its place in the queue.

        What has traded already, or less, means a cancel. False if there is nothing to ask: the
        venue is not known to hold the order, a change is under way, or it would not be smaller.
        raises  StrategyFault for a quantity that is no number
        """
        order = self.state.orders.get(sequence)
        if order is None or order.status != OPEN or order.wanted is not None:
            return False
        i = self.config.instrument_ids.index(order.spec.instrument_id)
        rules = self.state.markets[i].instrument
        if not self.acting(i) or rules is None:
            return False
        if not math.isfinite(quantity) or quantity < 0:
            raise self.fault(f"quantity {quantity} of {rules.symbol} is no number of units")
        size = to_lots(rules, quantity)
        if size <= order.filled:
            return self.cancel(sequence)
        if size >= order.quantity:
            self.state.dropped += 1
            return False
        order = self.state.orders[sequence] = replace(order, wanted=size)
        self.say_amend(order)
        self.show(i)
        return True

    def force_cancel(self, order: OwnOrder) -> None:
        """Ask to cancel whether or not the strategy may decide: it only lessens risk."""
        self.state.orders[order.sequence] = replace(order, status=CANCELING, cancel_asked=True)
        self.say_cancel(order)
        self.show(self.config.instrument_ids.index(order.spec.instrument_id))

    def fault(self, what: str) -> StrategyFault:
        return StrategyFault(f"{self.config.strategy_id}: {what}: correct the strategy's code")

    # --- wording -------------------------------------------------------------------------------

    def say_intent(self, spec: OrderSpec) -> None:
        self.keep = True
        self.out.append(OrderIntent(**self._times(spec.client_order_id), order=spec))

    def say_cancel(self, order: OwnOrder) -> None:
        self.keep = True
        self.out.append(
            CancelIntent(
                **self._times(order.client_order_id),
                client_order_id=order.client_order_id,
                strategy_id=self.config.strategy_id,
            )
        )

    def say_amend(self, order: OwnOrder) -> None:
        assert order.wanted is not None, "a change needs a quantity"
        self.keep = True
        self.out.append(
            ModifyIntent(
                **self._times(order.client_order_id),
                client_order_id=order.client_order_id,
                strategy_id=self.config.strategy_id,
                quantity=order.wanted,
            )
        )

    def answer_params(
        self, asked: SetParams, refused: tuple[str, ParamsRefusal, str] | None
    ) -> None:
        """Say whether parameters were changed; `refused` is parameter, code, reason."""
        who = {"strategy_id": self.config.strategy_id, "operator": asked.operator}
        about = self._times(asked.correlation_id) | who
        answer: ParamsChanged | ParamsRefused
        if refused is None:
            answer = ParamsChanged(**about, values=asked.values)
        else:
            parameter, code, reason = refused
            answer = ParamsRefused(**about, parameter=parameter, code=code, reason=reason)
        self.state.answer = answer
        self.out.append(answer)

    def subscribe(self, *, replay: bool = True) -> None:
        """Ask the feed for what we have not seen, or only say that we want its streams still; who
        is stopping wants none."""
        if self.state.stopping:
            return
        since = sorted(self.state.seen.items()) if replay else ()
        self.out.append(
            SubscribeFeed(
                **self._times(""),
                asker=self.config.name,
                instrument_ids=self.config.instrument_ids,
                since=tuple(since),
                replay=replay,
            )
        )

    def unsubscribe(self) -> None:
        """Tell the feed that nothing more is wanted of it."""
        self.out.append(UnsubscribeFeed(**self._times(""), asker=self.config.name))

    def sync(self) -> None:
        """Ask the order manager for what it holds."""
        self.out.append(
            SyncRequest(
                **self._times(""),
                asker=self.config.name,
                incarnation=self.config.incarnation,
            )
        )

    def timer(self, name: str, after_ns: int) -> None:
        due = self.now_ns + after_ns
        self.out.append(SetTimer(**self._times(""), name=name, ts_due=due))

    def _times(self, correlation_id: str) -> dict[str, Any]:
        return {
            "ts_event": self.now_ns,
            "ts_init": self.now_ns,
            "correlation_id": correlation_id,
            "causation_id": self.cause.key if self.cause is not None else "resumed",
        }


_TYPES: Final = (
    OrderType.MARKET,
    OrderType.LIMIT,
    OrderType.STOP_MARKET,
    OrderType.STOP_LIMIT,
)
_TIFS: Final = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)


# --- exact steps -------------------------------------------------------------------------------


def to_ticks(instrument: Instrument, side: OrderSide, price: Number) -> Decimal:
    """The tick that a price means, else the next one that is no worse for us."""
    if isinstance(price, Decimal):
        return price_for(instrument, side, price)
    up = side is OrderSide.SELL
    return price_of(instrument, _whole(price, instrument.price_increment, up=up))


def to_lots(instrument: Instrument, quantity: Number) -> Decimal:
    """The whole lots within a quantity and the venue's maximum; may be 0."""
    return size_for(instrument, whole_lots(instrument, quantity))


def whole_lots(instrument: Instrument, quantity: Number) -> Decimal:
    """The whole lots within a quantity, however many the venue takes in one order; may be 0."""
    step = instrument.size_increment
    if isinstance(quantity, Decimal):
        return (quantity / step).to_integral_value(ROUND_FLOOR) * step
    return size_of(instrument, _whole(quantity, step, up=False))


def nearest_tick(instrument: Instrument, price: Number) -> Decimal:
    """The tick nearest to a trigger price."""
    steps = Decimal(price) / instrument.price_increment
    return price_of(instrument, int(steps.to_integral_value(ROUND_HALF_EVEN)))


def _whole(value: float, step: Decimal, *, up: bool) -> int:
    steps = value / float(step)
    nearest = round(steps)
    if abs(steps - nearest) <= _SAME_STEP:
        return nearest
    return math.ceil(steps) if up else math.floor(steps)
