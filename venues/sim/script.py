"""Situations as text: one line is what happens to a venue, a word or two is what it says.

    book 98x9 99x5 | 101x5      the whole book            quote 99x5 101x5    its touch only
    bid 99 4 / ask 101 0        one level                 trade 99 3 sell     a trade and its taker
    BUY a 3 @101 IOC            an order; words: @limit ^stop ~take-profit IOC FOK post reduce
    cancel a / modify a 2 / modify a 2 @98

Answers: `a=NEW` an order report (`a=NEW^` once triggered), `a:3@101T` a fill (T taker, M maker),
`!DUPLICATE` a refusal. For tables in tests and for reports of a fill that looks wrong.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import numpy as np

from messages.arrays import DELTA, QUOTE, TRADE
from messages.base import ClientOrderId, Command, Event, InstrumentId, StrategyId
from messages.market import BookDeltaBatch, QuoteBatch, TradeBatch
from messages.orders import (
    CancelOrder,
    ModifyOrder,
    OrderSide,
    OrderSpec,
    OrderType,
    SubmitOrder,
    TimeInForce,
)
from messages.venue import FillReport, OrderReport, RequestRefused

STRATEGY: Final = StrategyId("SCRIPT")
_AGGRESSOR: Final = {"buy": 1, "sell": -1, "unknown": 0}
_ORDER_TYPE: Final = {  # (has a limit, its trigger's sign)
    (False, ""): OrderType.MARKET,
    (True, ""): OrderType.LIMIT,
    (False, "^"): OrderType.STOP_MARKET,
    (True, "^"): OrderType.STOP_LIMIT,
    (False, "~"): OrderType.MARKET_IF_TOUCHED,
    (True, "~"): OrderType.LIMIT_IF_TOUCHED,
}
MarketMessage = BookDeltaBatch | TradeBatch | QuoteBatch


def parse(line: str, instrument_id: InstrumentId) -> MarketMessage | Command:
    """The message that one line stands for; raises ValueError naming the line if it is none."""
    verb = line.split(maxsplit=1)[0]
    reads = command if verb in ("BUY", "SELL", "cancel", "modify") else market
    return reads(line, instrument_id)


def command(line: str, instrument_id: InstrumentId) -> Command:
    """The command of a BUY, SELL, cancel or modify line; raises ValueError naming the line."""
    verb, *rest = line.split()
    try:
        if verb in ("BUY", "SELL"):
            return SubmitOrder(ts_event=0, ts_init=0, order=_order(verb, rest, instrument_id))
        return _change(verb, rest, instrument_id)
    except (ValueError, ArithmeticError, IndexError) as error:
        raise ValueError(f"line {line.strip()!r}: {error}") from error


def market(line: str, instrument_id: InstrumentId) -> MarketMessage:
    """The batch of a book, bid, ask, trade or quote line; raises ValueError naming the line."""
    verb, *rest = line.split()
    try:
        return _market(verb, rest, instrument_id)
    except (ValueError, KeyError, IndexError) as error:
        raise ValueError(f"line {line.strip()!r}: {error}") from error


def words(events: Iterable[Event]) -> list[str]:
    """What the venue said, a word an event; account reports are left out."""
    said = []
    for event in events:
        match event:
            case FillReport():
                liquidity = event.liquidity_side[0]
                said.append(f"{event.client_order_id}:{event.last_qty}@{event.last_px}{liquidity}")
            case OrderReport():
                said.append(f"{event.client_order_id}={event.status}{'^' * event.triggered}")
            case RequestRefused():
                said.append(f"!{event.code}")
    return said


def _order(verb: str, words: list[str], instrument_id: InstrumentId) -> OrderSpec:
    name, quantity, *rest = words
    limit = next((Decimal(w[1:]) for w in rest if w[0] == "@"), None)
    trigger = next((w for w in rest if w[0] in "^~"), "")
    return OrderSpec(
        client_order_id=ClientOrderId(name),
        strategy_id=STRATEGY,
        instrument_id=instrument_id,
        side=OrderSide(verb),
        order_type=_ORDER_TYPE[limit is not None, trigger[:1]],
        quantity=Decimal(quantity),
        price=limit,
        trigger_price=Decimal(trigger[1:]) if trigger else None,
        time_in_force=TimeInForce(next((w for w in rest if w in ("IOC", "FOK")), "GTC")),
        post_only="post" in rest,
        reduce_only="reduce" in rest,
    )


def _change(verb: str, words: list[str], instrument_id: InstrumentId) -> Command:
    name = ClientOrderId(words[0])
    if verb == "cancel":
        return CancelOrder(
            ts_event=0,
            ts_init=0,
            client_order_id=name,
            strategy_id=STRATEGY,
            instrument_id=instrument_id,
        )
    return ModifyOrder(
        ts_event=0,
        ts_init=0,
        client_order_id=name,
        strategy_id=STRATEGY,
        instrument_id=instrument_id,
        quantity=Decimal(words[1]),
        price=Decimal(words[2][1:]) if len(words) > 2 else None,
    )


def _market(verb: str, words: list[str], instrument_id: InstrumentId) -> MarketMessage:
    if verb == "trade":
        rows = [(0, 0, float(words[0]), float(words[1]), _AGGRESSOR[words[2]], 0)]
        return TradeBatch(
            ts_event=0, ts_init=0, instrument_id=instrument_id, rows=np.array(rows, TRADE)
        )
    if verb == "quote":
        (bid, bid_size), (ask, ask_size) = (_level(w) for w in words)
        quotes = [(0, 0, bid, bid_size, ask, ask_size)]
        return QuoteBatch(
            ts_event=0, ts_init=0, instrument_id=instrument_id, rows=np.array(quotes, QUOTE)
        )
    if verb == "book":
        middle = words.index("|")
        levels = [(0, 0, 1, *_level(w)) for w in words[:middle]]
        levels += [(0, 0, -1, *_level(w)) for w in words[middle + 1 :]]
    else:
        side = {"bid": 1, "ask": -1}[verb]
        levels = [(0, 0, side, float(words[0]), float(words[1]))]
    return BookDeltaBatch(
        ts_event=0,
        ts_init=0,
        instrument_id=instrument_id,
        snapshot=verb == "book",
        first_seq=0,
        last_seq=0,
        rows=np.array(levels, DELTA),
    )


def _level(word: str) -> tuple[float, float]:
    price, size = word.split("x")
    return float(price), float(size)
