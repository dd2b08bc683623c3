"""A running simulator: exchange, server, tape and ledger file, within one event loop.

A venue plugs in by a subclass that says its name, its configuration, and how its exchange and
server are built; `process.py` makes a process of it:

    class Simulator(serving.Simulator):
        venue = "OKX"
        passphrase = True
        config_type = OkxConfig

        def build(self, config, keys):
            exchange = OkxExchange(config, self.clock_ns, self.faults)
            return exchange, OkxServer(config, keys, exchange, self.faults)

    if __name__ == "__main__":
        sys.exit(main(Simulator, sys.argv[1:], os.environ))
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import numpy as np

from messages.market import Instrument
from venues.serving.config import SimulatorConfig
from venues.serving.exchange import Exchange
from venues.serving.faults import Faults, FaultScript
from venues.serving.player import Player, Tape
from venues.serving.recorded import facts, played
from venues.serving.server import Server
from venues.sim.synthetic import TapeSpec
from venues.sim.tape import generate
from venues.wire.adapter import Adapter
from venues.wire.keys import Keys, drawn_keys

_SECOND: Final = 1.0
# Where generated markets begin, by base currency.
_PRICES: Final = {"BTC": 60_000.0, "ETH": 2_500.0, "SOL": 150.0, "XRP": 0.5, "LTC": 80.0}


class Simulator(ABC):
    """A running venue; `start` and `stop` it within one event loop.

    tape      None is a silent market, for a caller who feeds `exchange.on_tape` itself
    clock_ns  this machine's clock; the venue's is `config.clock_skew_ms` ahead of it
    """

    venue: ClassVar[str]  # "OKX": names the variables in which its keys are (wire/keys.py)
    passphrase: ClassVar[bool] = False
    config_type: ClassVar[type[SimulatorConfig]]

    def __init__(
        self, config: Any, keys: Keys, tape: Tape | None, clock_ns: Callable[[], int]
    ) -> None:
        self.clock_ns = clock_ns
        self.config: SimulatorConfig = config
        waits = tape is not None and config.start_file  # the plan begins when the tape does
        self.faults = Faults(FaultScript() if waits else config.faults, clock_ns)
        self.port = 0
        self.exchange, self.server = self.build(config, keys)
        self.exchange.tape_state = self.tape_state
        self.player = None if tape is None else self._player(tape)
        self._tape = tape
        self._tasks: list[asyncio.Task[None]] = []

    # --- what a venue fills in -------------------------------------------------------------------

    @abstractmethod
    def build(self, config: Any, keys: Keys) -> tuple[Exchange, Server[Any]]:
        """The exchange and its server; `config` is a `config_type`."""

    @classmethod
    def make_keys(cls, rng: np.random.Generator) -> Keys:
        """Keys for a simulator that nobody gave any."""
        return drawn_keys(rng, passphrase=cls.passphrase)

    @classmethod
    def tape_of(cls, config: Any) -> tuple[Any, Tape]:
        """The tape that a configuration names; a recording may also change its instruments.

        raises  ValueError if an instrument has no generated market, or a recording is none
        """
        if config.recordings:
            return played(config, cls.adapter_at)
        return config, generate(config.seed, specs_of(config.instruments), config.duration_s)

    @classmethod
    def adapter_at(cls, address: str) -> Adapter | None:
        """The product that is spoken at an address of the venue's public streams; what a recording
        holds of others is left out."""
        return None

    def tape_facts(self, tape: Tape) -> dict[str, object]:
        """What a recording had in it so far, for the ledger."""
        return facts(tape)

    # --- running ---------------------------------------------------------------------------------

    def _player(self, tape: Tape) -> Player:
        may_start = self._may_start if self.config.start_file else lambda: True
        return Player(self.exchange, tape, self.config.speed, self.clock_ns, may_start)

    def _may_start(self) -> bool:
        if not Path(self.config.start_file).exists():
            return False
        self.faults.play(self.config.faults)
        return True

    def tape_state(self) -> dict[str, object]:
        """Whether the tape has ended, and what was in it."""
        facts = {} if self._tape is None else self.tape_facts(self._tape)
        return {"done": self.tape_done, **facts}

    @property
    def tape_done(self) -> bool:
        """Whether the tape has been played to its end."""
        return self.player is not None and self.player.done

    async def start(self) -> int:
        """Serve and play -> the port.

        raises  OSError if the port is taken
        """
        self.port = await self.server.start()
        if self.player is not None:
            self._tasks.append(asyncio.create_task(self.player.play()))
        self._tasks.append(asyncio.create_task(self._seconds()))
        if self.config.folder:
            self._tasks.append(asyncio.create_task(self._keep_ledger()))
        if self.config.port_file:
            write_whole(Path(self.config.port_file), str(self.port).encode())
        return self.port

    async def stop(self) -> None:
        """Close everything; the ledger is written a last time."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.server.stop()
        if self.config.folder:
            self._write_ledger()
        if self.config.port_file:
            Path(self.config.port_file).unlink(missing_ok=True)

    def check_plan(self) -> None:
        """raises ValueError if the plan names a request that nobody could make here"""
        named = {name for rule in self.config.faults.rules for name in rule.requests}
        for name in sorted(named - self.server.routes.keys()):
            near = get_close_matches(name, self.server.routes, n=1, cutoff=0.0)
            raise ValueError(
                f"faults: requests: {name!r}: this server has no such request; {near[0]!r} is the"
                " nearest"
            )

    def failure(self) -> BaseException | None:
        """What ended a background task, if one failed: the tape, the clock or the ledger."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                return task.exception()
        return None

    async def _seconds(self) -> None:
        while True:
            await asyncio.sleep(_SECOND)
            self.exchange.on_second()

    async def _keep_ledger(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            before = clock()
            self._write_ledger()
            # A long ledger takes long to write, and nothing is served meanwhile: bound the share.
            await asyncio.sleep(max(self.config.ledger_interval_s, 20 * (clock() - before)))

    def _write_ledger(self) -> None:
        folder = Path(self.config.folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "ledger.json", msgspec.json.encode(self.exchange.ledger()))


def specs_of(instruments: tuple[Instrument, ...]) -> list[TapeSpec]:
    """A generated market for each instrument.

    raises  ValueError if we know no price to begin with
    """
    for i in instruments:
        if i.base not in _PRICES:
            known = ", ".join(_PRICES)
            raise ValueError(f"{i.instrument_id}: no generated market; bases are {known}")
    return [TapeSpec(instrument=i, price=_PRICES[i.base]) for i in instruments]


def write_whole(path: Path, content: bytes) -> None:
    """Write so that a reader sees the old file or the new one, never a part."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)
