"""Two small actors of a backtest in messages: a feed of bars, and one who only listens."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from messages import Message, accounts, market
from messages.arrays import QUOTE
from messages.base import InstrumentId
from messages.market import BarBatch, Instrument, QuoteBatch
from trading.core import Step
from trading.wiring import Role

_KEPT: Final = 4096  # bars that a strategy which starts again may have missed


@dataclass(slots=True)
class FeedState:
    """How many bars were told, and the last of them."""

    told: int = 0
    bars: deque[BarBatch] = field(default_factory=lambda: deque(maxlen=_KEPT))


class BarFeed:
    """Tells the strategy each closed bar, and risk its close, which market orders count by."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument

    def start(self) -> FeedState:
        return FeedState()

    def resume(self, state: FeedState, now_ns: int) -> Step[FeedState]:
        return Step(state)

    def react(self, state: FeedState, message: Message, now_ns: int) -> Step[FeedState]:
        match message:
            case market.SubscribeFeed():
                seen = dict(message.since).get(f"bar_batch:{self._instrument.instrument_id}", 0)
                missed = tuple(b for b in state.bars if b.sequence > seen)
                batches = missed if message.asker != Role.RISK else ()
                return Step(state, (self._replay(message.asker, batches, now_ns),))
            case BarBatch():
                state.told += 1
                bar = message.model_copy(update={"sequence": state.told})
                state.bars.append(bar)
                close = self._close(bar, now_ns)
                return Step(state, (self._replay(str(Role.RISK), (close,), now_ns), bar))
            case _:
                return Step(state)

    def _replay(self, asker: str, batches: Any, now_ns: int) -> market.FeedReplay:
        return market.FeedReplay(
            ts_event=now_ns,
            ts_init=now_ns,
            asker=asker,
            instruments=(self._instrument,),
            batches=batches,
            complete=True,
        )

    def _close(self, bar: BarBatch, now_ns: int) -> QuoteBatch:
        price = float(bar.rows["close"][-1])
        rows = np.array([(now_ns, now_ns, price, 0.0, price, 0.0)], QUOTE)
        instrument_id: InstrumentId = self._instrument.instrument_id
        return QuoteBatch(
            ts_event=now_ns, ts_init=now_ns, instrument_id=instrument_id, sequence=bar.sequence,
            rows=rows,
        )  # fmt: skip


class Listener:
    """Hears what the order manager tells a reconciler, and acknowledges it."""

    def start(self) -> None:
        return None

    def resume(self, state: None, now_ns: int) -> Step[None]:
        times: dict[str, Any] = {"ts_event": now_ns, "ts_init": now_ns}
        asked = accounts.SyncRequest(**times, asker=str(Role.RECONCILER), incarnation=1)
        return Step(state, (asked,))

    def react(self, state: None, message: Message, now_ns: int) -> Step[None]:
        return Step(state)
