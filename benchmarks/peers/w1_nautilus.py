"""W1 on nautilus_trader 2, its strategy in Python: fills are at the close of the deciding bar.

Volumes are multiplied by 1,000: it fills at most a quarter of a bar's volume at its price.
"""

import time
from decimal import Decimal

from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig, LogLevel
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.model import (
    AccountType,
    Bar,
    BarType,
    Currency,
    CurrencyPair,
    InstrumentId,
    Money,
    OmsType,
    OrderSide,
    Price,
    Quantity,
    Symbol,
    Venue,
)
from nautilus_trader.trading import Strategy
from turns import CASH, FAST, FEE, MINUTE_NS, SLOW, START_NS, bars, serve

ID = InstrumentId.from_str("BTCUSDT.SIM")
KIND = BarType.from_str("BTCUSDT.SIM-1-MINUTE-LAST-EXTERNAL")
USDT = Currency.from_str("USDT")
PAIR = CurrencyPair(
    ID,
    Symbol("BTCUSDT"),
    Currency.from_str("BTC"),
    USDT,
    price_precision=2,
    size_precision=3,
    price_increment=Price(0.01, 2),
    size_increment=Quantity(0.001, 3),
    ts_event=0,
    ts_init=0,
)
ONE = Quantity(1.0, 3)


def made(i, row):
    o, h, low, c, volume = row
    prices = (Price(o, 2), Price(h, 2), Price(low, 2), Price(c, 2))
    ts = START_NS + (i + 1) * MINUTE_NS
    return Bar(KIND, *prices, Quantity(round(volume * 1000, 3), 3), ts, ts)


DATA = [made(i, row) for i, row in enumerate(bars().tolist())]


class Cross(Strategy):
    def __init__(self):
        super().__init__()
        self.fast = self.slow = 0.0
        self.seen = self.fills = 0
        self.long = False

    def on_start(self):
        self.subscribe_bars(KIND)

    def on_bar(self, bar):
        close = float(bar.close)
        if self.seen == 0:
            self.fast = self.slow = close
        self.fast += (close - self.fast) * (2.0 / (FAST + 1.0))
        self.slow += (close - self.slow) * (2.0 / (SLOW + 1.0))
        self.seen += 1
        if self.seen < SLOW:
            return
        if self.fast > self.slow and not self.long:
            self.send(OrderSide.BUY)
        elif self.fast < self.slow and self.long:
            self.send(OrderSide.SELL)

    def send(self, side):
        self.submit_order(self.order_factory.market(ID, side, ONE))

    def on_order_filled(self, event):
        self.fills += 1
        self.long = event.order_side == OrderSide.BUY


def run():
    quiet = LoggerConfig(stdout_level=LogLevel.OFF, bypass_logging=True)
    config = BacktestEngineConfig(bypass_logging=True, run_analysis=False, logging=quiet)
    engine = BacktestEngine(config)
    engine.add_venue(
        Venue("SIM"),
        OmsType.NETTING,
        AccountType.CASH,
        [Money(CASH, USDT), Money(0.0, Currency.from_str("BTC"))],
        fee_model=MakerTakerFeeModel(maker_rate=Decimal(str(FEE)), taker_rate=Decimal(str(FEE))),
    )
    engine.add_instrument(PAIR)
    engine.add_data(DATA)
    strategy = Cross()
    engine.add_strategy(strategy)
    start = time.perf_counter()
    engine.run()
    seconds = time.perf_counter() - start
    account = engine.cache.account_for_venue(Venue("SIM"))
    held = float(account.balance_total(Currency.from_str("BTC")).as_double())
    cash = float(account.balance_total(USDT).as_double())
    pnl = cash + held * float(DATA[-1].close) - CASH
    engine.dispose()
    return seconds, strategy.fills, pnl


serve("nautilus_trader", run)
