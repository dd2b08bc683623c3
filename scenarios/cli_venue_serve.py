"""`manta venue NAME`: a simulated exchange on loopback, for any client.

Nothing heavy is imported before a verb is called: see scenarios/cli_verbs.py.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from scenarios.cli_output import Json, Mistake, facts, invalid

if TYPE_CHECKING:
    from venues.serving.simulator import Simulator

NAMES: Final = ("binance", "okx", "bybit", "coinbase")
_HOST: Final = "127.0.0.1"


class _Product(StrEnum):
    """What is traded."""

    SPOT = "spot"
    LINEAR = "linear"


def verb(name: str) -> Callable[..., None]:
    """The verb that serves one venue."""

    def serve(
        port: Annotated[
            int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes any free port.")
        ] = 0,
        product: Annotated[
            _Product | None,
            typer.Option(help="Only this product; by default spot, or all that one server has."),
        ] = None,
        tape: Annotated[
            list[Path] | None,
            typer.Option(metavar="FILE", help="Recordings to play; without one, a generated tape."),
        ] = None,
        faults: Annotated[
            Path | None,
            typer.Option(metavar="PLAN", help="TOML file: what goes wrong, when."),
        ] = None,
        seed: Annotated[int, typer.Option(help="Of the generated tape.")] = 0,
        speed: Annotated[float, typer.Option(help="Tape seconds a second.")] = 1.0,
        duration: Annotated[
            float | None, typer.Option(metavar="SECONDS", help="Of the tape; without it no end.")
        ] = None,
        folder: Annotated[
            Path | None, typer.Option(metavar="DIR", help="Where to keep ledger.json.")
        ] = None,
        control: Annotated[
            bool, typer.Option("--control", help="Allow POST /sim/faults and /sim/cut.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        options = {
            "port": port,
            "speed": speed,
            "seed": seed,
            "duration_s": duration,
            "folder": "" if folder is None else str(folder),
            "recordings": tuple(str(path) for path in tape or ()),
            "control": control,
        }
        _serve(name.upper(), product, options, faults, as_json)

    serve.__doc__ = _DOC.format(name=name, upper=name.upper(), title=_TITLES[name])
    return serve


_TITLES: Final = {
    "binance": "Binance spot or USD-M futures",
    "okx": "OKX v5, spot and swaps",
    "bybit": "Bybit v5, spot and linear",
    "coinbase": "Coinbase Advanced Trade",
}
_DOC: Final = """Serve {title} on loopback, for any client, until interrupted.

    The protocol is the venue's, the money is not. Keys are those of the environment
    (MANTA_{upper}_API_KEY and so on), or drawn and printed. GET /sim/ledger is its own ledger.
    A plan of faults is a TOML file: [[fault]] tables with kind, at_s, for_s, probability, times,
    requests, delay_ms.

    \b
    Examples:
      manta venue {name} --port 9000
      manta venue {name} --port 9000 --faults plan.toml --seed 7 --control --json
    """


def _serve(
    venue: str,
    product: _Product | None,
    options: dict[str, Any],
    plan: Path | None,
    as_json: bool,
) -> None:
    import numpy as np  # noqa: PLC0415 - see the module's first lines
    import uvloop  # noqa: PLC0415
    from pydantic import ValidationError  # noqa: PLC0415

    from messages.market import Product  # noqa: PLC0415
    from venues.serving.plan import read_plan  # noqa: PLC0415
    from venues.serving.process import serve  # noqa: PLC0415
    from venues.serving.registry import simulator  # noqa: PLC0415
    from venues.wire.keys import keys_from  # noqa: PLC0415

    try:
        kind = simulator(venue, Product.SPOT if product is None else Product[product.name])
        script = {} if plan is None else {"faults": read_plan(plan)}
        config = kind.config_type.model_validate(options | script)
        if product is not None:
            wanted = tuple(i for i in config.instruments if i.product is Product[product.name])
            config = config.model_copy(update={"instruments": wanted})
        given = f"MANTA_{venue}_API_KEY" in os.environ
        keys = kind.make_keys(np.random.default_rng())
        if given:
            keys = keys_from(venue, os.environ, passphrase=kind.passphrase)
        secrets = {} if given else keys.environment(venue)
        code = uvloop.run(
            serve(kind, config, keys, time.time_ns, lambda s: _say(s, secrets, as_json))
        )
    except ValueError as e:
        raise Mistake(invalid(e) if isinstance(e, ValidationError) else str(e)) from e
    raise typer.Exit(code)


def _say(simulator: "Simulator", keys: dict[str, str], as_json: bool) -> None:
    """One line, or one JSON document, once it serves: all that a client needs."""
    found = {
        "venue": simulator.venue,
        "url": f"http://{_HOST}:{simulator.port}",
        "websocket": f"ws://{_HOST}:{simulator.port}",
        "pid": os.getpid(),
        "instruments": [i.instrument_id for i in simulator.exchange.venue.instruments],
        "faults": len(simulator.faults.script.rules),
        "keys": keys,
    }
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        for line in facts(found):
            typer.echo(line)
        typer.echo("serving; interrupt (Ctrl-C) ends it")
    sys.stdout.flush()
