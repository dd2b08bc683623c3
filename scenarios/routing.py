"""A large order among the venues of a run: who works off how much of it.

The strategies that could work it off (`twap` and the like, each on its own venue) wait with a
quantity of 0. The router gives each its part, as the market and the venues' records are now, by
setting that parameter: once, durably, and like every other parameter in the record of the run. A
part that was given is never given again, so what is asked for is never exceeded, even if this
process dies between two of them: say it again, and only what is missing is given out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from messages.base import InstrumentId
from messages.market import Instrument
from messages.orders import OrderSide
from scenarios.connect import Connected
from scenarios.spec import BadSpec, venue_of
from trading.execution.router import Candidate, Levels, Route, route


@dataclass(frozen=True, slots=True)
class Part:
    """One strategy that can work off a part, and what it has been given."""

    strategy: str
    instrument_id: InstrumentId
    side: OrderSide
    given: Decimal


def part_of(strategy: str, state: Mapping[str, Any]) -> Part:
    """What a live strategy's view says of it.

    raises  BadSpec if it takes no part of an order
    """
    params, markets = state["params"], state["positions"]
    if "quantity" not in state["reloadable"] or "buy" not in params or len(markets) != 1:
        raise BadSpec(
            f"{strategy}: cannot be given a part of an order: use twap, pov or iceberg on one"
            " instrument, with quantity = 0"
        )
    side = OrderSide.BUY if params["buy"] else OrderSide.SELL
    given = Decimal(repr(params["quantity"]))
    return Part(strategy, InstrumentId(markets[0]["instrument_id"]), side, given)


def planned(
    parts: Sequence[Part],
    markets: Mapping[str, Mapping[str, Any]],
    records: Mapping[str, Mapping[str, Any]],
    quantity: Decimal,
    limit: Decimal | None = None,
) -> Route:
    """How what is not given out yet is best given to those that have nothing yet.

    markets  by instrument: rules and levels, as the feeds show them
    records  by venue: latency, reliability, health, as the order managers show them
    raises   BadSpec if they are not the same order
    """
    sides = {p.side for p in parts}
    rules = {p.instrument_id: _rules(p, markets) for p in parts}
    if len(sides) > 1 or len({(r.base, r.quote, r.product) for r in rules.values()}) > 1:
        raise BadSpec(
            f"{', '.join(p.strategy for p in parts)}: are not about one order: name strategies"
            " that all buy, or all sell, one pair in one kind of product"
        )
    if len(rules) < len(parts):
        raise BadSpec("two strategies are on one instrument: name one for each venue")
    left = quantity - sum((p.given for p in parts), Decimal(0))
    if left <= 0:
        return Route((), Decimal(0), ())
    shown = "asks" if parts[0].side is OrderSide.BUY else "bids"
    candidates = [
        _candidate(rules[p.instrument_id], markets[p.instrument_id], records, shown)
        for p in parts
        if not p.given
    ]
    return route(parts[0].side, left, candidates, limit)


def _rules(part: Part, markets: Mapping[str, Mapping[str, Any]]) -> Instrument:
    if part.instrument_id not in markets:
        raise BadSpec(f"{part.instrument_id}: its feed shows no book now; say it again")
    return Instrument.model_validate_json(markets[part.instrument_id]["instrument"])


def _candidate(
    rules: Instrument,
    market: Mapping[str, Any],
    records: Mapping[str, Mapping[str, Any]],
    shown: str,
) -> Candidate:
    record = records.get(venue_of(rules.instrument_id), {})
    levels: Levels = tuple((Decimal(repr(p)), Decimal(repr(s))) for p, s in market[shown])
    return Candidate(
        rules,
        levels,
        record.get("latency_ms"),
        record.get("reliability", 1.0),
        bool(market["in_step"] and record.get("healthy", False)),
    )


def give_out(
    run: Connected,
    strategies: Sequence[str],
    quantity: Decimal,
    limit: Decimal | None,
    operator: str,
    *,
    dry: bool,
) -> dict[str, Any]:
    """Route `quantity` among live strategies, and tell each its part unless `dry`.

    raises  BadSpec; NoAnswer if one of them did not take its part: then say it again
    """
    parts = [part_of(name, run.strategy_state(name)) for name in dict.fromkeys(strategies)]
    found = planned(parts, run.markets(), run.venues(), quantity, limit)
    by_instrument = {s.instrument_id: s for s in found.slices}
    scores = dict(found.scores)
    rows = []
    for part in parts:
        piece = by_instrument.get(part.instrument_id)
        if piece is not None and not dry:
            run.set_params(part.strategy, {"quantity": float(piece.quantity)}, operator)
        rows.append(
            {
                "strategy": part.strategy,
                "instrument_id": part.instrument_id,
                "score": round(scores[part.instrument_id], 4)
                if part.instrument_id in scores
                else None,
                "given_before": str(part.given),
                "given_now": str(piece.quantity) if piece else "0",
                "worst_price": str(piece.limit) if piece else None,
            }
        )
    return {"quantity": str(quantity), "unplaced": str(found.unplaced), "dry": dry, "parts": rows}
