"""What a strategy asks to be executed, as an exact plan."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from messages.base import NS_PER_S
from messages.market import Instrument
from messages.orders import OrderSide
from trading.execution.plan import Method, Plan
from trading.strategy_turn import Number, Turn, to_ticks, whole_lots


def plan_of(
    turn: Turn, rules: Instrument, side: OrderSide, quantity: Number, method: str,
    limit: Number | None, params: Mapping[str, Any],
) -> Plan | None:  # fmt: skip
    """What a strategy asked for, in whole lots and ticks; None if less than an order is left.

    raises  StrategyFault naming the field that does not fit
    """
    more = dict(params)
    for name in ("duration", "slice"):
        if f"{name}_s" in more:
            more[f"{name}_ns"] = round(more.pop(f"{name}_s") * NS_PER_S)
    for name in ("offset_bps", "participation"):
        if name in more:
            more[name] = Decimal(str(more[name]))
    try:
        size = whole_lots(rules, quantity)
        if size < max(rules.min_quantity, rules.size_increment):
            turn.state.dropped += 1
            return None
        if "display" in more:
            more["display"] = whole_lots(rules, more["display"])
        price = to_ticks(rules, side, limit) if limit is not None else None
        return Plan(rules.instrument_id, side, size, Method(method), limit=price, **more)
    except (ValueError, TypeError, ArithmeticError) as e:
        raise turn.fault(f"execute {rules.symbol}: {e}") from None
