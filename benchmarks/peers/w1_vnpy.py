"""W1 on vn.py's CTA backtester: bars are given, not read from its database.

It has no market orders. As its users do, we send limit orders a tenth beyond the price, which fill
at the next open.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from turns import CASH, FAST, FEE, SLOW, START_NS, bars, serve

Path(".vntrader").mkdir()  # it keeps its files here, or else in the user's home

from vnpy.trader.constant import Exchange, Interval
from vnpy.trader.object import BarData
from vnpy_ctastrategy import CtaTemplate
from vnpy_ctastrategy.backtesting import BacktestingEngine

START = datetime.fromtimestamp(START_NS // 1_000_000_000, UTC)


def made(i, row):
    o, h, low, c, volume = row
    return BarData(
        "W1",
        "BTCUSDT",
        Exchange.GLOBAL,
        START + timedelta(minutes=i),
        Interval.MINUTE,
        volume=volume,
        open_price=o,
        high_price=h,
        low_price=low,
        close_price=c,
    )


DATA = [made(i, row) for i, row in enumerate(bars().tolist())]


class Cross(CtaTemplate):
    def on_init(self):
        self.fast = self.slow = 0.0
        self.seen = 0

    def on_bar(self, bar):
        close = bar.close_price
        if self.seen == 0:
            self.fast = self.slow = close
        self.fast += (close - self.fast) * (2.0 / (FAST + 1.0))
        self.slow += (close - self.slow) * (2.0 / (SLOW + 1.0))
        self.seen += 1
        if self.seen < SLOW:
            return
        if self.fast > self.slow and not self.pos:
            self.buy(close * 1.1, 1)
        elif self.fast < self.slow and self.pos:
            self.sell(close * 0.9, 1)


def run():
    engine = BacktestingEngine()
    engine.output = lambda message: None
    engine.set_parameters(
        vt_symbol="BTCUSDT.GLOBAL",
        interval=Interval.MINUTE,
        start=START,
        end=DATA[-1].datetime,
        rate=FEE,
        slippage=0,
        size=1,
        pricetick=0.01,
        capital=int(CASH),
    )
    engine.add_strategy(Cross, {})
    engine.history_data = DATA
    start = time.perf_counter()
    engine.run_backtesting()
    seconds = time.perf_counter() - start
    if engine.strategy.seen != len(
        DATA
    ):  # it ends at an exception, and goes on as if all were well
        raise SystemExit(f"it ended after {engine.strategy.seen} of {len(DATA)} bars")
    return seconds, len(engine.trades), engine.calculate_result()["net_pnl"].sum()


serve("vnpy", run)
