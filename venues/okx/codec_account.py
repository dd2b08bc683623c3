"""OKX's balances, positions, fees and instruments, as evidence and rules.

docs: docs-v5 "Get balance", "Get positions", "Get fee rates", "Get instruments" and the channels
of the same names (2026-09).
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from messages.market import Instrument, InstrumentStatus, Product
from messages.venue import (
    AccountReport,
    Balance,
    FeesReport,
    MarginMode,
    PositionReport,
    Source,
)
from venues.okx.codec_names import contract_size, instrument_id, ns, plain
from venues.okx.codec_orders import ZERO, number
from venues.wire import evidence
from venues.wire.adapter import Instruments
from venues.wire.asked import Asked

_FEES: Final = {  # (maker, taker) of a regular user of level 1; docs: okx.com/fees
    Product.SPOT: (Decimal("0.0008"), Decimal("0.001")),
    Product.LINEAR: (Decimal("0.0002"), Decimal("0.0005")),
}
_MODE: Final = {"cross": MarginMode.CROSS, "isolated": MarginMode.ISOLATED}
LIVE: Final = "live"


class _Currency(msgspec.Struct, rename="camel"):
    ccy: str
    avail_bal: str = ""
    frozen_bal: str = ""


class AccountRow(msgspec.Struct, rename="camel"):
    """One row of "Get balance" and of the account channel."""

    u_time: str
    details: list[_Currency] = msgspec.field(default_factory=list)


class PositionRow(msgspec.Struct, rename="camel"):
    """One row of "Get positions" and of the positions channel."""

    inst_id: str
    inst_type: str
    pos: str
    u_time: str
    pos_side: str = "net"
    avg_px: str = ""
    lever: str = ""
    mgn_mode: str = ""
    liq_px: str = ""


class FeeRow(msgspec.Struct, rename="camel"):
    """docs: negative is charged; `makerU` and `takerU` are those of USDT-margined contracts."""

    maker: str = ""
    taker: str = ""
    maker_u: str = msgspec.field(name="makerU", default="")
    taker_u: str = msgspec.field(name="takerU", default="")
    maker_usdc: str = msgspec.field(name="makerUSDC", default="")
    taker_usdc: str = msgspec.field(name="takerUSDC", default="")


class InstrumentRow(msgspec.Struct, rename="camel"):
    """One row of "Get instruments" and of the instruments channel."""

    inst_id: str
    inst_type: str
    state: str
    tick_sz: str = ""
    lot_sz: str = ""
    min_sz: str = ""
    max_lmt_sz: str = ""
    base_ccy: str = ""
    quote_ccy: str = ""
    settle_ccy: str = ""
    ct_val: str = ""
    ct_mult: str = ""
    ct_val_ccy: str = ""
    ct_type: str = ""


def account_report(rows: Iterable[AccountRow], asked: Asked, *, partial: bool) -> AccountReport:
    """What is there, per currency: free is what may be used now, locked what orders and isolated
    positions hold."""
    balances = {
        d.ccy: _balance(d.ccy, number(d.avail_bal), number(d.frozen_bal))
        for row in rows
        for d in row.details
    }
    return evidence.account(asked, balances.values(), partial=partial)


def _balance(currency: str, free: Decimal, locked: Decimal) -> Balance:
    return Balance(currency=currency, total=plain(free + locked), free=free, locked=locked)


def position_report(
    d: PositionRow, instruments: Instruments, ts_init: int, source: Source
) -> PositionReport:
    """One position; raises ValueError if its contract is not known."""
    quantity = plain(number(d.pos) * contract_size(instruments, d.inst_id))
    return PositionReport(
        ts_event=ns(int(d.u_time)),
        ts_init=ts_init,
        instrument_id=instrument_id(d.inst_id),
        # In long/short mode a short is counted up, and named.
        quantity=-abs(quantity) if d.pos_side == "short" else quantity,
        avg_px=number(d.avg_px),
        leverage=number(d.lever),
        margin_mode=_MODE.get(d.mgn_mode),
        liquidation_px=max(number(d.liq_px), ZERO),
        source=source,
    )


def fees_report(d: FeeRow, instrument: Instrument, asked: Asked) -> FeesReport:
    """What the account pays; OKX says what it receives, so the sign is turned."""
    maker, taker = d.maker, d.taker
    if instrument.product is Product.LINEAR:
        usdc = instrument.quote == "USDC"
        maker = (d.maker_usdc if usdc else d.maker_u) or maker
        taker = (d.taker_usdc if usdc else d.taker_u) or taker
    return evidence.fees(asked, -number(maker) or ZERO, -number(taker) or ZERO)


def known_kind(d: InstrumentRow, product: Product) -> bool:
    """Whether an instrument is of this product: of swaps, those margined in their quote."""
    if product is Product.SPOT:
        return d.inst_type == "SPOT"
    return d.inst_type == "SWAP" and d.ct_type == "linear"


def instrument_of(d: InstrumentRow, product: Product) -> Instrument:
    """The rules of an instrument; quantities in base, whatever the venue counts in.

    raises  ValueError
    """
    spot = product is Product.SPOT
    size = Decimal(1) if spot else plain(number(d.ct_val) * number(d.ct_mult or "1"))
    maker, taker = _FEES[product]
    return Instrument(
        instrument_id=instrument_id(d.inst_id),
        symbol=d.inst_id,
        base=d.base_ccy if spot else d.ct_val_ccy,
        quote=d.quote_ccy if spot else d.settle_ccy,
        price_increment=number(d.tick_sz),
        size_increment=plain(number(d.lot_sz) * size),
        min_quantity=plain(number(d.min_sz) * size),
        max_quantity=plain(number(d.max_lmt_sz) * size),
        min_notional=ZERO,
        maker_fee=maker,
        taker_fee=taker,
        product=product,
        contract_size=size,
    )


def status_of(d: InstrumentRow, ts_init: int) -> InstrumentStatus:
    """Whether an instrument trades; the channel gives no time."""
    return InstrumentStatus(
        ts_event=ts_init,
        ts_init=ts_init,
        instrument_id=instrument_id(d.inst_id),
        trading=d.state == LIVE,
        reason=d.state,
    )


def instrument_known(d: PositionRow, instruments: Instruments) -> bool:
    """Whether a position is in a market of ours: of others we do not know what a contract is."""
    return instrument_id(d.inst_id) in instruments
