"""What a strategy does about its feed, its timer and its operator."""

from bench_strategies import BUYER, RESTER, kinds

from messages import control, market, risk
from messages.accounts import SyncRequest
from messages.base import StrategyId
from messages.risk import TradingState
from strategies import load
from trading.samples import BTCUSDT
from trading.strategy_bench import Bench, Cancel

TREND, MAKER = load("trend_following"), load("market_making")
BIDS, ASKS = [(59_999.99, 1.0)], [(60_000.01, 1.0)]

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


def report(bench: Bench, number: int) -> market.FeedReported:
    return market.FeedReported(ts_event=bench.now_ns, ts_init=bench.now_ns, number=number)


def test_every_tenth_report_is_answered_that_the_streams_are_wanted_still() -> None:
    bench = Bench(BUYER)
    said = []
    for number in range(1, 31):
        bench.tell(report(bench, number))
        said += bench.said

    assert [m.kind for m in said] == ["subscribe_feed"] * 3
    assert {m.replay for m in said if isinstance(m, market.SubscribeFeed)} == {False}


def test_a_strategy_that_is_stopped_wants_nothing_more_of_its_feed() -> None:
    bench = Bench(BUYER)
    times = {"ts_event": bench.now_ns, "ts_init": bench.now_ns}
    bench.quote(60_000, 60_000.01)
    bench._counts["QuoteBatch"] += 1

    bench.tell(control.Shutdown(**times, reason="test"))
    bench.tell(report(bench, 10))
    answer = kinds(bench)
    bench.quote(60_001, 60_001.01)  # after a gap
    gap = kinds(bench)
    bench.tell(control.TimerFired(**times, name="strategy"))

    assert answer == gap == []
    assert "subscribe_feed" not in kinds(bench)


# --- control -------------------------------------------------------------------------------------


def test_shutdown_cancels_what_works_and_decides_nothing_more() -> None:
    bench = Bench(RESTER)
    bench.quote(60_000, 60_000.01)
    times = {"ts_event": bench.now_ns, "ts_init": bench.now_ns}

    bench.tell(control.Shutdown(**times, reason="test"))
    said = kinds(bench)
    bench.canceled(bench.orders[0])
    bench.quote(60_000, 60_000.01)

    assert said == ["strategy_checkpoint", "cancel_intent", "unsubscribe_feed"]
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
