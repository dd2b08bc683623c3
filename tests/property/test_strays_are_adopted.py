"""An order of our run that our books do not have, in a world of faults: adopted, and traded on.

The simulation's own laws are the check: the venue's ledger has the order and its fills, so at the
end our books, positions, risk and the strategy must have them too.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest

from messages import orders as m
from messages.base import NS_PER_MS, StrategyId
from scenarios.fuzzer import RUN_ID
from scenarios.simulate import Parts, SimulateSpec, live
from trading.faults import ALL, NONE, Faults
from trading.ids import client_order_id
from trading.loop import Loop, World
from trading.wiring import Role

BTC: Final = next(iter(SimulateSpec().instruments.values()))
OURS: Final = client_order_id(RUN_ID, StrategyId("A"), 77)


class Planted(Loop):
    """A world in which the venue holds an order of ours that nobody here sent."""

    price: Decimal | None = None  # None: a market order, filled at once

    def __init__(self, world: World, *args: Any, **kwargs: Any) -> None:
        super().__init__(world, *args, **kwargs)
        self.after(900 * NS_PER_MS, self._plant)

    def _plant(self) -> None:
        kind = m.OrderType.LIMIT if self.price else m.OrderType.MARKET
        order = m.OrderSpec(
            client_order_id=OURS,
            strategy_id=StrategyId("A"),
            instrument_id=BTC.instrument_id,
            side=m.OrderSide.BUY,
            order_type=kind,
            quantity=Decimal("0.001"),
            price=self.price,
        )
        command = m.SubmitOrder(ts_event=self.now_ns, ts_init=self.now_ns, order=order)
        connection: Any = self.world.connection
        connection._stream(self, connection.venue.on_command(command, self.now_ns).stream)


class Resting(Planted):
    price = Decimal(30_000)


@pytest.mark.parametrize("faults", [NONE, ALL], ids=["calm", "faults"])
@pytest.mark.parametrize("planted", [Planted, Resting])
def test_a_stray_order_of_ours_is_adopted_with_all_that_follows(
    planted: Callable[..., Loop], faults: Faults
) -> None:
    spec = SimulateSpec(max_position=Decimal(10))
    for seed in range(6):
        loop, checker = live(seed, faults, spec, Parts(loop=planted))
        machine = loop.hosts[str(Role.ORDERS)].machine
        assert machine is not None

        assert checker.violations == []
        assert machine.state.orders[OURS].closed
