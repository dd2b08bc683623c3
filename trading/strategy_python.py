"""Strategies as Python classes, with NautilusTrader's names: slower, same core, same guarantees.

Every callback gets a `Context`, the only way to look around and to ask for orders. What a strategy
remembers is `self`: kept by `on_save` and brought back by `on_load`.
"""

import json
from typing import Any, ClassVar, Final

import numpy as np

from messages.arrays import Rows
from messages.base import ClientOrderId, InstrumentId
from messages.market import BookDeltaBatch, Instrument
from messages.orders import OrderEvent, OrderSide, RefusedOrder
from trading import strategy_executions as executions
from trading.book import Book
from trading.positions import Holding
from trading.strategy import StrategyParams, class_digest
from trading.strategy_executions import Running
from trading.strategy_plans import plan_of
from trading.strategy_records import FOK, GTC, IOC, LIMIT, MARKET, STOP_MARKET
from trading.strategy_state import OwnOrder, StrategyState
from trading.strategy_turn import Number, Turn

_TIFS: Final[dict[str, int]] = {"GTC": GTC, "IOC": IOC, "FOK": FOK}
# Our name, then NautilusTrader's: a class may use either.
_NAMES: Final = {
    "bars": ("on_bar",),
    "trades": ("on_trade", "on_trade_tick"),
    "quotes": ("on_quote", "on_quote_tick"),
    "book": ("on_book", "on_order_book"),
}
_STREAM_OF: Final = {"on_bar": "bars", "on_trade": "trades", "on_quote": "quotes"}


def tif_of(name: str) -> int:
    """ORDER.tif of a time in force by its name.

    raises  ValueError
    """
    if name not in _TIFS:
        raise ValueError(f"time_in_force: {name!r} is none of {', '.join(_TIFS)}; cancel in time")
    return _TIFS[name]


