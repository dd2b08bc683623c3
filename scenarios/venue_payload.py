"""What a single payload of a venue is: a frame of the market or of the account, or a REST answer.

Nothing in a file says what it answers, so each of the venue's readers is asked in turn. One that
reads it and finds something in it has recognised it: an empty list is no proof, and is nobody's.
"""

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from messages.base import NS_PER_MS, ClientOrderId, InstrumentId, StrategyId
from messages.market import Instrument, Product
from messages.orders import OrderSide, OrderSpec, OrderType
from messages.venue import (
    AccountReport,
    FeesReport,
    FillsReport,
    OpenOrdersReport,
    OrderReport,
    PositionsReport,
    Request,
    RequestRefused,
)
from trading.errors import VenueError
from venues.binance.codec_rest import decode_listen_key
from venues.bybit.codec_user import read_user_frame
from venues.registry import adapter
from venues.wire.adapter import Adapter
from venues.wire.asked import Asked
from venues.wire.frames import Control, Unknown
from venues.wire.keys import Keys
from venues.wire.request import Answer

_NOW: Final = 1_900_000_000_000 * NS_PER_MS  # after whatever is in a payload
_SYMBOL: Final = re.compile(rb'"(?:symbol|instId|product_id)"\s*:\s*"([^"]+)"')
_ANY: Final = ("BTC-USDT-SWAP", "BTC-USDT", "BTCUSDT", "BTC-USD")
_TIME_BYTES_MAX: Final = 250
_FAST: Final = "execution.fast"
OTHER: Final = "contracts of another product"
UNUSED: Final = "not used: nothing here asks it"
UNREADABLE: Final = "no JSON: check that it is a frame or an answer, and whole"
_ROWS: Final = re.compile(rb'"(?:symbols|list)"\s*:\s*\[\s*\{')  # of instruments
_CANDLES: Final = re.compile(rb"\[\s*\[")
_TAKEN: Final = re.compile(rb'"sCode"\s*:\s*"0"')
# What a venue puts around rows; a payload may be a bare row.
_AROUND: Final[dict[str, tuple[bytes, ...]]] = {
    "OKX": (
        b'{"code":"0","msg":"","data":[%b]}',
        b'{"code":"0","msg":"","data":[{"uTime":"1","details":[%b]}]}',
    ),
}
# Why nobody reads a payload, by what is in it.
_UNUSED: Final = (
    (re.compile(rb'"(?:optionsType|optType|deltaBs)"\s*:\s*"[^"]'), "options: another product"),
    (re.compile(rb'"(?:sprdId|legs)"'), "spreads: another product"),
    (re.compile(rb'"contractType"\s*:\s*"Inverse|"category"\s*:\s*"inverse'), OTHER),
    (
        re.compile(
            rb'"instType"\s*:\s*"(?:FUTURES|MARGIN)|"FUTURE"|"(?:cfm_|futures_)|"number_of_contracts"'
        ),
        OTHER,
    ),
)
# A reader of something else may stumble over anything in it.
_NOT_THIS: Final = (VenueError, ValueError, LookupError, TypeError, ArithmeticError)
# What a question's answer must hold to be one: the event, and its part that may not be empty.
_ANSWERS: Final[dict[Request, tuple[type, str]]] = {
    Request.QUERY_FILLS: (FillsReport, "fills"),
    Request.QUERY_ACCOUNT: (AccountReport, "balances"),
    Request.QUERY_POSITIONS: (PositionsReport, "positions"),
    Request.QUERY_OPEN_ORDERS: (OpenOrdersReport, "orders"),
    Request.QUERY_ORDER: (OrderReport, "instrument_id"),
    Request.QUERY_FEES: (FeesReport, "taker"),
    Request.SUBMIT: (OrderReport, "venue_order_id"),
    Request.CANCEL: (OrderReport, "venue_order_id"),
}


class _Rules(dict[InstrumentId, Instrument]):
    """An instrument of any name, in units of one: a payload comes without the venue's rules."""

    def __init__(self, pattern: Instrument) -> None:
        super().__init__()
        self._pattern = pattern

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: InstrumentId) -> Instrument:
        return self._pattern.model_copy(update={"instrument_id": name, "symbol": name})

    def get(self, name: InstrumentId, default: Any = None) -> Any:
        return self[name]


def recognised(raw: bytes, of: Adapter, pattern: Instrument) -> str:
    """The kind of a payload, as this venue's readers of any product see it; "" if none does.

    pattern  an instrument that stands for any
    """
    found = _read(raw, of, pattern)
    if found or not raw.lstrip().startswith(b"{"):
        return found
    rows = (_read(around % raw, of, pattern) for around in _AROUND.get(of.venue, ()))
    return next((f"{found}:row" for found in rows if found), "")


