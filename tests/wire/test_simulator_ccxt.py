"""An unmodified ccxt client trades on the simulator, and signs as we do."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import ccxt.async_support as ccxt
import ccxt_client
import pytest
from ccxt import pro
from simulated_binance import KEYS, World, book, running, trade, until

from venues.binance.signing import matches, unsigned
from venues.binance.simulator_config import LimitConfig, SimulatorConfig


def client(w: World, kind: Any = ccxt.binance) -> Any:
    # With keys, ccxt asks pages of other markets and of wallets: these are spot only.
    return ccxt_client.client(
        kind, KEYS, w.url.removeprefix("http://"), fetchMarkets={"types": ["spot"]}
    )


async def test_unmodified_client_trades_from_markets_to_balance() -> None:
    async with running() as w, client(w) as exchange:
        markets = await exchange.load_markets()
        book = await exchange.fetch_order_book("BTC/USDT")
        placed = await exchange.create_order("BTC/USDT", "limit", "buy", 0.5, 59000)
        working = await exchange.fetch_open_orders("BTC/USDT")
        ended = await exchange.cancel_order(placed["id"], "BTC/USDT")
        taken = await exchange.create_order("BTC/USDT", "market", "sell", 0.25)
        w.simulator.exchange.on_tape(trade(60005.0, 2.0, aggressor=1))
        public = await exchange.fetch_trades("BTC/USDT")
        bars = await exchange.fetch_ohlcv("BTC/USDT", "1m")
        asked = await exchange.fetch_order(taken["id"], "BTC/USDT")
        trades = await exchange.fetch_my_trades("BTC/USDT")
        balance = await exchange.fetch_balance()
        ledger = w.simulator.exchange.venue.ledger()

    assert sorted(markets) == ["BTC/USDT", "ETH/USDT"]
    assert (book["bids"][0], book["asks"][0]) == ([60000, 100], [60010, 100])
    assert [o["id"] for o in working] == [placed["id"]]
    assert ended["status"] == "canceled"
    assert (taken["status"], taken["average"]) == ("closed", 60000)
    assert [(t["id"], t["price"], t["amount"]) for t in trades] == [("1", 60000, 0.25)]
    assert [t["price"] for t in public] == [60005]
    assert bars[-1][4] == 60005
    assert (asked["status"], asked["filled"]) == ("closed", 0.25)
    assert balance["BTC"]["total"] == float(ledger.balances()["BTC"]) == 9.75
    assert [o["status"] for o in ledger.to_json()["orders"]] == ["CANCELED", "FILLED"]


async def test_order_is_edited_by_being_replaced() -> None:
    async with running() as w, client(w) as exchange:
        placed = await exchange.create_order("BTC/USDT", "limit", "buy", 0.5, 59000)
        edited = await exchange.edit_order(placed["id"], "BTC/USDT", "limit", "buy", 0.4, 59500)
        working = await exchange.fetch_open_orders("BTC/USDT")
        with pytest.raises(ccxt.ExchangeError):
            await exchange.edit_order(placed["id"], "BTC/USDT", "limit", "buy", 0.4, 59600)
        statuses = [o["status"] for o in w.simulator.exchange.venue.ledger().to_json()["orders"]]

    assert [(o["id"], o["price"], o["amount"]) for o in working] == [(edited["id"], 59500, 0.4)]
    assert statuses == ["CANCELED", "NEW"]


async def test_streams_tell_the_market_and_the_account() -> None:
    async with running() as w, client(w, pro.binance) as exchange:
        await exchange.load_markets()
        numbers = iter(range(100, 10_000))

        def move() -> None:
            n = next(numbers)
            w.simulator.exchange.on_tape(book(bid=60000.0 - n % 7))
            w.simulator.exchange.on_tape(trade(60005.0, 1.0, 1, n))

        shown = await ccxt_client.heard(lambda: exchange.watch_order_book("BTC/USDT"), move)
        trades = await ccxt_client.heard(lambda: exchange.watch_trades("BTC/USDT"), move)
        watching = asyncio.ensure_future(exchange.watch_orders("BTC/USDT"))
        await until(lambda: bool(w.simulator.exchange.hub.channels("user#")))
        placed = await exchange.create_order("BTC/USDT", "limit", "buy", 0.5, 59000)
        orders = await asyncio.wait_for(watching, 5)

    assert shown["asks"][0] == [60010, 100]
    assert trades[-1]["price"] == 60005
    assert [(o["id"], o["status"]) for o in orders] == [(placed["id"], "open")]


async def test_refusals_and_limits_raise_what_the_client_has_for_them() -> None:
    config = SimulatorConfig(limits=LimitConfig(weight_max=30))
    async with running(config) as w, client(w) as exchange:
        await exchange.load_markets()
        with pytest.raises(ccxt.InsufficientFunds):
            await exchange.create_order("BTC/USDT", "limit", "buy", 1000, 60000)
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order("77", "BTC/USDT")
        with pytest.raises(ccxt.DDoSProtection):
            await exchange.fetch_my_trades("BTC/USDT")


async def test_signature_of_the_client_is_ours() -> None:
    exchange = ccxt.binance({"apiKey": KEYS.api_key, "secret": KEYS.secret})
    params = {"symbol": "BTCUSDT", "newClientOrderId": "a-b_c", "quantity": "0.10"}

    for method, part in (("POST", "body"), ("DELETE", "url")):
        text = exchange.sign("order", ["private"], method, dict(params))[part].rpartition("?")[2]

        assert matches(unsigned(text), KEYS.secret, dict(parse_qsl(text))["signature"])
