"""The REST endpoints of a USD-M account: balances, positions and their settings.

docs: USD-M Futures "Account / REST API" and "Trade / REST API" (2026-09).
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

from messages.base import Event, InstrumentId
from messages.venue import (
    AccountReport,
    MarginMode,
    QueryAccount,
    QueryPositions,
    RequestDone,
    RequestRefused,
    SetLeverage,
    SetMarginMode,
    Source,
)
from venues.binance import simulator_errors as errors
from venues.binance import simulator_usdm_encode as wire
from venues.binance.codec_names import ms
from venues.binance.codec_orders import text
from venues.binance.simulator_asking import at
from venues.binance.simulator_exchange import BinanceExchange
from venues.binance.simulator_params import Params
from venues.binance.simulator_routes import Json, Route, Security, instrument, named
from venues.binance.simulator_usdm_exchange import UsdmExchange
from venues.binance.simulator_usdm_params import refusal
from venues.serving.errors import ApiError
from venues.sim.margin import MAINTENANCE
from venues.sim.perpetual import LEVERAGE_MAX

_SIGNED: Final = Security.SIGNED
_MODES: Final = {"CROSSED": MarginMode.CROSS, "ISOLATED": MarginMode.ISOLATED}
E = TypeVar("E", bound=Event)


def good(reply: object, kind: type[E]) -> E:
    """The answer, if it is of this kind; raises ApiError."""
    if isinstance(reply, RequestRefused):
        raise refusal(reply)
    if not isinstance(reply, kind):
        raise errors.no_such_order()
    return reply


def _usdm(exchange: BinanceExchange) -> UsdmExchange:
    assert isinstance(exchange, UsdmExchange), "these routes are USD-M's"
    return exchange


def _balances(exchange: BinanceExchange) -> list[Json]:
    usdm, now = _usdm(exchange), at(exchange)
    reply = good(exchange.act(QueryAccount(**now)).reply, AccountReport)
    quotes = {h.grid.quote.name for h in usdm.holdings.values()}
    return [
        wire.balance(b, usdm.isolated(b.currency), usdm.profit(b.currency), now["ts_event"])
        for b in reply.balances
        if b.currency in quotes
    ]


def _balance(exchange: BinanceExchange, params: Params) -> Json:
    params.finish()
    return _balances(exchange)


def _rows(exchange: BinanceExchange, wanted: InstrumentId | None, *, flat: bool) -> list[Json]:
    usdm, now_ns = _usdm(exchange), exchange.now_ns()
    exchange.act(QueryPositions(**at(exchange)))  # what is due by now has happened
    margin = usdm.venue.margin
    return [
        wire.position(margin.report(i, now_ns, Source.QUERY), holding)
        for i, holding in usdm.holdings.items()
        if wanted in (None, i) and (flat or holding.lots)
    ]


def _positions(*, flat: bool) -> Callable[[BinanceExchange, Params], Json]:
    """Version 2 lists every symbol, version 3 only open positions."""

    def listed(exchange: BinanceExchange, params: Params) -> Json:
        symbol = params.take("symbol")
        params.finish()
        wanted = None if symbol is None else named(exchange, symbol)
        return _rows(exchange, wanted, flat=flat)

    return listed


def _account(exchange: BinanceExchange, params: Params) -> Json:
    params.finish()
    assets = [wire.account_asset(row) for row in _balances(exchange)]
    total = sum((Decimal(a["walletBalance"]) for a in assets), Decimal(0))
    return {
        "canTrade": True,
        "multiAssetsMargin": False,
        "totalWalletBalance": text(total),
        "updateTime": ms(exchange.now_ns()),
        "assets": assets,
        "positions": _rows(exchange, None, flat=False),
    }


def _leverage(exchange: BinanceExchange, params: Params) -> Json:
    symbol, leverage = params.need("symbol"), params.integer("leverage")
    params.finish()
    if not leverage:
        raise errors.missing("leverage")
    command = SetLeverage(
        **at(exchange), instrument_id=named(exchange, symbol), leverage=Decimal(leverage)
    )
    good(exchange.act(command).reply, RequestDone)
    return {"symbol": symbol, "leverage": leverage, "maxNotionalValue": "1000000000"}


def _margin_type(exchange: BinanceExchange, params: Params) -> Json:
    found, wanted = instrument(exchange, params), params.need("marginType")
    params.finish()
    if wanted not in _MODES:
        raise ApiError(-4049, "Add margin only support for isolated position.")
    command = SetMarginMode(**at(exchange), instrument_id=found, mode=_MODES[wanted])
    good(exchange.act(command).reply, RequestDone)
    return {"code": 200, "msg": "success"}


def _commission(exchange: BinanceExchange, params: Params) -> Json:
    found = exchange.instrument(instrument(exchange, params))
    params.finish()
    maker, taker = text(found.maker_fee), text(found.taker_fee)
    return {
        "symbol": found.symbol,
        "makerCommissionRate": maker,
        "takerCommissionRate": taker,
    }


def _brackets(exchange: BinanceExchange, params: Params) -> Json:
    symbol = params.take("symbol")
    params.finish()
    chosen = [i for i in exchange.venue.instruments if symbol in (None, i.symbol)]
    return [wire.brackets(i, LEVERAGE_MAX, float(MAINTENANCE)) for i in chosen]


def _premium(exchange: BinanceExchange, params: Params) -> Json:
    symbol = params.take("symbol")
    params.finish()
    usdm, now_ns = _usdm(exchange), exchange.now_ns()
    wanted = None if symbol is None else named(exchange, symbol)
    rows = [
        {
            "symbol": h.grid.instrument.symbol,
            "markPrice": text(h.grid.price(h.mark)),
            "indexPrice": text(h.grid.price(h.mark)),
            "lastFundingRate": text(Decimal(repr(usdm.rates[i][0]))),
            "nextFundingTime": ms(usdm.rates[i][1]),
            "time": ms(now_ns),
        }
        for i, h in usdm.holdings.items()
        if wanted in (None, i) and i in usdm.rates
    ]
    return rows[0] if wanted is not None and rows else rows


def account_routes() -> dict[str, Route]:
    """The endpoints of the account under /fapi."""
    found = {
        "POST /fapi/v1/leverage": Route(_leverage, _SIGNED),
        "POST /fapi/v1/marginType": Route(_margin_type, _SIGNED),
        "GET /fapi/v1/commissionRate": Route(_commission, _SIGNED),
        "GET /fapi/v1/leverageBracket": Route(_brackets, _SIGNED),
        "GET /fapi/v1/premiumIndex": Route(_premium),
    }
    for n, flat in ((2, True), (3, False)):
        found[f"GET /fapi/v{n}/balance"] = Route(_balance, _SIGNED)
        found[f"GET /fapi/v{n}/account"] = Route(_account, _SIGNED)
        found[f"GET /fapi/v{n}/positionRisk"] = Route(_positions(flat=flat), _SIGNED)
    return found
