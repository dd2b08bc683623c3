"""Accounts by hand: fees and tiers, margin and liquidation, funding, currencies, instruments."""

from typing import Any

import numpy as np
import pytest
from bar_stage import MINUTE, MONEY, SCRIPTED, START, Nothing, ask, bars, ends, fills, play

from messages.arrays import FUNDING
from trading.backtest import EngineResult, Rules, Settings, prepare
from trading.backtest_data import FX, MarketData
from trading.backtest_run import Engine
from trading.result import DONE_CANCELED, DONE_REFUSED, REASON_LIQUIDATED, REASON_MARGIN
from trading.strategy_records import BUY, LIMIT, SELL

FLAT = (100, 100, 100, 100)
DAY = 24 * 60 * MINUTE


def test_takers_and_makers_pay_their_own_fee() -> None:
    script = ask(0), ask(1, SELL, kind=LIMIT, price=110.0)

    result = play(bars(FLAT, FLAT, (100, 111, 100, 110)), *script, taker_fee=0.002, maker_fee=-1e-4)

    assert result.fills["fee"].tolist() == pytest.approx([0.2, -0.011])
    assert result.final_equity == pytest.approx(10_000 + 10 - 0.2 + 0.011)
    assert result.trades["pnl"][0] == pytest.approx(10 - 0.2 + 0.011)


def test_fees_fall_with_the_volume_of_thirty_days_and_rise_again() -> None:
    tiers = ({"volume": 0, "maker": 0, "taker": 0.01}, {"volume": 150, "maker": 0, "taker": 0.001})
    script = [ask(at, side) for at, side in ((0, 1), (1, 1), (2, -1), (40, -1))]

    result = play(bars(*[FLAT] * 42, interval=DAY), *script, tiers=tiers)

    assert result.fills["fee"].tolist() == pytest.approx([1.0, 1.0, 0.1, 1.0])


def test_a_flip_ends_one_trade_and_begins_another() -> None:
    script = ask(0, BUY, 1.0), ask(1, SELL, 1.5), ask(2, BUY, 0.5)
    rows = bars(FLAT, (50, 50, 50, 50), (51, 51, 51, 51), (49, 49, 49, 49))

    result = play(rows, *script, account="margin")

    assert result.trades[["side", "quantity", "entry_price", "exit_price", "pnl"]].tolist() == [
        (1, 1.0, 50.0, 51.0, 1.0),
        (-1, 0.5, 51.0, 49.0, 1.0),
    ]
    assert result.fills["position"].tolist() == [1.0, -0.5, 0.0]
    assert result.fills["pnl"].tolist() == [0.0, 1.0, 1.0]


def test_the_average_price_weighs_what_was_bought() -> None:
    script = ask(0, BUY, 1.0), ask(1, BUY, 0.5), ask(2, SELL, 1.5)
    rows = bars((1, 1, 1, 1), (50, 50, 50, 50), (51, 51, 51, 51), (52, 52, 52, 52))

    result = play(rows, *script)

    assert result.trades["entry_price"][0] == pytest.approx(50.3333333333)
    assert result.trades["pnl"][0] == pytest.approx(1 * 2 + 0.5 * 1)


def test_excursions_are_the_best_and_worst_on_the_way() -> None:
    script = ask(0), ask(3, SELL)
    rows = bars(FLAT, (100, 104, 97, 101), (101, 103, 99, 102), (102, 105, 101, 103), FLAT)

    trade = play(rows, *script).trades[0]

    assert (trade["mae"], trade["mfe"], trade["pnl"], trade["bars"]) == (-3.0, 5.0, 0.0, 3)


def test_leverage_limits_the_value_of_positions() -> None:
    inside = play(bars(FLAT, FLAT), ask(0, SELL, 300.0), account="margin", leverage=3)
    beyond = play(bars(FLAT, FLAT), ask(0, SELL, 300.001), account="margin", leverage=3)

    assert fills(inside) == [(1, SELL, 100.0, 300.0)]
    assert ends(beyond) == [(DONE_REFUSED, REASON_MARGIN)]


@pytest.mark.parametrize(
    ("side", "crash", "price"),
    [
        # long 900 at 100 with 10,000: cash -80,000; 0.995 * 900 p = 80,000
        (BUY, (100, 100, 80, 85), 89.33),
        # short 900: cash 100,000; 1.005 * 900 p = 100,000
        (SELL, (100, 120, 100, 118), 110.56),
        # a gap beyond it: at the open
        (BUY, (85, 86, 80, 85), 85.0),
    ],
)
def test_an_account_is_liquidated_where_the_path_meets_its_maintenance(
    side: int, crash: Any, price: float
) -> None:
    script = ask(0, side, 900.0), ask(1, side, 1.0, kind=LIMIT, price=50.0 if side > 0 else 150.0)

    result = play(bars(FLAT, FLAT, crash), *script, account="margin", leverage=10)

    assert result.metrics["liquidated"][0] == 1
    assert fills(result)[1][:2] == (2, -side)
    assert fills(result)[1][2] == pytest.approx(price, abs=0.011)
    assert result.fills["position"][-1] == 0
    assert ends(result)[1] == (DONE_CANCELED, REASON_LIQUIDATED)


