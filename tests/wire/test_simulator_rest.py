"""What the simulator answers to whom: keys, signatures, clocks, parameters, limits."""

import time
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from simulated_binance import KEYS, World, book, cancel, running, submit, trade

from messages.base import NS_PER_MS
from messages.venue import OrderReport
from venues.binance.codec_instruments import decode_exchange_info
from venues.binance.codec_names import Market
from venues.binance.signing import sign
from venues.binance.simulator_config import LimitConfig, SimulatorConfig
from venues.binance.simulator_limits import WEIGHTS
from venues.net.budget import Budget
from venues.wire.keys import Keys, keys_from

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "50000",
}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}


async def ask(
    w: World,
    method: str,
    path: str,
    params: dict[str, str],
    keys: Keys = KEYS,
    at_ms: int = 0,
    signature: str = "",
) -> tuple[int, Any]:
    now_ms = time.time_ns() // NS_PER_MS
    text = urlencode(params | {"timestamp": str(now_ms + at_ms)})
    text += f"&signature={signature or sign(text, keys.secret)}"
    headers = {"X-MBX-APIKEY": keys.api_key} if keys.api_key else {}
    url = f"{w.url}/api/v3/{path}?{text}"
    async with w.http.request(method, url, headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("status", "code", "more"),
    [
        (401, -2014, {"keys": Keys("", "s")}),
        (401, -2014, {"keys": Keys("short", "s")}),
        (401, -2015, {"keys": Keys("x" * 64, KEYS.secret)}),
        (400, -1022, {"keys": Keys(KEYS.api_key, "wrong")}),
        (400, -1022, {"signature": "00"}),
        (400, -1021, {"at_ms": -6000}),
        (400, -1021, {"at_ms": 1500}),
        (200, None, {"at_ms": -4000}),
        (200, None, {"at_ms": 500}),
    ],
)
async def test_stranger_or_stale_request_is_refused(
    status: int, code: int | None, more: dict[str, Any]
) -> None:
    async with running() as w:
        found, body = await ask(w, "GET", "account", {}, **more)

    assert (found, body.get("code")) == (status, code)


async def test_window_of_the_request_decides_what_is_stale() -> None:
    async with running() as w:
        late = await ask(w, "GET", "account", {"recvWindow": "500"}, at_ms=-600)
        wide = await ask(w, "GET", "account", {"recvWindow": "60001"})

    assert (late[1]["code"], wide[1]["code"]) == (-1021, -1131)


async def test_signature_may_be_upper_case_and_travel_in_the_body() -> None:
    async with running() as w:
        query, body = "symbol=BTCUSDT&side=BUY&type=MARKET", "quantity=0.001"
        body += f"&timestamp={time.time_ns() // NS_PER_MS}"
        signature = sign(query + body, KEYS.secret).upper()
        url = f"{w.url}/api/v3/order?{query}"
        headers = {
            "X-MBX-APIKEY": KEYS.api_key,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        data = f"{body}&signature={signature}"
        async with w.http.post(url, data=data, headers=headers) as answer:
            found = await answer.json()

    assert found["status"] == "FILLED"


def without(params: dict[str, str], name: str) -> dict[str, str]:
    return {k: v for k, v in params.items() if k != name}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (without(LIMIT, "symbol"), -1102),
        (without(LIMIT, "price"), -1102),
        (without(LIMIT, "timeInForce"), -1102),
        (without(MARKET, "quantity"), -1102),
        (LIMIT | {"price": ""}, -1105),
        (LIMIT | {"stopPrice": "1"}, -1106),
        (MARKET | {"timeInForce": "GTC"}, -1106),
        (LIMIT | {"surprise": "1"}, -1104),
        (LIMIT | {"price": "1e3"}, -1100),
        (LIMIT | {"newClientOrderId": "no spaces"}, -1100),
        (LIMIT | {"side": "HOLD"}, -1117),
        (LIMIT | {"type": "ICEBERG"}, -1116),
        (LIMIT | {"timeInForce": "DAY"}, -1115),
        (LIMIT | {"symbol": "NOPE"}, -1121),
        (LIMIT | {"price": "50000.001"}, -1013),
        (LIMIT | {"quantity": "0"}, -1013),
        (LIMIT | {"quantity": "100000"}, -1013),
        (MARKET | {"quoteOrderQty": "10"}, -1013),
        (LIMIT | {"quantity": "1000", "price": "60000"}, -2010),
    ],
)
async def test_wrong_order_is_refused_with_its_code(params: dict[str, str], code: int) -> None:
    async with running() as w:
        status, body = await ask(w, "POST", "order", params)
        fills = w.simulator.exchange.venue.ledger().fills

    assert (status, body["code"]) == (400, code)
    assert not fills


