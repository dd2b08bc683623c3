"""A strategy makes its orders smaller: what it asks for, what it sees, what survives a crash."""

from decimal import Decimal
from typing import Any

import pytest
from bench_strategies import ONE, Asked, kinds

from messages import orders as m
from messages.orders import OrderSide
from trading.kernels.strategy import amend, submit_limit
from trading.strategy import BUY, CompiledStrategy
from trading.strategy_bench import Amend, Bench, Cancel
from trading.strategy_python import Context, Strategy
from trading.strategy_records import AMENDING, OPEN
from trading.strategy_turn import StrategyFault

HALF = 0.02  # of the 0.04 that both strategies submit


def rest_then_halve(state: Any, params: Any, quote: Any, account: Any, orders: Any) -> int:
    if account.working_count == 0:
        return int(submit_limit(orders, 0, BUY, 0.04, quote.bid_price))
    if account.working[0].status == OPEN:
        return int(amend(orders, 0, account.working[0].sequence, account.working[0].quantity / 2.0))
    return 0


def move_the_price(state: Any, params: Any, quote: Any, account: Any, orders: Any) -> int:
    if account.working_count == 0:
        return int(submit_limit(orders, 0, BUY, 0.04, quote.bid_price))
    return int(amend(orders, 0, account.working[0].sequence, 0.0, quote.bid_price))


COMPILED = CompiledStrategy(name="halver", params=Asked, state=ONE, on_quote=rest_then_halve)
MOVER = CompiledStrategy(name="mover", params=Asked, state=ONE, on_quote=move_the_price)


class Halver(Strategy):
    """The same in Python; `to` is the quantity that it asks for."""

    to: Any = None

    def on_quote(self, ctx: Context, quote: Any) -> None:
        if not ctx.working:
            ctx.submit_limit(OrderSide.BUY, 0.04, quote.bid_price)
        else:
            order = ctx.working[0]
            ctx.amend(order, order.quantity / 2 if self.to is None else self.to)


def working(strategy: Any) -> Bench:
    """A bench whose strategy has one order at the venue and sees it at the next quote."""
    bench = Bench(strategy)
    bench.quote(60_000, 60_000.01)
    bench.accept(bench.orders[0])
    bench.quote(60_000, 60_000.01)
    return bench


def shown(bench: Bench) -> Any:
    return bench.state.accounts[0]["working"][0]


@pytest.mark.parametrize("strategy", [COMPILED, Halver])
def test_a_smaller_quantity_is_asked_for_once_and_shown_until_it_is_confirmed(
    strategy: Any,
) -> None:
    bench = working(strategy)
    said = kinds(bench)
    bench.quote(60_000, 60_000.01)
    asked = shown(bench)["status"], shown(bench)["quantity"]

    bench.amended(bench.orders[0], "0.02")

    assert said == ["strategy_checkpoint", "modify_intent"]
    assert bench.decisions[1:] == [Amend(bench.orders[0].client_order_id, Decimal("0.02000"))]
    assert asked == (AMENDING, 0.04)
    assert (shown(bench)["status"], shown(bench)["quantity"]) == (OPEN, 0.02)


def test_a_change_that_nobody_answered_is_asked_for_again_after_a_crash() -> None:
    bench = working(Halver)

    bench.restart(live=False)

    assert kinds(bench)[3:] == ["modify_intent"]
    assert [o.wanted for o in bench.state.orders.values()] == [Decimal("0.02000")]


def test_a_change_that_took_effect_while_it_was_down_is_known_by_the_snapshot() -> None:
    bench = working(Halver)
    bench.amended(bench.orders[0], "0.02")

    bench.restart()

    (order,) = bench.state.orders.values()
    assert (order.quantity, order.wanted) == (Decimal("0.02"), None)


def test_a_refused_change_leaves_the_order_and_asks_for_the_truth() -> None:
    bench = working(Halver)
    order = bench.orders[0]

    bench.tell(
        m.RefusedOrder(
            ts_event=1,
            ts_init=1,
            client_order_id=order.client_order_id,
            strategy_id=order.strategy_id,
            code=m.RefusalCode.UNKNOWN_ORDER,
            reason="no working order of this id",
        )
    )

    assert [o.wanted for o in bench.state.orders.values()] == [None]
    assert "sync_request" in kinds(bench)


def test_what_has_traded_already_or_less_means_a_cancel() -> None:
    bench = Bench(type("Small", (Halver,), {"to": 0.01}))
    bench.quote(60_000, 60_000.01)
    bench.fill(bench.orders[0], 60_000, Decimal("0.01"))

    bench.quote(60_000, 60_000.01)

    assert bench.decisions[1:] == [Cancel(bench.orders[0].client_order_id)]


def test_a_larger_quantity_comes_to_nothing() -> None:
    bench = working(type("Large", (Halver,), {"to": 0.05}))

    assert len(bench.decisions) == 1
    assert bench.state.dropped == 1


def test_an_order_that_the_venue_may_not_hold_is_not_changed() -> None:
    bench = Bench(Halver)
    bench.quote(60_000, 60_000.01)

    bench.quote(60_000, 60_000.01)

    assert len(bench.decisions) == 1


def test_an_order_that_is_filled_by_its_smaller_quantity_is_gone() -> None:
    bench = working(Halver)
    order = bench.orders[0]
    bench.fill(order, 60_000, Decimal("0.02"))

    bench.amended(order, "0.02")

    assert bench.state.orders == {}
    assert bench.position == Decimal("0.02")


def test_a_price_is_not_amended_live() -> None:
    with pytest.raises(StrategyFault, match="only the quantity can become smaller"):
        working(MOVER)
