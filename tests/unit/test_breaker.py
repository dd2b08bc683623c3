"""Breakers open, probe and close as the table says, whatever the order of answers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.base import NS_PER_MS, NS_PER_S, ClientOrderId
from messages.venue import Acted, Request, RequestDone, RequestFailed, RequestRefused
from trading.breaker import (
    Breaker,
    BreakerConfig,
    Breakers,
    BreakerState,
    Endpoint,
    RetryPolicy,
    endpoint_of,
)

CLOSED, OPEN, HALF = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
S = NS_PER_S


def failure(acted: Acted = Acted.PERHAPS, retry_after_ns: int = 0) -> RequestFailed:
    return RequestFailed(
        ts_event=1,
        ts_init=1,
        request=Request.SUBMIT,
        acted=acted,
        reason="silence",
        retry_after_ns=retry_after_ns,
    )


def refusal() -> RequestRefused:
    no: Any = {"client_order_id": ClientOrderId("o1"), "code": "-1", "reason": "no"}
    return RequestRefused(ts_event=1, ts_init=1, request=Request.SUBMIT, **no)


def done() -> RequestDone:
    return RequestDone(ts_event=1, ts_init=1, request=Request.CANCEL_ALL)


def play(words: str, breaker: Breaker | None = None) -> Breaker:
    """f: a failure, s: a success, t: throttled, r: a refusal; a number: so many seconds later."""
    found, now = breaker or Breaker(), 0
    for word in words.split():
        if word.isdecimal():
            now += int(word) * S
            continue
        found = found.sent(now)
        answers = {"f": failure(), "s": done(), "r": refusal(), "t": failure(Acted.NO, S)}
        found = found.heard(answers[word], now)
    return found


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("f f", CLOSED),
        ("f f f", OPEN),
        ("f f s f f", CLOSED),
        ("f f r f f", CLOSED),  # a refusal is a venue that works
        ("f f t f", OPEN),  # a throttled request says nothing, either way
        ("f f f 1 s", HALF),
        ("f f f 1 s s", CLOSED),
        ("f f f 1 s f", OPEN),
        ("f f f 1 f", OPEN),
        ("f f f 1 f 1 s", OPEN),  # the second pause is twice as long
        ("f f f 1 f 2 s s", CLOSED),
        ("f f f 1 f 2 f 4 f 4 s", OPEN),
        ("f f f 1 f 2 f 4 f 5 s", HALF),  # and none is longer than this
        ("f f f 1 s s f f", CLOSED),
        ("t t t t t", CLOSED),
    ],
)
def test_a_breaker_after_answers(words: str, state: BreakerState) -> None:
    # What is sent during a pause against the rules is not a probe and changes nothing.
    assert play(words).state is state


def test_nothing_passes_in_a_pause_and_one_probe_at_a_time_after_it() -> None:
    opened = play("f f f")

    assert [opened.wait_ns(t * S // 4) for t in (0, 3, 4, 9)] == [S, S // 4, 0, 0]
    probing = opened.sent(S)
    assert (probing.state, probing.wait_ns(S)) == (HALF, NS_PER_MS)
    assert probing.heard(done(), S).wait_ns(S) == 0


@given(outage_s=st.integers(0, 300), answer_s=st.integers(0, 5))
def test_a_venue_that_is_well_again_is_used_again_soon_however_long_it_was_ill(
    outage_s: int, answer_s: int
) -> None:
    breaker, now = play("f f f"), 0
    while now <= outage_s * S:
        now += max(breaker.wait_ns(now), S)
        breaker = breaker.sent(now).heard(failure(), now)
    well_since = now

    while breaker.state is not CLOSED:
        now += breaker.wait_ns(now)
        breaker = breaker.sent(now)
        now += answer_s * S
        breaker = breaker.heard(done(), now)

    assert now - well_since <= BreakerConfig().pause_most_ns + (1 + 2 * answer_s) * S < 60 * S


@given(st.lists(st.sampled_from("fsrt"), max_size=40))
def test_three_failures_in_a_row_always_open_it_and_fewer_never_do(words: list[str]) -> None:
    row = 0
    breaker = Breaker()
    for word in words:
        row = {"f": row + 1, "t": row}.get(word, 0)
        breaker = play(word, breaker)
        if breaker.state is not CLOSED:
            break

    assert (breaker.state is OPEN) == (row >= 3)


def test_kinds_of_endpoints_fail_apart_and_cancels_always_pass() -> None:
    found = Breakers()
    for endpoint in (Endpoint.ORDERS, Endpoint.CANCELS):
        for _ in range(3):
            found = found.sent("OKX", endpoint, 0).heard("OKX", endpoint, failure(), 0)

    assert found.wait_ns("OKX", Endpoint.ORDERS, 0) > 0
    assert found.wait_ns("OKX", Endpoint.CANCELS, 0) == 0
    assert found.wait_ns("OKX", Endpoint.MARKET, 0) == 0
    assert found.wait_ns("BYBIT", Endpoint.ORDERS, 0) == 0
    assert (found.healthy("OKX"), found.healthy("BYBIT")) == (False, True)


@pytest.mark.parametrize("request_", Request)
def test_every_request_has_its_endpoint(request_: Request) -> None:
    found = endpoint_of(request_)

    assert (found is Endpoint.CANCELS) == request_.startswith("CANCEL")
    assert (found is Endpoint.ACCOUNT) == (not request_.acting or request_.startswith("SET_"))
    assert endpoint_of(None) is Endpoint.MARKET


@pytest.mark.parametrize(
    ("answer", "attempt", "again"),
    [
        (failure(Acted.NO), 1, True),
        (failure(Acted.NO), 2, True),
        (failure(Acted.NO), 3, False),
        (failure(Acted.PERHAPS), 1, False),
        (refusal(), 1, False),
        (done(), 1, False),
    ],
)
def test_only_what_certainly_was_not_done_is_sent_again(
    answer: Any, attempt: int, again: bool
) -> None:
    wait = RetryPolicy().wait_ns(answer, attempt, np.random.default_rng(1))

    assert (wait is not None) == again


def test_a_question_and_what_was_held_back_are_not_sent_again_by_themselves() -> None:
    question = failure(Acted.NO).model_copy(update={"request": Request.QUERY_ORDER})

    for answer in (question, failure(Acted.NO, 5 * S)):
        assert RetryPolicy().wait_ns(answer, 1, np.random.default_rng(1)) is None


@given(attempt=st.integers(1, 9), seed=st.integers(0, 99))
def test_waits_double_and_are_off_by_a_tenth_at_most(attempt: int, seed: int) -> None:
    policy = RetryPolicy(attempts=100)

    wait = policy.wait_ns(failure(Acted.NO), attempt, np.random.default_rng(seed))

    plain = 100 * NS_PER_MS * 2 ** (attempt - 1)
    assert wait is not None
    assert 0.9 * plain <= wait <= 1.1 * plain


def test_a_breaker_is_set_up_by_its_configuration() -> None:
    quick = Breaker(BreakerConfig(failures=1, successes=1, pause_ns=S, pause_most_ns=S))

    assert play("f", quick).state is OPEN
    assert play("f 1 s", quick).state is CLOSED
