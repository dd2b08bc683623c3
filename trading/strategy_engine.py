"""The seam between the strategy core and the two kinds of strategies, and the compiled kind.

An engine holds no state: a strategy's memory travels in `StrategyState.memory`.
"""

from typing import Any, Protocol

import numpy as np

from messages.arrays import BAR, DELTA, QUOTE, TRADE, Rows
from messages.market import BookDeltaBatch
from messages.orders import OrderEvent, RefusedOrder
from trading.strategy import STREAMS, CompiledStrategy, StrategyParams
from trading.strategy_executions import Running
from trading.strategy_records import (
    ACCOUNT,
    AMEND,
    BOOK,
    CANCEL,
    FILL,
    ORDER,
    ORDERS_MAX,
    SUBMIT,
    TICK,
)
from trading.strategy_state import BOOK_LEVELS_MAX, Market, StrategyState
from trading.strategy_turn import Turn

_EVENTS = {
    "on_bar": BAR,
    "on_trade": TRADE,
    "on_quote": QUOTE,
    "on_fill": FILL,
    "on_timer": TICK,
    "on_stale": TICK,
}


class Engine(Protocol):
    """What the core needs of a strategy. `i` counts the instruments of the configuration."""

    digest: str  # of the code
    layout: str  # of the memory's bytes
    streams: frozenset[str]  # that it lives on
    timer_ns: int

    def start(self, markets: int) -> Any:
        """The memory before any event."""
        ...

    def save(self, memory: Any) -> bytes: ...

    def load(self, raw: bytes) -> Any: ...

    def tune(self, state: StrategyState, params: StrategyParams) -> None:
        """Go by these parameters from now on."""
        ...

    def begin(self, turn: Turn) -> None:
        """Once in a strategy's life, when it goes live for the first time."""
        ...

    def rows(self, turn: Turn, i: int, handler: str, rows: Rows) -> None:
        """Bars, trades, quotes or timer ticks, oldest first."""
        ...

    def book(self, turn: Turn, i: int, batch: BookDeltaBatch) -> None:
        """Apply the changes to the market's book, and show the strategy each update."""
        ...

    def order_event(
        self, turn: Turn, i: int, event: OrderEvent | RefusedOrder, fill: Rows | None
    ) -> None:
        """One of its own orders changed, already seen in its working orders and position."""
        ...

    def ended(self, turn: Turn, running: Running) -> None:
        """One of its executions is over."""
        ...

    def stale(self, turn: Turn, i: int, ticks: Rows) -> bool:
        """A stream went silent; False if the strategy leaves the answer to the core."""
        ...


