"""Who wants which stream, and how each stream is: one upstream subscription for all who want it.

Theory of operation. A stream is an instrument and a kind of data. The first who wants it has it
opened; a while after the last has left it is closed, so that one who restarts finds it as it was;
whoever asks again changes nothing. Who dies says nothing: whoever wants streams says so again now
and then (`renew`), and has left when it has not for `lease_ns`.

What is asked of the venue is `PENDING` until the venue confirms it, or it speaks. A refusal makes
it `ERROR`, with the reason; so does an answer that does not come. Both are asked for again, after
waits that double, `TRIES` times; then nobody asks until the next connection, or somebody who wants
it anew. A lost connection pauses its streams; whoever holds the connection asks for all of them
again on the next one, so nothing is due then.

    PENDING -> ACTIVE, ERROR, PAUSED, UNSUBSCRIBED      ACTIVE -> PENDING, PAUSED, UNSUBSCRIBED
    PAUSED  -> PENDING, ACTIVE, UNSUBSCRIBED            ERROR  -> PENDING, PAUSED, UNSUBSCRIBED

Pure: time is an argument, and what is to be sent is returned. `due` says what to ask for now; call
it after every change and when `next_due` has come.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from messages.base import NS_PER_S, InstrumentId
from messages.market import StreamState

_INSTRUMENT: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]*\.[A-Z][A-Z0-9]*")
_WINDOW_NS: Final = NS_PER_S
RETRY_NS: Final = 5 * NS_PER_S  # for a first answer; doubled with each further attempt
TRIES: Final = 5
_FEWER: Final = "name fewer instruments in the run's file, or give some of them to another run"
UNCONFIRMED: Final = "the venue did not answer"


class StreamKey(NamedTuple):
    """One kind of data of one instrument: ("BTC-USD.COINBASE", "trades")."""

    instrument_id: InstrumentId
    kind: str


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How a stream is; times are ours, 0 before there was any.

    tries  requests in a row that were refused or not answered
    """

    key: StreamKey
    state: StreamState
    subscribers: frozenset[str]
    created_ns: int
    updated_ns: int = 0
    messages: int = 0
    error: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True)
class StreamChange:
    """A stream changed its state."""

    key: StreamKey
    before: StreamState | None  # None: there was none
    after: StreamState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """What to ask the venue for now, and which streams changed by that."""

    subscribe: tuple[StreamKey, ...] = ()
    again: tuple[StreamKey, ...] = ()
    unsubscribe: tuple[StreamKey, ...] = ()
    changes: tuple[StreamChange, ...] = ()


class SubscriptionRefused(ValueError):
    """A stream that cannot be had; one line that names it and what to do."""


@dataclass(frozen=True, slots=True)
class SubscriptionLimits:
    """How much may be asked for, and for how long.

    lease_ns   how long who says nothing more is taken to want what it asked for; 0: for ever
    linger_ns  how long a stream that nobody wants stays open
    """

    new_per_s: int = 10
    total: int = 1000
    per_instrument: int = 10
    per_connection: int = 1000
    lease_ns: int = 0
    linger_ns: int = 0


@dataclass(slots=True)
class _Stream:
    key: StreamKey
    state: StreamState
    created_ns: int
    subscribers: set[str]
    updated_ns: int = 0
    messages: int = 0
    error: str = ""
    asked: bool = False  # the venue was asked, and has not been told to stop
    tries: int = 0
    due_ns: int = 0  # when it is asked for again if nothing changes; 0: never
    left_ns: int = 0  # when the last who wanted it left
    left: str = ""  # and why

    @property
    def status(self) -> StreamStatus:
        return StreamStatus(
            self.key,
            self.state,
            frozenset(self.subscribers),
            self.created_ns,
            self.updated_ns,
            self.messages,
            self.error,
            self.tries,
        )


