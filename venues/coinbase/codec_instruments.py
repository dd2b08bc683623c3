"""Products -> instruments: what may be traded, in which steps.

docs: "List Public Products" (https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/
rest-api/public/list-public-products, 2026-09). Fees are not in it: they belong to an account, and
come from "Get Transactions Summary".
"""

from decimal import Decimal
from typing import Final

import msgspec

from messages.market import Instrument
from venues.coinbase.codec_market import readable
from venues.coinbase.codec_names import instrument_id

# source: coinbase.com/advanced-fees, tier "Advanced 1": (maker, taker) of an account without volume
FEES: Final = (Decimal("0.006"), Decimal("0.012"))
_ONLINE: Final = "online"


class _Product(msgspec.Struct):
    product_id: str
    base_increment: Decimal
    quote_increment: Decimal
    quote_min_size: Decimal
    base_min_size: Decimal
    base_max_size: Decimal
    base_currency_id: str = ""
    quote_currency_id: str = ""
    status: str = ""
    product_type: str = ""
    price_increment: str = ""
    is_disabled: bool = False
    trading_disabled: bool = False
    view_only: bool = False
    cancel_only: bool = False


class _Products(msgspec.Struct):
    products: list[msgspec.Raw]


class _Kind(msgspec.Struct):
    product_type: str = ""


_PRODUCTS: Final = msgspec.json.Decoder(_Products)
_KIND: Final = msgspec.json.Decoder(_Kind)
_PRODUCT: Final = msgspec.json.Decoder(_Product)


def decode_products(body: bytes) -> tuple[Instrument, ...]:
    """Spot products that trade now, in the venue's order; raises Garbled."""

    def read() -> tuple[Instrument, ...]:
        raws = _PRODUCTS.decode(body).products
        spot = (_PRODUCT.decode(r) for r in raws if _KIND.decode(r).product_type == "SPOT")
        return tuple(_instrument(p) for p in spot if _tradable(p))

    return readable(body, "products", read)


def decode_product(body: bytes) -> Instrument:
    """GET /api/v3/brokerage/market/products/{id}: one product, trading or not; raises Garbled."""
    return readable(body, "product", lambda: _instrument(_PRODUCT.decode(body)))


def _tradable(p: _Product) -> bool:
    closed = p.is_disabled or p.trading_disabled or p.view_only or p.cancel_only
    return p.status == _ONLINE and not closed


def _instrument(p: _Product) -> Instrument:
    maker, taker = FEES
    return Instrument(
        instrument_id=instrument_id(p.product_id),
        symbol=p.product_id,
        base=p.base_currency_id,
        quote=p.quote_currency_id,
        price_increment=Decimal(p.price_increment or p.quote_increment),
        size_increment=p.base_increment,
        min_quantity=p.base_min_size,
        max_quantity=p.base_max_size,
        min_notional=p.quote_min_size,
        maker_fee=maker,
        taker_fee=taker,
    )
