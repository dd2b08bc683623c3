"""OKX's names and ours: symbols, channels, intervals, time, and contracts as base units."""

from decimal import Decimal
from typing import Final, TypeVar

from messages.base import NS_PER_MS, InstrumentId
from messages.market import Instrument, Product
from venues.wire.adapter import Instruments

VENUE: Final = "OKX"
_SUFFIX: Final = f".{VENUE}"
_SWAP: Final = "-SWAP"
_SPOT_PARTS: Final = 2  # BTC-USDT; swaps have a third part, futures and options more
INST_TYPE: Final[dict[Product, str]] = {Product.SPOT: "SPOT", Product.LINEAR: "SWAP"}
_T = TypeVar("_T")


def instrument_id(symbol: str) -> InstrumentId:
    """ "BTC-USDT-SWAP" is "BTC-USDT-SWAP.OKX": OKX's names differ between its products."""
    return InstrumentId(symbol + _SUFFIX)


def product_of(symbol: str) -> Product | None:
    """What a symbol is; None for futures and options."""
    if symbol.endswith(_SWAP):
        return Product.LINEAR
    return Product.SPOT if symbol.count("-") == _SPOT_PARTS - 1 else None


def symbol_of(instrument: InstrumentId, product: Product) -> str:
    """OKX's symbol; raises ValueError if the instrument is not of this product of OKX."""
    symbol = instrument.removesuffix(_SUFFIX)
    if symbol == instrument or product_of(symbol) is not product:
        raise ValueError(f"{instrument}: not an instrument of {VENUE} {product}")
    return symbol


def contract_size(instruments: Instruments, symbol: str) -> Decimal:
    """Base units of one unit of the venue's quantity.

    raises  ValueError for a contract that is not known: its quantities mean nothing without it
    """
    known = instruments.get(instrument_id(symbol))
    if known is not None:
        return known.contract_size
    if product_of(symbol) is Product.SPOT:
        return Decimal(1)
    raise ValueError(f"{symbol}: the size of its contract is not known")


def family(symbol: str) -> str:
    """The family of contracts that a swap belongs to: BTC-USDT-SWAP is of BTC-USDT."""
    return symbol.removesuffix(_SWAP)


def contracts(amount: Decimal, instrument: Instrument) -> Decimal:
    """Base units as the venue counts them; raises ValueError for a part of a lot."""
    if amount % instrument.size_increment:
        lot = instrument.size_increment
        raise ValueError(f"{amount} {instrument.base}: no whole number of lots of {lot}")
    return amount / instrument.contract_size


def text(amount: Decimal) -> str:
    """A decimal as OKX writes it: exact, no padding, never in scientific notation."""
    short = format(amount, "f")
    return short.rstrip("0").rstrip(".") if "." in short else short


def plain(amount: Decimal) -> Decimal:
    """Without padding and without an exponent: what a product of two decimals should look like."""
    return Decimal(text(amount))


def ns(milliseconds: int) -> int:
    """OKX's milliseconds as our nanoseconds."""
    return milliseconds * NS_PER_MS


def ms(nanoseconds: int) -> int:
    """Our nanoseconds as OKX's milliseconds, rounded down."""
    return nanoseconds // NS_PER_MS


def lookup(table: dict[str, _T], word: str, field: str) -> _T:
    """The meaning of a word; raises ValueError naming the field, so that the frame is Garbled."""
    try:
        return table[word]
    except KeyError:
        raise ValueError(f"{field}: {word!r} is no word we know") from None


# source: docs-v5 "Get candlesticks", parameter `bar`; days begin at midnight UTC with the suffix,
# in Hong Kong without it.
INTERVAL_NAME: Final[dict[int, str]] = {
    seconds * 1_000_000_000: name
    for seconds, name in {
        1: "1s",
        60: "1m",
        180: "3m",
        300: "5m",
        900: "15m",
        1800: "30m",
        3600: "1H",
        7200: "2H",
        14400: "4H",
        21600: "6Hutc",
        43200: "12Hutc",
        86400: "1Dutc",
    }.items()
}
INTERVAL_NS: Final[dict[str, int]] = {name: length for length, name in INTERVAL_NAME.items()}
INTERVAL_NS.update({"6H": INTERVAL_NS["6Hutc"], "12H": INTERVAL_NS["12Hutc"]})
INTERVAL_NS.update({"1D": INTERVAL_NS["1Dutc"]})
