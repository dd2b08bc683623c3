"""Bybit's recording as a tape of the simulator: its books are whole, and clients see them."""

from pathlib import Path

import pytest
from simulated_bybit import LINEAR, SPOT, running

from messages.market import Product
from tests.tools.recorded import CRYPTOFEED, needs_wire
from tests.tools.tape_books import whole_books
from venues.bybit.adapter import ADAPTERS
from venues.bybit.simulator import Simulator
from venues.bybit.simulator_config import SimulatorConfig

RECORDING = str(CRYPTOFEED / "BYBIT.jsonl.zst")


@needs_wire
@pytest.mark.data
async def test_the_recording_plays_with_its_own_rules_and_whole_books() -> None:
    config, tape = Simulator.tape_of(SimulatorConfig(recordings=(RECORDING,)))

    books, trades = whole_books(config.instruments, tape)

    assert {LINEAR, SPOT} <= books.keys()
    assert len(books) == 6
    assert trades > 100
    assert str(config.instruments[0].min_notional) == "5"


@needs_wire
@pytest.mark.data
async def test_a_simulator_serves_what_was_recorded() -> None:
    config, tape = Simulator.tape_of(SimulatorConfig(recordings=(RECORDING,), speed=1000.0))
    async with running(config) as simulator:
        for ts, message in tape:
            simulator.exchange.on_tape(message)
            if ts and simulator.exchange.events > 500:
                break
        shown = simulator.exchange.books[LINEAR].levels(1, 1)
        facts = simulator.tape_facts(tape)

    assert shown
    assert facts["garbled"] == 0


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl.zst").write_bytes(b"nothing")
    for name, why in (("absent.jsonl.zst", "no such"), ("x.jsonl.zst", "unreadable")):
        with pytest.raises(ValueError, match=why):
            Simulator.tape_of(SimulatorConfig(recordings=(str(tmp_path / name),)))
    with pytest.raises(ValueError, match="one recording at a time"):
        Simulator.tape_of(SimulatorConfig(recordings=("a", "b")))


def test_an_address_names_its_product() -> None:
    of = Simulator.adapter_at
    assert of("wss://stream.bybit.com/v5/public/linear") is ADAPTERS[Product.LINEAR]
    assert of("wss://stream.bybit.com/v5/public/option") is None
