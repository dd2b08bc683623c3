"""Do our fills explain the venue's balances? Exactly, without knowing what it held before.

Theory of operation. For each currency, venue total = offset + sum of our flows (fills and
commissions), where the offset is what was there before us: a constant. A check asks for the
balances at `ts_asked` and is judged a grace after the answer. Flows that we knew when we asked are
in the total for sure; flows that we learned later than a grace after the answer are not. Those
between may or may not be, but the venue applies fills in the order of their execution, so what is
in the total is some prefix of them. Each prefix gives one possible offset. The first check keeps
them all; each later one keeps those that it shares, and if it shares none, the money is not
explained. So trading never has to stop for a check, and one quiet moment makes it exact.

A contract moves no coin, and its price is settled against what it was entered at: after a closed
trade the venue has added just what the flows say, and before that something that only the venue's
rule of averages knows. So a currency is judged while no contract that settles in it is open at the
venue; one that was entered before this ledger began is among them (`begun`), or by somebody else.

How many contracts are open is judged like a coin, by the venue's positions: who is liquidated or
deleveraged has no order of ours that says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from immutables import Map

from messages.base import InstrumentId
from messages.market import Instrument, Product
from messages.orders import OrderFilled
from messages.venue import Balance
from trading.positions import negative, notional, signed, total
from trading.replacing import replace

_ZERO: Final = Decimal(0)
Sums = Map[str, Decimal]  # by currency
Offsets = frozenset[Decimal]


@dataclass(frozen=True, slots=True)
class Flow:
    """What one fill moves."""

    ts_event: int  # when the venue executed it
    ts_known: int  # our time
    amounts: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the balances, from asking to judgement."""

    ts_asked: int
    sums: Sums  # of all flows known when we asked
    balances: tuple[Balance, ...] | None = None  # told, while the positions are still asked for
    flows: tuple[Flow, ...] = ()  # known since
    ts_answered: int = 0
    totals: Sums | None = None
    fills_due: frozenset[InstrumentId] = frozenset()  # lists of fills still to come

    @property
    def answered(self) -> bool:
        return self.totals is not None and not self.fills_due


@dataclass(frozen=True, slots=True)
class Ledger:
    """What our fills moved, and what the venue held before them."""

    sums: Sums = field(default_factory=Map)
    offsets: Map[str, Offsets] = field(default_factory=Map)
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A currency whose total our flows do not explain."""

    currency: str
    expected: Decimal
    total: Decimal


def flow_of(fill: OrderFilled, instrument: Instrument, now_ns: int) -> Flow:
    """What a fill moves: base one way, quote the other, and the commission out."""
    quantity = signed(fill)
    amounts = (
        (_what(instrument), quantity),
        (instrument.quote, negative(notional(quantity, fill.last_px))),
        (fill.currency, negative(fill.commission)),
    )
    return Flow(fill.ts_event, now_ns, amounts)


def _what(instrument: Instrument) -> str:
    """What is bought: a coin, or a contract, which is no currency but has a sum like one."""
    spot = instrument.product is Product.SPOT
    return instrument.base if spot else str(instrument.instrument_id)


def add(sums: Sums, amounts: Iterable[tuple[str, Decimal]]) -> Sums:
    """The sums after `amounts`."""
    for currency, amount in amounts:
        sums = sums.set(currency, total(sums.get(currency, _ZERO), amount))
    return sums


def moved(ledger: Ledger, flow: Flow) -> Ledger:
    """The ledger after a fill of ours."""
    check = ledger.check
    if check is not None:
        check = replace(check, flows=(*check.flows, flow))
    return replace(ledger, sums=add(ledger.sums, flow.amounts), check=check)


def begun(ledger: Ledger, instrument: Instrument, quantity: Decimal) -> Ledger:
    """The ledger that begins with a position of ours. Of a coin it is a part of what was there. Of
    a contract it is all that must be there: one may have been liquidated while nobody looked."""
    if instrument.product is Product.SPOT:
        return ledger
    name = _what(instrument)
    offsets = ledger.offsets.set(name, frozenset({_ZERO}))
    return replace(ledger, sums=ledger.sums.set(name, quantity), offsets=offsets)


def asked(ledger: Ledger, now_ns: int) -> Ledger:
    """The ledger once the balances have been asked for; forgets a check under way."""
    return replace(ledger, check=Check(now_ns, ledger.sums))


def told(ledger: Ledger, balances: Iterable[Balance]) -> Ledger:
    """The ledger with the venue's balances, whose positions are still to come."""
    if ledger.check is None:
        return ledger
    return replace(ledger, check=replace(ledger.check, balances=tuple(balances)))


