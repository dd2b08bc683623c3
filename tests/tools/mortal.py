"""A small real actor for supervision tests: it serves until it is told, or made, to end."""

import asyncio
import os

import ray

from actors.boot import CannotServe


class Mortal:
    """Speaks the protocol of supervised actors; `config` names a folder for its traces."""

    def __init__(self, config: str, name: str, incarnation: int) -> None:
        self._config = config
        self._name = name
        self._incarnation = incarnation
        self._end = asyncio.Event()
        self._reason = ""
        self.notes: list[bytes] = []

    async def boot(self) -> tuple[int, str]:
        if os.path.exists(f"{self._config}/poison-{self._name}"):
            os._exit(1)
        if os.path.exists(f"{self._config}/refusal-{self._name}"):
            with open(f"{self._config}/refusal-{self._name}", encoding="utf-8") as file:
                raise CannotServe(file.read())
        with open(f"{self._config}/boots", "a", encoding="utf-8") as file:
            file.write(f"{self._name} {self._incarnation} {os.getpid()}\n")
        return os.getpid(), ray.get_runtime_context().get_node_id()

    async def alive(self) -> str:
        await self._end.wait()
        return self._reason

    async def identity(self) -> tuple[str, int, int, str]:
        node_id = ray.get_runtime_context().get_node_id()
        return self._name, self._incarnation, os.getpid(), node_id

    async def stop(self, reason: str) -> None:
        with open(f"{self._config}/stops", "a", encoding="utf-8") as file:
            file.write(f"{self._name}\n")
        self._reason = reason
        self._end.set()
        await asyncio.sleep(0.02)
        ray.actor.exit_actor()

    async def note(self, raw: bytes) -> None:
        self.notes.append(raw)

    async def command(self, raw: bytes) -> None:
        self.notes.append(raw)

    async def look(self, what: str = "status") -> dict[str, str]:
        """As the order manager: halted once it has handled the command, not when it took it."""
        heard = any(b"kill_switch" in raw for raw in self.notes)
        return {"trading_state": "HALTED" if heard else "ACTIVE"}

    async def told(self) -> list[bytes]:
        return self.notes
