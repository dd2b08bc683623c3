"""Who must be silent after a throttled answer: what its limit is about; after a ban, everybody."""

from typing import Any

import pytest

from messages.base import NS_PER_S
from messages.market import Product
from messages.venue import Request
from venues.net.budget import Budget
from venues.registry import adapter
from venues.wire.request import Answer, WireRequest

NOW = 1_700_000_000 * NS_PER_S
SUBMIT, CANCEL = Request.SUBMIT, Request.CANCEL
OKX = (
    WireRequest(SUBMIT, "POST", "/api/v5/trade/order"),
    WireRequest(CANCEL, "POST", "/api/v5/trade/cancel-order"),
    WireRequest(Request.MODIFY, "POST", "/api/v5/trade/amend-order"),
)
BYBIT = (
    WireRequest(SUBMIT, "POST", "/v5/order/create"),
    WireRequest(CANCEL, "POST", "/v5/order/cancel"),
    WireRequest(None, "GET", "/v5/market/time"),
)
BINANCE = (
    WireRequest(SUBMIT, "POST", "/api/v3/order"),
    WireRequest(CANCEL, "DELETE", "/api/v3/order"),
    WireRequest(None, "GET", "/api/v3/time"),
)
COINBASE = (
    WireRequest(None, "GET", "/api/v3/brokerage/market/products"),
    WireRequest(CANCEL, "POST", "/api/v3/brokerage/orders/batch_cancel"),
    WireRequest(SUBMIT, "POST", "/api/v3/brokerage/orders"),
)


def said(status: int, body: str, **headers: str) -> Answer:
    return Answer(status, headers, body.encode())


BANNED = {"Retry-After": "120"}
CASES: tuple[tuple[str, tuple[WireRequest, ...], Answer, tuple[bool, ...]], ...] = (
    # venue, (what was throttled, then others), the answer, who of these must be silent now
    ("OKX", OKX, said(429, '{"code":"50011","msg":"Too Many Requests"}'), (True, False, False)),
    ("OKX", OKX, said(200, '{"code":"50061","msg":"","data":[]}'), (True, False, True)),
    ("BYBIT", BYBIT, said(200, '{"retCode":10006,"retMsg":""}'), (True, False, False)),
    ("BYBIT", BYBIT, said(403, "access too frequent"), (True, True, True)),
    ("BYBIT", BYBIT, said(200, '{"retCode":10018,"retMsg":""}'), (True, True, True)),
    ("BINANCE", BINANCE, said(429, '{"code":-1015,"msg":""}'), (True, False, False)),
    ("BINANCE", BINANCE, said(429, '{"code":-1003,"msg":""}', **BANNED), (True, True, True)),
    ("BINANCE", BINANCE, said(403, "<html>"), (True, True, True)),
    ("BINANCE", BINANCE, said(418, '{"code":-1003,"msg":""}', **BANNED), (True, True, True)),
    ("COINBASE", COINBASE, said(429, "{}"), (True, False, False)),
)


@pytest.mark.parametrize(("venue", "wires", "answer", "silent"), CASES)
def test_a_throttled_answer_silences_what_it_is_about(
    venue: str, wires: tuple[WireRequest, ...], answer: Answer, silent: tuple[bool, ...]
) -> None:
    found: Any = adapter(venue, Product.SPOT)
    budget = Budget(found.limits)

    retry_ns = found.retry_after_ns(answer)
    budget.block(retry_ns, NOW, found.throttled(wires[0], answer))

    assert retry_ns > 0
    assert tuple(budget.take(found.cost(w), NOW + 1) > 0 for w in wires) == silent
