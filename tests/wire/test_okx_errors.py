"""What each of OKX's refusals proves, and what is asked after an answer."""

from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest

from messages.base import ClientOrderId, Command, Event, InstrumentId, VenueOrderId
from messages.market import Product
from messages.orders import (
    CancelOrder,
    ModifyOrder,
    OrderSide,
    OrderSpec,
    OrderType,
    QueryOrder,
    SubmitOrder,
)
from messages.venue import (
    Acted,
    CancelAllAfter,
    CancelAllOrders,
    FillsReport,
    MarginMode,
    OrderListReport,
    OrderNotFound,
    OrderReport,
    QueryFills,
    QueryOpenOrders,
    QueryPositions,
    Request,
    RequestDone,
    RequestFailed,
    RequestRefused,
    SetLeverage,
    SetMarginMode,
    SubmitOrderList,
)
from tests.tools.okx_rules import instruments, ok
from trading.errors import Garbled, Refused
from venues.okx.adapter import ADAPTERS
from venues.okx.codec_errors import CODES, Verdict, judge
from venues.wire.asked import Asked
from venues.wire.limits import Lane
from venues.wire.request import Answer, WireRequest

NOW: Final = 1_790_000_000_000_000_000
T: Final = {"ts_event": 0, "ts_init": 0}
SPOT, SWAP = InstrumentId("BTC-USDT.OKX"), InstrumentId("BTC-USDT-SWAP.OKX")
NAME: Final = ClientOrderId("a1")
ABOUT: Final = {**T, "client_order_id": NAME, "strategy_id": "S", "instrument_id": SWAP}
ADAPTER: Final = ADAPTERS[Product.LINEAR]
RULES: Final = instruments(Product.LINEAR)
ORDER: Final = {
    "instId": "BTC-USDT-SWAP",
    "ordId": "7",
    "clOrdId": "a1",
    "side": "buy",
    "ordType": "limit",
    "state": "live",
    "sz": "50",
    "px": "100",
    "accFillSz": "0",
    "uTime": "1790000000000",
}
ALGO: Final = {
    "instId": "BTC-USDT-SWAP",
    "algoId": "9",
    "algoClOrdId": "a1",
    "side": "buy",
    "ordType": "conditional",
    "state": "live",
    "sz": "50",
    "slTriggerPx": "120",
    "slOrdPx": "-1",
    "actualSz": "",
    "cTime": "1790000000000",
}


def order(**more: Any) -> OrderSpec:
    given: dict[str, Any] = {
        "client_order_id": NAME,
        "strategy_id": "S",
        "instrument_id": SWAP,
        "side": OrderSide.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal("0.5"),
        "price": Decimal(100),
    }
    return OrderSpec(**given | more)


def failed(code: str, msg: str = "no", *rows: dict[str, str], status: int = 200) -> Answer:
    body = {"code": code, "msg": msg, "data": list(rows)}
    return Answer(status, {}, msgspec.json.encode(body))


def row(code: str, name: str = "a1", **more: str) -> dict[str, str]:
    return {"ordId": "", "clOrdId": name, "sCode": code, "sMsg": "why", "ts": "1", **more}


def asked(request: Request, command: Command | None = None) -> Asked:
    return Asked(
        request,
        NOW,
        SWAP,
        NAME,
        ts_venue=NOW,
        order=order(),
        product=Product.LINEAR,
        command=command,
        instruments=RULES,
    )


def read(answer: Answer, request: Request, command: Command | None = None) -> Event:
    return ADAPTER.read_answer(answer, asked(request, command))[-1]


@pytest.mark.parametrize(
    ("code", "status", "kind", "acted"),
    [
        ("51008", 200, RequestRefused, None),  # balance
        ("51121", 200, RequestRefused, None),  # lot
        ("50102", 401, RequestRefused, None),  # our clock
        ("50061", 429, RequestFailed, Acted.NO),  # rate
        ("50001", 503, RequestFailed, Acted.NO),  # maintenance
        ("50004", 400, RequestFailed, Acted.PERHAPS),  # time-out
        ("50026", 500, RequestFailed, Acted.PERHAPS),
        ("51016", 200, RequestFailed, Acted.PERHAPS),  # the id is taken: perhaps by this very order
        ("51149", 200, RequestFailed, Acted.PERHAPS),
        ("51065", 200, RequestFailed, Acted.PERHAPS),  # the algo's id is taken
        ("51412", 200, RequestFailed, Acted.PERHAPS),  # "timed out", or "has been triggered"
        ("50042", 200, RequestFailed, Acted.PERHAPS),  # a repeated request: of which the first was?
        ("51008_1001", 200, RequestRefused, None),  # a code with its sub-code
        ("54035", 200, RequestRefused, None),  # the platform's limit of this collateral
        ("99999", 200, RequestFailed, Acted.PERHAPS),  # not documented
    ],
)
def test_a_code_tells_whether_the_venue_acted(
    code: str, status: int, kind: type, acted: Acted | None
) -> None:
    outer = read(failed(code, status=status), Request.SUBMIT)
    inner = read(failed("1", "All operations failed", row(code)), Request.SUBMIT)

    for found in (outer, inner):
        assert isinstance(found, kind)
        assert getattr(found, "acted", None) is acted


