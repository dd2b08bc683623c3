"""Trades that a lost stream did not bring, asked for afterwards and put in their place.

From the moment a stream is back until the venue's history is here, live trades wait: what comes
out is in the order in which it happened, each trade once. If the history does not come in time the
live ones go on without it, and the hole is told.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from messages.arrays import TRADE, Rows

TRIES: Final = 3
_KNOWN_MAX: Final = 20_000  # trades at the seam whose ids are compared


@dataclass(slots=True)
class History:
    """The seam of one instrument's trades.

    last_ns  when the newest trade that was told happened, venue's clock; -1 before the first
    filling  whether live trades wait for what came before them
    tries    requests that were not answered yet
    up_ns    when the stream came back: only what was asked since then reaches up to it
    """

    last_ns: int = -1
    filling: bool = False
    tries: int = 0
    up_ns: int = 0
    _told: list[Rows] = field(default_factory=list)  # the newest trades that were told
    _waiting: list[Rows] = field(default_factory=list)

    def told(self, rows: Rows) -> None:
        """These went out."""
        self.last_ns = max(self.last_ns, int(rows["ts_event"][-1]))
        self._told.append(rows)
        if len(self._told) > 256:
            self._told = self._told[-128:]

    def begin(self, now_ns: int) -> bool:
        """A stream is back; True if there is something to ask for."""
        if self.last_ns < 0:
            return False
        self.up_ns = now_ns
        self.filling, self.tries = True, 0
        return True

    def wait(self, rows: Rows) -> None:
        """A live trade while filling."""
        self._waiting.append(rows)

    def merge(self, past: Rows) -> Rows:
        """History and what waited, in order, without what was told before; filling is over."""
        self.filling = False
        waiting, self._waiting = self._waiting, []
        rows = np.concatenate((past, *waiting)) if waiting else past
        rows = rows[rows["ts_event"] >= self.last_ns]
        order = np.argsort(rows["ts_event"], kind="stable")
        rows = rows[order]
        _, first = np.unique(rows["trade_id"], return_index=True)
        rows = rows[np.sort(first)]
        known = np.concatenate([r["trade_id"] for r in self._told] or [np.empty(0, np.int64)])
        return rows[~np.isin(rows["trade_id"], known[-_KNOWN_MAX:])]

    def give_up(self) -> Rows:
        """What waited, without the history."""
        return self.merge(np.empty(0, TRADE))
