"""W1 on backtrader: market orders at the next open; the averages begin with the first close."""

import time

import backtrader as bt
import numpy as np
import pandas as pd
from turns import CASH, FAST, FEE, MINUTE_NS, SLOW, START_NS, bars, serve

table = pd.DataFrame(bars(), columns=["open", "high", "low", "close", "volume"])
table.index = pd.to_datetime(START_NS + np.arange(len(table)) * MINUTE_NS)


class Cross(bt.Strategy):
    def __init__(self):
        self.fast = self.slow = None
        self.seen = self.fills = 0

    def next(self):
        close = self.data.close[0]
        if self.seen == 0:
            self.fast = self.slow = close
        self.fast += (close - self.fast) * 2.0 / (FAST + 1.0)
        self.slow += (close - self.slow) * 2.0 / (SLOW + 1.0)
        self.seen += 1
        if self.seen < SLOW:
            return
        if self.fast > self.slow and not self.position.size:
            self.buy(size=1)
        elif self.fast < self.slow and self.position.size:
            self.close()

    def notify_order(self, order):
        self.fills += order.status == order.Completed


def run():
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=table))
    cerebro.addstrategy(Cross)
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(FEE)
    start = time.perf_counter()
    (strategy,) = cerebro.run()
    return time.perf_counter() - start, strategy.fills, cerebro.broker.getvalue() - CASH


serve("backtrader", run)
