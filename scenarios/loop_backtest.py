"""A backtest in messages: the cores that trade live, on bars, under virtual time.

    done = run(load("grid"), {"lower": 90, "upper": 110}, bars, Settings(instruments=(rules,)))

Strategy, risk and order manager are the real ones, in `trading.loop`; a feed tells the bars, and
the venue is `venues.sim.bar_venue`. It proves that the compiled engine decides what the live path
decides (the parity law); to search for parameters it is far too slow.

Nothing is lost or late here, so nobody needs to ask again: links do not re-send and timers do not
fire, and an hour without a bar costs nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from messages import orders as m
from messages.arrays import Rows
from messages.base import InstrumentId, RunId, StrategyId
from messages.control import SetTimer, StrategyCheckpoint
from messages.market import Instrument
from messages.risk import InstrumentLimits, RiskLimits
from scenarios.bar_connection import BarConnection
from scenarios.bar_cores import BarFeed, Listener
from trading.account import OrderManagerConfig
from trading.backtest_settings import Rules, Settings
from trading.core import Core
from trading.ids import owners
from trading.loop import Connection, Host, Loop, World
from trading.machine import Machine
from trading.order_manager import OrderManagerCore
from trading.orders import Order
from trading.risk import RiskConfig, RiskCore
from trading.strategy import CompiledStrategy
from trading.strategy_core import StrategyCore
from trading.strategy_python import Strategy
from trading.strategy_state import StrategyConfig, StrategyState
from trading.wiring import Directory, Role, strategy_actor
from venues.sim.bar_venue import BarRules, BarVenue, Ended, Traded

RUN: Final = RunId("loop-backtest")
STRATEGY: Final = StrategyId("S")
_ENOUGH: Final = Decimal("1e18")
_UNLIMITED: Final = 10**9


class QuietLoop(Loop):
    """A loop in which nothing is lost, so that nobody has to ask twice."""

    def _tick(self, name: str) -> None:
        """Links need not re-send."""

    def set_timer(self, host: Host, timer: SetTimer) -> None:
        """Cores' timers only look for what was lost."""


@dataclass(frozen=True, slots=True)
class LoopResult:
    """What happened, in exact numbers, in order.

    orders   as the order manager holds them, by their number within the strategy
    refused  numbers of those that risk refused, with its code
    fills    as the venue made them
    ended    orders that the venue ended, and why
    """

    orders: Mapping[int, Order]
    refused: Mapping[int, str]
    fills: tuple[Traded, ...]
    ended: tuple[Ended, ...]
    cash: Decimal
    position: Decimal
    state: StrategyState
    steps: int


def run(
    strategy: CompiledStrategy | type[Strategy],
    params: Mapping[str, Any],
    bars: Rows,
    settings: Settings,
    *,
    meddle: Callable[[Loop, int], None] | None = None,
) -> LoopResult:
    """One backtest in messages.

    settings  the next-open or path model of a cash account with one instrument
    meddle    called before each step with the loop and the step's number: operators, crashes
    raises    ValueError for settings that this venue does not have
    """
    rules = _checked(settings, strategy)
    connection = BarConnection(_venue(rules, settings), bars)
    instrument, name = connection.sim.instrument, strategy_actor(STRATEGY)
    world = make_world(strategy, params, instrument, connection, lambda: BarFeed(instrument))
    loop = QuietLoop(world, int(bars["ts_open"][0]) if len(bars) else 0)
    loop.start()
    connection.play(loop)
    for step in loop.run():
        if meddle is not None:
            meddle(loop, step)
    orders, mine = loop.hosts[str(Role.ORDERS)].machine, loop.hosts[name].machine
    assert orders is not None, "nobody crashed for good"
    assert mine is not None, "nobody crashed for good"
    refusals = [n for n in loop.notes if isinstance(n, m.RefusedOrder)]
    return LoopResult(
        orders={number_of(k): order for k, order in orders.state.orders.items()},
        refused={number_of(n.client_order_id): str(n.code) for n in refusals},
        fills=tuple(connection.traded),
        ended=tuple(connection.ended),
        cash=connection.sim.cash,
        position=connection.sim.position,
        state=mine.state,
        steps=loop.steps,
    )


