"""Bars from an exchange's public API, through ccxt. Imported only where it is used: 0.5 s."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np

from messages.arrays import BAR, Rows
from scenarios.cli_output import Failure, Mistake

_LIMIT: Final = 1_000
_ATTEMPTS: Final = 5
_MS: Final = 1_000_000
OnBars = Callable[[int, int], None]  # ns fetched, ns in all
Pause = Callable[[float], object]


def connect(name: str, base_url: str | None = None) -> Any:
    """An exchange of ccxt, public, within its rate limit.

    base_url  replaces scheme and host of every address that the exchange has
    raises    Mistake if ccxt does not know it, or it has no bars
    """
    import ccxt  # noqa: PLC0415 - see the module's first line

    if name not in ccxt.exchanges:
        raise Mistake(f"--exchange {name}: ccxt does not know it: choose another, like binance")
    exchange = getattr(ccxt, name)(
        {"enableRateLimit": True, "options": {"fetchMarkets": {"types": ["spot"]}}}
    )
    if not exchange.has.get("fetchOHLCV"):
        raise Mistake(f"--exchange {name}: it gives no bars: choose another")
    if base_url is not None:
        exchange.urls["api"] = _moved(exchange.urls["api"], base_url.rstrip("/"))
        exchange.urls["hostname"] = urlsplit(base_url).netloc
    return exchange


def fetch_bars(
    exchange: Any,
    symbol: str,
    interval: str,
    bar_ns: int,
    start_ns: int,
    end_ns: int,
    *,
    on_bars: OnBars = lambda *_: None,
    pause: Pause = time.sleep,
) -> Rows:
    """Closed bars with start_ns <= ts_open < end_ns, oldest first.

    symbol  as ccxt has it, "BTC/USDT", or the exchange's own, "BTCUSDT"
    raises  Mistake for a symbol or an interval that the exchange has not; Failure if it keeps
            failing, which loses nothing: nothing was written
    """
    import ccxt  # noqa: PLC0415

    try:
        market = _asked(exchange.load_markets, pause) and exchange.market(symbol)
    except ccxt.BadSymbol as error:
        raise Mistake(
            f"{symbol}: {exchange.id} has no such market: write it like BTC/USDT"
        ) from error
    if interval not in exchange.timeframes:
        known = ", ".join(exchange.timeframes)
        raise Mistake(f"--interval {interval}: {exchange.id} has {known}: choose one of them")
    found: dict[int, tuple[float, ...]] = {}
    since, last_closed = start_ns, time.time_ns() - bar_ns
    while since < end_ns:
        page = _asked(
            lambda: exchange.fetch_ohlcv(market["symbol"], interval, since // _MS, _LIMIT),  # noqa: B023
            pause,
        )
        fresh = [r for r in page if since <= r[0] * _MS < end_ns]
        for opened, *values in fresh:
            # The bar that is still open changes: it comes with the next download.
            if opened * _MS <= last_closed:
                found[opened * _MS] = tuple(values)
        if not fresh:
            break
        since = fresh[-1][0] * _MS + bar_ns
        on_bars(min(since, end_ns) - start_ns, end_ns - start_ns)
    return _rows(found, bar_ns)


def _rows(found: dict[int, tuple[float, ...]], bar_ns: int) -> Rows:
    rows = np.zeros(len(found), BAR)
    for i, opened in enumerate(sorted(found)):
        prices = found[opened][:5]
        rows[i] = (opened, opened + bar_ns, opened + bar_ns, *prices, 0.0, 0.0, 0)
    return rows


def _asked(ask: Callable[[], Any], pause: Pause) -> Any:
    import ccxt  # noqa: PLC0415

    problem = ""
    for attempt in range(_ATTEMPTS):
        try:
            return ask()
        except ccxt.BadSymbol:
            raise
        except ccxt.NetworkError as error:  # also its rate limits
            problem = str(error)
            pause(2.0**attempt / 2)
        except ccxt.BaseError as error:
            raise Failure(f"the exchange refused: {error}: check symbol and dates") from error
    raise Failure(f"the exchange did not answer, {_ATTEMPTS} times ({problem}): try again later")


def _moved(urls: Any, base: str) -> Any:
    if isinstance(urls, dict):
        return {key: _moved(value, base) for key, value in urls.items()}
    if isinstance(urls, str):
        return base + urlsplit(urls).path
    return urls


def day(ns: int) -> str:
    """A date for a file's name."""
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y%m%d")
