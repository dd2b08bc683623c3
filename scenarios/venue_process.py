"""The venue's simulator as a process of its own, as a venue is: it survives whatever dies here."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from messages.market import Instrument
from scenarios.folder import RunFolder
from scenarios.spec import GENERATED, BadSpec, RunSpec
from supervisors.process import birth, runs
from venues.serving.faults import FaultScript
from venues.serving.plan import read_plan
from venues.serving.registry import simulator as simulator_of
from venues.serving.simulator import Simulator
from venues.wire.keys import Keys

START: Final = "start"
_READY_S: Final = 20.0
_STOP_S: Final = 5.0
_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run keeps what belongs to one of its venues; `tag` as in its actors' names."""

    folder: RunFolder
    tag: str = ""

    def name(self, part: str) -> str:
        """A file's name within the run's folder."""
        return f"venue@{self.tag}/{part}" if self.tag else f"venue/{part}"

    def path(self, part: str = "") -> Path:
        return self.folder.part(self.name(part))

    @property
    def log(self) -> Path:
        return self.folder.part("logs", f"venue@{self.tag}.log" if self.tag else "venue.log")


@dataclass(slots=True)
class VenueProcess:
    """A running simulator: where it listens, which keys it takes, and its process."""

    port: int
    pid: int
    born: str  # as `supervisors.process.birth` tells it: ids of processes are used again
    keys: Keys
    venue: str
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def wait(self, place: Place) -> None:
        """Until it serves; then everything needed to find it again is in the folder.

        raises  BadSpec with the simulator's own words if it cannot start
        """
        if self.process is None:
            return  # it outlived an earlier start
        self.port = _port(place, self.process)
        keys = asdict(self.keys)
        place.folder.write(
            place.name("process.json"),
            {"port": self.port, "pid": self.pid, "born": self.born, **keys},
        )

    def environment(self) -> dict[str, str]:
        """What actors need to trade here."""
        return self.keys.environment(self.venue)

    def stop(self) -> None:
        """End it, in order if it lets us: it writes its ledger last."""
        if not runs(self.pid, self.born):
            return
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        while time.monotonic() < deadline and runs(self.pid, self.born):
            if self.process is not None:
                self.process.poll()
            time.sleep(_POLL_S)
        if runs(self.pid, self.born):
            os.kill(self.pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


def instruments_of(spec: RunSpec) -> tuple[Instrument, ...]:
    """The instruments of the run as its venue trades them, with the account's fees.

    raises  BadSpec for one that the venue does not have
    """
    if spec.venue.tape == GENERATED:
        offered = _simulator(spec).config_type().instruments
    else:
        offered, _ = _recorded(spec)
    fees = {"maker_fee": spec.venue.maker_fee, "taker_fee": spec.venue.taker_fee}
    known = {i.instrument_id: i.model_copy(update=fees) for i in offered}
    for wanted in spec.instrument_ids:
        if wanted not in known:
            raise BadSpec(
                f"instruments: {wanted!r} is not traded at this venue; "
                f"use one of {', '.join(sorted(known))}"
            )
    return tuple(known[i] for i in spec.instrument_ids)


def start(spec: RunSpec, place: Place, instruments: tuple[Instrument, ...]) -> VenueProcess:
    """Start the simulator of a run, or find the one that outlived an earlier start of it.

    A started one is not ready yet: see `VenueProcess.wait`.

    raises  BadSpec where the run has traded at one that is gone: what it owned there went with it
    """
    venue = spec.venue.name
    kept = place.folder.read(place.name("process.json"))
    if kept and runs(kept["pid"], kept.get("born", "")):
        keys = Keys(kept["api_key"], kept["secret"], kept.get("passphrase", ""))
        return VenueProcess(kept["port"], kept["pid"], kept["born"], keys, venue)
    if ledger(place).get("fills"):
        raise BadSpec(
            f"--resume {place.folder.run_id}: its simulated {venue} has ended, and with it the"
            " account that it traded: start a new run; one that is to be resumed begins with"
            " `--set venue.outlives_run=true`"
        )
    simulator = _simulator(spec)
    keys = simulator.make_keys(np.random.default_rng())
    config = simulator.config_type(
        instruments=instruments,
        balances=spec.venue.balances,
        port=spec.venue.port,
        port_file=str(place.path("port")),
        folder=str(place.path()),
        parent_pid=0 if spec.venue.outlives_run else os.getpid(),
        start_file=str(place.path(START)),
        speed=spec.venue.speed,
        seed=spec.seed,
        recordings=() if spec.venue.tape == GENERATED else (spec.venue.tape,),
        faults=_faults(spec),
    )
    place.path().mkdir(exist_ok=True)
    for left in ("port", START):  # by an earlier start of this run
        place.path(left).unlink(missing_ok=True)
    path = place.path("config.json")
    path.write_text(config.model_dump_json())
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", simulator.__module__, "--config", str(path)],
            env={**os.environ, **keys.environment(venue)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return VenueProcess(0, process.pid, birth(process.pid), keys, venue, process)


def begin(place: Place) -> None:
    """The system serves: let the tape run."""
    place.path(START).touch()


def tape_done(place: Place) -> bool:
    """Whether a recording has been played to its end."""
    tape = ledger(place).get("server", {}).get("tape", {})
    return bool(tape.get("done", False))


def ledger(place: Place) -> dict[str, Any]:
    """What the venue itself wrote down; {} if nothing yet."""
    return place.folder.read(place.name("ledger.json"))


def _port(place: Place, process: "subprocess.Popen[bytes]") -> int:
    deadline = time.monotonic() + _READY_S
    file = place.path("port")
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            return int(file.read_text())
        except (OSError, ValueError):
            time.sleep(_POLL_S)
    process.kill()
    said = place.log.read_text(errors="replace").strip().splitlines()
    raise BadSpec(f"venue: {said[-1] if said else 'the simulator did not start in time'}")


def _simulator(spec: RunSpec) -> type[Simulator]:
    try:
        return simulator_of(spec.venue.name, spec.venue.product)
    except ValueError as e:
        raise BadSpec(f"venue: {e}") from None


def _faults(spec: RunSpec) -> FaultScript:
    if not spec.venue.faults:
        return FaultScript()
    try:
        return read_plan(Path(spec.venue.faults).expanduser())
    except ValueError as e:
        raise BadSpec(f"venue.faults: {e}") from None


def _recorded(spec: RunSpec) -> tuple[tuple[Instrument, ...], object]:
    path = Path(spec.venue.tape).expanduser()
    if not path.is_file():
        raise BadSpec(f'venue.tape: {path}: no such file; name a recording, or "generated"')
    try:
        kind = _simulator(spec)
        config, tape = kind.tape_of(kind.config_type(recordings=(str(path),)))
    except ValueError as e:
        raise BadSpec(f"venue.tape: {e}") from None
    return config.instruments, tape
