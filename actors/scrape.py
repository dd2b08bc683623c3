"""The scrape endpoint of a run: the metrics of all its actors as one page, on loopback only.

GET /metrics   every actor's registry, merged: a family stands once, its samples carry `actor`
GET /healthz   "ok" while this process serves
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

HOST: Final = "127.0.0.1"
_FETCH_S: Final = 5.0
_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Fetch = Callable[[], Awaitable[list[tuple[str, bytes]]]]


class PortBusy(Exception):
    """The port for the metrics cannot be had. One line: the thing, the reason, the remedy."""


@dataclass(slots=True)
class _Family:
    about: str  # the HELP line
    type: str  # the TYPE line
    samples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class MetricsServer:
    """A running endpoint."""

    port: int
    _runner: web.AppRunner

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/metrics"

    async def close(self) -> None:
        """Stop serving."""
        await self._runner.cleanup()


async def serve_metrics(port: int, fetch: Fetch) -> MetricsServer:
    """Serve what `fetch` returns, (actor, exposition) pairs of the actors that answered.

    port    0 takes any free one
    raises  PortBusy
    """
    runner = web.AppRunner(_app(fetch), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as e:
        await runner.cleanup()
        reason = "in use by another program" if e.errno == errno.EADDRINUSE else str(e.strerror)
        raise PortBusy(
            f"port {port}: {reason}: set metrics_port to another one, or to 0 for any free port"
        ) from e
    return MetricsServer(int(runner.addresses[0][1]), runner)


def merge(pages: Iterable[tuple[str, bytes]]) -> bytes:
    """One exposition of several actors': each family once, each sample with its actor.

    pages   (actor, text exposition that names no `actor` label itself)
    """
    families: dict[str, _Family] = {}
    for actor, page in pages:
        _add(families, actor, page.decode())
    lines: list[str] = []
    for family in families.values():
        lines.extend((family.about, family.type, *family.samples))
    return "".join(f"{line}\n" for line in lines).encode()


def _add(families: dict[str, _Family], actor: str, page: str) -> None:
    """Add an actor's samples. Within a page HELP, TYPE and samples of a family follow in order."""
    label = f'actor="{_escaped(actor)}"'
    about = ""
    family: _Family | None = None
    for line in page.split("\n"):
        if line.startswith("# HELP "):
            about = line
        elif line.startswith("# TYPE "):
            family = families.setdefault(line.split(" ", 3)[2], _Family(about, line))
        elif line and not line.startswith("#"):
            assert family is not None, "a sample belongs to the family named before it"
            family.samples.append(_labelled(line, label))


def _labelled(sample: str, label: str) -> str:
    """`sample` with one label more. Names hold no brace and no space, so the first one is it."""
    name, brace, rest = sample.partition("{")
    if brace and " " not in name:
        return f"{name}{{{label},{rest}"
    name, _, value = sample.partition(" ")
    return f"{name}{{{label}}} {value}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _app(fetch: Fetch) -> web.Application:
    one_at_a_time = asyncio.Lock()  # eager scrapers must not multiply the actors' work

    async def metrics(_: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_FETCH_S), one_at_a_time:
                pages = await fetch()
        except Exception as e:  # noqa: BLE001  whatever it is, the scraper is told and asks again
            return web.Response(status=503, text=f"no metrics now: {type(e).__name__}: {e}\n")
        return web.Response(body=merge(pages), headers={"Content-Type": _TYPE})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", healthz)
    return app
