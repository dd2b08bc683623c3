"""One run of the compiled loop: its memory, its slices, and errors that say where and what."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numba.core.errors import NumbaError
from numpy.typing import NDArray

from messages.arrays import Rows
from trading.backtest_data import CLOSE, MarketData
from trading.backtest_room import table
from trading.backtest_settings import Settings, desk_records, run_record
from trading.kernels import engine_door
from trading.kernels.engine_loop import loop, packed
from trading.kernels.engine_records import (
    AFTER,
    ERROR_ACTION,
    ERROR_CHASE,
    ERROR_COUNT,
    ERROR_EXPIRES,
    ERROR_PARENT,
    ERROR_PRICE,
    ERROR_QUANTITY,
    ERROR_SIDE,
    ERROR_TIF,
    ERROR_TRAIL,
    ERROR_TRIGGER,
    ERROR_TYPE,
    ROOM,
    RUN,
)
from trading.result import FILL_ROW, METRICS, ORDER_ROW, TRADE_ROW
from trading.strategy import CompiledStrategy
from trading.strategy_records import ACCOUNT, FILL, ORDER, ORDERS_MAX, WORKING_MAX

Progress = Callable[[int, int], None]
SLICE: Final = 1 << 21  # bars between two looks at Ctrl-C and the progress callback
_ROWS: Final = 1 << 16  # of a table at first, and of a longer run one for so many bars:
_BARS_A_ROW: Final = 16  # memory that is not touched costs nothing, to move tables does
_WHAT: Final = {
    ERROR_COUNT: ("count", f"a call may write 0 to {ORDERS_MAX} requests"),
    ERROR_SIDE: ("side", "use BUY (1) or SELL (-1)"),
    ERROR_TYPE: ("type", "there is no such order type"),
    ERROR_TIF: ("tif", "use GTC, IOC, FOK or GTD"),
    ERROR_QUANTITY: ("quantity", "must be a number of units, 0 or more"),
    ERROR_PRICE: ("price", "must be a number, and above 0 for an order with a limit"),
    ERROR_TRIGGER: ("trigger", "must be a number, and above 0 for a stop or take-profit"),
    ERROR_TRAIL: ("trail", "must be a number, and above 0 for a trailing stop"),
    ERROR_PARENT: ("parent", "must be an earlier request of the call that has no parent itself"),
    ERROR_ACTION: ("action", "use SUBMIT, CANCEL or AMEND"),
    ERROR_EXPIRES: ("expires", "a GTD order needs the time of its end, in ns"),
    ERROR_CHASE: ("orders", "orders chase each other within one bar: look at on_fill"),
}


# What `Engine.attach` writes, and where that is among the words of RUN: by name it takes longer
# than some runs.
_MOVED: Final = (
    "desks_at", "accounts_at", "states_at", "asks_at", "made_at", "told_at", "metrics_at",
    "orders_at", "fills_at", "after_at", "trades_at", "orders_room", "fills_room", "curve_at",
    "curve_room",
)  # fmt: skip
_MOVED_AT: Final = np.array([dict(RUN.fields or {})[n][1] // 8 for n in _MOVED])
_PARAMS_AT: Final = dict(RUN.fields or {})["params_at"][1] // 8


def meaning(code: int) -> str:
    """METRICS.error in words."""
    if code not in _WHAT:
        return "the strategy's code raised"
    field, rule = _WHAT[code]
    return f"{field}: {rule}"


class StrategyError(Exception):
    """A strategy that raised, or asked for something that has no meaning.

    strategy  its name
    ts        close of the bar at hand, ns, or the time of what was decided on
    field     of the request; "" if the code raised
    """

    def __init__(
        self, strategy: str, ts: int, field: str, what: str, on: str = "the bar that closed at"
    ) -> None:
        at = datetime.fromtimestamp(ts / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        where = f"at {on} {at}: " if ts else ""
        super().__init__(f"{strategy}: {where}{what}")
        self.strategy, self.ts, self.field = strategy, ts, field


class Engine:
    """A strategy, data and settings, ready to be run with one set of parameters after another.

    keep    orders, fills, trades and the curve are kept; without it, only figures
    raises  ValueError if the strategy has no on_bar, or the settings lack an instrument
    """

    def __init__(
        self, strategy: CompiledStrategy, data: MarketData, settings: Settings, *, keep: bool
    ) -> None:
        if len(settings.instruments) != len(data.symbols):
            raise ValueError(
                f"settings: {len(settings.instruments)} instruments, the data has"
                f" {len(data.symbols)} ({', '.join(data.symbols)}): give one Rules each"
            )
        self.strategy, self.data, self.settings = strategy, data, settings
        self.keep = keep
        self._fresh_run = run_record(settings)
        self._fresh_run["keep"] = keep
        self._fresh_run["tells"] = strategy.on_fill is not None
        self._fresh_run["plain"] *= strategy.on_fill is None
        self._fresh_desks = desk_records(settings)
        self._fresh_accounts = _accounts(self._fresh_desks)
        self._loop = loop(strategy, many=not data.simple)
        self.bars = data.joined
        self.steps = len(data.events) if not data.simple else len(self.bars)
        count = len(data.symbols)
        self.run = self._fresh_run.copy()
        self.desks = self._fresh_desks.copy()
        self.accounts = self._fresh_accounts.copy()
        self.states = np.zeros(count, strategy.state)
        self.metrics = np.zeros(1, METRICS)
        self.asks, self._made = np.zeros(ORDERS_MAX, ORDER), np.zeros(ORDERS_MAX, np.int64)
        self.told = np.zeros(1, FILL)
        room = max(_ROWS, self.steps // _BARS_A_ROW) if keep else 0
        self.fills, self.after = table(room, FILL_ROW), table(room, AFTER)
        self.rows, self.trades = table(room, ORDER_ROW), table(room, TRADE_ROW)
        self.curve = table(self._curve_size(), np.float64)
        self._place_bars()
        self.run[:] = self._fresh_run

    def _curve_size(self) -> int:
        if not self.keep:
            return 0
        if self.data.simple:
            return self.steps
        events = self.data.events
        return 4 * int(np.count_nonzero((events["kind"] == CLOSE) & (events["last"] == 1)))

    def _place_bars(self) -> None:
        fresh, data = self._fresh_run[0], self.data
        fresh["engine"] = engine_door.address()
        fresh["bars_at"], fresh["desk_count"] = _at(self.bars), len(self.desks)
        if data.simple:
            self._packed = data.packed(packed(self.strategy))
            fresh["packed_at"] = _at(self._packed)
        else:
            fresh["events_at"] = _at(data.events)

    def attach(self) -> None:
        """Say where everything is that may have moved."""
        room = len(self.curve) if self.data.simple else len(self.curve) // 4
        self.run.view(np.int64)[_MOVED_AT] = (
            _at(self.desks), _at(self.accounts), _at(self.states), _at(self.asks), _at(self._made),
            _at(self.told), _at(self.metrics), _at(self.rows), _at(self.fills), _at(self.after),
            _at(self.trades), len(self.rows), len(self.fills), _at(self.curve) if room else 0, room,
        )  # fmt: skip

    def clear(self) -> None:
        """Back to the start, for the next parameters of a sweep: as fresh, without new memory."""
        for rows, fresh in (
            (self.run, self._fresh_run),
            (self.desks, self._fresh_desks),
            (self.accounts, self._fresh_accounts),
        ):
            _bytes(rows)[:] = _bytes(fresh)
        _bytes(self.states)[:] = _bytes(self.metrics)[:] = 0

    def go(self, params: Rows, progress: Progress | None = None) -> None:
        """Run from the first bar to the last.

        params  one PARAMS record
        raises  StrategyError
        """
        self.attach()
        done, total = 0, self.steps
        while done < total:
            stop = min(done + SLICE, total)
            done = self._slice(done, stop, params)
            if self.run["error"][0]:
                raise self._error()
            if self.run["full"][0]:
                self._more_room()
            if progress is not None:
                progress(done, total)

    def _slice(self, start: int, stop: int, params: Rows) -> int:
        self.run.view(np.int64)[_PARAMS_AT] = _at(params)
        try:
            reached: int = self._loop(_at(self.run), start, stop, self.steps)
        except Exception as e:
            ts = int(self.accounts["ts"].max())
            raise StrategyError(self.strategy.name, ts, "", _said(e)) from e
        return reached

    def _error(self) -> StrategyError:
        run = self.run[0]
        field, rule = _WHAT[int(run["error"])]
        value, request = float(run["error_value"]), int(run["error_request"])
        what = f"request {request}: {field} is {value:g}: {rule}"
        return StrategyError(self.strategy.name, int(self.accounts["ts"].max()), field, what)

    def _more_room(self) -> None:
        """Double the tables that run short; called between two bars."""
        run = self.run[0]
        orders, fills, trades = int(run["orders"]), int(run["fills"]), int(run["trades"])
        if orders + ROOM > run["orders_room"]:
            self.rows = _grown(self.rows, orders)
        if fills + ROOM > run["fills_room"]:
            self.fills, self.after = _grown(self.fills, fills), _grown(self.after, fills)
            self.trades = _grown(self.trades, trades)
        run["full"] = 0
        run["busy"] -= 1
        self.attach()


def _bytes(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """The same memory: numpy copies a record field by field, which takes longer than some runs."""
    return rows.view(np.uint8)


def _at(rows: NDArray[Any]) -> int:
    """The address of an array."""
    address: int = rows.ctypes.data  # __array_interface__ would describe every field
    return address


def _said(error: Exception) -> str:
    """What the user's code raised, or why it does not compile: the line that says it."""
    if not isinstance(error, NumbaError):
        return f"the code raised {type(error).__name__}: {error}"
    told = [line.strip() for line in str(error).splitlines() if line.strip()]
    where = next((line for line in told if line.startswith("During: typing of")), "")
    return f"does not compile: {' '.join(told[1:3])[:300]} {where.removeprefix('During: ')}".strip()


def _grown(old: Rows, used: int) -> Rows:
    new = table(2 * len(old), old.dtype)
    new[:used] = old[:used]
    return new


def _accounts(desks: Rows) -> Rows:
    accounts = np.zeros(len(desks), ACCOUNT)
    accounts["acting"] = 1
    for name in ("tick", "lot", "min_quantity", "min_notional", "maker_fee", "taker_fee"):
        accounts[name] = desks[name]
    assert accounts["working"].shape[1] == WORKING_MAX
    return accounts
