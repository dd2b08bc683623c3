"""instruments-info -> instruments: what may be traded, in which steps.

docs: v5 "Market / Get Instruments Info" (2026-11). Fees are not in it: they belong to an account
and come from /v5/account/fee-rate; what stands here is the first tier of "Trading Fee Structure".
"""

from decimal import Decimal
from typing import Final

import msgspec

from messages.market import Instrument, Product
from venues.bybit.codec_names import amount, instrument_id

_FEES: Final = {  # (maker, taker) of an account without discounts
    Product.SPOT: (Decimal("0.001"), Decimal("0.001")),
    Product.LINEAR: (Decimal("0.0002"), Decimal("0.00055")),
}
_ONE: Final = Decimal(1)
PAGE: Final = 1000


class _Lot(msgspec.Struct, rename="camel"):
    """Contracts say `qtyStep` and `minNotionalValue`, spot `basePrecision` and `minOrderAmt`."""

    max_order_qty: str = ""
    min_order_qty: str = ""
    qty_step: str = ""
    min_notional_value: str = ""
    base_precision: str = ""
    min_order_amt: str = ""
    max_limit_order_qty: str = ""


class _Price(msgspec.Struct, rename="camel"):
    tick_size: str


class _Row(msgspec.Struct, rename="camel"):
    symbol: str
    status: str
    base_coin: str
    quote_coin: str
    lot_size_filter: _Lot
    price_filter: _Price
    contract_type: str = ""
    options_type: str = ""  # options have no contract type either


class Page(msgspec.Struct, rename="camel"):
    """One page; spot has only one."""

    list: list[_Row]
    next_page_cursor: str | None = None
    category: str = ""


def instruments_of(page: Page, product: Product) -> tuple[Instrument, ...]:
    """Those of one product that trade now, in the venue's order.

    Left out: dated futures, inverse contracts, what is not open yet or any more, and what has no
    steps to trade in. raises ValueError for a number that is none
    """
    return tuple(_instrument(d, product) for d in page.list if _tradable(d, product))


def _tradable(d: _Row, product: Product) -> bool:
    lot = d.lot_size_filter
    sort = "LinearPerpetual" if product is Product.LINEAR else ""
    ours = d.contract_type == sort and not d.options_type
    steps = amount(d.price_filter.tick_size) > 0 and amount(lot.qty_step or lot.base_precision) > 0
    return ours and d.status == "Trading" and steps


def _short(number: Decimal) -> Decimal:
    """Without the zeros that Bybit pads with, and without an exponent: 1500, not 1.5E+3."""
    bare = number.normalize()
    return bare if bare == 0 or bare % 1 else bare.quantize(_ONE)


def _instrument(d: _Row, product: Product) -> Instrument:
    lot = d.lot_size_filter
    maker, taker = _FEES[product]
    step = amount(lot.qty_step or lot.base_precision)
    return Instrument(
        instrument_id=instrument_id(d.symbol, product),
        symbol=d.symbol,
        base=d.base_coin,
        quote=d.quote_coin,
        price_increment=_short(amount(d.price_filter.tick_size)),
        size_increment=_short(step),
        min_quantity=_short(amount(lot.min_order_qty)),
        # A market order may be smaller still ("maxMktOrderQty"): the venue refuses such a one.
        max_quantity=_short(amount(lot.max_limit_order_qty or lot.max_order_qty) or step),
        min_notional=_short(amount(lot.min_notional_value or lot.min_order_amt)),
        maker_fee=maker,
        taker_fee=taker,
        product=product,
    )
