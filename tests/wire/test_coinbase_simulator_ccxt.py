"""Unmodified ccxt clients, plain and over WebSocket, trade on the simulator of Coinbase."""

import asyncio
from typing import Any

import ccxt.async_support as ccxt
import ccxt_client
import pytest
from ccxt import pro
from simulated_coinbase import KEYS, World, book, running, trade

from venues.coinbase.simulator_config import LimitConfig, SimulatorConfig


def client(w: World, kind: Any = ccxt.coinbase) -> Any:
    # Balances of the trading API, not of the wallets behind it.
    wallet = "v3PrivateGetBrokerageAccounts"
    return ccxt_client.client(kind, KEYS, w.url.removeprefix("http://"), fetchBalance=wallet)


async def test_unmodified_client_trades_from_markets_to_balance() -> None:
    async with running() as w, client(w) as exchange:
        w.simulator.exchange.on_tape(trade(60005.0, 0.5, 1))
        markets = await exchange.load_markets()
        found = await exchange.fetch_order_book("BTC/USD")
        public = await exchange.fetch_trades("BTC/USD")
        candles = await exchange.fetch_ohlcv("BTC/USD", "1m", limit=5)
        placed = await exchange.create_order("BTC/USD", "limit", "buy", 0.5, 59000)
        working = await exchange.fetch_open_orders("BTC/USD")
        await exchange.edit_order(placed["id"], "BTC/USD", "limit", "buy", 0.25, 58000)
        edited = await exchange.fetch_order(placed["id"], "BTC/USD")
        await exchange.cancel_order(placed["id"], "BTC/USD")
        ended = await exchange.fetch_order(placed["id"], "BTC/USD")
        taken = await exchange.create_order("BTC/USD", "market", "sell", 0.25)
        filled = await exchange.fetch_order(taken["id"], "BTC/USD")
        trades = await exchange.fetch_my_trades("BTC/USD")
        balance = await exchange.fetch_balance()
        ledger = w.simulator.exchange.venue.ledger()

    assert sorted(markets) == ["BTC/USD", "ETH/USD"]
    assert (found["bids"][0], found["asks"][0]) == ([60000, 100], [60010, 100])
    assert [(t["price"], t["amount"], t["side"]) for t in public] == [(60005, 0.5, "sell")]
    assert [row[4] for row in candles] == [60005]
    assert [o["id"] for o in working] == [placed["id"]]
    assert (edited["amount"], edited["price"]) == (0.25, 58000)
    assert ended["status"] == "canceled"
    assert (filled["status"], filled["average"]) == ("closed", 60000)
    assert [(t["price"], t["amount"], t["order"]) for t in trades] == [(60000, 0.25, taken["id"])]
    assert trades[0]["fee"]["currency"] == "USD"
    assert balance["BTC"]["total"] == float(ledger.balances()["BTC"]) == 9.75
    assert balance["USD"]["total"] == float(ledger.balances()["USD"])
    assert [o["status"] for o in ledger.to_json()["orders"]] == ["CANCELED", "FILLED"]


async def test_unmodified_client_watches_books_trades_and_orders() -> None:
    async with running() as w, client(w, pro.coinbase) as exchange:
        await exchange.load_markets()
        first = await exchange.watch_order_book("BTC/USD")
        assert (first["bids"][0], first["asks"][0]) == ([60000, 100], [60010, 100])

        watching = asyncio.create_task(exchange.watch_trades("BTC/USD"))
        await _subscribed(w, "market_trades:BTC-USD")
        w.simulator.exchange.on_tape(trade(60010.0, 0.5, 1, 77))
        (seen, *_) = await asyncio.wait_for(watching, 5)
        orders = asyncio.create_task(exchange.watch_orders("BTC/USD"))
        await _subscribed(w, "user")
        placed = await exchange.create_order("BTC/USD", "limit", "buy", 0.5, 59000)
        (told, *_) = await asyncio.wait_for(orders, 5)
        w.simulator.exchange.on_tape(book(bid=60001.0))
        while (await exchange.watch_order_book("BTC/USD"))["bids"][0][0] != 60001:
            continue

    assert (seen["id"], seen["price"]) == ("77", 60010)
    assert (told["id"], told["status"], told["remaining"]) == (placed["id"], "open", 0.5)


async def _subscribed(w: World, channel: str) -> None:
    async with asyncio.timeout(5):
        while not w.simulator.exchange.hub.wanted(channel):
            await asyncio.sleep(0.01)


async def test_refusals_and_limits_raise_what_the_client_has_for_them() -> None:
    limits = LimitConfig(private_max=5)
    async with running(SimulatorConfig(limits=limits)) as w, client(w) as exchange:
        await exchange.load_markets()
        with pytest.raises(ccxt.InsufficientFunds):
            await exchange.create_order("BTC/USD", "limit", "buy", 1000, 60000)
        with pytest.raises(ccxt.BaseError, match="not found"):
            await exchange.fetch_order("00000000-0000-4000-8000-000000000077", "BTC/USD")
        with pytest.raises(ccxt.BadRequest):
            await exchange.cancel_order("00000000-0000-4000-8000-000000000077", "BTC/USD")
        with pytest.raises(ccxt.RateLimitExceeded):
            await asyncio.gather(*(exchange.fetch_my_trades("BTC/USD") for _ in range(8)))


async def test_a_request_with_another_key_is_refused() -> None:
    async with running() as w, client(w) as exchange:
        await exchange.load_markets()
        exchange.apiKey = "organizations/another"
        with pytest.raises(ccxt.AuthenticationError):
            await exchange.fetch_balance()
