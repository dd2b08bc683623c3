"""Every simulator that there is, by venue and product; loaded when first asked for."""

from importlib import import_module
from typing import Any, Final

from messages.market import Product
from venues.serving.simulator import Simulator

# Each module holds `Simulator`. Where one server has all products, they share a module.
_MODULES: Final[dict[str, dict[Product, str]]] = {
    "BINANCE": {
        Product.SPOT: "venues.binance.simulator",
        Product.LINEAR: "venues.binance.simulator_usdm",
    },
    "OKX": dict.fromkeys(Product, "venues.okx.simulator"),
    "BYBIT": dict.fromkeys(Product, "venues.bybit.simulator"),
    "COINBASE": {Product.SPOT: "venues.coinbase.simulator"},
}
VENUES: Final = tuple(_MODULES)


def simulator(venue: str, product: Product = Product.SPOT) -> type[Simulator]:
    """The class that serves a venue's product.

    raises  ValueError in one line: no such venue, or it has no such product
    """
    modules = _MODULES.get(venue)
    if modules is None:
        raise ValueError(f"{venue}: no such venue; use one of {', '.join(VENUES)}")
    if product not in modules:
        raise ValueError(f"{venue} has no {product}; use {', '.join(modules)}")
    found: Any = import_module(modules[product])
    kind: type[Simulator] = found.Simulator
    return kind
