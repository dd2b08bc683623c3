"""The actor core around one strategy instance: feeds it, turns what it asks for into intents.

Theory of operation. A strategy decides only while it is *live*: the feed has replayed what the
strategy missed, the order manager has told what it holds, and nobody paused, halted or stopped it.
What happens before is folded: the strategy sees it and remembers, but what it asks for then is
not carried out, so a restarted strategy never acts on the past.

A turn that decides says its checkpoint first. The runtime makes it durable before the intents
leave, so the number of decided orders never goes back and no id is used for two orders. Intents
that nobody has answered are part of the checkpoint and said again by `resume`; risk and the order
manager know a repeated id for what it is.

Market batches are numbered by stream. A repeat is dropped; a gap in a stream that the strategy
lives on takes it off the market until the feed has replayed what is missing.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from messages import Message, ValidationError, control, market, risk
from messages import orders as m
from messages.accounts import AccountSnapshot
from messages.arrays import Rows
from messages.control import StrategyCheckpoint
from messages.orders import OrderEvent, RefusedOrder
from trading import strategy_executions as executions
from trading.core import Step
from trading.feed_state import INCARNATION_BITS, StreamBatch
from trading.fees import commission_in_quote
from trading.strategy import CompiledStrategy, StrategyParams
from trading.strategy_engine import CompiledEngine, Engine
from trading.strategy_orders import (
    first_time,
    fold_fill,
    fold_order,
    reconcile,
    refuses_change,
    sequence_of,
)
from trading.strategy_params import reload_refusal
from trading.strategy_python import PythonEngine, Strategy
from trading.strategy_records import CANCELING, FILL
from trading.strategy_silence import Silence, tick
from trading.strategy_state import (
    StateMismatch,
    StrategyConfig,
    StrategyState,
    fresh,
    from_bytes,
    to_bytes,
)
from trading.strategy_turn import HOUSEKEEPING, HOUSEKEEPING_NS, Turn
from trading.strategy_turn import TICK as TICK_TIMER

_STREAMS: Final[dict[type, tuple[str, str]]] = {
    market.BarBatch: ("bars", "on_bar"),
    market.TradeBatch: ("trades", "on_trade"),
    market.QuoteBatch: ("quotes", "on_quote"),
    market.BookDeltaBatch: ("book", "on_book"),
    market.FundingBatch: ("funding", ""),
}


class StrategyCore:
    """Core of one strategy instance; holds no state of its own.

    raises  pydantic.ValidationError if a parameter is unknown or outside its range
    """

    def __init__(self, config: StrategyConfig, strategy: CompiledStrategy | type[Strategy]) -> None:
        self.config = config
        self.model = strategy.params if isinstance(strategy, CompiledStrategy) else strategy.Params
        given = self.model(**config.params)
        self.engine: Engine
        if isinstance(strategy, CompiledStrategy):
            self.engine = CompiledEngine(strategy)
        else:
            self.engine = PythonEngine(strategy, given)
        self._index = {iid: i for i, iid in enumerate(config.instrument_ids)}
        self._silence = Silence(self.engine, self._index)
        self._handlers: dict[type[Message], Callable[[Turn, Any], None]] = {
            **dict.fromkeys(_STREAMS, self._batch),
            market.FeedReplay: self._replay,
            market.InstrumentChanged: self._instrument,
            market.FeedStale: self._silence.stale,
            market.FeedRecovered: self._silence.recovered,
            market.FeedReported: self._silence.reported,
            AccountSnapshot: self._snapshot,
            risk.TradingStateChanged: self._trading_state,
            control.PauseStrategy: self._pause,
            control.ResumeStrategy: self._pause,
            control.SetParams: self._set_params,
            control.TimerFired: self._timer,
            control.Shutdown: self._shutdown,
        }

    # --- the contract of a core ----------------------------------------------------------------

    def start(self) -> StrategyState:
        state = fresh(self.config, self.engine.start(len(self.config.instrument_ids)))
        self.engine.tune(state, self.params(state))
        return state

    def resume(self, state: StrategyState, now_ns: int) -> Step[StrategyState]:
        turn = self._turn(state, None, now_ns)
        state.replayed = state.synced = False
        turn.subscribe()
        turn.sync()
        turn.timer(HOUSEKEEPING, HOUSEKEEPING_NS)
        if self.engine.timer_ns:
            turn.timer(TICK_TIMER, self.engine.timer_ns)
        for order in state.orders.values():
            if not order.answered:
                turn.say_intent(order.spec)
            if order.wanted is not None:
                turn.say_amend(order)
            if order.cancel_asked:
                turn.say_cancel(order)
        executions.resume(turn)
        turn.keep = False  # nothing new was decided
        self._show(turn)
        return turn.step()

    def react(self, state: StrategyState, message: Message, now_ns: int) -> Step[StrategyState]:
        turn = self._turn(state, message, now_ns)
        if isinstance(message, m.OrderFact | RefusedOrder):
            if message.strategy_id == self.config.strategy_id:
                self._order_event(turn, message)  # type: ignore[arg-type]  # facts are the events
        else:
            handler = self._handlers.get(type(message))
            if handler is not None:
                handler(turn, message)
            if state.executions:
                executions.heard(turn, message)
        while turn.ended:
            turn.out.append(executions.ended(turn, turn.ended[0]))
            self.engine.ended(turn, turn.ended.pop(0))
        return turn.step()

    def snapshot(self, state: StrategyState, now_ns: int) -> StrategyCheckpoint:
        """Everything needed to go on, as a message; its cursor is for the runtime to stamp."""
        raw = to_bytes(state, self.engine.layout, self.engine.save(state.memory))
        return StrategyCheckpoint(
            ts_event=now_ns,
            ts_init=now_ns,
            strategy_id=self.config.strategy_id,
            intents=state.intents,
            state=raw,
            cursor=0,
            digest=self.engine.digest,
        )

    def restore(self, checkpoint: StrategyCheckpoint) -> StrategyState:
        """The state that `snapshot` was taken of.

        raises  StateMismatch if another version's memory has another layout
        """
        state, memory = from_bytes(checkpoint.state, self.config, self.engine.layout)
        state.memory = self.engine.load(memory)
        self.engine.tune(state, self._tuned(state))
        for at, account in zip(state.markets, state.accounts, strict=True):
            account["bid"], account["ask"] = at.bid, at.ask
        return state

    def params(self, state: StrategyState) -> StrategyParams:
        """What the strategy goes by now: the configuration, and what was changed since.

        raises  pydantic.ValidationError
        """
        return self.model(**(dict(self.config.params) | state.tuned))

    def _tuned(self, state: StrategyState) -> StrategyParams:
        try:
            return self.params(state)
        except ValidationError as e:
            what = "; ".join(x["msg"] for x in e.errors())
            raise StateMismatch(
                f"{self.config.strategy_id}: the parameters {state.tuned} that were changed while"
                f" it ran do not fit its configuration ({what}): start a new run"
            ) from None

    def _turn(self, state: StrategyState, cause: Message | None, now_ns: int) -> Turn:
        return Turn(self.config, state, cause, now_ns, self.snapshot)

    # --- market data ---------------------------------------------------------------------------

    def _batch(self, turn: Turn, batch: StreamBatch) -> None:
        state = turn.state
        if not state.replayed:
            return  # the replay we wait for holds it
        stream, _ = _STREAMS[type(batch)]
        key, last = _key(batch), state.seen.get(_key(batch))
        whole = isinstance(batch, market.BookDeltaBatch) and batch.snapshot
        if last is not None and not whole:
            if batch.sequence <= last:
                return
            if stream in self.engine.streams and batch.sequence != last + 1:
                state.replayed = False
                turn.subscribe()
                self._show(turn)
                return
        state.seen[key] = batch.sequence
        self._fold(turn, batch)

    def _fold(self, turn: Turn, batch: StreamBatch) -> None:
        i = self._index.get(batch.instrument_id)
        if i is None or not len(batch.rows):
            return
        turn.state.dirty = True
        if isinstance(batch, market.TradeBatch):
            executions.traded(turn, batch)
        at, (stream, handler) = turn.state.markets[i], _STREAMS[type(batch)]
        if isinstance(batch, market.QuoteBatch):
            if stream in self.engine.streams:
                self.engine.rows(turn, i, handler, batch.rows)
            account, last = turn.state.accounts[i], batch.rows[-1]
            at.bid, at.ask = float(last["bid_price"]), float(last["ask_price"])
            account["bid"], account["ask"] = at.bid, at.ask
        elif stream not in self.engine.streams:
            return
        elif isinstance(batch, market.BookDeltaBatch):
            at.book_known = at.book_known or batch.snapshot
            if at.book_known:
                self.engine.book(turn, i, batch)
        elif not isinstance(batch, market.BarBatch) or self._wanted(batch):
            self.engine.rows(turn, i, handler, batch.rows)

    def _wanted(self, batch: market.BarBatch) -> bool:
        return self.config.interval_ns in (0, batch.interval_ns)

    def _replay(self, turn: Turn, replay: market.FeedReplay) -> None:
        state = turn.state
        if replay.asker != self.config.name or state.replayed:
            return
        for rules in replay.instruments:
            self._know(turn, rules)
        # By the time we learned it: streams come one after another, life had them mixed.
        for batch in sorted(replay.batches, key=lambda b: b.ts_init):
            key = _key(batch)
            whole = isinstance(batch, market.BookDeltaBatch) and batch.snapshot
            if whole or batch.sequence > state.seen.get(key, -1):
                state.seen[key] = batch.sequence
                self._fold(turn, batch)
        # Streams of an earlier feed, of which this one has nothing yet: any number may come next.
        newest = max((b.sequence >> INCARNATION_BITS for b in replay.batches), default=0)
        state.seen = {k: s for k, s in state.seen.items() if s >> INCARNATION_BITS >= newest}
        state.replayed = True
        self._go_live(turn)

    def _instrument(self, turn: Turn, message: market.InstrumentChanged) -> None:
        self._know(turn, message.instrument)
        self._show(turn)

    def _know(self, turn: Turn, rules: market.Instrument) -> None:
        i = self._index.get(rules.instrument_id)
        if i is not None:
            turn.state.markets[i].instrument = rules

    # --- own orders ----------------------------------------------------------------------------

    def _order_event(self, turn: Turn, event: OrderEvent | RefusedOrder) -> None:
        state = turn.state
        number = sequence_of(self.config, event.client_order_id)
        order = state.orders.get(number) if number is not None else None
        fill: Rows | None = None
        about: Any = order.spec if order else event
        i = self._index.get(about.instrument_id) if hasattr(about, "instrument_id") else None
        if isinstance(event, m.OrderFilled):
            if i is None or not first_time(state, event):
                return
            fold_fill(state.markets[i], event)
            fill = self._fill_row(turn, i, event, -1 if number is None else number, order)
        state.dirty = True
        if order is not None:
            if refuses_change(order, event):
                turn.sync()  # we believe it to be working, risk does not: ask for the whole truth
            after = fold_order(order, event)
            if after is not None:
                state.orders[order.sequence] = after
            else:
                del state.orders[order.sequence]
        elif number is not None and isinstance(event, m.OrderAccepted):
            turn.sync()  # an order that we believed closed is not: ask for the whole truth
        if i is not None:
            executions.ordered(turn, event)
            turn.show(i)
            self.engine.order_event(turn, i, event, fill)
        # Fills and ends are kept at once: an acknowledged one would not be told again.
        ended = order is not None and order.sequence not in state.orders
        turn.keep = turn.keep or fill is not None or ended

    def _fill_row(
        self, turn: Turn, i: int, fill: m.OrderFilled, number: int, order: Any
    ) -> Rows:  # fmt: skip
        cost = commission_in_quote(fill, turn.state.markets[i].instrument)
        row = (
            fill.ts_event, fill.ts_init, number, fill.side.sign, float(fill.last_px),
            float(fill.last_qty), float(fill.leaves_qty), float(cost),
            fill.liquidity_side is m.LiquiditySide.MAKER, order.tag if order is not None else 0,
        )  # fmt: skip
        return _frozen(np.array([row], FILL))

    def _snapshot(self, turn: Turn, truth: AccountSnapshot) -> None:
        config, state = self.config, turn.state
        if truth.asker != config.name or truth.incarnation != config.incarnation:
            return
        reconcile(config, state, truth)
        executions.settle(turn)
        state.trading_state = truth.trading_state
        state.synced = state.dirty = True
        self._go_live(turn)

    # --- control -------------------------------------------------------------------------------

    def _go_live(self, turn: Turn) -> None:
        self._show(turn)
        if turn.state.live and not turn.state.started:
            turn.state.started = True
            self.engine.begin(turn)

    def _trading_state(self, turn: Turn, message: risk.TradingStateChanged) -> None:
        turn.state.trading_state = message.state
        self._go_live(turn)

    def _pause(self, turn: Turn, message: control.PauseStrategy | control.ResumeStrategy) -> None:
        if message.strategy_id == self.config.strategy_id:
            turn.state.paused = isinstance(message, control.PauseStrategy)
            turn.keep = True
            self._go_live(turn)

    def _set_params(self, turn: Turn, asked: control.SetParams) -> None:
        if asked.strategy_id != self.config.strategy_id:
            return
        after = turn.state.tuned | dict(asked.values)
        refused = reload_refusal(self.model, dict(self.config.params) | after, asked.values)
        if refused is not None:
            turn.answer_params(asked, refused)
            return
        turn.state.tuned = after
        self.engine.tune(turn.state, self.params(turn.state))
        turn.keep = True
        turn.answer_params(asked, None)

    def _shutdown(self, turn: Turn, message: control.Shutdown) -> None:
        turn.state.stopping = True
        turn.keep = True
        if message.cancel_orders:
            for order in list(turn.state.orders.values()):
                if order.status != CANCELING:
                    turn.force_cancel(order)
        turn.unsubscribe()
        self._show(turn)

    def _timer(self, turn: Turn, message: control.TimerFired) -> None:
        state = turn.state
        if message.name == HOUSEKEEPING:
            # The way to the feed loses messages by design: ask again.
            if not state.replayed:
                turn.subscribe()
            if not state.synced:
                turn.sync()
            self._silence.overdue(turn)
            turn.keep = turn.keep or state.dirty
            turn.timer(HOUSEKEEPING, HOUSEKEEPING_NS)
        elif message.name == TICK_TIMER and self.engine.timer_ns:
            for i in range(len(state.markets)):
                self.engine.rows(turn, i, "on_timer", tick(turn, i))
            turn.timer(TICK_TIMER, self.engine.timer_ns)

    def _show(self, turn: Turn) -> None:
        for i in range(len(turn.state.markets)):
            turn.show(i)


def _frozen(rows: Rows) -> Rows:
    """As in messages; to the compiler a writable array is another type."""
    rows.flags.writeable = False
    return rows


def _key(batch: StreamBatch) -> str:
    return f"{batch.kind}:{batch.instrument_id}"
