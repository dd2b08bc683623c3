"""Did the venue act? Binance's error codes and HTTP statuses, as literal tables.

docs: Spot "Error Codes" and "General API Information / HTTP Return Codes" (2026-09). A 5xx "is
important to NOT treat as a failure: the execution status is UNKNOWN". A code that is not in the
table is taken for PERHAPS: reconciling a refusal costs a query, retrying an order costs money.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from messages.base import NS_PER_S
from messages.market import Product
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


_REFUSED_CODES: Final = (
    -1002,  # UNAUTHORIZED
    -1010,  # ERROR_MSG_RECEIVED: the matching engine said no
    -1013,  # INVALID_MESSAGE: a filter; did not reach the matching engine
    -1014,  # UNKNOWN_ORDER_COMPOSITION
    -1020,  # UNSUPPORTED_OPERATION
    -1021,  # INVALID_TIMESTAMP
    -1022,  # INVALID_SIGNATURE
    -1099,  # not found, authenticated or authorized
    *range(-1199, -1099),  # 11xx: the request itself is wrong
    -2010,  # NEW_ORDER_REJECTED
    -2011,  # CANCEL_REJECTED
    -2014,  # BAD_API_KEY_FMT
    -2015,  # REJECTED_MBX_KEY
    -2016,  # NO_TRADING_WINDOW
    -2026,  # ORDER_ARCHIVED
    -2038,  # ORDER_AMEND_REJECTED
    -2039,  # CLIENT_ORDER_ID_INVALID
)
CODES: Final[dict[int, Verdict]] = {
    **dict.fromkeys(_REFUSED_CODES, Verdict.REFUSED),
    -1000: Verdict.PERHAPS,  # UNKNOWN
    -1001: Verdict.PERHAPS,  # DISCONNECTED
    -1003: Verdict.THROTTLED,  # TOO_MANY_REQUESTS
    -1004: Verdict.PERHAPS,  # SERVER_BUSY of older servers; does not say how far it got
    -1006: Verdict.PERHAPS,  # UNEXPECTED_RESP: "execution status unknown"
    -1007: Verdict.PERHAPS,  # TIMEOUT: "execution status unknown"
    -1008: Verdict.PERHAPS,  # SERVER_BUSY: overloaded; does not say how far it got
    -1015: Verdict.THROTTLED,  # TOO_MANY_ORDERS
    -1016: Verdict.CLOSED,  # SERVICE_SHUTTING_DOWN: "no longer available"
    -1034: Verdict.THROTTLED,  # TOO_MANY_CONNECTIONS
    -2013: Verdict.NOT_FOUND,  # NO_SUCH_ORDER
    -2021: Verdict.PERHAPS,  # cancel-replace partially failed
    -2022: Verdict.REFUSED,  # cancel-replace failed, both halves
}
# docs: USD-M Futures "Error Code" (2026-09). 20xx are other things there than on spot.
_USDM_REFUSED: Final = (
    *range(-2028, -2017),  # balance, margin, trigger at once, reduce-only, leverage
    *range(-4999, -3999),  # filters and account settings
    *range(-5099, -5019),  # FOK and post-only orders that cannot be, amendments without effect
    -20124,  # invalid algo id, or it has been completed
)
USDM_CODES: Final[dict[int, Verdict]] = CODES | {
    **dict.fromkeys(_USDM_REFUSED, Verdict.REFUSED),
    -1008: Verdict.THROTTLED,  # "throttled by system-level protection"
    -4116: Verdict.PERHAPS,  # client order id is duplicated: an order of ours may be there
    -20132: Verdict.PERHAPS,  # the same of the Algo Service
}
# What says that a price or size breaks the rules of its instrument; and where a code says other
# things too, the words that do. docs: spot "Filter failures", USD-M "40xx Filters".
RULE_CODES: Final[dict[str, tuple[str, ...]]] = {
    "-1013": ("price_filter", "lot_size", "notional", "invalid price", "invalid quantity"),
    "-1111": (),  # BAD_PRECISION
}
USDM_RULE_CODES: Final[dict[str, tuple[str, ...]]] = RULE_CODES | {
    "-4002": (),  # PRICE_GREATER_THAN_MAX_PRICE
    "-4004": (),  # QTY_LESS_THAN_MIN_QTY
    "-4005": (),  # QTY_GREATER_THAN_MAX_QTY
    "-4013": (),  # PRICE_LESS_THAN_MIN_PRICE
    "-4014": (),  # PRICE_NOT_INCREASED_BY_TICK_SIZE
    "-4023": (),  # QTY_NOT_INCREASED_BY_STEP_SIZE
    "-4164": (),  # MIN_NOTIONAL
}
# The same code says both "no funds" and "you have this id already": the second one means that an
# order of ours may be there, so it is no refusal of the order that the id belongs to.
DUPLICATE: Final = "Duplicate order sent."
STATUSES: Final[dict[int, Verdict]] = {
    403: Verdict.THROTTLED,  # the web application firewall's own limit
    418: Verdict.THROTTLED,  # banned for going on after 429
    429: Verdict.THROTTLED,
}
# Where the venue does not say how long to wait: its longest weight window; a first ban's length.
_WAIT_DEFAULT_S: Final = 10
_WAIT_S: Final[dict[int, int]] = {403: _WAIT_DEFAULT_S, 429: 60, 418: 120}
# What the venue has turned away is not sent again by its connection within a second, as what never
# left is: an order's sender hears it at once, cancels and questions are repeated by who wants them.
_WAITS: Final = frozenset({Verdict.THROTTLED, Verdict.CLOSED})
_TOO_MANY_ORDERS: Final = -1015
ORDERS_WAIT_S: Final = 10  # no header says; of the windows of orders the shortest is full first


class _Error(msgspec.Struct):
    code: int
    msg: str = ""


Refusal = RequestRefused | RequestFailed | OrderNotFound


def header(headers: Mapping[str, str], name: str) -> int | None:
    """A whole number among response headers, whose names have no case; None if absent."""
    wanted = name.lower()
    for key, value in headers.items():
        if key.lower() == wanted and value.strip().isdigit():
            return int(value)
    return None


def judge(status: int, code: int | None, text: str, product: Product = Product.SPOT) -> Verdict:
    """What an HTTP status with an error body says about the venue's side."""
    codes = USDM_CODES if product is Product.LINEAR else CODES
    if status in STATUSES:
        return STATUSES[status]
    if code == -1008 and product is Product.LINEAR:
        return codes[code]  # comes with a 503, which otherwise says nothing
    if status >= 500 or code is None:
        return Verdict.PERHAPS
    if code == -2010 and text == DUPLICATE:
        return Verdict.PERHAPS
    return codes.get(code, Verdict.PERHAPS)


