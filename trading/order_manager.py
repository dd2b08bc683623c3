"""The order manager: owns every order of one account and everything that is durable about it.

Theory of operation. The core folds inputs (approvals, cancels, evidence, timers, operators'
commands); its runtime journals each input with its outputs, synced, before anything leaves. So:

- A client order id is submitted at most once, ever. An approval that comes again changes nothing;
  one that asks for something else under the same id is reported as a discrepancy besides.
- A request without a usable answer makes the order UNKNOWN. UNKNOWN orders are asked about, on a
  timer, until evidence settles them; nothing is ever sent again.
- `resume` runs at each start. A request that was under way when the process died can no longer be
  signed, so every SUBMITTED order becomes UNKNOWN, provable after one receive window.
- Cancels are idempotent at the venue, so they are repeated until the order's end is known; those
  that it refuses only while trading is halted, and ever more slowly.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from messages import Message, accounts, control, market, risk, venue
from messages import orders as m
from messages.risk import TradingState
from trading import adoption, books_bytes, catch_up
from trading.account import Books, OrderManagerConfig
from trading.core import Step
from trading.order_turn import Turn
from trading.orders import AT_VENUE, Order, OrderStatus
from trading.replacing import replace
from trading.wiring import Role, role_of

TIMER: Final = "orders"


class OrderManagerCore:
    """Core of the order manager; holds no state of its own."""

    def __init__(self, config: OrderManagerConfig) -> None:
        self.config = config
        self._handlers: dict[type[Message], Callable[[Turn, Any], None]] = {
            m.ApprovedOrder: _approved,
            m.ApprovedModify: _modify,
            m.CancelIntent: _cancel,
            venue.OrderReport: adoption.report,
            venue.FillReport: adoption.fill,
            venue.OrderNotFound: adoption.not_found,
            venue.RequestRefused: _refused,
            venue.RequestFailed: _failed,
            venue.OpenOrdersReport: _open_orders,
            venue.FillsReport: _fills,
            venue.AccountReport: lambda turn, a: turn.account(a),
            venue.StreamUp: _stream_up,
            venue.StreamDown: lambda turn, _: turn.stream(up=False),
            control.TimerFired: _timer,
            risk.SetTradingState: _set_trading_state,
            risk.KillSwitch: _kill,
            control.Shutdown: _shutdown,
            accounts.SyncRequest: _sync,
            market.InstrumentChanged: _rules,
        }

    def start(self) -> Books:
        return Books()

    def shelve(self, state: Books, now_ns: int) -> tuple[Books, bytes]:
        """For a snapshot: what long-closed orders are from now on kept as, and written once."""
        return books_bytes.shelve(state, now_ns - self.config.shelve_after_ns)

    def save(self, state: Books) -> bytes:
        return books_bytes.save(state)

    def load(self, raw: bytes, shelved: Iterable[bytes]) -> Books:
        return books_bytes.load(raw, shelved)

    def resume(self, state: Books, now_ns: int) -> Step[Books]:
        turn = Turn(self.config, state, None, now_ns)
        for order in turn.open_orders():
            if order.status is OrderStatus.SUBMITTED:
                turn.lost(order, "restarted before the answer came", 0)
            elif order.status is OrderStatus.PENDING_UPDATE:
                # Applied or not: a report with the smaller quantity tells, whatever we call it.
                turn.unanswered_update(order, "restarted before the answer came")
        turn.stream(up=False)  # it was the dead process's
        catch_up.mark(turn)
        turn.timer(TIMER, self.config.timer_ns)
        return turn.step()

    def react(self, state: Books, message: Message, now_ns: int) -> Step[Books]:
        handler = self._handlers.get(type(message))
        if handler is None:
            return Step(state)
        turn = Turn(self.config, state, message, now_ns)
        handler(turn, message)
        return turn.step()


# --- commands ----------------------------------------------------------------------------------


def _approved(turn: Turn, message: m.ApprovedOrder) -> None:
    spec = message.order
    known = turn.order(spec.client_order_id)
    if known is not None:
        if known.spec != spec:
            turn.not_the_same(known, spec)
        turn.known(known)  # same id, same order, forever: an approval that comes again is no order
        return
    order = turn.put(Order(spec))
    if turn.halted:
        turn.deny(order, m.RefusalCode.TRADING_HALTED, "trading is halted")
        return
    turn.fact(m.OrderSubmitted(**turn.head(order), order=spec))
    turn.say(m.SubmitOrder(**turn.times(order), order=spec))


def _cancel(turn: Turn, message: m.CancelIntent) -> None:
    order = turn.order(message.client_order_id)
    if order is not None and not order.closed:
        turn.cancel(order)
    else:
        adoption.cancel_foreign(turn, message)


def _modify(turn: Turn, message: m.ApprovedModify) -> None:
    order = turn.order(message.client_order_id)
    if order is None or order.closed or order.status in turn.PENDING:
        return  # its end, or the answer that is awaited, says what became of it
    held = order.status in AT_VENUE
    if not held or not order.filled_qty < message.quantity < order.quantity:
        why = f"quantity={message.quantity} of={order.quantity} filled={order.filled_qty}"
        reason = f"{why}: not less" if held else "the venue is not known to hold the order"
        turn.say(m.OrderModifyRejected(**turn.head(order), code="NOT_SENT", reason=reason))
        return
    turn.fact(m.OrderPendingUpdate(**turn.head(order), quantity=message.quantity))
    turn.say(turn.about(m.ModifyOrder, order, quantity=message.quantity, placed=order.spec))


# --- evidence ----------------------------------------------------------------------------------


def _refused(turn: Turn, message: venue.RequestRefused) -> None:
    order = turn.order(message.client_order_id)
    if order is None or order.closed:
        return
    answer: dict[str, Any] = {"code": message.code, "reason": message.reason}
    match message.request, order.status:
        case venue.Request.SUBMIT, OrderStatus.SUBMITTED | OrderStatus.UNKNOWN:
            turn.fact(m.OrderRejected(**turn.head(order), **answer))
        case venue.Request.CANCEL, OrderStatus.PENDING_CANCEL:
            # Most often because it has just ended: ask how.
            order = turn.fact(m.OrderCancelRejected(**turn.head(order), **answer))
            if turn.halted:
                # Nobody else may act now, and the kill switch does not take no for an answer.
                turn.put(replace(order, cancel_wanted=True, refusals=order.refusals + 1))
            turn.ask(turn.again(order))
        case venue.Request.MODIFY, OrderStatus.PENDING_UPDATE | OrderStatus.PENDING_CANCEL:
            turn.fact(m.OrderModifyRejected(**turn.head(order), **answer))
            turn.ask(turn.again(order))
        case _:
            pass


def _failed(turn: Turn, message: venue.RequestFailed) -> None:
    if message.retry_after_ns:
        catch_up.held(turn, message)
    order = turn.order(message.client_order_id)
    if order is None or order.closed:
        return
    no = message.acted is venue.Acted.NO
    match message.request, order.status:
        case venue.Request.SUBMIT, OrderStatus.SUBMITTED if no:
            turn.deny(order, m.RefusalCode.NOT_SENT, message.reason)
        case venue.Request.SUBMIT, OrderStatus.SUBMITTED:
            turn.lost(order, message.reason, message.ts_expires)
            turn.ask(turn.again(order))
        case venue.Request.MODIFY, OrderStatus.PENDING_UPDATE:
            # Applied or not: we keep counting the larger quantity, and a report tells.
            turn.unanswered_update(order, message.reason)
            turn.ask(turn.again(order))
        case _:
            pass  # cancels and questions are repeated by the timer


def _open_orders(turn: Turn, message: venue.OpenOrdersReport) -> None:
    for report in message.orders:
        adoption.report(turn, report)
    listed = {r.client_order_id for r in message.orders}
    for order in turn.open_orders():
        here = order.spec.instrument_id == message.instrument_id
        if here and order.spec.client_order_id not in listed:
            catch_up.doubt(turn, order)
            turn.ask(order)


def _fills(turn: Turn, message: venue.FillsReport) -> None:
    for fill in message.fills:
        adoption.fill(turn, fill)
    catch_up.listed(turn, message)


def _stream_up(turn: Turn, _: venue.StreamUp) -> None:
    """What happened while the stream was down is not in it: ask about everything."""
    turn.stream(up=True)
    catch_up.mark(turn)


# --- time and operators ------------------------------------------------------------------------


def _timer(turn: Turn, message: control.TimerFired) -> None:
    if message.name != TIMER:
        return
    for order in turn.open_orders():
        changing = order.status is OrderStatus.PENDING_UPDATE
        since_ns = order.ts_update if changing else order.ts_last  # fills do not put it off
        waited_ns = turn.now_ns - max(order.ts_asked, since_ns)
        if 0 <= waited_ns < turn.config.ask_after_ns:  # < 0: our clock was set back, so ask now
            continue
        if changing and not 0 <= turn.now_ns - order.ts_update < turn.config.update_ends_ns:
            turn.unanswered_update(order, "no word of it, and by now the venue would refuse it")
        if order.status is OrderStatus.PENDING_CANCEL:
            turn.say(turn.about(m.CancelOrder, order))
        elif order.cancel_wanted and order.status in AT_VENUE and _insists(turn, order):
            turn.cancel(turn.again(order))  # it was refused
            continue  # asked about when this one is answered, or not
        doubted = catch_up.name_of(order) in turn.books.catch_up  # then `repeat` asks
        if not doubted and (order.status in turn.UNSETTLED or order.awaited is not None):
            turn.ask(order)
    catch_up.repeat(turn)
    turn.timer(TIMER, turn.config.timer_ns)


def _insists(turn: Turn, order: Order) -> bool:
    """Whether a cancel that was refused is due again. Soon at first; but a venue that has lost the
    order refuses for ever, and never says what became of it."""
    waited_ns = turn.now_ns - order.ts_last  # the refusal changed it; questions do not put it off
    return not 0 <= waited_ns < catch_up.patience_ns(turn, order.refusals)


def _set_trading_state(turn: Turn, message: risk.SetTradingState) -> None:
    turn.trading_state(message.state, message.reason, message.operator)


def _kill(turn: Turn, message: risk.KillSwitch) -> None:
    turn.trading_state(TradingState.HALTED, message.reason, message.operator)
    for order in turn.open_orders():
        turn.cancel(turn.put(replace(order, refusals=0)))


def _shutdown(turn: Turn, message: control.Shutdown) -> None:
    if message.cancel_orders:
        for order in turn.open_orders():
            turn.cancel(order)


def _sync(turn: Turn, message: accounts.SyncRequest) -> None:
    turn.say(turn.snapshot(message.asker, message.incarnation))
    if role_of(message.asker) is Role.RECONCILER:  # risk and strategies ask the feed for theirs
        for _, instrument in sorted(turn.books.rules.items()):
            turn.say(turn.rules(instrument))


def _rules(turn: Turn, message: market.InstrumentChanged) -> None:
    """What a restart of ours, or of the reconciler, would not know from how the run began."""
    told = message.instrument
    books, known = turn.books, told.instrument_id in turn.config.instruments
    if known and books.rules.get(told.instrument_id) != told:
        turn.books = replace(books, rules=books.rules.set(told.instrument_id, told))
        turn.say(turn.rules(told))
