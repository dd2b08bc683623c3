"""What an endpoint is: a handler, and what a request must prove to reach it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from messages.base import InstrumentId
from venues.binance import simulator_errors as errors
from venues.binance.simulator_exchange import BinanceExchange
from venues.binance.simulator_params import Params

Json = Any
Handler = Callable[[BinanceExchange, Params], Json]


class Security(Enum):
    """What a request must prove."""

    NONE = 0
    KEY = 1
    SIGNED = 2


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint."""

    handler: Handler
    security: Security = Security.NONE
    orders: bool = False  # whether answers carry the account's order counts


def instrument(exchange: BinanceExchange, params: Params) -> InstrumentId:
    """Take `symbol`; raises ApiError -1121 if this venue does not trade it."""
    return named(exchange, params.need("symbol"))


def named(exchange: BinanceExchange, symbol: str) -> InstrumentId:
    """The instrument of a symbol; raises ApiError -1121 if this venue does not trade it."""
    for name, book in exchange.books.items():
        if book.instrument.symbol == symbol:
            return name
    raise errors.bad_symbol()
