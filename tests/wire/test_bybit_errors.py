"""What Bybit's codes and statuses say about its side of a request, and how long to be quiet."""

import json
from typing import Any

import pytest

from messages.base import ClientOrderId
from messages.market import Product
from messages.venue import Acted, Request, RequestDone, RequestFailed, RequestRefused
from trading.errors import Garbled, Refused
from venues.bybit.adapter import ADAPTERS
from venues.bybit.codec_errors import CODES, STATUSES, Verdict, judge
from venues.wire.asked import Asked
from venues.wire.request import Answer

ADAPTER = ADAPTERS[Product.LINEAR]
BTC = ADAPTER.instrument_id("BTCUSDT")
S = 1_000_000_000
T0 = 1_700_000_000_000


def answer(code: int, text: str = "no", status: int = 200, **headers: str) -> Answer:
    body = {"retCode": code, "retMsg": text, "result": {}, "retExtInfo": {}, "time": T0}
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return Answer(status, named, json.dumps(body).encode())


def said(found: Answer, request: Request = Request.SUBMIT) -> Any:
    asked = Asked(request, 9, BTC, ClientOrderId("M1"), ts_expires=77)
    return ADAPTER.read_answer(found, asked)[-1]


@pytest.mark.parametrize("code", [c for c, v in CODES.items() if v is Verdict.REFUSED])
def test_a_refusal_has_the_venues_code_and_words(code: int) -> None:
    refused = said(answer(code, "because"))

    assert isinstance(refused, RequestRefused)
    assert (refused.code, refused.reason) == (str(code), "because")


@pytest.mark.parametrize(
    "code", [c for c, v in CODES.items() if v is Verdict.PERHAPS] + [999_999, -7]
)
def test_what_nobody_can_tell_is_perhaps_for_orders_and_no_for_questions(code: int) -> None:
    acting, question = said(answer(code)), said(answer(code), Request.QUERY_ACCOUNT)

    assert isinstance(acting, RequestFailed)
    assert (acting.acted, acting.ts_expires, acting.retry_after_ns) == (Acted.PERHAPS, 77, 0)
    assert isinstance(question, RequestFailed)
    assert question.acted is Acted.NO


@pytest.mark.parametrize("code", [10006, 10018, 10429, 170222])
def test_a_throttled_request_was_not_done_and_says_how_long_to_wait(code: int) -> None:
    failed = said(answer(code))

    assert isinstance(failed, RequestFailed)
    assert failed.acted is Acted.NO
    assert failed.retry_after_ns > 0


@pytest.mark.parametrize(
    ("found", "wait_ns"),
    [
        (answer(0), 0),
        (answer(110007), 0),
        (answer(10006), 1 * S),
        (answer(10006, X_Bapi_Limit_Reset_Timestamp=str(T0 + 400)), S * 4 // 10),
        (answer(10006, x_bapi_limit_reset_timestamp=str(T0 + 400)), S * 4 // 10),
        (answer(10006, X_Bapi_Limit_Reset_Timestamp=str(T0 - 1)), 1 * S),
        (answer(10006, X_Bapi_Limit_Reset_Timestamp="soon"), 1 * S),
        (answer(10018), 600 * S),
        (Answer(403, {}, b"access too frequent"), 600 * S),
        (Answer(429, {}, b""), 1 * S),
        (Answer(502, {}, b"<html>"), 0),
    ],
)
def test_how_long_the_venue_wants_to_hear_nothing(found: Answer, wait_ns: int) -> None:
    assert ADAPTER.retry_after_ns(found) == wait_ns


@pytest.mark.parametrize(
    ("status", "kind", "acted"),
    [
        (400, RequestRefused, None),
        (401, RequestRefused, None),
        (403, RequestFailed, Acted.NO),
        (404, RequestRefused, None),
        (429, RequestFailed, Acted.NO),
        (500, RequestFailed, Acted.PERHAPS),
        (504, RequestFailed, Acted.PERHAPS),
        (302, RequestFailed, Acted.PERHAPS),
    ],
)
def test_a_status_without_a_body_of_bybits(status: int, kind: type, acted: Acted | None) -> None:
    found = said(Answer(status, {}, b"<html>"))

    assert isinstance(found, kind)
    assert getattr(found, "acted", None) is acted


@pytest.mark.parametrize("code", [110072, 170141, 110030, 10014])
def test_a_duplicate_id_does_not_prove_that_there_is_no_such_order(code: int) -> None:
    assert judge(200, code) is Verdict.PERHAPS


@pytest.mark.parametrize(
    ("code", "request_"), [(110043, Request.SET_LEVERAGE), (110026, Request.SET_MARGIN_MODE)]
)
def test_what_was_so_before_is_done(code: int, request_: Request) -> None:
    found = said(answer(code), request_)

    assert isinstance(found, RequestDone)
    assert found.request is request_


def test_a_success_that_cannot_be_read_is_garbled() -> None:
    with pytest.raises(Garbled):
        said(Answer(200, {}, b"<html>"))
    with pytest.raises(Garbled):
        said(Answer(200, {}, b'{"retCode":0,"result":{"list":3}}'), Request.QUERY_FILLS)


def test_public_questions_are_refused_inside_a_success_too() -> None:
    no = answer(10001, "params error: symbol invalid")

    with pytest.raises(Refused, match="symbol invalid"):
        ADAPTER.read_time(no.body)
    with pytest.raises(Refused, match="10001"):
        ADAPTER.read_instruments(no.body)
    assert ADAPTER.next_page(ADAPTER.ask_instruments(), no) is None


def test_a_time_outside_of_the_window_is_a_matter_of_clocks() -> None:
    assert ADAPTER.clock_codes == {"10002"}
    assert STATUSES[403] is Verdict.THROTTLED
