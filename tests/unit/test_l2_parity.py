"""The parity law on books: the compiled engine and the simulated venue do the same, fill by fill.

Where they are meant to differ, docs/backtesting-l2.md says so; the scripts stay clear of that.
"""

from decimal import Decimal
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from l2_script import X, play
from sim_script import COIN

from messages.venue import FillReport, OrderReport, RequestRefused
from trading.l2_settings import L2Settings
from venues.sim.script import MarketMessage, parse
from venues.sim.venue import SimVenue, SimVenueConfig

_DONE: Final = {"FILLED": "filled", "CANCELED": "canceled", "EXPIRED": "expired"}
MODELS: Final = ("risk_averse", "prob_power", "prob_log")
Fill = tuple[int, str, int, float, float, int]


def at_venue(script: str, queue_model: str) -> tuple[list[Fill], dict[str, str]]:
    """Fills and last states of the orders at the simulated venue."""
    balances = {"X": Decimal(10**6), "USD": Decimal(10**9)}
    venue = SimVenue(SimVenueConfig((COIN,), balances, queue_model))
    fills: list[Fill] = []
    orders: dict[str, str] = {}
    for k, line in enumerate(script.strip().splitlines()):
        message = parse(line, X)
        if isinstance(message, MarketMessage):
            said = venue.on_market(message, k)
        else:
            outcome = venue.on_command(message, k)
            said = outcome.stream
            refused = isinstance(outcome.reply, RequestRefused)
            if refused and line.split()[0] in {"BUY", "SELL"}:
                orders[line.split()[1]] = "refused"
        for event in said:
            if isinstance(event, FillReport):
                fills.append(
                    (k, event.client_order_id, event.side.sign, float(event.last_px),
                     float(event.last_qty), int(event.liquidity_side == "MAKER"))
                )  # fmt: skip
            elif isinstance(event, OrderReport):
                orders[event.client_order_id] = _DONE.get(event.status, "working")
    return fills, orders


def in_engine(script: str, queue_model: str) -> tuple[list[Fill], dict[str, str]]:
    """The same of the compiled engine."""
    chosen = L2Settings(queue_model=queue_model, initial_balance=1e9)  # type: ignore[arg-type]
    played = play(script, chosen)
    return played.fills, played.orders


SITUATIONS: Final = {
    "market order takes levels": """
        book 98x9 99x5 | 101x5 102x5
        BUY  a 7
        SELL b 6
    """,
    "what was taken stays taken": """
        book 98x9 99x5 | 101x5 102x5
        BUY  a 5
        BUY  b 2 @101
        ask 101 4
        BUY  c 2 @101
    """,
    "queue, trades and shrinking": """
        book 98x9 99x5 | 101x5 102x5
        BUY a 3 @99 post
        trade 99 2 sell
        bid 99 2
        trade 99 3 sell
        trade 98 1 sell
        SELL b 4 @101
        trade 102 1 buy
    """,
    "cross": """
        book 98x9 99x5 | 101x5 102x5
        BUY a 6 @100
        ask 100 2
        ask 99 9
    """,
    "self trade expires the taker": """
        book 98x9 99x5 | 101x5 102x5
        SELL a 2 @101 post
        BUY b 9 @102
        BUY c 3 @101 FOK
        BUY d 3 @103 IOC
    """,
    "stops": """
        book 98x9 99x5 | 101x5 102x5
        BUY a 3 ^105
        SELL b 2 ^97 @96
        trade 105 1 buy
        trade 97 1 sell
        trade 106 1 buy
    """,
    "post-only refused, IOC and FOK": """
        book 98x9 99x5 | 101x5 102x5
        BUY a 1 @101 post
        BUY b 9 @101 IOC
        SELL c 20 @98 FOK
        SELL d 14 @98 FOK
        cancel a
    """,
    "reduce-only": """
        book 98x9 99x5 | 101x5 102x5
        SELL a 2 reduce
        BUY b 3
        SELL c 5 @103 reduce
        SELL d 2
        trade 104 9 buy
        SELL e 5 @98 reduce
    """,
    "smaller keeps its place": """
        book 98x9 99x5 | 101x5 102x5
        BUY a 5 @99
        BUY b 5 @99
        modify a 2
        trade 99 8 sell
        cancel b
    """,
    "deeper than the tape shows": """
        book 98x9 99x5 | 101x5 102x5
        BUY a 5 @95
        bid 95 4
        trade 95 6 sell
    """,
    "quotes alone": """
        quote 99x5 101x5
        BUY a 3 @99
        trade 99 6 sell
        quote 98x5 101x5
        SELL b 2 @101
        quote 100x2 102x5
        quote 102x2 103x5
    """,
    "snapshot": """
        book 98x9 99x5 | 101x5 102x5
        BUY a 3 @99
        BUY b 3 @98
        BUY c 3 @97
        book 96x2 98x9 | 101x5
        trade 98 10 sell
        book 99x1 | 101x5
        trade 97 4 sell
    """,
}


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize("model", MODELS)
def test_scripted_situation_ends_as_at_the_simulated_venue(name: str, model: str) -> None:
    assert in_engine(SITUATIONS[name], model) == at_venue(SITUATIONS[name], model)


@pytest.mark.parametrize(("unseen", "filled"), [("unknown", 2.0), ("empty", 5.0)])
def test_order_deeper_than_the_tape_shows_waits_behind_what_appears_there_or_does_not(
    unseen: str, filled: float
) -> None:
    chosen = L2Settings(unseen=unseen, initial_balance=1e9)  # type: ignore[arg-type]

    played = play(SITUATIONS["deeper than the tape shows"], chosen)

    assert [fill[4] for fill in played.fills] == [filled]


_ticks = st.integers(95, 105)
_lots = st.integers(1, 9)
_market = st.one_of(
    st.builds(lambda t, n: f"bid {t} {n}", st.integers(95, 100), st.integers(0, 9)),
    st.builds(lambda t, n: f"ask {t} {n}", st.integers(100, 105), st.integers(0, 9)),
    st.builds(
        lambda t, n, s: f"trade {t} {n} {s}", _ticks, _lots, st.sampled_from(["buy", "sell"])
    ),
)
_words = st.sampled_from(["", " IOC", " FOK", " post", " reduce"])


@st.composite
def scripts(draw: st.DrawFn) -> str:
    """A book, then up to 30 changes, trades, orders, cancels and amendments."""
    lines = ["book 97x4 98x9 99x5 | 101x5 102x5 103x3"]
    names: list[str] = []
    for _ in range(draw(st.integers(4, 30))):
        kind = draw(st.sampled_from(["market", "market", "market", "order", "change"]))
        if kind == "market" or (kind == "change" and not names):
            lines.append(draw(_market))
        elif kind == "order" and len(names) < 12:
            names.append(f"o{len(names)}")
            side, lots = draw(st.sampled_from(["BUY", "SELL"])), draw(_lots)
            price = draw(st.one_of(st.just(""), _ticks.map(lambda t: f" @{t}")))
            word = draw(_words) if price else draw(st.sampled_from(["", " reduce"]))
            stop = draw(st.sampled_from([""] * 5 + [f" ^{draw(_ticks)}"]))
            if stop and word in {" IOC", " FOK"}:
                word = ""
            lines.append(f"{side} {names[-1]} {lots}{price}{stop}{word}")
        elif names:
            name = draw(st.sampled_from(names))
            lines.append(f"cancel {name}")
    return "\n".join(lines)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(scripts(), st.sampled_from(MODELS))
def test_any_script_ends_as_at_the_simulated_venue(script: str, model: str) -> None:
    assert in_engine(script, model) == at_venue(script, model)
