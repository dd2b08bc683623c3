"""What looks wrong with market data is alerted once, with its severity, and lowers the score."""

import tracemalloc
from collections.abc import Iterable

import numpy as np
import pytest

from messages import decode, encode
from messages.arrays import DELTA, QUOTE, TRADE
from messages.base import InstrumentId
from messages.market import Anomaly, BookDeltaBatch, QualityAlert, QuoteBatch, TradeBatch
from trading.quality import MarketQuality, QualityConfig, Score

BTC = InstrumentId("BTC-USD.COINBASE")
S, MS = 1_000_000_000, 1_000_000
A = Anomaly


def trades(at_s: float, price: float = 100.0, size: float = 1.0, late_ms: int = 0) -> TradeBatch:
    ts = int(at_s * S)
    rows = np.array([(ts, ts, price, size, 1, 1)], TRADE)
    return TradeBatch(ts_event=ts, ts_init=ts + late_ms * MS, instrument_id=BTC, rows=rows)


def quote(at_s: float, bid: float, ask: float) -> QuoteBatch:
    ts = int(at_s * S)
    rows = np.array([(ts, ts, bid, 1.0, ask, 1.0)], QUOTE)
    return QuoteBatch(ts_event=ts, ts_init=ts, instrument_id=BTC, rows=rows)


def book(at_s: float, first: int, last: int, snapshot: bool = False) -> BookDeltaBatch:
    ts = int(at_s * S)
    rows = np.array([(ts, ts, 1, 100.0, 1.0)], DELTA)
    return BookDeltaBatch(
        ts_event=ts,
        ts_init=ts,
        instrument_id=BTC,
        snapshot=snapshot,
        first_seq=first,
        last_seq=last,
        rows=rows,
    )


Told = TradeBatch | QuoteBatch | BookDeltaBatch


def judged(quality: MarketQuality, messages: Iterable[Told]) -> list[QualityAlert]:
    return [alert for m in messages for alert in quality.on(m, m.ts_init)]


def warm(config: QualityConfig | None = None, count: int = 20) -> MarketQuality:
    """Twenty quiet trades, one a second."""
    quality = MarketQuality(BTC, config)
    assert judged(quality, (trades(n) for n in range(count))) == []
    return quality


def test_a_price_far_off_the_mean_is_alerted_once_and_again_after_it_came_back() -> None:
    quality = warm()

    said = judged(quality, [trades(20, 110), trades(20.1, 110.5), trades(20.2, 100)])
    again = judged(quality, [trades(21, 90)])

    assert [(a.anomaly, a.expected, a.actual) for a in said] == [(A.PRICE_SPIKE, 100, 110)]
    assert said[0].severity == pytest.approx(0.1 / 0.15)
    assert [a.anomaly for a in again] == [A.PRICE_SPIKE]
    assert quality.wrong == 3


def test_nothing_is_judged_before_ten_samples() -> None:
    quality = MarketQuality(BTC)

    said = judged(quality, [trades(n / 10, 100 + 50 * (n % 2)) for n in range(10)])

    assert said == []


def test_volume_is_judged_by_intervals_a_spike_at_once_and_a_drop_at_the_end() -> None:
    quality = warm(QualityConfig(volume_interval_ns=S))

    spike = judged(quality, [trades(20.1, size=3), trades(20.2, size=3), trades(20.3, size=3)])
    drop = judged(quality, [trades(21.5, size=0.05), trades(22.5)])

    assert [(a.anomaly, a.actual) for a in spike] == [(A.VOLUME_SPIKE, 6)]
    assert spike[0].severity == pytest.approx(0.6)
    assert [(a.anomaly, a.ts_event) for a in drop] == [(A.VOLUME_DROP, int(22.5 * S))]
    assert drop[0].severity == pytest.approx((0.1 - 0.05 / (29 / 21)) / 0.1, rel=0.05)


