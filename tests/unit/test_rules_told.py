"""Who hears that a venue changed its rules, and who says that it must have."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from story import BTC, CONFIG, Story, spec

from messages import control, venue
from messages import orders as m
from messages.accounts import SyncRequest
from messages.base import StrategyId
from messages.market import Instrument, InstrumentChanged, RulesRequested
from messages.risk import RiskLimits
from trading import books_bytes, positions
from trading.account import OrderManagerConfig
from trading.machine import Machine, Row
from trading.order_manager import OrderManagerCore
from trading.risk import RiskConfig, RiskCore
from trading.wiring import Directory

CHANGES: dict[str, Any] = {
    "price_increment": BTC.price_increment * 10,
    "size_increment": BTC.size_increment * 10,
    "min_quantity": Decimal(1),
    "max_quantity": Decimal(7),
    "min_notional": Decimal(99),
    "maker_fee": Decimal("0.5"),
    "taker_fee": Decimal("0.5"),
    "contract_size": Decimal("0.01"),
}
FILTER = ("-1013", "says the venue")
COARSER = BTC.model_copy(update=CHANGES)


def news(instrument: Instrument = COARSER, at: int = 1) -> InstrumentChanged:
    return InstrumentChanged(ts_event=at, ts_init=at, instrument=instrument)


# --- risk -----------------------------------------------------------------------------------------


def refused(kind: type[m.OrderRejected | m.OrderModifyRejected], code: str) -> m.OrderFact:
    return kind(
        ts_event=1,
        ts_init=1,
        client_order_id="o1",
        strategy_id="S",
        instrument_id=BTC.instrument_id,
        code=code,
        reason="says the venue",
    )


@pytest.mark.parametrize("kind", [m.OrderRejected, m.OrderModifyRejected])
def test_risk_has_the_rules_asked_for_that_let_a_refused_order_pass(kind: Any) -> None:
    config = RiskConfig(
        RiskLimits(instruments=()), {}, about_rules=lambda code, reason: (code, reason) == FILTER
    )
    core = RiskCore(config)

    said = core.react(core.start(), refused(kind, FILTER[0]), 7).out
    nothing = core.react(core.start(), refused(kind, "-2010"), 7).out

    (asked,) = said
    assert isinstance(asked, RulesRequested)
    assert asked.instrument_ids == (BTC.instrument_id,)
    assert asked.reason == "-1013: says the venue"
    assert nothing == ()


# --- the order manager ----------------------------------------------------------------------------


def hear(story: Story, message: Any) -> tuple[Any, ...]:
    step = story.core.react(story.books, message, story.now_ns)
    story.books = step.state
    return step.out


def sync(asker: str) -> SyncRequest:
    return SyncRequest(ts_event=1, ts_init=1, asker=asker, incarnation=2)


def test_the_reconciler_is_told_of_new_rules_once_and_again_when_it_restarts() -> None:
    story = Story()

    told = hear(story, news())
    again = hear(story, news(at=2))
    restarted = {who: hear(story, sync(who)) for who in ("reconciler", "reconciler@okx", "risk")}

    assert [message.instrument for message in told] == [COARSER]
    assert again == ()
    rules = {w: [n.instrument for n in out if isinstance(n, InstrumentChanged)]
             for w, out in restarted.items()}  # fmt: skip
    assert rules == {"reconciler": [COARSER], "reconciler@okx": [COARSER], "risk": []}


def test_rules_of_instruments_that_are_not_traded_here_are_not_kept() -> None:
    story = Story()

    out = hear(story, news(COARSER.model_copy(update={"instrument_id": "DOGEUSDT.BINANCE"})))

    assert out == ()
    assert not story.books.rules


def test_a_snapshot_keeps_new_rules_and_one_without_any_is_as_it_ever_was() -> None:
    story = Story()
    before = books_bytes.save(story.books)
    hear(story, news())

    kept = books_bytes.load(books_bytes.save(story.books), ())

    assert b"rules" not in before
    assert kept.rules == story.books.rules
    assert kept == story.books


LIFE = """
    0  approve o1 buy 2 @ 100
    1  report  o1 NEW
    2  fill    o1 t1 0.5 @ 100
    3  approve o2 sell 1 @ 101
    4  fill    o2 t2 1 @ 101
    5  fill    o1 t3 1.5 @ 99
"""


def test_orders_and_positions_are_the_same_whatever_the_rules_became_on_the_way() -> None:
    plain, changed = Story().play(LIFE), Story()

    for n, line in enumerate(filter(None, map(str.strip, LIFE.splitlines()))):
        changed.play(line)
        hear(changed, news(COARSER.model_copy(update={"contract_size": Decimal(n + 1)}), n))

    assert plain.books.fills == 3
    assert positions.views(plain.books.positions)
    assert replace(changed.books, rules=plain.books.rules) == plain.books


def test_a_journal_gives_the_same_books_to_a_run_that_begins_with_other_rules() -> None:
    directory = Directory({StrategyId("S"): frozenset({BTC.instrument_id})})
    lived = Machine("orders", OrderManagerCore(CONFIG), directory, 1)
    rows: list[Row] = []
    for message in _inputs():
        rows += lived.local(message, 5, "venue").rows
    other = OrderManagerConfig({BTC.instrument_id: COARSER}, CONFIG.owners)

    recovered = Machine("orders", OrderManagerCore(other), directory, 2)
    inputs = recovered.recover(rows)

    assert inputs == len(_inputs())
    assert recovered.state == lived.state
    assert recovered.state.rules[BTC.instrument_id] == COARSER
    assert recovered.digest() == lived.digest()


def _inputs() -> list[Any]:
    fill = venue.FillReport(
        ts_event=3,
        ts_init=3,
        client_order_id="o1",
        venue_order_id="v1",
        instrument_id=BTC.instrument_id,
        trade_id="t1",
        side=m.OrderSide.BUY,
        last_qty=Decimal(1),
        last_px=Decimal(100),
        commission=Decimal("0.1"),
        currency="USDT",
        liquidity_side=m.LiquiditySide.TAKER,
        source=venue.Source.STREAM,
    )
    return [
        m.ApprovedOrder(ts_event=1, ts_init=1, order=spec("o1", qty="2")),
        news(at=2),
        fill,
        sync("reconciler"),
        control.TimerFired(ts_event=4, ts_init=4, name="orders"),
    ]
