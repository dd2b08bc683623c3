"""Binance's archive and an exchange's klines on loopback, with the faults that networks have."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer


class FaultyArchive:
    """Serves a folder; each path may have faults, one a request, in their order.

    "cut" ends the connection in the middle, "empty" at once, "429" asks to wait, "500" fails,
    "ignore-range" sends all instead of the rest, "flip" sends a wrong byte.
    """

    def __init__(self, root: Path, checksums: dict[str, str] | None = None) -> None:
        self.root = root
        self.checksums = checksums or {}
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.asked: list[tuple[str, str]] = []  # (file name, Range)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        path = request.path.lstrip("/")
        name = path.rpartition("/")[2]
        self.asked.append((name, request.headers.get("Range", "")))
        fault = self.faults[name].pop(0) if self.faults[name] else ""
        if fault == "429":
            return web.Response(status=429, headers={"Retry-After": "7"})
        if fault == "500":
            return web.Response(status=500)
        if name.endswith(".CHECKSUM"):
            return self._checksum(path.removesuffix(".CHECKSUM"))
        file = self.root / path
        if not file.is_file():
            return web.Response(status=404)
        return await self._send(request, file.read_bytes(), fault)

    def _checksum(self, path: str) -> web.Response:
        name = path.rpartition("/")[2]
        if name not in self.checksums:
            return web.Response(status=404)
        return web.Response(text=f"{self.checksums[name]}  {name}\n")

    async def _send(self, request: web.Request, data: bytes, fault: str) -> web.StreamResponse:
        start = 0
        span = request.headers.get("Range", "")
        if span and fault != "ignore-range":
            start = int(span.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                return web.Response(status=416)
        rest = data[start:]
        if fault == "flip":
            rest = bytes([rest[0] ^ 1]) + rest[1:]
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = len(rest)
        await response.prepare(request)
        if fault in ("cut", "empty"):
            await response.write(rest[: len(rest) // 2] if fault == "cut" else b"")
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(rest)
        return response


@asynccontextmanager
async def serving(archive: FaultyArchive) -> AsyncIterator[str]:
    """Its address, while the block lasts."""
    app = web.Application()
    app.router.add_get("/{path:.*}", archive.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
