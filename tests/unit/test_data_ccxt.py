"""Bars through ccxt, from a small exchange on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from journal.catalogue import Catalogue
from messages.arrays import Rows
from scenarios.cli import main
from scenarios.cli_output import Failure, Mistake
from scenarios.data_ccxt import connect, fetch_bars

MINUTE_MS = 60_000
START_MS = 1_700_000_040_000
COUNT = 2_500  # two pages and a half


class Exchange:
    """Binance's public REST for one market, and as many failures as it is told."""

    def __init__(self, count: int = COUNT, start_ms: int = START_MS) -> None:
        self.count, self.start_ms = count, start_ms
        self.failures: list[int] = []
        self.pages = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Markets, or a page of klines."""
        if request.path.endswith("/exchangeInfo"):
            return web.json_response({"symbols": [MARKET]})
        if self.failures:
            return web.json_response({"code": -1003, "msg": "wait"}, status=self.failures.pop(0))
        self.pages += 1
        since, limit = int(request.query["startTime"]), int(request.query["limit"])
        first = max(0, -(-(since - self.start_ms) // MINUTE_MS))
        wanted = range(first, min(first + limit, self.count))
        return web.json_response([kline(i, self.start_ms) for i in wanted])


MARKET = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "isSpotTradingAllowed": True,
    "permissions": ["SPOT"],
    "orderTypes": ["LIMIT"],
    "filters": [],
}


def kline(i: int, start_ms: int) -> list[Any]:
    """The bar `i` minutes after the first."""
    opened = start_ms + i * MINUTE_MS
    return [opened, str(100 + i), str(102 + i), str(99 + i), str(101 + i), "3", opened + 59_999]


@asynccontextmanager
async def serving(exchange: Exchange) -> AsyncIterator[str]:
    """Its address."""
    app = web.Application()
    app.router.add_get("/{path:.*}", exchange.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def bars(exchange: Exchange, symbol: str = "BTC/USDT", interval: str = "1m") -> Rows:
    """All of its bars."""

    def ask(url: str) -> Rows:
        start = exchange.start_ms * 1_000_000
        end = start + 10_000 * MINUTE_MS * 1_000_000
        there = connect("binance", url)
        there.enableRateLimit = False
        step = MINUTE_MS * 1_000_000
        return fetch_bars(there, symbol, interval, step, start, end, pause=lambda _: None)

    async with serving(exchange) as url:
        return await asyncio.to_thread(ask, url)


async def test_pages_join_without_a_bar_twice_or_missing() -> None:
    exchange = Exchange()

    rows = await bars(exchange)

    assert len(rows) == COUNT
    assert set((rows["ts_open"][1:] - rows["ts_open"][:-1]).tolist()) == {60_000_000_000}
    assert rows[0]["ts_event"] - rows[0]["ts_open"] == 60_000_000_000
    assert [rows[-1][n] for n in ("open", "high", "low", "close")] == [2599, 2601, 2598, 2600]


async def test_the_bar_that_is_still_open_is_left_out() -> None:
    now_ms = time.time_ns() // 1_000_000
    exchange = Exchange(5, now_ms // MINUTE_MS * MINUTE_MS - 3 * MINUTE_MS)

    rows = await bars(exchange)

    assert len(rows) in (3, 4)  # a minute may end while this runs
    assert rows["ts_event"].max() <= time.time_ns()


async def test_a_download_from_an_exchange_ends_in_the_catalogue(tmp_path: Path) -> None:
    words = ["data", "download", "BTC/USDT", "--source", "ccxt", "--start", "2023-11-14"]
    words += ["--end", "2023-11-14", "--interval", "60s", "--catalogue", str(tmp_path)]

    async with serving(Exchange()) as url:
        ended = await asyncio.to_thread(main, [*words, "--base-url", url])

    (series,) = Catalogue(tmp_path).series()
    assert ended == 0
    assert str(series.id) == "BTCUSDT.BINANCE 1m bars"
    assert series.rows == 106  # from 22:14 to midnight


async def test_an_exchange_that_asks_to_wait_is_asked_again() -> None:
    exchange = Exchange(10)
    exchange.failures = [429, 503]

    assert len(await bars(exchange)) == 10


async def test_an_exchange_that_never_answers_is_given_up() -> None:
    exchange = Exchange(10)
    exchange.failures = [503] * 50

    with pytest.raises(Failure, match="did not answer"):
        await bars(exchange)


async def test_an_unknown_market_or_interval_is_the_users_mistake() -> None:
    with pytest.raises(Mistake, match="NOPE/USDT: binance has no such market"):
        await bars(Exchange(1), symbol="NOPE/USDT")
    with pytest.raises(Mistake, match="--interval 7m"):
        await bars(Exchange(1), interval="7m")


def test_an_unknown_exchange_is_the_users_mistake() -> None:
    with pytest.raises(Mistake, match="--exchange nope"):
        connect("nope")