@pytest.mark.parametrize(
    ("method", "path", "params", "code"),
    [
        ("GET", "order", {"symbol": "BTCUSDT"}, -1102),
        ("GET", "order", {"symbol": "BTCUSDT", "orderId": "9"}, -2013),
        ("DELETE", "order", {"symbol": "BTCUSDT", "origClientOrderId": "x"}, -2011),
        ("DELETE", "openOrders", {"symbol": "BTCUSDT"}, -2011),
        ("GET", "openOrders", {"symbol": "NOPE"}, -1121),
        ("GET", "myTrades", {"symbol": "BTCUSDT", "fromId": "1", "startTime": "1"}, -1128),
        ("PUT", "order/amend/keepPriority", {"symbol": "BTCUSDT", "orderId": "9"}, -2038),
        ("POST", "userDataStream", {}, -1016),
        ("GET", "nothing", {}, -1099),
    ],
)
async def test_other_requests_are_refused_with_their_codes(
    method: str, path: str, params: dict[str, str], code: int
) -> None:
    async with running() as w:
        _, body = await ask(w, method, path, params)

    assert body["code"] == code


async def test_test_order_is_checked_and_not_placed() -> None:
    async with running() as w:
        good = await ask(w, "POST", "order/test", LIMIT)
        bad = await ask(w, "POST", "order/test", without(LIMIT, "price"))
        lines = w.simulator.exchange.venue.ledger().lines

    assert (good, bad[1]["code"], lines) == ((200, {}), -1102, [])


async def test_full_answer_lists_the_fills_and_they_are_the_ledgers() -> None:
    async with running() as w:
        _, body = await ask(w, "POST", "order", MARKET | {"newOrderRespType": "FULL"})
        (fill,) = w.simulator.exchange.venue.ledger().fills

    assert [f["tradeId"] for f in body["fills"]] == [int(fill.trade_id)]
    assert (body["status"], body["executedQty"]) == ("FILLED", "0.00100")


async def test_all_open_orders_are_cancelled_at_once() -> None:
    async with running() as w:
        for n in range(3):
            await w.gateway.execute(submit(f"o{n}"))
        _, ended = await ask(w, "DELETE", "openOrders", {"symbol": "BTCUSDT"})
        _, left = await ask(w, "GET", "openOrders", {"symbol": "BTCUSDT"})
        _, known = await ask(w, "GET", "allOrders", {"symbol": "BTCUSDT"})

    assert [o["origClientOrderId"] for o in ended] == ["o0", "o1", "o2"]
    assert left == []
    assert [o["status"] for o in known] == ["CANCELED"] * 3


async def test_every_answer_tells_the_weight_used_and_the_orders_placed() -> None:
    async with running() as w:
        _, first, _ = await w.get("/api/v3/time")
        _, second, _ = await w.get("/api/v3/depth?symbol=BTCUSDT&limit=1000")
        await w.gateway.execute(submit("o1"))

    assert first["X-MBX-USED-WEIGHT-1M"] == "1"
    assert second["X-MBX-USED-WEIGHT-1M"] == "51"
    assert isinstance(w.access.budget, Budget)
    assert w.access.budget.windows[1].used == 1


async def test_caller_over_the_limit_gets_429_then_418_and_is_told_how_long() -> None:
    limits = LimitConfig(weight_max=3, ban_after=2)
    async with running(SimulatorConfig(limits=limits)) as w:
        answers = [await w.get("/api/v3/ping") for _ in range(7)]

    assert [status for status, _, _ in answers] == [200, 200, 200, 429, 429, 418, 418]
    assert all(body["code"] == -1003 for _, _, body in answers[3:])
    assert all(int(headers["Retry-After"]) > 0 for _, headers, _ in answers[3:])


