"""Did the venue act? Coinbase's failure reasons and HTTP statuses, as literal tables.

docs: "Create Order", "Edit Order" and "Cancel Orders" list the reasons (https://docs.cdp.
coinbase.com/api-reference/advanced-trade-api/rest-api/orders/create-order, 2026-09); an answer
that says `success: false` comes with HTTP 200. Every other error is that of a gRPC gateway: its
`error` is a gRPC code. A word that is in no table is taken for PERHAPS: reconciling a refusal
costs a query, sending an order twice costs money.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from messages.base import NS_PER_S
from messages.venue import Acted, OrderNotFound, Request, RequestFailed, RequestRefused
from venues.wire import evidence
from venues.wire.asked import Asked


class Verdict(StrEnum):
    """What an error says about the venue's side of the request."""

    REFUSED = "REFUSED"  # read, and not done
    NOT_FOUND = "NOT_FOUND"  # no such order
    THROTTLED = "THROTTLED"  # not done, for rate
    CLOSED = "CLOSED"  # not done: the service is not there
    PERHAPS = "PERHAPS"  # nobody can say
    DONE = "DONE"  # what was asked for is under way already


Refusal = RequestRefused | RequestFailed | OrderNotFound
NO_REASON: Final = frozenset(
    {
        "",
        "UNKNOWN_FAILURE_REASON",
        "UNKNOWN_PREVIEW_FAILURE_REASON",
        "UNKNOWN_CANCEL_FAILURE_REASON",
        "UNKNOWN_EDIT_ORDER_FAILURE_REASON",
    }
)
# docs: "Create Order", `new_order_failure_reason`: those that a spot order can meet. The venue
# checks an order before it takes it, so each has a twin that begins with PREVIEW_.
_NEW_ORDER: Final = (
    "UNSUPPORTED_ORDER_CONFIGURATION",
    "INVALID_SIDE",
    "INVALID_PRODUCT_ID",
    "INVALID_SIZE_PRECISION",
    "INVALID_PRICE_PRECISION",
    "INSUFFICIENT_FUND",
    "INSUFFICIENT_FUNDS",
    "INVALID_LEDGER_BALANCE",
    "INSUFFICIENT_LEDGER_BALANCE",
    "ORDER_ENTRY_DISABLED",
    "INELIGIBLE_PAIR",
    "INVALID_LIMIT_PRICE_POST_ONLY",
    "INVALID_LIMIT_PRICE",
    "INVALID_NO_LIQUIDITY",
    "INVALID_REQUEST",
    "COMMANDER_REJECTED_NEW_ORDER",
    "IN_LIQUIDATION",
    "INVALID_MARGIN_TYPE",
    "INVALID_LEVERAGE",
    "UNTRADABLE_PRODUCT",
    "GEOFENCING_RESTRICTION",
    "QUOTE_SIZE_NOT_ALLOWED_FOR_BRACKET",
    "INVALID_BRACKET_PRICES",
    "MISSING_MARKET_TRADE_DATA",
    "MISSING_PRODUCT_PRICE_BOOK",
    "MISSING_COMMISSION_RATE",
    "INVALID_COMMISSION_CONFIGURATION",
    "INVALID_BRACKET_LIMIT_PRICE",
    "INVALID_BRACKET_STOP_TRIGGER_PRICE",
    "BRACKET_LIMIT_PRICE_OUT_OF_BOUNDS",
    "STOP_TRIGGER_PRICE_OUT_OF_BOUNDS",
    "BRACKET_ORDER_NOT_SUPPORTED",
    "INVALID_ORDER_CONFIG",
    "INVALID_STOP_PRICE",
    "INVALID_STOP_PRICE_PRECISION",
    "INVALID_LIMIT_PRICE_PRECISION",
    "STOP_PRICE_ABOVE_LIMIT_PRICE",
    "STOP_PRICE_BELOW_LIMIT_PRICE",
    "STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
    "STOP_PRICE_BELOW_LAST_TRADE_PRICE",
    "STOP_ALREADY_TRIGGERED",
    "STOP_TRIGGERED",
    "INVALID_BASE_SIZE_TOO_LARGE",
    "INVALID_BASE_SIZE_TOO_SMALL",
    "INVALID_QUOTE_SIZE_PRECISION",
    "INVALID_QUOTE_SIZE_TOO_LARGE",
    "INVALID_QUOTE_SIZE_TOO_SMALL",
    "INVALID_PRICE_TOO_LARGE",
    "NON_NUMERIC_ORDER_SIZE",
    "BREACHED_PRICE_LIMIT",
    "NOT_ALLOWED_BY_MARKET_STATE",
    "CLOSE_ONLY_FAILURE",
    "COMPLIANCE_PURCHASE_LIMIT_EXCEEDED",
    "MAX_DAILY_VOLUME_NOTIONAL_BREACHED",
    "FOK_DISABLED",
    "FOK_ONLY_ALLOWED_ON_LIMIT_ORDERS",
    "POST_ONLY_NOT_ALLOWED_WITH_FOK",
    "INVALID_END_TIME",
    "END_TIME_TOO_FAR_IN_FUTURE",
    "END_TIME_IS_IN_THE_PAST",
    "GTD_ORDERS_MUST_HAVE_END_TIME",
    "LIMIT_PRICE_TOO_FAR_FROM_MARKET",
    "LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_BUY",
    "LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_SELL",
    "OPEN_BRACKET_ORDERS",
    "PRICE_NOT_ALLOWED_FOR_MARKET_ORDERS",
    "REDUCE_ONLY_NOT_ALLOWED_ON_VENUE",
    "REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS",
    "ICEBERG_ORDERS_NOT_SUPPORTED",
    "ASSET_BALANCE_INCREASE_REJECT",
    "PRODUCT_TRADING_HALTED",
    "TRADING_DISABLED",
    "BREACHED_RISK_LIMIT",
    "REPLACE_NOT_SUPPORTED",
    "ORDER_IS_PENDING_CANCEL",
    "TOO_MANY_PENDING_REPLACES",
)
# docs: "Edit Order", `edit_failure_reason`
_EDIT: Final = (
    "COMMANDER_REJECTED_EDIT_ORDER",
    "CANNOT_EDIT_TO_BELOW_FILLED_SIZE",
    "ORDER_NOT_FOUND",
    "CALLER_ID_MISMATCH",
    "ONLY_LIMIT_ORDER_EDITS_SUPPORTED",
    "INVALID_EDITED_SIZE",
    "INVALID_EDITED_PRICE",
    "INVALID_ORIGINAL_SIZE",
    "INVALID_ORIGINAL_PRICE",
    "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST",
    "ONLY_OPEN_ORDERS_CAN_BE_EDITED",
    "SIZE_IN_QUOTE_EDITS_NOT_ALLOWED",
    "ORDER_IS_ALREADY_BEING_REPLACED",
    "PORTFOLIO_NOT_ALLOWED_FOR_EDITS",
    "STRATEGY_NOT_SUPPORTED",
    "FIELD_STOPPRICE_NOT_SUPPORTED",
    "NOT_STARTED",
    "CANNOT_EDIT_STOP_PRICE_FOR_TRIGGERED_ORDER",
    "CANNOT_EDIT_TRIGGERED_ORDER",
    "CANNOT_EDIT_ORDER_PENDING_CANCEL",
    "INSUFFICIENT_TIME_TO_EDIT",
    "EXCEEDED_MAX_ALLOWED_EDIT_REQUEST_COUNT",
    "ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED",
    "INVALID_EDITED_STOP_PRICE",
    "INVALID_EDITED_STOP_LIMIT_PRICE",
    "INVALID_ORIGINAL_STOP_PRICE",
    "INVALID_ORIGINAL_STOP_LIMIT_PRICE",
    "CANNOT_CONVERT_SIZE_ASSET",
    "CANNOT_CHANGE_SIDE_OF_ORDER",
    "CANNOT_CHANGE_ORDER_TYPE_OF_ORDER",
    "CANNOT_CHANGE_PRODUCT_ID_OF_ORDER",
)
# docs: "Cancel Orders", `failure_reason`
_CANCEL: Final = (
    "INVALID_CANCEL_REQUEST",
    "UNKNOWN_CANCEL_ORDER",
    "COMMANDER_REJECTED_CANCEL_ORDER",
    "INVALID_CANCEL_PRODUCT_ID",
    "NOT_ALLOWED_TO_CANCEL",
    "ORDER_IS_FULLY_FILLED",
    "ORDER_IS_BEING_REPLACED",
)
# Cancels that need not be said again, for there is nothing left of the order, or one is under way.
GONE: Final = frozenset({"DUPLICATE_CANCEL_REQUEST", "ORDER_IS_FULLY_FILLED"})
REASONS: Final[dict[str, Verdict]] = {
    **dict.fromkeys((*_NEW_ORDER, *_EDIT, *_CANCEL), Verdict.REFUSED),
    **dict.fromkeys((f"PREVIEW_{reason}" for reason in _NEW_ORDER), Verdict.REFUSED),
    "DUPLICATE_CANCEL_REQUEST": Verdict.DONE,
    # An order of ours may be there under this id: no refusal of the order that it belongs to.
    "DUPLICATE_CLIENT_ORDER_ID": Verdict.PERHAPS,
    "PREVIEW_RISK_PROXY_FAILURE": Verdict.PERHAPS,
}
# Those that say that a price or size breaks the rules of its product.
_OF_RULES: Final = (
    "INVALID_SIZE_PRECISION",
    "INVALID_PRICE_PRECISION",
    "INVALID_LIMIT_PRICE_PRECISION",
    "INVALID_STOP_PRICE_PRECISION",
    "INVALID_QUOTE_SIZE_PRECISION",
    "INVALID_BASE_SIZE_TOO_LARGE",
    "INVALID_BASE_SIZE_TOO_SMALL",
    "INVALID_QUOTE_SIZE_TOO_LARGE",
    "INVALID_QUOTE_SIZE_TOO_SMALL",
    "INVALID_PRICE_TOO_LARGE",
)
RULE_CODES: Final[dict[str, tuple[str, ...]]] = dict.fromkeys(
    (
        *_OF_RULES,
        *(f"PREVIEW_{reason}" for reason in _OF_RULES),
        "INVALID_EDITED_SIZE",
        "INVALID_EDITED_PRICE",
    ),
    (),
)
# source: gRPC "Status codes and their use in gRPC": which of them are said before anything is done
GRPC: Final[dict[str, Verdict]] = {
    "INVALID_ARGUMENT": Verdict.REFUSED,
    "FAILED_PRECONDITION": Verdict.REFUSED,
    "OUT_OF_RANGE": Verdict.REFUSED,
    "PERMISSION_DENIED": Verdict.REFUSED,
    "UNAUTHENTICATED": Verdict.REFUSED,
    "UNIMPLEMENTED": Verdict.REFUSED,
    "NOT_FOUND": Verdict.NOT_FOUND,
    "RESOURCE_EXHAUSTED": Verdict.THROTTLED,
    "RATE_LIMIT_EXCEEDED": Verdict.THROTTLED,  # docs: "Rate limiting", the older form
}
# Not 404: that no such order is there, Coinbase says in words; a proxy in between says 404 too.
STATUSES: Final[dict[int, Verdict]] = {
    400: Verdict.REFUSED,
    401: Verdict.REFUSED,  # the token; the body is plain text
    403: Verdict.REFUSED,
    405: Verdict.REFUSED,
    429: Verdict.THROTTLED,
}
UNAUTHORIZED: Final = "401"
_SAYS_NOTHING: Final = frozenset({"", "UNKNOWN"})
_NO_ORDER: Final = "order with this orderID was not found"
# A new order can be looked up a moment after it was taken, and nobody says how long that is: "not
# found" is told as of a time that is this much earlier.
LISTED_AFTER_NS: Final = 10 * NS_PER_S
_WAIT_S: Final = 1  # limits are counted by the second


