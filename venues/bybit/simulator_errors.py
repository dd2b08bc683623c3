"""What the simulator refuses and how it says so: Bybit's codes and words, inside HTTP 200.

docs: v5 "Error Codes" (2026-11).
"""

from typing import Final

import msgspec

from messages.market import Product
from messages.venue import RequestRefused
from venues.serving.errors import ApiError
from venues.sim.refusals import Refusal


class BybitError(ApiError):
    """A refusal. `time_ms` is filled in by the server, which has the clock."""

    def __init__(self, code: int, text: str, status: int = 200) -> None:
        super().__init__(code, text, status)
        self.time_ms = 0

    def body(self) -> bytes:
        return envelope({}, self.time_ms, self.code, self.text)


class Denied(ApiError):
    """A refusal by the gateway in front, which does not speak JSON."""

    def body(self) -> bytes:
        return self.text.encode()


def envelope(
    result: object, time_ms: int, code: int | str = 0, text: str = "OK", ext: object = None
) -> bytes:
    """An answer."""
    return msgspec.json.encode(
        {
            "retCode": code,
            "retMsg": text,
            "result": result,
            "retExtInfo": ext if ext is not None else {},
            "time": time_ms,
        }
    )


_LINEAR: Final[dict[str, tuple[int, str]]] = {
    Refusal.UNKNOWN_INSTRUMENT: (10001, "params error: symbol invalid"),
    Refusal.UNKNOWN_ORDER: (110001, "order not exists or too late to cancel"),
    Refusal.PRICE_INCREMENT: (10001, "Price invalid: not a multiple of the tick size"),
    Refusal.LOT_SIZE: (10001, "Qty invalid"),
    Refusal.MIN_NOTIONAL: (110094, "Order does not meet minimum order value 5USDT"),
    Refusal.DUPLICATE: (110072, "OrderLinkedID is duplicate"),
    Refusal.WOULD_TRIGGER: (110092, "expect Rising, but trigger_price <= current"),
    Refusal.INSUFFICIENT_BALANCE: (110007, "ab not enough for new order"),
    Refusal.INSUFFICIENT_MARGIN: (110007, "ab not enough for new order"),
    Refusal.NOT_REDUCING: (110017, "Reduce-only rule not satisfied"),
    Refusal.AMEND_NOTHING: (10001, "The order remains unchanged"),
    Refusal.AMEND_FILLED: (
        110064,
        "The number of contracts modified cannot be less than or equal to the filled quantity",
    ),
    Refusal.LEVERAGE: (110013, "cannot set leverage due to risk limit"),
    Refusal.MARGIN_MODE_SAME: (110026, "Cross/isolated margin mode is not modified"),
    Refusal.MARGIN_MODE_BUSY: (3400045, "Set margin mode failed"),
}
_SPOT: Final[dict[str, tuple[int, str]]] = _LINEAR | {
    Refusal.UNKNOWN_INSTRUMENT: (170121, "Invalid symbol."),
    Refusal.UNKNOWN_ORDER: (170213, "Order does not exist."),
    Refusal.PRICE_INCREMENT: (170134, "Order price has too many decimals."),
    Refusal.LOT_SIZE: (170137, "Order quantity has too many decimals."),
    Refusal.MIN_NOTIONAL: (170140, "Transaction amount lower than the minimum."),
    Refusal.DUPLICATE: (170141, "Duplicate clientOrderId."),
    Refusal.WOULD_TRIGGER: (170210, "New order rejected."),
    Refusal.INSUFFICIENT_BALANCE: (170131, "Insufficient balance."),
}


def words(reply: RequestRefused, product: Product) -> tuple[int, str]:
    """Bybit's code and words for what the venue refused."""
    table = _SPOT if product is Product.SPOT else _LINEAR
    return table.get(reply.code, (10001, f"params error: {reply.reason}"))


def refusal(reply: RequestRefused, product: Product) -> BybitError:
    """What the venue refused, as an answer."""
    return BybitError(*words(reply, product))


def bad(name: str, why: str = "") -> BybitError:
    """A parameter that is absent or wrong."""
    return BybitError(10001, f"params error: {name}{' ' + why if why else ' invalid'}")
