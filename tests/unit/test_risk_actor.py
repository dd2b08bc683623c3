"""What the risk checker's shell adds to its core: how long each verdict took."""

from decimal import Decimal

from story import BTC, spec

from actors.risk import TimedRisk
from messages import orders as m
from messages.risk import InstrumentLimits, RiskLimits
from trading.risk import RiskConfig

LIMITS = InstrumentLimits(
    instrument_id=BTC.instrument_id, max_order_notional=Decimal(1000), max_position=Decimal(2)
)


def test_verdicts_are_timed_and_nothing_else_is() -> None:
    took: list[float] = []
    config = RiskConfig(RiskLimits(instruments=(LIMITS,)), {BTC.instrument_id: BTC})
    core = TimedRisk(config, took.append)
    intent = m.OrderIntent(ts_event=1, ts_init=1, order=spec("o1"))
    cancel = m.CancelIntent(ts_event=1, ts_init=1, client_order_id="o1", strategy_id="S")

    said = core.react(core.start(), intent, 1).out
    core.react(core.start(), cancel, 1)

    assert [type(s) for s in said] == [m.RefusedOrder]
    assert len(took) == 1
    assert took[0] > 0
