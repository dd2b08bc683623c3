from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from bench_strategies import (
    BUYER,
    FLOOD,
    ONE,
    RESTER,
    Asked,
    buy_each_quote,
    kinds,
    rest_then_cancel,
)

from messages import control, market
from messages import orders as m
from messages.arrays import QUOTE
from messages.base import RunId, StrategyId
from strategies import load
from trading.ids import client_order_id
from trading.samples import BTCUSDT
from trading.strategy import CompiledStrategy
from trading.strategy_bench import Bench, Cancel
from trading.strategy_orders import sequence_of
from trading.strategy_records import ORDERS_MAX
from trading.strategy_state import StateMismatch
from trading.strategy_turn import StrategyFault, to_lots, to_ticks

TREND, MAKER = load("trend_following"), load("market_making")


def quotes(bench: Bench, count: int) -> np.ndarray[Any, Any]:
    ts = bench.now_ns
    return np.array([(ts, ts, 60_000.0, 1.0, 60_000.01, 1.0)] * count, QUOTE)


# --- deciding ------------------------------------------------------------------------------------


def test_the_checkpoint_is_said_before_the_intents_it_contains() -> None:
    bench = Bench(BUYER)

    bench.quote(60_000, 60_000.01)

    assert kinds(bench) == ["strategy_checkpoint", "order_intent"]
    assert isinstance(bench.said[0], control.StrategyCheckpoint)
    assert bench.said[0].intents == 1


def test_order_ids_are_a_pure_function_of_run_strategy_and_sequence() -> None:
    bench = Bench(BUYER)

    bench.rows(market.QuoteBatch, quotes(bench, 3))

    expected = [client_order_id(RunId("bench"), StrategyId("BENCH"), n) for n in range(3)]
    assert [o.client_order_id for o in bench.orders] == expected
    assert [sequence_of(bench.core.config, i) for i in expected] == [0, 1, 2]
    assert sequence_of(bench.core.config, "M00000000000000000001") is None


def test_messages_carry_what_they_belong_to_and_what_caused_them() -> None:
    bench = Bench(BUYER)

    bench.quote(60_000, 60_000.01)

    intent = bench.said[1]
    assert intent.correlation_id == bench.orders[0].client_order_id
    assert intent.causation_id == "quote_batch:BTCUSDT.BINANCE:1"


def test_each_row_of_a_batch_sees_the_orders_of_the_rows_before() -> None:
    bench = Bench(RESTER)

    bench.rows(market.QuoteBatch, quotes(bench, 2))

    assert bench.decisions == [bench.orders[0], Cancel(bench.orders[0].client_order_id)]
    assert bench.state.orders[0].tag == 7


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [
        (m.OrderSide.BUY, 60_000.019, "60000.01"),
        (m.OrderSide.SELL, 60_000.011, "60000.02"),
        (m.OrderSide.BUY, 0.1 + 0.2, "0.30"),
        (m.OrderSide.SELL, 0.1 + 0.2, "0.30"),
        (m.OrderSide.SELL, Decimal("1.001"), "1.01"),
    ],
)
def test_prices_round_to_the_tick_that_is_no_worse_for_us(
    side: m.OrderSide, price: float | Decimal, expected: str
) -> None:
    assert to_ticks(BTCUSDT, side, price) == Decimal(expected)


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [(0.123456789, "0.12345"), (0.1 + 0.2, "0.3"), (0.000001, "0"), (1e9, "9000")],
)
def test_quantities_round_down_to_lots_within_the_maximum(quantity: float, expected: str) -> None:
    assert to_lots(BTCUSDT, quantity) == Decimal(expected)


def test_less_than_a_lot_is_no_order_and_uses_no_id() -> None:
    bench = Bench(BUYER, {"quantity": 0.000001})

    bench.quote(60_000, 60_000.01)

    assert bench.decisions == []
    assert (bench.state.intents, bench.state.dropped) == (0, 1)


def test_a_quantity_that_is_no_number_ends_the_actor_with_its_name() -> None:
    bench = Bench(BUYER, {"quantity": float("nan")})

    with pytest.raises(StrategyFault, match=r"BENCH: quantity nan of BTCUSDT"):
        bench.quote(60_000, 60_000.01)


def test_too_many_requests_end_the_actor_with_their_number() -> None:
    bench = Bench(FLOOD, {"requests": ORDERS_MAX + 1})

    with pytest.raises(StrategyFault, match=r"flood.on_quote wrote 65 requests"):
        bench.quote(60_000, 60_000.01)


# --- what happens to orders -----------------------------------------------------------------------


