"""W1 on vectorbt: averages, signals and a portfolio at the next open, with its fastest engine."""

import time

import numpy as np
import pandas as pd
import vectorbt as vbt
from turns import CASH, FAST, FEE, MINUTE_NS, SLOW, START_NS, bars, serve

rows = bars()
index = pd.to_datetime(START_NS + np.arange(len(rows)) * MINUTE_NS)
opens, closes = pd.Series(rows[:, 0], index), pd.Series(rows[:, 3], index)


def run():
    start = time.perf_counter()
    fast = vbt.MA.run(closes, FAST, ewm=True).ma.to_numpy()
    slow = vbt.MA.run(closes, SLOW, ewm=True).ma.to_numpy()
    up, down = np.zeros((2, len(rows)), np.bool_)
    up[1:], down[1:] = (fast > slow)[:-1], (fast < slow)[:-1]
    up[:SLOW] = down[:SLOW] = False
    portfolio = vbt.Portfolio.from_signals(
        closes, up, down, price=opens, size=1.0, fees=FEE, init_cash=CASH, freq="1min"
    )
    fills, pnl = portfolio.orders.count(), portfolio.value().iloc[-1] - CASH
    return time.perf_counter() - start, fills, pnl


serve("vectorbt", run)
