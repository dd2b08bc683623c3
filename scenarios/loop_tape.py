"""A backtest in messages on a tape of trades, quotes and books: live cores under virtual time.

    done = run(load("market_making"), {}, tape, instrument, Delays(feed_ns=2_000_000))

Feed, strategy, risk and order manager are the real ones, in `trading.loop`; the venue is
`venues.sim`. It proves that the compiled engine (`trading.backtest_l2`) decides and fills as the
live path does; it is a thousand times slower.

Theory of order. At the venue what the tape says at a moment comes first, then the requests that
arrive in it. With us the venue's answers come first, then market data, then timers: a strategy that
decides has heard all that there was to hear. Delays are constant, and between our own actors there
are none. Nothing is lost, so nobody asks twice: links do not re-send, and of the timers only those
of the feed (bars that no trade closes) and the strategy's own fire.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from messages import Message, market
from messages import orders as m
from messages.arrays import Rows
from messages.base import Command, Event
from messages.control import SetTimer
from messages.market import Instrument
from messages.venue import FillReport, StreamUp
from scenarios.loop_backtest import STRATEGY, make_world, number_of
from trading.feed import FeedCore
from trading.feed_state import FeedConfig
from trading.loop import Host, Loop
from trading.strategy import CompiledStrategy
from trading.strategy_turn import TICK
from trading.wiring import Role, strategy_actor
from venues.sim.ledger import OrderLine
from venues.sim.spot import CommissionIn
from venues.sim.venue import SimVenue, SimVenueConfig

TapeItem = tuple[int, Message]
_RICH: Final = Decimal(10**9)  # of either currency: here money is never short
_HOPS: Final = 4  # the longest way from the feed to the venue, in messages


@dataclass(frozen=True, slots=True)
class Delays:
    """How long words travel: market data to us, requests to the venue, its answers to us."""

    feed_ns: int = 0
    entry_ns: int = 0
    response_ns: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """An order that left: when, and what the venue wrote down of it (None: not there yet)."""

    ts: int
    spec: m.OrderSpec
    line: OrderLine | None


@dataclass(frozen=True, slots=True)
class TapeResult:
    """What happened.

    sent     orders by their number within the strategy
    refused  those that risk refused: (when, code)
    memory   the strategy's STATE at the end
    """

    sent: Mapping[int, Sent]
    refused: Mapping[int, tuple[int, str]]
    fills: tuple[FillReport, ...]
    memory: bytes
    steps: int


class TapeLoop(Loop):
    """A loop in which nothing is lost, and whose timers come last of all that a moment brings."""

    def _tick(self, name: str) -> None:
        """Links need not re-send."""

    def set_timer(self, host: Host, timer: SetTimer) -> None:
        """Of all timers, those that do not look for what was lost."""
        if host.name == Role.FEED or timer.name == TICK:
            super().set_timer(host, timer)

    def _timer(self, host: Host, incarnation: int, name: str, due_ns: int) -> None:
        connection = self.world.connection
        assert isinstance(connection, TapeConnection), "made for it"
        connection.hear(self)
        fire = super()._timer
        hops = 0 if host.name == Role.FEED else _HOPS
        self._last(hops, lambda: fire(host, incarnation, name, due_ns))

    def _last(self, hops: int, what: Any) -> None:
        """After all that is said now has arrived, and what is said then, and so on."""
        if hops == 0:
            what()
        else:
            self.after(0, lambda: self._last(hops - 1, what))


class TapeConnection:
    """One venue and its tape, with constant delays."""

    def __init__(self, sim: SimVenue, tape: Iterable[TapeItem], delays: Delays) -> None:
        self.sim = sim
        self.sent: dict[int, tuple[int, m.OrderSpec]] = {}
        self._delays = delays
        self._tape = list(tape)
        self._happened = self._told = 0
        self._answers: deque[tuple[int, Host, int, Event]] = deque()

    @property
    def ts_heard(self) -> tuple[int, int]:
        """When the first message of the tape is heard, and the last."""
        return tuple(self._tape[i][0] + self._delays.feed_ns for i in (0, -1))  # type: ignore[return-value]

    def play(self, loop: Loop) -> None:
        """Put the whole tape on the loop, before anything that could be due at the same time."""
        times = sorted({ts for ts, _ in self._tape})
        for ts in times:
            loop.after(max(0, ts - loop.now_ns), lambda ts=ts: self._happen(loop, ts))  # type: ignore[misc]
        for ts in times:
            loop.after(ts + self._delays.feed_ns - loop.now_ns, lambda: self.hear(loop))

    def _happen(self, loop: Loop, until: int) -> None:
        while self._happened < len(self._tape) and self._tape[self._happened][0] <= until:
            ts, message = self._tape[self._happened]
            self._happened += 1
            self._say(loop, self.sim.on_market(message, ts))

    def hear(self, loop: Loop) -> None:
        """All that has arrived by now: the venue's answers, then market data."""
        while self._answers and self._answers[0][0] <= loop.now_ns:
            _, host, incarnation, answer = self._answers.popleft()
            loop.answer(host, incarnation, answer)
        feed = loop.hosts[str(Role.FEED)]
        while self._told < len(self._tape):
            ts, message = self._tape[self._told]
            if ts + self._delays.feed_ns > loop.now_ns:
                return
            self._told += 1
            loop.tell(feed, _received(message, loop.now_ns), "venue")

    def launched(self, loop: Loop, host: Host) -> None:
        """The order manager's user stream is up at once."""
        if host.name == Role.ORDERS:
            up = StreamUp(ts_event=loop.now_ns, ts_init=loop.now_ns)
            loop.after(0, lambda: loop.answer(host, host.incarnation, up))

    def request(self, loop: Loop, host: Host, message: Message) -> None:
        """Arrives after the entry delay; whole books the tape tells without being asked."""
        if isinstance(message, market.SnapshotRequested):
            return
        assert isinstance(message, Command), "only commands go to a venue"
        if isinstance(message, m.SubmitOrder):
            self.sent[number_of(message.order.client_order_id)] = (loop.now_ns, message.order)
        loop.after(self._delays.entry_ns, lambda: self._arrive(loop, host, message))

    def _arrive(self, loop: Loop, host: Host, message: Command) -> None:
        self._happen(loop, loop.now_ns)
        outcome = self.sim.on_command(message, loop.now_ns)
        self._say(loop, outcome.stream)
        self._answer(loop, host, outcome.reply)

    def _say(self, loop: Loop, events: tuple[Event, ...]) -> None:
        for event in events:
            self._answer(loop, loop.hosts[str(Role.ORDERS)], event)

    def _answer(self, loop: Loop, host: Host, event: Event) -> None:
        due = loop.now_ns + self._delays.response_ns
        self._answers.append((due, host, host.incarnation, event))
        loop.after(self._delays.response_ns, lambda: self.hear(loop))