async def test_exchange_info_reads_back_as_the_instruments() -> None:
    async with running() as w:
        _, _, body = await w.get("/api/v3/exchangeInfo")
        async with w.http.get(f"{w.url}/api/v3/exchangeInfo") as answer:
            raw = await answer.read()
        unknown = await w.get("/api/v3/exchangeInfo?symbol=NOPE")

    fees = (SimulatorConfig().instruments[0].maker_fee, SimulatorConfig().instruments[0].taker_fee)
    assert decode_exchange_info(raw, Market.SPOT, fees=fees) == SimulatorConfig().instruments
    assert {r["rateLimitType"] for r in body["rateLimits"]} == {"REQUEST_WEIGHT", "ORDERS"}
    assert unknown[2]["code"] == -1121


async def test_market_data_pages_show_the_tape() -> None:
    async with running() as w:
        w.simulator.exchange.on_tape(trade(60005.0, 2.0, aggressor=1))
        _, _, trades = await w.get("/api/v3/trades?symbol=BTCUSDT")
        _, _, ticker = await w.get("/api/v3/ticker/bookTicker?symbol=BTCUSDT")
        _, _, klines = await w.get("/api/v3/klines?symbol=BTCUSDT&interval=1m")
        bad = await w.get("/api/v3/klines?symbol=BTCUSDT&interval=7m")

    assert [(t["price"], t["qty"], t["isBuyerMaker"]) for t in trades] == [
        ("60005.0", "2.0", False)
    ]
    assert (ticker["bidPrice"], ticker["askPrice"]) == ("60000.0", "60010.0")
    assert [row[1:6] for row in klines] == [["60005.0"] * 4 + ["2.0"]]
    assert bad[2]["code"] == -1120


async def test_second_snapshot_of_the_tape_keeps_the_sequence_unbroken() -> None:
    async with running() as w:
        _, _, before = await w.get("/api/v3/depth?symbol=BTCUSDT")
        w.simulator.exchange.on_tape(book(bid=61000.0, ask=61010.0))
        _, _, after = await w.get("/api/v3/depth?symbol=BTCUSDT")

    assert before["bids"] == [["60000.0", "100.0"]]
    assert after["bids"] == [["61000.0", "100.0"]]
    assert after["lastUpdateId"] - before["lastUpdateId"] == 4  # two levels gone, two new


async def test_ledger_page_shows_every_request_even_those_refused() -> None:
    async with running() as w:
        await w.gateway.execute(submit("o1"))
        await ask(w, "POST", "order", LIMIT | {"newClientOrderId": "bad", "price": ""})
        await w.gateway.execute(cancel("o1"))
        status, _, ledger = await w.get("/sim/ledger")

    requests = ledger["server"]["order_requests"]
    assert status == 200
    assert [r["client_order_id"] for r in requests] == ["o1", "bad"]
    assert [o["client_order_id"] for o in ledger["orders"]] == ["o1"]
    assert (ledger["conserved"], ledger["cancel_requests"]) == (True, 1)


async def test_faults_can_be_set_from_outside_only_where_that_is_allowed() -> None:
    script = {"rules": [{"kind": "FAIL_5XX", "times": 1}]}
    async with running() as w, w.http.post(f"{w.url}/sim/faults", json=script) as closed:
        assert closed.status == 404
    async with running(SimulatorConfig(control=True)) as w:
        async with w.http.post(f"{w.url}/sim/faults", json=script) as answer:
            assert answer.status == 200
        async with w.http.post(f"{w.url}/sim/faults", json={"rules": [{"kind": "?"}]}) as wrong:
            assert wrong.status == 400
        failed = await w.get("/api/v3/time")
        healed = await w.get("/api/v3/time")

    assert (failed[0], healed[0]) == (503, 200)


