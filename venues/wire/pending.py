"""Subscriptions that were asked for on one connection, until the venue has answered them.

Venues answer by what they were asked with: the number of a request, or the names of its streams.
Either is a *key* here. A subscription of several names is confirmed when all of them are.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Settled(Generic[S]):
    """What the venue answered to one subscription; `refused` are its words, "" for a yes."""

    subscription: S
    refused: str = ""


@dataclass(slots=True)
class Pending(Generic[S]):
    """The open questions of one connection."""

    _open: dict[S, set[str]] = field(default_factory=dict)
    _settled: list[Settled[S]] = field(default_factory=list)

    @property
    def keys(self) -> set[str]:
        """Everything that an answer is awaited for."""
        return {key for keys in self._open.values() for key in keys}

    def ask(self, subscription: S, keys: Iterable[str]) -> None:
        """The subscription goes out; it is confirmed once each key is."""
        self._open[subscription] = set(keys)

    def drop(self, subscription: S) -> None:
        """It is no longer wanted: no answer is awaited."""
        self._open.pop(subscription, None)

    def confirm(self, keys: Collection[str]) -> None:
        """The venue said yes to these; others than ours change nothing."""
        said = set(keys)
        for subscription in [s for s, awaited in self._open.items() if awaited & said]:
            self._open[subscription] -= said
            if not self._open[subscription]:
                del self._open[subscription]
                self._settled.append(Settled(subscription))

    def refuse(self, keys: Collection[str], words: str) -> None:
        """The venue said no to these."""
        said = set(keys)
        for subscription in [s for s, awaited in self._open.items() if awaited & said]:
            del self._open[subscription]
            self._settled.append(Settled(subscription, words or "refused"))

    def settled(self) -> tuple[Settled[S], ...]:
        """What was answered since the last call."""
        if not self._settled:
            return ()
        settled, self._settled = tuple(self._settled), []
        return settled
