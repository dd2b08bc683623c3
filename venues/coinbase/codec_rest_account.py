"""The account in Coinbase's REST answers: fills, balances, fees.

docs: "List Fills", "List Accounts" and "Get Transactions Summary" (https://docs.cdp.coinbase.com/
api-reference/advanced-trade-api/rest-api/orders/list-fills and its neighbours, 2026-09).
"""

from decimal import Decimal
from typing import Final

import msgspec

from messages.base import Event, TradeId, VenueOrderId
from messages.orders import LiquiditySide
from messages.venue import Balance, FillReport
from venues.coinbase.codec_names import instrument_id, ns, quote_of
from venues.coinbase.codec_orders import SIDE, SIZE_PLACES, amount, lookup
from venues.coinbase.known import KnownOrders
from venues.wire import evidence
from venues.wire.asked import Asked

_ZERO: Final = Decimal(0)


class _Fill(msgspec.Struct):
    trade_id: str
    order_id: str
    trade_time: str
    trade_type: str
    price: str
    size: str
    commission: str
    product_id: str
    liquidity_indicator: str
    side: str
    size_in_quote: bool = False


class _FillsAnswer(msgspec.Struct):
    fills: list[_Fill]
    cursor: str = ""


class _Amount(msgspec.Struct):
    value: str


class _Account(msgspec.Struct):
    currency: str
    available_balance: _Amount
    hold: _Amount


class _AccountsAnswer(msgspec.Struct):
    accounts: list[_Account]
    has_next: bool = False


class _Tier(msgspec.Struct):
    maker_fee_rate: str
    taker_fee_rate: str


class _SummaryAnswer(msgspec.Struct):
    fee_tier: _Tier


def read_fills(body: bytes, asked: Asked, _: KnownOrders) -> tuple[Event, ...]:
    """docs: "List Fills". Adjustments of an earlier fill (REVERSAL, CORRECTION, SYNTHETIC) are no
    trades: they show as a difference between our balances and the venue's."""
    d = msgspec.json.decode(body, type=_FillsAnswer)
    found = [_traded(f, asked) for f in d.fills if f.trade_type == "FILL"]
    # Newest first on the wire.
    return (evidence.fills(asked, found[::-1], complete=not d.cursor),)


def _traded(f: _Fill, asked: Asked) -> FillReport:
    price, size = Decimal(f.price), Decimal(f.size)
    if f.size_in_quote:
        size = (size / price).quantize(SIZE_PLACES)
    maker = f.liquidity_indicator == "MAKER"
    return FillReport(
        ts_event=ns(f.trade_time),
        ts_init=asked.ts_init,
        client_order_id=asked.client_order_id,  # a fill names its order by the venue's id only
        venue_order_id=VenueOrderId(f.order_id),
        instrument_id=instrument_id(f.product_id),
        trade_id=TradeId(f.trade_id),
        side=lookup(SIDE, f.side, "side"),
        last_qty=size,
        last_px=price,
        commission=amount(f.commission),
        currency=quote_of(f.product_id),
        liquidity_side=LiquiditySide.MAKER if maker else LiquiditySide.TAKER,
        source=asked.source,
    )


def read_account(body: bytes, asked: Asked, _: KnownOrders) -> tuple[Event, ...]:
    """docs: "List Accounts"; `partial` where there are more than fit into one page."""
    d = msgspec.json.decode(body, type=_AccountsAnswer)
    free: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    for a in d.accounts:  # one currency may lie in several wallets
        free[a.currency] = free.get(a.currency, _ZERO) + amount(a.available_balance.value)
        held[a.currency] = held.get(a.currency, _ZERO) + amount(a.hold.value)
    balances = (
        Balance(currency=c, total=free[c] + held[c], free=free[c], locked=held[c]) for c in free
    )
    return (evidence.account(asked, balances, partial=d.has_next),)


def read_fees(body: bytes, asked: Asked, _: KnownOrders) -> tuple[Event, ...]:
    """docs: "Get Transactions Summary": the tier of the last 30 days, the same for all products."""
    tier = msgspec.json.decode(body, type=_SummaryAnswer).fee_tier
    return (evidence.fees(asked, Decimal(tier.maker_fee_rate), Decimal(tier.taker_fee_rate)),)