async def test_same_seed_gives_the_same_faults() -> None:
    script = {"seed": 3, "rules": [{"kind": "FAIL_5XX", "probability": 0.5}]}
    seen = []
    for _ in range(2):
        async with running(SimulatorConfig.model_validate({"faults": script})) as w:
            seen.append([(await w.get("/api/v3/ping"))[0] for _ in range(20)])

    assert seen[0] == seen[1]
    assert set(seen[0]) == {200, 503}


async def test_listen_keys_still_work_where_they_are_turned_on() -> None:
    async with running(SimulatorConfig(listen_keys=True)) as w:
        headers = {"X-MBX-APIKEY": KEYS.api_key}
        async with w.http.post(f"{w.url}/api/v3/userDataStream", headers=headers) as answer:
            key = (await answer.json())["listenKey"]
        async with w.http.ws_connect(f"{w.url}/ws/{key}") as ws:
            reply = await w.gateway.execute(submit("o1"))
            event = await ws.receive_json(timeout=10)
            path = f"{w.url}/api/v3/userDataStream?listenKey={key}"
            async with w.http.delete(path, headers=headers) as answer:
                assert answer.status == 200
            await ws.receive_json(timeout=10)  # the balances of the order
            ended = await ws.receive_json(timeout=10)

    assert isinstance(reply, OrderReport)
    assert (event["e"], event["c"], ended["e"]) == ("executionReport", "o1", "listenKeyExpired")


NAMES = [
    "symbol", "side", "type", "timeInForce", "quantity", "price", "stopPrice", "newClientOrderId",
    "origClientOrderId", "orderId", "limit", "fromId", "startTime", "endTime", "interval",
    "recvWindow", "newQty", "symbols", "newOrderRespType", "listenKey",
]  # fmt: skip
VALUES = [
    "BTCUSDT", "ETHUSDT", "BUY", "SELL", "LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "GTC",
    "LIMIT_MAKER", "IOC", "FOK", "0.001", "60000", "70000.01", "1", "0", "-1", "", "\u00b2", "1e9",
    "99999999999999999999.99999999999999999999", "0.00000000000000000001", "x" * 99, '["a"', "[1]",
    "9" * 18, "1m", "FULL", "ACK", "NaN", "%", "\x00",
]  # fmt: skip
REQUESTS = sorted(w for w in WEIGHTS if w.startswith(("GET", "POST", "PUT", "DELETE")))


async def test_no_request_however_wrong_breaks_the_server() -> None:
    rng = np.random.default_rng(11)
    plausible = {"quantity": "0.001", "price": "60000", "stopPrice": "60500", "symbol": "BTCUSDT"}
    limits = LimitConfig(weight_max=10**9, orders_10s_max=10**9)
    async with running(SimulatorConfig(limits=limits)) as w:
        for n in range(1500):
            picked = rng.choice(NAMES, rng.integers(0, 6), replace=False)
            params = {str(k): str(rng.choice(VALUES)) for k in picked}
            if n % 2:
                params = LIMIT | params
            if n % 3 == 0:
                params |= {k: v for k, v in plausible.items() if k in params}
            method, _, path = str(rng.choice(REQUESTS)).partition(" /api/v3/")
            status, body = await ask(w, method, path, params)

            assert status in (200, 400, 404, 410), (method, path, params)
            assert status == 200 or body["code"] < 0
        ledger = w.simulator.exchange.venue.ledger()

    assert ledger.lines
    assert ledger.problems() == ()


def test_keys_come_from_the_environment_and_never_show() -> None:
    assert keys_from("BINANCE", KEYS.environment("BINANCE")) == KEYS
    assert KEYS.secret not in repr(KEYS)
    with pytest.raises(ValueError, match="MANTA_BINANCE_SECRET"):
        keys_from("BINANCE", KEYS.environment("BINANCE") | {"MANTA_BINANCE_SECRET": ""})


def test_documented_signature_example_is_reproduced() -> None:
    # docs: Spot "SIGNED Endpoint Examples for POST /api/v3/order", example 1
    payload = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
        "&recvWindow=5000&timestamp=1499827319559"
    )
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"

    assert sign(payload, secret) == (
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    )
