"""The venue's ids of orders: they may change at a trigger, and two instruments may share one."""

from decimal import Decimal
from typing import Any

import pytest
from reconciler_stage import BTC, Stage, spec
from story import CONFIG, Story

from messages import Message, accounts, venue
from messages import orders as m
from messages.base import ClientOrderId, InstrumentId, StrategyId, TradeId, VenueOrderId
from messages.venue import FillReport, OrderReport, Source, VenueStatus
from trading.account import OrderManagerConfig
from trading.order_manager import OrderManagerCore
from trading.reconciler_state import ReconcilerConfig, ReconcilerState
from trading.reconciler_turn import Turn

ONE = Decimal(1)
ETH = InstrumentId("ETHUSDT.BINANCE")


def stop(instrument_id: InstrumentId) -> m.OrderSpec:
    return m.OrderSpec(
        client_order_id=ClientOrderId("o1"),
        strategy_id=StrategyId("S"),
        instrument_id=instrument_id,
        side=m.OrderSide.BUY,
        order_type=m.OrderType.STOP_LIMIT,
        quantity=ONE,
        price=Decimal(100),
        trigger_price=Decimal(99),
    )


def report(
    venue_id: str, status: str = "NEW", filled: int = 0, *, triggered: bool = True, **more: Any
) -> OrderReport:
    known: dict[str, Any] = {
        "ts_event": 1,
        "ts_init": 1,
        "client_order_id": ClientOrderId("o1"),
        "venue_order_id": VenueOrderId(venue_id),
        "instrument_id": InstrumentId("BTCUSDT.BINANCE"),
        "side": m.OrderSide.BUY,
        "order_type": m.OrderType.STOP_LIMIT,
        "status": VenueStatus(status),
        "quantity": ONE,
        "filled_qty": Decimal(filled),
        "price": Decimal(100),
        "triggered": triggered,
        "source": Source.STREAM,
    }
    return OrderReport(**known | more)


def fill(venue_id: str, name: str = "", instrument_id: str = "BTCUSDT.BINANCE") -> FillReport:
    return FillReport(
        ts_event=1,
        ts_init=1,
        client_order_id=ClientOrderId(name),
        venue_order_id=VenueOrderId(venue_id),
        instrument_id=InstrumentId(instrument_id),
        trade_id=TradeId("7"),
        side=m.OrderSide.BUY,
        last_qty=ONE,
        last_px=Decimal(100),
        commission=Decimal(0),
        currency="USDT",
        liquidity_side=m.LiquiditySide.MAKER,
        source=Source.QUERY,
    )


def told(story: Story, *messages: Message) -> list[Message]:
    """What the order manager says to these."""
    said: list[Message] = []
    for message in messages:
        step = story.core.react(story.books, message, story.now_ns)
        story.books = step.state
        said += step.out
    return said


def with_stop() -> Story:
    story = Story()
    approved = m.ApprovedOrder(ts_event=0, ts_init=0, order=stop(InstrumentId("BTCUSDT.BINANCE")))
    told(story, approved, report("A1", triggered=False))
    return story


# --- the order manager -------------------------------------------------------------------------


def test_fills_of_a_triggered_order_are_asked_for_by_the_id_that_it_got() -> None:
    story = with_stop()

    said = told(story, report("A1"), report("B2"), report("A1"), report("B2", "FILLED", 1))
    asked = [message.venue_order_id for message in said if isinstance(message, venue.QueryFills)]
    told(story, fill("B2"))

    assert asked == [VenueOrderId("B2")]
    assert story.books.orders[ClientOrderId("o1")].status == "FILLED"


def test_an_adopted_stop_is_known_by_the_id_that_it_gets_when_it_triggers() -> None:
    story = Story()
    name = ClientOrderId("M0123456789ab00000007")
    waiting = report("A1", triggered=False, client_order_id=name)

    told(story, waiting, waiting.model_copy(update={"venue_order_id": VenueOrderId("B2")}))
    told(story, fill("B2"))

    assert story.books.orders[name].filled_qty == ONE


def test_a_venue_order_id_of_another_instrument_is_another_order() -> None:
    btc = CONFIG.instruments[InstrumentId("BTCUSDT.BINANCE")]
    eth = btc.model_copy(update={"instrument_id": ETH, "symbol": "ETHUSDT", "base": "ETH"})
    story = Story()
    story.core = OrderManagerCore(OrderManagerConfig({btc.instrument_id: btc, ETH: eth}))
    story.play("0  approve  o1  buy 1 @ 100")
    told(story, report("9", order_type=m.OrderType.LIMIT, triggered=False))

    told(story, fill("9", instrument_id=ETH))
    before = story.books.orders[ClientOrderId("o1")].filled_qty
    told(story, fill("9"))
    books, shelf = story.core.shelve(story.books, 10**18)

    assert before == 0
    assert story.books.orders[ClientOrderId("o1")].filled_qty == ONE
    assert len(books.orders.packed) == 1
    assert story.core.load(story.core.save(books), [shelf]).by_venue_id == story.books.by_venue_id


def test_the_ids_that_an_order_had_are_known_after_a_restart() -> None:
    story = with_stop()
    told(story, report("A1"), report("B2"))

    restarted = story.core.load(story.core.save(story.books), [])
    same = restarted == story.books
    story.books = restarted
    told(story, report("A1"))

    assert same
    assert story.books.orders[ClientOrderId("o1")].venue_order_id == "B2"


