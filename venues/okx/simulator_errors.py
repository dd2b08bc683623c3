"""What the simulator refuses and how it says so: OKX's codes and words.

docs: docs-v5 "Error Code" (2026-09). What is wrong with one order is told in its row (`sCode`),
what is wrong with the request in the envelope.
"""

from typing import Any, Final

import msgspec

from messages.venue import RequestRefused
from venues.serving.errors import ApiError
from venues.sim.refusals import Refusal

Json = dict[str, Any]
_encode: Final = msgspec.json.Encoder().encode


def envelope(rows: list[Any], code: str = "0", msg: str = "") -> bytes:
    """An answer."""
    return _encode({"code": code, "msg": msg, "data": rows})


class OkxError(ApiError):
    """A refusal of a request."""

    def __init__(self, code: str, text: str, status: int = 200) -> None:
        super().__init__(code, text, status)

    def body(self) -> bytes:
        return envelope([], str(self.code), self.text)


class RowError(Exception):
    """A refusal of one order, which its row tells."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


_ABSENT: Final = (
    "51400",
    "Cancellation failed as the order has been filled, canceled or does not exist.",
)
_WORDS: Final[dict[str, tuple[str, str]]] = {
    Refusal.UNKNOWN_INSTRUMENT: ("51001", "Instrument ID does not exist."),
    Refusal.UNKNOWN_ORDER: _ABSENT,
    Refusal.PRICE_INCREMENT: ("51000", "Parameter px error"),
    Refusal.LOT_SIZE: ("51121", "Order quantity must be a multiple of the lot size."),
    Refusal.MIN_NOTIONAL: ("51020", "Your order should meet or exceed the minimum order amount."),
    Refusal.DUPLICATE: ("51016", "Client order ID already exists."),
    Refusal.WOULD_TRIGGER: ("51280", "SL trigger price is past the last traded price"),
    Refusal.INSUFFICIENT_BALANCE: ("51008", "Order failed. Insufficient account balance."),
    Refusal.INSUFFICIENT_MARGIN: ("51008", "Order failed. Insufficient USDT margin in account"),
    Refusal.NOT_REDUCING: ("51169", "Order failed because you don't have any positions to reduce"),
    Refusal.AMEND_NOTHING: ("51500", "Either order price or amount is required."),
    Refusal.AMEND_FILLED: ("51510", "Modification failed as the order has been completed."),
    Refusal.LEVERAGE: ("59102", "Leverage exceeds the maximum leverage."),
}
_AMENDING: Final = {
    Refusal.UNKNOWN_ORDER: ("51503", "Your order has already been filled or canceled.")
}


def words(reply: RequestRefused, *, amending: bool = False) -> tuple[str, str]:
    """OKX's code and words for what the venue refused."""
    table = _WORDS | _AMENDING if amending else _WORDS
    return table.get(reply.code, ("51000", f"Parameter error: {reply.reason}"))


def refused(reply: object, *, amending: bool = False) -> RowError:
    """What the venue refused, as one row tells it."""
    if not isinstance(reply, RequestRefused):
        raise TypeError(f"{type(reply).__name__}: not an answer to this request")
    return RowError(*words(reply, amending=amending))


def bad(name: str) -> OkxError:
    """A parameter that is absent."""
    return OkxError("50014", f"Parameter {name} can not be empty.", 400)


def no_such_order() -> OkxError:
    """What a question about an order is answered."""
    return OkxError("51603", "Order does not exist")
