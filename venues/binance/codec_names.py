"""Binance's names and ours: symbols, intervals, time."""

from enum import StrEnum
from typing import Final

from messages.base import NS_PER_MS, InstrumentId
from messages.market import Product

VENUE: Final = "BINANCE"
_PERP: Final = "-PERP"


class Market(StrEnum):
    """Which of Binance's markets a connection talks to; each has its own fields and rules."""

    SPOT = "SPOT"
    USDM = "USDM"  # USD-margined perpetuals

    @property
    def suffix(self) -> str:
        """What follows the symbol in an instrument id."""
        return f".{VENUE}" if self is Market.SPOT else f"{_PERP}.{VENUE}"


def market_for(product: Product) -> Market:
    """Binance's market of a product."""
    return Market.USDM if product is Product.LINEAR else Market.SPOT


def product_for(market: Market) -> Product:
    """The product of a market of Binance."""
    return Product.LINEAR if market is Market.USDM else Product.SPOT


def instrument_id(symbol: str, market: Market) -> InstrumentId:
    """ "BTCUSDT" is "BTCUSDT.BINANCE" on spot and "BTCUSDT-PERP.BINANCE" on USD-M."""
    return InstrumentId(symbol + market.suffix)


def symbol_of(instrument: InstrumentId) -> str:
    """The venue's raw name: inverse of `instrument_id`.

    raises  ValueError if the instrument is not one of Binance's
    """
    name, dot, venue = instrument.rpartition(".")
    if not dot or venue != VENUE:
        raise ValueError(f"{instrument}: not an instrument of {VENUE}")
    return name.removesuffix(_PERP)


def market_of(instrument: InstrumentId) -> Market:
    """The market that an instrument id belongs to."""
    return Market.USDM if instrument.endswith(Market.USDM.suffix) else Market.SPOT


def ns(milliseconds: int) -> int:
    """Binance's milliseconds (its default time unit) as our nanoseconds."""
    return milliseconds * NS_PER_MS


def ms(nanoseconds: int) -> int:
    """Our nanoseconds as Binance's milliseconds, rounded down."""
    return nanoseconds // NS_PER_MS


# source: Binance Spot API docs, "WebSocket Streams / Kline Streams" (1M has no fixed length)
INTERVAL_NS: Final[dict[str, int]] = {
    name: seconds * 1_000_000_000
    for name, seconds in {
        "1s": 1,
        "1m": 60,
        "3m": 180,
        "5m": 300,
        "15m": 900,
        "30m": 1800,
        "1h": 3600,
        "2h": 7200,
        "4h": 14400,
        "6h": 21600,
        "8h": 28800,
        "12h": 43200,
        "1d": 86400,
        "3d": 259200,
        "1w": 604800,
    }.items()
}
INTERVAL_NAME: Final[dict[int, str]] = {length: name for name, length in INTERVAL_NS.items()}
