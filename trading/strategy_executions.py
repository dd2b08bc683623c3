"""A strategy's executions: large orders that its core works off by child orders.

Theory of operation. An execution is part of its strategy's state, and its children are the
strategy's own orders: numbered with them, checkpointed before they leave, said again after a crash
and never decided twice. So an execution survives what its strategy survives. It hears its
children's events where every other order's come from, counts what the market trades if it goes by
that, and has a timer of its own. Children are placed only while the strategy acts; what rests is
taken back when a stream goes silent, and replaced once it is heard again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from messages import Message
from messages import orders as m
from messages.base import ClientOrderId, InstrumentId
from messages.control import ExecutionEnded, TimerFired
from messages.market import TradeBatch
from messages.orders import OrderSide, TimeInForce
from trading.execution import core
from trading.execution.core import Child, Execution, Status, Touch
from trading.execution.plan import Method, Plan
from trading.execution.quality import Arrival, Traded, quality
from trading.fees import commission_in_quote
from trading.replacing import replace
from trading.strategy_records import CANCELING, GTC, IOC, LIMIT

if TYPE_CHECKING:
    from trading.strategy_state import Market
    from trading.strategy_turn import Turn

TIMER: Final = "execution:"
OVER_MAX: Final = 16  # executions that are over and still shown
_TIFS: Final = {TimeInForce.GTC: GTC, TimeInForce.IOC: IOC}
_HASH_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class Running:
    """One execution of a strategy; `tag` is its children's."""

    number: int  # from 1
    plan: Plan
    tag: int
    state: Execution


def start(turn: "Turn", i: int, plan: Plan, tag: int) -> int | None:
    """Begin an execution -> its number; None if the strategy does not act now."""
    state = turn.state
    if not turn.acting(i):
        return None
    state.executions_made = number = state.executions_made + 1
    for old in [n for n, r in state.executions.items() if _settled(r)][: -OVER_MAX or None]:
        del state.executions[old]
    began = Execution(ts_start=turn.now_ns)
    state.executions[number] = Running(number, plan, tag, began)
    turn.keep = True
    _begin_slice(turn, state.executions[number])
    return number


def cancel(turn: "Turn", number: int, reason: str) -> bool:
    """Give up what is not done: cancels its children. Fills on their way still count."""
    running = turn.state.executions.get(number)
    if running is None or running.state.status.over:
        return False
    _put(turn, running, replace(running.state, status=Status.CANCELLED, reason=reason))
    _take_back(turn, running)
    return True


def pause(turn: "Turn", number: int, *, paused: bool) -> bool:
    """Place nothing more and take back what rests, or go on: what fell due meanwhile is due."""
    running = turn.state.executions.get(number)
    before, after = (Status.RUNNING, Status.PAUSED) if paused else (Status.PAUSED, Status.RUNNING)
    if running is None or running.state.status is not before:
        return False
    _put(turn, running, replace(running.state, status=after))
    turn.keep = True
    if paused:
        _take_back(turn, running)
    else:
        _work(turn, turn.state.executions[number])
    return True


# --- what the strategy's core tells ---------------------------------------------------------------


def resume(turn: "Turn") -> None:
    """After a restart: every execution that is not over gets its timer again."""
    for running in turn.state.executions.values():
        if not running.state.status.over:
            _set_timer(turn, running)


def heard(turn: "Turn", message: Message) -> None:
    """Time, after the strategy has heard of it."""
    if not isinstance(message, TimerFired):
        return
    if message.name.startswith(TIMER):
        running = turn.state.executions.get(int(message.name.removeprefix(TIMER)))
        if running is not None and not running.state.status.over:
            _begin_slice(turn, running)
    else:
        _insist(turn)


def silenced(turn: "Turn", i: int) -> None:
    """Streams of the i-th instrument fell silent: nothing stays at the venue."""
    for running in _live(turn):
        if _market(turn, running) == i:
            _take_back(turn, running)


