"""The REST endpoints about the account: wallet, positions, fees, leverage, margin mode.

docs: v5 "Account", "Position", "User" (2026-11).
"""

from collections.abc import Mapping
from typing import Any, Final

from messages.base import Command
from messages.market import Product
from messages.venue import (
    AccountReport,
    MarginMode,
    PositionsReport,
    QueryAccount,
    QueryPositions,
    RequestRefused,
    SetLeverage,
    SetMarginMode,
)
from venues.bybit import simulator_encode as wire
from venues.bybit.codec_orders import text
from venues.bybit.simulator_encode import Json
from venues.bybit.simulator_errors import bad, refusal
from venues.bybit.simulator_exchange import BybitExchange
from venues.bybit.simulator_params import Sent, decimal, instrument, need, product
from venues.bybit.simulator_rest_orders import Handler, page
from venues.sim.refusals import Refusal

_MODES: Final = {"REGULAR_MARGIN": MarginMode.CROSS, "ISOLATED_MARGIN": MarginMode.ISOLATED}
_UNIFIED_PRO: Final = 6


def _times(exchange: BybitExchange) -> dict[str, Any]:
    now_ns = exchange.now_ns()
    return {"ts_event": now_ns, "ts_init": now_ns}


def wallet(exchange: BybitExchange, params: Sent) -> Json:
    """Balances."""
    if need(params, "accountType") != "UNIFIED":
        raise bad("accountType", "only support UNIFIED.")
    reply = exchange.act(QueryAccount(**_times(exchange))).reply
    assert isinstance(reply, AccountReport), "it is always answered"
    return {"list": [wire.wallet(reply.balances)]}


def positions(exchange: BybitExchange, params: Sent) -> Json:
    """Open positions of a settlement currency; of one symbol also if it is flat."""
    about = product(params)
    if about is not Product.LINEAR:
        raise bad("category", "only support linear")
    one = instrument(exchange, params) if params.get("symbol") else None
    if one is None and not params.get("settleCoin"):
        raise bad("symbol or settleCoin", "is required")
    reply = exchange.act(QueryPositions(**_times(exchange), instrument_id=one)).reply
    if isinstance(reply, RequestRefused):
        raise refusal(reply, about)
    assert isinstance(reply, PositionsReport), "it is always answered"
    coin = params.get("settleCoin")
    rows = [
        wire.position_row(p)
        for p in reply.positions
        if coin in (None, exchange.instrument(p.instrument_id).quote)
    ]
    return page(rows, params, about)


def fees(exchange: BybitExchange, params: Sent) -> Json:
    """What the account pays."""
    about = product(params)
    one = instrument(exchange, params) if params.get("symbol") else None
    rows = [
        {
            "symbol": i.symbol,
            "baseCoin": "",
            "takerFeeRate": text(i.taker_fee),
            "makerFeeRate": text(i.maker_fee),
        }
        for i in exchange.venue.instruments
        if i.product is about and one in (None, i.instrument_id)
    ]
    return {"list": rows}


def leverage(exchange: BybitExchange, params: Sent) -> Json:
    """Set an instrument's leverage; both sides have one in one-way mode."""
    name = instrument(exchange, params)
    buy, sell = decimal(params, "buyLeverage"), decimal(params, "sellLeverage")
    if buy is None or buy != sell:
        raise bad("buyLeverage and sellLeverage", "must be equal")
    _set(exchange, SetLeverage(**_times(exchange), instrument_id=name, leverage=buy))
    return {}


def margin_mode(exchange: BybitExchange, params: Sent) -> Json:
    """One mode for the whole account."""
    mode = _MODES.get(need(params, "setMarginMode"))
    if mode is None:
        raise bad("setMarginMode")
    for name, theirs in exchange.products.items():
        if theirs is Product.LINEAR:
            _set(exchange, SetMarginMode(**_times(exchange), instrument_id=name, mode=mode))
    return {"reasons": []}


def _set(exchange: BybitExchange, command: Command) -> None:
    reply = exchange.act(command).reply
    same = (Refusal.MARGIN_MODE_SAME,)
    if isinstance(reply, RequestRefused) and reply.code not in same:
        raise refusal(reply, Product.LINEAR)


def info(exchange: BybitExchange, params: Sent) -> Json:
    """The account's settings."""
    on = bool(exchange.windows)
    return {
        "marginMode": "REGULAR_MARGIN",
        "updatedTime": "1697078946000",
        "unifiedMarginStatus": _UNIFIED_PRO,
        "dcpStatus": "ON" if on else "OFF",
        "timeWindow": next(iter(exchange.windows.values()), 10),
        "smpGroup": 0,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
    }


def key_info(exchange: BybitExchange, params: Sent) -> Json:
    """What the key may do."""
    permissions = {"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"]}
    return {"id": "1", "readOnly": 0, "permissions": permissions, "unified": 0, "uta": 1}


def coins(exchange: BybitExchange, params: Sent) -> Json:
    """Currencies, as far as trading needs them."""
    names = sorted({n for i in exchange.venue.instruments for n in (i.base, i.quote)})
    return {"rows": [{"name": n, "coin": n, "remainAmount": "0", "chains": []} for n in names]}


ROUTES: Final[Mapping[str, Handler]] = {
    "GET /v5/account/wallet-balance": wallet,
    "GET /v5/position/list": positions,
    "GET /v5/account/fee-rate": fees,
    "POST /v5/position/set-leverage": leverage,
    "POST /v5/account/set-margin-mode": margin_mode,
    "GET /v5/account/info": info,
    "GET /v5/user/query-api": key_info,
    "GET /v5/asset/coin/query-info": coins,
}
