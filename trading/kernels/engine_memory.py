"""Records and tables that compiled parts reach through addresses.

An array travels between compiled parts as seven words, a record as one: an engine that hands five
tables from part to part spends more on that than on the fill, and takes twice as long to compile.
So RUN holds the addresses of everything, and a part makes the record it needs on the spot. Whoever
fills in an address keeps the memory alive; nothing here counts references or knows bounds.
"""

from collections.abc import Callable
from typing import Any, Final

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from messages.arrays import BAR
from trading.backtest_data import EVENT
from trading.kernels.engine_records import AFTER, DESK, LIVE, RUN, STEP
from trading.result import FILL_ROW, METRICS, ORDER_ROW, TRADE_ROW
from trading.strategy_records import ACCOUNT, FILL, ORDER, ORDERS_MAX

llvm: Final[Any] = vars(cgutils)["ir"]  # llvmlite, which has no types
_BYTE: Final = llvm.IntType(8)
_WORD: Final = llvm.IntType(64)


def _intrinsic(function: Callable[..., Any]) -> Any:
    return intrinsic(function)


def row_of(dtype: "np.dtype[Any]") -> Any:
    """The compiled function (address, index) -> record: a row of a table of this dtype."""
    record = numba.from_dtype(dtype)

    @_intrinsic
    def row(typing_context: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            offset = builder.mul(args[1], llvm.Constant(_WORD, dtype.itemsize))
            at = builder.add(args[0], offset)
            return builder.inttoptr(at, context.get_value_type(record))

        return record(types.int64, types.int64), generate

    return row


def part_of(outer: "np.dtype[Any]", field: str) -> Any:
    """The compiled function (record, index) -> record: a row of the table inside a record."""
    inner, offset = dict(outer.fields or {})[field][:2]
    record, size = numba.from_dtype(inner.base), inner.base.itemsize

    @_intrinsic
    def row(typing_context: Any, whole: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            at = builder.mul(args[1], llvm.Constant(_WORD, size))
            at = builder.add(at, llvm.Constant(_WORD, offset))
            start = builder.bitcast(args[0], _BYTE.as_pointer())
            return builder.bitcast(builder.gep(start, [at]), context.get_value_type(record))

        return record(whole, types.int64), generate

    return row


def table_of(dtype: Any, length: int = 1 << 40) -> Any:
    """The compiled function (address) -> array of this dtype."""
    rows = types.Array(numba.from_dtype(np.dtype(dtype)), 1, "C")

    @_intrinsic
    def table(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            made = make_array(rows)(context, builder)
            size = context.get_constant(types.intp, np.dtype(dtype).itemsize)
            populate_array(
                made,
                data=builder.inttoptr(args[0], made.data.type),
                shape=[context.get_constant(types.intp, length)],
                strides=[size],
                itemsize=size,
                meminfo=None,
            )
            return made._getvalue()

        return rows(types.int64), generate

    return table


@_intrinsic
def put(typing_context: Any, record: Any, *values: Any) -> Any:
    """Write the first fields of a record, in their order: one step for numba, however many."""
    fields = list(record.fields.items())[: len(values)]

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for i, (_, field) in enumerate(fields):
            value = builder.extract_value(args[1], i)
            at = cgutils.get_record_member(builder, args[0], field.offset, value.type)
            builder.store(value, at, align=8)
        return context.get_dummy_value()

    wanted = types.BaseTuple.from_types([field.type for _, field in fields])
    return types.void(record, wanted), generate


@_intrinsic
def own_copy(typing_context: Any, record: Any) -> Any:
    """A copy of a record that no other code can know of: its fields may live in registers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_value_type(record).pointee
        mine = cgutils.alloca_once(builder, kind)
        cgutils.raw_memcpy(builder, mine, args[0], llvm.Constant(_WORD, record.size), 1)
        return mine

    return record(record), generate


@_intrinsic
def put_back(typing_context: Any, record: Any, copy: Any) -> Any:
    """The copy's values become the record's."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        cgutils.raw_memcpy(builder, args[0], args[1], llvm.Constant(_WORD, record.size), 1)
        return context.get_dummy_value()

    return types.void(record, copy), generate


def bar_of(packed: "np.dtype[Any]") -> Any:
    """The compiled function (packed, bars, index) -> a BAR record of its own.

    packed  address of a table with some columns of the bars; the others are read from the bars,
            and what nobody reads is never loaded
    """
    record: Any = numba.from_dtype(BAR)
    near = dict(packed.fields or {})

    @_intrinsic
    def bar_at(typing_context: Any, packed_at: Any, bars_at: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            bar = cgutils.alloca_once(builder, context.get_value_type(record).pointee)
            for name, field in record.fields.items():
                table, size, offset = args[1], BAR.itemsize, field.offset
                if name in near:
                    table, size, offset = args[0], packed.itemsize, near[name][1]
                kind = context.get_value_type(field.type)
                at = builder.mul(args[2], llvm.Constant(_WORD, size))
                at = builder.add(builder.add(at, table), llvm.Constant(_WORD, offset))
                value = builder.load(builder.inttoptr(at, kind.as_pointer()), align=8)
                place = cgutils.get_record_member(builder, bar, field.offset, kind)
                builder.store(value, place, align=8)
            return bar

        return record(types.int64, types.int64, types.int64), generate

    return bar_at


@_intrinsic
def seldom(typing_context: Any, condition: Any) -> Any:
    """The condition, which LLVM may take for false nearly always: what follows pays for itself."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bit = llvm.IntType(1)
        kind = llvm.FunctionType(bit, [bit, bit])
        expect = cgutils.get_or_insert_function(builder.module, kind, "llvm.expect.i1")
        return builder.call(expect, [args[0], llvm.Constant(bit, 0)])

    return types.boolean(types.boolean), generate


@_intrinsic
def enter(
    typing_context: Any, door: Any, what: Any, run: Any, i: Any, k: Any, count: Any, ts: Any,
    price: Any,
) -> Any:  # fmt: skip
    """Call the engine at the address `door`; see `trading.kernels.engine_door`."""
    whole, number = llvm.IntType(64), llvm.DoubleType()
    kind = llvm.FunctionType(whole, [*[whole] * 6, number])

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        called = builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return called

    words = [types.int64] * 7
    return types.int64(*words, types.float64), generate


Row = Callable[..., Any]
run_at: Final[Row] = row_of(RUN)
desk_at: Final[Row] = row_of(DESK)
account_at: Final[Row] = row_of(ACCOUNT)
bar_row_at: Final[Row] = row_of(BAR)
event_at: Final[Row] = row_of(EVENT)
told_at: Final[Row] = row_of(FILL)
metrics_at: Final[Row] = row_of(METRICS)
ask_at: Final[Row] = row_of(ORDER)
order_row_at: Final[Row] = row_of(ORDER_ROW)
fill_row_at: Final[Row] = row_of(FILL_ROW)
after_at: Final[Row] = row_of(AFTER)
trade_row_at: Final[Row] = row_of(TRADE_ROW)
step_at: Final[Row] = row_of(STEP)
value_at: Final[Row] = row_of(np.dtype([("value", "<f8")]))
live_of: Final[Row] = part_of(DESK, "orders")
seen_of: Final[Row] = part_of(ACCOUNT, "working")
asks_at: Final[Row] = table_of(ORDER, ORDERS_MAX)
numbers_at: Final[Row] = table_of(np.int64)
assert DESK["orders"].base == LIVE, "live_of gives LIVE records"
