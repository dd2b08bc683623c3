"""An unmodified ccxt client whose addresses are those of a simulator."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from venues.serving.simulator import Simulator
from venues.wire.keys import Keys


def moved(urls: Any, host: str) -> Any:
    """The same addresses, at `host` ("127.0.0.1:9000") and without encryption."""
    if isinstance(urls, dict):
        return {name: moved(url, host) for name, url in urls.items()}
    if not isinstance(urls, str) or "://" not in urls:
        return urls
    there = urlsplit(urls)
    scheme = "ws" if there.scheme.startswith("ws") else "http"
    return there._replace(scheme=scheme, netloc=host).geturl()


@asynccontextmanager
async def client(kind: Any, keys: Keys, host: str, **options: Any) -> AsyncIterator[Any]:
    """A client of class `kind` that talks to `host`; closed at the end."""
    exchange = kind(
        {
            "apiKey": keys.api_key,
            "secret": keys.secret,
            "password": keys.passphrase,
            "timeout": 5000,
            "enableRateLimit": False,  # its own pauses; the simulator's limits hold
            "options": {"fetchCurrencies": False, "fetchMargins": False, **options},
        }
    )
    exchange.urls["api"] = moved(exchange.urls["api"], host)
    try:
        yield exchange
    finally:
        await exchange.close()


async def heard(
    watching: Callable[[], Awaitable[Any]], happen: Callable[[], Any], wait_s: float = 5.0
) -> Any:
    """What a watch call returns once something happens; it happens until the call has heard it."""
    task = asyncio.ensure_future(watching())
    async with asyncio.timeout(wait_s):
        while not task.done():
            happen()
            await asyncio.wait({task}, timeout=0.05)
    return await task


async def until_heard(simulator: Simulator, channel: str) -> None:
    """Wait until somebody listens to a channel of the simulator that begins so."""
    async with asyncio.timeout(5):
        while not simulator.exchange.hub.channels(channel):
            await asyncio.sleep(0.01)
