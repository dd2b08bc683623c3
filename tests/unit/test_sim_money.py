"""Commissions, reserves, the venue's answers to questions, and its ledger."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from messages.base import ClientOrderId, Command, InstrumentId, StrategyId, VenueOrderId
from messages.orders import OrderSide, OrderSpec, OrderType, QueryOrder, SubmitOrder
from messages.venue import (
    AccountReport,
    FillReport,
    FillsReport,
    OpenOrdersReport,
    OrderNotFound,
    OrderReport,
    QueryAccount,
    QueryFills,
    QueryOpenOrders,
    RequestRefused,
    Source,
    VenueStatus,
)
from trading.samples import BTCUSDT
from venues.sim.questions import FILLS_PAGE
from venues.sim.refusals import TEXT, Refusal
from venues.sim.script import MarketMessage, command, parse
from venues.sim.spot import CommissionIn
from venues.sim.units import Currency, decimals, steps_in
from venues.sim.venue import SimVenue, SimVenueConfig

BTC = BTCUSDT.instrument_id
CONFIG = SimVenueConfig(
    instruments=(BTCUSDT,), balances={"BTC": Decimal("0.5"), "USDT": Decimal("10000")}
)
BOOK = "book 59999.99x1.5 | 60000.01x0.02 60000.02x2"


def opened(*lines: str, config: SimVenueConfig = CONFIG) -> SimVenue:
    venue = SimVenue(config)
    for line in (BOOK, *lines):
        message = parse(line, BTC)
        if isinstance(message, MarketMessage):
            venue.on_market(message, 1)
        else:
            venue.on_command(message, 2)
    return venue


def fills_of(venue: SimVenue) -> list[FillReport]:
    assert venue.ledger().problems() == ()
    return venue.ledger().fills


def asked(venue: SimVenue, question: Command) -> object:
    outcome = venue.on_command(question, 9)
    assert outcome.stream == ()
    return outcome.reply


# --- commission -----------------------------------------------------------------------------------


def test_buyer_pays_commission_in_base() -> None:
    venue = opened("BUY a 0.02")

    (fill,) = fills_of(venue)
    assert (fill.commission, fill.currency) == (Decimal("0.00002"), "BTC")
    assert venue.ledger().balances() == {
        "BTC": Decimal("0.51998"),
        "USDT": Decimal("10000") - Decimal("1200.0002"),
    }


def test_seller_pays_commission_in_quote() -> None:
    (fill,) = fills_of(opened("SELL a 0.02"))

    assert (fill.commission, fill.currency) == (Decimal("1.1999998"), "USDT")


def test_commission_can_be_charged_in_quote() -> None:
    quoted = replace(CONFIG, commission_in=CommissionIn.QUOTE)

    (fill,) = fills_of(opened("BUY a 0.02", config=quoted))
    assert (fill.commission, fill.currency) == (Decimal("1.2000002"), "USDT")


def test_maker_and_taker_pay_their_own_rates() -> None:
    cheap = BTCUSDT.model_copy(update={"maker_fee": Decimal("0.0002")})

    taker, maker = fills_of(
        opened(
            "BUY a 0.02",
            "BUY b 0.01 @59999.99",
            "trade 59999.98 1 sell",
            config=replace(CONFIG, instruments=(cheap,)),
        )
    )

    assert (taker.liquidity_side, taker.commission) == ("TAKER", Decimal("0.00002"))
    assert (maker.liquidity_side, maker.commission) == ("MAKER", Decimal("0.000002"))


def test_commission_is_cut_to_eight_decimals() -> None:
    odd = BTCUSDT.model_copy(update={"taker_fee": Decimal("0.00075")})

    (fill,) = fills_of(opened("BUY a 0.00009", config=replace(CONFIG, instruments=(odd,))))

    assert fill.commission == Decimal("0.00000006")  # 0.0000000675


def test_commission_is_cut_where_money_is_finer_than_eight_decimals() -> None:
    fine = BTCUSDT.model_copy(update={"price_increment": Decimal("0.00001")})

    (fill,) = fills_of(
        opened("bid 60000.00001 1", "SELL a 0.02", config=replace(CONFIG, instruments=(fine,)))
    )

    assert fill.commission == Decimal("1.2")  # 1.2000000002


# --- reserves -------------------------------------------------------------------------------------


def test_working_buy_locks_quote_and_gives_it_back() -> None:
    venue = opened()

    placed = venue.on_command(command("BUY a 0.1 @50000", BTC), 3)
    canceled = venue.on_command(command("cancel a", BTC), 4)

    (usdt,) = _account(placed.stream[-1]).balances
    assert (usdt.free, usdt.locked, usdt.total) == (Decimal(5000), Decimal(5000), Decimal(10000))
    (usdt,) = _account(canceled.stream[-1]).balances
    assert (usdt.free, usdt.locked) == (Decimal(10000), Decimal(0))


def test_fill_below_the_limit_frees_the_difference() -> None:
    venue = opened("BUY a 0.05 @61000")

    (usdt,) = [b for b in _account(asked(venue, _account_query())).balances if b.currency == "USDT"]
    assert usdt.locked == 0
    assert usdt.total == Decimal(10000) - Decimal("1200.0002") - Decimal("1800.0006")


def test_quote_commission_is_reserved_with_the_order() -> None:
    venue = opened(config=replace(CONFIG, commission_in=CommissionIn.QUOTE))

    exact = venue.on_command(command("BUY a 0.2 @50000", BTC), 3)
    smaller = venue.on_command(command("BUY b 0.19 @50000", BTC), 3)

    assert isinstance(exact.reply, RequestRefused)
    assert _account(smaller.stream[-1]).balances[0].locked == Decimal("9509.5")


def test_reduced_order_locks_less() -> None:
    venue = opened("SELL a 0.5 @70000")

    outcome = venue.on_command(command("modify a 0.2", BTC), 3)

    assert _account(outcome.stream[-1]).balances[0].locked == Decimal("0.2")
    assert venue.ledger().problems() == ()


def test_order_below_the_minimal_notional_is_refused() -> None:
    venue = opened()

    limit = venue.on_command(command("BUY a 0.0001 @49999.99", BTC), 3).reply
    market = venue.on_command(command("BUY b 0.00008", BTC), 3).reply

    assert isinstance(limit, RequestRefused)
    assert (limit.code, limit.reason) == ("MIN_NOTIONAL", TEXT[Refusal.MIN_NOTIONAL])
    assert isinstance(market, RequestRefused)


# --- answers --------------------------------------------------------------------------------------


def test_ack_holds_the_final_state_and_names_its_cause() -> None:
    venue = opened()

    outcome = venue.on_command(command("BUY a 0.05", BTC), 77)

    reply = outcome.reply
    assert isinstance(reply, OrderReport)
    assert (reply.status, reply.filled_qty) == (VenueStatus.FILLED, Decimal("0.05"))
    assert reply.avg_px == Decimal("60000.016")
    assert (reply.source, reply.ts_event, reply.ts_init) == (Source.ACK, 77, 77)
    assert (reply.correlation_id, reply.causation_id) == ("a", "submit_order:a")
    kinds = [event.key.split(":")[0] for event in outcome.stream]
    assert kinds[:5] == ["order_report", *["fill_report", "order_report"] * 2]
    assert isinstance(outcome.stream[-1], AccountReport)


def test_query_order_finds_the_newest_of_an_id() -> None:
    venue = opened("BUY a 0.01 @50000", "cancel a", "BUY a 0.02 @50000")

    report = asked(venue, _order_query("a"))

    assert isinstance(report, OrderReport)
    assert (report.quantity, report.source) == (Decimal("0.02"), Source.QUERY)
    assert report.venue_order_id == "2"


def test_query_of_an_order_that_never_arrived_says_so_with_the_venues_clock() -> None:
    missing = asked(opened("BUY r 99"), _order_query("r"))  # refused: never an order

    assert isinstance(missing, OrderNotFound)
    assert missing.ts_event == 9


def test_query_open_orders_lists_working_orders_oldest_first() -> None:
    venue = opened("BUY a 0.01 @50000", "BUY b 0.01", "SELL c 0.01 ^50000")

    report = asked(venue, QueryOpenOrders(ts_event=0, ts_init=0, instrument_id=BTC))

    assert isinstance(report, OpenOrdersReport)
    assert [order.client_order_id for order in report.orders] == ["a", "c"]


def test_query_fills_pages_by_trade_id_and_by_order() -> None:
    venue = opened("BUY a 0.05", "SELL b 0.01")

    everything = _fills(asked(venue, _fills_query(0)))
    later = _fills(asked(venue, _fills_query(2)))
    of_b = _fills(asked(venue, _fills_query(0, "2")))

    assert [f.trade_id for f in everything.fills] == ["1", "2", "3"]
    assert [f.trade_id for f in later.fills] == ["2", "3"]
    assert [f.client_order_id for f in of_b.fills] == ["b"]
    assert everything.complete
    assert {f.source for f in everything.fills} == {Source.QUERY}


def test_query_fills_says_when_a_page_is_not_the_last() -> None:
    rich = replace(CONFIG, balances={"BTC": Decimal(1), "USDT": Decimal(10**9)})
    deep = opened("ask 60000.03 1000", config=rich)
    for n in range(FILLS_PAGE + 1):
        deep.on_command(command(f"BUY o{n} 0.0001 @60000.03", BTC), 3)

    first = _fills(asked(deep, _fills_query(0)))
    rest = _fills(asked(deep, _fills_query(int(first.fills[-1].trade_id) + 1)))

    assert (first.complete, len(first.fills)) == (False, FILLS_PAGE)
    assert rest.complete
    assert len(first.fills) + len(rest.fills) == len(fills_of(deep))


def test_query_account_names_every_currency() -> None:
    report = _account(asked(opened(), _account_query()))

    assert [b.currency for b in report.balances] == ["BTC", "USDT"]
    assert not report.partial


def test_unknown_instrument_is_refused_by_every_request() -> None:
    venue = opened()
    other = InstrumentId("XXX.BINANCE")
    requests: list[Command] = [
        _on(other),
        command("cancel a", other),
        command("modify a 1", other),
        QueryOpenOrders(ts_event=0, ts_init=0, instrument_id=other),
        QueryFills(ts_event=0, ts_init=0, instrument_id=other),
        QueryOrder(
            ts_event=0,
            ts_init=0,
            client_order_id=ClientOrderId("a"),
            strategy_id=StrategyId("S"),
            instrument_id=other,
        ),
    ]

    replies = [asked(venue, request) for request in requests]

    assert [r.code for r in replies if isinstance(r, RequestRefused)] == [
        "UNKNOWN_INSTRUMENT"
    ] * len(requests)


def test_command_that_no_venue_understands_is_a_bug() -> None:
    with pytest.raises(TypeError, match="Command: not a command"):
        opened().on_command(Command(ts_event=0, ts_init=0), 1)


def test_unknown_queue_model_is_named_with_the_choices() -> None:
    with pytest.raises(ValueError, match="'fifo': unknown; choose one of risk_averse"):
        SimVenue(replace(CONFIG, queue_model="fifo"))


# --- ledger ---------------------------------------------------------------------------------------


def test_ledger_tells_all_as_plain_json() -> None:
    venue = opened("BUY a 0.02", "BUY b 1", "SELL c 0.1 @70000", "cancel c", "cancel c")

    book = json.loads(json.dumps(venue.ledger().to_json()))

    assert [(o["client_order_id"], o["accepted"], o["status"]) for o in book["orders"]] == [
        ("a", True, "FILLED"),
        ("b", False, "REJECTED"),
        ("c", True, "CANCELED"),
    ]
    assert book["orders"][1]["code"] == "INSUFFICIENT_BALANCE"
    assert [(f["trade_id"], f["last_px"], f["last_qty"]) for f in book["fills"]] == [
        ("1", "60000.01", "0.02000")
    ]
    assert book["cancel_requests"] == 2
    assert book["positions"] == {BTC: "0.02000"}
    assert book["conserved"] is True


def test_ledger_notices_money_from_nowhere() -> None:
    venue = opened("BUY a 0.02")
    fill = venue.ledger().fills[0]

    venue.ledger().fills[0] = fill.model_copy(update={"last_qty": Decimal("0.03")})

    problems = venue.ledger().problems()
    assert any(p.startswith("BTC: balance") for p in problems)
    assert any(p.startswith("order 1:") for p in problems)
    assert venue.ledger().to_json()["conserved"] is False


# --- exact steps ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "step", "count"),
    [("60000.01", "0.01", 6000001), ("0.3", "0.1", 3), ("1.5", "0.25", 6), ("0.005", "0.01", None)],
)
def test_steps_are_exact_or_none(value: str, step: str, count: int | None) -> None:
    assert steps_in(Decimal(value), Decimal(step)) == count


def test_currency_keeps_every_digit() -> None:
    usdt = Currency("USDT", 8)

    assert usdt.amount(usdt.units(Decimal("123456789.12345678"))) == Decimal("123456789.12345678")
    assert [decimals(Decimal(d)) for d in ("5", "0.0100", "1E+3")] == [0, 2, 0]


def _on(instrument_id: InstrumentId) -> SubmitOrder:
    return SubmitOrder(
        ts_event=0,
        ts_init=0,
        order=OrderSpec(
            client_order_id=ClientOrderId("z"),
            strategy_id=StrategyId("S"),
            instrument_id=instrument_id,
            side=OrderSide.BUY,
            order_type=OrderType.MARKET,
            quantity=Decimal(1),
        ),
    )


def _account(event: object) -> AccountReport:
    assert isinstance(event, AccountReport)
    return event


def _fills(event: object) -> FillsReport:
    assert isinstance(event, FillsReport)
    return event


def _account_query() -> QueryAccount:
    return QueryAccount(ts_event=0, ts_init=0)


def _fills_query(since: int, order: str | None = None) -> QueryFills:
    return QueryFills(
        ts_event=0,
        ts_init=0,
        instrument_id=BTC,
        since_trade_id=since,
        venue_order_id=None if order is None else VenueOrderId(order),
    )


def _order_query(name: str) -> QueryOrder:
    return QueryOrder(
        ts_event=0,
        ts_init=0,
        client_order_id=ClientOrderId(name),
        strategy_id=StrategyId("S"),
        instrument_id=BTC,
    )


def test_line_that_says_nothing_is_named() -> None:
    for line in ("jump a", "trade 1", "BUY a x", "quote 1x2"):
        with pytest.raises(ValueError, match=f"line '{line}'"):
            parse(line, BTC)
