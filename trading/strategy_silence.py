"""What a strategy does when streams that it lives on fall silent, or the feed itself does.

Its working orders of the instrument are taken back, or it does itself what it wants (`on_stale`),
and nothing more is decided there until the stream speaks. A word that was lost is made good by the
feed's next report (`trading.silence`); whatever said it first is acted on, once.
"""

from collections.abc import Mapping

import numpy as np

from messages import market
from messages.arrays import Rows
from messages.base import InstrumentId
from trading import silence
from trading import strategy_executions as executions
from trading.strategy_engine import Engine
from trading.strategy_records import TICK
from trading.strategy_turn import Turn


def tick(turn: Turn, i: int) -> Rows:
    """The time of the i-th instrument's last event, and ours."""
    rows: Rows = np.array([(turn.state.accounts[i]["ts"], turn.now_ns)], TICK)
    rows.flags.writeable = False  # as in messages; to the compiler a writable array is another type
    return rows


class Silence:
    """Which streams are silent to a strategy, in its turn; holds no state of its own."""

    def __init__(self, engine: Engine, index: Mapping[InstrumentId, int]) -> None:
        self._engine = engine
        self._index = index

    def stale(self, turn: Turn, message: market.FeedStale) -> None:
        """One stream fell silent."""
        i = self._index.get(message.instrument_id)
        if i is not None:
            self._are(turn, i, frozenset({*turn.state.markets[i].stale, message.stream}))

    def recovered(self, turn: Turn, message: market.FeedRecovered) -> None:
        """One stream speaks again."""
        i = self._index.get(message.instrument_id)
        if i is not None:
            self._are(turn, i, frozenset(turn.state.markets[i].stale - {message.stream}))

    def reported(self, turn: Turn, report: market.FeedReported) -> None:
        """How all of them are."""
        if report.number <= turn.state.reported:
            return
        turn.state.reported, turn.state.reported_ns = report.number, turn.now_ns
        if silence.asks(report):
            turn.subscribe(replay=False)
        for i, at in enumerate(turn.state.markets):
            after = silence.silent(frozenset(at.stale), report, at.instrument_id)
            if after != at.stale:
                self._are(turn, i, after)

    def overdue(self, turn: Turn) -> None:
        """Time has gone by: is there a report still?"""
        if silence.lapsed(turn.state.reported_ns, turn.now_ns):
            for i, at in enumerate(turn.state.markets):
                self._are(turn, i, frozenset({*at.stale, silence.FEED}))

    def _are(self, turn: Turn, i: int, streams: frozenset[str]) -> None:
        at = turn.state.markets[i]
        streams &= {*self._engine.streams, silence.FEED}
        news, at.stale = streams - at.stale, set(streams)
        if news:
            if not self._engine.stale(turn, i, tick(turn, i)):
                turn.cancel_all(i)
            executions.silenced(turn, i)
        turn.show(i)
