"""A venue in a process of its own: Binance spot's protocol on loopback, around `SimVenue`.

    python -m venues.binance.simulator --port-file port --folder runs/x/venue --seed 7

Keys come from the environment (signing.py names the variables). The process ends on SIGTERM or
SIGINT, or when the process of --parent-pid ends; without --parent-pid it outlives whoever started
it, so that a trading system can be killed and resumed against the same venue.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import uvloop
from pydantic import ValidationError

from messages.base import NS_PER_MS
from venues.binance.codec_names import Market
from venues.binance.simulator_config import SimulatorConfig
from venues.binance.simulator_exchange import Exchange
from venues.binance.simulator_faults import Faults
from venues.binance.simulator_player import Player, Tape
from venues.binance.simulator_server import Server
from venues.binance.tape import Tape as Recorded
from venues.sim.synthetic import TapeSpec
from venues.sim.tape import DEFAULT_SPECS, generate
from venues.wire.keys import Keys, keys_from

_PARENT_POLL_S = 0.25
_CANDLES_S = 1.0
_SPECS = {spec.instrument.instrument_id: spec for spec in DEFAULT_SPECS}


class Simulator:
    """A running venue; `start` and `stop` it within one event loop.

    tape    None is a silent market, for a caller who feeds `exchange.on_tape` itself
    now_ns  this machine's clock; the venue's is `config.clock_skew_ms` ahead of it
    """

    def __init__(
        self, config: SimulatorConfig, keys: Keys, tape: Tape | None, now_ns: Callable[[], int]
    ) -> None:
        skew_ns = config.clock_skew_ms * NS_PER_MS
        self.faults = Faults(config.faults)
        self.exchange = Exchange(config, lambda: now_ns() + skew_ns, self.faults)
        self.exchange.tape_state = self.tape_state
        self.port = 0
        self._config = config
        self._server = Server(config, keys, self.exchange, self.faults)
        self._tape = tape
        self.player = None if tape is None else self._player(tape)
        self._tasks: list[asyncio.Task[None]] = []

    def _player(self, tape: Tape) -> Player:
        start = Path(self._config.start_file)
        may_start = start.exists if self._config.start_file else lambda: True
        exchange = self.exchange
        return Player(exchange, tape, self._config.speed, exchange.now_ns, may_start)

    def tape_state(self) -> dict[str, object]:
        """Whether the tape has ended, and for a recording what was in it so far."""
        state: dict[str, object] = {"done": self.tape_done}
        if isinstance(self._tape, Recorded):
            state |= {
                "frames": sum(self._tape.counts.values()),
                "unknown": sum(self._tape.unknown.values()),
                "garbled": self._tape.garbled,
                "gaps": self._tape.gaps,
            }
        return state

    @property
    def tape_done(self) -> bool:
        """Whether the tape has been played to its end."""
        return self.player is not None and self.player.done

    async def start(self) -> int:
        """Serve and play -> the port.

        raises  OSError if the port is taken
        """
        self.port = await self._server.start()
        if self.player is not None:
            self._tasks.append(asyncio.create_task(self.player.play()))
        self._tasks.append(asyncio.create_task(self._tell_candles()))
        if self._config.folder:
            self._tasks.append(asyncio.create_task(self._keep_ledger()))
        if self._config.port_file:
            write_whole(Path(self._config.port_file), str(self.port).encode())
        return self.port

    async def stop(self) -> None:
        """Close everything; the ledger is written a last time."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.stop()
        if self._config.folder:
            self._write_ledger()
        if self._config.port_file:
            Path(self._config.port_file).unlink(missing_ok=True)

    def failure(self) -> BaseException | None:
        """What ended a background task, if one failed: the tape, the candles or the ledger."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                return task.exception()
        return None

    async def _tell_candles(self) -> None:
        while True:
            await asyncio.sleep(_CANDLES_S)
            self.exchange.publish_candles()

    async def _keep_ledger(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            before = clock()
            self._write_ledger()
            # A long ledger takes long to write, and nothing is served meanwhile: bound the share.
            await asyncio.sleep(max(self._config.ledger_interval_s, 20 * (clock() - before)))

    def _write_ledger(self) -> None:
        folder = Path(self._config.folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "ledger.json", msgspec.json.encode(self._server.ledger()))


def write_whole(path: Path, content: bytes) -> None:
    """Write so that a reader sees the old file or the new one, never a part."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)


