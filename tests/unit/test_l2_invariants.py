"""What must hold on any tape: causality, money, queues, and never a trade with ourselves."""

from typing import Final

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from l2_script import PLAYER, RULES, Params

from messages.arrays import DELTA, TRADE, Rows
from trading.backtest_l2 import L2Engine, run
from trading.l2_events import book_rows, merge, trade_rows
from trading.l2_settings import LATENCY, L2Settings

START: Final = 1_000_000_000
GAP: Final = 1_000


@st.composite
def tapes(draw: st.DrawFn) -> Rows:
    """A book around 100, then trades and changes of levels, one a microsecond."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(20, 200))
    whole = [(START, START, 1, 100.0 - j, 5.0) for j in range(5)]
    whole += [(START, START, -1, 101.0 + j, 5.0) for j in range(5)]
    times = START + GAP * np.arange(1, count + 1)
    trading = rng.random(count) < 0.5
    deltas, trades = np.zeros(count, DELTA), np.zeros(count, TRADE)
    for rows in (deltas, trades):
        rows["ts_event"] = rows["ts_init"] = times
    deltas["side"] = rng.choice([1, -1], count)
    deltas["price"] = np.where(deltas["side"] > 0, 100, 101) - deltas["side"] * rng.integers(
        0, 4, count
    )
    deltas["size"] = rng.integers(0, 9, count)
    trades["price"], trades["size"] = rng.integers(98, 104, count), rng.integers(1, 9, count)
    trades["aggressor"] = rng.choice([1, -1], count)
    book = np.concatenate([np.array(whole, DELTA), deltas[~trading]])
    snapshot = np.arange(len(book)) < len(whole)
    return merge(
        [trade_rows(0, RULES, trades[trading]), book_rows(0, RULES, book, snapshot)],
        feed_latency_ns=int(rng.integers(0, 5 * GAP)),
    )


SETTINGS: Final = st.builds(
    L2Settings,
    queue_model=st.sampled_from(["risk_averse", "prob_power", "prob_log"]),
    entry_latency_ns=st.integers(0, 5 * GAP),
    response_latency_ns=st.integers(0, 5 * GAP),
    instruments=st.just((RULES,)),
    sample_s=st.just(0.001),
    maker_fee=st.just(-0.0001),
)
quick = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@quick
@given(tapes(), SETTINGS, st.integers(1, 1000))
def test_no_fill_before_the_order_can_have_arrived(
    rows: Rows, chosen: L2Settings, seed: int
) -> None:
    result = run(PLAYER, {"seed": seed}, rows, chosen)

    sent = result.orders["ts"][result.fills["order"]]
    assert (result.fills["ts"] >= sent + chosen.entry_latency_ns).all()
    assert (np.diff(result.fills["ts"]) >= 0).all()


@quick
@given(tapes(), SETTINGS, st.integers(1, 1000))
def test_fills_orders_position_and_cash_agree(rows: Rows, chosen: L2Settings, seed: int) -> None:
    result = run(PLAYER, {"seed": seed}, rows, chosen)

    fills, orders = result.fills, result.orders
    filled = np.zeros(len(orders))
    np.add.at(filled, fills["order"], fills["quantity"])
    assert np.array_equal(filled, orders["filled"])
    assert (orders["filled"] <= orders["quantity"]).all()
    assert (orders["quantity"][orders["status"] == 1] == filled[orders["status"] == 1]).all()
    signed = fills["side"] * fills["quantity"]
    assert np.array_equal(np.cumsum(signed), fills["position"])
    cash = chosen.initial_balance - (signed * fills["price"] + fills["fee"]).sum()
    last = result.equity[-1]
    assert abs(last["cash"] - cash) < 1e-6
    assert abs(last["equity"] - (last["cash"] + last["position"] * last["price"])) < 1e-6


@quick
@given(tapes(), SETTINGS, st.integers(1, 1000))
def test_an_order_never_trades_with_an_own_one(rows: Rows, chosen: L2Settings, seed: int) -> None:
    result = run(PLAYER, {"seed": seed}, rows, chosen)

    # Had a taker met an own order, both would have filled at one time, price and quantity.
    fills = result.fills
    takers, makers = fills[fills["maker"] == 0], fills[fills["maker"] == 1]
    for taker in takers:
        met = makers[(makers["ts"] == taker["ts"]) & (makers["price"] == taker["price"])]
        assert not (met["side"] == -taker["side"]).any()


@quick
@given(tapes(), SETTINGS, st.integers(1, 1000))
def test_takers_never_take_more_than_the_tape_shows(
    rows: Rows, chosen: L2Settings, seed: int
) -> None:
    result = run(PLAYER, {"seed": seed}, rows, chosen)

    deltas = rows[rows["kind"] & 4 > 0]
    for fill in result.fills[result.fills["maker"] == 0]:
        level = deltas[(deltas["price"] == fill["price"]) & (deltas["side"] == -fill["side"])]
        level = level[level["ts_event"] <= fill["ts"]]
        since = int(level["ts_event"][-1])
        same = result.fills[(result.fills["maker"] == 0) & (result.fills["ts"] >= since)]
        same = same[(same["ts"] <= fill["ts"]) & (same["price"] == fill["price"])]
        assert same["quantity"][same["side"] == fill["side"]].sum() <= level["size"][-1]


def test_measured_latency_of_one_value_equals_the_constant() -> None:
    rows = _fixed_tape()
    constant = L2Settings(entry_latency_ns=700, response_latency_ns=900, instruments=(RULES,))
    measured = np.array([(START, 700, 900), (START + 10**9, 700, 900)], LATENCY)

    one = run(PLAYER, {"seed": 1}, rows, constant)
    other = run(PLAYER, {"seed": 1}, rows, constant, latency=measured)

    assert one.fills.tobytes() == other.fills.tobytes()
    assert len(one.fills) > 0


def test_same_inputs_give_the_same_bytes() -> None:
    rows, chosen = _fixed_tape(), L2Settings(instruments=(RULES,), entry_latency_ns=500)

    first, second = (run(PLAYER, {"seed": 1}, rows, chosen) for _ in range(2))

    assert first.orders.tobytes() == second.orders.tobytes()
    assert first.equity.tobytes() == second.equity.tobytes()


def test_queue_ahead_never_grows_while_an_order_rests() -> None:
    rows = _fixed_tape()
    chosen = L2Settings(instruments=(RULES,), queue_model="prob_log")
    ahead: dict[int, int] = {}

    for stop in range(20, len(rows)):
        engine = L2Engine(PLAYER, rows[:stop], chosen)
        engine.go(Params(seed=1).record())
        market = engine.markets[0]
        for order in market["orders"][: int(market["count"])]:
            name, now = int(order["id"]), int(order["ahead"])
            if order["stage"] == 1 and now >= 0:
                assert now <= ahead.get(name, now)
                ahead[name] = now
    assert ahead


def _fixed_tape() -> Rows:
    rng = np.random.default_rng(5)
    count = 150
    book = np.zeros(10 + count, DELTA)
    book["ts_event"][:10] = START
    book["ts_event"][10:] = START + GAP * (2 * np.arange(count) + 1)
    book["side"][:10], book["price"][:10] = (
        [1] * 5 + [-1] * 5,
        [*range(100, 95, -1), *range(101, 106)],
    )
    book["size"][:10] = 5
    book["side"][10:] = rng.choice([1, -1], count)
    book["price"][10:] = np.where(book["side"][10:] > 0, 100, 101) - book["side"][
        10:
    ] * rng.integers(0, 4, count)
    book["size"][10:] = rng.integers(0, 9, count)
    trades = np.zeros(count, TRADE)
    trades["ts_event"] = START + GAP * (2 * np.arange(count) + 2)
    trades["price"], trades["size"] = rng.integers(98, 104, count), rng.integers(1, 9, count)
    trades["aggressor"] = rng.choice([1, -1], count)
    snapshot = np.arange(len(book)) < 10
    parts = [trade_rows(0, RULES, trades), book_rows(0, RULES, book, snapshot)]
    return merge(parts, feed_latency_ns=300)