class Context:
    """One instrument as the strategy sees it now, and its order desk.

    `submit_*` returns the client order id, or None when the request is not carried out: while the
    strategy is not `acting` (replay, pause, halt, silent feed), or if less than a lot is left of
    it. Prices and quantities may be float or Decimal; they are rounded to ticks and lots.
    """

    def __init__(self, turn: Turn, i: int) -> None:
        self._turn = turn
        self._i = i
        self._market = turn.state.markets[i]

    @property
    def now_ns(self) -> int:
        return self._turn.now_ns

    @property
    def acting(self) -> bool:
        """Whether requests are carried out."""
        return self._turn.acting(self._i)

    @property
    def instrument_id(self) -> InstrumentId:
        return self._market.instrument_id

    @property
    def instrument(self) -> Instrument | None:
        """The venue's rules; None until the feed has told them."""
        return self._market.instrument

    @property
    def position(self) -> Holding:
        """What the strategy's own fills add up to, exact."""
        return self._market.holding

    @property
    def working(self) -> tuple[OwnOrder, ...]:
        """Own orders of this instrument that are not closed, oldest first; not the children of
        executions."""
        theirs = executions.children(self._turn)
        mine = self._turn.working(self._i)
        return tuple(o for o in mine if o.client_order_id not in theirs)

    @property
    def executions(self) -> tuple[Running, ...]:
        """Own executions of this instrument: those at work and the last ones that are over."""
        known = self._turn.state.executions.values()
        return tuple(r for r in known if r.plan.instrument_id == self.instrument_id)

    @property
    def book(self) -> Book:
        """The order book, kept if the strategy has `on_book`."""
        return self._market.book

    @property
    def touch(self) -> tuple[float, float]:
        """(best bid, best ask); zeros before the first quote."""
        return self._market.bid, self._market.ask

    def submit_market(
        self, side: OrderSide, quantity: Number, *, reduce_only: bool = False, tag: int = 0
    ) -> ClientOrderId | None:
        """Ask for a market order."""
        return self._turn.submit(
            self._i, OrderSide(side).sign, MARKET, quantity, reduce_only=reduce_only, tag=tag
        )

    def submit_limit(
        self, side: OrderSide, quantity: Number, price: Number, *, post_only: bool = False,
        time_in_force: str = "GTC", reduce_only: bool = False, tag: int = 0,
    ) -> ClientOrderId | None:  # fmt: skip
        """Ask for a limit order, at a tick that is no worse than `price`."""
        return self._turn.submit(
            self._i, OrderSide(side).sign, LIMIT, quantity, price=price,
            tif=tif_of(time_in_force), post_only=post_only, reduce_only=reduce_only, tag=tag,
        )  # fmt: skip

    def submit_stop(
        self, side: OrderSide, quantity: Number, trigger: Number, *,
        reduce_only: bool = True, tag: int = 0,
    ) -> ClientOrderId | None:  # fmt: skip
        """Ask for a stop-market order."""
        return self._turn.submit(
            self._i, OrderSide(side).sign, STOP_MARKET, quantity, trigger=trigger,
            reduce_only=reduce_only, tag=tag,
        )  # fmt: skip

    def cancel(self, order: OwnOrder) -> bool:
        """Ask to cancel one of `working`; False if its cancel is already under way."""
        return self._turn.cancel(order.sequence)

    def amend(self, order: OwnOrder, quantity: Number) -> bool:
        """Ask for a smaller total quantity of one of `working`, which keeps its place in the queue.

        What has traded already, or less, cancels it. False if there is nothing to ask: it would
        not be smaller, the venue is not known to hold it, or a change is under way.
        """
        return self._turn.amend(order.sequence, quantity)

    def cancel_all(self) -> None:
        """Ask to cancel every working order and execution of this instrument."""
        for order in self.working:
            self._turn.cancel(order.sequence)
        for running in self.executions:
            self.cancel_execution(running.number)

    def execute(
        self, side: OrderSide, quantity: Number, method: str, *, limit: Number | None = None,
        tag: int = 0, **params: Any,
    ) -> int | None:  # fmt: skip
        """Begin to work off a large order by small ones -> its number; None as for `submit_*`.

        method  TWAP, VWAP, POV, ICEBERG
        limit   no child is worse than this, in whole ticks
        params  other fields of `trading.execution.plan.Plan`; times also as duration_s, slice_s
        raises  StrategyFault for a field that does not fit
        """
        rules = self.instrument
        if rules is None or not self.acting:
            return None
        plan = plan_of(self._turn, rules, side, quantity, method, limit, params)
        return executions.start(self._turn, self._i, plan, tag) if plan is not None else None

    def cancel_execution(self, number: int, reason: str = "asked for") -> bool:
        """Cancel an execution and its children; False if it is over."""
        return executions.cancel(self._turn, number, reason)

    def pause_execution(self, number: int) -> bool:
        """Place nothing more for it, and take back what rests."""
        return executions.pause(self._turn, number, paused=True)

    def resume_execution(self, number: int) -> bool:
        """Go on with it; what fell due meanwhile is due now."""
        return executions.pause(self._turn, number, paused=False)


