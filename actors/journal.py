"""The journal keeper: the run's own record, and the strategies' checkpoints."""

import asyncio
import os
from typing import Any, Final

import ray

from actors.boot import refusal
from actors.clock import WallClock
from actors.config import RunConfig
from actors.lines import Exchange, Method, address
from actors.logs import Log, open_log
from actors.threads import prompt
from journal import Draft, Journal
from journal.replay import replay
from messages import Message, decode
from messages.control import StrategyCheckpoint

JOURNAL: Final = "run.sqlite"
_BATCH_MAX: Final = 256
_NOTED_MAX: Final = 4096
_LAST_WORDS_S: Final = 0.05
_CRASHED: Final = 70


class Outlived(Exception):
    """A strategy's process wrote after its successor had read its checkpoint."""


class JournalKeeper:
    """Appends in natural batches: every caller of one batch waits for the same sync."""

    def __init__(self, run: str, name: str, incarnation: int) -> None:
        prompt()
        self.config = RunConfig.model_validate_json(run)
        self.name, self.incarnation = name, incarnation
        self._clock = WallClock()
        self._queue: asyncio.Queue[tuple[Draft, asyncio.Future[None]]] = asyncio.Queue()
        self._latest: dict[str, bytes] = {}
        self._readers: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._noted: dict[bytes, None] = {}  # the newest notes: one that comes again is dropped
        self._journal: Journal | None = None
        self._log: Log | None = None
        methods: dict[str, Method] = {
            "checkpoint": self.checkpoint,
            "restore": self.restore,
            "notes": self.notes,
        }
        self._exchange = Exchange(address(self.config.run_id, name), methods)
        self._booting: asyncio.Task[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def boot(self) -> tuple[int, str]:
        """Open the run's journal; returns (pid, node id)."""
        if self._booting is None:
            self._booting = asyncio.create_task(self._open())
        await asyncio.shield(self._booting)
        return os.getpid(), ray.get_runtime_context().get_node_id()

    async def alive(self) -> str:
        """Return only when this process ends on purpose."""
        return await asyncio.shield(self._end)

    async def identity(self) -> tuple[str, int, int, str]:
        """(name, incarnation, pid, node id)."""
        return self.name, self.incarnation, os.getpid(), ray.get_runtime_context().get_node_id()

    async def stop(self, reason: str) -> None:
        """Write what is queued, close, and end this process."""
        self._exchange.close()
        await self._drained()
        if self._pump is not None:
            self._pump.cancel()
        if self._journal is not None:
            await self._journal.close()
        if not self._end.done():
            self._end.set_result(reason)
        await asyncio.sleep(_LAST_WORDS_S)
        ray.actor.exit_actor()

    async def checkpoint(self, incarnation: int, raw: bytes) -> None:
        """Make a strategy's checkpoint durable; returns when it is.

        raises  Outlived if a newer incarnation of the strategy has begun
        """
        message = decode(raw)
        assert isinstance(message, StrategyCheckpoint), "only checkpoints are kept here"
        self._fence(message.strategy_id, incarnation)
        await self._append(message, raw, incarnation)
        self._fence(message.strategy_id, incarnation)  # a successor may have read meanwhile
        self._latest[message.strategy_id] = raw

    def _fence(self, strategy_id: str, incarnation: int) -> None:
        if incarnation < self._readers.get(strategy_id, 0):
            raise Outlived(f"{strategy_id}#{incarnation}")
        self._readers[strategy_id] = incarnation

    async def restore(self, strategy_id: str, incarnation: int) -> bytes:
        """The latest checkpoint (b"" if there is none); fences all older incarnations."""
        self._readers[strategy_id] = max(self._readers.get(strategy_id, 0), incarnation)
        return self._latest.get(strategy_id, b"")

    async def note(self, raw: bytes) -> None:
        """Keep a message for the record."""
        await self.notes([raw])

    async def notes(self, batch: list[bytes]) -> None:
        """Keep messages for the record; returns when they are durable. Repeats are dropped."""
        fresh = [raw for raw in dict.fromkeys(batch) if raw not in self._noted]
        await asyncio.gather(*(self._append(decode(raw), raw) for raw in fresh))
        for raw in fresh:
            self._remember(raw)

    async def look(self, what: str = "status") -> Any:
        """How many messages of each kind this journal holds."""
        return dict(self._counts)

    async def metrics(self) -> bytes:
        """Nothing of its own yet: its syncs show in the latency of checkpoints."""
        return b""

    async def _open(self) -> None:
        config = self.config
        try:
            self._log = open_log(
                config.path(), config.run_id, self.name, self.incarnation, config.log_level
            )
            self._journal = await Journal.open(
                config.path("journal", JOURNAL),
                owner=config.run_id,
                lease=f"run/{config.run_id}",
                incarnation=self.incarnation,
                now_ns=self._clock.now_ns(),
            )
            async for record, message in replay(self._journal, direction="note"):
                self._count(message)
                self._remember(record.payload)
                if isinstance(message, StrategyCheckpoint):
                    self._latest[message.strategy_id] = record.payload
                    self._readers[message.strategy_id] = record.session
        except Exception as e:  # noqa: BLE001  a half-open journal must not live
            if self._log is not None:
                self._log.event("ERROR", "died", error=e)
            raise refusal(e) from None
        self._pump = asyncio.create_task(self._write())
        await self._exchange.open()  # not before: a checkpoint can be asked for from now on
        self._log.event("INFO", "serving", pid=os.getpid())

    async def _append(self, message: Message, raw: bytes, incarnation: int = 0) -> None:
        draft = Draft(
            self._clock.now_ns(),
            "note",
            self.name,
            self.incarnation,
            str(getattr(message, "kind", "")),
            raw,
            session=incarnation,  # of the strategy whose checkpoint it is
            correlation_id=message.correlation_id,
        )
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((draft, done))
        await done
        self._count(message)

    async def _write(self) -> None:
        assert self._journal is not None, "writing starts after boot"
        while True:
            batch = [await self._queue.get()]
            while len(batch) < _BATCH_MAX and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await self._journal.append([draft for draft, _ in batch])
            except Exception as e:  # noqa: BLE001  an unwritten record must not be acknowledged
                self._die(e)
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    def _remember(self, raw: bytes) -> None:
        self._noted[raw] = None
        if len(self._noted) > _NOTED_MAX:
            del self._noted[next(iter(self._noted))]

    async def _drained(self) -> None:
        while not self._queue.empty():
            await asyncio.sleep(_LAST_WORDS_S)

    def _count(self, message: Message) -> None:
        kind = str(getattr(message, "kind", ""))
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def _die(self, error: BaseException) -> None:
        if self._log is not None:
            self._log.event("ERROR", "died", error=error)
        os._exit(_CRASHED)
