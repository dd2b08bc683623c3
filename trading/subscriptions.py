"""Who wants which stream, and how each stream is: one upstream subscription for all who want it.

Theory of operation. A stream is an instrument and a kind of data. The first who wants it has it
opened, the last who leaves has it closed; whoever asks again changes nothing. What is asked of the
venue is `PENDING` until the venue confirms it; a refusal makes it `ERROR`, with the reason. A lost
connection pauses all of them; the next one asks for all of them again, in the order in which they
were first wanted, no faster than the venue's users may.

    PENDING -> ACTIVE, ERROR, PAUSED, UNSUBSCRIBED      ACTIVE -> PAUSED, ERROR, UNSUBSCRIBED
    PAUSED  -> PENDING, UNSUBSCRIBED                    ERROR  -> PENDING, PAUSED, UNSUBSCRIBED

Pure: time is an argument, and what is to be sent is returned. `due` says what to ask for now; call
it after every change and when `next_due` has come.
"""

import re
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from messages.base import NS_PER_S, InstrumentId

_INSTRUMENT: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]*\.[A-Z][A-Z0-9]*")
_WINDOW_NS: Final = NS_PER_S


class StreamState(StrEnum):
    """Where one stream is."""

    PENDING = "PENDING"  # asked for, or about to be
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"  # the connection is down
    ERROR = "ERROR"  # the venue refused it
    UNSUBSCRIBED = "UNSUBSCRIBED"


