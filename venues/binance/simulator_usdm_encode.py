"""What Binance USD-M futures would send for our reports; one-way position mode.

Orders with a trigger are the Algo Service's until it is reached: they have an `algoId`, and an
`orderId` only from then on.

docs: USD-M Futures "Trade", "Account / REST API" and "User Data Streams" (2026-09).
"""

from decimal import Decimal
from typing import Final

from messages.market import Instrument
from messages.orders import LiquiditySide, OrderSide, OrderSpec, OrderType
from messages.venue import (
    AccountReport,
    Balance,
    FillReport,
    MarginMode,
    OrderReport,
    PositionReport,
    VenueStatus,
)
from venues.binance.codec_encode import Json
from venues.binance.codec_names import ms, symbol_of
from venues.binance.codec_orders import text
from venues.sim.ledger import OrderLine
from venues.sim.margin import Holding
from venues.sim.matching import SELF_TRADE
from venues.sim.perpetual import AUTOCLOSE

_ZERO: Final = Decimal(0)
_ALGO_BASE: Final = 1_000_000_000  # the Algo Service counts for itself
TYPES: Final[dict[OrderType, str]] = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_MARKET: "STOP_MARKET",
    OrderType.STOP_LIMIT: "STOP",
    OrderType.MARKET_IF_TOUCHED: "TAKE_PROFIT_MARKET",
    OrderType.LIMIT_IF_TOUCHED: "TAKE_PROFIT",
}
_MARGIN: Final = {MarginMode.CROSS: "cross", MarginMode.ISOLATED: "isolated"}


def algo_id(report: OrderReport) -> int:
    """The Algo Service's own number of an order."""
    return _ALGO_BASE + int(report.venue_order_id)


def order_id_of_algo(number: int) -> str:
    """Inverse of `algo_id`."""
    return str(number - _ALGO_BASE)


def _type(spec: OrderSpec) -> str:
    """What works in the engine."""
    return "LIMIT" if spec.order_type.limited else "MARKET"


def _status(report: OrderReport) -> str:
    if report.status is VenueStatus.EXPIRED and report.reason == SELF_TRADE:
        return "EXPIRED_IN_MATCH"
    return report.status.value


def _time_in_force(spec: OrderSpec) -> str:
    return "GTX" if spec.post_only else spec.time_in_force.value


def order(report: OrderReport, line: OrderLine) -> Json:
    """One order of the engine, as every REST answer has it."""
    spec = line.spec
    average = report.avg_px or _ZERO
    return {
        "orderId": int(report.venue_order_id),
        "symbol": symbol_of(report.instrument_id),
        "status": _status(report),
        "clientOrderId": report.client_order_id,
        "price": text(report.price or _ZERO),
        "avgPrice": text(average),
        "origQty": text(report.quantity),
        "executedQty": text(report.filled_qty),
        "cumQty": text(report.filled_qty),
        "cumQuote": text(average * report.filled_qty),
        "timeInForce": _time_in_force(spec),
        "type": _type(spec),
        "reduceOnly": spec.reduce_only,
        "closePosition": False,
        "side": report.side.value,
        "positionSide": "BOTH",
        "stopPrice": text(spec.trigger_price or _ZERO),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": TYPES[spec.order_type],
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_TAKER",
        "goodTillDate": 0,
        "time": ms(line.ts_ns),
        "updateTime": ms(report.ts_event),
    }


def _algo_status(report: OrderReport) -> str:
    if not report.triggered:
        return "NEW" if report.status.open else report.status.value
    return "TRIGGERED" if report.status.open else "FINISHED"


