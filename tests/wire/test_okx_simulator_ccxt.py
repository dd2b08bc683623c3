"""An unmodified ccxt client, but for its addresses, trades on the simulated OKX."""

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
from simulated_okx import KEYS, SPOT, SWAP, running

from venues.okx.simulator import Simulator

SYMBOLS = {SPOT: "BTC/USDT", SWAP: "BTC/USDT:USDT"}
SIZE = {SPOT: 1.0, SWAP: 100.0}  # what the client calls an amount of one coin


def client(simulator: Simulator, kind: Any = ccxt.async_support.okx) -> Any:
    return ccxt_client.client(kind, KEYS, f"127.0.0.1:{simulator.port}")


@pytest.mark.parametrize("name", SYMBOLS)
async def test_unmodified_client_trades_from_markets_to_balance(name: Any) -> None:
    symbol, one = SYMBOLS[name], SIZE[name]
    async with running() as simulator, client(simulator) as exchange:
        markets = await exchange.load_markets()
        found = await exchange.fetch_order_book(symbol)
        public = await exchange.fetch_trades(symbol)
        bars = await exchange.fetch_ohlcv(symbol, "1m")
        ticker = await exchange.fetch_ticker(symbol)
        working = await exchange.create_order(
            symbol, "limit", "buy", 0.5 * one, 59000, {"clientOrderId": "c1"}
        )
        opened = await exchange.fetch_open_orders(symbol)
        await exchange.edit_order(working["id"], symbol, "limit", "buy", 0.4 * one, 58000)
        edited = await exchange.fetch_order(working["id"], symbol)
        await exchange.cancel_order(working["id"], symbol)
        ended = await exchange.fetch_canceled_orders(symbol)
        taken = await exchange.create_order(symbol, "market", "sell", 0.25 * one)
        closed = await exchange.fetch_closed_orders(symbol)
        trades = await exchange.fetch_my_trades(symbol)
        balance = await exchange.fetch_balance()
        ledger = simulator.exchange.venue.ledger()

    assert set(markets) >= {"BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"}
    assert found["bids"][0][:2] == [60000, 100 * one]
    assert found["asks"][0][:2] == [60010, 100 * one]
    assert [(t["price"], t["amount"], t["side"]) for t in public] == [(60005, 0.5 * one, "buy")]
    assert bars[-1][4] == 60005
    assert ticker["last"] == 60005
    assert [(o["id"], o["clientOrderId"]) for o in opened] == [(working["id"], "c1")]
    assert (edited["amount"], edited["price"]) == (0.4 * one, 58000)
    assert [o["status"] for o in ended] == ["canceled"]
    assert [(o["id"], o["average"]) for o in closed] == [(taken["id"], 60000)]
    assert [(t["order"], t["price"]) for t in trades] == [(taken["id"], 60000)]
    assert trades[0]["amount"] == 0.25 * one
    assert balance["BTC"]["total"] == float(ledger.balances()["BTC"])
    assert balance["USDT"]["total"] == pytest.approx(float(ledger.balances()["USDT"]))
    assert ledger.problems() == ()


async def test_positions_and_leverage_of_swaps() -> None:
    symbol = SYMBOLS[SWAP]
    async with running() as simulator, client(simulator) as exchange:
        await exchange.load_markets()
        await exchange.set_leverage(5, symbol, {"mgnMode": "cross"})
        await exchange.create_order(symbol, "market", "sell", 20)
        (held,) = await exchange.fetch_positions([symbol])
        await exchange.create_order(symbol, "market", "buy", 20, None, {"reduceOnly": True})
        with pytest.raises(ccxt.ExchangeError, match="51169"):
            await exchange.create_order(symbol, "market", "buy", 20, None, {"reduceOnly": True})
        fee = await exchange.fetch_trading_fee(symbol)
        ledger = simulator.exchange.venue.ledger()

    assert (held["side"], held["contracts"], held["entryPrice"]) == ("short", 20, 60000)
    assert held["leverage"] == 5
    assert ledger.position(SWAP) == Decimal(0)
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)