class _Item(msgspec.Struct):
    id: str = ""
    message: str = ""


class _Error(msgspec.Struct):
    error: str = ""
    message: str = ""
    error_details: str = ""
    errors: list[_Item] = []


def header(headers: Mapping[str, str], name: str) -> int | None:
    """A whole number among response headers, whose names have no case; None if absent."""
    for key, value in headers.items():
        if key.lower() == name and value.strip().isdigit():
            return int(value)
    return None


def retry_after_s(status: int, headers: Mapping[str, str]) -> int:
    """How long the venue wants to hear nothing; 0 unless it throttles."""
    if status != 429:
        return 0
    told = (header(headers, name) for name in ("retry-after", "x-ratelimit-reset"))
    return max(_WAIT_S, next((s for s in told if s is not None), _WAIT_S))


def judge(status: int, word: str, words: str) -> Verdict:
    """What an HTTP status with an error body says about the venue's side."""
    if status == 429:
        return Verdict.THROTTLED
    if status >= 500:
        return Verdict.PERHAPS
    if words == _NO_ORDER:
        return Verdict.NOT_FOUND
    if word.upper() in _SAYS_NOTHING:
        return STATUSES.get(status, Verdict.PERHAPS)
    return GRPC.get(word.upper(), Verdict.PERHAPS)


