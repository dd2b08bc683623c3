"""What of a market's past could not be read is said: a part of it never passes as the whole."""

import json
from typing import Any

import pytest
from instruments import usdt
from simulated_binance import BTC, access_to

from messages.base import NS_PER_S
from venues.net import questions
from venues.net.questions import Questions
from venues.wire.request import Answer, HttpRequest

MINUTE_MS = 60_000
PAGE = 1000


class ManyPages:
    """A venue that answers questions for klines with full pages, and the last with half a one;
    the first `throttles` questions are put off."""

    def __init__(self, pages: int, throttles: int = 0) -> None:
        self.pages, self.throttles, self.asked = pages, throttles, 0

    async def send(self, request: HttpRequest) -> Answer:
        if self.throttles:
            self.throttles -= 1
            return Answer(429, {"Retry-After": "1"}, b'{"code":-1003,"msg":""}')
        first, rows = self.asked * PAGE, PAGE if self.asked + 1 < self.pages else PAGE // 2
        self.asked += 1
        return Answer(200, {}, json.dumps([kline(first + n) for n in range(rows)]).encode())


def kline(number: int) -> list[Any]:
    opened = number * MINUTE_MS
    prices = ["100.0", "101.0", "99.0", "100.5"]
    return [opened, *prices, "3.0", opened + MINUTE_MS - 1, "300.0", 7, "1.0", "100.0", "0"]


def asking(venue: ManyPages) -> Questions:
    access = access_to("http://127.0.0.1:1")
    access.instruments[BTC] = usdt(venue="BINANCE")
    access.http = venue  # type: ignore[assignment]
    return Questions(access)


@pytest.mark.parametrize(("pages", "whole"), [(3, True), (4, False)])
async def test_a_history_of_more_pages_than_are_read_says_that_it_is_not_whole(
    pages: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "_PAGES_MAX", 3)

    found = await asking(ManyPages(pages)).bars(BTC, 60 * NS_PER_S, 0)

    assert found.batch is not None
    assert len(found.batch.rows) == (2500 if whole else 3000)
    assert found.whole is whole


async def test_a_question_that_was_put_off_is_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "_PAGES_MAX", 1)

    found = await asking(ManyPages(1, throttles=1)).bars(BTC, 60 * NS_PER_S, 0)

    assert found.whole
    assert found.batch is not None
    assert len(found.batch.rows) == PAGE // 2
