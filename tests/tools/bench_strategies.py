"""Strategies that do one thing each, for tests of the strategy core."""

from typing import Any

import numpy as np

from trading.kernels.strategy import cancel, submit_limit, submit_market
from trading.strategy import BUY, CompiledStrategy, StrategyParams
from trading.strategy_bench import Bench


class Asked(StrategyParams):
    """What the test strategies ask for."""

    quantity: float = 0.01
    requests: int = 1


ONE = np.dtype([("n", "i8")])


def buy_each_quote(state: Any, params: Any, quote: Any, account: Any, orders: Any) -> int:
    state.n += 1
    if account.acting == 0:
        return 0
    return int(submit_market(orders, 0, BUY, params.quantity))


def rest_then_cancel(state: Any, params: Any, quote: Any, account: Any, orders: Any) -> int:
    if account.working_count > 0:
        return int(cancel(orders, 0, account.working[0].sequence))
    return int(submit_limit(orders, 0, BUY, params.quantity, quote.bid_price, tag=7))


def far_too_many(state: Any, params: Any, quote: Any, account: Any, orders: Any) -> int:
    count = 0
    for _ in range(params.requests):
        count = submit_market(orders, count, BUY, params.quantity)
    return count


BUYER = CompiledStrategy(name="buyer", params=Asked, state=ONE, on_quote=buy_each_quote)
RESTER = CompiledStrategy(name="rester", params=Asked, state=ONE, on_quote=rest_then_cancel)
FLOOD = CompiledStrategy(name="flood", params=Asked, state=ONE, on_quote=far_too_many)


def kinds(bench: Bench) -> list[str]:
    return [s.kind for s in bench.said]  # type: ignore[attr-defined]