def run_several(data: MarketData, scripts: dict[int, list[Any]], **settings: Any) -> EngineResult:
    """Scripts by instrument."""
    rules = tuple(MONEY.model_copy(update={"symbol": s}) for s in data.symbols)
    plain = {"maker_fee": 0.0, "taker_fee": 0.0, "instruments": rules}
    engine = Engine(SCRIPTED, data, Settings(**(plain | settings)), keep=True)
    for i, script in scripts.items():
        for j, line in enumerate(script):
            engine.states["script"][i, j] = line[0]
        engine.states["lines"][i] = len(script)
    engine.go(Nothing().record())
    return EngineResult(engine, Nothing())


def test_two_instruments_share_one_purse() -> None:
    up, down = bars(FLAT, FLAT, (110, 110, 110, 110)), bars(FLAT, FLAT, (90, 90, 90, 90))
    data = prepare({"BTCUSDT": up, "ETHUSDT": down})

    result = run_several(data, {0: [ask(0)], 1: [ask(0, BUY, 2.0)]})

    assert result.fills[["instrument", "price", "quantity"]].tolist() == [
        (0, 100.0, 1.0), (1, 100.0, 2.0),
    ]  # fmt: skip
    assert result.equity["equity"].tolist() == [10_000, 10_000, 9_990]
    assert result.equity["position"].tolist() == [0, 1, 1]
    assert result.metrics["bars"][0] == 3


def test_the_closes_of_the_second_instrument_are_kept() -> None:
    first, second = bars(FLAT, FLAT), bars((90, 95, 80, 91), (91, 92, 80, 85))
    whole = second[:1].copy()  # a longer interval, which orders no trade
    whole["ts_event"] = second["ts_event"][-1]

    result = run_several(prepare({"BTCUSDT": first, "ETHUSDT": [second, whole]}), {0: [ask(0)]})

    assert result.prices.tolist() == [
        (int(second["ts_event"][0]), 1, 91.0), (int(second["ts_event"][1]), 1, 85.0),
    ]  # fmt: skip
    assert len(play(first, ask(0)).prices) == 0


def test_one_series_gives_the_same_alone_and_among_others() -> None:
    rng = np.random.default_rng(3)
    steps = 100 + np.cumsum(rng.integers(-100, 101, (200, 4)).ravel()).reshape(200, 4) / 100
    rows = bars(*[(r[0], r.max(), r.min(), r[3]) for r in steps])
    script = [ask(i * 9, 1 if i % 2 == 0 else -1, 1.0, i % 6, price=r, trigger=r, trail=1.0)
              for i, r in enumerate(np.round(rng.uniform(95, 105, 8), 2))]  # fmt: skip

    alone = play(rows, *script, account="margin")
    flat = bars(*[FLAT] * 200)
    among = run_several(
        prepare({"A": rows, "B": flat}), {0: script}, account="margin", initial_balance=10_000
    )

    assert alone.fills.tolist() == among.fills.tolist()
    assert alone.equity.tolist() == among.equity.tolist()
    for name in ("sharpe", "max_drawdown", "exposure", "pnl", "win_rate"):
        assert alone.metrics[name] == pytest.approx(among.metrics[name], nan_ok=True)


def test_funding_is_paid_by_longs_before_the_next_open() -> None:
    funding = np.array([(START + 2 * MINUTE, START + 2 * MINUTE, 0.001, 101.0, 0)], FUNDING)
    data = prepare({"BTCUSDT": bars(FLAT, FLAT, FLAT, FLAT)}, funding={"BTCUSDT": funding})

    held = run_several(data, {0: [ask(0)]})
    late = run_several(data, {0: [ask(1)]})

    assert held.metrics["funding"][0] == pytest.approx(-0.101)
    assert held.final_equity == pytest.approx(10_000 - 0.101)
    assert late.metrics["funding"][0] == 0


def test_another_quote_currency_is_converted_at_the_rate_of_the_moment() -> None:
    cheap = bars((0.05, 0.05, 0.05, 0.05), (0.05, 0.05, 0.05, 0.05), (0.06, 0.06, 0.06, 0.06))
    rates = np.array([(START, 50_000.0), (START + 3 * MINUTE, 40_000.0)], FX)
    data = prepare({"ETHBTC": cheap}, rates={"ETHBTC": rates})

    result = run_several(data, {0: [ask(0)]})

    assert result.equity["equity"].tolist() == pytest.approx([10_000, 10_000, 7_500 + 2_400])


def test_a_longer_bar_may_decide_and_trades_on_the_shorter_ones() -> None:
    short = bars(*[FLAT] * 4)
    longer = bars(FLAT, FLAT, interval=2 * MINUTE)
    data = prepare({"BTCUSDT": [short, longer]})

    # calls: short 1, long 1, short 2 (same moment), short 3, long 2, short 4
    result = run_several(data, {0: [ask(1)]})

    assert result.fills["ts"].tolist() == [START + 2 * MINUTE]


def test_rules_are_needed_for_each_instrument() -> None:
    data = prepare({"A": bars(FLAT), "B": bars(FLAT)})

    with pytest.raises(ValueError, match="1 instruments, the data has 2"):
        Engine(SCRIPTED, data, Settings(instruments=(Rules(symbol="A"),)), keep=False)
