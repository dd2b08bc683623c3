"""Coinbase's names and ours: products, times, amounts, intervals."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Final

import msgspec

from messages.base import NS_PER_S, InstrumentId

VENUE: Final = "COINBASE"
_SECOND_DIGITS: Final = len("2026-08-09T21:05:48")
_FRACTION_DIGITS: Final = 9

# The bounds keep "NaN" and "Infinity", which are legal text for a float, out of the arrays.
Positive = Annotated[float, msgspec.Meta(gt=0, lt=1e300)]
Amount = Annotated[float, msgspec.Meta(ge=0, lt=1e300)]
Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Seconds = Annotated[int, msgspec.Meta(ge=0, lt=2**33)]  # as nanoseconds it must fit an int64


def instrument_id(product_id: str) -> InstrumentId:
    """ "BTC-USD" is "BTC-USD.COINBASE"."""
    return InstrumentId(f"{product_id}.{VENUE}")


def product_of(instrument: InstrumentId) -> str:
    """The venue's product id: inverse of `instrument_id`.

    raises  ValueError if the instrument is not a spot product of Coinbase
    """
    name, dot, venue = instrument.rpartition(".")
    if not dot or venue != VENUE or name.count("-") != 1:
        raise ValueError(f"{instrument}: not a spot instrument of {VENUE}; one is BTC-USD.{VENUE}")
    return name


def quote_of(product_id: str) -> str:
    """The currency in which a spot product is priced, and its fees are paid."""
    return product_id.rpartition("-")[2]


def ns(text: str) -> int:
    """An RFC 3339 time in UTC, of up to nanoseconds, as our nanoseconds.

    raises  ValueError if it is not one
    """
    fraction = text[_SECOND_DIGITS:].removesuffix("Z").removeprefix(".")
    if not text.endswith("Z") or (fraction and not (fraction.isascii() and fraction.isdigit())):
        raise ValueError(f"time {text!r}: not RFC 3339 in UTC")
    digits = fraction[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0")
    return _second(text[:_SECOND_DIGITS]) * NS_PER_S + int(digits)


@lru_cache(maxsize=64)
def _second(text: str) -> int:
    seconds = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    if seconds < 0:
        raise ValueError(f"time {text!r}: before 1970")
    return seconds


def rfc3339(nanoseconds: int) -> str:
    """Our nanoseconds as Coinbase writes a time."""
    seconds, rest = divmod(nanoseconds, NS_PER_S)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest:0{_FRACTION_DIGITS}d}Z"


def text(amount: Decimal) -> str:
    """A decimal as Coinbase writes it: exact, never in scientific notation."""
    return format(amount, "f")


# docs: "Get Public Product Candles", parameter `granularity`
INTERVAL_NAME: Final[dict[int, str]] = {
    minutes * 60 * NS_PER_S: name
    for minutes, name in {
        1: "ONE_MINUTE",
        5: "FIVE_MINUTE",
        15: "FIFTEEN_MINUTE",
        30: "THIRTY_MINUTE",
        60: "ONE_HOUR",
        120: "TWO_HOUR",
        240: "FOUR_HOUR",
        360: "SIX_HOUR",
        1440: "ONE_DAY",
    }.items()
}
INTERVAL_NS: Final[dict[str, int]] = {name: length for length, name in INTERVAL_NAME.items()}
# docs: "Candles Channel": buckets of five minutes, and no other
STREAM_INTERVAL_NS: Final = INTERVAL_NS["FIVE_MINUTE"]
