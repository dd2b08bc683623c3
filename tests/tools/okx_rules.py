"""Instruments of OKX for tests: as the venue writes them, and as we read them."""

from typing import Any, Final

import msgspec

from messages.market import Instrument, Product
from venues.okx.adapter import ADAPTERS
from venues.wire.adapter import Instruments

SPOT_ROW: Final[dict[str, Any]] = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "baseCcy": "BTC",
    "quoteCcy": "USDT",
    "settleCcy": "",
    "ctVal": "",
    "ctMult": "",
    "ctValCcy": "",
    "ctType": "",
    "lotSz": "0.00000001",
    "minSz": "0.00001",
    "tickSz": "0.1",
    "maxLmtSz": "9999999999",
    "state": "live",
}
SWAP_ROW: Final[dict[str, Any]] = {
    "instType": "SWAP",
    "instId": "BTC-USDT-SWAP",
    "baseCcy": "",
    "quoteCcy": "",
    "settleCcy": "USDT",
    "ctVal": "0.01",
    "ctMult": "1",
    "ctValCcy": "BTC",
    "ctType": "linear",
    "lotSz": "0.01",
    "minSz": "0.01",
    "tickSz": "0.1",
    "maxLmtSz": "100000000",
    "state": "live",
}
ROW: Final = {Product.SPOT: SPOT_ROW, Product.LINEAR: SWAP_ROW}


def ok(*rows: Any) -> bytes:
    """An answer that carries rows."""
    return msgspec.json.encode({"code": "0", "msg": "", "data": list(rows)})


def instrument(product: Product) -> Instrument:
    """The one instrument of a product."""
    (found,) = ADAPTERS[product].read_instruments(ok(ROW[product]))
    return found


def instruments(product: Product) -> Instruments:
    """As sessions and requests take them."""
    found = instrument(product)
    return {found.instrument_id: found}