def test_a_wide_spread_is_one_alert_while_it_lasts_and_lowers_the_score_throughout() -> None:
    quality = warm()

    said = judged(quality, [quote(20 + n / 10, 99.0, 101.0) for n in range(5)])
    judged(quality, [quote(21, 99.99, 100.01)])
    again = judged(quality, [quote(22, 99.0, 101.0)])

    assert [(a.anomaly, round(a.actual)) for a in said] == [(A.SPREAD_WIDENING, 200)]
    assert said[0].severity == pytest.approx(200 / 300)
    assert len(again) == 1
    assert quality.wrong == 6
    assert quality.score.consistency == pytest.approx(1 - 2 * 6 / 27)


def test_what_flickers_around_its_threshold_is_one_alert_a_second_and_counts_each_time() -> None:
    quality = warm()

    flicker = [
        quote(20 + n / 20, *((99.0, 101.0) if n % 2 else (99.99, 100.01))) for n in range(60)
    ]
    said = judged(quality, flicker)

    assert len(said) == 3
    assert quality.wrong == 30


def test_silence_is_alerted_by_time_alone_and_ends_with_the_next_word() -> None:
    quality = warm()

    before = quality.on_time(24 * S)
    said = quality.on_time(int(24.1 * S))
    repeated = quality.on_time(60 * S)
    judged(quality, [trades(61)])
    again = quality.on_time(67 * S)

    assert before == ()
    assert [(a.anomaly, a.actual) for a in said] == [(A.STALE_DATA, 5100)]
    assert said[0].severity == pytest.approx(5.1 / 25)
    assert [a for a in repeated if a.anomaly is A.STALE_DATA] == []
    assert A.STALE_DATA in {a.anomaly for a in again}
    assert quality.stale == 2


def test_a_gap_is_as_severe_as_what_is_missing_and_a_snapshot_is_none() -> None:
    quality = warm()

    said = judged(
        quality,
        [
            book(20, 1, 5, snapshot=True),
            book(20.1, 6, 9),
            book(20.2, 35, 36),
            book(20.3, 37, 38),
            book(20.4, 500, 500, snapshot=True),
        ],
    )
    quality.disconnected()
    after = judged(quality, [book(20.5, 900, 901)])

    assert [(a.anomaly, a.severity) for a in said] == [(A.SEQUENCE_GAP, 0.25)]
    assert said[0].text == "updates 10 to 34 are missing"
    assert after == []
    assert quality.score.completeness == pytest.approx(1 - 5 / 26)


def test_a_snapshot_older_than_the_changes_that_waited_for_it_is_no_gap() -> None:
    quality = warm()

    said = judged(quality, [book(20, 6, 9), book(20.1, 1, 7, snapshot=True), book(20.2, 10, 11)])

    assert said == []
    assert quality.gaps == 0


def test_clocks_that_differ_are_alerted() -> None:
    quality = warm()

    said = judged(quality, [trades(20, late_ms=900), trades(20, late_ms=2500)])

    assert [a.anomaly for a in said] == [A.TIMESTAMP_ANOMALY]
    assert said[0].severity == pytest.approx(0.5)


def test_quiet_data_are_faultless_and_the_worst_score_is_nothing() -> None:
    assert warm().score.overall == pytest.approx(1)
    assert Score(0, 0, 0).overall == 0
    assert Score(0.5, 1, 1).overall == pytest.approx(0.15 + 0.25 + 0.25 + 0.2 * 2.5 / 3)


def test_the_last_thousand_alerts_are_kept_and_an_alert_travels() -> None:
    quality = warm()
    for n in range(1100):
        judged(quality, [quote(20 + n, 99, 101), quote(20.5 + n, 99.99, 100.01)])

    assert len(quality.alerts) == 1000
    assert decode(encode(quality.alerts[-1])) == quality.alerts[-1]
    assert quality.view()["alerts"]["SPREAD_WIDENING"] == 1100


def test_a_batch_that_looks_right_leaves_nothing_behind() -> None:
    quality = warm()
    batches = [m for n in range(2000) for m in (quote(20, 99.99, 100.01), book(20, n, n))]
    tracemalloc.start()

    said = judged(quality, batches)
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert said == []
    assert left < 1_000
