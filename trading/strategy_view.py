"""A live strategy as plain data for people: its memory, parameters, orders and position."""

import json
from typing import Any

import numpy as np

from trading import strategy_executions as executions
from trading.strategy_core import StrategyCore
from trading.strategy_state import OwnOrder, StrategyState


def described(core: StrategyCore, state: StrategyState) -> dict[str, Any]:
    """Everything that a strategy instance knows of itself; JSON can hold all of it.

    `memory` has one STATE record per instrument (of a Python strategy: what `on_save` keeps).
    cost  grows with STATE: windows are in it
    """
    config = core.config
    answer = state.answer
    return {
        "strategy_id": config.strategy_id,
        "live": state.live,
        "paused": state.paused,
        "trading_state": str(state.trading_state),
        "intents": state.intents,
        "dropped": state.dropped,
        "params": core.params(state).model_dump(mode="json"),
        "reloadable": sorted(core.model.reloadable()),
        "changed": state.tuned,
        "answer": answer.model_dump(mode="json") if answer is not None else None,
        "memory": _memory(core, state),
        "orders": [_order(o) for o in state.orders.values()],
        "executions": [executions.described(r) for r in state.executions.values()],
        "positions": [
            {
                "instrument_id": m.instrument_id,
                "quantity": str(m.holding.quantity),
                "avg_px": str(m.holding.avg_px),
                "realized_pnl": str(m.holding.realized_pnl),
                "commissions": str(m.holding.commissions),
                "bid": m.bid,
                "ask": m.ask,
                "silent": sorted(m.stale),
            }
            for m in state.markets
        ],
    }


def _memory(core: StrategyCore, state: StrategyState) -> Any:
    if isinstance(state.memory, np.ndarray):
        names = [m.instrument_id for m in state.markets]
        return dict(zip(names, (_plain(record) for record in state.memory), strict=True))
    raw = core.engine.save(state.memory)
    try:
        return json.loads(raw)
    except ValueError:  # the strategy's own format
        return {"bytes": len(raw)}


def _plain(value: Any) -> Any:
    """A record as a dict, an array as a list, a scalar as a number; NaN and inf as None."""
    names = value.dtype.names
    if names:
        if value.shape:
            return [_plain(v) for v in value]
        return {n: _plain(value[n]) for n in names}
    if value.shape:
        return [_plain(v) for v in value]
    number = value.item()
    return None if isinstance(number, float) and not np.isfinite(number) else number


def _order(order: OwnOrder) -> dict[str, Any]:
    spec = order.spec
    return {
        "sequence": order.sequence,
        "client_order_id": spec.client_order_id,
        "instrument_id": spec.instrument_id,
        "side": str(spec.side),
        "type": str(spec.order_type),
        "quantity": str(order.quantity),
        "filled": str(order.filled),
        "price": str(spec.price) if spec.price is not None else None,
        "trigger_price": str(spec.trigger_price) if spec.trigger_price is not None else None,
        "status": STATUSES[order.status],
        "tag": order.tag,
    }


STATUSES = ("SENT", "OPEN", "CANCELING", "UNKNOWN", "HELD", "AMENDING")