def ordered(turn: "Turn", event: m.OrderEvent | m.RefusedOrder) -> None:
    """An event of one of the strategy's orders, already counted in its position."""
    name, known = event.client_order_id, turn.state.executions
    mine = next((r for r in known.values() if name in r.state.children), None)
    if mine is None:
        return
    was_over = mine.state.status.over
    fee = Decimal(0)
    if isinstance(event, m.OrderFilled):
        fee = commission_in_quote(event, turn.state.markets[_market(turn, mine)].instrument)
    _put(turn, mine, core.told(mine.plan, mine.state, event, fee))
    mine = known[mine.number]
    if mine.state.status.over:
        if not was_over:  # a cancel that is refused is asked for again by and by, not at once
            _take_back(turn, mine)
    elif mine.plan.method is Method.ICEBERG and isinstance(event, m.OrderFilled):
        _work(turn, mine)  # all else waits for the next slice: a refusal must not be met at once


def settle(turn: "Turn") -> None:
    """The order manager has told all that it holds: a child that it does not hold is closed."""
    held = {order.client_order_id for order in turn.state.orders.values()}
    for running in list(turn.state.executions.values()):
        state = running.state
        for name in state.open_children:
            if name not in held:
                state = core.closed(state, name)
        if state is not running.state:
            _put(turn, running, state)


def children(turn: "Turn") -> frozenset[ClientOrderId]:
    """All open children: they belong to their executions."""
    return frozenset(
        name for running in turn.state.executions.values() for name in running.state.open_children
    )


# --- the course -----------------------------------------------------------------------------------


def _begin_slice(turn: "Turn", running: Running) -> None:
    _put(turn, running, core.sliced(running.plan, running.state, turn.now_ns))
    running = turn.state.executions[running.number]
    if running.state.status.over:
        _take_back(turn, running)
        return
    _work(turn, running)
    if not turn.state.executions[running.number].state.status.over:
        _set_timer(turn, turn.state.executions[running.number])


def _work(turn: "Turn", running: Running) -> None:
    """Place the child that is due."""
    i = _market(turn, running)
    market, plan = turn.state.markets[i], running.plan
    if not turn.acting(i) or market.instrument is None:
        return
    touch = _touch(market)
    _put(turn, running, core.arrived(running.state, touch, turn.now_ns))
    running = turn.state.executions[running.number]
    child = core.wanted(plan, running.state, market.instrument, touch)
    if child is None:
        _put(turn, running, core.stuck(plan, running.state, market.instrument, touch))
        return
    name = turn.submit(
        i, plan.side.sign, LIMIT, child.quantity, price=child.price,
        tif=_TIFS[child.time_in_force], reduce_only=plan.reduce_only, tag=running.tag,
    )  # fmt: skip
    if name is not None:
        _put(turn, running, core.placed(running.state, name, child.quantity))


def traded(turn: "Turn", batch: TradeBatch) -> None:
    """Count what the market traded since the start; the caller has dropped repeats."""
    for running in _live(turn):
        plan = running.plan
        if plan.method is not Method.POV or plan.instrument_id != batch.instrument_id:
            continue
        young = batch.rows["ts_init"] > running.state.ts_start
        volume = Decimal(repr(float(batch.rows["size"][young].sum())))
        _put(turn, running, replace(running.state, volume=running.state.volume + volume))


def _take_back(turn: "Turn", running: Running) -> None:
    """Cancel its open children, whether or not the strategy acts: it only lessens risk."""
    open_ = frozenset(turn.state.executions[running.number].state.open_children)
    for order in list(turn.state.orders.values()):
        if order.client_order_id in open_ and order.status != CANCELING and not order.cancel_asked:
            turn.force_cancel(order)


def _insist(turn: "Turn") -> None:
    """A cancel may have been refused or lost while its execution is over: ask again."""
    for running in turn.state.executions.values():
        if running.state.status is not Status.RUNNING:
            _take_back(turn, running)


def _set_timer(turn: "Turn", running: Running) -> None:
    number = running.state.number + 1
    shift = _chance(f"{turn.config.run_id}\0{turn.config.strategy_id}\0{running.number}\0{number}")
    due = core.slice_ts(running.plan, running.state, number, shift)
    turn.timer(f"{TIMER}{running.number}", max(due - turn.now_ns, 0))