def error_of(body: bytes) -> tuple[int | None, str]:
    """Code and words of an error; (None, why) if it cannot be read."""
    try:
        error = msgspec.json.decode(body, type=_Error)
        return error.code, error.msg
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, f"unreadable answer of {len(body)} bytes"


def wait_ns(status: int, headers: Mapping[str, str]) -> int:
    """How long a 403, 429 or 418 wants to hear nothing from us; 0 of any other status."""
    if STATUSES.get(status) is not Verdict.THROTTLED:
        return 0
    wait_s = header(headers, "Retry-After")
    return (_WAIT_S[status] if wait_s is None else wait_s) * NS_PER_S


def too_many_orders(body: bytes) -> bool:
    """Whether the limit of orders is used up, which is the account's and leaves cancels; else it is
    the weight, which is the address's and leaves nothing."""
    return error_of(body)[0] == _TOO_MANY_ORDERS


def decode_error(status: int, headers: Mapping[str, str], body: bytes, asked: Asked) -> Refusal:
    """The evidence in an answer that is not a success; every answer has one, readable or not."""
    code, text = error_of(body)
    verdict = judge(status, code, text, asked.product)
    if verdict is Verdict.NOT_FOUND and asked.request is Request.QUERY_ORDER:
        return evidence.no_such_order(asked)
    if verdict in (Verdict.REFUSED, Verdict.NOT_FOUND):
        return evidence.refused(asked, str(code), text)
    acting = asked.request.acting and verdict is Verdict.PERHAPS
    wait_s = header(headers, "Retry-After")
    if wait_s is None:
        wait_s = _WAIT_S.get(status, _WAIT_DEFAULT_S)
    return asked.failed(
        Acted.PERHAPS if acting else Acted.NO,
        f"HTTP {status}" + (f", {code}: {text}" if code is not None else f": {text}"),
        retry_after_ns=wait_s * NS_PER_S if verdict in _WAITS else 0,
    )
