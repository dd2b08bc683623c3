"""What risk lets pass, and with which code it refuses."""

from dataclasses import replace
from decimal import Decimal

import pytest
from immutables import Map
from story import BTC, spec

from messages import orders as m
from messages.base import NS_PER_S
from messages.market import FeedReported
from messages.orders import OrderSide, OrderType, RefusalCode, TimeInForce
from messages.risk import InstrumentLimits, RiskLimits, TradingState
from trading.risk import RiskConfig, RiskCore
from trading.risk_checks import Exposure, Market, View, check, worst_case
from trading.silence import LEASE_NS

NOW = 100 * NS_PER_S
LIMITS = InstrumentLimits(
    instrument_id=BTC.instrument_id,
    max_order_notional=Decimal(1000),
    max_position=Decimal(5),
    price_collar_bps=100,
)


def view(position: str = "0", buying: str = "0", selling: str = "0", **more: object) -> View:
    held = Decimal(position)
    plain = View(
        instrument=BTC,
        limits=LIMITS,
        market=Market(99.5, 100.0, NOW),
        trading_state=TradingState.ACTIVE,
        position=held,
        long_worst=held + Decimal(buying),
        short_worst=held - Decimal(selling),
        recent=0,
        recent_max=10,
        stale_after_ns=5 * NS_PER_S,
        now_ns=NOW,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def buy(qty: str = "1", price: str = "100") -> m.OrderSpec:
    return spec("o1", "buy", qty, price)


def sell(qty: str = "1", price: str = "100") -> m.OrderSpec:
    return spec("o1", "sell", qty, price)


def market(side: OrderSide, qty: str, *, reduce_only: bool = False) -> m.OrderSpec:
    return m.OrderSpec(
        client_order_id="o1",
        strategy_id="S",
        instrument_id=BTC.instrument_id,
        side=side,
        order_type=OrderType.MARKET,
        quantity=Decimal(qty),
        reduce_only=reduce_only,
    )


C = RefusalCode
STALE = Market(99.5, 100.0, NOW - 6 * NS_PER_S)
SILENT = Market(99.5, 100.0, NOW, frozenset({"book"}))
CASES = [
    (buy(), view(), None),
    (buy(), view(instrument=None), C.UNKNOWN_INSTRUMENT),
    (buy(), view(limits=None), C.UNKNOWN_INSTRUMENT),
    (buy(), view(trading_state=TradingState.HALTED), C.TRADING_HALTED),
    (sell(), view("2", trading_state=TradingState.HALTED), C.TRADING_HALTED),
    (buy(), view(trading_state=TradingState.REDUCING), C.TRADING_REDUCING),
    (sell(), view("2", trading_state=TradingState.REDUCING), None),
    (sell("3"), view("2", trading_state=TradingState.REDUCING), C.TRADING_REDUCING),
    (sell(), view("2", selling="1.5", trading_state=TradingState.REDUCING), C.TRADING_REDUCING),
    (buy(), view(recent=10), C.ORDER_RATE),
    (buy(), view(market=None), C.NO_REFERENCE_PRICE),
    (buy(), view(market=STALE), C.MARKET_DATA_STALE),
    (sell(), view("2", market=STALE), None),
    (buy(), view(market=SILENT), C.MARKET_DATA_STALE),
    (buy("1.0005"), view(), C.INVALID_SIZE_INCREMENT),
    (buy(price="100.001"), view(), C.INVALID_PRICE_INCREMENT),
    (buy("0.001"), view(), C.MIN_NOTIONAL),
    (buy(price="101"), view(), None),
    (buy(price="101.01"), view(), C.PRICE_COLLAR),
    (buy(price="50"), view(), None),
    (sell(price="98.50"), view("2"), C.PRICE_COLLAR),
    (buy("10.001"), view(), C.MAX_ORDER_NOTIONAL),
    (market(OrderSide.BUY, "10.001"), view(), C.MAX_ORDER_NOTIONAL),
    (buy("5"), view(), None),
    (buy("5"), view("0.001"), C.MAX_POSITION),
    (buy("3"), view("1", buying="1.001"), C.MAX_POSITION),
    (sell("5"), view(), None),
    (sell("5"), view(selling="0.001"), C.MAX_POSITION),
    (sell("8"), view("8"), None),
    (market(OrderSide.SELL, "1", reduce_only=True), view("2"), None),
    (market(OrderSide.SELL, "3", reduce_only=True), view("2"), C.REDUCE_ONLY),
    (market(OrderSide.BUY, "1", reduce_only=True), view("2"), C.REDUCE_ONLY),
]


@pytest.mark.parametrize(("order", "seen", "code"), CASES)
def test_the_first_rule_that_applies_gives_its_code(
    order: m.OrderSpec, seen: View, code: RefusalCode | None
) -> None:
    refusal = check(order, seen)

    assert (refusal.code if refusal else None) == code
    assert refusal is None or refusal.text.startswith(f"{code}: ")


def test_the_worst_case_counts_each_side_alone() -> None:
    orders = [
        Exposure(BTC.instrument_id, OrderSide.BUY, Decimal(2)),
        Exposure(BTC.instrument_id, OrderSide.SELL, Decimal(3)),
        Exposure("ETHUSDT.BINANCE", OrderSide.SELL, Decimal(9)),
    ]

    assert worst_case(BTC.instrument_id, Decimal(1), orders) == (Decimal(3), Decimal(-2))


def test_a_limit_ioc_is_collared_like_any_limit() -> None:
    order = buy(price="101.01").model_copy(update={"time_in_force": TimeInForce.IOC})

    refusal = check(order, view())

    assert refusal is not None
    assert refusal.code is C.PRICE_COLLAR


def test_a_feed_that_no_longer_reports_is_refused_on_until_it_does() -> None:
    config = RiskConfig(RiskLimits(instruments=(LIMITS,)), {BTC.instrument_id: BTC})
    core = RiskCore(config)
    market = Market(99.5, 100.0, NOW)
    state = replace(core.start(), ready=True, markets=Map({BTC.instrument_id: market}))

    def verdict(n: int, at: int) -> type:
        asked = m.OrderIntent(ts_event=at, ts_init=at, order=spec(f"o{n}", "buy", "1", "100"))
        return type(core.react(told, asked, at).out[0])

    def report(number: int, at: int) -> FeedReported:
        return FeedReported(ts_event=at, ts_init=at, number=number)

    late = NOW + LEASE_NS + 1
    known = replace(state.markets[BTC.instrument_id], ts_ns=late)  # quotes still come
    state = replace(state, markets=Map({BTC.instrument_id: known}))
    told = core.react(state, report(7, NOW), NOW).state
    in_time, too_late = verdict(1, late - 1), verdict(2, late)
    told = core.react(told, report(7, late), late).state
    out_of_date = verdict(3, late)
    told = core.react(told, report(8, late), late).state

    assert in_time is m.ApprovedOrder
    assert too_late is out_of_date is m.RefusedOrder
    assert verdict(4, late) is m.ApprovedOrder
