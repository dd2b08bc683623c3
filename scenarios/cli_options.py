"""Options that several verbs have, said once."""

import socket
from pathlib import Path
from typing import Annotated, Final

import typer

from scenarios.cli_output import Mistake

_STRATEGY: Final = typer.Option(
    "--strategy", metavar="NAME|FILE.py:NAME", help="Built in, or in your own file."
)
Strategy = Annotated[str, _STRATEGY]
StrategyIfAny = Annotated[str | None, _STRATEGY]
Data = Annotated[
    str | None,
    typer.Option("--data", metavar="FILE|NAME", help="A file of bars, or an instrument's name."),
]
Interval = Annotated[
    str | None, typer.Option("--interval", metavar="1m|1h|...", help="Of the bars, if unclear.")
]
Start = Annotated[
    str | None, typer.Option("--start", metavar="TIME", help="Bars from here on; UTC.")
]
End = Annotated[str | None, typer.Option("--end", metavar="TIME", help="Bars before this; UTC.")]
Catalogue = Annotated[
    Path | None, typer.Option("--catalogue", metavar="DIR", help="Folder of imported data.")
]
Address = Annotated[
    str | None,
    typer.Option("--address", metavar="ADDR", help="Use this Ray cluster instead of a local Ray."),
]
_CONNECT_S: Final = 3.0


def refuse_silence(address: str) -> None:
    """Ray waits for minutes where nobody listens.

    raises  Mistake if HOST:PORT does not accept a connection
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "://" in address:
        return  # "auto" and the like: Ray knows what is meant
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Mistake(
            f"--address {address}: no Ray cluster answers there ({reason}):"
            " start one with `ray up cluster.yaml`, or leave the option out"
        ) from error
