import asyncio
import re
import shutil
import subprocess
from decimal import Decimal
from typing import Any

import aiohttp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from actors.metrics import ActorMetrics, LatencyBuckets, Views
from actors.scrape import HOST, PortBusy, merge, serve_metrics
from messages import Message
from messages.accounts import Position
from messages.arrays import QUOTE
from messages.base import NS_PER_MS, NS_PER_S, ClientOrderId, InstrumentId, StrategyId
from messages.control import SetTimer
from messages.market import QuoteBatch
from messages.orders import OrderRejected, RefusalCode, RefusedOrder
from messages.venue import Acted, Request, RequestFailed, RequestRefused
from trading.links import Acks, Frame, Links
from trading.machine import Effects

BTC = InstrumentId("BTCUSDT.BINANCE")
TREND = StrategyId("TREND")
NOW = 1_000 * NS_PER_S
ABOUT_ORDER: dict[str, Any] = {
    "ts_event": 1,
    "ts_init": 1,
    "client_order_id": ClientOrderId("O1"),
    "strategy_id": TREND,
}
REFUSED = RefusedOrder(**ABOUT_ORDER, code=RefusalCode.MAX_POSITION, reason="too much")
TIMER = SetTimer(ts_event=1, ts_init=1, name="t", ts_due=2)


def metrics_of(actor: str = "risk", incarnation: int = 1, **more: Any) -> ActorMetrics:
    role = actor.partition("-")[0]
    return ActorMetrics("r1", actor, role, incarnation, now_ns=lambda: NOW, **more)


def samples(page: bytes) -> dict[str, float]:
    """'name{label="value"}' -> value."""
    return {
        _name(s.name, s.labels): s.value
        for family in text_string_to_metric_families(page.decode())
        for s in family.samples
    }


def _name(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f"{k}={v}" for k, v in sorted(labels.items()))
    return f"{name}{{{inside}}}" if inside else name


def quotes(rows: int, ts_init: int) -> QuoteBatch:
    return QuoteBatch(
        ts_event=ts_init, ts_init=ts_init, instrument_id=BTC, rows=np.zeros(rows, QUOTE)
    )


def frame(message: Message, seq: int = 1, to: str = "orders") -> Frame:
    return Frame("risk", to, 1, 1, seq, 1, message)


def everything() -> ActorMetrics:
    """An actor that has seen some of all."""
    position = Position(
        instrument_id=BTC,
        strategy_id=TREND,
        quantity=Decimal(-2),
        avg_px=Decimal(100),
        realized_pnl=Decimal("1.5"),
        commissions=Decimal("0.25"),
    )
    links = Links("risk", 1, Acks.AFTER_EFFECTS)
    links.send("orders", TIMER, 0, reliable=True, cause=None)
    metrics = metrics_of(incarnation=3)
    metrics.refresh = lambda: Views(
        mailbox=4,
        mailbox_dropped=9,
        orders={"FILLED": 2, "UNKNOWN": 1},
        positions=[position],
        marks={BTC: Decimal(90)},
        links=links,
        peers=("orders",),
    )
    metrics.handled(quotes(7, NOW - 2 * NS_PER_MS), NOW)
    metrics.handled(RequestFailed(**_request(), acted=Acted.PERHAPS, reason="timeout"), NOW)
    metrics.handled(RequestRefused(**_request(), code="-1", reason="no"), NOW)
    metrics.carried_out(Effects(packets=(frame(REFUSED), frame(REFUSED, to="journal"))))
    metrics.said(OrderRejected(**ABOUT_ORDER, instrument_id=BTC, code="-2010", reason="no"))
    metrics.drained(12)
    metrics.resent([frame(TIMER)])
    metrics.journal_synced(0.002, rows=5)
    metrics.risk_judged(0.0002)
    metrics.venue_answered("SUBMIT", 0.03)
    return metrics


def _request() -> dict[str, Any]:
    order = ClientOrderId("O1")
    return {"ts_event": 1, "ts_init": 1, "request": Request.SUBMIT, "client_order_id": order}


