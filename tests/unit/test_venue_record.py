"""Records of venues forget what is old, and tell refusals from failures."""

from typing import Any

import numpy as np
import pytest

from messages.base import NS_PER_MS, NS_PER_S, ClientOrderId
from messages.venue import Acted, Request, RequestDone, RequestFailed, RequestRefused
from trading.execution.record import SAMPLES_MAX, VenueRecord

HEAD: Any = {"ts_event": 1, "ts_init": 1, "request": Request.SUBMIT}
DONE = RequestDone(**HEAD)
REFUSED = RequestRefused(**HEAD, client_order_id=ClientOrderId("o"), code="-1", reason="no")
SILENT = RequestFailed(**HEAD, acted=Acted.PERHAPS, reason="silence")
HELD = RequestFailed(**HEAD, acted=Acted.NO, reason="budget", retry_after_ns=1)


def test_percentiles_are_those_of_good_answers() -> None:
    record = VenueRecord()
    for ms in range(1, 101):
        record = record.heard(DONE, ms * NS_PER_MS, NS_PER_S)
    record = record.heard(SILENT, 5000 * NS_PER_MS, NS_PER_S)

    found = [record.latency_ms(p, NS_PER_S) for p in (50, 95, 99)]

    assert found == pytest.approx(np.percentile(np.arange(1, 101), (50, 95, 99)).tolist())
    assert record.p50(NS_PER_S) == found[0]


def test_refusals_are_answers_silence_is_none_and_what_we_held_back_says_nothing() -> None:
    record = VenueRecord()
    for answer in (DONE, REFUSED, SILENT, SILENT, HELD):
        record = record.heard(answer, NS_PER_MS, NS_PER_S)

    assert record.reliability(NS_PER_S) == 0.5


def test_what_is_older_than_a_minute_is_forgotten() -> None:
    record = VenueRecord().heard(SILENT, NS_PER_MS, 0).heard(DONE, NS_PER_MS, 30 * NS_PER_S)

    assert record.reliability(59 * NS_PER_S) == 0.5
    assert record.reliability(60 * NS_PER_S) == 1.0
    assert record.p50(90 * NS_PER_S) is None
    assert record.reliability(90 * NS_PER_S) == 1.0


def test_no_more_than_the_newest_are_kept() -> None:
    record = VenueRecord()
    for n in range(SAMPLES_MAX + 5):
        record = record.heard(DONE, n, NS_PER_S)

    assert len(record.samples) <= SAMPLES_MAX
    assert record.samples[0][1] == 5