def reason_of(*reasons: str) -> tuple[str, Verdict]:
    """The first reason that says something, and what it says."""
    told = next((reason for reason in reasons if reason not in NO_REASON), "")
    return told, REASONS.get(told, Verdict.PERHAPS)


def decode_error(status: int, headers: Mapping[str, str], body: bytes, asked: Asked) -> Refusal:
    """The evidence in an answer that is not a success; every answer has one, readable or not."""
    word, words = _said(body)
    verdict = judge(status, word, words)
    code = UNAUTHORIZED if status == 401 else word or str(status)
    if verdict is Verdict.THROTTLED:
        wait_ns = retry_after_s(429, headers) * NS_PER_S
        return asked.failed(Acted.NO, f"HTTP {status}, {code}: {words}", wait_ns)
    return refusal(asked, verdict, code, words or f"HTTP {status}", f"HTTP {status}, ")


def refusal(asked: Asked, verdict: Verdict, code: str, words: str, before: str = "") -> Refusal:
    """The evidence that a verdict is."""
    queried = asked.instrument_id if asked.request is Request.QUERY_ORDER else None
    if verdict is Verdict.NOT_FOUND and queried is not None:
        return not_found(asked)
    if verdict in (Verdict.REFUSED, Verdict.NOT_FOUND):
        return evidence.refused(asked, code, words)
    acting = asked.request.acting and verdict is Verdict.PERHAPS
    acted = Acted.PERHAPS if acting else Acted.NO
    return asked.failed(acted, f"{before}{code}: {words}")


def not_found(asked: Asked) -> OrderNotFound:
    """No such order, as of before the newest orders that may be missing from the lists."""
    found = evidence.no_such_order(asked)
    return found.model_copy(update={"ts_event": max(0, found.ts_event - LISTED_AFTER_NS)})


def _said(body: bytes) -> tuple[str, str]:
    """(word, words) of an error body, however odd."""
    try:
        error = msgspec.json.decode(body, type=_Error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", f"unreadable answer of {len(body)} bytes"
    if error.errors:
        return error.errors[0].id.upper(), error.errors[0].message
    return error.error, error.error_details or error.message
