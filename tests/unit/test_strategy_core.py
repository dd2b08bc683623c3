from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from messages import control, market, risk
from messages import orders as m
from messages.accounts import SyncRequest
from messages.arrays import QUOTE
from messages.base import RunId, StrategyId
from messages.risk import TradingState
from strategies import load
from trading.ids import client_order_id
from trading.kernels.strategy import cancel, submit_limit, submit_market
from trading.strategy import BUY, CompiledStrategy, StrategyParams
from trading.strategy_bench import BTCUSDT, Bench, Cancel
from trading.strategy_orders import sequence_of
from trading.strategy_records import ORDERS_MAX
from trading.strategy_state import StateMismatch
from trading.strategy_turn import StrategyFault, to_lots, to_ticks

TREND, MAKER = load("trend_following"), load("market_making")
BIDS, ASKS = [(59_999.99, 1.0)], [(60_000.01, 1.0)]


class Asked(StrategyParams):
    """What the test strategies ask for."""

    quantity: float = 0.01
    requests: int = 1


ONE = np.dtype([("n", "i8")])


def buy_each_quote(state: Any, params: Any, quote: Any, account: Any, orders: Any) -> int:
    state.n += 1
    if account.acting == 0:
        return 0
    return int(submit_market(orders, 0, BUY, params.quantity))


def rest_then_cancel(state: Any, params: Any, quote: Any, account: Any, orders: Any) -> int:
    if account.working_count > 0:
        return int(cancel(orders, 0, account.working[0].sequence))
    return int(submit_limit(orders, 0, BUY, params.quantity, quote.bid_price, tag=7))


def far_too_many(state: Any, params: Any, quote: Any, account: Any, orders: Any) -> int:
    count = 0
    for _ in range(params.requests):
        count = submit_market(orders, count, BUY, params.quantity)
    return count


BUYER = CompiledStrategy(name="buyer", params=Asked, state=ONE, on_quote=buy_each_quote)
RESTER = CompiledStrategy(name="rester", params=Asked, state=ONE, on_quote=rest_then_cancel)
FLOOD = CompiledStrategy(name="flood", params=Asked, state=ONE, on_quote=far_too_many)


def kinds(bench: Bench) -> list[str]:
    return [s.kind for s in bench.said]  # type: ignore[attr-defined]


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


# --- the feed ------------------------------------------------------------------------------------


def test_a_repeated_batch_is_dropped() -> None:
    bench = Bench(BUYER)
    bench.quote(60_000, 60_000.01)

    bench.tell(bench._batches[-1])

    assert len(bench.orders) == 1


def test_a_gap_takes_the_strategy_off_the_market_until_the_replay() -> None:
    bench = Bench(BUYER)
    bench.quote(60_000, 60_000.01)
    bench._counts["QuoteBatch"] += 1

    bench.quote(60_001, 60_001.01)
    asked = kinds(bench)
    bench.quote(60_002, 60_002.01)
    while_waiting = len(bench.orders)
    bench.go_live()
    bench.quote(60_003, 60_003.01)

    assert asked == ["subscribe_feed"]
    assert while_waiting == 1
    assert int(bench.state.memory["n"][0]) == 4
    assert len(bench.orders) == 2


def test_a_lost_replay_is_asked_for_again() -> None:
    bench = Bench(BUYER, live=False)

    bench.tell(control.TimerFired(ts_event=bench.now_ns, ts_init=bench.now_ns, name="strategy"))

    assert kinds(bench) == ["subscribe_feed", "sync_request", "set_timer"]
    assert isinstance(bench.said[1], SyncRequest)


def test_a_silent_stream_that_it_lives_on_cancels_everything_and_stops_decisions() -> None:
    bench = Bench(MAKER)
    bench.book(BIDS, ASKS)
    for order in bench.orders:
        bench.accept(order)
    times = {"ts_event": bench.now_ns, "ts_init": bench.now_ns}
    which = {"instrument_id": BTCUSDT.instrument_id, "stream": "book"}

    bench.tell(market.FeedStale(**times, **which, silent_ns=1))  # type: ignore[arg-type]
    cancels = [d for d in bench.decisions if isinstance(d, Cancel)]
    bench.book(BIDS, ASKS)
    silent = len(bench.orders)
    for order in list(bench.orders):
        bench.canceled(order)
    bench.tell(market.FeedRecovered(**times, **which))  # type: ignore[arg-type]
    bench.book(BIDS, ASKS)

    assert len(cancels) == 2
    assert silent == 2
    assert len(bench.orders) == 4


def test_a_silent_stream_that_it_does_not_use_changes_nothing() -> None:
    bench = Bench(MAKER)
    bench.book(BIDS, ASKS)
    times = {"ts_event": bench.now_ns, "ts_init": bench.now_ns}
    which = {"instrument_id": BTCUSDT.instrument_id, "stream": "bars"}

    bench.tell(market.FeedStale(**times, **which, silent_ns=1))  # type: ignore[arg-type]

    assert bench.said == []


# --- control -------------------------------------------------------------------------------------


def test_shutdown_cancels_what_works_and_decides_nothing_more() -> None:
    bench = Bench(RESTER)
    bench.quote(60_000, 60_000.01)
    times = {"ts_event": bench.now_ns, "ts_init": bench.now_ns}

    bench.tell(control.Shutdown(**times, reason="test"))
    said = kinds(bench)
    bench.canceled(bench.orders[0])
    bench.quote(60_000, 60_000.01)

    assert said == ["strategy_checkpoint", "cancel_intent"]
    assert len(bench.orders) == 1


def test_a_paused_strategy_folds_and_a_resumed_one_decides() -> None:
    bench = Bench(BUYER)
    times = {"ts_event": bench.now_ns, "ts_init": bench.now_ns}
    who = {"strategy_id": StrategyId("BENCH")}

    bench.tell(control.PauseStrategy(**times, **who))
    bench.quote(60_000, 60_000.01)
    paused = len(bench.orders)
    bench.restart()
    bench.quote(60_000, 60_000.01)
    still = len(bench.orders)
    bench.tell(control.ResumeStrategy(**times, **who))
    bench.quote(60_000, 60_000.01)

    assert (paused, still, len(bench.orders)) == (0, 0, 1)


def test_nothing_is_decided_while_trading_is_halted() -> None:
    bench = Bench(BUYER)
    for state, orders in ((TradingState.HALTED, 0), (TradingState.ACTIVE, 1)):
        times = {"ts_event": bench.now_ns, "ts_init": bench.now_ns}
        bench.tell(risk.TradingStateChanged(**times, state=state, reason="test", operator="test"))

        bench.quote(60_000, 60_000.01)

        assert len(bench.orders) == orders


def test_what_changed_is_kept_every_second_and_only_then() -> None:
    bench = Bench(TREND)
    tick = control.TimerFired(ts_event=bench.now_ns, ts_init=bench.now_ns, name="strategy")
    bench.tell(tick)

    bench.bars(60_000)
    quiet = kinds(bench)
    bench.tell(tick)
    first = kinds(bench)
    bench.tell(tick)

    assert quiet == []
    assert first == ["strategy_checkpoint", "set_timer"]
    assert kinds(bench) == ["set_timer"]


def test_the_digest_names_the_code_not_the_file() -> None:
    same = CompiledStrategy(name="buyer", params=Asked, state=ONE, on_quote=buy_each_quote)
    other = CompiledStrategy(name="buyer", params=Asked, state=ONE, on_quote=rest_then_cancel)

    assert same.digest == BUYER.digest
    assert other.digest != BUYER.digest