def algo(report: OrderReport, line: OrderLine) -> Json:
    """One order of the Algo Service."""
    spec = line.spec
    return {
        "algoId": algo_id(report),
        "clientAlgoId": report.client_order_id,
        "algoType": "CONDITIONAL",
        "orderType": TYPES[spec.order_type],
        "symbol": symbol_of(report.instrument_id),
        "side": report.side.value,
        "positionSide": "BOTH",
        "timeInForce": _time_in_force(spec),
        "quantity": text(report.quantity),
        "algoStatus": _algo_status(report),
        "actualOrderId": report.venue_order_id if report.triggered else "",
        "triggerPrice": text(spec.trigger_price or _ZERO),
        "price": text(report.price or _ZERO),
        "selfTradePreventionMode": "EXPIRE_TAKER",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": False,
        "priceProtect": False,
        "reduceOnly": spec.reduce_only,
        "createTime": ms(line.ts_ns),
        "updateTime": ms(report.ts_event),
        "goodTillDate": 0,
    }


def trade(fill: FillReport) -> Json:
    """One row of GET /fapi/v1/userTrades."""
    return {
        "symbol": symbol_of(fill.instrument_id),
        "id": int(fill.trade_id),
        "orderId": int(fill.venue_order_id),
        "side": fill.side.value,
        "positionSide": "BOTH",
        "price": text(fill.last_px),
        "qty": text(fill.last_qty),
        "quoteQty": text(fill.last_qty * fill.last_px),
        "commission": text(fill.commission),
        "commissionAsset": fill.currency,
        "time": ms(fill.ts_event),
        "buyer": fill.side is OrderSide.BUY,
        "maker": fill.liquidity_side is LiquiditySide.MAKER,
    }


def _amount(holding: Holding, units: int) -> str:
    return text(holding.grid.quote.amount(units))


def position(report: PositionReport, holding: Holding) -> Json:
    """One row of GET /fapi/v2/positionRisk and v3 (which leaves out leverage and margin type)."""
    grid, worth = holding.grid, holding.lots * holding.mark * holding.grid.tick_lot_units
    isolated = holding.mode is MarginMode.ISOLATED
    return {
        "symbol": grid.instrument.symbol,
        "positionSide": "BOTH",
        "positionAmt": text(report.quantity),
        "entryPrice": text(report.avg_px),
        "breakEvenPrice": text(report.avg_px),
        "markPrice": text(grid.price(holding.mark)),
        "unRealizedProfit": _amount(holding, holding.profit()),
        "liquidationPrice": text(report.liquidation_px),
        "isolatedMargin": _amount(holding, holding.margin if isolated else 0),
        "notional": _amount(holding, worth),
        "marginAsset": grid.quote.name,
        "initialMargin": _amount(holding, holding.margin),
        "maintMargin": _amount(holding, holding.maintenance()),
        "positionInitialMargin": _amount(holding, holding.margin),
        "leverage": str(holding.leverage),
        "marginType": _MARGIN[holding.mode],
        "updateTime": ms(report.ts_event),
    }


def balance(b: Balance, isolated: Decimal, profit: Decimal, ts_ns: int) -> Json:
    """One row of GET /fapi/v3/balance."""
    return {
        "asset": b.currency,
        "balance": text(b.total),
        "crossWalletBalance": text(b.total - isolated),
        "crossUnPnl": text(profit),
        "availableBalance": text(max(_ZERO, b.free + profit)),
        "maxWithdrawAmount": text(max(_ZERO, b.free + min(_ZERO, profit))),
        "marginAvailable": True,
        "updateTime": ms(ts_ns),
    }


def account_asset(row: Json) -> Json:
    """One of `assets` in GET /fapi/v3/account."""
    return {
        "asset": row["asset"],
        "walletBalance": row["balance"],
        "unrealizedProfit": row["crossUnPnl"],
        "crossWalletBalance": row["crossWalletBalance"],
        "crossUnPnl": row["crossUnPnl"],
        "availableBalance": row["availableBalance"],
        "marginBalance": text(Decimal(row["balance"]) + Decimal(row["crossUnPnl"])),
        "maxWithdrawAmount": row["maxWithdrawAmount"],
        "updateTime": row["updateTime"],
    }


# --- the user data stream ------------------------------------------------------------------------


