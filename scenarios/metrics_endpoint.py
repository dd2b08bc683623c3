"""One scrape endpoint a run, on loopback, in a thread of the process that started the run."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

import ray
from ray.exceptions import RayError

from actors.scrape import MetricsServer, PortBusy, serve_metrics
from scenarios.spec import BadSpec
from scenarios.view import actor

_ANSWER_S: Final = 1.0
_START_S: Final = 10.0


class MetricsEndpoint:
    """Serves every actor's registry as one page; `url` is where.

    raises  BadSpec if the port is taken
    """

    def __init__(self, run_id: str, names: Sequence[str], port: int) -> None:
        self._run_id, self._names = run_id, names
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="metrics", daemon=True)
        self._thread.start()
        serving: Future[MetricsServer] = asyncio.run_coroutine_threadsafe(
            serve_metrics(port, self._fetch), self._loop
        )
        try:
            self._server = serving.result(_START_S)
        except PortBusy as e:
            self._end()
            raise BadSpec(f"metrics_port: {e}") from None
        self.url = self._server.url

    def close(self) -> None:
        """Stop serving."""
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(_START_S)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)

    async def _fetch(self) -> list[tuple[str, bytes]]:
        pages = await asyncio.gather(*(asyncio.to_thread(self._page, n) for n in self._names))
        return [(name, page) for name, page in zip(self._names, pages, strict=True) if page]

    def _page(self, name: str) -> bytes:
        handle = actor(self._run_id, name)
        if handle is None:
            return b""
        try:
            return bytes(ray.get(handle.call("metrics"), timeout=_ANSWER_S))
        except (RayError, TimeoutError):
            return b""  # it is restarting: its numbers are missing from one scrape