def test_the_ids_that_a_shelved_order_had_are_forgotten_with_and_without_a_restart() -> None:
    story = with_stop()
    told(story, report("A1"), report("B2"), fill("B2"))

    books, shelf = story.core.shelve(story.books, 10**18)

    assert not books.renamed
    assert list(books.by_venue_id) == [(InstrumentId("BTCUSDT.BINANCE"), VenueOrderId("B2"))]
    assert story.core.load(story.core.save(books), [shelf]) == books


def test_books_without_former_ids_have_the_bytes_of_older_snapshots() -> None:
    story = with_stop()

    saved = story.core.save(story.books)

    assert b"renamed" not in saved
    assert story.core.load(saved, []) == story.books


def test_news_that_comes_late_by_the_former_id_does_not_bring_that_id_back() -> None:
    story = with_stop()
    told(story, report("A1"), report("B2"))

    smaller = report("A1", quantity=Decimal("0.5"))
    said = told(story, smaller)
    part = fill("A1").model_copy(update={"last_qty": Decimal("0.1")})
    told(story, part)
    order = story.books.orders[ClientOrderId("o1")]

    assert [type(message) for message in said] == [m.OrderUpdated]
    assert (order.quantity, order.filled_qty) == (Decimal("0.5"), Decimal("0.1"))
    assert order.venue_order_id == "B2"


def test_a_fill_of_an_adopted_stop_that_overtakes_its_new_id_makes_us_ask() -> None:
    story = Story()
    name = ClientOrderId("M0123456789ab00000007")
    told(story, report("A1", triggered=False, client_order_id=name))

    said = told(story, fill("B2", name), fill("B2", name))
    question = next(message for message in said if isinstance(message, m.QueryOrder))
    answer = report(
        "B2",
        "FILLED",
        1,
        client_order_id=name,
        source=Source.QUERY,
        causation_id=question.key,
    )
    asked = told(story, answer)
    told(story, fill("B2", name))

    assert said == [question]
    assert [q.venue_order_id for q in asked if isinstance(q, venue.QueryFills)] == ["B2"]
    assert story.books.orders[name].status == "FILLED"
    assert not story.books.catch_up


# --- the reconciler ----------------------------------------------------------------------------


class Renamed(Stage):
    """A venue that knows its orders of now by other ids."""

    def report(self, key: str) -> OrderReport:
        found = super().report(key)
        new = {"venue_order_id": VenueOrderId("B2"), "order_type": m.OrderType.STOP_LIMIT}
        return found.model_copy(update=new | {"triggered": True})


def test_a_triggered_order_with_another_id_is_no_orphan_and_not_missing() -> None:
    stage = Renamed()
    stage.statuses = {"o1": ("NEW", "0")}
    working = stop(BTC.instrument_id).model_copy(update={"quantity": Decimal(2)})
    stage.snapshot_orders = (
        accounts.OrderView(
            order=working,
            status="TRIGGERED",
            filled_qty=Decimal(0),
            avg_px=Decimal(0),
            venue_order_id=VenueOrderId("A1"),
        ),
    )

    stage.run(60_000_000_000)

    assert stage.said == []
    assert stage.state.by_venue_id[BTC.instrument_id, VenueOrderId("B2")] == "o1"


def test_fills_of_another_instrument_with_our_venue_order_id_are_not_ours() -> None:
    stage = Stage()
    stage.statuses = {"o1": ("NEW", "0")}
    stage.run(20_000_000)
    stage.tell(m.OrderSubmitted(**stage.head("o1"), order=spec("o1")))
    stage.line("ours", "accepted", "o1")
    stage.run_on(6_000_000_000)
    stage.fills = [fill("V-o1", instrument_id="ETHUSDT.SIM")]

    stage.run_on(40_000_000_000)

    assert stage.said == []


def test_foreign_orders_of_two_instruments_may_share_an_id() -> None:
    at_btc = report("9", client_order_id=ClientOrderId("theirs"))
    at_eth = at_btc.model_copy(update={"instrument_id": ETH})
    turn = Turn(ReconcilerConfig({}), ReconcilerState(), "", 0)

    turn.orphan(at_btc)
    turn.orphan(at_eth)
    both = set(turn.state.cases)
    turn.adopt((ETH, VenueOrderId("9")))

    assert len(both) == 2
    assert list(turn.state.orphans.values()) == [at_btc]


@pytest.mark.parametrize("told_s", [2, 7])
def test_a_fill_that_the_venue_lists_under_ids_of_its_own_is_the_one_that_we_hold(
    told_s: int,
) -> None:
    stage = Stage()
    stage.statuses = {"o1": ("NEW", "0")}
    stage.run(20_000_000)
    waiting = stop(BTC.instrument_id).model_copy(update={"quantity": Decimal(2)})
    stage.tell(m.OrderSubmitted(**stage.head("o1"), order=waiting))
    stage.line("ours", "accepted", "o1")
    stage.at(2_000_000_000, lambda: stage.line("venue", "fill", "7", "child", "1", "@", "100"))
    stage.at(2_000_000_000, lambda: stage.line("venue", "PARTIALLY_FILLED", "o1", "1@100"))
    stage.at(
        told_s * 1_000_000_000, lambda: stage.line("ours", "filled", "7", "o1", "1", "@", "100")
    )

    stage.run_on(60_000_000_000)

    assert [line for line in stage.said if "SetTradingState" in line] == []
    assert not stage.state.cases
