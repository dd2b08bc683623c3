"""What the simulator of USD-M futures answers to whom, and that no request breaks it."""

import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
import numpy as np
import pytest
from simulated_binance import KEYS, book
from yarl import URL

from messages.base import NS_PER_MS, InstrumentId
from venues.binance.codec_instruments import decode_exchange_info
from venues.binance.codec_names import Market
from venues.binance.signing import sign
from venues.binance.simulator_config import UsdmConfig, UsdmLimitConfig
from venues.binance.simulator_usdm import Simulator

BTC = InstrumentId("BTCUSDT-PERP.BINANCE")
OPEN = UsdmLimitConfig(weight_max=10**9, orders_10s_max=10**9, orders_minute_max=10**9)
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "50000",
}


class World:
    def __init__(self) -> None:
        self.simulator = Simulator(UsdmConfig(limits=OPEN), KEYS, None, time.time_ns)

    async def __aenter__(self) -> "World":
        await self.simulator.start()
        self.simulator.exchange.on_tape(book().model_copy(update={"instrument_id": BTC}))
        self.simulator.exchange.on_second()
        self.http = aiohttp.ClientSession()
        return self

    @property
    def info(self) -> str:
        return f"http://127.0.0.1:{self.simulator.port}/fapi/v1/exchangeInfo"

    async def __aexit__(self, *error: object) -> None:
        await self.http.close()
        await self.simulator.stop()

    async def ask(self, method: str, path: str, params: dict[str, str]) -> tuple[int, Any]:
        text = urlencode(params | {"timestamp": str(time.time_ns() // NS_PER_MS)})
        text += f"&signature={sign(text, KEYS.secret)}"
        headers = {"X-MBX-APIKEY": KEYS.api_key}
        url = URL(f"http://127.0.0.1:{self.simulator.port}{path}?{text}", encoded=True)
        async with self.http.request(method, url, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("method", "path", "params", "code"),
    [
        ("POST", "order", LIMIT | {"type": "STOP_MARKET"}, -4120),
        ("POST", "order", LIMIT | {"positionSide": "LONG"}, -4061),
        ("POST", "order", LIMIT | {"price": "50000.01"}, -4014),
        ("POST", "order", LIMIT | {"quantity": "0.0001"}, -1111),
        ("POST", "order", LIMIT | {"timeInForce": "GTX", "price": "60010"}, -5022),
        ("POST", "order", LIMIT | {"reduceOnly": "true"}, -2022),
        ("POST", "order", LIMIT | {"quantity": "900"}, -2019),
        ("POST", "order", LIMIT | {"symbol": "NOPE"}, -1121),
        ("POST", "algoOrder", LIMIT, -1102),
        ("PUT", "order", LIMIT | {"orderId": "9"}, -2013),
        ("DELETE", "order", {"symbol": "BTCUSDT", "orderId": "9"}, -2011),
        ("DELETE", "algoOrder", {"algoId": "9"}, -2011),
        ("POST", "leverage", {"symbol": "BTCUSDT", "leverage": "126"}, -4028),
        ("POST", "marginType", {"symbol": "BTCUSDT", "marginType": "CROSSED"}, -4046),
        ("POST", "batchOrders", {"batchOrders": "[]"}, -4082),
    ],
)
async def test_wrong_request_is_refused_with_its_code(
    method: str, path: str, params: dict[str, str], code: int
) -> None:
    wanted = {
        k: v for k, v in params.items() if method != "PUT" or k not in ("type", "timeInForce")
    }
    async with World() as w:
        status, body = await w.ask(method, f"/fapi/v1/{path}", wanted)

    assert (status, body["code"]) == (400, code)


async def test_exchange_info_reads_back_as_the_instruments() -> None:
    async with World() as w, w.http.get(w.info) as answer:
        raw = await answer.read()

    found = decode_exchange_info(raw, Market.USDM)
    wanted = UsdmConfig().instruments
    assert [i.instrument_id for i in found] == [i.instrument_id for i in wanted]
    assert [i.price_increment for i in found] == [i.price_increment for i in wanted]
    assert [i.size_increment for i in found] == [i.size_increment for i in wanted]


async def test_dead_mans_switch_cancels_and_a_batch_answers_each() -> None:
    rows = '[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.01",'
    rows += '"price":"50000"},{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC",'
    rows += '"quantity":"0.01","price":"50000.01"}]'
    async with World() as w:
        _, placed = await w.ask("POST", "/fapi/v1/batchOrders", {"batchOrders": rows})
        await w.ask(
            "POST", "/fapi/v1/countdownCancelAll", {"symbol": "BTCUSDT", "countdownTime": "1"}
        )
        time.sleep(0.002)
        w.simulator.exchange.on_second()
        _, left = await w.ask("GET", "/fapi/v1/openOrders", {})
        _, all_ = await w.ask("GET", "/fapi/v1/allOrders", {"symbol": "BTCUSDT"})

    assert isinstance(placed, list), placed
    assert [row.get("status", row.get("code")) for row in placed] == ["NEW", -4014]
    assert (left, [o["status"] for o in all_]) == ([], ["CANCELED"])


NAMES = [
    "symbol", "side", "type", "timeInForce", "quantity", "price", "triggerPrice", "algoType",
    "newClientOrderId", "clientAlgoId", "origClientOrderId", "orderId", "algoId", "limit", "fromId",
    "startTime", "endTime", "interval", "reduceOnly", "leverage", "marginType", "countdownTime",
    "batchOrders", "positionSide", "listenKey",
]  # fmt: skip
VALUES = [
    "BTCUSDT", "ETHUSDT", "BUY", "SELL", "LIMIT", "MARKET", "STOP", "TAKE_PROFIT_MARKET", "GTC",
    "GTX", "IOC", "0.01", "60000", "70000.1", "1", "0", "-1", "", "\u00b2", "1e9", "true",
    "CONDITIONAL", "ISOLATED", "99999999999999999999.9", "x" * 99, "[1]", "[{}]", "9" * 18, "1m",
    "\x00",
]  # fmt: skip


async def test_no_request_however_wrong_breaks_the_server() -> None:
    rng = np.random.default_rng(12)
    async with World() as w:
        requests = sorted(w.simulator.server.routes)
        for n in range(800):
            picked = rng.choice(NAMES, rng.integers(0, 6), replace=False)
            params = {str(k): str(rng.choice(VALUES)) for k in picked}
            params = LIMIT | params if n % 2 else params
            method, _, path = str(rng.choice(requests)).partition(" ")
            status, body = await w.ask(method, path, params)

            assert status in (200, 400, 404), (method, path, params, body)
        ledger = w.simulator.exchange.venue.ledger()

    assert ledger.lines
    assert ledger.problems() == ()
