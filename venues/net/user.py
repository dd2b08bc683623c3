"""The account's events, as evidence: one private connection, made again whenever it is lost."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Final

import numpy as np
from websockets.asyncio.client import ClientConnection

from messages.base import Event
from messages.venue import StreamDown, StreamUp
from trading.errors import Garbled, NotSent, Refused, VenueError
from venues.net.access import Access
from venues.net.socket import FAILURES, Frame, Socket, SocketConfig
from venues.wire.adapter import UserSession
from venues.wire.limits import Lane

CONFIRM_S: Final = 10.0
_DUE_EVERY_S: Final = 1.0
_RENEW_AGAIN_S: Final = 30.0


class UserStream:
    """The user stream of one account.

    on_problem  hears, in one line, why a connection did not come up: each time the reason is
                another one, and as the attempts double
    confirm_s   a connection that is not confirmed by the venue within this time is left
    garbled     events that could not be read; after one the stream says that it was down, because
                something happened that nobody was told
    renewed     times that what the connection lives by was renewed
    """

    def __init__(
        self,
        access: Access,
        config: SocketConfig,
        rng: np.random.Generator,
        on_problem: Callable[[str], None] | None = None,
        confirm_s: float = CONFIRM_S,
    ) -> None:
        assert access.keys is not None, "a private stream needs keys"
        self.socket = Socket(config, access.now_ns, rng, frames_confirm=False)
        self.garbled = 0
        self.renewed = 0
        self._access = access
        self._keys = access.keys
        self._on_problem = on_problem
        self._confirm_s = confirm_s
        self._failed = 0  # attempts in a row that did not come up
        self._said = ""

    async def batches(self) -> AsyncGenerator[tuple[Event, ...], None]:
        """Evidence, oldest first, until `close`; StreamUp and StreamDown frame each connection.

        Iterate inside `contextlib.aclosing`.
        """
        access, socket = self._access, self.socket
        while True:
            session = access.adapter.user_session(self._keys, access.instruments)
            life = _Life(self._confirm_s)
            try:
                ws = await socket.opened(await self._path(session), session.ping)
                life.begin(ws, self._keep(ws, session, life))
                await _send(ws, session.opened(access.clock.now_ns()))
                if session.up_when_open:
                    self._confirmed(life)
                    yield (self._up(),)
                async with aclosing(socket.batches(ws, session.ping)) as batches:
                    async for frames in batches:
                        events, problem = await self._read(ws, session, frames)
                        if not life.up and any(isinstance(e, StreamUp) for e in events):
                            self._confirmed(life)
                        if events:
                            yield events
                        if problem:
                            life.problem = problem
                            break
            except VenueError as e:
                life.problem = f"{type(e).__name__}: {e}"
            except FAILURES as e:
                socket.problem = f"{type(e).__name__}: {e}"
            finally:
                life.end()
            socket.problem = life.problem or socket.problem
            if life.up:
                now_ns = access.now_ns()
                yield (StreamDown(ts_event=now_ns, ts_init=now_ns, reason=socket.problem),)
            else:
                self._not_up(life)
            if not await socket.rest():
                return

    def _confirmed(self, life: "_Life") -> None:
        life.up = True
        self._failed, self._said = 0, ""
        self.socket.confirm()

    def _not_up(self, life: "_Life") -> None:
        if life.problem:  # the venue said no: perhaps because of our time
            self._access.resync()
        self._failed += 1
        another = self.socket.problem != self._said
        if self._on_problem and (another or self._failed & (self._failed - 1) == 0):
            self._said = self.socket.problem
            self._on_problem(self._said)

    def reconnect(self) -> None:
        """Cut the connection; a new one is made at once."""
        self.socket.reconnect()

    def close(self) -> None:
        """End for good; `batches` returns."""
        self.socket.close()

    def _up(self) -> StreamUp:
        return StreamUp(ts_event=self._access.clock.now_ns(), ts_init=self._access.now_ns())

    async def _path(self, session: UserSession) -> str:
        if problem := await self._access.settled():
            raise NotSent(f"not signed: {problem}")
        if session.before is None:
            return session.path(None)
        return session.path(await self._access.ask(session.before, signed=True, lane=Lane.QUERY))

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

    async def _keep(self, ws: ClientConnection, session: UserSession, life: "_Life") -> None:
        """Say and renew what time demands, for as long as the connection lives.

        A renewal that the venue refuses will be refused again: what the connection lived by is
        gone, and a new connection gets another. One that fails otherwise is tried again.
        """
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + session.renew_s
        while True:
            await asyncio.sleep(_DUE_EVERY_S)
            await _send(ws, session.due(self._access.clock.now_ns()))
            if session.renew is None or loop.time() < renew_at:
                continue
            renew_at = loop.time() + session.renew_s
            try:
                await self._access.ask(session.renew, signed=True, lane=Lane.QUERY)
            except Refused as e:
                life.leave(f"not renewed: {e}")
                return
            except VenueError:
                renew_at = loop.time() + min(_RENEW_AGAIN_S, session.renew_s)
            else:
                self.renewed += 1


class _Life:
    """One connection, from its opening to its end.

    up       the venue has confirmed it
    problem  why it must be left, "" while there is no reason of ours
    """

    def __init__(self, confirm_s: float) -> None:
        self.up = False
        self.problem = ""
        self._confirm_s = confirm_s
        self._ws: ClientConnection | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def begin(self, ws: ClientConnection, keeping: Coroutine[Any, Any, None]) -> None:
        self._ws = ws
        self._keeping = asyncio.create_task(keeping)
        self._keeping.add_done_callback(self._kept)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._confirm_s, self._late)

    def leave(self, problem: str) -> None:
        """Cut the connection."""
        self.problem = self.problem or problem
        if self._ws is not None:
            self._ws.transport.abort()

    def end(self) -> None:
        """It is over."""
        if self._deadline is not None:
            self._deadline.cancel()
        if self._keeping is not None:
            self._keeping.cancel()

    def _late(self) -> None:
        if not self.up:
            self.leave(f"not confirmed within {self._confirm_s:g} s")

    def _kept(self, task: "asyncio.Task[None]") -> None:
        """Nobody keeps the connection any more, so it must not go on."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.leave(f"{type(error).__name__}: {error}")


async def _send(ws: ClientConnection, frames: tuple[bytes, ...]) -> None:
    for frame in frames:
        await ws.send(frame, text=True)
