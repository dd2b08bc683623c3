"""An unmodified ccxt client trades on the simulator, and signs as we do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import ccxt.async_support as ccxt
import pytest
from simulated_binance import KEYS, World, running

from venues.binance.signing import matches, unsigned
from venues.binance.simulator_config import LimitConfig, SimulatorConfig


@asynccontextmanager
async def client(w: World) -> AsyncIterator[Any]:
    exchange = ccxt.binance(
        {
            "apiKey": KEYS.api_key,
            "secret": KEYS.secret,
            "timeout": 2000,
            # With keys, ccxt asks pages of other markets and of wallets: these are spot only.
            "options": {
                "fetchMarkets": {"types": ["spot"]},
                "fetchCurrencies": False,
                "fetchMargins": False,
            },
        }
    )
    for name, url in exchange.urls["api"].items():
        if isinstance(url, str):
            exchange.urls["api"][name] = url.replace("https://api.binance.com", w.url)
    try:
        yield exchange
    finally:
        await exchange.close()


async def test_unmodified_client_trades_from_markets_to_balance() -> None:
    async with running() as w, client(w) as exchange:
        markets = await exchange.load_markets()
        book = await exchange.fetch_order_book("BTC/USDT")
        placed = await exchange.create_order("BTC/USDT", "limit", "buy", 0.5, 59000)
        working = await exchange.fetch_open_orders("BTC/USDT")
        ended = await exchange.cancel_order(placed["id"], "BTC/USDT")
        taken = await exchange.create_order("BTC/USDT", "market", "sell", 0.25)
        trades = await exchange.fetch_my_trades("BTC/USDT")
        balance = await exchange.fetch_balance()
        ledger = w.simulator.exchange.venue.ledger()

    assert sorted(markets) == ["BTC/USDT", "ETH/USDT"]
    assert (book["bids"][0], book["asks"][0]) == ([60000, 100], [60010, 100])
    assert [o["id"] for o in working] == [placed["id"]]
    assert ended["status"] == "canceled"
    assert (taken["status"], taken["average"]) == ("closed", 60000)
    assert [(t["id"], t["price"], t["amount"]) for t in trades] == [("1", 60000, 0.25)]
    assert balance["BTC"]["total"] == float(ledger.balances()["BTC"]) == 9.75
    assert [o["status"] for o in ledger.to_json()["orders"]] == ["CANCELED", "FILLED"]


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
