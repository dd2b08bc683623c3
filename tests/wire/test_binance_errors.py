"""The one question about every failure: did the venue act?"""

import numpy as np
import pytest

from messages.base import ClientOrderId
from messages.venue import Acted, OrderNotFound, Request, RequestFailed, RequestRefused
from trading.breaker import RetryPolicy
from trading.errors import Garbled
from venues.binance import codec_encode as wire
from venues.binance import codec_encode_orders as wire_orders
from venues.binance.codec_errors import CODES, Verdict
from venues.binance.codec_names import Market, instrument_id
from venues.binance.codec_rest import decode_answer, decode_server_time
from venues.wire.asked import Asked

NOW, THEN, EXPIRES = 1_000, 900, 6_000
S = 1_000_000_000
OURS = ClientOrderId("M1")
ACTING = [Request.SUBMIT, Request.CANCEL, Request.MODIFY]
SPOT_REQUESTS = [
    *ACTING,
    Request.CANCEL_ALL,
    Request.QUERY_ORDER,
    Request.QUERY_OPEN_ORDERS,
    Request.QUERY_FILLS,
    Request.QUERY_ACCOUNT,
    Request.QUERY_FEES,
]
ASKING = [r for r in Request if not r.acting]


def asked(request: Request) -> Asked:
    name = instrument_id("BTCUSDT", Market.SPOT)
    return Asked(request, NOW, name, OURS, ts_venue=THEN, ts_expires=EXPIRES)


def answer(
    request: Request, status: int, code: int | None, text: str = "no", **headers: str
) -> RequestFailed | RequestRefused | OrderNotFound:
    body = b"<html>" if code is None else wire.bare(wire_orders.error(code, text))
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    (found,) = decode_answer(status, named, body, asked(request))
    assert isinstance(found, RequestFailed | RequestRefused | OrderNotFound)
    return found


@pytest.mark.parametrize("code", [c for c, v in CODES.items() if v is Verdict.REFUSED])
def test_a_refusal_is_told_with_the_venues_code(code: int) -> None:
    found = answer(Request.SUBMIT, 400, code, "because")

    assert isinstance(found, RequestRefused)
    assert (found.code, found.reason, found.client_order_id) == (str(code), "because", OURS)


@pytest.mark.parametrize("code", [-1000, -1001, -1004, -1006, -1007, -1008, -2021, -424242])
@pytest.mark.parametrize("request_", ACTING)
def test_what_the_venue_cannot_say_is_perhaps(code: int, request_: Request) -> None:
    found = answer(request_, 400, code)

    assert isinstance(found, RequestFailed)
    assert (found.acted, found.ts_expires) == (Acted.PERHAPS, EXPIRES)
    assert str(code) in found.reason


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("code", [None, -1001, -2010, -1013])
@pytest.mark.parametrize("request_", ACTING)
def test_a_5xx_is_never_a_failure_of_an_order(
    status: int, code: int | None, request_: Request
) -> None:
    found = answer(request_, status, code)

    assert isinstance(found, RequestFailed)
    assert found.acted is Acted.PERHAPS


@pytest.mark.parametrize("request_", ASKING)
def test_a_question_never_acts(request_: Request) -> None:
    for status, code in ((500, None), (504, -1007), (400, -1000)):
        found = answer(request_, status, code)
        assert isinstance(found, RequestFailed)
        assert found.acted is Acted.NO


@pytest.mark.parametrize(
    ("status", "code", "wait", "expected_s"),
    [(429, -1003, "7", 7), (418, -1003, "300", 300), (429, None, None, 60), (418, None, None, 120)],
)
def test_throttling_did_not_act_and_says_how_long(
    status: int, code: int | None, wait: str | None, expected_s: int
) -> None:
    headers = {} if wait is None else {"retry_after": wait}

    found = answer(Request.SUBMIT, status, code, **headers)

    assert isinstance(found, RequestFailed)
    assert (found.acted, found.retry_after_ns) == (Acted.NO, expected_s * S)


def test_too_many_orders_did_not_act() -> None:
    found = answer(Request.SUBMIT, 400, -1015)

    assert isinstance(found, RequestFailed)
    assert (found.acted, found.retry_after_ns) == (Acted.NO, 10 * S)


def test_a_queried_order_that_is_not_there_is_proof_as_of_the_venues_clock() -> None:
    found = answer(Request.QUERY_ORDER, 400, -2013)

    assert isinstance(found, OrderNotFound)
    assert (found.client_order_id, found.ts_event, found.ts_init) == (OURS, THEN, NOW)


def test_without_a_venue_clock_a_missing_order_proves_nothing() -> None:
    name = instrument_id("BTCUSDT", Market.SPOT)
    body = wire.bare(wire_orders.error(-2013, "Order does not exist."))

    (found,) = decode_answer(400, {}, body, Asked(Request.QUERY_ORDER, NOW, name, OURS))

    assert found.ts_event == 0


def test_a_canceled_order_that_is_not_there_is_a_refused_cancel() -> None:
    found = answer(Request.CANCEL, 400, -2011, "Unknown order sent.")

    assert isinstance(found, RequestRefused)
    assert found.code == "-2011"


def test_a_duplicate_id_may_be_our_own_order() -> None:
    assert isinstance(answer(Request.SUBMIT, 400, -2010, "Market is closed."), RequestRefused)
    found = answer(Request.SUBMIT, 400, -2010, "Duplicate order sent.")

    assert isinstance(found, RequestFailed)
    assert found.acted is Acted.PERHAPS


def test_an_error_without_a_readable_body_is_perhaps() -> None:
    found = answer(Request.SUBMIT, 400, None)

    assert isinstance(found, RequestFailed)
    assert found.acted is Acted.PERHAPS
    assert "unreadable answer of 6 bytes" in found.reason


@pytest.mark.parametrize("request_", ACTING)
@pytest.mark.parametrize(("status", "code"), [(403, None), (400, -1016)])
def test_what_the_venue_turned_away_was_not_done_and_is_not_sent_again_at_once(
    request_: Request, status: int, code: int | None
) -> None:
    found = answer(request_, status, code)

    assert isinstance(found, RequestFailed)
    assert found.acted is Acted.NO
    assert found.retry_after_ns == 10 * S
    assert RetryPolicy().wait_ns(found, 1, np.random.default_rng(1)) is None


@pytest.mark.parametrize("request_", SPOT_REQUESTS)
def test_a_success_that_cannot_be_read_is_garbled(request_: Request) -> None:
    for body in (b"", b"{", b"null", b'{"orderId":1}', b"\xff\xfe"):
        with pytest.raises(Garbled) as caught:
            decode_answer(200, {}, body, asked(request_))
        assert caught.value.raw == body


def test_a_time_that_cannot_be_read_is_garbled() -> None:
    with pytest.raises(Garbled):
        decode_server_time(b'{"server":1}')
