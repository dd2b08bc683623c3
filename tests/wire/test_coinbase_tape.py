"""Coinbase's recording as a tape of the simulator: its books are whole, and clients see them."""

from decimal import Decimal

import pytest
from simulated_coinbase import BTC, running

from messages.market import Product
from tests.tools.recorded import CRYPTOFEED, needs_wire
from tests.tools.tape_books import whole_books
from venues.coinbase.adapter import ADAPTERS
from venues.coinbase.simulator import Simulator
from venues.coinbase.simulator_config import SimulatorConfig

RECORDING = str(CRYPTOFEED / "COINBASE.first60pct.jsonl.zst")


@needs_wire
@pytest.mark.data
async def test_the_recording_plays_with_its_own_rules_and_whole_books() -> None:
    config, tape = Simulator.tape_of(SimulatorConfig(recordings=(RECORDING,), speed=1000.0))
    async with running(config) as w:
        books, trades = whole_books(config.instruments, tape, w.simulator.exchange.on_tape)
        shown = w.simulator.exchange.books[BTC].levels(1, 1)
        facts = w.simulator.tape_facts(tape)

    assert {name.partition("-")[0] for name in books} == {"BTC", "ETH"}
    assert trades > 10
    assert shown
    assert (facts["garbled"], facts["gaps"]) == (0, 0)
    assert config.instruments[0].price_increment == Decimal("0.01")


def test_only_the_address_of_the_public_streams_is_played() -> None:
    adapter = ADAPTERS[Product.SPOT]

    assert Simulator.adapter_at(adapter.endpoints.public) is adapter
    assert Simulator.adapter_at(adapter.endpoints.private) is None
