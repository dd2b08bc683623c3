"""A backtest small enough to be computed by hand, and the words of a page."""

from html.parser import HTMLParser
from typing import Any

import numpy as np

from trading.result import EQUITY, FILL_ROW, METRICS, ORDER_ROW, TRADE_ROW, BacktestResult

DAY_NS = 86_400_000_000_000
HOUR_NS = DAY_NS // 24
START_NS = 1_704_067_200_000_000_000  # 2024-01-01
# Closes of nine days from January 28th: January's last one is 110, February begins there.
EQUITIES = (100.0, 105.0, 110.0, 110.0, 99.0, 88.0, 99.0, 110.0, 121.0)
PRICES = (10.0, 11.0, 12.0, 12.0, 9.0, 6.0, 8.0, 9.0, 15.0)
JANUARY_28 = START_NS + 27 * DAY_NS
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "path", "rect", "line"}


def small(strategy: str = "by_hand", **identity: Any) -> BacktestResult:
    """Nine daily bars, two trades: a win of 12 and a loss of 4."""
    n = len(EQUITIES)
    equity = np.zeros(n, EQUITY)
    equity["ts"] = JANUARY_28 + np.arange(1, n + 1) * DAY_NS
    equity["equity"], equity["price"] = EQUITIES, PRICES
    equity["position"] = (0, 5, 5, 0, 0, -4, -4, 0, 0)
    trades = np.zeros(2, TRADE_ROW)
    trades["entry_ts"] = equity["ts"][[1, 5]]
    trades["exit_ts"] = equity["ts"][[3, 7]]
    trades["side"], trades["quantity"] = (1, -1), (5.0, 4.0)
    trades["entry_price"], trades["exit_price"] = (10.0, 8.0), (12.5, 8.9)
    trades["fee"], trades["pnl"] = (0.5, 0.4), (12.0, -4.0)
    trades["mae"], trades["mfe"] = (-5.0, -6.4), (15.0, 3.2)
    fills = np.zeros(4, FILL_ROW)
    fills["ts"] = np.column_stack((trades["entry_ts"], trades["exit_ts"])).ravel()
    fills["side"], fills["quantity"] = (1, -1, -1, 1), (5.0, 5.0, 4.0, 4.0)
    fills["price"], fills["fee"] = (10.0, 12.5, 8.0, 8.9), (0.25, 0.25, 0.2, 0.2)
    orders = np.zeros(5, ORDER_ROW)
    orders["id"], orders["status"], orders["reason"] = range(5), (1, 1, 1, 1, 3), (0, 0, 0, 0, 10)
    known = {
        "strategy": strategy, "params": {"fast": 3, "slow": 7}, "data_digest": "d" * 64,
        "code_digest": "c" * 64, "seed": 7, "instruments": ["BTCUSDT"], "interval_ns": DAY_NS,
        "initial_balance": 100.0, "currency": "USDT", "engine": "bars-1", "fill_model": "close",
    }  # fmt: skip
    settings = {"taker_fee": 0.001, "instruments": [{"symbol": "BTCUSDT", "tick": 0.01}]}
    return BacktestResult(
        equity, fills, orders, trades, settings, known | identity, np.zeros(1, METRICS)
    )


def minutes(count: int, seed: int = 1) -> BacktestResult:
    """A random run of so many minute bars, with a fill every hundredth and a trade every two."""
    rng = np.random.default_rng(seed)
    equity = np.zeros(count, EQUITY)
    equity["ts"] = START_NS + np.arange(1, count + 1) * (HOUR_NS // 60)
    equity["price"] = 40_000.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, count)))
    equity["equity"] = 10_000.0 * np.exp(np.cumsum(rng.normal(0.0, 2e-4, count)))
    equity["position"] = rng.integers(-1, 2, count // 100 + 1).repeat(100)[:count] * 0.1
    at = np.arange(50, count, 100)
    fills = np.zeros(len(at), FILL_ROW)
    fills["ts"], fills["price"] = equity["ts"][at], equity["price"][at]
    fills["side"], fills["quantity"] = np.where(np.arange(len(at)) % 2, -1, 1), 0.1
    trades = np.zeros(len(at) // 2, TRADE_ROW)
    trades["entry_ts"], trades["exit_ts"] = at[: 2 * len(trades) : 2], at[1 : 2 * len(trades) : 2]
    for name in ("entry_ts", "exit_ts"):
        trades[name] = equity["ts"][trades[name]]
    trades["side"], trades["quantity"], trades["entry_price"] = 1, 0.1, 40_000.0
    trades["pnl"] = rng.normal(0.0, 30.0, len(trades))
    trades["mae"] = np.minimum(0.0, trades["pnl"]) - rng.exponential(9.0, len(trades))
    trades["mfe"] = np.maximum(0.0, trades["pnl"]) + rng.exponential(9.0, len(trades))
    known = {"strategy": "random", "instruments": ["BTCUSDT"], "initial_balance": 10_000.0}
    known |= {"interval_ns": HOUR_NS // 60, "currency": "USDT", "params": {}}
    return BacktestResult(equity, fills, np.zeros(0, ORDER_ROW), trades, {}, known)


class Page(HTMLParser):
    """A page that is read to its end: elements, their attributes, text; `problems` if torn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        self.problems += [f"{tag} is left open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID or (tag == "rect" and not self.get_starttag_text().endswith("/>")):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()} closes nothing")

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def ids(self) -> list[str]:
        """Every id, in order."""
        return [a["id"] or "" for _, a in self.elements if "id" in a]
