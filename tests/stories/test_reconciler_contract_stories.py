"""The reconciler on an account of contracts: positions that end without an order of ours."""

from decimal import Decimal

from instruments import usdt
from reconciler_stage import Stage

from messages import Message, accounts, risk, venue
from messages.base import NS_PER_S, InstrumentId, StrategyId
from messages.market import Product
from messages.orders import LiquiditySide, OrderFilled, OrderSide
from messages.risk import TradingState
from messages.venue import Source
from trading.reconciler import ReconcilerConfig, ReconcilerCore

PERP = usdt().model_copy(
    update={"instrument_id": InstrumentId("BTCUSDT-PERP.SIM"), "product": Product.LINEAR}
)


class Contracts(Stage):
    """A venue of one contract; `held` are open there, `begun` were in our books at the start."""

    def __init__(self, begun: int = 0) -> None:
        super().__init__()
        self.core = ReconcilerCore(ReconcilerConfig({PERP.instrument_id: PERP}))
        self.state = self.core.start()
        self.begun, self.held = Decimal(begun), Decimal(begun)
        self.traded, self.telling = 0, True  # `telling`: whether positions can be had
        self.balances = {"USDT": Decimal(1000)}

    def handle(self, message: Message) -> None:
        if isinstance(message, accounts.SyncRequest) and self.begun:
            position = self.position(self.begun)
            self.later(
                accounts.AccountSnapshot(
                    **self.times(), asker=message.asker, trading_state=TradingState.ACTIVE,
                    orders=(), positions=(position,), balances=(),
                )
            )  # fmt: skip
        else:
            super().handle(message)

    def answer(self, question: Message) -> Message:
        if isinstance(question, venue.QueryOpenOrders):
            return venue.OpenOrdersReport(
                **self.times(), instrument_id=PERP.instrument_id, orders=(), source=Source.QUERY
            )
        if isinstance(question, venue.QueryFills):
            return venue.FillsReport(
                **self.times(), instrument_id=PERP.instrument_id, fills=(), source=Source.QUERY
            )
        if not isinstance(question, venue.QueryPositions):
            return super().answer(question)
        if not self.telling:
            return self.failure(question)
        report = venue.PositionReport(
            **self.times(), instrument_id=PERP.instrument_id, quantity=self.held,
            avg_px=Decimal(100), source=Source.QUERY,
        )  # fmt: skip
        return venue.PositionsReport(
            **self.times(), positions=(report,) if self.held else (), source=Source.QUERY
        )

    def position(self, quantity: Decimal) -> accounts.Position:
        return accounts.Position(
            instrument_id=PERP.instrument_id, strategy_id=StrategyId("S"), quantity=quantity,
            avg_px=Decimal(100), realized_pnl=Decimal(0), commissions=Decimal(0),
        )  # fmt: skip

    def trade(self, side: OrderSide, price: int) -> None:
        """One contract, at the venue and with us: a late fill of an order that ended."""
        self.traded += 1
        self.held += side.sign
        position = self.position(self.held)
        head = self.head(f"o{self.traded}") | {"instrument_id": PERP.instrument_id}
        self.tell(
            OrderFilled(
                **head, trade_id=str(self.traded), side=side, last_qty=Decimal(1),
                last_px=Decimal(price), leaves_qty=Decimal(0), commission=Decimal(0),
                currency="USDT", liquidity_side=LiquiditySide.TAKER,
            )
        )  # fmt: skip
        self.tell(accounts.PositionChanged(**self.times(), position=position))


def test_a_liquidation_that_no_order_of_ours_tells_reduces_trading_until_a_person_resumes() -> None:
    stage = Contracts()
    stage.at(1 * NS_PER_S, lambda: stage.trade(OrderSide.BUY, 100))
    stage.at(11 * NS_PER_S, lambda: setattr(stage, "held", Decimal(0)))
    stage.at(40 * NS_PER_S, lambda: stage.line("operator", "resumes"))

    stage.run(90 * NS_PER_S)

    words = [line.split(maxsplit=1)[1] for line in stage.said]
    assert words == [
        "POSITION_MISMATCH MANUAL position:BTCUSDT-PERP.SIM",
        "SetTradingState REDUCING",
        "resolved POSITION_MISMATCH position:BTCUSDT-PERP.SIM",
    ]


