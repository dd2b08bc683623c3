"""What of a market's past could not be read is said: a part of it never passes as the whole."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from instruments import usdt
from simulated_binance import BTC, KEYS, access_to

from messages.base import NS_PER_S
from messages.venue import Acted, FillsReport, QueryFills, RequestFailed
from venues.net import gateway, questions
from venues.net.access import Access
from venues.net.gateway import Gateway
from venues.net.questions import Questions
from venues.wire.request import Answer, HttpRequest

MINUTE_MS = 60_000
PAGE = 1000


class ManyPages:
    """A venue that answers questions for lists with full pages, and the last with half a one;
    the first `throttles` questions are put off."""

    def __init__(self, pages: int, throttles: int = 0) -> None:
        self.pages, self.throttles, self.asked = pages, throttles, 0
        self.row: Callable[[int], Any] = kline

    async def send(self, request: HttpRequest) -> Answer:
        if self.throttles:
            self.throttles -= 1
            return Answer(429, {"Retry-After": "1"}, b'{"code":-1003,"msg":""}')
        first, rows = self.asked * PAGE, PAGE if self.asked + 1 < self.pages else PAGE // 2
        self.asked += 1
        return Answer(200, {}, json.dumps([self.row(first + n) for n in range(rows)]).encode())


def kline(number: int) -> list[Any]:
    opened = number * MINUTE_MS
    prices = ["100.0", "101.0", "99.0", "100.5"]
    return [opened, *prices, "3.0", opened + MINUTE_MS - 1, "300.0", 7, "1.0", "100.0", "0"]


def our_trade(number: int) -> dict[str, Any]:
    amounts = {"price": "100.0", "qty": "1.0", "commission": "0.1", "commissionAsset": "USDT"}
    ids = {"symbol": "BTCUSDT", "id": number, "orderId": 7, "time": number}
    return ids | amounts | {"isBuyer": True, "isMaker": False}


def access(venue: ManyPages) -> Access:
    made = access_to("http://127.0.0.1:1", KEYS)
    made.instruments[BTC] = usdt(venue="BINANCE")
    made.http = venue  # type: ignore[assignment]
    return made


def asking(venue: ManyPages) -> Questions:
    return Questions(access(venue))


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


@pytest.mark.parametrize(("pages", "whole"), [(2, True), (3, False)])
async def test_a_list_of_our_trades_that_has_more_pages_than_are_read_is_no_answer(
    pages: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of it would prove that trades, or orders, are not there which are."""
    monkeypatch.setattr(gateway, "_PAGES_MAX", 2)
    venue = ManyPages(pages)
    venue.row = our_trade

    told = await Gateway(access(venue)).execute(
        QueryFills(ts_event=1, ts_init=1, instrument_id=BTC)
    )

    if whole:
        assert isinstance(told, FillsReport)
        assert (len(told.fills), told.complete) == (1500, True)
    else:
        assert isinstance(told, RequestFailed)
        assert told.acted is Acted.NO
        assert "more than 2 pages" in told.reason