def unused(raw: bytes) -> str:
    """Why no reader of ours knows a payload."""
    try:
        json.loads(raw)
    except ValueError:
        return UNREADABLE
    return next((why for sign, why in _UNUSED if sign.search(raw)), UNUSED)


def _read(raw: bytes, of: Adapter, pattern: Instrument) -> str:
    others = [p for p in Product if p is not of.product]
    for product in (of.product, *others):
        try:
            reader = of if product is of.product else adapter(of.venue, product)
        except _NOT_THIS:
            continue  # the venue has one product only
        for read in _readers(raw, reader, _Rules(pattern.model_copy(update={"product": product}))):
            try:
                if found := read():
                    return found
            except _NOT_THIS:
                continue
    return ""


def _readers(raw: bytes, of: Adapter, rules: _Rules) -> Iterator[Callable[[], str]]:
    name = _named(raw, of)
    yield lambda: _frame(raw, of, rules)
    yield lambda: _of_account(raw, of, rules)
    yield lambda: _told_by_kind(raw, of)
    yield lambda: "instruments" if of.read_instruments(raw) else ""
    yield lambda: "book" if len(of.read_book(raw, rules[name], _NOW).rows) else ""
    yield lambda: _history(raw, of, rules[name], "trades")
    yield lambda: _history(raw, of, rules[name], "bars")
    for request in _ANSWERS:
        order = _order(name) if _TAKEN.search(raw) else None
        asked = Asked(request, _NOW, name, order=order, product=of.product, instruments=rules)
        yield lambda asked=asked: _answer(raw, of, asked)  # type: ignore[misc]
    # Read, and nothing of it is one that we trade.
    yield lambda: _untraded(raw, of)
    # Many an answer has the venue's time beside what it is about.
    if len(raw) < _TIME_BYTES_MAX and not _SYMBOL.search(raw):
        yield lambda: "time" if of.read_time(raw) else ""


def _named(raw: bytes, of: Adapter) -> InstrumentId:
    """The instrument that a payload names first, or any that the venue could have."""
    said = _SYMBOL.search(raw)
    for symbol in (said[1].decode() if said else "", *_ANY):
        try:
            of.symbol(of.instrument_id(symbol))
        except _NOT_THIS:
            continue
        if symbol:
            return of.instrument_id(symbol)
    return InstrumentId("")


def _frame(raw: bytes, of: Adapter, rules: _Rules) -> str:
    found = of.market_session(rules, of.routes[0]).heard(raw, _NOW)
    if isinstance(found, Unknown):
        return ""
    if isinstance(found, Control):
        return found.kind
    return found[0].kind if isinstance(found, tuple) else found.kind


def _of_account(raw: bytes, of: Adapter, rules: _Rules) -> str:
    events = of.user_session(Keys("", ""), rules).heard(raw, _NOW, _NOW).events
    return "account:" + type(events[-1]).__name__ if events else ""


def _history(raw: bytes, of: Adapter, instrument: Instrument, what: str) -> str:
    name = instrument.instrument_id
    interval_ns = min(of.bar_intervals)
    wire = of.ask_trades(name, 0) if what == "trades" else of.ask_bars(name, interval_ns, 0)
    if of.read_history(raw, wire, instrument, _NOW):
        return what
    return "bars:open" if what == "bars" and _CANDLES.search(raw) else ""


def _untraded(raw: bytes, of: Adapter) -> str:
    of.read_instruments(raw)  # raises for what is no list of them
    return (
        "instruments:others"
        if _ROWS.search(raw) and not any(sign.search(raw) for sign, _ in _UNUSED)
        else ""
    )


def _told_by_kind(raw: bytes, of: Adapter) -> str:
    """What is read and makes no event: Binance's listen key, Bybit's fast executions."""
    if of.venue == "BINANCE":
        return "answer:listen_key" if decode_listen_key(raw) else ""
    if of.venue != "BYBIT":
        return ""
    found = read_user_frame(raw, of.product, _NOW)
    fast = isinstance(found, Control) and found.kind == _FAST
    return f"account:{_FAST}" if fast else ""


def _order(name: InstrumentId) -> OrderSpec:
    """Any order: an acknowledgement repeats no more of it than its ids."""
    return OrderSpec(
        client_order_id=ClientOrderId("any"),
        strategy_id=StrategyId("any"),
        instrument_id=name,
        side=OrderSide.BUY,
        order_type=OrderType.MARKET,
        quantity=Decimal(1),
    )


def _answer(raw: bytes, of: Adapter, asked: Asked) -> str:
    events = of.read_answer(Answer(200, {}, raw), asked)
    kind, part = _ANSWERS[asked.request]
    last = events[-1] if events else None
    if isinstance(last, RequestRefused):
        return "answer:refused"
    if isinstance(last, kind) and asked.order is not None and getattr(last, part):
        return "answer:acknowledged"  # of a cancel, too: their rows are alike
    return f"answer:{asked.request}" if isinstance(last, kind) and getattr(last, part) else ""
