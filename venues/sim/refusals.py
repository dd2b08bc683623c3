"""Why the venue refuses, in words that are no venue's: each simulator has its codes for them."""

from enum import StrEnum
from typing import Final

from messages.base import ClientOrderId, Command
from messages.venue import Request, RequestRefused


class Refusal(StrEnum):
    """The reason of a `RequestRefused`; its value is the code there."""

    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    PRICE_INCREMENT = "PRICE_INCREMENT"
    LOT_SIZE = "LOT_SIZE"
    MIN_NOTIONAL = "MIN_NOTIONAL"
    DUPLICATE = "DUPLICATE"
    WOULD_TRIGGER = "WOULD_TRIGGER"
    WOULD_TAKE = "WOULD_TAKE"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    INSUFFICIENT_MARGIN = "INSUFFICIENT_MARGIN"
    NOT_REDUCING = "NOT_REDUCING"
    AMEND_UNSUPPORTED = "AMEND_UNSUPPORTED"
    AMEND_NOTHING = "AMEND_NOTHING"
    AMEND_FILLED = "AMEND_FILLED"
    LEVERAGE = "LEVERAGE"
    MARGIN_MODE_SAME = "MARGIN_MODE_SAME"
    MARGIN_MODE_BUSY = "MARGIN_MODE_BUSY"
    NOT_OF_SPOT = "NOT_OF_SPOT"


TEXT: Final[dict[Refusal, str]] = {
    Refusal.UNKNOWN_INSTRUMENT: "no such instrument",
    Refusal.UNKNOWN_ORDER: "no such open order",
    Refusal.PRICE_INCREMENT: "price is no multiple of the tick",
    Refusal.LOT_SIZE: "quantity is no multiple of the lot, or out of bounds",
    Refusal.MIN_NOTIONAL: "order is worth too little",
    Refusal.DUPLICATE: "client order id belongs to an open order",
    Refusal.WOULD_TRIGGER: "trigger price is already reached",
    Refusal.WOULD_TAKE: "post-only order would take",
    Refusal.INSUFFICIENT_BALANCE: "not enough of the currency is free",
    Refusal.INSUFFICIENT_MARGIN: "not enough margin is free",
    Refusal.NOT_REDUCING: "reduce-only order would not reduce a position",
    Refusal.AMEND_UNSUPPORTED: "only a smaller quantity can be set",
    Refusal.AMEND_NOTHING: "the change changes nothing",
    Refusal.AMEND_FILLED: "the new quantity is already filled",
    Refusal.LEVERAGE: "no such leverage",
    Refusal.MARGIN_MODE_SAME: "the margin mode is set already",
    Refusal.MARGIN_MODE_BUSY: "a position or an open order keeps the margin mode",
    Refusal.NOT_OF_SPOT: "spot has no positions",
}
assert TEXT.keys() == set(Refusal), "every refusal needs its words"


_NO_ORDER: Final = ClientOrderId("")


def refused(
    request: Request,
    command: Command,
    refusal: Refusal,
    now_ns: int,
    client_order_id: ClientOrderId = _NO_ORDER,
) -> RequestRefused:
    """The venue's answer."""
    return RequestRefused(
        ts_event=now_ns,
        ts_init=now_ns,
        correlation_id=client_order_id,
        causation_id=command.key,
        request=request,
        client_order_id=client_order_id,
        code=refusal.value,
        reason=TEXT[refusal],
    )
