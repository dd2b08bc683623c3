"""Direct lines: calls between actors of one machine, over Unix sockets of the user's own.

Ray places, names, starts and watches actors; a call through it costs both sides a millisecond of
processor time and passes four threads (docs/decisions/013). What flows all the time between
neighbours therefore takes a line: the same calls, 0.1 ms. Who has no line (another machine, not
listening yet) is called through Ray; `actors.peer` decides.

A frame is a length (4 bytes, big endian) and MessagePack: [id, method, [arguments]] for a call,
[id, error or nil, result] for its answer. Only the user who runs the system can open a socket.
"""

import asyncio
import hashlib
import os
import socket
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec

_FRAME_MAX: Final = 64 << 20
_ROOM: Final = 2 << 20  # that a line asks the system for; it may give less
_HEAD: Final = 4
_PRIVATE: Final = 0o700
Method = Callable[..., Any]


class LineLost(Exception):
    """The other side is gone; whether it carried out what was called is not known."""


class Refused(Exception):
    """The other side raised; the text says what."""


def address(run: str, actor: str) -> Path:
    """Where `actor` of `run` listens; short, whatever the names are: socket paths end at 104."""
    home = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return home / f"manta-{os.getuid()}" / _short(run) / _short(actor)


def private(folder: Path) -> bool:
    """Make `folder`; False if somebody else owns or may enter it or its parent."""
    for part in (folder.parent, folder):
        with suppress(FileExistsError):
            part.mkdir(mode=_PRIVATE, parents=True)
        found = part.lstat()
        if found.st_uid != os.getuid() or found.st_mode & 0o077 or part.is_symlink():
            return False
    return True


def forget(run: str) -> None:
    """Remove the sockets of a run whose processes have ended."""
    folder = address(run, "").parent
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _short(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


class _Frames(asyncio.Protocol, ABC):
    """Frames of one connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._out: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:  # a batch goes out in one piece: each further one waits for a turn
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= _HEAD:
            size = int.from_bytes(buffer[at : at + _HEAD], "big")
            if size > _FRAME_MAX:
                self._out.abort()  # not one of ours
                return
            if len(buffer) - at - _HEAD < size:
                break
            raw = bytes(buffer[at + _HEAD : at + _HEAD + size])
            at += _HEAD + size
            self.frame(msgspec.msgpack.decode(raw))
        del buffer[:at]

    @abstractmethod
    def frame(self, content: Any) -> None:
        """What to do with one that came."""

    def put(self, content: Any) -> None:
        raw = msgspec.msgpack.encode(content)
        self._out.write(len(raw).to_bytes(_HEAD, "big") + raw)


class _Served(_Frames):
    def __init__(self, exchange: "Exchange") -> None:
        super().__init__()
        self._exchange = exchange

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._exchange.open_lines.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._exchange.open_lines.discard(self)

    def frame(self, content: Any) -> None:
        number, name, arguments = content
        try:
            made = self._exchange.methods[name](*arguments)
        except Exception as e:  # noqa: BLE001  the caller is told; it decides
            self._answer(number, e, None)
            return
        if asyncio.iscoroutine(made):
            self._exchange.spawn(self._finish(number, made))
        else:
            self._answer(number, None, made)

    async def _finish(self, number: int, work: Coroutine[Any, Any, Any]) -> None:
        try:
            result = await work
        except Exception as e:  # noqa: BLE001  as above
            self._answer(number, e, None)
        else:
            self._answer(number, None, result)

    def _answer(self, number: int, error: Exception | None, result: Any) -> None:
        if not self._out.is_closing():
            told = None if error is None else f"{type(error).__name__}: {error}"
            self.put((number, told, result))

    def close(self) -> None:
        self._out.close()


class Exchange:
    """Where other actors of this machine call: `methods` by name, plain functions or coroutines."""

    def __init__(self, path: Path, methods: Mapping[str, Method]) -> None:
        self.methods = methods
        self.open_lines: set[_Served] = set()
        self._path = path
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> bool:
        """Listen, in the place of whoever listened here; False where there can be no lines.

        That is where they would not be private, or the system refuses: a temporary folder may have
        a longer name than a socket's may be. Calls go through Ray then.
        """
        mine = self._path.with_suffix(f".{os.getpid()}")
        try:
            if not private(self._path.parent):
                return False
            mine.unlink(missing_ok=True)
            self._server = await asyncio.get_running_loop().create_unix_server(
                lambda: _Served(self), str(mine)
            )
            mine.replace(self._path)  # at no moment is there a path and nobody behind it
        except OSError:
            return False
        return True

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Answer one call beside the others."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Hang up. The path stays: a successor may already listen there."""
        if self._server is not None:
            self._server.close()
        for line in tuple(self.open_lines):
            line.close()


class Line(_Frames):
    """Calls to one other actor; make it with `connect`."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.lost = False

    @classmethod
    async def connect(cls, path: Path) -> "Line | None":
        """A line to who listens at `path`; None if nobody does."""
        try:
            loop = asyncio.get_running_loop()
            _, line = await loop.create_unix_connection(cls, str(path))
        except OSError:
            return None
        return line

    async def call(self, method: str, *arguments: Any) -> Any:
        """What the other side returns; arguments are str, int, bytes, None and lists of them.

        raises  LineLost, Refused
        """
        if self.lost:
            raise LineLost(method)
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self.put((number, method, arguments))
        try:
            return await answer
        finally:
            self._waiting.pop(number, None)

    def frame(self, content: Any) -> None:
        number, error, result = content
        answer = self._waiting.pop(number, None)
        if answer is None or answer.done():
            return  # nobody waits any more
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(Refused(error))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(LineLost("the other side has gone"))

    def close(self) -> None:
        """Hang up at once: what a silent other side has not taken is not kept for it."""
        self._out.abort()
