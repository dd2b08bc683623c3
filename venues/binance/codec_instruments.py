"""exchangeInfo -> instruments: what may be traded, in which steps.

docs: Spot "General endpoints / Exchange information" and "Filters"; USD-M "Exchange Information"
(there the smallest notional is `MIN_NOTIONAL.notional`). Fees are not in it: they belong to an
account, and come from GET /api/v3/account.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec
from pydantic import ValidationError

from messages.market import Instrument
from trading.errors import Garbled
from venues.binance.codec_names import Market, instrument_id, product_for

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_VIP0_SPOT: Final = (Decimal("0.001"), Decimal("0.001"))  # (maker, taker) of a new account
_VIP0_USDM: Final = (Decimal("0.0002"), Decimal("0.0005"))
# Where a filter has no upper bound it says 0: then the widest quantity that Binance knows.
_UNBOUNDED: Final = Decimal(9_000_000_000)


class _Filter(msgspec.Struct, rename="camel"):
    filter_type: str
    tick_size: Decimal = _ZERO
    step_size: Decimal = _ZERO
    min_qty: Decimal = _ZERO
    max_qty: Decimal = _ZERO
    min_notional: Decimal = _ZERO
    notional: Decimal = _ZERO


class _Symbol(msgspec.Struct, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    filters: list[_Filter]
    contract_type: str = ""


class _Info(msgspec.Struct):
    symbols: list[_Symbol]


_INFO: Final = msgspec.json.Decoder(_Info)


def default_fees(market: Market) -> tuple[Decimal, Decimal]:
    """(maker, taker) of an account without discounts, as fractions of notional."""
    return _VIP0_SPOT if market is Market.SPOT else _VIP0_USDM


def decode_exchange_info(
    raw: bytes,
    market: Market,
    symbols: Iterable[str] | None = None,
    fees: tuple[Decimal, Decimal] | None = None,
) -> tuple[Instrument, ...]:
    """Instruments that trade now, in the venue's order; `symbols` picks some of them.

    A symbol that is halted, or that has no price or lot filter (an index), is left out.
    raises  Garbled
    """
    wanted = None if symbols is None else frozenset(symbols)
    try:
        found = _INFO.decode(raw).symbols
        return tuple(
            _instrument(s, market, fees or default_fees(market))
            for s in found
            if (wanted is None or s.symbol in wanted) and _tradable(s, market)
        )
    except (msgspec.DecodeError, ValidationError, ValueError) as e:
        raise Garbled(f"exchangeInfo: {str(e).splitlines()[0]}", raw) from e


def _filter(s: _Symbol, name: str) -> _Filter:
    return next((f for f in s.filters if f.filter_type == name), _Filter(name))


def _short(amount: Decimal) -> Decimal:
    """Without the zeros that Binance pads with, and without an exponent: 9000, not 9E+3."""
    bare = amount.normalize()
    return bare if bare == 0 or bare % 1 else bare.quantize(_ONE)


def _tradable(s: _Symbol, market: Market) -> bool:
    steps = _filter(s, "PRICE_FILTER").tick_size > 0 and _filter(s, "LOT_SIZE").step_size > 0
    perpetual = market is Market.SPOT or s.contract_type == "PERPETUAL"
    return s.status == "TRADING" and steps and perpetual


def _instrument(s: _Symbol, market: Market, fees: tuple[Decimal, Decimal]) -> Instrument:
    lot, least = _filter(s, "LOT_SIZE"), _filter(s, "MIN_NOTIONAL")
    # Spot symbols carry NOTIONAL, older ones MIN_NOTIONAL; USD-M names the amount `notional`.
    smallest = (_filter(s, "NOTIONAL").min_notional, least.min_notional, least.notional)
    maker, taker = fees
    return Instrument(
        instrument_id=instrument_id(s.symbol, market),
        symbol=s.symbol,
        base=s.base_asset,
        quote=s.quote_asset,
        price_increment=_short(_filter(s, "PRICE_FILTER").tick_size),
        size_increment=_short(lot.step_size),
        min_quantity=_short(lot.min_qty),
        max_quantity=_short(lot.max_qty) if lot.max_qty > 0 else _UNBOUNDED,
        min_notional=_short(max(smallest)),
        product=product_for(market),
        maker_fee=maker,
        taker_fee=taker,
    )
