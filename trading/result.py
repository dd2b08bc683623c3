"""What a backtest leaves behind: tables as structured arrays, its settings and its identity.

All tables are packed records of 8-byte fields, so a file, a report and a compiled loop read the
same bytes. Times are nanoseconds since 1970 UTC. Prices, quantities and money are float64; prices
and quantities are whole multiples of the instrument's tick and lot, so they become exact Decimals
by rounding to the instrument's digits. Money is in the settlement currency of the run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from messages.arrays import Rows

# A price of an instrument other than the main one: where a bar closed.
PRICE_ROW: Final = np.dtype([("ts", "<i8"), ("instrument", "<i8"), ("price", "<f8")])
# One row a step (a bar, or a decision of an event run), after all that happened in it.
EQUITY: Final = np.dtype(
    [
        ("ts", "<i8"),  # the close of the bar
        ("equity", "<f8"),  # cash + positions at the prices known now
        ("cash", "<f8"),
        ("position", "<f8"),  # of the main instrument, base, > 0 long
        ("price", "<f8"),  # the main instrument's price that `equity` uses
    ]
)
FILL_ROW: Final = np.dtype(
    [
        ("ts", "<i8"),
        ("instrument", "<i8"),  # index into the run's instruments
        ("order", "<i8"),  # ORDER_ROW.id
        ("side", "<i8"),
        ("price", "<f8"),
        ("quantity", "<f8"),
        ("fee", "<f8"),  # < 0: a rebate
        ("maker", "<i8"),
        ("pnl", "<f8"),  # realized by this fill, before its fee
        ("position", "<f8"),  # after it
    ]
)
ORDER_ROW: Final = np.dtype(
    [
        ("id", "<i8"),  # the number of the order within the run, from 0
        ("ts", "<i8"),  # decided
        ("instrument", "<i8"),
        ("side", "<i8"),
        ("type", "<i8"),  # trading.strategy_records: MARKET, LIMIT, ...
        ("quantity", "<f8"),
        ("price", "<f8"),  # 0 where the type has none
        ("trigger", "<f8"),
        ("tif", "<i8"),
        ("status", "<i8"),  # DONE_* below
        ("filled", "<f8"),
        ("tag", "<i8"),
        ("ts_closed", "<i8"),  # 0 while working
        ("reason", "<i8"),  # REASON_* below
    ]
)
# A round trip: from flat (or a flip) to flat (or a flip) in one instrument.
TRADE_ROW: Final = np.dtype(
    [
        ("entry_ts", "<i8"),
        ("exit_ts", "<i8"),
        ("instrument", "<i8"),
        ("side", "<i8"),  # +1 long
        ("quantity", "<f8"),  # all that was entered
        ("entry_price", "<f8"),  # averages
        ("exit_price", "<f8"),
        ("fee", "<f8"),
        ("pnl", "<f8"),  # after fees
        ("mae", "<f8"),  # worst open result on the way, <= 0, before fees
        ("mfe", "<f8"),  # best, >= 0
        ("bars", "<i8"),  # bars from entry to exit
    ]
)
# One row a run of a sweep; `trading.backtest.run_many` fills it. Formulas: trading/kernels/
# engine_metrics.py. Daily returns, annualised over 365 days; NaN where a figure has no meaning.
METRICS: Final = np.dtype(
    [
        ("final_equity", "<f8"),
        ("pnl", "<f8"),  # final equity - initial balance
        ("total_return", "<f8"),
        ("fills", "<i8"),
        ("orders", "<i8"),
        ("trades", "<i8"),
        ("fees", "<f8"),
        ("funding", "<f8"),  # received > 0
        ("sharpe", "<f8"),
        ("sortino", "<f8"),
        ("max_drawdown", "<f8"),  # fraction of the peak, 0..1; from every bar, not every day
        ("calmar", "<f8"),
        ("cagr", "<f8"),
        ("volatility", "<f8"),  # annualised
        ("profit_factor", "<f8"),
        ("win_rate", "<f8"),
        ("exposure", "<f8"),  # fraction of bars with a position
        ("turnover", "<f8"),  # traded value / mean equity, a year
        ("skew", "<f8"),  # of daily returns
        ("kurtosis", "<f8"),  # of daily returns, 3 for a normal distribution
        ("mean_daily", "<f8"),
        ("std_daily", "<f8"),
        ("days", "<i8"),  # daily returns behind the figures above
        ("bars", "<i8"),
        ("liquidated", "<i8"),  # 1 if the account was
        ("error", "<i8"),  # 0, or the ERROR_* code of trading.backtest: the row is void
    ]
)

# ORDER_ROW.status
WORKING_AT_END: Final = 0
DONE_FILLED: Final = 1
DONE_CANCELED: Final = 2
DONE_REFUSED: Final = 3
DONE_EXPIRED: Final = 4
STATUS_NAMES: Final = ("working", "filled", "canceled", "refused", "expired")
# ORDER_ROW.reason: why an order is not (wholly) filled.
REASON_NONE: Final = 0
REASON_ASKED: Final = 1
REASON_LINKED: Final = 2
REASON_IOC: Final = 3
REASON_FOK: Final = 4
REASON_GTD: Final = 5
REASON_POST_ONLY: Final = 6
REASON_REDUCE_ONLY: Final = 7
REASON_SIZE: Final = 8
REASON_NOTIONAL: Final = 9
REASON_MARGIN: Final = 10
REASON_ROOM: Final = 11
REASON_SELF_TRADE: Final = 12
REASON_LIQUIDATED: Final = 13
REASON_PROTECTION: Final = 14
REASON_NO_LIQUIDITY: Final = 15
REASON_TRIGGERED: Final = 16
REASON_NAMES: Final = (
    "",
    "cancel asked",
    "linked order filled or ended",
    "immediate or cancel: rest not filled",
    "fill or kill: not all at once",
    "good till date: expired",
    "post-only would have taken",
    "reduce-only would have opened",
    "below the smallest quantity",
    "below the smallest notional",
    "not enough cash or margin",
    "too many working orders",
    "would trade with an own order",
    "account liquidated",
    "price protection",
    "nothing to trade with",
    "stop would trigger at once",
)


@dataclass(frozen=True)
class BacktestResult:
    """One finished backtest.

    equity    (steps,) EQUITY
    fills     (n,) FILL_ROW, in order of time
    orders    (m,) ORDER_ROW, by id
    trades    (k,) TRADE_ROW, in order of exit; an open position at the end is not in it
    settings  the engine's settings as plain values, for a file
    identity  strategy, params, data digest, code digest, seed, instruments, interval_ns,
              initial_balance, currency, engine, fill_model
    metrics   one METRICS record: the figures a sweep computes, for this run
    prices    (p,) PRICE_ROW of the instruments after the first, whose price is in `equity`; by
              instrument, then time; of an event run none
    """

    equity: Rows
    fills: Rows
    orders: Rows
    trades: Rows
    settings: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    metrics: Rows = field(default_factory=lambda: np.zeros(1, METRICS))
    prices: Rows = field(default_factory=lambda: np.zeros(0, PRICE_ROW))

    @property
    def initial_balance(self) -> float:
        """The balance before the first bar."""
        return float(self.identity.get("initial_balance", 0.0))

    @property
    def final_equity(self) -> float:
        """Equity after the last step; the initial balance if there was none."""
        return float(self.equity["equity"][-1]) if len(self.equity) else self.initial_balance
