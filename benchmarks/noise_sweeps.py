"""How often does a sweep over pure noise call its best trial significant?

    python benchmarks/noise_sweeps.py [--sweeps 200] [--days 365] [--seed 0] [--json]

Each sweep: hourly bars of a martingale (nothing can be earned), no fees (or nothing would ever look
good), a grid of 82 EMA crosses, long and short, through the whole engine, and the validation
that `manta sweep` runs. Beside the verdict stand two that are often used instead: the best trial's
Sharpe ratio on its own (probabilistic Sharpe above 0.95), and a positive Sharpe ratio.
Exit code 1 if more than 5 % are called significant.
"""

import argparse
import json
import os
import sys
import time
from typing import Any

os.environ.setdefault("NUMBA_CACHE_DIR", os.path.abspath("runs/.cache/numba"))
import numpy as np

from messages.arrays import BAR, Rows
from research.space import parse
from research.validation import CONFIDENCE, Returns, period_ends, sharpe, validate
from scenarios.sweep_engine import make
from scenarios.sweep_spec import Records, load_strategy, params_of

HOUR_NS = 3_600_000_000_000
BEGIN_NS = 1_704_067_200_000_000_000
SPACE = parse("fast=4:64:5,slow=40:100:10", ["fast < slow"])
FIXED = {"shorts": True, "atr_stop": 0.0, "warmup": 100}
# A cash account could not go short.
SETTINGS = {"taker_fee": 0.0, "maker_fee": 0.0, "account": "margin", "leverage": 5.0}
STRATEGY = "trend_following"
LIMIT = 0.05


def noise(seed: int, hours: int) -> Rows:
    """Bars whose every step has mean zero, with the volatility of a coin."""
    rng = np.random.default_rng(seed)
    deviation = 0.006 * np.exp(0.3 * rng.normal(size=hours))
    steps = np.cumsum(rng.normal(-0.5 * deviation**2, deviation))
    bars = np.zeros(hours, BAR)
    bars["ts_open"] = BEGIN_NS + np.arange(hours) * HOUR_NS
    bars["ts_event"] = bars["ts_init"] = bars["ts_open"] + HOUR_NS
    bars["close"] = 100.0 * np.exp(steps)
    bars["open"] = np.r_[100.0, bars["close"][:-1]]
    bars["high"] = np.maximum(bars["open"], bars["close"])
    bars["low"] = np.minimum(bars["open"], bars["close"])
    bars["volume"] = 1000.0
    bars.flags.writeable = False
    return bars


def one(seed: int, hours: int, engine: Any, params: Rows) -> dict[str, float]:
    """What validation says of one sweep over noise."""
    bars = noise(seed, hours)
    ends, closes, step_ns = period_ends(bars["ts_event"])
    matrix = engine.returns(params, engine.prepare(bars), ends)
    ratios = sharpe(matrix)
    best = int(np.argmax(ratios))
    returns = Returns(np.arange(len(params)), matrix, closes, step_ns)
    found = validate(returns, best, len(params))
    deflated = found["deflated"]
    return {
        "significant": found["verdict"]["significant"],
        "deflated": deflated["deflated_sharpe"] >= CONFIDENCE,
        "naive": deflated["probabilistic_sharpe"] >= CONFIDENCE,
        "positive": bool(ratios[best] > 0.0),
        "best_sharpe": deflated["sharpe"],
        "pbo": found["overfitting"]["pbo"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sweeps", type=int, default=200)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    engine = make(STRATEGY, json.dumps(SETTINGS))
    params, _ = Records(params_of(load_strategy(STRATEGY)), SPACE, FIXED)(SPACE.grid())
    begun = time.perf_counter()
    rows = [one(options.seed + i, options.days * 24, engine, params) for i in range(options.sweeps)]
    mean = {name: float(np.mean([r[name] for r in rows])) for name in rows[0]}
    document = {
        "sweeps": options.sweeps,
        "trials_each": len(params),
        "called_significant": mean["significant"],
        "deflated_sharpe_alone": mean["deflated"],
        "best_sharpe_as_if_it_were_the_only_one": mean["naive"],
        "best_sharpe_positive": mean["positive"],
        "mean_best_sharpe": mean["best_sharpe"],
        "mean_pbo": mean["pbo"],
        "seconds": time.perf_counter() - begun,
    }
    if options.json:
        print(json.dumps(document))
    else:
        for name, value in document.items():
            print(f"{name:40} {value:.4g}")
    return 0 if mean["significant"] <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
