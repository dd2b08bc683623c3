"""Recovery law: a strategy that crashes anywhere decides what it would have decided anyway."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.orders import OrderSide
from strategies import load
from trading.strategy_bench import Bench
from trading.strategy_python import Context, Strategy


class Swing(Strategy):
    """Buys after two falls, sells after two rises: needs its memory to decide."""

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.last = 0.0
        self.run = 0

    def on_bar(self, ctx: Context, bar: Any) -> None:
        up = bar.close > self.last
        self.run = max(self.run, 0) + 1 if up else min(self.run, 0) - 1
        self.last = float(bar.close)
        if ctx.working or not ctx.acting:
            return
        if self.run <= -2 and not ctx.position.quantity:
            ctx.submit_market(OrderSide.BUY, 0.01)
        elif self.run >= 2 and ctx.position.quantity:
            ctx.submit_market(OrderSide.SELL, ctx.position.quantity)


SUBJECTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "trend": (load("trend_following"), {"fast": 2, "slow": 5, "warmup": 2, "atr_stop": 1.0}),
    "python": (Swing, {}),
}


def trade_bars(subject: str, seed: int, crashes: frozenset[int]) -> Bench:
    """A hundred bars; orders fill one bar later; the strategy is killed after these messages."""
    strategy, params = SUBJECTS[subject]
    bench, rng, told = Bench(strategy, params), np.random.default_rng(seed), 0

    def happen(what: Any, *args: Any) -> None:
        nonlocal told
        what(*args)
        told += 1
        if told in crashes:
            bench.restart()

    for close in 60_000 * np.exp(np.cumsum(rng.normal(0, 2e-3, 100))):
        for order in [o for o in bench.orders if o.client_order_id not in bench._held]:
            happen(bench.accept, order)
            happen(bench.fill, order, round(float(close), 2))
        happen(bench.bars, float(close))
    return bench


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), crashes=st.frozensets(st.integers(1, 160), max_size=6))
def test_crashes_change_no_decision(subject: str, seed: int, crashes: frozenset[int]) -> None:
    calm = trade_bars(subject, seed, frozenset())

    shaken = trade_bars(subject, seed, crashes)

    assert calm.orders
    assert shaken.decisions == calm.decisions
    assert shaken.position == calm.position
    assert shaken.state.intents == calm.state.intents


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), crashes=st.frozensets(st.integers(1, 120), max_size=4))
def test_a_quoting_strategy_never_uses_an_id_twice_and_keeps_its_books(
    seed: int, crashes: frozenset[int]
) -> None:
    bench, rng = Bench(load("market_making")), np.random.default_rng(seed)

    for n, mid in enumerate(60_000 * np.exp(np.cumsum(rng.normal(0, 1e-4, 120)))):
        bench.book([(mid - 0.5, 1.0)], [(mid + 0.5, 1.0)])
        for order in [o for o in bench.orders if o.client_order_id not in bench._held]:
            bench.accept(order)
        for order in bench.open_orders:
            own = {o.client_order_id: o for o in bench.state.orders.values()}
            if own[order.client_order_id].cancel_asked:
                bench.canceled(order)
            elif rng.random() < 0.2 and order.price is not None:
                bench.fill(order, order.price)
        if n in crashes:
            bench.restart()

    ids = [o.client_order_id for o in bench.orders]
    assert len(ids) > 20
    assert len(set(ids)) == len(ids)
    assert bench.position == bench._holding.quantity
    assert {o.client_order_id for o in bench.state.orders.values()} == {
        o.client_order_id for o in bench.open_orders
    }


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99))
def test_a_checkpoint_restores_to_equal_bytes(subject: str, seed: int) -> None:
    bench = trade_bars(subject, seed, frozenset())
    taken = bench.core.snapshot(bench.state, bench.now_ns)

    again = bench.core.snapshot(bench.core.restore(taken), bench.now_ns)

    assert again == taken