def test_a_question_that_fails_changed_nothing() -> None:
    found = read(failed("50026", status=500), Request.QUERY_FILLS)

    assert isinstance(found, RequestFailed)
    assert found.acted is Acted.NO


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_unreadable_error_leaves_it_open_whether_the_venue_acted(status: int) -> None:
    found = read(Answer(status, {}, b"<html>"), Request.SUBMIT)

    assert isinstance(found, RequestFailed)
    assert found.acted is Acted.PERHAPS


def test_an_unreadable_success_is_garbled() -> None:
    with pytest.raises(Garbled):
        read(Answer(200, {}, b"<html>"), Request.SUBMIT)


def test_who_throttles_says_for_how_long() -> None:
    answer = failed("50011", "Too Many Requests", status=429)

    assert ADAPTER.retry_after_ns(answer) == 2_000_000_000
    assert ADAPTER.retry_after_ns(failed("51008")) == 0
    assert ADAPTER.retry_after_ns(Answer(429, {}, b"<html>")) == 2_000_000_000


def test_an_order_that_is_not_there_is_told_as_of_the_venues_clock() -> None:
    found = read(failed("51603"), Request.QUERY_ORDER)

    assert isinstance(found, OrderNotFound)
    assert found.ts_event == NOW


def test_every_verdict_is_in_the_table_and_no_status_outranks_a_code() -> None:
    assert set(CODES.values()) == set(Verdict)
    assert judge(500, "51008") is Verdict.REFUSED
    assert judge(429, "") is Verdict.THROTTLED


def test_a_list_is_answered_order_by_order() -> None:
    command = SubmitOrderList(
        **T, orders=tuple(order(client_order_id=ClientOrderId(f"a{i}")) for i in range(4))
    )
    rows = [row("0", "a0", ordId="7"), row("51008", "a1"), row("50026", "a2")]

    found = read(failed("2", "", *rows), Request.SUBMIT_LIST, command)

    assert isinstance(found, OrderListReport)
    kinds = [type(a) for a in found.answers]
    assert kinds == [OrderReport, RequestRefused, RequestFailed, RequestFailed]
    assert [a.client_order_id for a in found.answers] == ["a0", "a1", "a2", "a3"]


# --- what is asked after an answer ---------------------------------------------------------------

PLAIN = "/api/v5/trade/order"


def follow(command: Command, *answers: Answer) -> tuple[list[str], Event]:
    """Method and path of every request of a command, and what its last answer says."""
    wire: WireRequest | None = ADAPTER.request_of(command, RULES)
    seen, request = [], wire.request if wire is not None else None
    assert request is not None
    last: Event | None = None
    for answer in answers:
        assert wire is not None, "nothing more was asked"
        seen.append(f"{wire.method} {wire.path.removeprefix('/api/v5/trade/')}")
        last = read(answer, request, command)
        paged = hasattr(last, "fills") or hasattr(last, "orders")
        wire = (ADAPTER.next_page if paged else ADAPTER.follow_up)(wire, answer)
    assert wire is None
    assert last is not None
    return seen, last


def good(*rows: Any) -> Answer:
    return Answer(200, {}, ok(*rows))


ABSENT: Final = failed("1", "", row("51400"))


def test_a_cancel_is_followed_by_how_the_order_is() -> None:
    seen, last = follow(CancelOrder(**ABOUT), good(row("0")), good(ORDER | {"state": "canceled"}))

    assert seen == ["POST cancel-order", "GET order"]
    assert isinstance(last, OrderReport)


def test_a_cancel_of_what_is_no_plain_order_is_tried_among_the_algos() -> None:
    seen, last = follow(CancelOrder(**ABOUT), ABSENT, good(row("0")), good(ALGO))

    assert seen == ["POST cancel-order", "POST cancel-algos", "GET order-algo"]
    assert isinstance(last, OrderReport)
    assert last.order_type is OrderType.STOP_MARKET


def test_a_cancel_of_what_is_nowhere_is_refused() -> None:
    seen, last = follow(CancelOrder(**ABOUT), ABSENT, ABSENT)

    assert seen == ["POST cancel-order", "POST cancel-algos"]
    assert isinstance(last, RequestRefused)


def test_an_amend_is_followed_by_how_the_order_is() -> None:
    seen, last = follow(
        ModifyOrder(**ABOUT, quantity=Decimal("0.4")), good(row("0")), good(ORDER | {"sz": "40"})
    )

    assert seen == ["POST amend-order", "GET order"]
    assert isinstance(last, OrderReport)
    assert last.quantity == Decimal("0.4")


