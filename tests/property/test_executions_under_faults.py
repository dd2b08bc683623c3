"""Executions on the whole trading path under faults: both sides agree on every child."""

from collections import Counter
from decimal import Decimal
from functools import partial
from typing import Any

from messages.base import ClientOrderId
from messages.orders import OrderSide
from scenarios.fuzzer import Fuzzer, fuzzer_core
from scenarios.simulate import Parts, live
from trading.loop import Loop
from trading.strategy_executions import Running
from trading.strategy_python import Context


class Worker(Fuzzer):
    """Works off one order after the other, now and then changes its mind."""

    def on_quote(self, ctx: Context, quote: Any) -> None:
        if not ctx.acting or self._unit() >= self.params.act:
            return
        at_work = [r for r in ctx.executions if not r.state.status.over]
        if at_work:
            self._whim(ctx, at_work[0].number)
            return
        side = OrderSide.BUY if self._unit() < 0.5 else OrderSide.SELL
        quantity = self.params.lot * (2 + self._upto(self.params.lots_max))
        near = quote.bid_price if side is OrderSide.BUY else quote.ask_price
        times = {"slice_s": 0.2, "offset_bps": 20}
        match self._upto(3):
            case 0:
                ctx.execute(side, quantity, "TWAP", duration_s=1.0, **times)
            case 1:
                ctx.execute(side, quantity, "POV", duration_s=0, participation=0.5, **times)
            case _:
                ctx.execute(
                    side, quantity, "ICEBERG", limit=near, duration_s=0, slice_s=0.2,
                    display=2 * self.params.lot,
                )  # fmt: skip

    def _whim(self, ctx: Context, number: int) -> None:
        match self._upto(12):
            case 0:
                ctx.cancel_execution(number)
            case 1:
                ctx.pause_execution(number)
            case 2 | 3:
                ctx.resume_execution(number)


PARTS = Parts(strategy=partial(fuzzer_core, kind=Worker))


def executions(loop: Loop) -> list[Running]:
    machines = [h.machine for n, h in loop.hosts.items() if n.startswith("strategy-")]
    return [r for m in machines if m is not None for r in m.state.executions.values()]


def test_children_survive_every_fault_and_both_sides_agree_on_what_they_filled() -> None:
    ended: Counter[str] = Counter()
    crashes = filled = 0
    for seed in range(15):
        loop, checker = live(seed, parts=PARTS)
        ledger = checker.connection.venue.ledger()
        at_venue: dict[ClientOrderId, Decimal] = {}
        for fill in ledger.fills:
            name = fill.client_order_id
            at_venue[name] = at_venue.get(name, Decimal(0)) + fill.last_qty

        assert checker.violations == []
        for running in executions(loop):
            state = running.state
            mine = sum((at_venue.get(name, Decimal(0)) for name in state.children), Decimal(0))
            assert state.filled == mine <= running.plan.quantity
            assert state.open_children == ()
            ended[state.status] += 1
            filled += bool(state.filled)
        crashes += loop.crashes
    assert crashes > 15
    assert filled > 12
    assert ended["COMPLETED"] > 5


def test_two_lives_of_one_seed_are_one_life() -> None:
    first, again = (live(3, parts=PARTS)[0].digest() for _ in range(2))

    assert first == again
