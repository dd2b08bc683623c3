"""A test bench for strategies: market data in, decisions out, no venue, no files, no waiting.

    bench = Bench(STRATEGY, {"fast": 3, "slow": 8})
    bench.bars(100, 101, 103)
    bench.fill(bench.orders[-1], 103)
    bench.restart()                       # a crash: what survives is the checkpoint

It drives the real core, and plays the feed and the order manager as a strategy meets them. Time
is the bench's own and moves `step_ns` an event. See docs/write-a-strategy.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from messages import Message, control, market
from messages import orders as m
from messages.accounts import AccountSnapshot, OrderView
from messages.arrays import BAR, DELTA, QUOTE, TRADE, Rows
from messages.base import (
    NS_PER_S,
    ClientOrderId,
    RunId,
    StrategyId,
    TradeId,
    VenueOrderId,
)
from messages.orders import OrderEvent, OrderSpec
from messages.risk import TradingState
from trading.orders import Order, OrderStatus, apply
from trading.positions import Holding, fold, view
from trading.samples import BTCUSDT
from trading.strategy import CompiledStrategy
from trading.strategy_core import StrategyCore
from trading.strategy_python import Strategy
from trading.strategy_state import StrategyConfig, StrategyState

_START_NS: Final = 1_700_000_000 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Cancel:
    """A decision to cancel."""

    client_order_id: ClientOrderId


@dataclass(frozen=True, slots=True)
class Amend:
    """A decision to make an order smaller; `quantity` in total."""

    client_order_id: ClientOrderId
    quantity: Decimal


class Bench:
    """One strategy on one instrument.

    decisions  all it decided: OrderSpec, Amend and Cancel values, in order, across restarts
    now_ns     the bench's clock
    """

    def __init__(
        self,
        strategy: CompiledStrategy | type[Strategy],
        params: Mapping[str, Any] | None = None,
        *,
        instrument: market.Instrument = BTCUSDT,
        step_ns: int = NS_PER_S,
        live: bool = True,
    ) -> None:
        self.instrument = instrument
        self.now_ns = _START_NS
        self.step_ns = step_ns
        self.decisions: list[OrderSpec | Amend | Cancel] = []
        self.checkpoint: control.StrategyCheckpoint | None = None
        self.said: list[Message] = []  # by the last event
        self._config = StrategyConfig(
            RunId("bench"), StrategyId("BENCH"), (instrument.instrument_id,), params or {}
        )
        self.core = StrategyCore(self._config, strategy)
        self.state: StrategyState = self.core.start()
        self._batches: list[Any] = []  # what the feed could replay
        self._counts: dict[str, int] = {}
        self._held: dict[ClientOrderId, Order] = {}  # what an order manager would hold
        self._holding = Holding()
        self._untold: list[OrderEvent] = []  # since the last checkpoint: told again after a crash
        self._trade_id = 0
        self._timers: dict[str, int] = {}
        self._resume()
        if live:
            self.go_live()

    # --- what became of it ---------------------------------------------------------------------

    @property
    def orders(self) -> list[OrderSpec]:
        """Every order it decided, oldest first."""
        return [d for d in self.decisions if isinstance(d, OrderSpec)]

    @property
    def open_orders(self) -> list[OrderSpec]:
        """Those that are not closed."""
        return [o.spec for o in self._held.values() if not o.closed]

    @property
    def position(self) -> Decimal:
        return self.state.markets[0].holding.quantity

    # --- market data ---------------------------------------------------------------------------

    def bars(self, *closes: float, interval_ns: int = NS_PER_S) -> None:
        """Closed bars, one message each; each opens at the last one's close."""
        for close in closes:
            ts = self._tick()
            before = self._batches[-1].rows[-1] if self._batches else None
            opened = float(before["close"]) if before is not None and before.dtype == BAR else close
            high, low = max(opened, close), min(opened, close)
            row = (ts - interval_ns, ts, ts, opened, high, low, close, 1.0, close, 0.5, 1)
            self._feed(market.BarBatch, np.array([row], BAR), interval_ns=interval_ns)

    def quote(self, bid: float, ask: float, size: float = 1.0) -> None:
        """The touch moves."""
        ts = self._tick()
        self._feed(market.QuoteBatch, np.array([(ts, ts, bid, size, ask, size)], QUOTE))

    def trade(self, price: float, size: float, aggressor: int) -> None:
        """Somebody traded; `aggressor` +1 bought, -1 sold."""
        ts = self._tick()
        self._feed(market.TradeBatch, np.array([(ts, ts, price, size, aggressor, ts)], TRADE))

    def book(
        self, bids: Sequence[tuple[float, float]], asks: Sequence[tuple[float, float]]
    ) -> None:
        """The whole book: (price, size) pairs."""
        ts = self._tick()
        rows = [(ts, ts, 1, p, s) for p, s in bids] + [(ts, ts, -1, p, s) for p, s in asks]
        made = np.array(rows, DELTA)
        self._feed(market.BookDeltaBatch, made, snapshot=True, first_seq=1, last_seq=1)

    def rows(self, kind: type[Any], rows: Rows, **more: Any) -> None:
        """A batch of your own rows."""
        self._tick()
        self._feed(kind, rows, **more)

    def wait(self, seconds: float) -> None:
        """Nothing happens for so long but the timers that were set."""
        until = self.now_ns + round(seconds * NS_PER_S)
        while due := [(ts, name) for name, ts in self._timers.items() if ts <= until]:
            ts, name = min(due)
            del self._timers[name]
            self.now_ns = max(self.now_ns, ts)
            self.tell(control.TimerFired(**self._times(self.now_ns), name=name))
        self.now_ns = until

    def timer(self) -> None:
        """The strategy's timer fires."""
        self.tell(control.TimerFired(**self._times(self._tick()), name="on_timer"))

    # --- the order manager's side --------------------------------------------------------------

    def accept(self, order: OrderSpec) -> None:
        """The venue holds the order."""
        self._submit(order)
        self._order(m.OrderAccepted(**self._about(order)))

    def fill(
        self, order: OrderSpec, price: float | Decimal, quantity: Decimal | None = None
    ) -> None:
        """The order trades: all that is left of it, or `quantity`; fee as the instrument says."""
        self._submit(order)
        held = self._held[order.client_order_id]
        traded = held.leaves_qty if quantity is None else quantity
        self._trade_id += 1
        px = Decimal(str(price))
        self._order(
            m.OrderFilled(
                **self._about(order),
                trade_id=TradeId(str(self._trade_id)),
                side=order.side,
                last_qty=traded,
                last_px=px,
                leaves_qty=held.leaves_qty - traded,
                commission=px * traded * self.instrument.taker_fee,
                currency=self.instrument.quote,
                liquidity_side=m.LiquiditySide.TAKER,
            )
        )

    def canceled(self, order: OrderSpec) -> None:
        """The venue confirms a cancel."""
        self._submit(order)
        self._order(m.OrderCanceled(**self._about(order)))

    def expired(self, order: OrderSpec) -> None:
        """The venue ended the order by its own rules: nobody took what is left of an IOC."""
        self._submit(order)
        self._order(m.OrderExpired(**self._about(order)))

    def unknown(self, order: OrderSpec) -> None:
        """The venue did not say what became of the order."""
        self._submit(order)
        about = self._about(order) | {"reason": "silence", "ts_conclusive": self.now_ns}
        self._order(m.OrderUnknown(**about))

    def amended(self, order: OrderSpec, quantity: str) -> None:
        """The venue confirms that the order has this total quantity now."""
        self._submit(order)
        left = Decimal(quantity) - self._held[order.client_order_id].filled_qty
        about = self._about(order) | {"quantity": Decimal(quantity), "leaves_qty": left}
        self._order(m.OrderUpdated(**about))

    def refuse(self, order: OrderSpec) -> None:
        """Risk does not let the order pass."""
        code = m.RefusalCode.MAX_POSITION
        about = {k: v for k, v in self._about(order).items() if k not in _NOT_IN_REFUSALS}
        self.tell(m.RefusedOrder(**about, code=code, reason="the bench says no"))

    # --- crashes and messages ------------------------------------------------------------------

    def go_live(self) -> None:
        """The feed replays what it has, and the order manager says what it holds."""
        self.tell(
            market.FeedReplay(
                **self._times(self.now_ns),
                asker=self._config.name,
                instruments=(self.instrument,),
                batches=tuple(self._batches),
                complete=True,
            )
        )
        self.tell(self._account())

    def restart(self, *, live: bool = True) -> None:
        """Kill the strategy and start it again from its last checkpoint."""
        found = self.checkpoint
        self.state = self.core.restore(found) if found is not None else self.core.start()
        self._resume()
        for event in list(self._untold):
            self.tell(event)
        if live:
            self.go_live()

    def tell(self, message: Message) -> None:
        """Hand it any message."""
        self._take(self.core.react(self.state, message, self.now_ns))

    def _resume(self) -> None:
        step = self.core.resume(self.state, self.now_ns)
        self.state, self.said = step.state, list(step.out)  # no decisions: at most repeats
        self._timers = {t.name: t.ts_due for t in step.out if isinstance(t, control.SetTimer)}

    def _take(self, step: Any) -> None:
        self.state, self.said = step.state, list(step.out)
        for message in step.out:
            if isinstance(message, control.StrategyCheckpoint):
                self.checkpoint = message
                self._untold.clear()
            elif isinstance(message, control.SetTimer):
                self._timers[message.name] = message.ts_due
            elif isinstance(message, m.OrderIntent):
                self.decisions.append(message.order)
            elif isinstance(message, m.ModifyIntent):
                self.decisions.append(Amend(message.client_order_id, message.quantity))
            elif isinstance(message, m.CancelIntent):
                self.decisions.append(Cancel(message.client_order_id))

    def _submit(self, order: OrderSpec) -> None:
        if order.client_order_id not in self._held:
            self._held[order.client_order_id] = Order(order)
            self._order(m.OrderSubmitted(**self._about(order), order=order))

    def _order(self, event: OrderEvent) -> None:
        held = self._held[event.client_order_id]
        self._held[event.client_order_id] = apply(held, event, self.now_ns)
        if isinstance(event, m.OrderFilled):
            self._holding = fold(self._holding, event, self.instrument)
        self._untold.append(event)
        self.tell(event)

    def _account(self) -> AccountSnapshot:
        key = (self._config.strategy_id, self.instrument.instrument_id)
        return AccountSnapshot(
            **self._times(self.now_ns),
            asker=self._config.name,
            trading_state=TradingState.ACTIVE,
            orders=tuple(_seen(o) for o in self._held.values() if not o.closed),
            positions=(view(key, self._holding),),
            balances=(),
        )

    def _feed(self, kind: type[Any], rows: Rows, **more: Any) -> None:
        name = kind.__name__
        self._counts[name] = self._counts.get(name, 0) + 1
        batch = kind(
            **self._times(self.now_ns),
            instrument_id=self.instrument.instrument_id,
            sequence=self._counts[name],
            rows=rows,
            **more,
        )
        self._batches.append(batch)
        self.tell(batch)

    def _tick(self) -> int:
        self.now_ns += self.step_ns
        return self.now_ns

    def _times(self, ts: int) -> dict[str, Any]:
        return {"ts_event": ts, "ts_init": ts}

    def _about(self, order: OrderSpec) -> dict[str, Any]:
        return {
            **self._times(self.now_ns),
            "correlation_id": order.client_order_id,
            "client_order_id": order.client_order_id,
            "strategy_id": order.strategy_id,
            "instrument_id": order.instrument_id,
            "venue_order_id": VenueOrderId(f"V{order.client_order_id}"),
        }


_NOT_IN_REFUSALS: Final = ("instrument_id", "venue_order_id")


def _seen(order: Order) -> OrderView:
    status = OrderStatus.SUBMITTED if order.status is OrderStatus.INITIALIZED else order.status
    return OrderView(
        order=order.spec.model_copy(update={"quantity": order.quantity or order.spec.quantity}),
        status=str(status),
        filled_qty=order.filled_qty,
        avg_px=order.avg_px,
        venue_order_id=order.venue_order_id,
    )
