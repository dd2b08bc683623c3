"""Positions as folds of fills: weighted-average cost by default, FIFO lots beside it.

Theory of operation. A holding keeps the signed quantity and the signed cost of what is open, never
an average: sums and products of decimals are exact, quotients are not. Opening adds qty x price to
the cost. Closing takes a share of the cost away and realises the rest of the cash flow, so

    realized_pnl + unrealized(mark) == -sum(side x qty x price) + quantity x mark

holds exactly, for every mark and every order of the fills. The one division (the share of the cost
that a partial close takes) is rounded to COST_PLACES; what it rounds off stays in the cost of the
rest and is realised by the close that ends the position. Commissions are kept apart: in quote
currency where they are (base is valued at the fill's price), otherwise by currency.

The exact arithmetic runs in a context that raises on any rounding: a result of more than 96 digits
is a bug, not money.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from typing import Final

from immutables import Map

from messages.accounts import Position
from messages.base import ClientOrderId, InstrumentId, StrategyId
from messages.market import Instrument
from messages.orders import OrderFilled
from trading.replacing import replace

COST_PLACES: Final = Decimal(1).scaleb(-18)
AVG_PX_DIGITS: Final = 28
_ZERO: Final = Decimal(0)
_EXACT: Final = Context(prec=96, traps=[Inexact, InvalidOperation])
_SHARE: Final = Context(prec=96, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
_AVERAGE: Final = Context(prec=AVG_PX_DIGITS, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])

Key = tuple[StrategyId, InstrumentId]


def notional(quantity: Decimal, price: Decimal) -> Decimal:
    """quantity x price, exact; signed like quantity."""
    return _EXACT.multiply(quantity, price)


def total(*parts: Decimal) -> Decimal:
    """The sum of `parts`, exact: a - b is total(a, -b), where unary minus is exact too."""
    result = _ZERO
    for part in parts:
        result = _EXACT.add(result, part)
    return result


def negative(amount: Decimal) -> Decimal:
    """-amount without the rounding of Python's ambient context; zero stays unsigned."""
    return amount.copy_negate() if amount else _ZERO


# --- weighted average ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held, at weighted-average cost."""

    quantity: Decimal = _ZERO  # base; > 0 long, < 0 short
    cost: Decimal = _ZERO  # quote, signed like quantity: what the open quantity was opened for
    realized_pnl: Decimal = _ZERO  # quote, before commissions
    commissions: Decimal = _ZERO  # quote; negative is a rebate
    commissions_other: Map[str, Decimal] = field(default_factory=Map)  # neither base nor quote

    @property
    def avg_px(self) -> Decimal:
        """cost / quantity to AVG_PX_DIGITS significant digits; 0 when flat."""
        return _AVERAGE.divide(self.cost, self.quantity) if self.quantity else _ZERO

    def unrealized_pnl(self, mark: Decimal) -> Decimal:
        """What closing everything at `mark` would realise: quote currency, exact."""
        return total(notional(self.quantity, mark), negative(self.cost))


def trade(holding: Holding, quantity: Decimal, price: Decimal) -> Holding:
    """The holding after `quantity` (signed: > 0 bought, base) traded at `price` (quote per base).

    A trade past flat closes at `price` what is open and opens the rest at `price`.
    """
    held, cost = holding.quantity, holding.cost
    paid = notional(quantity, price)
    after = total(held, quantity)
    if not held or (held > 0) == (quantity > 0):
        cost_after = total(cost, paid)
    elif not after or (after > 0) != (held > 0):
        cost_after = notional(after, price)
    else:
        cost_after = _SHARE.divide(_SHARE.multiply(cost, after), held)
        cost_after = cost_after.quantize(COST_PLACES, context=_SHARE)
    return replace(
        holding,
        quantity=after if after else _ZERO,
        cost=cost_after if after else _ZERO,
        realized_pnl=total(holding.realized_pnl, negative(paid), cost_after, negative(cost)),
    )


def charge(
    holding: Holding, commission: Decimal, currency: str, price: Decimal, instrument: Instrument
) -> Holding:
    """The holding after paying `commission` in `currency` for a fill at `price`."""
    if currency == instrument.quote:
        return replace(holding, commissions=total(holding.commissions, commission))
    if currency == instrument.base:
        return replace(holding, commissions=total(holding.commissions, notional(commission, price)))
    other = holding.commissions_other
    paid = total(other.get(currency, _ZERO), commission)
    return replace(holding, commissions_other=other.set(currency, paid))


