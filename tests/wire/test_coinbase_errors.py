"""What every documented failure says of the one question: did the venue act?"""

import json
from typing import Any

import pytest
from coinbase_stage import BTC, MINE, NOW, asked, spec

from messages.venue import Acted, OrderNotFound, Request, RequestDone, RequestFailed, RequestRefused
from trading.errors import Garbled
from venues.coinbase.adapter import CoinbaseAdapter
from venues.coinbase.codec_errors import GRPC, NO_REASON, REASONS, STATUSES, Verdict
from venues.wire.request import Answer

ACTING = (Request.SUBMIT, Request.CANCEL, Request.MODIFY)


def answered(
    request: Request, status: int, body: bytes, headers: dict[str, str] | None = None
) -> Any:
    order = spec() if request is Request.SUBMIT else None
    (event,) = CoinbaseAdapter().read_answer(
        Answer(status, headers or {}, body), asked(request, order=order)
    )
    return event


def told(error: dict[str, Any]) -> bytes:
    return json.dumps(error).encode()


def not_placed(**reasons: str) -> bytes:
    return told({"success": False, "order_id": "", "error_response": reasons})


REFUSED = sorted(r for r, verdict in REASONS.items() if verdict is Verdict.REFUSED)


@pytest.mark.parametrize("reason", REFUSED)
def test_an_order_that_failed_for_a_documented_reason_is_refused_with_it(reason: str) -> None:
    field = "preview_failure_reason" if reason.startswith("PREVIEW_") else "error"

    event = answered(Request.SUBMIT, 200, not_placed(**{field: reason, "message": "why"}))

    assert isinstance(event, RequestRefused)
    assert (event.code, event.reason, event.client_order_id) == (reason, "why", MINE)


def test_the_first_reason_that_says_something_is_the_code() -> None:
    body = not_placed(
        error="UNKNOWN_FAILURE_REASON",
        preview_failure_reason="PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
    )

    event = answered(Request.SUBMIT, 200, body)

    assert isinstance(event, RequestRefused)
    assert event.code == "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE"


@pytest.mark.parametrize("reason", [*sorted(NO_REASON), "DUPLICATE_CLIENT_ORDER_ID", "NEW_REASON"])
def test_an_order_that_failed_for_no_known_reason_may_be_there(reason: str) -> None:
    event = answered(Request.SUBMIT, 200, not_placed(error=reason))

    assert isinstance(event, RequestFailed)
    assert event.acted is Acted.PERHAPS
    assert event.ts_expires == NOW + 5 * 10**9


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("ORDER_IS_FULLY_FILLED", RequestRefused),
        ("UNKNOWN_CANCEL_ORDER", RequestRefused),
        ("DUPLICATE_CANCEL_REQUEST", RequestDone),  # it is under way, which is what was asked for
        ("UNKNOWN_CANCEL_FAILURE_REASON", RequestFailed),
    ],
)
def test_a_cancel_that_was_not_taken(reason: str, kind: type) -> None:
    body = told({"results": [{"success": False, "failure_reason": reason, "order_id": "x"}]})

    assert type(answered(Request.CANCEL, 200, body)) is kind


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        (
            [{"edit_failure_reason": "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"}],
            "CANNOT_EDIT_TO_BELOW_FILLED_SIZE",
        ),
        (
            [
                {
                    "edit_failure_reason": "UNKNOWN_EDIT_ORDER_FAILURE_REASON",
                    "preview_failure_reason": "PREVIEW_INVALID_PRICE_PRECISION",
                }
            ],
            "PREVIEW_INVALID_PRICE_PRECISION",
        ),
    ],
)
def test_an_edit_that_was_not_taken(errors: list[dict[str, str]], code: str) -> None:
    event = answered(Request.MODIFY, 200, told({"success": False, "errors": errors}))

    assert isinstance(event, RequestRefused)
    assert event.code == code


