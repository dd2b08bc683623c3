"""A venue's market data without a venue: depth frames over a loopback WebSocket, made in advance.

    python benchmarks/feed_source.py VENUE --times F.npy [--rate 20000] ...

Answers what a feed asks before it follows books (time, whole book), then sends frames at `rate` a
second from the first subscription on, or as fast as the connection takes them (`--rate 0`). Its
first line is its port. It ends once its stdin is closed, and then writes what was sent when: rows
of (number of the first frame, count, ns).
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import numpy as np
import uvloop

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from feed_frames import Frames
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

_SLICE_S: Final = 0.001
_CHUNK: Final = 64  # frames in one write
_BACKLOG: Final = 1 << 20  # bytes that may wait in this process
_SETTLE_S: Final = 1.0
_BOOK_WORDS: Final = ("orderbook", "depth", '"books"', "level2")  # in a venue's subscription


def framed(raw: bytes) -> bytes:
    """A text frame as a server sends it."""
    size = len(raw)
    if size < 126:
        return b"\x81" + bytes([size]) + raw
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + raw
    return b"\x81\x7f" + size.to_bytes(8, "big") + raw


class Source:
    """One venue's frames, sent to the connection that subscribed last, while it is open."""

    def __init__(self, frames: Frames, said: argparse.Namespace) -> None:
        self._frames = frames
        self._rate = said.rate
        self._seconds = said.seconds
        self._speed = said.speed
        self._trades = said.trades
        self._began_ns = time.time_ns()
        self._next = 0
        self._to: ServerConnection | None = None
        self._sending: asyncio.Task[None] | None = None
        self.sent: list[tuple[int, int, int]] = []

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """REST on the same port; None for what is no REST."""
        if "Upgrade" in request.headers:
            return None
        url = urlsplit(request.path)
        if url.path.endswith("/depth"):
            symbol = parse_qs(url.query)["symbol"][0]
            body = self._frames.whole(self._frames.place(symbol), self._next, time.time_ns())
        else:
            body = _time(time.time_ns())
        head = Headers({"Content-Type": "application/json", "Content-Length": str(len(body))})
        return Response(HTTPStatus.OK, "OK", head, body)

    async def talk(self, ws: ServerConnection) -> None:
        """Until the other side goes."""
        try:
            async for message in ws:
                if any(word in str(message) for word in _BOOK_WORDS):
                    self._begin(ws)
        except ConnectionClosed:
            return

    def _begin(self, ws: ServerConnection) -> None:
        """The first subscription starts the clock; a later one is answered with whole books."""
        for place in range(len(self._frames.instruments)):
            if self._frames.venue != "BINANCE" and self._next == 0:
                ws.transport.write(framed(self._frames.whole(place, self._next, time.time_ns())))
        self._to = ws
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        await asyncio.sleep(_SETTLE_S)
        self._began_ns = time.time_ns()
        begun = time.perf_counter()
        while (passed := time.perf_counter() - begun) < self._seconds:
            due = int(passed * self._rate) if self._rate else self._next + _CHUNK
            while self._next < due and (ws := self._writable()):
                self._write(ws, min(_CHUNK, due - self._next))
            await asyncio.sleep(0 if not self._rate and self._writable() else _SLICE_S)

    def _writable(self) -> ServerConnection | None:
        """None while it cannot take more: too much waits in it, or it is lost and none has come."""
        ws = self._to
        if ws is None or ws.state is not State.OPEN or ws.transport.is_closing():
            return None
        return ws if ws.transport.get_write_buffer_size() < _BACKLOG else None

    def _write(self, ws: ServerConnection, count: int) -> None:
        first, now_ns = self._next, time.time_ns()
        venue_ns = self._began_ns + int((now_ns - self._began_ns) * self._speed)
        out: list[bytes] = []
        for g in range(first, first + count):
            out.append(framed(self._frames.update(g, venue_ns)))
            if self._trades and g % self._trades == 0:
                out += map(framed, self._frames.trade(g, venue_ns))
        ws.transport.write(b"".join(out))
        self._next += count
        self.sent.append((first, count, now_ns))


def _time(now_ns: int) -> bytes:
    """What each of the venues calls it, in one object."""
    ms = now_ns // 1_000_000
    said: dict[str, Any] = {
        "serverTime": ms,
        "code": "0",
        "data": [{"ts": str(ms)}],
        "retCode": 0,
        "retMsg": "OK",
        "result": {"timeSecond": str(ms // 1000), "timeNano": str(now_ns)},
        "time": ms,
        "iso": f"{np.datetime64(now_ns, 'ms')}Z",
        "epochSeconds": str(ms // 1000),
        "epochMillis": str(ms),
    }
    return json.dumps(said).encode()


def start(venue: str, **options: object) -> tuple[subprocess.Popen[bytes], int]:
    """A process of this file -> (process, port), once it serves; close its stdin to end it.

    raises  RuntimeError if it ends before that
    """
    words = [f"--{name}={value}" for name, value in options.items()]
    pipe = subprocess.PIPE
    source = subprocess.Popen([sys.executable, __file__, venue, *words], stdin=pipe, stdout=pipe)
    assert source.stdout is not None
    said = source.stdout.readline()
    if not said:
        raise RuntimeError(f"the source of {venue} ended with {source.wait()}: see above")
    return source, int(said)


async def run(said: argparse.Namespace) -> None:
    """Serve until this process is told to end."""
    symbols = [s for s in said.symbols.split(",") if s]
    frames = Frames(said.venue, said.instruments, said.levels, symbols)
    source = Source(frames, said)
    for g in range(500 * len(frames.instruments)):  # texts are made before anybody waits for them
        frames.update(g, 0)
    listen = serve(source.talk, "127.0.0.1", 0, process_request=source.answer, compression=None)
    async with listen as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)  # whoever started it closes it, or has died
        np.save(said.times, np.array(source.sent, np.int64).reshape(-1, 3))


def main() -> int:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("venue")
    parser.add_argument("--times", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=20_000, help="frames a second; 0: flood")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--instruments", type=int, default=4)
    parser.add_argument("--levels", type=int, default=10)
    parser.add_argument("--symbols", default="", help="instead of made-up instruments")
    parser.add_argument("--speed", type=float, default=1.0, help="venue seconds a second")
    parser.add_argument("--trades", type=int, default=0, help="a trade every so many frames")
    uvloop.run(run(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