@pytest.mark.parametrize(
    "params", [{"stopLossPrice": 60500}, {"triggerPrice": 60500}], ids=["stop", "trigger"]
)
async def test_a_stop_waits_among_the_algos_and_becomes_an_order(params: Any) -> None:
    symbol = SYMBOLS[SWAP]
    async with running() as simulator, client(simulator) as exchange:
        await exchange.load_markets()
        stop = await exchange.create_order(symbol, "market", "buy", 10, None, params)
        waiting = await exchange.fetch_open_orders(symbol, params={"trigger": True})
        plain = await exchange.fetch_open_orders(symbol)
        simulator.exchange.on_tape(book(SWAP, bid=60500.0, ask=60510.0))
        simulator.exchange.on_tape(trade(SWAP, price=60505.0, number=5))
        trades = await exchange.fetch_my_trades(symbol)
        ended = await exchange.fetch_closed_orders(symbol)

    assert [o["id"] for o in waiting] == [stop["id"]]
    assert plain == []
    assert [(t["side"], t["amount"]) for t in trades] == [("buy", 10)]
    assert ended[0]["id"] == stop["id"]
    assert ended[0]["info"]["ordId"] == trades[0]["order"] != stop["id"]


async def test_refusals_raise_what_the_client_has_for_them() -> None:
    async with running() as simulator, client(simulator) as exchange:
        await exchange.load_markets()
        with pytest.raises(ccxt.InsufficientFunds):
            await exchange.create_order("BTC/USDT", "limit", "buy", 1000, 60000)
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order("77", "BTC/USDT")
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.fetch_order("77", "BTC/USDT:USDT")
        with pytest.raises(ccxt.RateLimitExceeded):
            await asyncio.gather(*(exchange.fetch_balance() for _ in range(12)))
        exchange.secret = "wrong"
        with pytest.raises(ccxt.AuthenticationError):
            await exchange.fetch_positions()
        exchange.secret, exchange.nonce = KEYS.secret, lambda: 1_600_000_000_000
        with pytest.raises(ccxt.InvalidNonce):
            await exchange.fetch_positions()


async def test_a_post_only_order_that_would_take_is_taken_and_then_canceled() -> None:
    async with running() as simulator, client(simulator) as exchange:
        await exchange.load_markets()
        placed = await exchange.create_order(
            "BTC/USDT", "limit", "buy", 0.1, 60020, {"postOnly": True, "clientOrderId": "p1"}
        )
        ended = await exchange.fetch_order("", "BTC/USDT", {"clientOrderId": "p1"})

    assert (ended["id"], ended["status"]) == (placed["id"], "canceled")
    assert ended["info"]["cancelSource"] == "31"


@pytest.mark.parametrize("name", SYMBOLS)
async def test_the_streams_of_the_client_are_fed(name: Any) -> None:
    symbol, one = SYMBOLS[name], SIZE[name]
    async with running() as simulator, client(simulator, ccxt.pro.okx) as exchange:
        await exchange.load_markets()
        first = await exchange.watch_order_book(symbol)
        began = first["bids"][0][0]
        simulator.exchange.on_tape(book(name, bid=60001.0))
        changed = await exchange.watch_order_book(symbol)
        watching = asyncio.create_task(exchange.watch_trades(symbol))
        await until_heard(simulator, "trades:")
        simulator.exchange.on_tape(trade(name, price=60007.0, number=9))
        (seen,) = await watching
        orders = asyncio.create_task(exchange.watch_orders(symbol))
        await until_heard(simulator, "user:orders")
        placed = await exchange.create_order(symbol, "limit", "buy", 0.1 * one, 59000)
        (mine,) = await orders

    assert (began, changed["bids"][0][0]) == (60000, 60001)
    assert (seen["price"], seen["side"]) == (60007, "buy")
    assert (mine["id"], mine["status"]) == (placed["id"], "open")
