"""W3 and W4 on hftbacktest 2.4.4, in an environment of its own; prints one JSON object.

    uv run --no-project --with hftbacktest==2.4.4 --with "numpy<2.3" \\
        python benchmarks/peers/w3_hftbacktest.py FOLDER RUNS

FOLDER holds quotes.npy, trades.npy and deltas.npy. Times are of the run alone.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from hftbacktest import (
    BUY,
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit

TICK = 0.01
LATENCY_NS = 1_000_000
BOTH = EXCH_EVENT | LOCAL_EVENT


def rows(ts, flags, ticks, sizes):
    """Events of one kind; all are heard one latency after they happen."""
    made = np.zeros(len(ts), event_dtype)
    made["exch_ts"], made["local_ts"] = ts, ts + LATENCY_NS
    made["ev"], made["px"], made["qty"] = flags, ticks * TICK, sizes
    return made


def quotes_and_trades(folder):
    """A quote becomes up to four depth events: old levels end, new ones begin."""
    quotes, trades = np.load(folder / "quotes.npy"), np.load(folder / "trades.npy")
    parts, order = [], []
    at = np.arange(len(quotes))
    for n, (price, size, flag) in enumerate(((1, 2, BUY_EVENT), (3, 4, SELL_EVENT))):
        before = np.r_[quotes[0, price], quotes[:-1, price]]
        gone = before != quotes[:, price]
        flags = DEPTH_EVENT | BOTH | flag
        parts.append(rows(quotes[gone, 0], flags, before[gone], 0))
        order.append(at[gone] * 4 + n)
        parts.append(rows(quotes[:, 0], flags, quotes[:, price], quotes[:, size]))
        order.append(at * 4 + 2 + n)
    depth = np.concatenate(parts)
    depth = depth[np.argsort(np.concatenate(order), kind="stable")]
    flags = TRADE_EVENT | BOTH | np.where(trades[:, 3] > 0, BUY_EVENT, SELL_EVENT)
    both = np.concatenate([depth, rows(trades[:, 0], flags, trades[:, 1], trades[:, 2])])
    return both[np.argsort(both["exch_ts"], kind="stable")]


def deltas(folder, flags):
    found = np.load(folder / "deltas.npy")
    sides = np.where(found[:, 1] > 0, BUY_EVENT, SELL_EVENT)
    return rows(found[:, 0], DEPTH_EVENT | flags | sides, found[:, 2], found[:, 3])


def backtest(data):
    asset = (
        BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(LATENCY_NS, LATENCY_NS)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(TICK)
        .lot_size(1.0)
        .roi_lb(9000.0)
        .roi_ub(11000.0)
    )
    return ROIVectorMarketDepthBacktest([asset])


@njit
def quote(hbt, limit, step_ns):
    number = 0
    while hbt.elapse(step_ns) == 0:
        hbt.clear_inactive_orders(0)
        depth, orders, position = hbt.depth(0), hbt.orders(0), hbt.position(0)
        bid, ask = position < limit, position > -limit
        best_bid, best_ask = depth.best_bid_tick, depth.best_ask_tick
        values = orders.values()
        while values.has_next():
            order = values.get()
            if order.side == BUY and bid and order.price_tick == best_bid:
                bid = False
            elif order.side != BUY and ask and order.price_tick == best_ask:
                ask = False
            elif order.cancellable:
                hbt.cancel(0, order.order_id, False)
        if bid:
            hbt.submit_buy_order(0, number, best_bid * TICK, 1.0, GTX, LIMIT, False)
        if ask:
            hbt.submit_sell_order(0, number + 1, best_ask * TICK, 1.0, GTX, LIMIT, False)
        number += 2


@njit
def replay(hbt, step_ns):
    while hbt.elapse(step_ns) == 0:
        pass


def timed(data, run, runs):
    """(seconds of each run, the last backtest)."""
    seconds, last = [], None
    for _ in range(runs + 1):
        if last is not None:
            last.close()
        last = backtest(data)
        start = time.process_time()
        run(last)
        seconds.append(time.process_time() - start)
    return seconds[1:], last  # the first one compiles


def main():
    folder, runs = Path(sys.argv[1]), int(sys.argv[2])
    data = quotes_and_trades(folder)
    seconds, last = timed(data, lambda h: quote(h, 10.0, 100_000_000), runs)
    values, depth = last.state_values(0), last.depth(0)
    mid = 0.5 * TICK * (depth.best_bid_tick + depth.best_ask_tick)
    found = {
        "w3_seconds": seconds,
        "w3_fills": int(values.num_trades),
        "w3_pnl": round(float(values.balance + values.position * mid), 4),
    }
    last.close()
    for name, flags in (("local", LOCAL_EVENT), ("both", BOTH)):
        seconds, last = timed(deltas(folder, flags), lambda h: replay(h, 3_600_000_000_000), runs)
        last.close()
        found[f"w4_{name}_seconds"] = seconds
    print(json.dumps(found))


if __name__ == "__main__":
    main()