# --- one actor ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "value"),
    [
        ("manta_actor_info{incarnation=3,role=risk,run=r1}", 1),
        ("manta_actor_incarnation", 3),
        ("manta_actor_restarts_total", 2),
        ("manta_messages_handled_total{kind=quote_batch}", 1),
        ("manta_messages_said_total{kind=refused_order}", 1),  # once, though two hear it
        ("manta_market_events_total{kind=quote_batch}", 7),
        ("manta_market_batch_rows_sum", 7),
        ("manta_market_lag_seconds_bucket{kind=quote_batch,le=0.001}", 0),
        ("manta_market_lag_seconds_bucket{kind=quote_batch,le=0.002}", 1),
        ("manta_feed_staleness_seconds{instrument=BTCUSDT.BINANCE,stream=quote_batch}", 0.002),
        ("manta_mailbox_batch_messages_sum", 12),
        ("manta_mailbox_messages", 4),
        ("manta_mailbox_dropped_total", 9),
        ("manta_link_resends_total{peer=orders}", 1),
        ("manta_link_unacknowledged_messages{peer=orders}", 1),
        ("manta_orders{status=UNKNOWN}", 1),
        ("manta_order_refusals_total{code=MAX_POSITION}", 1),
        ("manta_order_rejections_total{code=-2010}", 1),
        ("manta_journal_sync_seconds_sum", 0.002),
        ("manta_journal_rows_total", 5),
        ("manta_risk_verdict_seconds_sum", 0.0002),
        ("manta_venue_request_seconds_sum{request=submit}", 0.03),
        ("manta_venue_request_failures_total{how=acted_perhaps,request=submit}", 1),
        ("manta_venue_request_failures_total{how=refused,request=submit}", 1),
        ("manta_position_quantity{instrument=BTCUSDT.BINANCE,strategy=TREND}", -2),
        ("manta_pnl_realized{instrument=BTCUSDT.BINANCE,strategy=TREND}", 1.5),
        ("manta_pnl_unrealized{instrument=BTCUSDT.BINANCE,strategy=TREND}", 20),
        ("manta_commissions{instrument=BTCUSDT.BINANCE,strategy=TREND}", 0.25),
    ],
)
def test_what_an_actor_did_is_in_its_exposition(sample: str, value: float) -> None:
    assert samples(everything().exposition())[sample] == pytest.approx(value)


def test_two_actors_in_one_process_count_apart() -> None:
    first, second = metrics_of("risk"), metrics_of("feed")

    first.handled(TIMER, NOW)

    assert samples(first.exposition())["manta_messages_handled_total{kind=set_timer}"] == 1
    assert "manta_messages_handled_total{kind=set_timer}" not in samples(second.exposition())


def test_a_repeated_frame_counts_as_a_duplicate_and_a_new_one_does_not() -> None:
    metrics, links = metrics_of("orders"), Links("orders", 1, Acks.AFTER_JOURNAL)
    for seq in (1, 2, 1, 2, 3):
        arrived = frame(TIMER, seq)
        metrics.arriving(arrived, links)
        links.receive(arrived)
    metrics.arriving(frame(TIMER, 0), links)  # a stream: not numbered, so never a repeat

    assert samples(metrics.exposition())["manta_link_duplicates_total{peer=risk}"] == 2


def test_a_status_without_orders_has_no_series() -> None:
    orders = {"SUBMITTED": 1}
    metrics = metrics_of("orders", refresh=lambda: Views(orders=orders))
    metrics.exposition()
    orders.clear()
    orders["FILLED"] = 1

    found = samples(metrics.exposition())

    assert found["manta_orders{status=FILLED}"] == 1
    assert "manta_orders{status=SUBMITTED}" not in found


def test_dropped_messages_are_counted_once_however_often_one_looks() -> None:
    metrics = metrics_of(refresh=lambda: Views(mailbox_dropped=3))
    metrics.exposition()

    assert samples(metrics.exposition())["manta_mailbox_dropped_total"] == 3


def test_staleness_grows_until_the_next_batch() -> None:
    now = [NOW]
    metrics = ActorMetrics("r1", "feed", "feed", now_ns=lambda: now[0])
    metrics.handled(quotes(1, NOW), NOW)
    now[0] += 3 * NS_PER_S

    (staleness,) = (v for k, v in samples(metrics.exposition()).items() if "staleness" in k)

    assert staleness == 3


def test_labels_stay_bounded_whatever_a_venue_says() -> None:
    metrics = metrics_of("orders")
    for code in range(2000):
        said = OrderRejected(**ABOUT_ORDER, instrument_id=BTC, code=str(code), reason="")
        metrics.said(said)

    found = {k: v for k, v in samples(metrics.exposition()).items() if "rejections" in k}

    assert len(found) <= 257
    assert sum(found.values()) == 2000
    assert found["manta_order_rejections_total{code=other}"] > 1000


# --- latency buckets ------------------------------------------------------------------------------


def observed(values: list[int]) -> LatencyBuckets:
    buckets = LatencyBuckets()
    for value in values:
        buckets.add_ns(value)
    return buckets


