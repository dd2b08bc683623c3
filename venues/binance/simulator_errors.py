"""What the simulator refuses and how it says so: Binance's codes and words.

docs: Spot "Error Codes" (2026-09). Each error is made where it is raised: an exception object
that is raised twice keeps the frames of both.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from messages.venue import Request, RequestRefused
from venues.serving.errors import ApiError
from venues.sim.refusals import Refusal


def missing(name: str) -> ApiError:
    """A mandatory parameter is not there."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return ApiError(-1102, text)


def not_required(name: str) -> ApiError:
    """A parameter that does not go with this order type."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def illegal(name: str, pattern: str) -> ApiError:
    """A parameter with characters that it must not have."""
    text = f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'."
    return ApiError(-1100, text)


class ReplaceFailed(ApiError):
    """A cancel-replace of which a part, or all, failed: its body says what became of both."""

    def __init__(self, data: dict[str, Any], *, partly: bool) -> None:
        code, word = (-2021, "partially failed") if partly else (-2022, "failed")
        super().__init__(code, f"Order cancel-replace {word}.", 409 if partly else 400)
        self._data = data

    def body(self) -> bytes:
        return msgspec.json.encode({"code": self.code, "msg": self.text, "data": self._data})


_ORDER_REJECTED: Final = -2010
_AMEND_REJECTED: Final = -2038
_REFUSALS: Final[dict[str, tuple[int, str]]] = {
    Refusal.UNKNOWN_INSTRUMENT: (-1121, "Invalid symbol."),
    Refusal.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    Refusal.PRICE_INCREMENT: (-1013, "Filter failure: PRICE_FILTER"),
    Refusal.LOT_SIZE: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.MIN_NOTIONAL: (-1013, "Filter failure: NOTIONAL"),
    Refusal.DUPLICATE: (_ORDER_REJECTED, "Duplicate order sent."),
    Refusal.WOULD_TRIGGER: (_ORDER_REJECTED, "Stop price would trigger immediately."),
    Refusal.WOULD_TAKE: (_ORDER_REJECTED, "Order would immediately match and take."),
    Refusal.INSUFFICIENT_BALANCE: (
        _ORDER_REJECTED,
        "Account has insufficient balance for requested action.",
    ),
    Refusal.AMEND_UNSUPPORTED: (
        _AMEND_REJECTED,
        "Order amend (quantity increase) is not supported.",
    ),
    Refusal.AMEND_NOTHING: (
        _AMEND_REJECTED,
        "The requested action would change no state; rejecting.",
    ),
    Refusal.AMEND_FILLED: (
        _AMEND_REJECTED,
        "The requested action would change no state; rejecting.",
    ),
}


def refusal(reply: RequestRefused) -> ApiError:
    """Spot's code and words for what the venue refused."""
    code, text = _REFUSALS[reply.code]
    unknown = reply.code == Refusal.UNKNOWN_ORDER and reply.request is Request.MODIFY
    return ApiError(_AMEND_REJECTED if unknown else code, text)


_Maker = Callable[[], ApiError]
bad_symbol: Final[_Maker] = partial(ApiError, -1121, "Invalid symbol.")
bad_key_format: Final[_Maker] = partial(ApiError, -2014, "API-key format invalid.", 401)
bad_key: Final[_Maker] = partial(
    ApiError, -2015, "Invalid API-key, IP, or permissions for action.", 401
)
bad_signature: Final[_Maker] = partial(ApiError, -1022, "Signature for this request is not valid.")
too_old: Final[_Maker] = partial(
    ApiError, -1021, "Timestamp for this request is outside of the recvWindow."
)
too_new: Final[_Maker] = partial(
    ApiError, -1021, "Timestamp for this request was 1000ms ahead of the server's time."
)
no_such_order: Final[_Maker] = partial(ApiError, -2013, "Order does not exist.")
unknown_order: Final[_Maker] = partial(ApiError, -2011, "Unknown order sent.")
timeout: Final[_Maker] = partial(
    ApiError,
    -1007,
    "Timeout waiting for response from backend server."
    " Send status unknown; execution status unknown.",
    503,
)
# The listen-key endpoints of spot are gone since 2026-02-20 (announcement of 2026-01-21); it
# does not say what they answer now, so the words here are ours.
retired: Final[_Maker] = partial(ApiError, -1016, "This service is no longer available.", 410)