def run(
    strategy: CompiledStrategy,
    params: Mapping[str, Any],
    tape: Iterable[TapeItem],
    instrument: Instrument,
    delays: Delays,
    *,
    queue_model: str = "risk_averse",
    interval_ns: int = 0,
) -> TapeResult:
    """One backtest in messages.

    tape         (venue's time, message) in order of time, beginning with a whole book
    interval_ns  of the bars that the feed builds from trades; 0: none
    cost         some ms a message of the tape
    """
    balances = {instrument.base: _RICH, instrument.quote: _RICH}
    sim = SimVenue(SimVenueConfig((instrument,), balances, queue_model, CommissionIn.QUOTE))
    connection = TapeConnection(sim, tape, delays)
    config = FeedConfig(
        instruments=(instrument,),
        bar_intervals_ns=(interval_ns,) if interval_ns else (),
        stale_after_ns=(),
    )
    world = make_world(strategy, params, instrument, connection, lambda: FeedCore(config))
    first, last = connection.ts_heard
    loop = TapeLoop(world, first)
    loop.start()
    for _ in loop.run(first):
        pass  # everybody knows everybody before the first word of the tape
    connection.play(loop)
    for _ in loop.run(last):
        pass
    mine = loop.hosts[strategy_actor(STRATEGY)].machine
    assert mine is not None, "nobody crashed"
    lines = {number_of(line.spec.client_order_id): line for line in sim.ledger().lines}
    refusals = [n for n in loop.notes if isinstance(n, m.RefusedOrder)]
    return TapeResult(
        sent={n: Sent(ts, spec, lines.get(n)) for n, (ts, spec) in connection.sent.items()},
        refused={number_of(n.client_order_id): (n.ts_event, str(n.code)) for n in refusals},
        fills=tuple(sim.ledger().fills),
        memory=mine.state.memory.tobytes(),
        steps=loop.steps,
    )


def _received(message: Message, now_ns: int) -> Message:
    """The same batch, as received now."""
    rows: Rows = message.rows.copy()  # type: ignore[attr-defined]
    rows["ts_init"] = now_ns
    return message.model_copy(update={"rows": rows, "ts_init": now_ns})
