"""Bars for tests of indicators: a random walk on a grid of ticks, with ties and flat stretches."""

import numpy as np

from messages.arrays import BAR, Rows

MINUTE_NS = 60_000_000_000


def candles(
    n: int, seed: int = 1, start: float = 100.0, step: float = 5e-3, tick: float = 0.01
) -> Rows:
    """`n` one-minute bars; about one in twenty does not move at all."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, step, n) * (rng.random(n) > 0.05)
    close = start * np.exp(np.cumsum(moves))
    bars = np.zeros(n, BAR)
    bars["ts_event"] = (np.arange(n) + 1) * MINUTE_NS + 19_000 * 86_400 * 1_000_000_000
    bars["ts_open"] = bars["ts_event"] - MINUTE_NS
    opened = np.concatenate(([start], close))[:n]
    high = np.maximum(opened, close) * (1.0 + np.abs(rng.normal(0.0, step / 3, n)))
    low = np.minimum(opened, close) * (1.0 - np.abs(rng.normal(0.0, step / 3, n)))
    for name, values in (("open", opened), ("high", high), ("low", low), ("close", close)):
        bars[name] = np.round(values / tick) * tick
    bars["volume"] = np.round(rng.lognormal(1.0, 1.0, n), 3)
    return bars
