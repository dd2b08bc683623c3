"""Whether an instrument's market data can be believed: seven anomalies, and a score.

Theory of operation. Every batch is held against what came before it. What looks wrong is counted
each time and alerted once, when it begins; the alert is armed again when the data look right, but
not within a second of the last one. So a spread that stays wide is one alert, one that flickers
around its threshold is one a second, and both lower the score with every quote.

    anomaly             looks wrong when                            severity (at most 1)
    PRICE_SPIKE         a price is > 5 % off the mean of 100        deviation / (3 x threshold)
    VOLUME_SPIKE        an interval trades > 5 x the average        ratio / (2 x threshold)
    VOLUME_DROP         an interval traded < 10 % of the average    1 - ratio / threshold
    SPREAD_WIDENING     the spread is > 100 bps of the mid          spread / (3 x threshold)
    STALE_DATA          nothing came for 5 s                        age / (5 x threshold)
    SEQUENCE_GAP        a book's update does not continue           missing updates / 100
    TIMESTAMP_ANOMALY   venue's and our time are > 1 s apart        skew / (5 x threshold)

A batch that looks right costs a few comparisons and allocates nothing: this is asked of each one.
Volume is that of whole intervals, because sizes of single trades differ a thousandfold on a quiet
day: a spike is seen while its interval runs, a drop when it ends. Nothing is judged before ten
samples of its kind.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Final

from messages.arrays import Rows
from messages.base import NS_PER_MS, NS_PER_S, InstrumentId
from messages.market import Anomaly, Batch, BookDeltaBatch, QualityAlert, QuoteBatch, TradeBatch

_KEPT: Final = 1000
_BPS: Final = 10_000.0
Alerts = tuple[QualityAlert, ...]


@dataclass(frozen=True, slots=True)
class QualityConfig:
    """Thresholds; `samples_min` of each kind come before it is judged."""

    price_spike: float = 0.05
    prices: int = 100
    volume_spike: float = 5.0
    volume_drop: float = 0.1
    volume_interval_ns: int = 10 * NS_PER_S
    volumes: int = 100
    spread_bps: float = 100.0
    stale_ns: int = 5 * NS_PER_S
    skew_ns: int = NS_PER_S
    gap_worst: int = 100
    samples_min: int = 10
    again_ns: int = NS_PER_S  # least time between two alerts of one kind


@dataclass(frozen=True, slots=True)
class Score:
    """1 is faultless; `overall` weighs the four parts .30, .25, .25 and .20."""

    freshness: float = 1.0
    completeness: float = 1.0
    consistency: float = 1.0

    @property
    def reliability(self) -> float:
        """The mean of the other three."""
        return (self.freshness + self.completeness + self.consistency) / 3

    @property
    def overall(self) -> float:
        parts = (self.freshness, self.completeness, self.consistency, self.reliability)
        return sum(w * part for w, part in zip((0.30, 0.25, 0.25, 0.20), parts, strict=True))


@dataclass(slots=True)
class _Mean:
    """The mean of the last `size` values, in constant time."""

    size: int
    values: deque[float] = field(default_factory=deque)
    total: float = 0.0

    def add(self, value: float) -> None:
        self.values.append(value)
        self.total += value
        if len(self.values) > self.size:
            self.total -= self.values.popleft()

    @property
    def mean(self) -> float:
        return self.total / len(self.values) if self.values else 0.0


class MarketQuality:
    """One instrument's data.

    alerts  the last 1000; begun: how many there were, by anomaly
    total   batches heard; stale, gaps, wrong: how many of them, by the score's three parts
    """

    def __init__(self, instrument_id: InstrumentId, config: QualityConfig | None = None) -> None:
        self.alerts: deque[QualityAlert] = deque(maxlen=_KEPT)
        self.begun: Counter[str] = Counter()
        self.total = self.stale = self.gaps = self.wrong = 0
        self._instrument_id = instrument_id
        self._config = config or QualityConfig()
        self._active: set[Anomaly] = set()
        self._alerted_ns: dict[Anomaly, int] = {}
        self._prices = _Mean(self._config.prices)
        self._volumes = _Mean(self._config.volumes)
        self._interval = -1
        self._ends_ns = 0  # of the interval
        self._volume = 0.0
        self._last_seq = -1
        self._heard_ns = -1

    @property
    def score(self) -> Score:
        """How good the data were so far."""
        total = max(self.total, 1)
        return Score(
            freshness=max(0.0, 1 - 5 * self.stale / total),
            completeness=max(0.0, 1 - 5 * self.gaps / total),
            consistency=max(0.0, 1 - 2 * self.wrong / total),
        )

    def on(self, batch: Batch, now_ns: int) -> Alerts:
        """Take a batch of this instrument's in -> what begins to look wrong with it."""
        rows = batch.rows  # type: ignore[attr-defined]  # every batch has rows
        if not len(rows):
            return ()
        said = self.on_time(now_ns)
        self.total += 1
        self._heard_ns = now_ns
        if self._active:
            self._active.discard(Anomaly.STALE_DATA)
        said += self._judge_time(batch, now_ns)
        sort = type(batch)  # told apart by type: `isinstance` of pydantic's classes is slow
        if sort is BookDeltaBatch:
            said += self._judge_sequence(batch, now_ns)  # type: ignore[arg-type]
        elif sort is QuoteBatch:
            said += self._judge_spread(rows, now_ns)
        elif sort is TradeBatch:
            said += self._judge_trades(rows, now_ns)
        return said

    def on_time(self, now_ns: int) -> Alerts:
        """Time alone: silence, and the end of an interval of volume."""
        said: Alerts = ()
        if now_ns >= self._ends_ns:
            said = self._judge_volume_until(now_ns // self._config.volume_interval_ns, now_ns)
        age, limit = now_ns - self._heard_ns, self._config.stale_ns
        if age <= limit or self._heard_ns < 0 or self.total < self._config.samples_min:
            return said
        if Anomaly.STALE_DATA not in self._active:
            self.stale += 1
            text = f"nothing for {age / NS_PER_MS:.0f} ms"
            said += self._alert(
                Anomaly.STALE_DATA,
                age / (5 * limit),
                (limit / NS_PER_MS, age / NS_PER_MS),
                text,
                now_ns,
            )
        return said

    def view(self) -> dict[str, Any]:
        """For people: the score, its parts, and how often each anomaly began."""
        score = self.score
        parts = ("overall", "freshness", "completeness", "consistency", "reliability")
        known = {name: round(getattr(score, name), 4) for name in parts}
        return known | {"batches": self.total, "alerts": dict(self.begun)}

    def disconnected(self) -> None:
        """The connection is known to be lost: what comes next continues nothing."""
        self._last_seq = -1

    # --- the seven -------------------------------------------------------------------------------

    def _judge_trades(self, rows: Rows, now_ns: int) -> Alerts:
        said: Alerts = ()
        for price, size in zip(rows["price"].tolist(), rows["size"].tolist(), strict=True):
            said += self._judge_price(price, now_ns)
            self._volume += size
        average, config = self._volumes.mean, self._config
        ratio = self._volume / average if average else 0.0
        if len(self._volumes.values) < config.samples_min:
            return said
        if ratio > config.volume_spike:
            text = f"{ratio:.1f} times the average of an interval"
            severity = ratio / (2 * config.volume_spike)
            said += self._wrong(
                Anomaly.VOLUME_SPIKE, severity, (average, self._volume), text, now_ns
            )
        return said

    def _judge_price(self, price: float, now_ns: int) -> Alerts:
        config, mean = self._config, self._prices.mean
        judged = len(self._prices.values) >= config.samples_min
        self._prices.add(price)
        off = abs(price - mean) / mean if judged and mean else 0.0
        if off <= config.price_spike:
            self._active.discard(Anomaly.PRICE_SPIKE)
            return ()
        text = f"{off:.1%} off the mean of the last {len(self._prices.values) - 1} prices"
        severity = off / (3 * config.price_spike)
        return self._wrong(Anomaly.PRICE_SPIKE, severity, (mean, price), text, now_ns)

    def _judge_volume_until(self, interval: int, now_ns: int) -> Alerts:
        """Close the interval of volume if it is over; whole intervals of silence were 0."""
        said: Alerts = ()
        if self._interval < 0:
            self._interval = interval
        ended = min(interval - self._interval, self._config.volumes)
        for _ in range(max(ended, 0)):
            said += self._judge_drop(now_ns)
            self._volumes.add(self._volume)
            self._volume = 0.0
            self._active.discard(Anomaly.VOLUME_SPIKE)
        self._interval = max(interval, self._interval)
        self._ends_ns = (self._interval + 1) * self._config.volume_interval_ns
        return said

    def _judge_drop(self, now_ns: int) -> Alerts:
        config, average = self._config, self._volumes.mean
        ratio = self._volume / average if average else 1.0
        if len(self._volumes.values) < config.samples_min or ratio >= config.volume_drop:
            self._active.discard(Anomaly.VOLUME_DROP)
            return ()
        severity = (config.volume_drop - ratio) / config.volume_drop
        text = f"{ratio:.0%} of the average of an interval"
        return self._wrong(Anomaly.VOLUME_DROP, severity, (average, self._volume), text, now_ns)

    def _judge_spread(self, rows: Rows, now_ns: int) -> Alerts:
        bid, ask = float(rows["bid_price"][-1]), float(rows["ask_price"][-1])
        limit, middle = self._config.spread_bps, (bid + ask) / 2
        spread = (ask - bid) / middle * _BPS if bid > 0 and ask > 0 else 0.0
        if spread <= limit or self.total < self._config.samples_min:
            self._active.discard(Anomaly.SPREAD_WIDENING)
            return ()
        text = f"spread of {spread:.0f} bps"
        severity = spread / (3 * limit)
        return self._wrong(Anomaly.SPREAD_WIDENING, severity, (limit, spread), text, now_ns)

    def _judge_sequence(self, batch: BookDeltaBatch, now_ns: int) -> Alerts:
        last, self._last_seq = self._last_seq, max(self._last_seq, batch.last_seq)
        if batch.snapshot:
            # It may be older than changes that wait for it, or of a stream that counts anew.
            self._last_seq = -1
            self._active.discard(Anomaly.SEQUENCE_GAP)
            return ()
        begins = batch.prev_seq if batch.prev_seq >= 0 else batch.first_seq - 1
        if last < 0 or begins <= last:
            self._active.discard(Anomaly.SEQUENCE_GAP)
            return ()
        self.gaps += 1
        if self.total < self._config.samples_min:
            return ()
        missing = begins - last
        severity = missing / self._config.gap_worst
        text = f"updates {last + 1} to {begins} are missing"
        return self._alert(Anomaly.SEQUENCE_GAP, severity, (last, begins), text, now_ns)

    def _judge_time(self, batch: Batch, now_ns: int) -> Alerts:
        skew, limit = abs(batch.ts_init - batch.ts_event), self._config.skew_ns
        if skew <= limit or self.total < self._config.samples_min:
            self._active.discard(Anomaly.TIMESTAMP_ANOMALY)
            return ()
        text = f"venue's and our time are {skew / NS_PER_MS:.0f} ms apart"
        values = (batch.ts_init / NS_PER_MS, batch.ts_event / NS_PER_MS)
        return self._wrong(Anomaly.TIMESTAMP_ANOMALY, skew / (5 * limit), values, text, now_ns)

    def _wrong(
        self, anomaly: Anomaly, severity: float, values: tuple[float, float], text: str, now_ns: int
    ) -> Alerts:
        """Count it against consistency, and say it if it begins."""
        self.wrong += 1
        return self._alert(anomaly, severity, values, text, now_ns)

    def _alert(
        self, anomaly: Anomaly, severity: float, values: tuple[float, float], text: str, now_ns: int
    ) -> Alerts:
        last_ns = self._alerted_ns.get(anomaly, -self._config.again_ns)
        if anomaly in self._active or now_ns - last_ns < self._config.again_ns:
            return ()
        self._active.add(anomaly)
        self._alerted_ns[anomaly] = now_ns
        self.begun[str(anomaly)] += 1
        expected, actual = values
        alert = QualityAlert(
            ts_event=now_ns,
            ts_init=now_ns,
            instrument_id=self._instrument_id,
            anomaly=anomaly,
            severity=min(max(severity, 0.0), 1.0),
            expected=expected,
            actual=actual,
            text=text,
        )
        self.alerts.append(alert)
        return (alert,)
