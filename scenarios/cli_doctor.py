"""`manta doctor`: what is wrong with keys, clock, limits, filters and reachability.

Nothing heavy is imported before a verb is called: see scenarios/cli_verbs.py.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from scenarios.cli_output import DONE, FAILED, RUNS, Json, Mistake, RunsDir, show, table

if TYPE_CHECKING:
    from scenarios.doctor import Check
    from venues.wire.adapter import Adapter, Endpoints


class _Product(StrEnum):
    """What is traded."""

    SPOT = "spot"
    LINEAR = "linear"


def doctor(
    venues: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VENUE]...", help="binance, okx, bybit, coinbase; all of them."),
    ] = None,
    product: Annotated[
        _Product | None, typer.Option(help="What is traded; by default spot.")
    ] = None,
    instrument: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Also check its filters: BTCUSDT.BINANCE; repeatable."),
    ] = None,
    rest_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask this address, as of a simulator.")
    ] = None,
    ws_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Of the streams; by default where --rest-url is."),
    ] = None,
    runs_dir: RunsDir = RUNS,
    as_json: Json = False,
) -> None:
    """Say what is wrong with keys, clock, limits, filters and reachability, and what to do.

    Asks each venue its time, its instruments and, with keys from the environment, one signed
    question; then opens its streams for a moment. Nothing is ordered. Exit code 1 if there is a
    problem. Values of keys are never shown.

    \b
    Examples:
      manta doctor
      manta doctor okx --product linear --instrument BTC-USDT-SWAP.OKX
      manta doctor binance --rest-url http://127.0.0.1:9000 --json
    """
    from scenarios.doctor import State, machine  # noqa: PLC0415 - see the module's first lines

    found = list(machine(runs_dir))
    adapters = _adapters(venues or [], product, instrument or [])
    if (rest_url or ws_url) and len(adapters) != 1:
        raise Mistake("--rest-url, --ws-url: are of one venue: name it, as in `manta doctor okx`")
    found += asyncio.run(
        _examined(adapters, instrument or [], (rest_url, ws_url), named=bool(venues or instrument))
    )
    problems = sum(check.state is State.PROBLEM for check in found)
    document = {
        "ok": not problems,
        "problems": problems,
        "checks": [asdict(check) for check in found],
    }
    show(document, as_json=as_json, text=_lines(found, problems))
    raise typer.Exit(FAILED if problems else DONE)


def _adapters(
    venues: Sequence[str], product: _Product | None, instruments: Sequence[str]
) -> list["Adapter"]:
    """The adapter of each venue asked for; raises Mistake."""
    from messages.base import InstrumentId  # noqa: PLC0415
    from messages.market import Product  # noqa: PLC0415
    from venues.registry import VENUES, UnknownVenue, adapter, venue_of  # noqa: PLC0415

    of = {i: venue_of(InstrumentId(i)).upper() for i in instruments}
    asked = list(dict.fromkeys(v.upper() for v in venues)) or list(dict.fromkeys(of.values()))
    for name, venue in of.items():
        if venue not in asked or "." not in name:
            raise Mistake(
                f"--instrument {name}: of none of the venues asked ({', '.join(asked)}):"
                " write it as BTCUSDT.BINANCE, and name its venue"
            )
    kind = Product[product.name] if product is not None else Product.SPOT
    try:
        found = [adapter(venue, kind) for venue in asked or VENUES if asked or _has(venue, kind)]
        for name, venue in of.items():
            adapter(venue, kind).symbol(InstrumentId(name))
    except UnknownVenue as e:
        raise Mistake(str(e)) from e
    except ValueError as e:
        raise Mistake(f"--instrument {name}: {e}: see --product") from e
    return found


def _has(venue: str, product: Any) -> bool:
    from venues.registry import UnknownVenue, adapter  # noqa: PLC0415

    try:
        adapter(venue, product)
    except UnknownVenue:
        return False
    return True


async def _examined(
    adapters: Sequence["Adapter"],
    instruments: Sequence[str],
    urls: tuple[str | None, str | None],
    *,
    named: bool,
) -> list["Check"]:
    """All venues at once, told one after the other."""
    from messages.base import InstrumentId  # noqa: PLC0415
    from scenarios.doctor import Patient, keys_set  # noqa: PLC0415
    from scenarios.doctor_streams import examine  # noqa: PLC0415
    from venues.registry import venue_of  # noqa: PLC0415

    first, patients = [], []
    for adapter in adapters:
        check, keys = keys_set(adapter, os.environ, named=named)
        ids = [InstrumentId(i) for i in dict.fromkeys(instruments)]
        mine = tuple(i for i in ids if venue_of(i) == adapter.venue)
        first.append(check)
        patients.append(Patient(adapter, _endpoints(adapter, *urls), keys, mine))
    rest = await asyncio.gather(*(examine(patient) for patient in patients))
    return [c for check, more in zip(first, rest, strict=True) for c in (check, *more)]


def _endpoints(adapter: "Adapter", rest_url: str | None, ws_url: str | None) -> "Endpoints":
    """The venue's, or those given; raises Mistake."""
    from venues.wire.adapter import Endpoints  # noqa: PLC0415

    for option, url, scheme in (("--rest-url", rest_url, "http"), ("--ws-url", ws_url, "ws")):
        if url is not None and not _is_address(url, scheme):
            raise Mistake(f"{option} {url}: no such address: write {scheme}://HOST:PORT")
    known = adapter.endpoints
    stream = ws_url or (rest_url.replace("http", "ws", 1) if rest_url else None)
    return Endpoints(rest_url or known.rest, stream or known.public, stream or known.private)


def _is_address(url: str, scheme: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in (scheme, f"{scheme}s") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port that is none
        return False


def _lines(found: Sequence["Check"], problems: int) -> list[str]:
    rows = [(c.about, c.name, c.state, c.seen) for c in found]
    lines = [*table(("about", "check", "state", "seen"), rows), ""]
    for check in found:
        if check.remedy:
            lines.append(f"{check.about}: {check.name}: {check.remedy}")
    ending = "all is well" if not problems else f"{problems} problem{'s' * (problems != 1)}"
    unknown = sum(check.state == "unknown" for check in found)
    return [*lines, ending + (f"; {unknown} not known" if unknown else "")]