class CompiledEngine:
    """Drives a `CompiledStrategy`: one call into machine code a batch."""

    def __init__(self, strategy: CompiledStrategy) -> None:
        # Only here: who runs no compiled strategy must not pay for numba's import.
        from trading.kernels.strategy_driver import driver  # noqa: PLC0415

        handlers = strategy.handlers
        self.digest = strategy.digest
        self.layout = strategy.layout
        self.streams = frozenset(STREAMS[n] for n in handlers if n in STREAMS)
        self.timer_ns = strategy.timer_ns
        self._name = strategy.name
        self._state = strategy.state
        self._drivers = {n: driver(n, f, self.digest) for n, f in handlers.items()}
        # Scratch, not state: written and read within one call.
        self._orders = np.zeros(ORDERS_MAX, ORDER)
        self._event = np.zeros(1, BOOK)
        self._one = (np.zeros(1), np.zeros(1))
        self._load_code(np.zeros(1, strategy.params.dtype()))

    def _load_code(self, params: Rows) -> None:
        """Compile, or load from the cache, now and not at the first event."""
        states, accounts = np.zeros(1, self._state), np.zeros(1, ACCOUNT)
        for name, drive in self._drivers.items():
            rows = np.zeros(0, _EVENTS.get(name, DELTA))
            rows.flags.writeable = False  # as in messages: to numba another type
            args: tuple[Any, ...] = ()
            if name == "on_book":
                args = self._book_args(Market(""))  # type: ignore[arg-type]  # of no instrument
            drive(states, params, accounts, 0, rows, 0, self._orders, *args)

    def start(self, markets: int) -> Any:
        return np.zeros(markets, self._state)

    def save(self, memory: Any) -> bytes:
        raw: bytes = memory.tobytes()
        return raw

    def load(self, raw: bytes) -> Any:
        return np.frombuffer(raw, self._state).copy()

    def tune(self, state: StrategyState, params: StrategyParams) -> None:
        state.params = params.record()

    def begin(self, turn: Turn) -> None:
        """A compiled strategy starts from zeroed STATE, and needs no other beginning."""

    def rows(self, turn: Turn, i: int, handler: str, rows: Rows) -> None:
        drive = self._drivers.get(handler)
        if drive is None:
            return
        state, start = turn.state, 0
        while start < len(rows):
            start, count = drive(
                state.memory, state.params, state.accounts, i, rows, start, self._orders
            )
            if count:
                self._decide(turn, i, count, handler)

    def book(self, turn: Turn, i: int, batch: BookDeltaBatch) -> None:
        market, rows, start = turn.state.markets[i], batch.rows, 0
        state, drive = turn.state, self._drivers["on_book"]
        bids, asks = market.book.bids, market.book.asks
        if batch.snapshot:
            market.book.clear()
        for side in (bids, asks):
            side.reserve(len(rows))
        while start < len(rows):
            start, count, bids.n, asks.n = drive(
                state.memory, state.params, state.accounts, i, rows, start, self._orders,
                *self._book_args(market),
            )  # fmt: skip
            if count:
                self._decide(turn, i, count, "on_book")
        account = state.accounts[i]
        market.bid, market.ask = float(account["bid"]), float(account["ask"])
        for side in (bids, asks):
            side.trim(BOOK_LEVELS_MAX)

    def order_event(
        self, turn: Turn, i: int, event: OrderEvent | RefusedOrder, fill: Rows | None
    ) -> None:
        if fill is not None:
            self.rows(turn, i, "on_fill", fill)

    def ended(self, turn: Turn, running: Running) -> None:
        """A compiled strategy starts no executions."""

    def stale(self, turn: Turn, i: int, ticks: Rows) -> bool:
        self.rows(turn, i, "on_stale", ticks)
        return "on_stale" in self._drivers

    def _book_args(self, market: Market) -> tuple[Any, ...]:
        bids, asks = market.book.bids, market.book.asks
        return (
            bids.prices, bids.sizes, bids.n, asks.prices, asks.sizes, asks.n,
            self._event, *self._one,
        )  # fmt: skip

    def _decide(self, turn: Turn, i: int, count: int, handler: str) -> None:
        """Turn what the handler wrote into intents; raises StrategyFault for nonsense."""
        if not 0 < count <= len(self._orders):
            raise turn.fault(
                f"{self._name}.{handler} wrote {count} requests, of at most {len(self._orders)}"
            )
        for r in self._orders[:count].tolist():
            action, target, side, kind, quantity, price, trigger, tif, post, reduce, tag = r[:11]
            trail, expires, group, parent = r[11:]
            if action == CANCEL:
                turn.cancel(target)
            elif action == AMEND:
                if price or trigger:
                    raise turn.fault(
                        f"{self._name}.{handler} amends a price: live, only the quantity can"
                        " become smaller; cancel and submit anew"
                    )
                turn.amend(target, quantity)
            elif action == SUBMIT:
                if trail or expires or group or parent >= 0:
                    raise turn.fault(
                        f"{self._name}.{handler} asked for a trailing stop, an expiry, an OCO or a"
                        " bracket, which only backtests carry out so far"
                    )
                turn.submit(
                    i, side, kind, quantity, price=price, trigger=trigger, tif=tif,
                    post_only=bool(post), reduce_only=bool(reduce), tag=tag,
                )  # fmt: skip
            else:
                raise turn.fault(
                    f"{self._name}.{handler} wrote the action {action}: there are SUBMIT"
                    f" ({SUBMIT}), CANCEL ({CANCEL}) and AMEND ({AMEND})"
                )
