"""What the simulator refuses and how it says so: Coinbase's reasons and words.

docs: "Create Order", "Edit Order", "Rate Limiting" (2026-09), and gRPC's codes.
"""

from typing import Any, Final

import msgspec

from messages.venue import RequestRefused
from venues.serving.errors import ApiError
from venues.sim.refusals import Refusal


class CoinbaseError(ApiError):
    """A refusal of the gateway before anything is done."""

    def body(self) -> bytes:
        said = {"error": self.code, "error_details": self.text, "message": self.text}
        return msgspec.json.encode(said)


class Unauthorized(ApiError):
    """The token is absent, wrong or too old; the body is plain text."""

    def __init__(self) -> None:
        super().__init__("UNAUTHENTICATED", "Unauthorized", 401)

    def body(self) -> bytes:
        return b"Unauthorized\n"


class TooMany(ApiError):
    """More requests than the limit allows."""

    def body(self) -> bytes:
        return msgspec.json.encode({"errors": [{"id": self.code, "message": self.text}]})


def too_many(wait_s: int) -> ApiError:
    """Past a limit; docs: "Rate Limiting"."""
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(max(1, wait_s))}
    return TooMany("rate_limit_exceeded", "Too many requests", 429, headers)


def illegal(text: str) -> ApiError:
    """A request that cannot be read."""
    return CoinbaseError("INVALID_ARGUMENT", text, 400)


def no_order() -> ApiError:
    """No order has this id."""
    return CoinbaseError("unknown", "order with this orderID was not found", 404)


def no_product() -> ApiError:
    """No product has this name."""
    return CoinbaseError("NOT_FOUND", "valid product_id is required", 404)


_NEW: Final[dict[str, tuple[str, str]]] = {  # refusal -> (error, preview_failure_reason)
    Refusal.UNKNOWN_INSTRUMENT: ("INVALID_PRODUCT_ID", "PREVIEW_INVALID_PRODUCT_ID"),
    Refusal.PRICE_INCREMENT: ("INVALID_PRICE_PRECISION", "PREVIEW_INVALID_PRICE_PRECISION"),
    Refusal.LOT_SIZE: ("INVALID_SIZE_PRECISION", "PREVIEW_INVALID_SIZE_PRECISION"),
    Refusal.MIN_NOTIONAL: ("UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
    Refusal.WOULD_TAKE: ("INVALID_LIMIT_PRICE_POST_ONLY", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
    Refusal.WOULD_TRIGGER: ("UNKNOWN_FAILURE_REASON", "PREVIEW_STOP_TRIGGERED"),
    Refusal.INSUFFICIENT_BALANCE: ("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
}
UNSUPPORTED: Final = ("UNSUPPORTED_ORDER_CONFIGURATION", "UNKNOWN_PREVIEW_FAILURE_REASON")
_EDIT: Final[dict[str, str]] = {
    Refusal.UNKNOWN_ORDER: "ONLY_OPEN_ORDERS_CAN_BE_EDITED",
    Refusal.AMEND_NOTHING: "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST",
    Refusal.AMEND_FILLED: "CANNOT_EDIT_TO_BELOW_FILLED_SIZE",
    Refusal.PRICE_INCREMENT: "INVALID_EDITED_PRICE",
    Refusal.LOT_SIZE: "INVALID_EDITED_SIZE",
}


def not_placed(reasons: tuple[str, str], configuration: Any, text: str) -> dict[str, Any]:
    """An order that was read and not taken; HTTP says 200 to it."""
    error, preview = reasons
    return {
        "success": False,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": "",
        "error_response": {
            "error": error,
            "message": text,
            "error_details": "",
            "preview_failure_reason": preview,
            "new_order_failure_reason": error,
        },
        "order_configuration": configuration,
    }


def refused_order(reply: RequestRefused, configuration: Any) -> dict[str, Any]:
    """The same, for what the simulated venue says."""
    return not_placed(_NEW[reply.code], configuration, reply.reason)


def not_edited(reason: str, preview: str = "UNKNOWN_PREVIEW_FAILURE_REASON") -> dict[str, Any]:
    """An edit that was read and not taken."""
    errors = [{"edit_failure_reason": reason, "preview_failure_reason": preview}]
    return {"success": False, "errors": errors}


def refused_edit(reply: RequestRefused) -> dict[str, Any]:
    """The same, for what the simulated venue says."""
    if reply.code in _EDIT:
        return not_edited(_EDIT[reply.code])
    return not_edited("UNKNOWN_EDIT_ORDER_FAILURE_REASON", _NEW[reply.code][1])
