"""A simulator as a process of its own, as a venue is.

    python -m venues.binance.simulator --port-file port --folder runs/x/venue --seed 7

Keys come from the environment (wire/keys.py names the variables). The process ends on SIGTERM or
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
from typing import Any, Final

import uvloop
from pydantic import ValidationError

from venues.serving.config import SimulatorConfig
from venues.serving.plan import read_plan
from venues.serving.simulator import Simulator
from venues.wire.keys import Keys, keys_from

_PARENT_POLL_S: Final = 0.25


async def serve(
    kind: type[Simulator],
    config: SimulatorConfig,
    keys: Keys,
    clock_ns: Callable[[], int],
    ready: Callable[[Simulator], None] = lambda _: None,
) -> int:
    """Run until told to stop -> the exit code: 0, or 1 if the simulator itself failed.

    ready   called once it listens
    raises  ValueError if the plan of faults cannot be meant for this server
    """
    config, tape = kind.tape_of(config)
    simulator = kind(config, keys, tape, clock_ns)
    simulator.check_plan()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await simulator.start()
    ready(simulator)
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


def configure(kind: type[Simulator], arguments: Sequence[str]) -> Any:
    """The configuration that a command line means: a JSON file's, changed by flags.

    raises  ValueError (pydantic's included) with what is wrong; SystemExit for unknown flags
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m venues.{kind.venue.lower()}.simulator", description=__doc__
    )
    parser.add_argument("--config", help="JSON file of a SimulatorConfig; flags change it")
    parser.add_argument("--port", type=int, help="0: any free one")
    parser.add_argument("--port-file", help="where to write the port once it serves")
    parser.add_argument("--folder", help="where to keep ledger.json")
    parser.add_argument("--parent-pid", type=int, help="end when this process ends")
    parser.add_argument("--seed", type=int, help="of the generated tape")
    parser.add_argument("--speed", type=float, help="tape seconds per wall second")
    parser.add_argument("--duration-s", type=float, help="of the tape; without it no end")
    parser.add_argument("--recordings", nargs="+", help="captures to play instead, in this order")
    parser.add_argument("--faults", type=Path, help="TOML file of what goes wrong, and when")
    parser.add_argument("--control", action="store_true", default=None, help="allow /sim/faults")
    given = vars(parser.parse_args(arguments))
    path, plan = given.pop("config"), given.pop("faults")
    base = kind.config_type()
    if path:
        base = kind.config_type.model_validate_json(Path(path).read_bytes())
    changed = {name: value for name, value in given.items() if value is not None}
    if plan is not None:
        changed["faults"] = read_plan(plan)
    return kind.config_type.model_validate(dict(base) | changed)


def main(kind: type[Simulator], arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Exit code: 2 with one line on stderr for what the caller can mend."""
    try:
        config = configure(kind, arguments)
        keys = keys_from(kind.venue, environment, passphrase=kind.passphrase)
        clock_ns = time.time_ns  # noqa: TID251 - the venue's process is where its clock comes from
        return uvloop.run(serve(kind, config, keys, clock_ns))
    except OSError as e:
        problem = f"{e}: choose another --port or --folder"
    except (ValueError, ValidationError) as e:
        problem = " ".join(str(e).split())
    print(f"simulator: {problem}", file=sys.stderr)  # noqa: T201 - the message for the caller
    return 2