def test_a_stop_that_has_triggered_is_the_order_that_it_placed() -> None:
    placed = ORDER | {"clOrdId": "", "algoId": "9", "algoClOrdId": "a1", "ordType": "market"}

    seen, last = follow(
        QueryOrder(**ABOUT),
        failed("51603"),
        good(ALGO | {"state": "effective", "ordId": "7"}),
        good(placed | {"state": "filled", "accFillSz": "50", "avgPx": "99"}),
    )

    assert seen == ["GET order", "GET order-algo", "GET order"]
    assert isinstance(last, OrderReport)
    assert (last.client_order_id, last.venue_order_id, last.triggered) == ("a1", "9", True)


def test_fills_of_a_stop_are_those_of_the_order_that_it_placed() -> None:
    fill = {"instId": "BTC-USDT-SWAP", "tradeId": "5", "ordId": "7", "side": "buy", "ts": "1"}
    command = QueryFills(**T, instrument_id=SWAP, venue_order_id=VenueOrderId("9"))

    seen, last = follow(
        command,
        good(),
        good(ALGO | {"state": "effective", "ordId": "7"}),
        good(fill | {"fillPx": "99", "fillSz": "50", "fee": "-1", "feeCcy": "USDT"}),
    )

    assert seen == ["GET fills-history", "GET order-algo", "GET fills-history"]
    assert isinstance(last, FillsReport)
    assert [f.venue_order_id for f in last.fills] == ["9"]


def test_open_orders_are_those_of_both_kinds_page_by_page() -> None:
    full = [ORDER | {"ordId": str(i)} for i in range(100)]

    seen, last = follow(
        QueryOpenOrders(**T, instrument_id=SWAP), good(*full), good(ORDER), good(ALGO)
    )

    assert seen == ["GET orders-pending", "GET orders-pending", "GET orders-algo-pending"]
    assert last.orders[0].order_type is OrderType.STOP_MARKET  # type: ignore[attr-defined]


def test_cancel_all_lists_and_cancels_until_nothing_older_is_left() -> None:
    rows = [ORDER | {"ordId": str(i)} for i in range(20)]
    done = [row("0"), row("51400")]

    seen, last = follow(
        CancelAllOrders(**T, instrument_id=SWAP),
        *(good(*rows), failed("2", "", *done), good(), good(ALGO), good(row("0")), good()),
    )

    assert seen == [
        *("GET orders-pending", "POST cancel-batch-orders", "GET orders-pending"),
        *("GET orders-algo-pending", "POST cancel-algos", "GET orders-algo-pending"),
    ]
    assert isinstance(last, RequestDone)


def test_cancel_all_stops_at_what_could_not_be_canceled() -> None:
    seen, last = follow(
        CancelAllOrders(**T, instrument_id=SWAP), good(ORDER), failed("50011", status=429)
    )

    assert len(seen) == 2
    assert isinstance(last, RequestFailed)


# --- what OKX does not have ----------------------------------------------------------------------

NONE: Final[dict[str, tuple[Product, Command, str]]] = {
    "reduce-only on spot": (
        Product.SPOT,
        SubmitOrder(**T, order=order(instrument_id=SPOT, reduce_only=True)),
        "reduce_only",
    ),
    "positions on spot": (Product.SPOT, QueryPositions(**T), "positions"),
    "leverage on spot": (
        Product.SPOT,
        SetLeverage(**T, instrument_id=SPOT, leverage=Decimal(2)),
        "leverage",
    ),
    "margin mode": (
        Product.LINEAR,
        SetMarginMode(**T, instrument_id=SWAP, mode=MarginMode.CROSS),
        "margin mode",
    ),
    "a switch of 5 s": (
        Product.LINEAR,
        CancelAllAfter(**T, instrument_id=SWAP, after_ns=5 * 10**9),
        "10 to 120",
    ),
    "a part of a lot": (
        Product.LINEAR,
        SubmitOrder(**T, order=order(quantity=Decimal(1) / Decimal(3))),
        "number of lots",
    ),
    "another product": (
        Product.LINEAR,
        SubmitOrder(**T, order=order(instrument_id=SPOT)),
        "not an instrument",
    ),
}


@pytest.mark.parametrize("name", NONE)
def test_what_okx_does_not_have_is_refused_before_it_is_sent(name: str) -> None:
    product, command, words = NONE[name]

    with pytest.raises(Refused, match=words):
        ADAPTERS[product].request_of(command, instruments(product))


def test_cancels_come_before_reducing_before_placing() -> None:
    lanes = [
        ADAPTER.cost(ADAPTER.request_of(c, RULES)).lane
        for c in (
            CancelOrder(**ABOUT),
            SubmitOrder(**T, order=order(reduce_only=True)),
            SubmitOrder(**T, order=order()),
        )
    ]

    assert lanes == [Lane.CANCEL, Lane.REDUCE, Lane.SUBMIT]


def test_a_list_costs_as_many_orders_as_it_holds() -> None:
    wire = ADAPTER.request_of(SubmitOrderList(**T, orders=(order(), order())), RULES)

    amounts = dict(ADAPTER.cost(wire).amounts)

    assert set(amounts.values()) == {2}
    assert amounts.keys() <= {rule.name for rule in ADAPTER.limits}