@pytest.mark.parametrize("request_", ACTING)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 409, 302])
def test_what_may_have_happened_after_all(request_: Request, status: int) -> None:
    event = answered(request_, status, b"<html>bad gateway</html>")

    assert isinstance(event, RequestFailed)
    assert event.acted is Acted.PERHAPS


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_question_that_failed_has_changed_nothing(status: int) -> None:
    event = answered(Request.QUERY_ACCOUNT, status, b"")

    assert isinstance(event, RequestFailed)
    assert event.acted is Acted.NO


@pytest.mark.parametrize("word", GRPC)
@pytest.mark.parametrize("request_", ACTING)
def test_words_of_the_gateway_say_that_nothing_was_done(request_: Request, word: str) -> None:
    body = told({"error": word, "message": "m", "error_details": "details"})

    event = answered(request_, 400, body)

    if GRPC[word] is Verdict.THROTTLED:
        assert isinstance(event, RequestFailed)
        assert event.acted is Acted.NO
    else:
        assert isinstance(event, RequestRefused)
        assert (event.code, event.reason) == (word, "details")


def test_a_word_that_nobody_documented_may_mean_anything() -> None:
    event = answered(Request.SUBMIT, 400, told({"error": "TEAPOT", "message": "short and stout"}))

    assert isinstance(event, RequestFailed)
    assert event.acted is Acted.PERHAPS


@pytest.mark.parametrize("status", [s for s in STATUSES if s != 429])
def test_a_status_without_a_word_decides(status: int) -> None:
    event = answered(Request.SUBMIT, status, b"Unauthorized\n")

    assert isinstance(event, RequestRefused)
    assert event.code == str(status)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 1),
        ({"Retry-After": "7"}, 7),
        ({"X-RateLimit-Reset": "3"}, 3),
        ({"retry-after": "soon"}, 1),
    ],
)
def test_a_throttled_request_says_how_long_to_wait(headers: dict[str, str], seconds: int) -> None:
    body = told({"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]})

    event = answered(Request.SUBMIT, 429, body, headers)

    assert isinstance(event, RequestFailed)
    assert (event.acted, event.retry_after_ns) == (Acted.NO, seconds * 10**9)
    assert CoinbaseAdapter().retry_after_ns(Answer(429, headers, body)) == seconds * 10**9
    assert CoinbaseAdapter().retry_after_ns(Answer(200, headers, body)) == 0


@pytest.mark.parametrize("body", [b"<html>404 Not Found</html>", b"", b"{}"])
def test_a_404_that_names_no_order_proves_nothing(body: bytes) -> None:
    asked, placed = (answered(r, 404, body) for r in (Request.QUERY_ORDER, Request.SUBMIT))

    assert isinstance(asked, RequestFailed)
    assert isinstance(placed, RequestFailed)
    assert placed.acted is Acted.PERHAPS


def test_no_such_order_is_told_as_of_a_while_ago() -> None:
    words = "order with this orderID was not found"
    body = told({"error": "unknown", "error_details": words, "message": words})

    by_id = answered(Request.QUERY_ORDER, 404, body)
    searched = answered(Request.QUERY_ORDER, 200, told({"orders": [], "has_next": False}))
    more = answered(Request.QUERY_ORDER, 200, told({"orders": [], "has_next": True}))

    for event in (by_id, searched):
        assert isinstance(event, OrderNotFound)
        assert (event.instrument_id, event.client_order_id) == (BTC, MINE)
        assert event.ts_event == NOW - 10 * 10**9  # a new order is listed a moment late
    assert isinstance(more, RequestFailed)
    assert more.acted is Acted.NO


@pytest.mark.parametrize("request_", [r for r in Request if r.value.startswith("QUERY")][:4])
@pytest.mark.parametrize("body", [b"", b"[]", b'{"order":1}', b'{"fills":[{}]}', b"\xff\xfe"])
def test_a_success_that_cannot_be_read_is_garbled(request_: Request, body: bytes) -> None:
    with pytest.raises(Garbled) as caught:
        answered(request_, 200, body)

    assert caught.value.raw == body
