"""Did the venue act? Bybit's return codes and HTTP statuses, as literal tables.

HTTP says 200 also for refusals: `retCode` decides. A code that is not in the table is taken for
PERHAPS: reconciling a refusal costs a query, placing an order again costs money.

docs: v5 "Error Codes" (HTTP, WS OE, UTA, Spot Trade) and "Rate Limit Rules" (2026-11).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from messages.base import NS_PER_MS, NS_PER_S
from messages.venue import Acted, RequestDone, RequestFailed, RequestRefused
from venues.bybit.codec_names import ENVELOPE, Envelope
from venues.wire import evidence
from venues.wire.asked import Asked
from venues.wire.request import Answer


class Verdict(StrEnum):
    """What an error says about the venue's side of the request."""

    REFUSED = "REFUSED"  # read, and not done
    THROTTLED = "THROTTLED"  # not done, for rate
    ALREADY = "ALREADY"  # it was so before: nothing had to be done
    PERHAPS = "PERHAPS"  # nobody can say


_REFUSED_CODES: Final = (
    -2015,  # the API key has expired (spot)
    33004,  # the API key has expired (derivatives)
    7001,  # request params type error
    10001,  # parameter error
    10002,  # the time stamp is outside of the window
    10003,  # invalid API key
    10004,  # invalid signature
    10005,  # permission denied
    10007,  # authentication failed
    10008,  # banned
    10009,  # the address is banned
    10010,  # address not bound to the key
    10017,  # route not found
    10020,  # not a unified account
    10024,  # compliance rules
    10027,  # trading banned
    10028,  # unified accounts only
    10029,  # the symbol is not on the whitelist
    10404,  # op type not found
    100028,  # not for unified accounts
    12137,  # too many decimals
    12201,  # invalid orderCategory
    20001,  # order does not exist
    20084,  # orderId or orderLinkId is required
    3100116,  # order quantity below the minimum
    3400045,  # set margin mode failed
    # Derivatives: price, margin, position, risk limit, orders that ended already.
    *(code for code in range(110003, 110074) if code not in (110026, 110030, 110043, 110072)),
    110001,  # the order does not exist, or it is too late to cancel it
    110079,  # the order is being processed: try again later
    *range(110092, 110099),  # triggers on the wrong side, notional, pre-market rules
    131001,  # the balance does not cover the fee
    # Spot: the request itself.
    *(170031, 170033, 170034, 170035, 170036, 170037),
    *(170105, 170115, 170116, 170117, 170121, 170124),
    *range(170130, 170138),  # amounts, prices, decimals, balance
    *(170139, 170140, 170142, 170143, 170144, 170145, 170148),  # filled, too small, cancelled...
    *(170149, 170150, 170151, 170157, 170159),
    *range(170190, 170207),  # cancelled already, price and amount limits, parameters of triggers
    *(170209, 170210, 170213, 170217, 170218, 170221),
    *(170223, 170224, 170226, 170227, 170228, 170229, 170241, 170371, 170372),
    *(181000, 181001, 181002, 181003, 181004, 181017, 182000),
)
CODES: Final[dict[int, Verdict]] = {
    **dict.fromkeys(_REFUSED_CODES, Verdict.REFUSED),
    10006: Verdict.THROTTLED,  # too many visits: this endpoint's limit of the account
    10018: Verdict.THROTTLED,  # the address's limit
    10429: Verdict.THROTTLED,  # system level frequency protection
    20003: Verdict.THROTTLED,  # too frequent requests under the same session
    170222: Verdict.THROTTLED,  # too many requests in this time frame
    110043: Verdict.ALREADY,  # leverage not modified
    110026: Verdict.ALREADY,  # cross/isolated margin mode is not modified
    429: Verdict.PERHAPS,  # high server load: "please retry", which does not say how far it got
    10000: Verdict.PERHAPS,  # server time-out
    10014: Verdict.PERHAPS,  # invalid duplicate request: the first one may be there
    10016: Verdict.PERHAPS,  # server error
    10019: Verdict.PERHAPS,  # the trade service is restarting
    110030: Verdict.PERHAPS,  # duplicate order id: an order of ours may be there
    110072: Verdict.PERHAPS,  # duplicate orderLinkId, likewise
    170001: Verdict.PERHAPS,  # internal error
    170005: Verdict.THROTTLED,  # too many new orders
    170007: Verdict.PERHAPS,  # time-out waiting for the backend
    170010: Verdict.REFUSED,  # purchase failed: exceeds the maximum position of leveraged tokens
    170011: Verdict.REFUSED,  # purchase of the leveraged token failed: daily limit
    170141: Verdict.PERHAPS,  # duplicate clientOrderId
    170146: Verdict.PERHAPS,  # order creation time-out
    170147: Verdict.PERHAPS,  # order cancellation time-out
    170032: Verdict.PERHAPS,  # network error
    170234: Verdict.PERHAPS,  # system error
}
_OUT_OF_STEP: Final = (
    *("price invalid", "qty invalid", "invalid price", "invalid qty"),
    *("number of contracts", "decimal", "tick size"),
)
# What says that a price or size breaks the rules of its instrument; and where a code says other
# things too, the words that do. The last two are told by the account's stream, as `rejectReason`.
RULE_CODES: Final[dict[str, tuple[str, ...]]] = {
    "10001": _OUT_OF_STEP,  # parameter error
    "12137": (),  # quantity with too many decimals
    "3100116": (),  # quantity below the minimum
    "110094": (),  # worth less than the minimum
    "170124": (),  # amount too large
    "170130": ("price", "qty", "quantity"),  # a parameter is not valid
    "170134": (),  # price with too many decimals
    "170135": (),  # quantity too large
    "170136": (),  # quantity below the minimum
    "170137": (),  # quantity with too many decimals
    "170140": (),  # worth less than the minimum
    "170148": (),  # amount of a market order with too many decimals
    "EC_LimitOrderInvalidPrice": (),
    "EC_InvalidPriceScale": (),
}
# Of a cancel: there is no such order, or none of this kind.
NO_SUCH_ORDER: Final = frozenset({170213, 20001})
STATUSES: Final[dict[int, Verdict]] = {
    400: Verdict.REFUSED,
    401: Verdict.REFUSED,
    403: Verdict.THROTTLED,  # "access too frequent": the address asked too often
    404: Verdict.REFUSED,
    429: Verdict.THROTTLED,
}
# "terminate all HTTP sessions and wait for at least 10 minutes"
_BAN_S: Final = 600
_ADDRESS_CODE: Final = 10018
_WAIT_S: Final = 1  # where only the limits of an endpoint, a second long, are used up
RESET: Final = "X-Bapi-Limit-Reset-Timestamp"

