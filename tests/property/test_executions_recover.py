"""Executions of a strategy: never more than the parent, never twice, and the same after a crash."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.control import ExecutionEnded, TimerFired
from messages.market import FeedRecovered, FeedStale
from messages.orders import (
    OrderCancelRejected,
    OrderSide,
    OrderSpec,
    RefusalCode,
    RefusedOrder,
)
from trading.execution.core import Status
from trading.strategy_bench import Bench
from trading.strategy_executions import Running
from trading.strategy_python import Context, Strategy

PARENT = Decimal("1.2")
_REFUSAL = ("ts_event", "ts_init", "correlation_id", "client_order_id", "strategy_id")
PLANS: dict[str, dict[str, Any]] = {
    "TWAP": {},
    "VWAP": {"profile": (1.0, 2.0, 3.0, 1.0, 1.0, 2.0, 3.0, 1.0, 1.0, 2.0, 3.0, 1.0)},
    "POV": {"duration_s": 0},
    "ICEBERG": {"duration_s": 0, "limit": 60_010, "display": 0.3},
}


class Buyer(Strategy):
    """Starts one execution at the first quote; its trades are told by `wish`."""

    method = "TWAP"

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.begun = 0
        self.ends: list[str] = []
        self.wish = ""

    def on_quote(self, ctx: Context, quote: Any) -> None:
        if not self.begun and ctx.acting:
            asked = PLANS[self.method]
            self.begun = ctx.execute(OrderSide.BUY, PARENT, self.method, **asked) or 0
        elif self.wish == "cancel":
            ctx.cancel_execution(self.begun)
        elif self.wish == "pause":
            ctx.pause_execution(self.begun)
        elif self.wish == "go":
            ctx.resume_execution(self.begun)
        self.wish = ""

    def on_execution(self, ctx: Context, execution: Running) -> None:
        self.ends.append(execution.state.status)


def buyer(method: str) -> Bench:
    bench = Bench(type(f"Buyer{method}", (Buyer,), {"method": method}))
    bench.quote(60_000, 60_001)
    return bench


def parent(bench: Bench) -> Running:
    return bench.state.executions[1]


def traded(bench: Bench) -> Decimal:
    return sum((o.filled_qty for o in bench._held.values()), Decimal(0))


def exposed(bench: Bench) -> Decimal:
    """What has traded, and what any order that was ever decided may still trade."""
    held = bench._held
    silent = [o.quantity for o in bench.orders if o.client_order_id not in held]
    left = [o.leaves_qty for o in held.values() if not o.closed]
    return traded(bench) + sum((*silent, *left), Decimal(0))


WORDS = (
    *("tick", "tick", "tick", "quote", "volume", "fill", "part", "expire", "refuse", "unknown"),
    *("canceled", "crash", "stale", "pause", "go", "cancel"),
)


def say(bench: Bench, word: str) -> None:
    """One thing that happens to a strategy with an execution."""
    waiting = [o for o in bench.orders if o.client_order_id not in bench._held]
    order = next(iter((*bench.open_orders, *waiting)), None)
    match word:
        case "tick":
            bench.wait(5)
        case "quote":
            bench.quote(60_000, 60_002)
        case "volume":
            bench.trade(60_001, 4.0, 1)
        case "crash":
            bench.restart()
        case "stale":
            where = {"instrument_id": bench.instrument.instrument_id, "stream": "quotes"}
            times = {"ts_event": bench.now_ns, "ts_init": bench.now_ns}
            bench.tell(FeedStale(**times, **where, silent_ns=1))  # type: ignore[arg-type]
            bench.tell(FeedRecovered(**times, **where))  # type: ignore[arg-type]
        case "pause" | "go" | "cancel":
            bench.state.memory.wish = word
            bench.quote(60_000, 60_001)
        case _ if order is not None:
            happen(bench, word, order)


def happen(bench: Bench, word: str, order: OrderSpec) -> None:
    held = bench._held.get(order.client_order_id)
    left = held.leaves_qty if held is not None else order.quantity
    half = bench.instrument.size_increment * (left / 2 // bench.instrument.size_increment)
    match word:
        case "fill":
            bench.fill(order, 60_000)
        case "part" if half:
            bench.fill(order, 60_000, half)
        case "expire":
            bench.expired(order)
        case "canceled":
            bench.canceled(order)
        case "unknown" if held is None:
            bench.unknown(order)
        case "refuse" if held is None:
            bench.refuse(order)


@pytest.mark.parametrize("method", PLANS)
@settings(max_examples=60, deadline=None)
@given(script=st.lists(st.sampled_from(WORDS), max_size=50))
def test_children_never_exceed_their_parent_and_what_is_missing_is_said(
    method: str, script: list[str]
) -> None:
    bench = buyer(method)
    for word in script:
        before = len(bench.decisions)
        say(bench, word)
        assert exposed_but_refused(bench) <= PARENT
        if parent(bench).state.status.over and word != "refuse":
            assert not any(isinstance(d, OrderSpec) for d in bench.decisions[before + 1 :])

    state = parent(bench).state
    ids = [o.client_order_id for o in bench.orders]
    assert len(set(ids)) == len(ids)
    assert state.filled == traded(bench) == bench.position
    assert (state.status is Status.COMPLETED) == (state.filled == PARENT) or state.status in (
        Status.CANCELLED,
        Status.FAILED,
    )
    assert bool(state.reason) == (state.status in (Status.CANCELLED, Status.FAILED))


def exposed_but_refused(bench: Bench) -> Decimal:
    """As `exposed`; what risk refused was never held, and its strategy knows that."""
    known = {o.client_order_id for o in bench.state.orders.values()} | set(bench._held)
    never = [o for o in bench.orders if o.client_order_id not in known]
    return exposed(bench) - sum((o.quantity for o in never), Decimal(0))


@pytest.mark.parametrize("method", PLANS)
@settings(max_examples=25, deadline=None)
@given(script=st.lists(st.sampled_from(WORDS[:10]), max_size=30), data=st.data())
def test_crashes_change_nothing_of_an_execution(
    method: str, script: list[str], data: st.DataObject
) -> None:
    crashes = data.draw(st.frozensets(st.integers(0, max(len(script) - 1, 0)), max_size=5))
    calm, shaken = buyer(method), buyer(method)
    for n, word in enumerate(script):
        say(calm, word)
        say(shaken, word)
        if n in crashes:
            shaken.restart()

    assert shaken.decisions == calm.decisions
    assert shaken.position == calm.position
    assert parent(shaken).state.filled == parent(calm).state.filled
    assert parent(shaken).state.status == parent(calm).state.status


def test_an_execution_goes_on_where_it_was_and_its_end_is_told_once() -> None:
    bench = buyer("TWAP")
    ended = []
    for n in range(12):
        bench.fill(bench.orders[n], 60_001)
        ended += [m for m in bench.said if isinstance(m, ExecutionEnded)]
        bench.restart()
        bench.wait(5.6)

    assert [str(o.quantity.normalize()) for o in bench.orders] == ["0.1"] * 12
    assert [(e.status, e.filled, e.reason) for e in ended] == [("COMPLETED", PARENT, "")]
    assert (ended[0].slippage_bps, ended[0].fill_rate, ended[0].improved) == (0, 1, 0)
    assert ended[0].shortfall_bps == Decimal("10.0834")  # half the spread and the fee of 10 bps
    assert bench.state.memory.ends == ["COMPLETED"]


def test_cancelling_the_parent_cancels_its_child_and_asks_again_if_that_is_refused() -> None:
    bench = buyer("ICEBERG")
    child = bench.orders[0]
    bench.accept(child)
    bench.state.memory.wish = "cancel"
    bench.quote(60_000, 60_001)
    about = bench._about(child)
    bench.tell(OrderCancelRejected(**about, code="-1", reason="busy"))
    asked = [d for d in bench.decisions if not isinstance(d, OrderSpec)]
    bench.tell(TimerFired(ts_event=bench.now_ns, ts_init=bench.now_ns, name="strategy"))

    again = [d for d in bench.decisions if not isinstance(d, OrderSpec)]
    assert (len(asked), len(again)) == (1, 2)
    assert len(bench.orders) == 1
    assert parent(bench).state.status is Status.CANCELLED


def test_a_child_of_unknown_state_is_not_replaced_before_its_end_is_known() -> None:
    bench = buyer("ICEBERG")
    bench.unknown(bench.orders[0])
    bench.wait(60)
    bench.restart()
    bench.wait(60)
    assert len(bench.orders) == 1

    bench.canceled(bench.orders[0])
    bench.wait(6)

    assert len(bench.orders) == 2


def test_a_refused_iceberg_asks_again_in_its_next_slice_and_not_at_once() -> None:
    bench = buyer("ICEBERG")
    for count in (1, 2, 3):
        stale = {"code": RefusalCode.MARKET_DATA_STALE, "reason": "no quotes"}
        about = {k: v for k, v in bench._about(bench.orders[-1]).items() if k in _REFUSAL}
        bench.tell(RefusedOrder(**about, **stale))
        assert len(bench.orders) == count
        bench.wait(6)

    assert parent(bench).state.status is Status.RUNNING


def test_a_child_that_the_order_manager_does_not_hold_any_more_is_closed() -> None:
    bench = buyer("ICEBERG")
    bench.accept(bench.orders[0])
    del bench._held[bench.orders[0].client_order_id]

    bench.restart()
    bench.wait(6)

    assert len(bench.orders) == 2


def test_a_paused_strategy_places_no_children_and_its_own_orders_are_not_mixed_with_them() -> None:
    bench = buyer("TWAP")
    ctx = Context(bench.core._turn(bench.state, None, bench.now_ns), 0)

    assert ctx.working == ()
    assert len(bench.state.orders) == 1
    assert [r.number for r in ctx.executions] == [1]


def test_an_end_while_nobody_knows_the_market_says_unknown_of_what_needs_it() -> None:
    ended = []
    for before, after in (((60_000, 60_001), (0, 60_001)), ((0, 60_001), (0, 60_001))):
        bench = Bench(type("BuyerTWAP", (Buyer,), {"method": "TWAP"}))
        bench.quote(*before)
        for order in bench.orders:
            bench.fill(order, 60_001)
        bench.state.memory.wish = "cancel"
        bench.quote(*after)
        ended += [m for m in bench.said if isinstance(m, ExecutionEnded)]

    known, unknown = ended
    assert (known.slippage_bps, known.shortfall_bps) == (0, None)
    assert known.fill_rate == Decimal("0.0833")
    assert (unknown.slippage_bps, unknown.shortfall_bps, unknown.duration_ns) == (None, None, None)
    assert unknown.fill_rate == known.fill_rate