def test_a_liquidation_while_nobody_looked_is_found_at_the_start() -> None:
    stage = Contracts(begun=1)
    stage.held = Decimal(0)

    stage.run(30 * NS_PER_S)

    words = [line.split(maxsplit=1)[1] for line in stage.said]
    assert words == [
        "POSITION_MISMATCH MANUAL position:BTCUSDT-PERP.SIM",
        "SetTradingState REDUCING",
    ]


def test_whoever_resumes_accepts_the_position_that_a_reconciler_of_now_has_reported() -> None:
    stage = Contracts(begun=1)
    stage.held = Decimal(0)
    stage.at(12 * NS_PER_S, lambda: stage.line("operator", "resumes"))

    stage.run(60 * NS_PER_S)

    words = [line.split(maxsplit=1)[1] for line in stage.said]
    assert words == [
        "POSITION_MISMATCH MANUAL position:BTCUSDT-PERP.SIM",
        "resolved POSITION_MISMATCH position:BTCUSDT-PERP.SIM",
    ]


def test_an_open_contract_from_before_our_start_keeps_its_money_unjudged_until_it_closes() -> None:
    stage = Contracts(begun=1)
    stage.at(8 * NS_PER_S, lambda: stage.trade(OrderSide.SELL, 130))
    stage.at(8 * NS_PER_S, lambda: stage.balances.update(USDT=Decimal(1030)))
    stage.at(20 * NS_PER_S, lambda: stage.trade(OrderSide.BUY, 90))
    stage.at(28 * NS_PER_S, lambda: stage.trade(OrderSide.SELL, 95))
    stage.at(28 * NS_PER_S, lambda: stage.balances.update(USDT=Decimal(1035)))
    stage.at(60 * NS_PER_S, lambda: stage.balances.update(USDT=Decimal(935)))

    stage.run(100 * NS_PER_S)

    words = [line.split(maxsplit=1)[1] for line in stage.said]
    assert words == [
        "BALANCE_MISMATCH NONE balance:USDT",
        "resolved BALANCE_MISMATCH balance:USDT",
    ]


def test_positions_that_nobody_tells_are_asked_for_again_and_blamed_on_nobody() -> None:
    stage = Contracts(begun=1)
    stage.at(2 * NS_PER_S, lambda: setattr(stage, "failing", True))
    stage.at(30 * NS_PER_S, lambda: setattr(stage, "failing", False))

    stage.run(60 * NS_PER_S)

    assert stage.said == []
    assert stage.state.failures > 0
    assert stage.state.ledger.offsets[PERP.instrument_id] == {Decimal(0)}
    assert stage.state.trading_state is risk.TradingState.ACTIVE


def test_money_is_judged_while_nobody_tells_the_positions_and_none_is_known() -> None:
    stage = Contracts()
    stage.telling = False
    stage.at(12 * NS_PER_S, lambda: stage.balances.update(USDT=Decimal(900)))

    stage.run(60 * NS_PER_S)

    words = [line.split(maxsplit=1)[1] for line in stage.said]
    assert words == [
        "BALANCE_MISMATCH NONE balance:USDT",
        "resolved BALANCE_MISMATCH balance:USDT",
    ]


def test_a_position_that_differed_is_not_taken_for_explained_while_nobody_tells_it() -> None:
    stage = Contracts(begun=1)
    stage.held = Decimal(0)
    stage.at(12 * NS_PER_S, lambda: setattr(stage, "telling", False))

    stage.run(60 * NS_PER_S)

    words = [line.split(maxsplit=1)[1] for line in stage.said]
    assert words == [
        "POSITION_MISMATCH MANUAL position:BTCUSDT-PERP.SIM",
        "SetTradingState REDUCING",
    ]
