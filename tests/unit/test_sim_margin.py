"""Linear perpetuals at the simulated venue: positions, margin, profit, funding, liquidation."""

from decimal import Decimal

import numpy as np
import pytest
from instruments import coin

from messages.arrays import FUNDING
from messages.base import Command, Event
from messages.market import FundingBatch, Product
from messages.venue import (
    AccountReport,
    CancelAllAfter,
    CancelAllOrders,
    FeesReport,
    FillReport,
    MarginMode,
    OrderListReport,
    OrderReport,
    PositionReport,
    PositionsReport,
    QueryAccount,
    QueryFees,
    QueryPositions,
    RequestDone,
    RequestRefused,
    SetLeverage,
    SetMarginMode,
    SubmitOrderList,
)
from venues.sim.script import MarketMessage, command, parse, words
from venues.sim.venue import SimVenue, SimVenueConfig

PERP = coin(
    "X-PERP.SIM", size_increment="0.1", min_quantity="0.1", max_quantity="10000",
    taker_fee="0.001",
).model_copy(update={"product": Product.LINEAR})  # fmt: skip
X = PERP.instrument_id
BOOK = "book 98x50 99x50 | 101x50 102x50"
AT = {"ts_event": 0, "ts_init": 0}


def opened(*lines: str, usd: str = "1000") -> SimVenue:
    venue = SimVenue(SimVenueConfig((PERP,), {"USD": Decimal(usd)}, amends=True))
    for line in (BOOK, *lines):
        step(venue, line)
    return venue


def step(venue: SimVenue, line: str, now_ns: int = 1) -> tuple[Event, ...]:
    message = parse(line, X)
    if isinstance(message, MarketMessage):
        return venue.on_market(message, now_ns)
    outcome = venue.on_command(message, now_ns)
    refused = (outcome.reply,) if isinstance(outcome.reply, RequestRefused) else ()
    return (*refused, *outcome.stream)


def position(venue: SimVenue) -> tuple[str, str] | None:
    """(quantity, average price) of the one position."""
    reply = venue.on_command(QueryPositions(**AT), 1).reply
    assert isinstance(reply, PositionsReport)
    assert venue.ledger().problems() == ()
    return next(((str(p.quantity), str(p.avg_px)) for p in reply.positions), None)


def usd(venue: SimVenue) -> tuple[Decimal, Decimal]:
    """(total, free)."""
    reply = venue.on_command(QueryAccount(**AT), 1).reply
    assert isinstance(reply, AccountReport)
    (found,) = [b for b in reply.balances if b.currency == "USD"]
    return found.total, found.free


def funding(venue: SimVenue, mark: float, rate: float, ts_next: int, now_ns: int) -> None:
    rows = np.array([(now_ns, now_ns, rate, mark, ts_next)], FUNDING)
    batch = FundingBatch(ts_event=now_ns, ts_init=now_ns, instrument_id=X, rows=rows)
    venue.on_market(batch, now_ns)


def test_fills_net_into_one_position_and_profit_is_in_quote() -> None:
    venue = opened("BUY a 2", "BUY b 1 @102 IOC")
    assert position(venue) == ("3.0", "101")

    step(venue, "SELL c 1")
    assert position(venue) == ("2.0", "101")
    assert usd(venue)[0] == Decimal(1000) - Decimal("0.303") - Decimal("0.099") - 2

    step(venue, "SELL d 5")
    assert position(venue) == ("-3.0", "99")


def test_margin_is_a_share_of_the_worth_and_profit_frees_more() -> None:
    venue = opened("BUY a 10")  # 1010 at 20x
    total, free = usd(venue)
    assert total - free == Decimal("50.5")

    step(venue, "BUY b 10 @98")  # 980 at 20x
    assert usd(venue)[1] == free - 49


def test_order_that_only_closes_needs_no_margin() -> None:
    venue = opened("BUY a 100", usd="520")
    before = usd(venue)[1]

    assert words(step(venue, "BUY b 10")) == ["!INSUFFICIENT_MARGIN"]
    assert words(step(venue, "SELL c 60 @110")) == ["c=NEW"]
    assert words(step(venue, "SELL d 40 @110")) == ["d=NEW"]
    assert usd(venue)[1] == before
    assert words(step(venue, "SELL e 100 @110")) == ["!INSUFFICIENT_MARGIN"]


