"""The feed as an actor: sockets and decoding around the feed core."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import numpy as np

from actors.config import RunConfig
from actors.connection import BACKOFF, access_of, keep_budget
from actors.metrics import Views
from actors.shell import Shell
from actors.timekeeping import LISTENING, clock_view, keep_time
from journal.recorder import Recorder, warm_up, write_parts
from messages import Message
from messages.arrays import DELTA, TRADE
from messages.base import InstrumentId
from messages.market import (
    Batch,
    ChangeStreams,
    HistoryRequested,
    InstrumentChanged,
    ProbeStream,
    QualityAlert,
    RepairStep,
    RepairStream,
    RulesRequested,
    SnapshotRequested,
    StreamName,
    StreamProbed,
    StreamState,
    SubscriptionsChanged,
    TradeHistory,
)
from trading.book_sync import SyncState
from trading.errors import VenueError
from trading.feed import FeedCore
from trading.feed_state import FeedConfig, FeedState, Stream, Tracked
from trading.feed_watch import best_levels
from trading.machine import Machine
from trading.wiring import Role, strategy_actor
from venues.net.market import CHANNELS, MarketStream, MarketStreams
from venues.net.questions import Questions
from venues.net.rules import follow_rules, todays_rules
from venues.net.socket import SocketConfig
from venues.wire.adapter import Adapter, Channel, SnapshotBy, Subscription

_BACKLOG_MAX: Final = 2_000  # messages that may wait here before the socket feels it
_PAUSE_S: Final = 0.002
_RECORD_S: Final = 1.0
_SYNC_AGAIN_S: Final = 0.1
_LEVELS: Final = 50  # of a book that a router is shown
_STREAMS: Final[tuple[Stream, ...]] = ("book", "trades", "quotes")
# The ceiling of silence, in those of a book: top of book and trades are quieter by nature.
_CEILINGS: Final[tuple[tuple[Stream, int], ...]] = (("book", 1), ("quotes", 2), ("trades", 6))


def feed_config(config: RunConfig, adapter: Adapter, incarnation: int) -> FeedConfig:
    """The feed of one account: what the run's specification wants, and how the venue says it."""
    anything = next(iter(config.by_id), InstrumentId(""))
    risk = config.directory.actor(Role.RISK)
    wanted: list[tuple[str, InstrumentId, Stream]] = [
        (strategy_actor(s.strategy_id), i, stream)
        for s in config.strategies
        for i in s.instruments
        for stream in _STREAMS
    ]
    return FeedConfig(
        instruments=config.instruments,
        incarnation=incarnation,
        bar_intervals_ns=config.bar_intervals_ns,
        stale_after_ns=tuple((s, times * config.stale_book_ns) for s, times in _CEILINGS),
        routes=tuple((s, adapter.route_of(Subscription(anything, CHANNELS[s]))) for s in _STREAMS),
        wanted=(*wanted, *((risk, i, "quotes") for i in config.by_id)),
        per_connection=adapter.streams_max,
        books_streamed=adapter.snapshot_by is SnapshotBy.RESUBSCRIBE,
        probes=(
            ("book", "book"),
            ("quotes", "trades" if adapter.quotes_at_trades else "book"),
            ("trades", "trades"),
        ),
    )


class StreamDead(Exception):
    """A stream stays silent whatever is done about it from within this process."""


