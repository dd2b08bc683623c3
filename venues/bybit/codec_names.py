"""Bybit's names and ours: categories, symbols, intervals, time, and the envelope of its answers.

docs: v5 "Integration Guidance" and "Enums Definitions" (category, interval).
"""

from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

import msgspec

from messages.base import NS_PER_MS, NS_PER_S, InstrumentId
from messages.market import Product

VENUE: Final = "BYBIT"
CATEGORY: Final[dict[Product, str]] = {Product.SPOT: "spot", Product.LINEAR: "linear"}
PRODUCT: Final[dict[str, Product]] = {name: product for product, name in CATEGORY.items()}
# Currencies in which Bybit quotes, longest first where one ends with another: only for the fee of
# a fill whose `feeCurrency` is absent.
_QUOTES: Final = (
    *("RLUSD", "USD1", "XUSD", "USDT", "USDC", "USDE", "USDQ", "USDR", "USD", "EUR", "GBP"),
    *("BRL", "PLN", "TRY", "AED", "BRZ", "BTC", "ETH", "SOL", "MNT", "DAI"),
)
_T = TypeVar("_T")


def suffix(product: Product) -> str:
    """What follows the symbol in an instrument id."""
    return f"-{product}.{VENUE}"


def instrument_id(symbol: str, product: Product) -> InstrumentId:
    """ "BTCUSDT" is "BTCUSDT-SPOT.BYBIT" on spot and "BTCUSDT-LINEAR.BYBIT" as a perpetual."""
    return InstrumentId(symbol + suffix(product))


def symbol_of(name: InstrumentId, product: Product) -> str:
    """The venue's raw name: inverse of `instrument_id`.

    raises  ValueError if the instrument is not one of this product
    """
    end = suffix(product)
    if not name.endswith(end) or len(name) == len(end):
        raise ValueError(f"{name}: not an instrument of {VENUE} {product}: it would end with {end}")
    return name[: -len(end)]


def currencies(symbol: str, product: Product) -> tuple[str, str]:
    """(base, quote) of a symbol as far as its letters say; ("", "") where they do not."""
    if product is Product.LINEAR and symbol.endswith("PERP"):
        return symbol.removesuffix("PERP"), "USDC"
    for quote in _QUOTES:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote), quote
    return "", ""


def ns(milliseconds: int | str) -> int:
    """Bybit's milliseconds, number or text, as our nanoseconds; 0 for an empty text."""
    return int(milliseconds or 0) * NS_PER_MS


def ms(nanoseconds: int) -> int:
    """Our nanoseconds as Bybit's milliseconds, rounded down."""
    return nanoseconds // NS_PER_MS


def amount(text: str | None) -> Decimal:
    """A number that Bybit writes as text: "" and null are how it says that there is none.

    raises  ValueError if it is no finite number
    """
    if not text:
        return Decimal(0)
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r}: not a number") from None
    if not found.is_finite():
        raise ValueError(f"{text!r}: not a finite number")
    return found


def lookup(table: dict[str, _T], word: str, field: str) -> _T:
    """The meaning of a word.

    raises  ValueError naming the field; what holds it is then Garbled
    """
    try:
        return table[word]
    except KeyError:
        raise ValueError(f"{field}: {word!r} is no word we know") from None


# docs: "Enums Definitions / interval"; "M" has no fixed length.
INTERVAL_NS: Final[dict[str, int]] = {
    **{str(m): m * 60 * NS_PER_S for m in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": 86_400 * NS_PER_S,
    "W": 604_800 * NS_PER_S,
}
INTERVAL_NAME: Final[dict[int, str]] = {length: name for name, length in INTERVAL_NS.items()}


class Envelope(msgspec.Struct, rename="camel"):
    """What every REST answer is wrapped in: HTTP says 200 also where `ret_code` says no.

    docs: "Integration Guidance / Common response parameters"
    """

    ret_code: int
    ret_msg: str = ""
    result: msgspec.Raw = msgspec.Raw(b"{}")
    ret_ext_info: msgspec.Raw = msgspec.Raw(b"{}")
    time: int = 0


ENVELOPE: Final = msgspec.json.Decoder(Envelope)