def test_fills_move_the_position_once_however_often_they_are_told() -> None:
    bench = Bench(RESTER)
    bench.quote(60_000, 60_000.01)
    order = bench.orders[0]

    bench.fill(order, 60_000, Decimal("0.004"))
    fill = bench._untold[-1] if bench._untold else None
    again = m.OrderFilled.model_validate(
        {
            **bench._about(order), "trade_id": "1", "side": order.side,
            "last_qty": Decimal("0.004"), "last_px": Decimal(60_000),
            "leaves_qty": Decimal("0.006"), "commission": Decimal(0), "currency": "USDT",
            "liquidity_side": m.LiquiditySide.MAKER,
        }
    )  # fmt: skip
    bench.tell(again)

    assert fill is None  # a fill is checkpointed at once
    assert bench.position == Decimal("0.004")
    assert bench.state.orders[0].leaves == Decimal("0.006")


def test_closed_orders_leave_the_working_orders() -> None:
    for close in ("canceled", "refuse"):
        bench = Bench(RESTER)
        bench.quote(60_000, 60_000.01)

        getattr(bench, close)(bench.orders[0])

        assert bench.state.orders == {}
        assert kinds(bench)[0] == "strategy_checkpoint"


def test_events_of_other_strategies_are_not_ours() -> None:
    bench = Bench(RESTER)
    bench.quote(60_000, 60_000.01)
    about = bench._about(bench.orders[0]) | {"strategy_id": StrategyId("OTHER")}

    bench.tell(m.OrderCanceled(**about))

    assert len(bench.state.orders) == 1


# --- coming back ---------------------------------------------------------------------------------


def test_resume_asks_for_what_was_missed_and_repeats_what_nobody_answered() -> None:
    bench = Bench(RESTER)
    bench.quote(60_000, 60_000.01)

    bench.restart(live=False)

    assert kinds(bench) == ["subscribe_feed", "sync_request", "set_timer", "order_intent"]
    asked = bench.said[0]
    assert isinstance(asked, market.SubscribeFeed)
    assert asked.since == (("quote_batch:BTCUSDT.BINANCE", 1),)
    assert bench.said[3].order == bench.orders[0]  # type: ignore[attr-defined]


def test_a_cancel_that_nobody_answered_is_asked_for_again() -> None:
    bench = Bench(RESTER)
    bench.quote(60_000, 60_000.01)
    bench.accept(bench.orders[0])
    bench.quote(60_000, 60_000.01)

    bench.restart(live=False)

    assert kinds(bench)[3:] == ["cancel_intent"]


def test_nothing_is_decided_before_both_replay_and_snapshot() -> None:
    bench = Bench(BUYER, live=False)

    bench.quote(60_000, 60_000.01)
    bench.go_live()
    folded = int(bench.state.memory["n"][0])
    bench.quote(60_000, 60_000.01)

    assert folded == 1  # it saw the quote, and did not act on it
    assert len(bench.orders) == 1


def test_a_pending_intent_survives_a_snapshot_that_does_not_know_it() -> None:
    bench = Bench(RESTER)
    bench.quote(60_000, 60_000.01)

    bench.restart()

    assert list(bench.state.orders) == [0]


def test_what_the_order_manager_no_longer_holds_is_closed_here() -> None:
    bench = Bench(RESTER)
    bench.quote(60_000, 60_000.01)
    bench.accept(bench.orders[0])

    bench.tell(bench._account().model_copy(update={"orders": ()}))

    assert bench.state.orders == {}


def test_an_order_only_the_order_manager_knows_is_adopted_and_its_id_not_reused() -> None:
    bench = Bench(RESTER)
    bench.quote(60_000, 60_000.01)
    bench.accept(bench.orders[0])
    truth = bench._account()
    forgetful = Bench(BUYER)

    forgetful.tell(truth)
    forgetful.quote(60_000, 60_000.01)

    assert list(forgetful.state.orders) == [0, 1]
    assert sequence_of(bench.core.config, forgetful.orders[0].client_order_id) == 1


def test_a_snapshot_for_somebody_else_or_an_earlier_incarnation_is_ignored() -> None:
    bench = Bench(BUYER, live=False)

    for wrong in ({"asker": "risk"}, {"incarnation": 3}):
        bench.tell(bench._account().model_copy(update=wrong))

    assert not bench.state.synced


def test_memory_of_another_layout_is_refused_with_what_to_do() -> None:
    trend, maker = Bench(TREND, {"warmup": 1}), Bench(MAKER)
    trend.bars(60_000, 60_100)
    assert trend.checkpoint is not None

    with pytest.raises(StateMismatch, match=r"STATE layout .* start a new run"):
        maker.core.restore(trend.checkpoint)


def test_the_digest_names_the_code_not_the_file() -> None:
    same = CompiledStrategy(name="buyer", params=Asked, state=ONE, on_quote=buy_each_quote)
    other = CompiledStrategy(name="buyer", params=Asked, state=ONE, on_quote=rest_then_cancel)

    assert same.digest == BUYER.digest
    assert other.digest != BUYER.digest
