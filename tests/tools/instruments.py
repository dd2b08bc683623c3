"""The instrument of a test: a plain one, of which a test says only what matters to it."""

from decimal import Decimal

from messages.base import InstrumentId
from messages.market import Instrument


def usdt(base: str = "BTC", venue: str = "SIM", **changes: str) -> Instrument:
    """`base` against USDT, in cents and thousandths, without fees; `changes` are its numbers."""
    numbers = {
        "price_increment": "0.01",
        "size_increment": "0.001",
        "min_quantity": "0.001",
        "max_quantity": "9000",
        "min_notional": "5",
        "maker_fee": "0",
        "taker_fee": "0",
    }
    return Instrument(
        instrument_id=InstrumentId(f"{base}USDT.{venue}"),
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        **{name: Decimal(number) for name, number in (numbers | changes).items()},
    )
