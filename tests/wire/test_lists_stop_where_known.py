"""Lists of our trades begin where everything is known already, and none is left out."""

import itertools
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from messages.base import NS_PER_S, ClientOrderId, InstrumentId, StrategyId, VenueOrderId
from messages.market import Product
from messages.orders import CancelOrder, OrderSide, OrderSpec, OrderType, QueryOrder, SubmitOrder
from messages.venue import FillsReport, QueryFills, Request, Source
from venues.bybit.adapter import ADAPTERS as BYBIT
from venues.coinbase.adapter import CoinbaseAdapter
from venues.okx.adapter import ADAPTERS as OKX
from venues.wire.asked import Asked
from venues.wire.request import Answer

DAY = 86_400 * NS_PER_S
NOW = 1_800_000_000 * NS_PER_S
T: dict[str, Any] = {"ts_event": NOW, "ts_init": NOW}
SPOT = InstrumentId("BTCUSDT-SPOT.BYBIT")
SWAP = InstrumentId("BTC-USDT-SWAP.OKX")
USD = InstrumentId("BTC-USD.COINBASE")


def bybit(code: int = 0, *, cursor: str = "", **result: Any) -> Answer:
    body = {"retCode": code, "retMsg": "", "result": result | {"nextPageCursor": cursor}}
    return Answer(200, {}, msgspec.json.encode(body | {"time": NOW // 1_000_000}))


def test_bybit_lists_week_by_week_from_the_time_until_its_clock() -> None:
    adapter, since = BYBIT[Product.SPOT], NOW - 16 * DAY
    asks = QueryFills(**T, instrument_id=SPOT, since_ns=since)

    wire, spans = adapter.request_of(asks, {}), []
    while wire is not None:
        spans.append((wire.params["startTime"], wire.params["endTime"]))
        wire = adapter.next_page(wire, bybit(list=[]))

    assert spans[0][0] == since // 1_000_000
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert all(end - start == 7 * 86_400_000 for start, end in spans)
    assert len(spans) == 3
    assert spans[-1][1] >= NOW // 1_000_000


def test_bybit_reads_every_page_of_a_week_before_the_next_week() -> None:
    adapter = BYBIT[Product.SPOT]
    wire = adapter.request_of(QueryFills(**T, instrument_id=SPOT, since_ns=NOW - 8 * DAY), {})

    second = adapter.next_page(wire, bybit(list=[{}], cursor="next"))
    assert second is not None
    week = adapter.next_page(second, bybit(list=[{}]))

    assert second.params == {**wire.params, "cursor": "next"}
    assert week is not None
    assert week.params["startTime"] == wire.params["endTime"]
    assert "cursor" not in week.params


def test_bybit_asks_for_no_more_than_the_two_years_that_it_keeps() -> None:
    wire = BYBIT[Product.SPOT].request_of(QueryFills(**T, instrument_id=SPOT, since_ns=1), {})

    assert int(str(wire.params["startTime"])) >= (NOW - 730 * DAY) // 1_000_000


@pytest.mark.parametrize("code", [170213, 20001])
def test_a_conditional_order_on_bybit_spot_is_canceled_by_its_kind(code: int) -> None:
    """By default a cancel looks among plain orders only."""
    cancel = CancelOrder(
        **T,
        client_order_id=ClientOrderId("a1"),
        strategy_id=StrategyId("S"),
        instrument_id=SPOT,
    )
    adapter = BYBIT[Product.SPOT]
    plain = adapter.request_of(cancel, {})

    again = adapter.follow_up(plain, bybit(code))

    assert again == replace(plain, params={**plain.params, "orderFilter": "StopOrder"})
    assert adapter.follow_up(again, bybit(code)) is None
    assert adapter.follow_up(plain, bybit(170139)) is None  # filled: it was a plain one


def okx_fill(trade_id: str, ts_ms: int) -> dict[str, str]:
    sizes = {"fillPx": "100", "fillSz": "1", "side": "buy", "fee": "-0.1", "feeCcy": "USDT"}
    ids = {"instId": "BTC-USDT", "tradeId": trade_id, "ordId": "7", "billId": trade_id.strip("-")}
    return sizes | ids | {"ts": str(ts_ms)}


def test_okx_is_asked_since_a_time_and_keeps_trades_whose_ids_are_negative() -> None:
    """A liquidation's id is negative: it is below every id that we know."""
    adapter, name = OKX[Product.SPOT], InstrumentId("BTC-USDT.OKX")
    asks = QueryFills(**T, instrument_id=name, since_trade_id=500, since_ns=NOW)
    wire = adapter.request_of(asks, {})
    rows = [okx_fill("501", 3), okx_fill("-12", 2), okx_fill("500", 1)]
    body = msgspec.json.encode({"code": "0", "msg": "", "data": rows})

    asked = Asked(Request.QUERY_FILLS, NOW, name, since_trade_id=500, source=Source.QUERY)
    found = adapter.read_answer(Answer(200, {}, body), asked)[-1]

    assert wire.params["begin"] == str(NOW // 1_000_000)
    assert isinstance(found, FillsReport)
    assert [fill.trade_id for fill in found.fills] == ["500", "-12", "501"]


def test_the_trades_of_one_order_are_asked_for_whenever_they_were() -> None:
    of_one = VenueOrderId("7")
    for adapter, name in ((OKX[Product.LINEAR], SWAP), (BYBIT[Product.SPOT], SPOT)):
        asks = QueryFills(**T, instrument_id=name, venue_order_id=of_one, since_ns=NOW)

        params = adapter.request_of(asks, {}).params

        assert not {"begin", "startTime", "start_sequence_timestamp"} & params.keys()


def test_coinbase_is_asked_since_a_time() -> None:
    asks = QueryFills(**T, instrument_id=USD, since_ns=NOW)

    params = CoinbaseAdapter().request_of(asks, {}).params

    assert params["start_sequence_timestamp"] == "2027-01-15T08:00:00.000000000Z"


def test_an_order_that_we_sent_is_not_looked_for_before_it_was_sent() -> None:
    adapter, name = CoinbaseAdapter(), ClientOrderId("a1")
    order = OrderSpec(
        client_order_id=name,
        strategy_id=StrategyId("S"),
        instrument_id=USD,
        side=OrderSide.BUY,
        order_type=OrderType.MARKET,
        quantity=Decimal(1),
    )
    asks = QueryOrder(**T, client_order_id=name, strategy_id=StrategyId("S"), instrument_id=USD)

    unknown = adapter.request_of(asks, {}).params["start_date"]
    adapter.request_of(SubmitOrder(**T, order=order), {})
    sent = adapter.request_of(asks, {}).params["start_date"]

    assert str(unknown) < "2026-12-17"
    assert "2027-01-15T07:58" < str(sent) < "2027-01-15T08:00"