def number_of(client_order_id: str) -> int:
    """An order's number within its strategy."""
    return int(client_order_id[-8:])


def _checked(settings: Settings, strategy: Any) -> Rules:
    wrong = {
        "fill": settings.fill == "close",
        "account": settings.account != "cash",
        "impact": bool(settings.impact),
        "protection": bool(settings.protection),
        "tiers": bool(settings.tiers),
        "instruments": len(settings.instruments) != 1,
    }
    found = [name for name, is_wrong in wrong.items() if is_wrong]
    if found:
        raise ValueError(
            f"{found[0]}: a backtest in messages has the next-open and path models of a cash"
            " account with one instrument: use the compiled engine"
        )
    if strategy.timer_ns:
        raise ValueError("timer_ns: timers do not fire in a backtest in messages")
    return settings.instruments[0]


def _venue(rules: Rules, settings: Settings) -> BarVenue:
    maker = settings.maker_fee if rules.maker_fee is None else rules.maker_fee
    taker = settings.taker_fee if rules.taker_fee is None else rules.taker_fee
    path = settings.path or ("nearest" if settings.fill == "path" else "adverse")
    instrument = Instrument(
        instrument_id=InstrumentId(f"{rules.symbol}.BARS"),
        symbol=rules.symbol,
        base=rules.symbol,
        quote=rules.quote or settings.currency,
        price_increment=_exact(rules.tick),
        size_increment=_exact(rules.lot),
        min_quantity=max(_exact(rules.min_quantity), _exact(rules.lot)),
        max_quantity=_exact(rules.max_quantity),
        min_notional=_exact(rules.min_notional),
        maker_fee=_exact(maker),
        taker_fee=_exact(taker),
    )
    assumed = BarRules(
        path=path,
        slippage=_exact(settings.slippage),
        volume_share=_exact(settings.volume_share),
        through=settings.limit_fill == "through",
        maker_fee=_exact(maker),
        taker_fee=_exact(taker),
    )
    return BarVenue(instrument, assumed, _exact(settings.initial_balance))


def make_world(
    strategy: Any,
    params: Mapping[str, Any],
    instrument: Instrument,
    connection: Connection,
    feed: Callable[[], Core[Any]],
) -> World:
    """The actors of a backtest in messages of one instrument, whose risk refuses no size."""
    iid, name = instrument.instrument_id, strategy_actor(STRATEGY)
    limit = InstrumentLimits(
        instrument_id=iid,
        max_order_notional=_ENOUGH,
        max_position=_ENOUGH,
        price_collar_bps=_UNLIMITED,
    )
    limits = RiskLimits(
        instruments=(limit,), max_orders=_UNLIMITED, rate_window_ns=1, stale_after_ns=2**62
    )

    def make(actor: str, incarnation: int) -> Core[Any]:
        if actor == name:
            config = StrategyConfig(RUN, STRATEGY, (iid,), params, incarnation=incarnation)
            return StrategyCore(config, strategy)
        match Role(actor):
            case Role.FEED:
                return feed()
            case Role.RISK:
                return RiskCore(RiskConfig(limits, {iid: instrument}, incarnation))
            case Role.ORDERS:
                return OrderManagerCore(
                    OrderManagerConfig({iid: instrument}, owners(RUN, (STRATEGY,)))
                )
            case _:
                return Listener()

    def restore(machine: Machine[Any], checkpoint: StrategyCheckpoint) -> None:
        core = make(machine.name, machine.incarnation)
        machine.restore(checkpoint, core.restore(checkpoint))  # type: ignore[attr-defined]

    actors = (str(Role.ORDERS), str(Role.RECONCILER), str(Role.RISK), str(Role.FEED), name)
    return World(Directory({STRATEGY: frozenset((iid,))}), actors, make, restore, connection)


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))