Refusal = RequestRefused | RequestFailed | RequestDone


def envelope_of(answer: Answer) -> Envelope | None:
    """The answer's wrapper; None if it has none (a gateway's page of HTML)."""
    try:
        return ENVELOPE.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def judge(status: int, code: int | None) -> Verdict:
    """What an HTTP status with a return code says about the venue's side."""
    if status in STATUSES:
        return STATUSES[status]
    if status >= 500 or code is None:
        return Verdict.PERHAPS
    return CODES.get(code, Verdict.PERHAPS)


def retry_after_ns(answer: Answer) -> int:
    """How long the venue wants to hear nothing: 0 unless it throttles.

    docs: "Rate Limit": the header names the millisecond at which the endpoint's limit starts anew;
    it and the answer's `time` are of the same clock.
    """
    found = envelope_of(answer) if answer.status == 200 else None
    if judge(answer.status, found.ret_code if found else None) is not Verdict.THROTTLED:
        return 0
    if banned(answer):
        return _BAN_S * NS_PER_S
    reset, now = _number(answer.headers, RESET), found.time if found is not None else 0
    waits_ms = reset - now if reset and now else 0
    return waits_ms * NS_PER_MS if 0 < waits_ms < 60_000 else _WAIT_S * NS_PER_S


def banned(answer: Answer) -> bool:
    """Whether the address asked too often; else it is one endpoint's limit of the account."""
    found = envelope_of(answer) if answer.status == 200 else None
    return answer.status == 403 or (found is not None and found.ret_code == _ADDRESS_CODE)


def _number(headers: Mapping[str, str], name: str) -> int:
    """A whole number among headers, whose names have no case; 0 if absent."""
    wanted = name.lower()
    for key, value in headers.items():
        if key.lower() == wanted and value.strip().isdigit():
            return int(value)
    return 0


def refusal(answer: Answer, asked: Asked) -> Refusal:
    """The evidence in an answer that is no success; every answer has one, readable or not."""
    found = envelope_of(answer)
    code = found.ret_code if found is not None else None
    words = found.ret_msg if found is not None else f"unreadable answer of {len(answer.body)} bytes"
    return verdict_of(judge(answer.status, code), answer, asked, (code, words))


def verdict_of(
    verdict: Verdict, answer: Answer, asked: Asked, said: tuple[int | None, str]
) -> Refusal:
    """A verdict as evidence; `said` is the venue's code and words."""
    code, words = said
    if verdict is Verdict.ALREADY:
        return evidence.done(asked)
    if verdict is Verdict.REFUSED:
        told = str(code if code is not None else f"HTTP {answer.status}")
        return evidence.refused(asked, told, words)
    acting = asked.request.acting and verdict is Verdict.PERHAPS
    return asked.failed(
        Acted.PERHAPS if acting else Acted.NO,
        f"HTTP {answer.status}" + (f", {code}" if code is not None else "") + f": {words}",
        retry_after_ns=retry_after_ns(answer),
    )