def tape_of(config: SimulatorConfig) -> tuple[SimulatorConfig, Tape]:
    """The tape that a configuration names; a recording also says which instruments it has.

    raises  ValueError if an instrument has no generated market, or the recording is no spot
            market's (RecordingError if it cannot be read)
    """
    if config.recordings:
        recorded = Recorded([Path(path) for path in config.recordings])
        if recorded.market is not Market.SPOT:
            raise ValueError(f"{config.recordings[0]}: a USD-M recording; give one of spot")
        return config.model_copy(update={"instruments": recorded.instruments}), recorded
    specs: list[TapeSpec] = []
    for instrument in config.instruments:
        spec = _SPECS.get(instrument.instrument_id)
        if spec is None:
            known = ", ".join(_SPECS)
            raise ValueError(f"{instrument.instrument_id}: no generated market; choose of {known}")
        specs.append(spec)
    return config, generate(config.seed, specs, config.duration_s)


async def serve(config: SimulatorConfig, keys: Keys, now_ns: Callable[[], int]) -> int:
    """Run until told to stop -> the exit code: 0, or 1 if the simulator itself failed."""
    config, tape = tape_of(config)
    simulator = Simulator(config, keys, tape, now_ns)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await simulator.start()
    try:
        while not ended.is_set():
            if config.parent_pid and not _alive(config.parent_pid):
                break
            if (failure := simulator.failure()) is not None:
                print(f"simulator: {failure!r}", file=sys.stderr)  # noqa: T201 - a process's last word
                return 1
            try:
                await asyncio.wait_for(ended.wait(), _PARENT_POLL_S)
            except TimeoutError:
                continue
    finally:
        await simulator.stop()
    return 0


def _alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not collected yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True  # no /proc here (macOS): the signal's answer stands
    return state not in ("Z", "X")


def configure(arguments: Sequence[str]) -> SimulatorConfig:
    """The configuration that a command line means: a JSON file's, changed by flags.

    raises  ValueError (pydantic's included) with what is wrong; SystemExit for unknown flags
    """
    parser = argparse.ArgumentParser(prog="python -m venues.binance.simulator", description=__doc__)
    parser.add_argument("--config", help="JSON file of a SimulatorConfig; flags change it")
    parser.add_argument("--port", type=int, help="0: any free one")
    parser.add_argument("--port-file", help="where to write the port once it serves")
    parser.add_argument("--folder", help="where to keep ledger.json")
    parser.add_argument("--parent-pid", type=int, help="end when this process ends")
    parser.add_argument("--seed", type=int, help="of the generated tape")
    parser.add_argument("--speed", type=float, help="tape seconds per wall second")
    parser.add_argument("--duration-s", type=float, help="of the tape; without it no end")
    parser.add_argument("--recordings", nargs="+", help="captures to play instead, in this order")
    parser.add_argument("--control", action="store_true", default=None, help="allow /sim/faults")
    given = vars(parser.parse_args(arguments))
    path = given.pop("config")
    base = SimulatorConfig()
    if path:
        base = SimulatorConfig.model_validate_json(Path(path).read_bytes())
    changed = {name: value for name, value in given.items() if value is not None}
    return SimulatorConfig.model_validate(dict(base) | changed)


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Exit code: 2 with one line on stderr for what the caller can mend."""
    try:
        config, keys = configure(arguments), keys_from("BINANCE", environment)
        now_ns = time.time_ns  # noqa: TID251 - the venue's process is where its clock comes from
        return uvloop.run(serve(config, keys, now_ns))
    except OSError as e:
        problem = f"{e}: choose another --port or --folder"
    except (ValueError, ValidationError) as e:
        problem = " ".join(str(e).split())
    print(f"simulator: {problem}", file=sys.stderr)  # noqa: T201 - the message for the caller
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