class Feed(Shell[FeedState]):
    """One connection for every strategy of the run."""

    async def open(self) -> Machine[FeedState]:
        config = self.config
        self._access = access_of(config, self.clock.now_ns, private=False)
        core = FeedCore(feed_config(config, self._access.adapter, self.incarnation))
        self._questions = Questions(self._access)
        self._streams = MarketStreams(
            self._access.adapter,
            SocketConfig(config.ws_url, backoff=BACKOFF),
            self._access.instruments,
            self.clock.now_ns,
            np.random.default_rng(),
        )
        self._rest_up = asyncio.Event()
        self._ruling = asyncio.Lock()  # held by a question about rules that waits for REST
        self._keeping: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._recorder = Recorder(config.path("data"), self.incarnation)
        self.events = 0
        return Machine(self.name, core, config.directory, self.incarnation)

    async def connect(self) -> None:
        for stream in self._streams.routes.values():  # each connects once it has to
            self.spawn(self._follow(stream))
        if self.config.record:
            self.spawn(self._record())
        self._keeping = keep_budget(self._access, self._asked)
        await self._access.http.open()
        while not await self._access.sync():  # until a budget is lent, and the venue answers
            await asyncio.sleep(_SYNC_AGAIN_S)
        self._rest_up.set()
        self.spawn(keep_time(self._access, LISTENING, self._clock_differs))
        self.spawn(follow_rules(self._access, self.config.rules_ns, self._ruled, self._unruled))

    def _clock_differs(self, problem: str, before: str) -> None:
        if problem:
            self._log("WARNING", "venue_clock", problem=problem)
        else:
            self._log("INFO", "venue_clock_agrees", after=before)

    def _ruled(self, change: InstrumentChanged) -> None:
        self._heard_from_venue(change)
        told = change.instrument.model_dump(mode="json")
        self._log("INFO", "rules_changed", instrument=told["instrument_id"], rules=told)

    def _unruled(self, error: VenueError) -> None:
        self._log("WARNING", "no_rules", error=str(error))  # they are asked for again

    async def _follow(self, stream: MarketStream) -> None:
        async with aclosing(stream.batches()) as batches:
            async for messages in batches:
                for message in messages:
                    self.events += len(getattr(message, "rows", ()))
                    self._heard_from_venue(message)
                await asyncio.sleep(0)  # what was read before is sent on before more is read
                while len(self.mailbox) > _BACKLOG_MAX:
                    await asyncio.sleep(_PAUSE_S)

    def ask_venue(self, message: Message) -> None:
        match message:
            case SnapshotRequested():
                work = self._snapshot(message)
            case HistoryRequested():
                work = self._history(message)
            case RepairStream():
                work = self._repair(message)
            case ChangeStreams():
                work = self._change(message)
            case ProbeStream():
                work = self._probe(message)
            case RulesRequested():
                work = self._rules(message)
            case _:
                raise TypeError(f"{type(message).__name__}: not a feed's question")
        task = asyncio.create_task(work)
        self._asking.add(task)
        task.add_done_callback(self._asked)

    def _asked(self, task: "asyncio.Task[None]") -> None:
        """What fails otherwise than a venue does would leave a question without an answer."""
        self._asking.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._die(error)

    async def _snapshot(self, wanted: SnapshotRequested) -> None:
        if self._access.adapter.snapshot_by is SnapshotBy.RESUBSCRIBE:
            again = Subscription(wanted.instrument_id, Channel.BOOK)
            await self._streams.of(again).begin_anew(again)
            return
        async with self._asking_rest("no_snapshot", wanted.instrument_id):
            self._heard_from_venue(await self._questions.book(wanted.instrument_id))

    async def _history(self, wanted: HistoryRequested) -> None:
        """Trades since a time; the venue still had all of them if the first one is that old."""
        async with self._asking_rest("no_history", wanted.instrument_id):
            found = await self._questions.trades(wanted.instrument_id, wanted.since_ns)
            if not found.whole:
                self._log("WARNING", "history_not_whole", instrument=wanted.instrument_id)
            rows = np.empty(0, TRADE) if found.batch is None else found.batch.rows
            now_ns = self.clock.now_ns()
            self._heard_from_venue(
                TradeHistory(
                    ts_event=now_ns,
                    ts_init=now_ns,
                    instrument_id=wanted.instrument_id,
                    asked_ns=wanted.ts_event,
                    since_ns=wanted.since_ns,
                    # If its end is missing, the core sees that it does not reach the live trades.
                    complete=bool(len(rows)) and int(rows["ts_event"][0]) <= wanted.since_ns,
                    rows=rows.copy(),
                )
            )

    async def _change(self, wanted: ChangeStreams) -> None:
        """Subscriptions as the core has counted them. What is asked for again goes out one by one:
        a venue that refuses one of several refuses all that were asked for together."""
        await self._streams.unsubscribe(*_subscriptions(wanted.unsubscribe))
        await self._streams.subscribe(*_subscriptions(wanted.subscribe))
        for one in _subscriptions(wanted.again):
            await self._streams.of(one).resubscribe(one)

    async def _probe(self, wanted: ProbeStream) -> None:
        """What REST says of a market that is silent here."""
        async with self._asking_rest("no_probe", wanted.instrument_id):
            trades, levels = np.empty(0, TRADE), np.empty(0, DELTA)
            if wanted.by == "trades":
                found = await self._questions.trades(wanted.instrument_id, wanted.since_ns)
                trades = trades if found.batch is None else found.batch.rows
            else:
                levels = best_levels((await self._questions.book(wanted.instrument_id)).rows)
            now_ns = self.clock.now_ns()
            self._heard_from_venue(
                StreamProbed(
                    ts_event=now_ns,
                    ts_init=now_ns,
                    instrument_id=wanted.instrument_id,
                    stream=wanted.stream,
                    asked_ns=wanted.ts_event,
                    trades=trades,
                    levels=levels,
                )
            )

    @asynccontextmanager
    async def _asking_rest(self, failed: str, instrument_id: InstrumentId) -> AsyncIterator[None]:
        """Begins once REST may be asked; a question that the venue does not answer ends in a line
        of the log: the core asks again, and judges silence without a probe."""
        await self._rest_up.wait()
        try:
            yield
        except VenueError as e:
            self._log("WARNING", failed, instrument=instrument_id, error=str(e))

    async def _rules(self, wanted: RulesRequested) -> None:
        """The rules of today, out of turn; told to the core though they are those of yesterday."""
        if self._ruling.locked():
            return  # one question waits for REST already: this one would say the same
        async with self._ruling:
            await self._rest_up.wait()
        try:
            changed, same = await todays_rules(self._access, wanted.instrument_ids)
        except VenueError as e:
            self._unruled(e)
            return  # the core asks again
        for news in changed:
            self._ruled(news)
        for news in same:
            self._heard_from_venue(news)

    async def _repair(self, wanted: RepairStream) -> None:
        """One step of the ladder; the last one ends this process, and the supervisor starts it."""
        subscription = Subscription(wanted.instrument_id, CHANNELS[wanted.stream])
        stream = self._streams.of(subscription)
        self._log("WARNING", "repair", step=str(wanted.step), instrument=wanted.instrument_id)
        if wanted.step is RepairStep.RESUBSCRIBE:
            await stream.resubscribe(subscription)
        elif wanted.step is RepairStep.RECONNECT:
            stream.reconnect()
        else:
            self._die(StreamDead(f"{subscription}: silent for {wanted.silent_ns / 1e9:.1f} s"))

    def _heard_from_venue(self, message: Message) -> None:
        self.mailbox.put_local("venue", message)
        if self.config.record and isinstance(message, Batch):
            self._recorder.add(message, self.clock.now_ns())

    async def _record(self) -> None:
        """Write what has gathered now and then, in a thread: files must not delay the market."""
        await asyncio.to_thread(warm_up)
        while True:
            await asyncio.sleep(_RECORD_S)
            if self._recorder.due(self.clock.now_ns()):
                await asyncio.to_thread(write_parts, self._recorder.take(self.clock.now_ns()))

    async def close(self) -> None:
        self._streams.close()
        for task in (*self._asking, self._keeping):
            if task is not None:
                task.cancel()
        await self._access.http.close()
        if self.config.record:
            await asyncio.to_thread(write_parts, self._recorder.take())

    def noted(self, message: Message) -> None:
        if isinstance(message, QualityAlert):
            about = {"instrument": message.instrument_id, "severity": round(message.severity, 3)}
            self._log("WARNING", "quality", anomaly=message.anomaly, text=message.text, **about)
        elif isinstance(message, SubscriptionsChanged) and message.reason:
            names = [f"{n.instrument_id} {n.stream}" for n in message.streams]
            failed = message.state is StreamState.ERROR
            level, word = ("WARNING", "not_subscribed") if failed else ("INFO", "unsubscribed")
            self._log(level, word, streams=names, reason=message.reason)

    def measure(self) -> Views:
        tracked = self.machine.state.tracked if self.machine else {}
        scores = {i: t.quality.score.overall for i, t in tracked.items()}
        streams = self._subscriptions()["states"]
        clock = clock_view(self._access)
        return replace(super().measure(), quality=scores, streams=streams, clock=clock)

    def view(self, what: str) -> Any:
        tracked = self.machine.state.tracked if self.machine else {}
        if what == "market":
            return {i: _market(t) for i, t in tracked.items()}
        batchers = [stream.batcher for stream in self._streams.routes.values()]
        counts = sum((b.counts for b in batchers), Counter())
        return super().view(what) | {
            "events": self.events,
            "books": {i: t.sync.state.value for i, t in tracked.items()},
            "frames": dict(counts),
            "unknown": sum(sum(b.unknown.values()) for b in batchers),
            "garbled": sum(b.garbled for b in batchers),
            "quality": {i: t.quality.view() for i, t in tracked.items()},
            "unrecorded": self._recorder.dropped,
            "streams": self._subscriptions(),
            "clock": clock_view(self._access),
        }

    def _subscriptions(self) -> dict[str, Any]:
        """How many are in which state, and each that is not as it should be."""
        found = self.machine.state.subs.statuses() if self.machine else ()
        return {
            "states": dict(Counter(str(s.state) for s in found)),
            "troubled": [
                {
                    "stream": f"{s.key.instrument_id} {s.key.kind}",
                    "state": str(s.state),
                    "error": s.error,
                    "tries": s.tries,
                }
                for s in found
                if s.state is not StreamState.ACTIVE
            ],
        }


def _subscriptions(names: Iterable[StreamName]) -> tuple[Subscription, ...]:
    return tuple(Subscription(n.instrument_id, CHANNELS[n.stream]) for n in names)


def _market(tracked: Tracked) -> dict[str, Any]:
    """What an instrument's book shows now, best first."""
    book = tracked.book
    sides = {"bids": book.bids.top(_LEVELS), "asks": book.asks.top(_LEVELS)}
    return {
        "instrument": tracked.instrument.model_dump_json(),
        "in_step": tracked.sync.state is SyncState.SYNCHRONIZED,
        "quality": tracked.quality.score.overall,
        **{name: np.column_stack(levels).tolist() for name, levels in sides.items()},
    }
