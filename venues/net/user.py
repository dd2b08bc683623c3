"""The account's events, as evidence: one private connection, made again whenever it is lost."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

import numpy as np
from websockets.asyncio.client import ClientConnection

from messages.base import Event
from messages.venue import StreamDown, StreamUp
from trading.errors import Garbled, NotSent, VenueError
from venues.net.access import Access
from venues.net.socket import FAILURES, Frame, Socket, SocketConfig
from venues.wire.adapter import UserSession

_DUE_EVERY_S: Final = 1.0
_RENEW_AGAIN_S: Final = 30.0


class UserStream:
    """The user stream of one account.

    garbled  events that could not be read; after one the stream says that it was down, because
             something happened that nobody was told
    renewed  times that what the connection lives by was renewed
    """

    def __init__(self, access: Access, config: SocketConfig, rng: np.random.Generator) -> None:
        assert access.keys is not None, "a private stream needs keys"
        self.socket = Socket(config, access.now_ns, rng)
        self.garbled = 0
        self.renewed = 0
        self._access = access
        self._keys = access.keys

    async def batches(self) -> AsyncGenerator[tuple[Event, ...], None]:
        """Evidence, oldest first, until `close`; StreamUp and StreamDown frame each connection.

        Iterate inside `contextlib.aclosing`.
        """
        access, socket = self._access, self.socket
        while True:
            session = access.adapter.user_session(self._keys, access.instruments)
            up = told = False
            keeping: asyncio.Task[None] | None = None
            try:
                ws = await socket.opened(await self._path(session), session.ping)
                await _send(ws, session.opened(access.clock.now_ns()))
                keeping = asyncio.create_task(self._keep(ws, session))
                if session.up_when_open:
                    up = True
                    yield (self._up(),)
                async with aclosing(socket.batches(ws, session.ping)) as batches:
                    async for frames in batches:
                        events, problem = await self._read(ws, session, frames)
                        up = up or any(isinstance(e, StreamUp) for e in events)
                        if events:
                            yield events
                        if problem:
                            socket.problem, told = problem, True
                            break
            except (*FAILURES, VenueError) as e:
                socket.problem = f"{type(e).__name__}: {e}"
                told = isinstance(e, VenueError)
            finally:
                if keeping is not None:
                    keeping.cancel()
            if up:
                now_ns = access.now_ns()
                yield (StreamDown(ts_event=now_ns, ts_init=now_ns, reason=socket.problem),)
            elif told:  # the venue said no: perhaps because of our time
                await access.sync()
            if not await socket.rest():
                return

    def reconnect(self) -> None:
        """Cut the connection; a new one is made at once."""
        self.socket.reconnect()

    def close(self) -> None:
        """End for good; `batches` returns."""
        self.socket.close()

    def _up(self) -> StreamUp:
        return StreamUp(ts_event=self._access.clock.now_ns(), ts_init=self._access.now_ns())

    async def _path(self, session: UserSession) -> str:
        if problem := self._access.clock.problem():
            raise NotSent(f"not signed: {problem}")
        if session.before is None:
            return session.path(None)
        return session.path(await self._access.ask(session.before, signed=True))

    async def _read(
        self, ws: ClientConnection, session: UserSession, frames: list[Frame]
    ) -> tuple[tuple[Event, ...], str]:
        """Evidence in these frames, and why to leave this connection ("" to stay)."""
        events: list[Event] = []
        for ts_init, raw in frames:
            try:
                heard = session.heard(raw, ts_init, self._access.clock.now_ns())
            except Garbled as e:
                self.garbled += 1
                return tuple(events), f"unreadable event: {e}"
            events += heard.events
            if heard.problem:
                return tuple(events), heard.problem
            if heard.send:
                await _send(ws, heard.send)
        return tuple(events), ""

    async def _keep(self, ws: ClientConnection, session: UserSession) -> None:
        """Say and renew what time demands, for as long as the connection lives.

        A renewal that fails is tried again; if none succeeds, the venue ends the stream.
        """
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + session.renew_s
        with suppress(*FAILURES):
            while True:
                await asyncio.sleep(_DUE_EVERY_S)
                await _send(ws, session.due(self._access.clock.now_ns()))
                if session.renew is not None and loop.time() >= renew_at:
                    renewed = await self._renew(session)
                    renew_at = loop.time() + (session.renew_s if renewed else _RENEW_AGAIN_S)

    async def _renew(self, session: UserSession) -> bool:
        assert session.renew is not None, "asked only where there is something to renew"
        try:
            await self._access.ask(session.renew, signed=True)
        except VenueError:
            return False
        self.renewed += 1
        return True


async def _send(ws: ClientConnection, frames: tuple[bytes, ...]) -> None:
    for frame in frames:
        await ws.send(frame, text=True)
