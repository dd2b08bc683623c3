"""W1 on backtesting.py: market orders at the next open, commission of a fraction of the value."""

import time
import warnings

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from turns import CASH, FAST, FEE, MINUTE_NS, SLOW, START_NS, bars, serve

warnings.simplefilter("ignore")
table = pd.DataFrame(bars(), columns=["Open", "High", "Low", "Close", "Volume"])
table.index = pd.to_datetime(START_NS + np.arange(len(table)) * MINUTE_NS)


def average(close, span):
    return pd.Series(close).ewm(span=span, adjust=False).mean().to_numpy()


class Cross(Strategy):
    def init(self):
        self.fast = self.I(average, self.data.Close, FAST)
        self.slow = self.I(average, self.data.Close, SLOW)

    def next(self):
        if len(self.data) < SLOW:
            return
        if self.fast[-1] > self.slow[-1]:
            if not self.position:
                self.buy(size=1)
        elif self.fast[-1] < self.slow[-1] and self.position:
            self.position.close()


def run():
    test = Backtest(table, Cross, cash=CASH, commission=FEE)
    start = time.perf_counter()
    stats = test.run()
    seconds = time.perf_counter() - start
    open_trades = len(stats["_strategy"].trades)
    fills = 2 * len(stats["_strategy"].closed_trades) + open_trades
    return seconds, fills, stats["Equity Final [$]"] - CASH


serve("backtesting", run)
