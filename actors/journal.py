"""The journal keeper: the run's own record, and the strategies' checkpoints."""

import asyncio
import os
from typing import Any, Final

from actors.boot import refusal
from actors.clock import WallClock
from actors.config import config_of
from actors.lines import Exchange, Method, address
from actors.logs import Log, open_log
from actors.supervised import Supervised
from actors.threads import prompt
from journal import Draft, Journal
from messages import Message, decode, encode
from messages.control import Resumed, StrategyCheckpoint

JOURNAL: Final = "run.sqlite"
_CHECKPOINT: Final = StrategyCheckpoint.model_fields["kind"].default
_BATCH_MAX: Final = 256
_NOTED_MAX: Final = 4096
_LOOK_S: Final = 0.05
_CRASHED: Final = 70


class Outlived(Exception):
    """A strategy's process wrote after its successor had read its checkpoint."""


class JournalKeeper(Supervised):
    """Appends in natural batches: every caller of one batch waits for the same sync."""

    def __init__(self, run: str, name: str, incarnation: int) -> None:
        super().__init__(name, incarnation)
        prompt()
        self.config = config_of(run, name)
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
        self._opened = asyncio.Event()  # Ray calls whoever exists: before this we know nothing
        self._pump: asyncio.Task[None] | None = None

    async def stop(self, reason: str) -> None:
        """Write what is queued, close, and end this process."""
        self._exchange.close()
        await self._drained()
        if self._pump is not None:
            self._pump.cancel()
        if self._journal is not None:
            await self._journal.close()
        self._ended(reason)
        await self._exit()

    async def checkpoint(self, incarnation: int, raw: bytes) -> None:
        """Make a strategy's checkpoint durable; returns when it is.

        raises  Outlived if a newer incarnation of the strategy has begun
        """
        message = decode(raw)
        assert isinstance(message, StrategyCheckpoint), "only checkpoints are kept here"
        await self._opened.wait()
        self._fence(message.strategy_id, incarnation)
        await self._append(message, raw, message.strategy_id, incarnation)
        self._fence(message.strategy_id, incarnation)  # a successor may have read meanwhile
        self._latest[message.strategy_id] = raw

    def _fence(self, strategy_id: str, incarnation: int) -> None:
        if incarnation < self._readers.get(strategy_id, 0):
            raise Outlived(f"{strategy_id}#{incarnation}")
        self._readers[strategy_id] = incarnation

    async def restore(self, strategy_id: str, incarnation: int) -> bytes:
        """The latest checkpoint (b"" if there is none).

        From here on, and after any restart of ours, all older incarnations are fenced.
        raises  Outlived if a newer incarnation has begun
        """
        await self._opened.wait()
        known = self._readers.get(strategy_id, 0)
        self._fence(strategy_id, incarnation)
        if incarnation > known:
            now_ns = self._clock.now_ns()
            begun = Resumed(
                ts_event=now_ns, ts_init=now_ns, actor=strategy_id, incarnation=incarnation
            )
            await self._append(begun, encode(begun), strategy_id, incarnation)
        self._fence(strategy_id, incarnation)
        return self._latest.get(strategy_id, b"")

    async def note(self, raw: bytes) -> None:
        """Keep a message for the record."""
        await self.notes([raw])

    async def notes(self, batch: list[bytes]) -> None:
        """Keep messages for the record; returns when they are durable. Repeats are dropped."""
        await self._opened.wait()
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

    async def _boot(self) -> None:
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
            await self._read(self._journal)
        except Exception as e:  # noqa: BLE001  a half-open journal must not live
            if self._log is not None:
                self._log.event("ERROR", "died", error=e)
            raise refusal(e) from None
        self._pump = asyncio.create_task(self._write())
        self._opened.set()
        await self._exchange.open()
        self._log.event("INFO", "serving", pid=os.getpid())

    async def _read(self, journal: Journal) -> None:
        """Counts, checkpoints and fences as they were; only the last checkpoints are decoded."""
        async for record in journal.read(direction="note"):
            self._counts[record.kind] = self._counts.get(record.kind, 0) + 1
            self._remember(record.payload)
            if not record.peer:
                continue
            self._readers[record.peer] = max(self._readers.get(record.peer, 0), record.session)
            if record.kind == _CHECKPOINT:
                self._latest[record.peer] = record.payload
        for raw in self._latest.values():
            decode(raw)  # a version that cannot read them must not serve them

    async def _append(
        self, message: Message, raw: bytes, strategy_id: str = "", incarnation: int = 0
    ) -> None:
        draft = Draft(
            self._clock.now_ns(),
            "note",
            self.name,
            self.incarnation,
            str(getattr(message, "kind", "")),
            raw,
            peer=strategy_id,  # whose checkpoint it is, and of which incarnation
            session=incarnation,
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
            await asyncio.sleep(_LOOK_S)

    def _count(self, message: Message) -> None:
        kind = str(getattr(message, "kind", ""))
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def _die(self, error: BaseException) -> None:
        if self._log is not None:
            self._log.event("ERROR", "died", error=error)
        os._exit(_CRASHED)