class Strategy:
    """Base of Python strategies. Override what you need; events are records with named fields.

    An instance belongs to one run. Its attributes must be what JSON can hold, or `on_save` and
    `on_load` must be overridden: they are all that survives a restart.
    """

    Params: ClassVar[type[StrategyParams]] = StrategyParams
    timer_ns: ClassVar[int] = 0  # on_timer is called at about this interval; 0 never

    def __init__(self, params: Any) -> None:
        self.params = params

    def on_start(self, ctx: Context) -> None:
        """Once per instrument, when the strategy first goes live."""

    def on_bar(self, ctx: Context, bar: Any) -> None: ...

    def on_trade(self, ctx: Context, trade: Any) -> None: ...

    def on_quote(self, ctx: Context, quote: Any) -> None: ...

    def on_book(self, ctx: Context, book: Book) -> None: ...

    def on_timer(self, ctx: Context) -> None: ...

    def on_order_event(self, ctx: Context, event: OrderEvent | RefusedOrder) -> None:
        """Any event of an own order; `on_order_filled` and so on come first where defined."""

    def on_execution(self, ctx: Context, execution: Running) -> None:
        """One of its executions is over: COMPLETED, CANCELLED or FAILED, with `state.reason`."""

    def on_stale(self, ctx: Context) -> None:
        """A stream that the strategy lives on went silent. Cancels everything by default."""
        for order in ctx.working:
            ctx._turn.force_cancel(order)

    def on_save(self) -> bytes:
        """What must survive a restart: all attributes but `params`, as JSON."""
        kept = {k: v for k, v in vars(self).items() if k != "params"}
        return json.dumps(kept, sort_keys=True).encode()

    def on_load(self, raw: bytes) -> None:
        """The inverse of `on_save`; `__init__` has run before."""
        vars(self).update(json.loads(raw))


class PythonEngine:
    """Drives a `Strategy` class: one call a row."""

    def __init__(self, cls: type[Strategy], params: StrategyParams) -> None:
        self._cls = cls
        self._params = params
        self._methods = {
            stream: name
            for stream, names in _NAMES.items()
            for name in names
            if getattr(cls, name, None) is not getattr(Strategy, name, None)
        }
        self.digest = class_digest(cls)
        self.layout = f"python:{cls.__qualname__}"
        self.streams = frozenset(self._methods)
        self.timer_ns = cls.timer_ns

    def start(self, markets: int) -> Any:
        return self._cls(self._params)

    def save(self, memory: Any) -> bytes:
        raw: bytes = memory.on_save()
        return raw

    def load(self, raw: bytes) -> Any:
        memory = self._cls(self._params)
        memory.on_load(raw)
        return memory

    def tune(self, state: StrategyState, params: StrategyParams) -> None:
        state.memory.params = state.params = params

    def begin(self, turn: Turn) -> None:
        for i in range(len(turn.state.markets)):
            turn.state.memory.on_start(Context(turn, i))

    def rows(self, turn: Turn, i: int, handler: str, rows: Rows) -> None:
        memory, ctx = turn.state.memory, Context(turn, i)
        if handler == "on_timer":
            memory.on_timer(ctx)
            return
        name = self._methods.get(_STREAM_OF[handler])
        if name is None:
            return
        call, market = getattr(memory, name), turn.state.markets[i]
        for row in rows.view(np.recarray):
            if handler == "on_quote":
                market.bid, market.ask = float(row.bid_price), float(row.ask_price)
            call(ctx, row)

    def book(self, turn: Turn, i: int, batch: BookDeltaBatch) -> None:
        market, rows = turn.state.markets[i], batch.rows
        call = getattr(turn.state.memory, self._methods["book"])
        # One update is all rows of one time, as the compiled driver has it.
        ends = np.flatnonzero(np.diff(rows["ts_event"])) + 1
        if batch.snapshot:
            market.book.clear()
        for part in np.split(rows, ends):
            market.book.apply(part)
            if not market.book.empty:
                market.bid, market.ask = market.book.bids.best, market.book.asks.best
                call(Context(turn, i), market.book)

    def order_event(
        self, turn: Turn, i: int, event: OrderEvent | RefusedOrder, fill: Rows | None
    ) -> None:
        memory, ctx = turn.state.memory, Context(turn, i)
        special = getattr(memory, f"on_{event.kind}", None)
        if special is not None:
            special(ctx, event)
        memory.on_order_event(ctx, event)

    def ended(self, turn: Turn, running: Running) -> None:
        i = turn.config.instrument_ids.index(running.plan.instrument_id)
        turn.state.memory.on_execution(Context(turn, i), running)

    def stale(self, turn: Turn, i: int, ticks: Rows) -> bool:
        turn.state.memory.on_stale(Context(turn, i))
        return True
