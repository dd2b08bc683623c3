"""An unmodified ccxt client, but for its addresses, trades on the simulated Bybit."""

import asyncio
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.async_support
import ccxt.pro
import ccxt_client
import pytest
from ccxt_client import until_heard
from served import book, trade
from simulated_bybit import KEYS, LINEAR, SPOT, running

from venues.bybit.simulator import Simulator
from venues.bybit.simulator_config import SimulatorConfig

SYMBOLS = {SPOT: "BTC/USDT", LINEAR: "BTC/USDT:USDT"}


def client(simulator: Simulator, kind: Any = ccxt.async_support.bybit) -> Any:
    return ccxt_client.client(kind, KEYS, f"127.0.0.1:{simulator.port}")


@pytest.mark.parametrize("name", SYMBOLS)
async def test_unmodified_client_trades_from_markets_to_balance(name: Any) -> None:
    symbol = SYMBOLS[name]
    async with running() as simulator, client(simulator) as exchange:
        markets = await exchange.load_markets()
        found = await exchange.fetch_order_book(symbol)
        public = await exchange.fetch_trades(symbol)
        bars = await exchange.fetch_ohlcv(symbol, "1m")
        ticker = await exchange.fetch_ticker(symbol)
        working = await exchange.create_order(
            symbol, "limit", "buy", 0.5, 59000, {"clientOrderId": "c1"}
        )
        opened = await exchange.fetch_open_orders(symbol)
        await exchange.edit_order(working["id"], symbol, "limit", "buy", 0.4, 58000)
        edited = await exchange.fetch_open_order(working["id"], symbol)
        await exchange.cancel_order(working["id"], symbol)
        ended = await exchange.fetch_canceled_orders(symbol)
        taken = await exchange.create_order(symbol, "market", "sell", 0.25)
        closed = await exchange.fetch_closed_orders(symbol)
        trades = await exchange.fetch_my_trades(symbol)
        balance = await exchange.fetch_balance()
        ledger = simulator.exchange.venue.ledger()

    assert set(markets) >= {"BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"}
    assert (found["bids"][0], found["asks"][0]) == ([60000, 100], [60010, 100])
    assert [(t["price"], t["amount"], t["side"]) for t in public] == [(60005, 0.5, "buy")]
    assert bars[-1][4] == 60005
    assert ticker["last"] == 60005
    assert [(o["id"], o["clientOrderId"]) for o in opened] == [(working["id"], "c1")]
    assert (edited["amount"], edited["price"]) == (0.4, 58000)
    assert [o["status"] for o in ended] == ["canceled"]
    assert [(o["id"], o["average"]) for o in closed] == [(taken["id"], 60000)]
    assert [(t["order"], t["price"], t["amount"]) for t in trades] == [(taken["id"], 60000, 0.25)]
    assert balance["BTC"]["total"] == float(ledger.balances()["BTC"])
    assert balance["USDT"]["total"] == pytest.approx(float(ledger.balances()["USDT"]))
    assert ledger.problems() == ()


async def test_positions_leverage_and_margin_mode_of_contracts() -> None:
    symbol = SYMBOLS[LINEAR]
    async with running() as simulator, client(simulator) as exchange:
        await exchange.load_markets()
        await exchange.set_margin_mode("isolated", symbol)
        await exchange.set_leverage(5, symbol)
        await exchange.create_order(symbol, "market", "sell", 0.2)
        (held,) = await exchange.fetch_positions([symbol])
        await exchange.create_order(symbol, "market", "buy", 0.2, None, {"reduceOnly": True})
        with pytest.raises(ccxt.InvalidOrder):
            await exchange.create_order(symbol, "market", "buy", 0.2, None, {"reduceOnly": True})
        fee = await exchange.fetch_trading_fee(symbol)
        ledger = simulator.exchange.venue.ledger()

    assert (held["side"], held["contracts"], held["entryPrice"]) == ("short", 0.2, 60000)
    assert held["leverage"] == 5
    assert ledger.position(LINEAR) == Decimal(0)
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.00055)


async def test_conditional_orders_wait_and_are_cancelled_apart_on_spot() -> None:
    async with running() as simulator, client(simulator) as exchange:
        await exchange.load_markets()
        stop = await exchange.create_order(
            "BTC/USDT", "limit", "buy", 0.1, 61000, {"triggerPrice": 60500}
        )
        await exchange.create_order("BTC/USDT", "limit", "buy", 0.1, 59000)
        await exchange.cancel_all_orders("BTC/USDT")
        left = await exchange.fetch_open_orders("BTC/USDT")
        await exchange.cancel_all_orders("BTC/USDT", {"orderFilter": "StopOrder"})
        none = await exchange.fetch_open_orders("BTC/USDT")

    assert [o["id"] for o in left] == [stop["id"]]
    assert none == []


async def test_refusals_and_limits_raise_what_the_client_has_for_them() -> None:
    async with running(SimulatorConfig(order_max=3)) as simulator, client(simulator) as exchange:
        await exchange.load_markets()
        with pytest.raises(ccxt.InsufficientFunds):
            await exchange.create_order("BTC/USDT", "limit", "buy", 1000, 60000)
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order("77", "BTC/USDT")
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order("77", "BTC/USDT:USDT")
        with pytest.raises(ccxt.BadRequest):
            await exchange.create_order(
                "BTC/USDT:USDT", "limit", "buy", 0.5, 59000.123, {"price": "5.12345"}
            )
        orders = [exchange.create_order("BTC/USDT", "limit", "buy", 0.1, 50000) for _ in range(5)]
        with pytest.raises(ccxt.RateLimitExceeded):
            await asyncio.gather(*orders)
    async with running() as simulator, client(simulator) as exchange:
        exchange.secret = "wrong"
        with pytest.raises(ccxt.AuthenticationError):
            await exchange.fetch_balance()
        exchange.secret, exchange.nonce = KEYS.secret, lambda: 1_600_000_000_000
        with pytest.raises(ccxt.InvalidNonce):
            await exchange.fetch_balance()


async def test_an_address_that_asks_too_often_is_shut_out() -> None:
    async with running(SimulatorConfig(address_max=6)) as simulator, client(simulator) as exchange:
        asked = [exchange.fetch_time() for _ in range(8)]
        with pytest.raises(ccxt.BaseError, match="access too frequent"):
            await asyncio.gather(*asked)


@pytest.mark.parametrize("name", SYMBOLS)
async def test_the_streams_of_the_client_are_fed(name: Any) -> None:
    symbol, market = SYMBOLS[name], "spot" if name == SPOT else "linear"
    async with running() as simulator, client(simulator, ccxt.pro.bybit) as exchange:
        await exchange.load_markets()
        first = await exchange.watch_order_book(symbol, 50)
        began = first["bids"][0][0]
        simulator.exchange.on_tape(book(name, bid=60001.0))
        changed = await exchange.watch_order_book(symbol, 50)
        watching = asyncio.create_task(exchange.watch_trades(symbol))
        await until_heard(simulator, f"{market}:publicTrade")
        simulator.exchange.on_tape(trade(name, price=60007.0, number=9))
        (seen,) = await watching
        orders = asyncio.create_task(exchange.watch_orders(symbol))
        await until_heard(simulator, "user:order")
        placed_ = await exchange.create_order(symbol, "limit", "buy", 0.1, 59000)
        (mine,) = await orders

    assert (began, changed["bids"][0][0]) == (60000, 60001)
    assert (seen["price"], seen["side"]) == (60007, "buy")
    assert (mine["id"], mine["status"]) == (placed_["id"], "open")
