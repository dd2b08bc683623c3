"""One generated market: a fair price that nobody sees, and a book that follows it.

Theory of operation. The fair price walks with GARCH(1,1) variance, so calm and wild times cluster.
Levels that it runs over are swept by trades or pulled by their makers; a spread that has become
too wide is narrowed from the side further from fair, and narrows less in wild times; sizes churn
near the touch; noise traders with Pareto sizes hit either side. Prices and sizes are whole ticks
and lots. Bids stay below asks after every step: each side's new levels are placed on its own side
of both the fair price and the other side's touch.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from messages.arrays import DELTA, QUOTE, TRADE
from messages.base import NS_PER_S, Message
from messages.market import BookDeltaBatch, Instrument, QuoteBatch, TradeBatch
from venues.sim.ladder import Ladder

SECONDS_PER_YEAR: Final = 365 * 24 * 3600
GARCH_ALPHA: Final = 0.10  # weight of the last move
GARCH_BETA: Final = 0.88  # persistence; with alpha 0.98, so a burst halves in about 35 events
PARETO_SHAPE: Final = 1.5  # finite mean, infinite variance
SWEEP_SHARE: Final = 0.6  # of the levels run over, how many trade (the rest is pulled in time)
SWEEP_LEVELS_MAX: Final = 3  # one noise trade reaches this deep
BLOCK: Final = 1024  # random numbers drawn at a time


@dataclass(frozen=True, slots=True)
class TapeSpec:
    """What one generated market is like."""

    instrument: Instrument
    price: float  # fair price at the start
    events_per_s: float = 50.0
    annual_volatility: float = 0.6
    spread_bps: float = 0.2  # of a calm market
    gap_bps: float = 0.1  # mean distance between neighbouring levels
    levels: int = 30  # a side
    level_notional: float = 30_000.0  # mean quote currency shown at a level
    trade_notional: float = 2_000.0  # mean quote currency of a noise trade
    trade_share: float = 0.3  # of the events, how many begin with a noise trade


def _endless(draw: Callable[[int], NDArray[np.float64]]) -> Iterator[float]:
    while True:
        yield from draw(BLOCK).tolist()


class SyntheticMarket:
    """One instrument's market; `step` moves it on to its next event."""

    def __init__(self, spec: TapeSpec, rng: np.random.Generator, start_ns: int) -> None:
        self.ts_ns = start_ns
        self._spec = spec
        tick, lot = spec.instrument.price_increment, spec.instrument.size_increment
        self._tick, self._lot = tick.as_integer_ratio(), lot.as_integer_ratio()
        one = spec.price / float(tick)
        self._fair = one  # in ticks
        self._spread = max(1.0, one * spec.spread_bps * 1e-4)
        self._gap = max(1.0, one * spec.gap_bps * 1e-4)
        self._level_lots = spec.level_notional / spec.price / float(lot)
        self._trade_lots = spec.trade_notional / spec.price / float(lot)
        per_year = SECONDS_PER_YEAR * spec.events_per_s
        self._volatility = spec.annual_volatility / math.sqrt(per_year)
        self._variance = 1.0  # relative to the long run
        self._uniform = _endless(rng.random)
        self._normal = _endless(rng.standard_normal)
        self._wait = _endless(rng.standard_exponential)
        self._sides: dict[int, Ladder[int]] = {1: Ladder(1), -1: Ladder(-1)}
        self._changes: dict[tuple[int, int], int] = {}
        self._trades: list[tuple[int, int, int]] = []  # tick, lots, aggressor
        self._trade_id = 0
        self._update_id = 0
        self._sent = [0, 0, 0]  # batches of depth, trades, quotes
        self._top: tuple[int, int, int, int] = (0, 0, 0, 0)

    def opening(self) -> list[Message]:
        """The whole book, and its touch."""
        for sign in (1, -1):
            self._refill(sign)
        self._update_id += 1
        out: list[Message] = [self._depth(snapshot=True)]
        out += self._quote()
        return out

    def step(self) -> list[Message]:
        """What happens at the next event, whose time is then `ts_ns`."""
        spec = self._spec
        self.ts_ns += max(1, int(next(self._wait) / spec.events_per_s * NS_PER_S))
        if next(self._uniform) < spec.trade_share:
            self._noise_trade()
        shock = next(self._normal) * math.sqrt(self._variance)
        self._variance = (
            1.0 - GARCH_ALPHA - GARCH_BETA
            + GARCH_ALPHA * shock * shock + GARCH_BETA * self._variance
        )  # fmt: skip
        self._fair = max(10.0 * self._spread, self._fair * math.exp(self._volatility * shock))
        for sign in (1, -1):
            self._run_over(sign)
            self._refill(sign)
        self._narrow()
        self._churn()
        out = self._printed()
        if self._changes:
            out.append(self._depth(snapshot=False))
            out += self._quote()
        return out

    # --- what happens --------------------------------------------------------------------------

    def _noise_trade(self) -> None:
        sign = 1 if next(self._uniform) < 0.5 else -1  # whom it hits: +1 the bids
        heavy = (1.0 - next(self._uniform)) ** (-1.0 / PARETO_SHAPE) - 1.0
        lots = max(1, int(self._trade_lots * heavy * (PARETO_SHAPE - 1.0)))
        ladder = self._sides[sign]
        for _ in range(min(SWEEP_LEVELS_MAX, len(ladder) - 1)):
            tick = ladder.nth(0)
            done = min(lots, ladder.by_tick[tick])
            self._trades.append((tick, done, -sign))
            self._set(sign, tick, ladder.by_tick[tick] - done)
            lots -= done
            if not lots:
                return

    def _run_over(self, sign: int) -> None:
        ladder = self._sides[sign]
        while len(ladder) and sign * ladder.nth(0) >= sign * self._fair:
            tick = ladder.nth(0)
            if next(self._uniform) < SWEEP_SHARE:
                self._trades.append((tick, ladder.by_tick[tick], -sign))
            self._set(sign, tick, 0)

    def _narrow(self) -> None:
        """Makers improve the price while the spread is wider than the times explain."""
        wild = self._spread * math.sqrt(self._variance)
        while True:
            bid, ask = self._sides[1].nth(0), self._sides[-1].nth(0)
            if ask - bid <= 1 or ask - bid <= 1.5 * wild:
                return
            sign = 1 if self._fair - bid > ask - self._fair else -1
            distance = 0.5 * wild * (0.5 + next(self._uniform))
            room = max(1.0, sign * (self._fair - (bid if sign > 0 else ask)))
            tick = self._beyond(sign, self._fair - sign * min(distance, 0.9 * room))
            if sign * tick <= sign * (bid if sign > 0 else ask):
                return  # no whole tick left between the touch and fair
            self._set(sign, tick, self._draw_lots())

    def _churn(self) -> None:
        """Makers near the touch change their minds."""
        for sign in (1, -1):
            ladder = self._sides[sign]
            depth = next(self._uniform)
            tick = ladder.nth(int(depth * depth * (len(ladder) - 1)))
            self._set(sign, tick, self._draw_lots())

    def _refill(self, sign: int) -> None:
        """The far end keeps the book at its depth."""
        ladder, levels = self._sides[sign], self._spec.levels
        while len(ladder) > levels + levels // 4:
            self._set(sign, ladder.nth(len(ladder) - 1), 0)
        while len(ladder) < levels:
            worst = ladder.worst()
            gap = 1.0 - 2.0 * (self._gap - 1.0) * math.log(1.0 - 0.5 * next(self._uniform))
            if worst is None:
                tick = self._beyond(sign, self._fair - sign * 0.5 * self._spread)
            else:
                tick = worst - sign * int(gap)
            if tick < 1:
                return
            self._set(sign, tick, self._draw_lots())

    def _beyond(self, sign: int, ticks: float) -> int:
        """The whole tick at `ticks` or further from the other side, never at fair itself."""
        tick = math.floor(ticks) if sign > 0 else math.ceil(ticks)
        return tick - sign if tick == self._fair else tick

    def _draw_lots(self) -> int:
        return max(1, int(self._level_lots * math.exp(0.8 * next(self._normal) - 0.32)))

    def _set(self, sign: int, tick: int, lots: int) -> None:
        if lots > 0:
            self._sides[sign].put(tick, lots)
        else:
            self._sides[sign].drop(tick)
        self._changes[(sign, tick)] = lots

    # --- how it is told ------------------------------------------------------------------------

    def _px(self, ticks: int) -> float:
        return ticks * self._tick[0] / self._tick[1]

    def _size(self, lots: int) -> float:
        return lots * self._lot[0] / self._lot[1]

    def _count(self, stream: int) -> int:
        self._sent[stream] += 1
        return self._sent[stream] - 1

    def _printed(self) -> list[Message]:
        if not self._trades:
            return []
        ts, rows = self.ts_ns, []
        for tick, lots, aggressor in self._trades:
            self._trade_id += 1
            rows.append((ts, ts, self._px(tick), self._size(lots), aggressor, self._trade_id))
        self._trades.clear()
        return [
            TradeBatch(
                ts_event=ts,
                ts_init=ts,
                instrument_id=self._spec.instrument.instrument_id,
                sequence=self._count(1),
                rows=np.array(rows, TRADE),
            )
        ]

    def _depth(self, snapshot: bool) -> BookDeltaBatch:
        ts = self.ts_ns
        rows = [
            (ts, ts, sign, self._px(tick), self._size(lots))
            for (sign, tick), lots in self._changes.items()
        ]
        self._changes.clear()
        before = self._update_id
        if not snapshot:
            self._update_id += len(rows)
        return BookDeltaBatch(
            ts_event=ts,
            ts_init=ts,
            instrument_id=self._spec.instrument.instrument_id,
            sequence=self._count(0),
            snapshot=snapshot,
            first_seq=before if snapshot else before + 1,
            last_seq=self._update_id,
            prev_seq=-1 if snapshot else before,
            rows=np.array(rows, DELTA),
        )

    def _quote(self) -> list[Message]:
        bids, asks = self._sides[1], self._sides[-1]
        bid, ask = bids.nth(0), asks.nth(0)
        top = (bid, bids.by_tick[bid], ask, asks.by_tick[ask])
        if top == self._top:
            return []
        self._top = top
        ts = self.ts_ns
        row = (ts, ts, self._px(bid), self._size(top[1]), self._px(ask), self._size(top[3]))
        return [
            QuoteBatch(
                ts_event=ts,
                ts_init=ts,
                instrument_id=self._spec.instrument.instrument_id,
                sequence=self._count(2),
                rows=np.array([row], QUOTE),
            )
        ]