@dataclass(frozen=True, slots=True, order=True)
class StreamKey:
    """One kind of data of one instrument: ("BTC-USD.COINBASE", "TRADES")."""

    instrument_id: InstrumentId
    kind: str


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How a stream is; times are ours, 0 before there was any."""

    key: StreamKey
    state: StreamState
    subscribers: frozenset[str]
    created_ns: int
    updated_ns: int = 0
    messages: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class StreamChange:
    """A stream changed its state."""

    key: StreamKey
    before: StreamState | None  # None: there was none
    after: StreamState


@dataclass(frozen=True, slots=True)
class Due:
    """What to ask the venue for now."""

    subscribe: tuple[StreamKey, ...] = ()
    unsubscribe: tuple[StreamKey, ...] = ()


class SubscriptionRefused(ValueError):
    """A stream that cannot be had; one line that names it and what to do."""


@dataclass(frozen=True, slots=True)
class SubscriptionLimits:
    """How much may be asked for."""

    new_per_s: int = 10
    total: int = 1000
    per_instrument: int = 10


@dataclass(slots=True)
class _Stream:
    status: StreamStatus
    asked: bool = False  # the venue was asked, and has not been told to stop


@dataclass(slots=True)
class Subscriptions:
    """All streams of one venue."""

    limits: SubscriptionLimits = field(default_factory=SubscriptionLimits)
    connected: bool = False
    _streams: dict[StreamKey, _Stream] = field(default_factory=dict)
    _leaving: dict[StreamKey, None] = field(default_factory=dict)
    _asked_ns: deque[int] = field(default_factory=deque)

    def statuses(self) -> tuple[StreamStatus, ...]:
        """Every stream that somebody wants, in the order in which they were first wanted."""
        return tuple(stream.status for stream in self._streams.values())

    def status(self, key: StreamKey) -> StreamStatus | None:
        """How a stream is; None if nobody wants it."""
        stream = self._streams.get(key)
        return None if stream is None else stream.status

    # --- who wants what --------------------------------------------------------------------------

    def subscribe(self, who: str, key: StreamKey, now_ns: int) -> tuple[StreamChange, ...]:
        """`who` wants the stream.

        raises  SubscriptionRefused past a limit, or for what is no instrument
        """
        stream = self._streams.get(key)
        if stream is not None:
            subscribers = stream.status.subscribers | {who}
            stream.status = replace(stream.status, subscribers=subscribers)
            return ()
        self._check(key)
        state = StreamState.PENDING if self.connected else StreamState.PAUSED
        held = key in self._leaving  # the venue has not been told yet, so it goes on
        self._leaving.pop(key, None)
        self._streams[key] = _Stream(StreamStatus(key, state, frozenset({who}), now_ns), held)
        return (StreamChange(key, None, state),)

    def unsubscribe(self, who: str, key: StreamKey) -> tuple[StreamChange, ...]:
        """`who` wants it no longer; who never did changes nothing."""
        stream = self._streams.get(key)
        if stream is None or who not in stream.status.subscribers:
            return ()
        left = stream.status.subscribers - {who}
        if left:
            stream.status = replace(stream.status, subscribers=left)
            return ()
        del self._streams[key]
        if stream.asked:
            self._leaving[key] = None
        return (StreamChange(key, stream.status.state, StreamState.UNSUBSCRIBED),)

    def leave(self, who: str) -> tuple[StreamChange, ...]:
        """`who` is gone."""
        mine = [k for k, s in self._streams.items() if who in s.status.subscribers]
        return tuple(change for key in mine for change in self.unsubscribe(who, key))

    def _check(self, key: StreamKey) -> None:
        name, limits = key.instrument_id, self.limits
        if not _INSTRUMENT.fullmatch(name):
            raise SubscriptionRefused(f"{name}: no instrument; one is BTCUSDT.BINANCE")
        if len(self._streams) >= limits.total:
            raise SubscriptionRefused(f"{name}: {limits.total} streams are open; close one first")
        if Counter(k.instrument_id for k in self._streams)[name] >= limits.per_instrument:
            raise SubscriptionRefused(
                f"{name}: {limits.per_instrument} streams of it are open; close one first"
            )

    # --- the connection --------------------------------------------------------------------------

    def up(self) -> tuple[StreamChange, ...]:
        """A connection was made: everything is to be asked for."""
        self.connected = True
        self._leaving.clear()  # a new connection carries nothing yet
        return self._all(StreamState.PENDING)

    def down(self) -> tuple[StreamChange, ...]:
        """The connection was lost."""
        self.connected = False
        self._leaving.clear()
        return self._all(StreamState.PAUSED)

    def due(self, now_ns: int) -> Due:
        """What to ask for now; each is returned once."""
        if not self.connected:
            return Due()
        while self._asked_ns and self._asked_ns[0] <= now_ns - _WINDOW_NS:
            self._asked_ns.popleft()
        room = self.limits.new_per_s - len(self._asked_ns)
        chosen = self._waiting()[: max(room, 0)]
        for key in chosen:
            self._streams[key].asked = True
            self._asked_ns.append(now_ns)
        leaving, self._leaving = tuple(self._leaving), {}
        return Due(tuple(chosen), leaving)

    def next_due(self, now_ns: int) -> int | None:
        """When `due` will have more; None: not by time alone."""
        if not self.connected or not self._waiting():
            return None
        full = len(self._asked_ns) >= self.limits.new_per_s
        return self._asked_ns[0] + _WINDOW_NS if full else now_ns

    def confirmed(self, key: StreamKey, now_ns: int) -> tuple[StreamChange, ...]:
        """The venue said yes."""
        return self._to(key, StreamState.ACTIVE, now_ns)

    def refused(self, key: StreamKey, reason: str, now_ns: int) -> tuple[StreamChange, ...]:
        """The venue said no."""
        changes = self._to(key, StreamState.ERROR, now_ns)
        stream = self._streams.get(key)
        if stream is not None:
            stream.status = replace(stream.status, error=reason)
        return changes

    def again(self, key: StreamKey) -> tuple[StreamChange, ...]:
        """Ask for a stream anew: one that was refused, or fell silent."""
        stream = self._streams.get(key)
        if stream is None or not self.connected:
            return ()
        stream.asked = False
        return self._to(key, StreamState.PENDING, stream.status.updated_ns)

    def heard(self, key: StreamKey, now_ns: int, messages: int = 1) -> tuple[StreamChange, ...]:
        """Data came: a confirmation of its own, for venues that give no other."""
        stream = self._streams.get(key)
        if stream is None or not stream.asked:
            return ()
        changes = self._to(key, StreamState.ACTIVE, now_ns)
        status = stream.status
        stream.status = replace(status, messages=status.messages + messages, updated_ns=now_ns)
        return changes

    # --- states ----------------------------------------------------------------------------------

    def _waiting(self) -> list[StreamKey]:
        pending = StreamState.PENDING
        return [k for k, s in self._streams.items() if s.status.state is pending and not s.asked]

    def _all(self, state: StreamState) -> tuple[StreamChange, ...]:
        changes: list[StreamChange] = []
        for key, stream in self._streams.items():
            stream.asked = False
            changes += self._to(key, state, stream.status.updated_ns)
        return tuple(changes)

    def _to(self, key: StreamKey, state: StreamState, now_ns: int) -> tuple[StreamChange, ...]:
        stream = self._streams.get(key)
        if stream is None or stream.status.state is state:
            return ()
        before = stream.status.state
        error = "" if state is StreamState.ACTIVE else stream.status.error
        stream.status = replace(stream.status, state=state, updated_ns=now_ns, error=error)
        return (StreamChange(key, before, state),)
