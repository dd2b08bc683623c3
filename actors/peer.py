"""The way to one other actor of the run: a direct line where there is one, otherwise Ray."""

import asyncio
from typing import Any, Final

from ray.exceptions import RayError, RayTaskError

from actors.lines import Line, LineLost, Refused, address
from actors.names import Found, find

_CALL_S: Final = 5.0
_LOOK_AGAIN_S: Final = 1.0


class Unreachable(Exception):
    """Nobody there, gone meanwhile, or silent: whether the call was carried out is not known."""


class Peer:
    """Calls to the actor that bears a name now. After a failure it is looked for anew."""

    def __init__(self, run: str, name: str, call_s: float = _CALL_S) -> None:
        self._run, self._name, self._call_s = run, name, call_s
        self._line: Line | None = None
        self._handle: Found | None = None
        self._look_at = 0.0

    @property
    def direct(self) -> bool:
        """Whether calls take a line."""
        return self._line is not None

    async def call(self, method: str, *arguments: Any) -> Any:
        """What the other actor returns.

        raises  Unreachable; Refused with what it raised
        """
        await self._find()
        try:
            if self._line is not None:
                return await asyncio.wait_for(self._line.call(method, *arguments), self._call_s)
            assert self._handle is not None, "found, or an exception has left"
            answer = self._handle.call(method, *arguments)
            return await asyncio.wait_for(answer, self._call_s)
        except RayTaskError as e:
            self._handle = None  # a cell may have been asked for somebody who is not its member
            raise Refused(str(e)) from None
        except (LineLost, RayError, TimeoutError) as e:
            self.close()
            raise Unreachable(f"{self._name}: {type(e).__name__}") from None

    def close(self) -> None:
        """Forget where it was."""
        if self._line is not None:
            self._line.close()
        self._line = self._handle = None

    async def _find(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._line is not None and not self._line.lost:
            return
        if self._handle is not None and now < self._look_at:
            return
        self._line = await Line.connect(address(self._run, self._name))
        if self._line is None and self._handle is None:
            self._handle = await asyncio.to_thread(self._named)
        self._look_at = now + _LOOK_AGAIN_S

    def _named(self) -> Found:
        try:
            return find(self._run, self._name)
        except (ValueError, RayError):
            raise Unreachable(f"{self._name}: nobody bears this name") from None
