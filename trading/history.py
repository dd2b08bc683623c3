"""Trades that a lost or silent stream did not bring, asked for afterwards and put in their place.

Theory of operation. From the moment a stream is lost, live trades wait: what comes out is in the
order in which it happened, each trade once. The venue's history is asked for once the subscription
*holds* (it was confirmed, or speaks), so that it ends where the live stream has begun. That it does
is not believed but seen: a history that reaches the first live trade has closed the seam. One that
does not (a venue's REST may be behind its streams) is told and asked for again, in vain at most
`TRIES` times; then the live ones go on, and the hole is told. Where no live trade has come yet,
the history is told at once, and the first live trade proves the seam: because it is part of the
history, or bears the number after the last one; else it waits for one question more.

    WHOLE -> HELD (lost)      HELD -> ASKED (holds)      ASKED -> WHOLE, UNPROVEN, HELD (lost again)
    UNPROVEN -> WHOLE, ASKED (the first live trade does not continue), HELD
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from messages.arrays import TRADE, Rows

TRIES: Final = 3
_KNOWN_MAX: Final = 20_000  # trades at the seam whose ids are compared


class Seam(StrEnum):
    """What is known of the trades between the last one told and the live stream."""

    WHOLE = "WHOLE"
    HELD = "HELD"  # the stream is lost, or not known to hold again
    ASKED = "ASKED"
    UNPROVEN = "UNPROVEN"  # the history is told; no live trade has shown yet that it reaches far


@dataclass(slots=True)
class History:
    """The seam of one instrument's trades.

    last_ns  when the newest trade that was told happened, venue's clock; -1 before the first
    tries    requests for this seam so far
    up_ns    when the stream held again: only what was asked since then reaches up to it
    """

    last_ns: int = -1
    seam: Seam = Seam.WHOLE
    tries: int = 0
    up_ns: int = 0
    _seam_ns: int = -1  # live trades up to here may have been part of a history; -1: none
    _told: list[Rows] = field(default_factory=list)  # the newest trades that were told
    _waiting: list[Rows] = field(default_factory=list)

    @property
    def filling(self) -> bool:
        """Whether live trades wait for what came before them."""
        return self.seam in (Seam.HELD, Seam.ASKED)

    def told(self, rows: Rows) -> None:
        """These went out."""
        self.last_ns = max(self.last_ns, int(rows["ts_event"][-1]))
        self._told.append(rows)
        if len(self._told) > 256:
            self._told = self._told[-128:]

    def hold(self) -> None:
        """The stream is lost, or may have been: nothing live is told until it is known to hold."""
        if self.last_ns >= 0:
            self.seam = Seam.HELD

    def begin(self, now_ns: int) -> bool:
        """The stream holds; True if there is something to ask for."""
        if self.seam is not Seam.HELD:
            return False
        self.seam, self.tries, self.up_ns = Seam.ASKED, 0, now_ns
        return True

    def live(self, rows: Rows, now_ns: int) -> tuple[Rows | None, bool]:
        """Those of live trades that may be told now, and whether to ask for history first."""
        if self.filling:
            self._waiting.append(rows)
            return None, False
        if self._seam_ns < 0:
            return rows, False
        fresh = rows[~self.known(rows)]
        if self.seam is Seam.UNPROVEN:
            known = len(fresh) < len(rows)
            if not known and int(fresh["trade_id"][0]) != self._last_id + 1:
                self.seam, self.tries, self.up_ns = Seam.ASKED, 0, now_ns
                self._waiting.append(fresh)
                return None, True
            self.seam = Seam.WHOLE
        if int(rows["ts_event"][-1]) > self._seam_ns:
            self._seam_ns = -1
        return fresh if len(fresh) else None, False

    @property
    def _last_id(self) -> int:
        return int(self._told[-1]["trade_id"][-1])

    def known(self, rows: Rows) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Which of these trades were told."""
        told = np.concatenate([r["trade_id"] for r in self._told] or [np.empty(0, np.int64)])
        return np.isin(rows["trade_id"], told[-_KNOWN_MAX:])

    def news(self, rows: Rows) -> bool:
        """Whether any of these trades should have been told by now, and was not."""
        since = rows[rows["ts_event"] >= self.last_ns]
        return bool(len(since)) and not bool(self.known(since).all())

    def answer(self, past: Rows, asked_ns: int) -> tuple[Rows, int] | None:
        """What to tell once a history is here, and since when a hole in it is certain (-1: none);
        None if it does not belong to this seam. `filling` says whether to ask again."""
        if self.seam is not Seam.ASKED or asked_ns < self.up_ns:
            return None
        hole_ns = -1
        if not self._waiting:
            self.seam = Seam.UNPROVEN
        elif _reaches(past, self._waiting[0][0]):
            self.seam = Seam.WHOLE
        elif self.tries >= TRIES:
            self.seam = Seam.WHOLE
            hole_ns = max(self.last_ns, int(past["ts_event"].max(initial=-1)))
        waiting: list[Rows] = []
        if self.seam is Seam.WHOLE:
            waiting, self._waiting = self._waiting, []
        return self._merge(past, waiting), hole_ns

    def give_up(self) -> Rows:
        """What waited, without the history."""
        self.seam = Seam.WHOLE
        waiting, self._waiting = self._waiting, []
        return self._merge(np.empty(0, TRADE), waiting)

    def _merge(self, past: Rows, waiting: list[Rows]) -> Rows:
        """History and what waited, in order, without what was told before."""
        rows = np.concatenate((past, *waiting))
        rows = rows[rows["ts_event"] >= self.last_ns]
        rows = rows[np.argsort(rows["ts_event"], kind="stable")]
        _, first = np.unique(rows["trade_id"], return_index=True)
        rows = rows[np.sort(first)]
        rows = rows[~self.known(rows)]
        self._seam_ns = max(self.last_ns, int(rows["ts_event"].max(initial=-1)))
        return rows


def _reaches(past: Rows, live: Rows) -> bool:
    """Whether a history goes up to the first live trade: contains it, or a later one."""
    later = past["ts_event"] > live["ts_event"]
    return bool(later.any() or (past["trade_id"] == live["trade_id"]).any())
