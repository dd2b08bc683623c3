"""What the endpoints of spot and of USD-M share: commands that arrive now, and listings by page."""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.venue import FillReport
from venues.binance.simulator_exchange import BinanceExchange
from venues.binance.simulator_params import Params
from venues.binance.simulator_routes import Handler, Json, instrument
from venues.serving.errors import ApiError

_STRATEGY: Final = StrategyId("?")  # the wire does not say whose order it is


def at(exchange: BinanceExchange) -> dict[str, Any]:
    """The times of a command that arrives now."""
    now_ns = exchange.now_ns()
    return {"ts_event": now_ns, "ts_init": now_ns}


def about(exchange: BinanceExchange, name: ClientOrderId, found: InstrumentId) -> dict[str, Any]:
    """The same, of a command about one order."""
    rest = {"client_order_id": name, "strategy_id": _STRATEGY, "instrument_id": found}
    return at(exchange) | rest


class Page(NamedTuple):
    """Which rows of a listing were asked for.

    first  the number that the listing begins with
    """

    first: int | None
    limit: int
    start_ms: int | None
    end_ms: int | None

    def cut(self, rows: Iterable[Json], *, oldest: bool) -> list[Json]:
        """The oldest or the newest of these, as many as may be told."""
        start_ms, end_ms = self.start_ms or 0, self.end_ms
        found = [r for r in rows if start_ms <= r["time"] <= (end_ms or r["time"])]
        return found[: self.limit] if oldest else found[-self.limit :]


def page(params: Params, first: str) -> Page:
    """Take what says which rows; `first` names the number that the listing begins with."""
    limit = params.limit(500, 1000)
    number = params.integer(first)
    return Page(number, limit, params.integer("startTime"), params.integer("endTime"))


def trades(row: Callable[[FillReport], Json]) -> Handler:
    """The account's trades of one instrument, or of one order."""

    def listed(exchange: BinanceExchange, params: Params) -> Json:
        found, asked = instrument(exchange, params), page(params, "fromId")
        number = params.integer("orderId")
        params.finish()
        timed = asked.start_ms is not None or asked.end_ms is not None
        if asked.first is not None and timed:
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        rows = (
            row(fill)
            for fill in exchange.venue.ledger().fills
            if fill.instrument_id == found and int(fill.trade_id) >= (asked.first or 0)
            if number is None or fill.venue_order_id == str(number)
        )
        return asked.cut(rows, oldest=asked.first is not None or asked.start_ms is not None)

    return listed
