"""Do our fills explain the balances of an account that trades contracts?"""

from decimal import Decimal

import pytest
from instruments import usdt

from messages.accounts import AccountSnapshot, Position
from messages.base import NS_PER_S, ClientOrderId, InstrumentId, StrategyId, TradeId, VenueOrderId
from messages.market import Product
from messages.orders import LiquiditySide, OrderFilled, OrderSide
from messages.risk import TradingState
from messages.venue import Balance
from trading import balances
from trading.balances import Ledger
from trading.reconciler import ReconcilerConfig, ReconcilerCore

PERP = usdt().model_copy(
    update={"instrument_id": InstrumentId("BTCUSDT-PERP.SIM"), "product": Product.LINEAR}
)
OTHER = PERP.model_copy(update={"instrument_id": InstrumentId("BTCUSDC-PERP.SIM")})
RULES = {i.instrument_id: i for i in (PERP, OTHER)}
GRACE = NS_PER_S


def traded(
    ledger: Ledger, ts: int, side: OrderSide, price: int, what: InstrumentId = PERP.instrument_id
) -> Ledger:
    """One contract more, for a dollar."""
    fill = OrderFilled(
        ts_event=ts,
        ts_init=ts,
        client_order_id=ClientOrderId("O"),
        strategy_id=StrategyId("S"),
        instrument_id=what,
        venue_order_id=VenueOrderId("1"),
        trade_id=TradeId(str(ts)),
        side=side,
        last_qty=Decimal(1),
        last_px=Decimal(price),
        leaves_qty=Decimal(0),
        commission=Decimal(1),
        currency="USDT",
        liquidity_side=LiquiditySide.TAKER,
    )
    return balances.moved(ledger, balances.flow_of(fill, RULES[what], ts))


def checked(
    ledger: Ledger, ts: int, held: int, contracts: int | None = None
) -> tuple[Ledger, list[str]]:
    """After the venue has said that it holds so many dollars, and contracts if it tells -> (ledger,
    what is not explained)."""
    ledger = balances.asked(ledger, ts)
    wallet = Balance(currency="USDT", total=Decimal(held), free=Decimal(held), locked=Decimal(0))
    told = None if contracts is None else {PERP.instrument_id: Decimal(contracts)}
    ledger = balances.answered(ledger, [wallet], frozenset(), ts, told)
    ledger, gaps = balances.judged(ledger, RULES, GRACE)
    return ledger, [gap.currency for gap in gaps]


@pytest.mark.parametrize("entry", [OrderSide.BUY, OrderSide.SELL])
def test_an_open_contract_is_not_money_that_is_missing(entry: OrderSide) -> None:
    away = OrderSide.SELL if entry is OrderSide.BUY else OrderSide.BUY
    ledger, before = checked(Ledger(), 1, 1000)
    ledger, during = checked(traded(ledger, 10 * GRACE, entry, 100), 20 * GRACE, 999)
    ledger = traded(ledger, 30 * GRACE, away, 110)
    won = 10 if entry is OrderSide.BUY else -10

    assert (before, during) == ([], [])
    assert checked(ledger, 40 * GRACE, 998 + won)[1] == []
    assert checked(ledger, 40 * GRACE, 997 + won)[1] == ["USDT"]


def test_two_contracts_on_one_coin_do_not_cancel_each_other() -> None:
    ledger, _ = checked(Ledger(), 1, 1000)
    ledger = traded(ledger, 10 * GRACE, OrderSide.BUY, 100)
    ledger = traded(ledger, 11 * GRACE, OrderSide.SELL, 103, OTHER.instrument_id)

    assert checked(ledger, 20 * GRACE, 998)[1] == []


def test_a_contract_that_opens_while_the_answer_is_on_its_way_leaves_its_money_unjudged() -> None:
    ledger, _ = checked(Ledger(), 1, 1000)
    ledger = balances.asked(ledger, 10 * GRACE)
    ledger = traded(ledger, 10 * GRACE + 1, OrderSide.BUY, 100)
    wallet = Balance(currency="USDT", total=Decimal(999), free=Decimal(999), locked=Decimal(0))
    ledger = balances.answered(ledger, [wallet], frozenset(), 10 * GRACE + 2)

    assert balances.entered(ledger, RULES, GRACE) == {"USDT"}
    assert balances.judged(ledger, RULES, GRACE)[1] == ()


def restarted(quantity: int) -> Ledger:
    """What a reconciler knows that starts while a contract is held."""
    core = ReconcilerCore(ReconcilerConfig(RULES, grace_ns=GRACE))
    held = Position(
        instrument_id=PERP.instrument_id,
        strategy_id=StrategyId("S"),
        quantity=Decimal(quantity),
        avg_px=Decimal(100),
        realized_pnl=Decimal(0),
        commissions=Decimal(1),
    )
    snapshot = AccountSnapshot(
        ts_event=0,
        ts_init=0,
        asker="reconciler",
        trading_state=TradingState.ACTIVE,
        orders=(),
        positions=(held,),
        balances=(),
    )
    return core.react(core.resume(core.start(), 0).state, snapshot, 0).state.ledger


def test_money_is_judged_again_once_a_contract_that_was_held_before_a_restart_is_closed() -> None:
    ledger, before = checked(restarted(1), 1, 999)
    ledger, closed = checked(traded(ledger, 10 * GRACE, OrderSide.SELL, 110), 20 * GRACE, 1008)

    assert (before, closed) == ([], [])
    assert checked(ledger, 30 * GRACE, 1008)[1] == []
    assert checked(ledger, 30 * GRACE, 1007)[1] == ["USDT"]


def test_a_contract_held_before_a_restart_is_still_open_after_a_trade_and_its_opposite() -> None:
    ledger, _ = checked(restarted(1), 1, 999)
    ledger = traded(ledger, 10 * GRACE, OrderSide.BUY, 120)
    ledger = traded(ledger, 11 * GRACE, OrderSide.SELL, 130)  # 20 won, of an entry at 110

    assert checked(ledger, 20 * GRACE, 1017)[1] == []


def test_money_is_judged_again_once_a_liquidation_has_been_accepted() -> None:
    ledger, _ = checked(restarted(1), 1, 999, contracts=1)
    ledger, liquidated = checked(ledger, 10 * GRACE, 900, contracts=0)
    ledger = balances.rebased(ledger, PERP.instrument_id)
    ledger, accepted = checked(ledger, 20 * GRACE, 900, contracts=0)
    ledger, settled = checked(ledger, 30 * GRACE, 900, contracts=0)

    assert (liquidated, accepted, settled) == ([PERP.instrument_id], [], [])
    assert checked(ledger, 40 * GRACE, 899, contracts=0)[1] == ["USDT"]


def test_the_money_of_somebody_elses_contract_is_not_judged_while_it_is_open() -> None:
    ledger, _ = checked(restarted(0), 1, 1000, contracts=0)
    ledger, found = checked(ledger, 10 * GRACE, 990, contracts=3)
    ledger = balances.rebased(ledger, PERP.instrument_id)
    ledger, accepted = checked(ledger, 20 * GRACE, 980, contracts=3)
    ledger, later = checked(ledger, 30 * GRACE, 970, contracts=3)

    assert (found, accepted, later) == ([PERP.instrument_id], [], [])
