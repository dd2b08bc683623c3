"""The preset strategy of `manta run four-venues`: round after round, whatever the venue takes."""

from decimal import Decimal
from typing import Any

import pytest

from messages import orders as m
from messages.base import TradeId
from messages.market import Product
from scenarios.presets.venue_check import VenueCheck
from trading.samples import BTCUSDT
from trading.strategy_bench import Amend, Bench

LOT = BTCUSDT.size_increment


def bought(bench: Bench, fee: str, currency: str) -> None:
    """The strategy's round up to its purchase, which fills at once, less a fee."""
    for step in range(4):  # place, amend, cancel, buy
        bench.quote(60_000, 60_000.01)
        bench.timer()
        if step == 0:
            bench.accept(bench.orders[0])
        if step == 2:
            bench.canceled(bench.orders[0])
    order = bench.orders[-1]
    about: dict[str, Any] = bench._about(order)  # what every event of an order says
    bench.accept(order)
    bench.tell(
        m.OrderFilled(
            **about,
            trade_id=TradeId("1"),
            side=order.side,
            last_qty=order.quantity,
            last_px=Decimal(60_000),
            leaves_qty=Decimal(0),
            commission=Decimal(fee),
            currency=currency,
            liquidity_side=m.LiquiditySide.TAKER,
        )
    )


def sold(bench: Bench) -> list[Decimal]:
    for _ in range(3):
        bench.quote(60_000, 60_000.01)
        bench.timer()
    return [o.quantity for o in bench.orders if o.side is m.OrderSide.SELL]


@pytest.mark.parametrize(
    ("fee", "currency", "kept"),
    [("0.1", "USDT", Decimal(0)), ("0.0000008", "BTC", LOT), ("-0.0000008", "BTC", Decimal(0))],
    ids=["in quote", "in base", "rebate in base"],
)
def test_what_a_fee_took_is_not_sold(fee: str, currency: str, kept: Decimal) -> None:
    bench = Bench(VenueCheck)

    bought(bench, fee, currency)

    held = bench.position
    assert sold(bench) == [held - kept]


def test_a_position_has_no_fee_in_it() -> None:
    bench = Bench(VenueCheck, instrument=BTCUSDT.model_copy(update={"product": Product.LINEAR}))

    bought(bench, "0.0000008", "BTC")

    assert sold(bench) == [bench.position]


def test_dust_does_not_hold_up_the_round() -> None:
    bench = Bench(VenueCheck, {"notional": 6.0})

    bought(bench, "0.0001", "BTC")

    assert sold(bench) == []
    assert bench.orders[-1].post_only, "the next round has begun"


def test_a_restart_forgets_no_fee() -> None:
    bench = Bench(VenueCheck)
    bought(bench, "0.0000008", "BTC")
    bench.timer()
    held = bench.position

    bench.restart()

    assert bench.state.memory.taken == {"BTC": "8E-7"}
    assert held - bench.orders[-1].quantity in (LOT, Decimal(0))


def test_a_fill_that_nobody_has_told_yet_does_not_hold_up_the_round() -> None:
    bench = Bench(VenueCheck)
    bought(bench, "0.1", "USDT")
    sold(bench)  # the venue has filled it, and its stream is silent
    resting = bench.orders[-1]
    assert resting.post_only
    bench.accept(resting)

    for _ in range(3):
        bench.quote(60_000, 60_000.01)
        bench.timer()

    assert len([d for d in bench.decisions if isinstance(d, Amend)]) == 2
    assert bench.orders[-1].order_type is m.OrderType.MARKET, "the round went on"