@dataclass(slots=True)
class Subscriptions:
    """All streams of one venue.

    routes  the connection that each kind comes on; "" where it has no entry
    """

    limits: SubscriptionLimits = field(default_factory=SubscriptionLimits)
    routes: Mapping[str, str] = field(default_factory=dict)
    _up: set[str] = field(default_factory=set)
    _said_ns: dict[str, int] = field(default_factory=dict)  # when each asker last asked
    _streams: dict[tuple[InstrumentId, str], _Stream] = field(default_factory=dict)
    _open: Counter[str] = field(default_factory=Counter)  # streams by instrument, by connection
    _asked_ns: deque[int] = field(default_factory=deque)

    def statuses(self) -> tuple[StreamStatus, ...]:
        """Every stream that is open or to be opened, in the order in which they were wanted."""
        return tuple(stream.status for stream in self._streams.values())

    def state(self, instrument_id: InstrumentId, kind: str) -> StreamState | None:
        """Where a stream is; None if there is none."""
        stream = self._streams.get((instrument_id, kind))
        return None if stream is None else stream.state

    # --- who wants what --------------------------------------------------------------------------

    def subscribe(self, who: str, key: StreamKey, now_ns: int) -> tuple[StreamChange, ...]:
        """`who` wants the stream; what was given up is tried anew.

        raises  SubscriptionRefused past a limit, or for what is no instrument
        """
        self._said_ns[who] = now_ns
        stream = self._streams.get(key)
        if stream is not None:
            stream.subscribers.add(who)
            if stream.state is StreamState.ERROR and not stream.due_ns:
                stream.tries, stream.due_ns = 0, now_ns
            return ()
        self._check(key)
        up = self._route(key) in self._up
        state = StreamState.PENDING if up else StreamState.PAUSED
        self._streams[key] = _Stream(key, state, now_ns, {who})
        self._open.update(self._places(key))
        return (StreamChange(key, None, state),)

    def renew(self, who: str, keys: Iterable[StreamKey], now_ns: int) -> tuple[StreamChange, ...]:
        """`who` lives, and wants these still: what it lost meanwhile it has again, and what there
        was no room for if there is some now."""
        self._said_ns[who] = now_ns
        changes: list[StreamChange] = []
        for key in keys:
            stream = self._streams.get(key)
            if stream is None or who not in stream.subscribers:
                with suppress(SubscriptionRefused):  # that was said when it was asked for
                    changes += self.subscribe(who, key, now_ns)
        return tuple(changes)

    def unsubscribe(self, who: str, key: StreamKey, now_ns: int, why: str = "") -> None:
        """`who` wants it no longer; who never did changes nothing. `due` closes it."""
        stream = self._streams.get(key)
        if stream is None or who not in stream.subscribers:
            return
        stream.subscribers.discard(who)
        stream.left_ns, stream.left = now_ns, why

    def leave(self, who: str, now_ns: int, why: str = "") -> None:
        """`who` is gone."""
        self._said_ns.pop(who, None)
        for key in [s.key for s in self._streams.values() if who in s.subscribers]:
            self.unsubscribe(who, key, now_ns, why)

    def _lapse(self, now_ns: int) -> None:
        """Who has said nothing for so long is gone. It has left now, not when its time was up: if
        it was we who did not listen, it has the time until the streams close to say so."""
        lease_ns = self.limits.lease_ns
        for who, said_ns in tuple(self._said_ns.items()):
            if lease_ns and now_ns - said_ns >= lease_ns:
                why = f"{who} has not asked for it for {lease_ns // NS_PER_S} s"
                self.leave(who, now_ns, why)

    def _check(self, key: StreamKey) -> None:
        name, limits = key.instrument_id, self.limits
        if not _INSTRUMENT.fullmatch(name):
            raise SubscriptionRefused(f"{name}: no instrument; one is BTCUSDT.BINANCE")
        of_it, beside = (self._open[place] for place in self._places(key))
        for open_now, most, which, whose in (
            (len(self._streams), limits.total, "in all", "a feed keeps"),
            (of_it, limits.per_instrument, "of it", "a feed keeps"),
            (beside, limits.per_connection, "on its connection", "the venue takes"),
        ):
            if open_now >= most:
                full = f"{most} streams {which} are open, as many as {whose}"
                raise SubscriptionRefused(f"{name} {key.kind}: {full}; {_FEWER}")

    def _places(self, key: tuple[InstrumentId, str]) -> tuple[str, str]:
        """What a stream is counted with: its instrument, and its connection."""
        return key[0], f"connection {self._route(key)}"

    def _route(self, key: tuple[InstrumentId, str]) -> str:
        return self.routes.get(key[1], "")

    # --- the connections -------------------------------------------------------------------------

    def up(self, route: str, now_ns: int) -> tuple[StreamChange, ...]:
        """A connection was made, and is asked for everything that it carries."""
        self._up.add(route)
        changes: list[StreamChange] = []
        for stream in self._on(route):
            stream.tries, stream.due_ns = 0, now_ns + RETRY_NS
            changes += _to(stream, StreamState.PENDING, now_ns)
        return tuple(changes)

    def down(self, route: str, now_ns: int) -> tuple[StreamChange, ...]:
        """A connection was lost."""
        self._up.discard(route)
        changes: list[StreamChange] = []
        for stream in self._on(route):
            stream.due_ns = 0
            changes += _to(stream, StreamState.PAUSED, now_ns)
        return tuple(changes)

    def _on(self, route: str) -> list[_Stream]:
        return [s for key, s in self._streams.items() if self._route(key) == route]

    def due(self, now_ns: int) -> Due:
        """What to ask for now; each is returned once. Also while a connection is down: whoever
        holds it asks when it is back."""
        self._lapse(now_ns)
        leaving, closed = self._close(now_ns)
        while self._asked_ns and self._asked_ns[0] <= now_ns - _WINDOW_NS:
            self._asked_ns.popleft()
        room = max(self.limits.new_per_s - len(self._asked_ns), 0)
        chosen = [s for s in self._streams.values() if not s.asked][:room]
        for stream in chosen:
            stream.asked = True
            self._asked_ns.append(now_ns)
            if stream.state is StreamState.PENDING:
                stream.due_ns = now_ns + RETRY_NS
        again, changes = self._again(now_ns)
        return Due(tuple(s.key for s in chosen), again, leaving, (*closed, *changes))

    def _close(self, now_ns: int) -> tuple[tuple[StreamKey, ...], tuple[StreamChange, ...]]:
        """Streams that nobody has wanted for so long that they end; those the venue is to be told
        of."""
        ended = [
            s
            for s in self._streams.values()
            if not s.subscribers and now_ns >= s.left_ns + self.limits.linger_ns
        ]
        for stream in ended:
            del self._streams[stream.key]
            self._open.subtract(self._places(stream.key))
        changes = (StreamChange(s.key, s.state, StreamState.UNSUBSCRIBED, s.left) for s in ended)
        return tuple(s.key for s in ended if s.asked), tuple(changes)

    def _again(self, now_ns: int) -> tuple[tuple[StreamKey, ...], tuple[StreamChange, ...]]:
        """Streams without a good answer for so long that they are asked for once more."""
        again: list[StreamKey] = []
        changes: list[StreamChange] = []
        for stream in self._streams.values():
            if not stream.due_ns or now_ns < stream.due_ns or not stream.asked:
                continue
            if stream.state is StreamState.ERROR:
                again.append(stream.key)
                stream.due_ns = now_ns + (RETRY_NS << stream.tries)
                changes += _to(stream, StreamState.PENDING, now_ns)
            elif stream.state is StreamState.PENDING:
                changes += _failed(stream, UNCONFIRMED, now_ns)
                if stream.due_ns:  # it has waited already
                    stream.due_ns = now_ns
        return tuple(again), tuple(changes)

    def next_due(self, now_ns: int) -> int | None:
        """When `due` will have more; None: not by time alone."""
        streams = self._streams.values()
        times = [s.due_ns for s in streams if s.asked and s.due_ns]
        times += [s.left_ns + self.limits.linger_ns for s in streams if not s.subscribers]
        if self.limits.lease_ns and self._said_ns:
            times.append(min(self._said_ns.values()) + self.limits.lease_ns)
        if not all(s.asked for s in streams):
            full = len(self._asked_ns) >= self.limits.new_per_s
            times.append(self._asked_ns[0] + _WINDOW_NS if full else now_ns)
        return min(times, default=None)

    # --- what the venue says ---------------------------------------------------------------------

    def confirmed(self, key: StreamKey, now_ns: int) -> tuple[StreamChange, ...]:
        """The venue said yes."""
        stream = self._streams.get(key)
        return () if stream is None else _active(stream, now_ns)

    def refused(self, key: StreamKey, reason: str, now_ns: int) -> tuple[StreamChange, ...]:
        """The venue said no."""
        stream = self._streams.get(key)
        return () if stream is None else _failed(stream, reason, now_ns)

    def anew(self, key: StreamKey, now_ns: int) -> tuple[StreamChange, ...]:
        """The venue was asked once more for a stream that fell silent."""
        stream = self._streams.get(key)
        if stream is None or stream.state is not StreamState.ACTIVE:
            return ()
        stream.due_ns = now_ns + RETRY_NS
        return _to(stream, StreamState.PENDING, now_ns)

    def heard(
        self, instrument_id: InstrumentId, kind: str, now_ns: int, messages: int = 1
    ) -> tuple[StreamChange, ...]:
        """Data came, which confirms what was asked for."""
        stream = self._streams.get((instrument_id, kind))
        if stream is None or not stream.asked:
            return ()
        stream.messages += messages
        stream.updated_ns = now_ns
        return () if stream.state is StreamState.ACTIVE else _active(stream, now_ns)


def _active(stream: _Stream, now_ns: int) -> tuple[StreamChange, ...]:
    stream.tries, stream.due_ns, stream.error = 0, 0, ""
    return _to(stream, StreamState.ACTIVE, now_ns)


def _failed(stream: _Stream, reason: str, now_ns: int) -> tuple[StreamChange, ...]:
    """One attempt more was in vain; the last one says so."""
    stream.tries += 1
    stream.error = reason
    given_up = stream.tries >= TRIES
    stream.due_ns = 0 if given_up else now_ns + (RETRY_NS << stream.tries)
    after = "given up until the next connection" if given_up else "asked again"
    return _to(stream, StreamState.ERROR, now_ns, f"{reason}; {after}")


def _to(
    stream: _Stream, state: StreamState, now_ns: int, reason: str = ""
) -> tuple[StreamChange, ...]:
    before = stream.state
    if before is state:
        return ()
    stream.state, stream.updated_ns = state, now_ns
    return (StreamChange(stream.key, before, state, reason),)
