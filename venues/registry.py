"""Every venue and product that there is an adapter for, by name; loaded when first asked for."""

from functools import cache
from importlib import import_module
from typing import Final

from messages.base import InstrumentId
from messages.market import Product
from venues.wire.adapter import Adapter

# Each module holds ADAPTERS: Mapping[Product, Adapter].
_MODULES: Final = {
    "BINANCE": "venues.binance.adapter",
    "OKX": "venues.okx.adapter",
    "BYBIT": "venues.bybit.adapter",
    "COINBASE": "venues.coinbase.adapter",
}
VENUES: Final = tuple(_MODULES)


class UnknownVenue(ValueError):
    """No such venue, or it does not have the product; the text is one line for the user."""


@cache
def adapter(venue: str, product: Product = Product.SPOT) -> Adapter:
    """The one adapter of a venue's product.

    raises  UnknownVenue
    """
    if venue not in _MODULES:
        raise UnknownVenue(f"{venue}: no such venue; use one of {', '.join(VENUES)}")
    found: dict[Product, Adapter] = import_module(_MODULES[venue]).ADAPTERS
    if product not in found:
        raise UnknownVenue(f"{venue} has no {product} here; use one of {', '.join(found)}")
    return found[product]


def venue_of(instrument_id: InstrumentId) -> str:
    """What follows the last dot of an instrument id."""
    return instrument_id.rpartition(".")[2]