def order_update(
    report: OrderReport, line: OrderLine, fill: FillReport | None, execution: str
) -> Json:
    """ORDER_TRADE_UPDATE; `execution` "" derives it."""
    spec, forced = line.spec, report.client_order_id.startswith(AUTOCLOSE)
    x = execution or _execution(report, fill, forced)
    payload = {
        "s": symbol_of(report.instrument_id),
        "c": report.client_order_id,
        "S": report.side.value,
        "o": _type(spec),
        "f": _time_in_force(spec),
        "q": text(report.quantity),
        "p": text(report.price or _ZERO),
        "ap": text(report.avg_px or _ZERO),
        "sp": text(spec.trigger_price or _ZERO),
        "x": x,
        "X": _status(report),
        "i": int(report.venue_order_id),
        "l": text(fill.last_qty) if fill else "0",
        "z": text(report.filled_qty),
        "L": text(fill.last_px) if fill else "0",
        "T": ms(report.ts_event),
        "t": int(fill.trade_id) if fill else 0,
        "m": fill is not None and fill.liquidity_side is LiquiditySide.MAKER,
        "R": spec.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": TYPES[spec.order_type],
        "ps": "BOTH",
        "cp": False,
        "V": "EXPIRE_TAKER",
    }
    if fill is not None:
        payload |= {"N": fill.currency, "n": text(fill.commission)}
    return _event("ORDER_TRADE_UPDATE", report.ts_event) | {"o": payload}


def _execution(report: OrderReport, fill: FillReport | None, forced: bool) -> str:
    if fill is not None:
        return "CALCULATED" if forced else "TRADE"
    return "NEW" if report.status.open else report.status.value


def algo_update(report: OrderReport, line: OrderLine) -> Json:
    """ALGO_UPDATE."""
    spec = line.spec
    payload = {
        "caid": report.client_order_id,
        "aid": algo_id(report),
        "at": "CONDITIONAL",
        "o": TYPES[spec.order_type],
        "s": symbol_of(report.instrument_id),
        "S": report.side.value,
        "ps": "BOTH",
        "f": _time_in_force(spec),
        "q": text(report.quantity),
        "X": _algo_status(report),
        "ai": report.venue_order_id if report.triggered else "",
        "ap": text(report.avg_px or _ZERO),
        "aq": text(report.filled_qty),
        "tp": text(spec.trigger_price or _ZERO),
        "p": text(report.price or _ZERO),
        "V": "EXPIRE_TAKER",
        "wt": "CONTRACT_PRICE",
        "pm": "NONE",
        "cp": False,
        "pP": False,
        "R": spec.reduce_only,
        "rm": report.reason,
    }
    return _event("ALGO_UPDATE", report.ts_event) | {"o": payload}


def account_update(
    report: AccountReport, isolated: Decimal, positions: list[PositionReport], reason: str
) -> Json:
    """ACCOUNT_UPDATE."""
    return _event("ACCOUNT_UPDATE", report.ts_event) | {
        "a": {
            "m": reason,
            "B": [
                {"a": b.currency, "wb": text(b.total), "cw": text(b.total - isolated)}
                for b in report.balances
            ],
            "P": [
                {
                    "s": symbol_of(p.instrument_id),
                    "pa": text(p.quantity),
                    "ep": text(p.avg_px),
                    "mt": _MARGIN[p.margin_mode or MarginMode.CROSS],
                    "ps": "BOTH",
                }
                for p in positions
            ],
        }
    }


def _event(kind: str, ts_ns: int) -> Json:
    return {"e": kind, "T": ms(ts_ns), "E": ms(ts_ns)}


def brackets(instrument: Instrument, leverage: int, maintenance: float) -> Json:
    """One row of GET /fapi/v1/leverageBracket: one bracket for every size."""
    row = {
        "bracket": 1,
        "initialLeverage": leverage,
        "notionalCap": 1_000_000_000,
        "notionalFloor": 0,
        "maintMarginRatio": maintenance,
        "cum": 0.0,
    }
    return {"symbol": instrument.symbol, "brackets": [row]}
