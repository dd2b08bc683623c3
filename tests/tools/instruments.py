"""The instrument of a test: a plain one, of which a test says only what matters to it."""

from decimal import Decimal
from typing import Any

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
    }
    return _plain(f"{base}USDT.{venue}", f"{base}USDT", base, "USDT", numbers | changes)


def coin(name: str = "X.SIM", **changes: str) -> Instrument:
    """X against USD, in whole ones, as scripts of `venues.sim.script` trade it."""
    numbers = {
        "price_increment": "1",
        "size_increment": "1",
        "min_quantity": "1",
        "max_quantity": "1000",
        "min_notional": "0",
    }
    return _plain(name, "X", "X", "USD", numbers | changes)


def _plain(name: str, symbol: str, base: str, quote: str, numbers: dict[str, str]) -> Instrument:
    free: dict[str, Any] = {"maker_fee": Decimal(0), "taker_fee": Decimal(0)}
    return Instrument(
        instrument_id=InstrumentId(name),
        symbol=symbol,
        base=base,
        quote=quote,
        **free | {field: Decimal(number) for field, number in numbers.items()},
    )