@given(st.lists(st.integers(0, 10**13), min_size=1), st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_that_of_the_values_within_two_percent(
    values: list[int], part: float
) -> None:
    exact = float(np.quantile(values, part, method="inverted_cdf"))

    found = observed(values).percentile_ms(part)

    assert found is not None
    assert found * NS_PER_MS == pytest.approx(exact, rel=0.017, abs=1)


@given(st.lists(st.integers(-5, 10**12)), st.lists(st.integers(-5, 10**12)))
def test_merged_buckets_are_those_of_all_values(first: list[int], second: list[int]) -> None:
    whole = observed(first).merged(observed(second))

    assert whole == observed(second + first)
    assert len(whole) == len(first) + len(second)
    assert LatencyBuckets.from_json(whole.to_json()) == whole


def test_merging_changes_neither_part() -> None:
    first, second = observed([1]), observed([2])

    first.merged(second).add_ns(3)

    assert (first, second) == (observed([1]), observed([2]))


def test_nothing_observed_has_no_percentile() -> None:
    assert LatencyBuckets().percentile_ms(0.5) is None


def test_a_latency_may_stand_for_many() -> None:
    buckets = observed([1_000])
    buckets.add_ns(5_000_000, count=99)

    assert len(buckets) == 100
    assert buckets.percentile_ms(0.5) == pytest.approx(5.0, rel=0.017)


# --- the endpoint ---------------------------------------------------------------------------------


def pages() -> list[tuple[str, bytes]]:
    strategy = metrics_of("strategy-TREND")
    strategy.handled(TIMER, NOW)
    return [("risk", everything().exposition()), ("strategy-TREND", strategy.exposition())]


def test_a_merged_page_names_each_family_once_and_each_sample_with_its_actor() -> None:
    page = merge(pages()).decode()
    types = re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)
    helps = re.findall(r"^# HELP (\S+)", page, re.MULTILINE)

    assert types == helps
    assert len(types) == len(set(types))
    assert all('actor="' in line for line in page.splitlines() if not line.startswith("#"))


def test_a_merged_page_has_every_sample_of_every_actor() -> None:
    merged = samples(merge(pages()))
    alone = [len(samples(page)) for _, page in pages()]

    assert len(merged) == sum(alone)
    assert merged["manta_actor_incarnation{actor=risk}"] == 3
    assert merged["manta_actor_incarnation{actor=strategy-TREND}"] == 1


def test_an_odd_actor_name_is_escaped() -> None:
    name = 'a"b\\c\nd {e}'

    merged = samples(merge([(name, metrics_of().exposition())]))

    assert merged[f"manta_actor_incarnation{{actor={name}}}"] == 1


def test_nobody_answering_is_an_empty_page() -> None:
    assert merge([("risk", b"")]) == b""


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_complain_about() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=merge(pages()), capture_output=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


async def test_the_endpoint_serves_what_the_actors_say_now() -> None:
    said = pages()

    async def fetch() -> list[tuple[str, bytes]]:
        return said

    server = await serve_metrics(0, fetch)
    async with aiohttp.ClientSession() as http:
        async with http.get(server.url) as first:
            body = await first.read()
        said.clear()
        async with http.get(server.url) as second:
            later = await second.read()
        async with http.get(f"http://{HOST}:{server.port}/healthz") as health:
            healthy = await health.text()
    await server.close()

    assert first.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert body == merge(pages())
    assert (second.status, later) == (200, b"")
    assert healthy == "ok\n"


async def test_actors_that_cannot_be_asked_are_said_to_the_scraper_and_it_may_ask_again() -> None:
    failures = [RuntimeError("no actors")]

    async def fetch() -> list[tuple[str, bytes]]:
        if failures:
            raise failures.pop()
        return pages()

    server = await serve_metrics(0, fetch)
    async with aiohttp.ClientSession() as http:
        async with http.get(server.url) as first:
            why = await first.text()
        async with http.get(server.url) as second:
            await second.read()
    await server.close()

    assert (first.status, second.status) == (503, 200)
    assert why == "no metrics now: RuntimeError: no actors\n"


async def test_a_busy_port_is_one_line_with_the_remedy() -> None:
    async def fetch() -> list[tuple[str, bytes]]:
        return []

    server = await serve_metrics(0, fetch)
    with pytest.raises(PortBusy, match=f"^port {server.port}: in use.* metrics_port") as caught:
        await serve_metrics(server.port, fetch)
    await server.close()
    again = await serve_metrics(server.port, fetch)
    await again.close()

    assert "\n" not in str(caught.value)
    assert again.port == server.port


async def test_scrapers_at_once_ask_the_actors_one_after_the_other() -> None:
    asking, most = 0, 0

    async def fetch() -> list[tuple[str, bytes]]:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await asyncio.sleep(0.01)
        asking -= 1
        return []

    server = await serve_metrics(0, fetch)
    async with aiohttp.ClientSession() as http:
        answers = await asyncio.gather(*(http.get(server.url) for _ in range(5)))
    await server.close()

    assert [a.status for a in answers] == [200] * 5
    assert most == 1
