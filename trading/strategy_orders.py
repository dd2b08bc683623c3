"""The strategy's own view of its orders: a fold of what the order manager says about them.

It is smaller than the order manager's view on purpose: a strategy needs to know what it has out
there and how sure that is, not how it came about. Where the two differ, the order manager's
snapshot is right.
"""

from collections.abc import Mapping
from typing import Final

from messages import orders as m
from messages.accounts import AccountSnapshot, OrderView, Position
from messages.orders import OrderEvent, RefusedOrder
from trading.ids import client_order_id
from trading.orders import OrderStatus
from trading.positions import Holding, fold, notional, signed, trade
from trading.replacing import replace
from trading.strategy_records import CANCELING, OPEN, SENT, UNKNOWN
from trading.strategy_state import TRADES_MAX, Market, OwnOrder, StrategyConfig, StrategyState

_ENDS: Final = (
    m.OrderCanceled, m.OrderExpired, m.OrderRejected, m.OrderDenied, m.RefusedOrder
)  # fmt: skip
_STATUSES: Final[Mapping[str, int]] = {
    OrderStatus.INITIALIZED: SENT,
    OrderStatus.SUBMITTED: SENT,
    OrderStatus.UNKNOWN: UNKNOWN,
    OrderStatus.PENDING_CANCEL: CANCELING,
}


def sequence_of(config: StrategyConfig, order_id: str) -> int | None:
    """The number of an order of this run and strategy; None for any other order's id."""
    digits = order_id[-8:]
    if not digits.isdigit():
        return None
    number = int(digits)
    mine = client_order_id(config.run_id, config.strategy_id, number)
    return number if mine == order_id else None


def fold_order(order: OwnOrder, event: OrderEvent | RefusedOrder) -> OwnOrder | None:
    """The order after `event`; None once it is closed."""
    if refuses_change(order, event):
        return replace(order, wanted=None)
    if isinstance(event, _ENDS):
        return None
    order = replace(order, answered=True)
    waiting = CANCELING if order.cancel_asked else OPEN
    match event:
        case m.OrderAccepted() | m.OrderTriggered():
            return replace(order, status=waiting)
        case m.OrderPendingCancel():
            return replace(order, status=CANCELING, cancel_asked=False)
        case m.OrderCancelRejected():
            return replace(order, status=OPEN, cancel_asked=False, wanted=None)
        case m.OrderUnknown():
            return replace(order, status=UNKNOWN)
        case m.OrderUpdated():
            if event.leaves_qty == 0:
                return None
            return replace(order, quantity=event.quantity, wanted=None)
        case m.OrderModifyRejected():
            return replace(order, wanted=None)
        case m.OrderFilled():
            if event.leaves_qty == 0:
                return None
            status = waiting if order.status == SENT else order.status
            return replace(order, status=status, filled=order.quantity - event.leaves_qty)
        case _:
            return order


def refuses_change(order: OwnOrder, event: OrderEvent | RefusedOrder) -> bool:
    """Whether risk refused to change the order, not the order itself: risk does not have it."""
    if not isinstance(event, RefusedOrder) or event.code is not m.RefusalCode.UNKNOWN_ORDER:
        return False
    return order.wanted is not None


def fold_fill(market: Market, fill: m.OrderFilled) -> None:
    """Move the market's holding by one fill; the caller has dropped repeats."""
    rules = market.instrument
    if rules is not None:
        market.holding = fold(market.holding, fill, rules)
    else:  # an adopted order's fill before the feed has told the rules: the snapshot corrects
        market.holding = trade(market.holding, signed(fill), fill.last_px)
    market.fills += 1


def first_time(state: StrategyState, fill: m.OrderFilled) -> bool:
    """Whether this trade has not been counted; it has been afterwards."""
    key = f"{fill.instrument_id}:{fill.trade_id}"
    if key in state.trades:
        return False
    state.trades[key] = None
    if len(state.trades) > TRADES_MAX:
        del state.trades[next(iter(state.trades))]
    return True


def reconcile(config: StrategyConfig, state: StrategyState, truth: AccountSnapshot) -> None:
    """Adjust orders and positions to what the order manager holds.

    What it does not know and has never answered stays: the intent is still on its way.
    """
    held: dict[int, OrderView] = {}
    for view in truth.orders:
        number = sequence_of(config, view.client_order_id)
        if number is not None and view.order.instrument_id in config.instrument_ids:
            held[number] = view
    kept = {n: o for n, o in state.orders.items() if n in held or not o.answered}
    for number, view in held.items():
        kept[number] = _adjusted(kept.get(number), number, view)
        state.intents = max(state.intents, number + 1)  # an id is never used twice
    state.orders = dict(sorted(kept.items()))
    positions = {p.instrument_id: p for p in truth.positions if p.strategy_id == config.strategy_id}
    for market in state.markets:
        market.holding = _holding(market.holding, positions.get(market.instrument_id))


def _adjusted(order: OwnOrder | None, number: int, view: OrderView) -> OwnOrder:
    if order is None:
        order = OwnOrder(number, view.order, tag=0, ts_decided=0, quantity=view.order.quantity)
    status = _STATUSES.get(view.status, OPEN)
    if order.cancel_asked and status == OPEN:
        status = CANCELING
    return replace(
        order,
        quantity=view.order.quantity,
        filled=view.filled_qty,
        status=status,
        answered=True,
        cancel_asked=order.cancel_asked and view.status != OrderStatus.PENDING_CANCEL,
        wanted=order.wanted if order.wanted and order.wanted < view.order.quantity else None,
    )


def _holding(mine: Holding, truth: Position | None) -> Holding:
    """Ours where the quantities agree (its cost is exact), else the order manager's."""
    if truth is None:
        return mine if mine.quantity == 0 else Holding()
    if truth.quantity == mine.quantity:
        return mine
    return Holding(
        quantity=truth.quantity,
        cost=notional(truth.quantity, truth.avg_px),
        realized_pnl=truth.realized_pnl,
        commissions=truth.commissions,
    )
