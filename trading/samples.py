"""Two instruments for where no venue is asked: generated markets, test benches and examples."""

from decimal import Decimal
from typing import Final

from messages.base import InstrumentId
from messages.market import Instrument

BTCUSDT: Final = Instrument(
    instrument_id=InstrumentId("BTCUSDT.BINANCE"),
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    price_increment=Decimal("0.01"),
    size_increment=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9000),
    min_notional=Decimal(5),
    maker_fee=Decimal("0.001"),
    taker_fee=Decimal("0.001"),
)
ETHUSDT: Final = BTCUSDT.model_copy(
    update={
        "instrument_id": InstrumentId("ETHUSDT.BINANCE"),
        "symbol": "ETHUSDT",
        "base": "ETH",
        "size_increment": Decimal("0.0001"),
        "min_quantity": Decimal("0.0001"),
    }
)
