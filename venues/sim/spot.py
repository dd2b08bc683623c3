"""Money of spot: a trade moves base one way and quote the other.

Commission, as on Binance spot, is taken from what the trade brings in: base when buying, quote
when selling (or always quote, by configuration), and cut to 8 decimals. Cutting, not rounding, so
that the commissions of many partial fills never exceed what the order reserved.
"""

from enum import StrEnum
from typing import Final

from messages.orders import LiquiditySide
from venues.sim.orders import VenueOrder
from venues.sim.refusals import Refusal
from venues.sim.units import DECIMALS_MIN, Currency
from venues.sim.wallet import Wallet


class CommissionIn(StrEnum):
    """Which currency pays the commission."""

    RECEIVED = "RECEIVED"
    QUOTE = "QUOTE"


class SpotMoney:
    """Reserves and settlement of spot orders."""

    refusal: Final = Refusal.INSUFFICIENT_BALANCE

    def __init__(self, wallet: Wallet, commission_in: CommissionIn) -> None:
        self._wallet = wallet
        self._commission_in = commission_in

    def spends(self, order: VenueOrder) -> Currency:
        return order.grid.quote if order.sign > 0 else order.grid.base

    def reserves(self, order: VenueOrder) -> list[tuple[VenueOrder, int]]:
        return [(order, self._reserve(order))]

    def affords(self, order: VenueOrder, tick_lots: int) -> bool:
        if order.sign > 0 and order.price is None and not order.waits:
            need = self._cost(order, tick_lots)  # paid at once from what is free
        else:
            need = self._reserve(order) - order.locked
        return need <= self._wallet.free(self.spends(order).name)

    def settle(
        self, order: VenueOrder, tick: int, lots: int, liquidity: LiquiditySide
    ) -> tuple[int, Currency]:
        grid, sign, wallet = order.grid, order.sign, self._wallet
        base, quote = lots * grid.lot_units, tick * lots * grid.tick_lot_units
        in_base = sign > 0 and self._commission_in is CommissionIn.RECEIVED
        currency, amount = (grid.base, base) if in_base else (grid.quote, quote)
        charged = commission(amount, grid.fee(liquidity), currency)
        wallet.total[grid.base.name] += sign * base
        wallet.total[grid.quote.name] -= sign * quote
        wallet.total[currency.name] -= charged
        wallet.moved(order.spec.instrument_id, sign * lots)
        wallet.touched.update((grid.base.name, grid.quote.name))
        return charged, currency

    def _reserve(self, order: VenueOrder) -> int:
        grid = order.grid
        if order.sign < 0:
            return order.leaves * grid.lot_units
        if order.price is not None:
            return self._cost(order, order.price * order.leaves)
        if order.trigger is not None and not order.triggered:
            return self._cost(order, order.trigger * order.leaves)
        return 0  # a market buy is paid from what is free, at once

    def _cost(self, order: VenueOrder, tick_lots: int) -> int:
        """Units of quote that buying for `tick_lots` needs at most."""
        units = tick_lots * order.grid.tick_lot_units
        if self._commission_in is CommissionIn.QUOTE:
            units += commission(units, order.grid.fee_most(), order.grid.quote)
        return units


def commission(units: int, fee: tuple[int, int], currency: Currency) -> int:
    """`fee` of `units`, cut to the decimals in which commission is charged."""
    charged = units * fee[0] // fee[1]
    finer = int(10 ** (currency.places - DECIMALS_MIN))
    return charged - charged % finer