def _chance(name: str) -> float:
    """A number in -1 .. 1 that looks drawn and is a function of `name`: after a restart, and in
    another process, a slice has the same one."""
    drawn = int.from_bytes(hashlib.sha256(name.encode()).digest()[: _HASH_BITS // 8])
    return drawn / float(1 << (_HASH_BITS - 1)) - 1.0


def _put(turn: "Turn", running: Running, after: Execution) -> None:
    """Keep the next state; the end of an execution is told to the strategy, once."""
    if after is running.state:
        return
    turn.state.dirty = True
    known = turn.state.executions[running.number] = replace(running, state=after)
    if after.status.over and not running.state.status.over:
        turn.keep = True
        turn.ended.append(known)


def _touch(market: "Market") -> Touch:
    return Decimal(repr(market.bid)), Decimal(repr(market.ask))


def ended(turn: "Turn", running: Running) -> ExecutionEnded:
    """What is said of an execution that is over."""
    plan, state = running.plan, running.state
    measured: dict[str, Any] = {"fill_rate": round(state.filled / plan.quantity, 4)}
    if state.arrival is not None:
        touch = _touch(turn.state.markets[_market(turn, running)])
        mid = (
            (touch[0] + touch[1]) / 2 if min(touch) > 0 else None
        )  # one side says nothing of the other
        found = quality(plan.side, plan.quantity, state.arrival, state.traded, mid)
        values = {f.name: getattr(found, f.name) for f in fields(found)}
        measured = {name: None if v is None else round(v, 4) for name, v in values.items()}
    return ExecutionEnded(
        ts_event=turn.now_ns,
        ts_init=turn.now_ns,
        strategy_id=turn.config.strategy_id,
        number=running.number,
        method=str(plan.method),
        instrument_id=plan.instrument_id,
        side=plan.side,
        status=str(state.status),
        quantity=plan.quantity,
        filled=state.filled,
        reason=state.reason,
        **measured,
    )


def _live(turn: "Turn") -> list[Running]:
    return [r for r in turn.state.executions.values() if not r.state.status.over]


def _settled(running: Running) -> bool:
    return running.state.status.over and not running.state.open_children


def _market(turn: "Turn", running: Running) -> int:
    return turn.config.instrument_ids.index(running.plan.instrument_id)


# --- bytes and views ------------------------------------------------------------------------------


def out(running: Running) -> dict[str, Any]:
    """As plain data, for the checkpoint; `back` is its inverse."""
    state = running.state
    return {
        "number": running.number,
        "tag": running.tag,
        "plan": {f.name: _plain(getattr(running.plan, f.name)) for f in fields(Plan)},
        "state": {f.name: _plain(getattr(state, f.name)) for f in fields(Execution)}
        | {
            "children": [
                [name, str(c.quantity), str(c.filled), c.open, c.refused]
                for name, c in state.children.items()
            ]
        },
    }


def back(found: Mapping[str, Any]) -> Running:
    """The execution that `out` was given."""
    p, s = found["plan"], found["state"]
    plan = Plan(
        **p
        | {
            name: Decimal(p[name])
            for name in ("quantity", "offset_bps", "participation", "display")
        }
        | {
            "instrument_id": InstrumentId(p["instrument_id"]),
            "side": OrderSide(p["side"]),
            "method": Method(p["method"]),
            "limit": Decimal(p["limit"]) if p["limit"] is not None else None,
            "profile": tuple(p["profile"]),
        }
    )
    children = {
        ClientOrderId(name): Child(Decimal(quantity), Decimal(filled), *flags)
        for name, quantity, filled, *flags in s["children"]
    }
    state = Execution(
        **s
        | {
            "status": Status(s["status"]),
            "volume": Decimal(s["volume"]),
            "traded": _traded(*s["traded"]),
            "arrival": Arrival(s["arrival"][0], *map(Decimal, s["arrival"][1:]))
            if s["arrival"]
            else None,
            "children": children,
        }
    )
    return Running(found["number"], plan, found["tag"], state)


def _traded(quantity: str, paid: str, fees: str, better: str, ts_last: int) -> Traded:
    return Traded(Decimal(quantity), Decimal(paid), Decimal(fees), Decimal(better), ts_last)


def _plain(value: Any) -> Any:
    if isinstance(value, Traded | Arrival):
        return [_plain(getattr(value, f.name)) for f in fields(value)]
    return str(value) if isinstance(value, Decimal) else value


def described(running: Running) -> dict[str, Any]:
    """For people."""
    plan, state = running.plan, running.state
    return {
        "number": running.number,
        "method": str(plan.method),
        "instrument_id": plan.instrument_id,
        "side": str(plan.side),
        "status": str(state.status),
        "quantity": str(plan.quantity),
        "filled": str(state.filled),
        "working": str(state.working),
        "slice": state.number,
        "slices": plan.slices,
        "children": len(state.open_children),
        "reason": state.reason,
    }