def test_leverage_decides_the_margin_and_has_bounds() -> None:
    venue = opened("BUY a 10", "BUY b 10 @98")
    total, free = usd(venue)

    def lever(to: int) -> Event:
        return venue.on_command(SetLeverage(**AT, instrument_id=X, leverage=Decimal(to)), 1).reply

    assert isinstance(lever(10), RequestDone)
    assert total - usd(venue)[1] == 2 * (total - free)
    refused = [lever(126), lever(1)]

    assert [r.code for r in refused if isinstance(r, RequestRefused)] == [
        "LEVERAGE",
        "INSUFFICIENT_MARGIN",
    ]
    assert total - usd(venue)[1] == 2 * (total - free)
    assert venue.ledger().problems() == ()


def test_margin_mode_is_kept_by_what_is_open() -> None:
    venue = opened()

    def mode(to: MarginMode) -> str:
        found = venue.on_command(SetMarginMode(**AT, instrument_id=X, mode=to), 1).reply
        return found.code if isinstance(found, RequestRefused) else "done"

    assert mode(MarginMode.CROSS) == "MARGIN_MODE_SAME"
    assert mode(MarginMode.ISOLATED) == "done"
    step(venue, "BUY a 1 @98")
    assert mode(MarginMode.CROSS) == "MARGIN_MODE_BUSY"


def test_take_profit_triggers_where_a_stop_would_not() -> None:
    venue = opened("trade 100 1 buy", "BUY a 2")

    assert words(step(venue, "SELL s 2 ~99 reduce")) == ["!WOULD_TRIGGER"]
    assert words(step(venue, "SELL t 2 ~105 reduce")) == ["t=NEW"]
    assert words(step(venue, "trade 104 1 buy")) == []
    assert words(step(venue, "trade 105 1 buy")) == ["t=NEW^", "t:2.0@99T", "t=FILLED^"]
    assert position(venue) is None


def test_amended_price_moves_the_order_to_the_end_of_its_new_queue() -> None:
    venue = opened("bid 97 7", "BUY a 2 @98")

    assert words(step(venue, "modify a 3 @97")) == ["a=NEW"]
    assert words(step(venue, "trade 97 7 sell")) == []
    assert words(step(venue, "trade 97 1 sell")) == ["a:1.0@97M", "a=PARTIALLY_FILLED"]
    assert words(step(venue, "modify a 3 @101")) == [
        "a=PARTIALLY_FILLED",
        "a:2.0@101T",
        "a=FILLED",
    ]
    assert venue.ledger().problems() == ()


def test_amendment_of_a_post_only_order_that_would_take_is_refused_and_it_stays() -> None:
    venue = opened("BUY a 2 @98 post")

    assert words(step(venue, "modify a 2 @101")) == ["!WOULD_TAKE"]
    assert words(step(venue, "trade 97 1 sell")) == ["a:2.0@98M", "a=FILLED"]


@pytest.mark.parametrize(("lots", "paid"), [("BUY a 10", "-1.05"), ("SELL a 10", "1.05")])
def test_funding_is_paid_once_at_its_time_by_the_rate_known_before(lots: str, paid: str) -> None:
    venue = opened(lots)
    before = usd(venue)[0]

    funding(venue, 105.0, 0.001, ts_next=100, now_ns=50)
    funding(venue, 105.0, 0.001, ts_next=100, now_ns=99)
    assert usd(venue)[0] == before
    venue.on_time(100)
    funding(venue, 120.0, 0.5, ts_next=100, now_ns=101)
    venue.on_time(150)

    assert usd(venue)[0] - before == Decimal(paid)
    assert [str(f.position) for f in venue.ledger().funding] == [
        f"{(lots.split(maxsplit=1)[0] == 'SELL' and '-') or ''}10.0"
    ]
    assert venue.ledger().problems() == ()


def test_position_that_its_margin_cannot_carry_is_closed_by_force() -> None:
    venue = opened("BUY a 90", "BUY b 1 @98", usd="1000")
    reply = venue.on_command(QueryPositions(**AT), 1).reply
    assert isinstance(reply, PositionsReport)
    at = reply.positions[0].liquidation_px

    funding(venue, float(at) + 1, 0.0, 0, now_ns=5)
    held = position(venue)
    assert held is not None
    rows = np.array([(6, 6, 0.0, float(at) - 1, 0)], FUNDING)
    told = venue.on_market(
        FundingBatch(ts_event=6, ts_init=6, instrument_id=X, rows=rows), now_ns=6
    )

    assert words(told)[:2] == ["b=CANCELED", "autoclose-1=NEW"]
    assert [e.quantity for e in told if isinstance(e, PositionReport)] == [Decimal("0.0")]
    assert position(venue) is None
    assert usd(venue)[0] >= 0
    assert sum(f.last_qty * f.side.sign for f in venue.ledger().fills) == 0


