"""An unmodified ccxt client trades on the simulator of USD-M futures, over REST and streams."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import numpy as np
import pytest
from ccxt import pro
from ccxt_client import client, heard
from simulated_binance import KEYS, book, trade

from messages.base import InstrumentId, Message
from venues.binance.simulator_config import UsdmConfig
from venues.binance.simulator_usdm import Simulator

BTC = InstrumentId("BTCUSDT-PERP.BINANCE")
PAIR = "BTC/USDT:USDT"


@asynccontextmanager
async def running() -> AsyncIterator[Simulator]:
    """A book of 100 BTC at 60000/60010."""
    simulator = Simulator(UsdmConfig(), KEYS, None, time.time_ns)
    await simulator.start()
    tape(simulator, book())
    tape(simulator, trade(60005.0, 1.0, 1))
    simulator.exchange.on_second()
    try:
        yield simulator
    finally:
        await simulator.stop()


def tape(simulator: Simulator, message: Message) -> None:
    simulator.exchange.on_tape(message.model_copy(update={"instrument_id": BTC}))


def ccxt_client(simulator: Simulator, kind: Any = ccxt.binanceusdm) -> Any:
    return client(kind, KEYS, f"127.0.0.1:{simulator.port}")


async def test_client_trades_from_markets_to_positions() -> None:
    async with running() as s, ccxt_client(s) as exchange:
        markets = await exchange.load_markets()
        shown = await exchange.fetch_order_book(PAIR)
        trades = await exchange.fetch_trades(PAIR)
        bars = await exchange.fetch_ohlcv(PAIR, "1m")
        await exchange.set_leverage(10, PAIR)
        await exchange.set_margin_mode("isolated", PAIR)
        placed = await exchange.create_order(PAIR, "limit", "buy", 0.5, 59000)
        edited = await exchange.edit_order(placed["id"], PAIR, "limit", "buy", 0.4, 59500)
        working = await exchange.fetch_open_orders(PAIR)
        asked = await exchange.fetch_order(placed["id"], PAIR)
        ended = await exchange.cancel_order(placed["id"], PAIR)
        await exchange.create_order(PAIR, "market", "sell", 0.25)
        mine = await exchange.fetch_my_trades(PAIR)
        positions = await exchange.fetch_positions([PAIR])
        balance = await exchange.fetch_balance()
        funding = await exchange.fetch_funding_rate(PAIR)
        fee = await exchange.fetch_trading_fee(PAIR)
        ledger = s.exchange.venue.ledger()

    assert sorted(markets) == [PAIR, "ETH/USDT:USDT"]
    assert (shown["bids"][0], shown["asks"][0]) == ([60000, 100], [60010, 100])
    assert [t["price"] for t in trades] == [60005]
    assert bars[-1][4] == 60005
    assert (edited["price"], edited["amount"]) == (59500, 0.4)
    assert [o["id"] for o in working] == [placed["id"]]
    assert (asked["status"], ended["status"]) == ("open", "canceled")
    assert [(t["price"], t["amount"], t["side"]) for t in mine] == [(60000, 0.25, "sell")]
    assert [(p["side"], p["contracts"], p["entryPrice"]) for p in positions] == [
        ("short", 0.25, 60000)
    ]
    assert balance["USDT"]["total"] == float(ledger.balances()["USDT"]) == 1_000_000 - 7.5
    assert funding["fundingRate"] == 0.0001
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)
    assert ledger.problems() == ()


async def test_orders_with_triggers_are_kept_apart_until_they_trigger() -> None:
    async with running() as s, ccxt_client(s) as exchange:
        await exchange.create_order(PAIR, "market", "buy", 0.5)
        params = {"stopLossPrice": 59000, "reduceOnly": True}
        stop = await exchange.create_order(PAIR, "market", "sell", 0.5, None, params)
        profit = await exchange.create_order(
            PAIR, "market", "sell", 0.2, None, {"takeProfitPrice": 61000, "reduceOnly": True}
        )
        plain = await exchange.fetch_open_orders(PAIR)
        waiting = await exchange.fetch_open_orders(PAIR, params={"trigger": True})
        await exchange.cancel_order(stop["id"], PAIR, {"trigger": True})
        tape(s, trade(61000.0, 1.0, 1))
        asked = await exchange.fetch_order(profit["id"], PAIR, {"trigger": True})
        positions = await exchange.fetch_positions([PAIR])
        fills = s.exchange.venue.ledger().fills

    assert plain == []
    assert sorted(o["id"] for o in waiting) == sorted([stop["id"], profit["id"]])
    assert [f.last_qty for f in fills] == [Decimal("0.500"), Decimal("0.200")]
    assert asked["clientOrderId"] == profit["clientOrderId"]
    assert [p["contracts"] for p in positions] == [0.3]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("limit", "buy", 900, 60000, {}), "-2019"),
        (("limit", "buy", 0.1, 60500, {"postOnly": True}), "-5022"),
        (("market", "sell", 0.1, None, {"reduceOnly": True}), "-2022"),
        (("market", "buy", 0.1, None, {"stopLossPrice": 59000}), "-2021"),
        (("limit", "buy", 0.0001, 60000, {}), "precision"),
    ],
)
async def test_refusals_raise_what_the_client_has_for_them(words: Any, code: str) -> None:
    async with running() as s, ccxt_client(s) as exchange:
        await exchange.set_leverage(1, PAIR)

        with pytest.raises(ccxt.ExchangeError, match=code):
            await exchange.create_order(PAIR, *words)
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order("77", PAIR)

        assert s.exchange.venue.ledger().fills == []


async def test_streams_tell_the_market_and_the_account() -> None:
    async with running() as s, ccxt_client(s, pro.binanceusdm) as exchange:
        await exchange.load_markets()
        numbers = iter(range(100, 10_000))

        def move() -> None:
            n = next(numbers)
            tape(s, book(bid=60000.0 - n % 7))
            tape(s, trade(60005.0, 1.0, 1, n))
            s.exchange.on_second()

        shown = await heard(lambda: exchange.watch_order_book(PAIR), move)
        trades = await heard(lambda: exchange.watch_trades(PAIR), move)
        marks = await heard(lambda: exchange.watch_mark_price(PAIR), move)
        watching = asyncio.ensure_future(exchange.watch_orders(PAIR))
        async with asyncio.timeout(5):
            while not s.exchange.hub.channels("user@"):
                await asyncio.sleep(0.01)
        placed = await exchange.create_order(PAIR, "limit", "buy", 0.5, 59000)
        orders = await asyncio.wait_for(watching, 5)

    assert shown["asks"][0] == [60010, 100]
    assert trades[-1]["price"] == 60005
    assert marks["markPrice"] == 60005
    assert [(o["id"], o["status"]) for o in orders] == [(placed["id"], "open")]


async def test_liquidation_reaches_the_stream_and_the_ledger() -> None:
    rng = np.random.default_rng(3)
    keys = Simulator.make_keys(rng)
    config = UsdmConfig(balances={"USDT": Decimal(4000)})
    simulator = Simulator(config, keys, None, time.time_ns)
    await simulator.start()
    try:
        async with client(pro.binanceusdm, keys, f"127.0.0.1:{simulator.port}") as exchange:
            tape(simulator, book())
            await exchange.create_order(PAIR, "market", "buy", 1)
            watching = asyncio.ensure_future(exchange.watch_orders(PAIR))
            async with asyncio.timeout(5):
                while not simulator.exchange.hub.channels("user@"):
                    await asyncio.sleep(0.01)
            tape(simulator, book(bid=50000.0, ask=50010.0))
            orders = await asyncio.wait_for(watching, 5)
            positions = await exchange.fetch_positions([PAIR])
        ledger = simulator.exchange.venue.ledger()
    finally:
        await simulator.stop()

    assert [(o["side"], o["amount"], o["clientOrderId"]) for o in orders] == [
        ("sell", 1, "autoclose-1")
    ]
    assert positions == []
    assert ledger.lines[-1].spec.client_order_id == "autoclose-1"
    assert (ledger.balances()["USDT"], ledger.problems()) == (0, ())