def fold(holding: Holding, fill: OrderFilled, instrument: Instrument) -> Holding:
    """The holding after one fill of `instrument`. The caller has dropped repeated trade ids."""
    traded = trade(holding, signed(fill), fill.last_px)
    return charge(traded, fill.commission, fill.currency, fill.last_px, instrument)


def signed(fill: OrderFilled) -> Decimal:
    """The quantity of a fill: > 0 bought, < 0 sold."""
    return fill.last_qty if fill.side.sign > 0 else negative(fill.last_qty)


# --- FIFO ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lot:
    """One opening trade, or what is left of it."""

    quantity: Decimal  # signed
    price: Decimal
    ts_event: int
    client_order_id: ClientOrderId


@dataclass(frozen=True, slots=True)
class LotHolding:
    """What is held, lot by lot; the oldest lot closes first. All of it exact: nothing divides."""

    lots: tuple[Lot, ...] = ()  # oldest first, all on one side
    realized_pnl: Decimal = _ZERO  # quote, before commissions

    @property
    def quantity(self) -> Decimal:
        return total(*(lot.quantity for lot in self.lots))

    @property
    def cost(self) -> Decimal:
        return total(*(notional(lot.quantity, lot.price) for lot in self.lots))

    @property
    def avg_px(self) -> Decimal:
        """cost / quantity to AVG_PX_DIGITS significant digits; 0 when flat."""
        return _AVERAGE.divide(self.cost, self.quantity) if self.lots else _ZERO

    def unrealized_pnl(self, mark: Decimal) -> Decimal:
        """What closing everything at `mark` would realise: quote currency, exact."""
        return total(notional(self.quantity, mark), negative(self.cost))


def trade_lots(holding: LotHolding, new: Lot) -> LotHolding:
    """The holding after the trade `new`: it closes lots of the other side, then opens a lot."""
    lots, realized, rest = list(holding.lots), holding.realized_pnl, new.quantity
    while rest and lots and (lots[0].quantity > 0) != (rest > 0):
        oldest = lots[0]
        closed = min(abs(oldest.quantity), abs(rest)).copy_sign(oldest.quantity)
        gain = total(new.price, negative(oldest.price))
        realized = total(realized, notional(closed, gain))
        rest = total(rest, closed)
        left = total(oldest.quantity, negative(closed))
        lots[:1] = [replace(oldest, quantity=left)] if left else []
    if rest:
        lots.append(replace(new, quantity=rest))
    return LotHolding(tuple(lots), realized)


def fold_lots(holding: LotHolding, fill: OrderFilled) -> LotHolding:
    """The FIFO holding after one fill. The caller has dropped repeated trade ids."""
    lot = Lot(signed(fill), fill.last_px, fill.ts_event, fill.client_order_id)
    return trade_lots(holding, lot)


# --- the book of one account --------------------------------------------------------------------

PositionBook = Map[Key, Holding]


def fold_fill(
    book: PositionBook, fill: OrderFilled, instrument: Instrument
) -> tuple[PositionBook, Position]:
    """The book after one fill, and the position that it moved."""
    key = (fill.strategy_id, fill.instrument_id)
    holding = fold(book.get(key, Holding()), fill, instrument)
    return book.set(key, holding), view(key, holding)


def view(key: Key, holding: Holding) -> Position:
    """A holding as the message that others see."""
    strategy_id, instrument_id = key
    return Position(
        instrument_id=instrument_id,
        strategy_id=strategy_id,
        quantity=holding.quantity,
        avg_px=holding.avg_px,
        realized_pnl=holding.realized_pnl,
        commissions=holding.commissions,
    )


def views(book: PositionBook) -> Iterator[Position]:
    """Every position, in key order: two equal books give equal sequences."""
    for key in sorted(book):
        yield view(key, book[key])


def net(book: PositionBook, instrument_id: InstrumentId) -> Holding:
    """All strategies' holdings of one instrument as one.

    Quantity, cost, PnL and commissions add up. Two strategies may hold opposite sides, so the
    `avg_px` of a net holding says little; its `unrealized_pnl` is right for every mark.
    """
    whole = Holding()
    for (_, instrument), part in book.items():
        if instrument == instrument_id:
            other = whole.commissions_other
            for currency, paid in part.commissions_other.items():
                other = other.set(currency, total(other.get(currency, _ZERO), paid))
            whole = Holding(
                total(whole.quantity, part.quantity),
                total(whole.cost, part.cost),
                total(whole.realized_pnl, part.realized_pnl),
                total(whole.commissions, part.commissions),
                other,
            )
    return whole