def test_loss_beyond_the_account_is_the_insurance_funds() -> None:
    venue = opened("BUY a 90", usd="1000")

    funding(venue, 50.0, 0.0, 0, now_ns=5)

    assert (usd(venue), position(venue)) == ((Decimal(0), Decimal(0)), None)
    assert venue.ledger().insured["USD"] > 0


def test_isolated_position_loses_its_margin_and_no_more() -> None:
    venue = opened(usd="1000")
    venue.on_command(SetMarginMode(**AT, instrument_id=X, mode=MarginMode.ISOLATED), 1)
    step(venue, "SELL a 50")
    total, free = usd(venue)

    funding(venue, 150.0, 0.0, 0, now_ns=5)

    assert usd(venue) == (free, free)
    assert free < total
    assert venue.ledger().problems() == ()


def test_list_places_each_order_by_itself() -> None:
    venue = opened()
    specs = [command(line, X) for line in ("BUY a 1 @98", "BUY b 1 @98.5", "BUY c 1")]
    orders = tuple(getattr(c, "order") for c in specs)  # noqa: B009

    reply = venue.on_command(SubmitOrderList(**AT, orders=orders), 1).reply

    assert isinstance(reply, OrderListReport)
    assert [
        a.status.value if isinstance(a, OrderReport) else a.code
        for a in reply.answers
        if isinstance(a, OrderReport | RequestRefused)
    ] == ["NEW", "PRICE_INCREMENT", "FILLED"]


def test_dead_mans_switch_cancels_unless_told_again() -> None:
    venue = opened("BUY a 1 @98", "SELL b 1 @110")

    def arm(after_ns: int, now_ns: int) -> Command:
        switch = CancelAllAfter(**AT, instrument_id=X, after_ns=after_ns)
        assert isinstance(venue.on_command(switch, now_ns).reply, RequestDone)
        return switch

    arm(100, now_ns=10)
    arm(100, now_ns=100)
    assert words(venue.on_time(199)) == []
    assert words(venue.on_time(200)) == ["a=CANCELED", "b=CANCELED"]
    step(venue, "BUY c 1 @98", 300)
    arm(100, now_ns=300)
    arm(0, now_ns=350)
    assert words(venue.on_time(900)) == []


def test_all_orders_are_cancelled_by_one_command_and_fees_are_told() -> None:
    venue = opened("BUY a 1 @98", "BUY b 1 @97")

    ended = venue.on_command(CancelAllOrders(**AT, instrument_id=X), 1)
    fees = venue.on_command(QueryFees(**AT, instrument_id=X), 1).reply

    assert words(ended.stream) == ["a=CANCELED", "b=CANCELED"]
    assert isinstance(ended.reply, RequestDone)
    assert isinstance(fees, FeesReport)
    assert (fees.maker, fees.taker) == (PERP.maker_fee, PERP.taker_fee)


def test_storm_of_partial_fills_adds_up_to_the_order() -> None:
    venue = opened()
    venue.split_fills(4)

    told = step(venue, "BUY a 2")

    assert [str(e.last_qty) for e in told if isinstance(e, FillReport)] == ["0.5"] * 4
    assert words(told)[-1] == "a=FILLED"
    assert position(venue) == ("2.0", "101")


def test_coarser_rules_hold_for_what_is_placed_next() -> None:
    venue = opened("BUY a 1 @98")

    venue.change_rules(PERP.model_copy(update={"price_increment": Decimal(10)}))

    assert words(step(venue, "BUY b 1 @98")) == ["!PRICE_INCREMENT"]
    assert words(step(venue, "BUY c 1 @90")) == ["c=NEW"]
    assert words(step(venue, "cancel a")) == ["a=CANCELED"]
    with pytest.raises(ValueError, match="multiple"):
        venue.change_rules(PERP.model_copy(update={"price_increment": Decimal("0.7")}))