def answered(
    ledger: Ledger,
    balances: Iterable[Balance],
    fills_due: frozenset[InstrumentId],
    now_ns: int,
    positions: Mapping[InstrumentId, Decimal] | None = None,
) -> Ledger:
    """The ledger with the venue's totals. Fills must be asked for from now on, to cover them.

    positions  of contracts, 0 where flat; what is not here is not judged
    """
    if ledger.check is None:
        return ledger
    held = {str(name): quantity for name, quantity in (positions or {}).items()}
    totals = Map({b.currency: b.total for b in balances} | held)
    check = replace(ledger.check, ts_answered=now_ns, totals=totals, fills_due=fills_due)
    return replace(ledger, check=check)


def fills_known(ledger: Ledger, instrument_id: InstrumentId) -> Ledger:
    """The ledger once all fills of one instrument, up to the balances, are known."""
    if ledger.check is None:
        return ledger
    due = ledger.check.fills_due - {instrument_id}
    return replace(ledger, check=replace(ledger.check, fills_due=due))


def possible_offsets(check: Check, currency: str, grace_ns: int) -> Offsets:
    """What `currency` may have held before us, by this check's answer."""
    held = check.totals.get(currency, _ZERO) if check.totals is not None else _ZERO
    return frozenset(
        total(held, negative(known)) for known in possible_sums(check, currency, grace_ns)
    )


def possible_sums(check: Check, currency: str, grace_ns: int) -> Offsets:
    """What our flows of `currency` may have added up to when the venue answered."""
    sums = [check.sums.get(currency, _ZERO)]
    between = [f for f in check.flows if f.ts_known <= check.ts_answered + grace_ns]
    for flow in sorted(between, key=lambda f: (f.ts_event, f.ts_known)):
        change = total(*(amount for name, amount in flow.amounts if name == currency))
        sums.append(total(sums[-1], change))
    return frozenset(sums)


def entered(
    ledger: Ledger, instruments: Mapping[InstrumentId, Instrument], grace_ns: int
) -> frozenset[str]:
    """Currencies in which contracts settle that may have been open when the venue answered."""
    check = ledger.check
    if check is None:
        return frozenset()
    contracts = [i for i in instruments.values() if i.product is not Product.SPOT]
    return frozenset(i.quote for i in contracts if _open(ledger, check, _what(i), grace_ns))


def _open(ledger: Ledger, check: Check, contract: str, grace_ns: int) -> bool:
    """Whether a contract may have been open: by our fills and what was there besides, or by what
    the venue has told, which may be nobody's of ours."""
    if check.totals is not None and check.totals.get(contract, _ZERO) != _ZERO:
        return True
    besides = ledger.offsets.get(contract, frozenset({_ZERO}))
    sums = possible_sums(check, contract, grace_ns)
    return {total(known, there) for known in sums for there in besides} != {_ZERO}


def judged(
    ledger: Ledger, instruments: Mapping[InstrumentId, Instrument], grace_ns: int
) -> tuple[Ledger, tuple[Gap, ...]]:
    """The ledger after its check, and the currencies that it does not explain.

    Only currencies that we trade in or have paid are looked at, but for those of open contracts
    (`entered`), and contracts whose positions were told. A gap leaves the offsets alone: the caller
    decides when to believe it (`rebased`).
    """
    check = ledger.check
    if check is None:
        return ledger, ()
    traded = {name for i in instruments.values() for name in (_what(i), i.quote)}
    contracts = {_what(i) for i in instruments.values() if i.product is not Product.SPOT}
    left_out = contracts - set(check.totals or ()) | entered(ledger, instruments, grace_ns)
    offsets, gaps = ledger.offsets, list[Gap]()
    for currency in sorted((traded | set(ledger.sums)) - left_out):
        possible = possible_offsets(check, currency, grace_ns)
        before = offsets.get(currency, possible)
        if before & possible:
            offsets = offsets.set(currency, before & possible)
            continue
        held = check.totals.get(currency, _ZERO) if check.totals is not None else _ZERO
        expected = total(min(before), check.sums.get(currency, _ZERO))
        gaps.append(Gap(currency, expected, held))
    return replace(ledger, offsets=offsets, check=None), tuple(gaps)


def rebased(ledger: Ledger, currency: str) -> Ledger:
    """The ledger that learns anew, at its next check, what `currency` held before us."""
    offsets = ledger.offsets
    return replace(ledger, offsets=offsets.delete(currency) if currency in offsets else offsets)
