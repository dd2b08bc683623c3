"""Public questions, within the request budget: whole books, instruments, what was missed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import numpy as np

from messages.base import InstrumentId
from messages.market import BarBatch, BookDeltaBatch, Instrument, TradeBatch
from trading.errors import Throttled
from venues.net.access import Access
from venues.wire.request import WireRequest

_PAGES_MAX: Final = 1000  # a venue that pages in circles must not hold us for ever

B = TypeVar("B", TradeBatch, BarBatch)


@dataclass(frozen=True, slots=True)
class Past(Generic[B]):
    """What a venue knows of a market's past.

    batch  in the venue's order, each row once; None: there was nothing
    whole  False if pages were left unread, which are the oldest or the newest as the venue lists:
           whoever needs them asks again for what is missing
    """

    batch: B | None
    whole: bool


class Questions:
    """Questions about the market over one `Access`. Those with many pages wait where the budget
    makes them.

    raises  NotSent, Ambiguous, Throttled, Refused, Garbled
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    async def book(self, instrument_id: InstrumentId) -> BookDeltaBatch:
        """The whole book, with the number that it is as of."""
        adapter = self._access.adapter
        answer = await self._access.ask(adapter.ask_book(instrument_id))
        instrument = self._access.instruments[instrument_id]
        return adapter.read_book(answer.body, instrument, self._access.now_ns())

    async def instruments(self) -> tuple[Instrument, ...]:
        """What the venue trades now."""
        adapter = self._access.adapter
        answer = await self._access.ask(adapter.ask_instruments())
        return adapter.read_instruments(answer.body)

    async def trades(self, instrument_id: InstrumentId, since_ns: int) -> Past[TradeBatch]:
        """Trades since a time."""
        wire = self._access.adapter.ask_trades(instrument_id, since_ns)
        rows, whole = await self._history(
            wire, instrument_id, lambda r: (r["ts_event"], r["trade_id"])
        )
        rows = rows[rows["ts_event"] >= since_ns] if rows is not None else None
        if rows is None or not len(rows):
            return Past(None, whole)
        batch = TradeBatch(
            ts_event=int(rows["ts_event"][-1]),
            ts_init=self._access.now_ns(),
            instrument_id=instrument_id,
            rows=rows,
        )
        return Past(batch, whole)

    async def bars(
        self, instrument_id: InstrumentId, interval_ns: int, since_ns: int
    ) -> Past[BarBatch]:
        """Closed bars that opened since a time, oldest first."""
        wire = self._access.adapter.ask_bars(instrument_id, interval_ns, since_ns)
        rows, whole = await self._history(wire, instrument_id, lambda r: (r["ts_open"],))
        rows = rows[rows["ts_open"] >= since_ns] if rows is not None else None
        if rows is None or not len(rows):
            return Past(None, whole)
        batch = BarBatch(
            ts_event=int(rows["ts_event"][-1]),
            ts_init=self._access.now_ns(),
            instrument_id=instrument_id,
            interval_ns=interval_ns,
            rows=rows,
        )
        return Past(batch, whole)

    async def _history(
        self, wire: WireRequest, instrument_id: InstrumentId, key: Callable[[Any], tuple[Any, ...]]
    ) -> tuple[Any, bool]:
        """The rows of all pages that we read, sorted by `key`, the last of each kept; and whether
        those were all."""
        access = self._access
        page: WireRequest | None = wire
        parts = []
        read = 0
        while page is not None and read < _PAGES_MAX:
            try:
                answer = await access.ask(page)
            except Throttled as e:  # many pages may well take longer than the budget's window
                await asyncio.sleep(e.retry_after_s)
                continue
            read += 1
            instrument = access.instruments[instrument_id]
            found = access.adapter.read_history(answer.body, page, instrument, access.now_ns())
            parts += [e.rows for e in found if isinstance(e, TradeBatch | BarBatch)]
            page = access.adapter.next_page(page, answer)
        if not parts:
            return None, page is None
        rows = np.concatenate(parts)
        rows = rows[np.lexsort(key(rows)[::-1])]
        same = np.ones(len(rows), bool)
        same[:-1] = np.any([k[1:] != k[:-1] for k in key(rows)], axis=0)
        return rows[same], page is None
