"""What holds for perpetuals at the simulated venue whatever happens."""

from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_lines import COIN, PRICES, names, orders, resting, sizes, tape

from messages.arrays import FUNDING
from messages.base import InstrumentId
from messages.market import FundingBatch, Product
from messages.venue import MarginMode, SetLeverage, SetMarginMode
from venues.sim.script import MarketMessage, parse
from venues.sim.venue import SimVenue, SimVenueConfig

X = InstrumentId("X-PERP.SIM")
PERP = COIN.model_copy(update={"instrument_id": X, "product": Product.LINEAR})
changes = st.one_of(
    st.builds("cancel {}".format, names),
    st.builds("modify {} {}".format, names, sizes),
    st.builds("modify {} {} @{}".format, names, sizes, st.sampled_from(PRICES)),
)
touched = st.builds(
    "{} {} {} ~{}".format, st.sampled_from(["BUY", "SELL"]), names, sizes, st.sampled_from(PRICES)
)
settings_of = st.one_of(
    st.builds("leverage {}".format, st.sampled_from([1, 3, 20, 125])),
    st.builds("mode {}".format, st.sampled_from(["CROSS", "ISOLATED"])),
    st.builds(
        "funding {} {}".format,
        st.floats(60, 140),
        st.sampled_from([0.0, 0.001, -0.02]),
    ),
)
scripts = st.lists(
    st.one_of(orders, orders, orders, touched, changes, tape, tape, settings_of), max_size=50
)


def step(venue: SimVenue, line: str, now_ns: int) -> None:
    at = {"ts_event": now_ns, "ts_init": now_ns}
    match line.split():
        case ["leverage", to]:
            venue.on_command(SetLeverage(**at, instrument_id=X, leverage=Decimal(to)), now_ns)
        case ["mode", to]:
            venue.on_command(SetMarginMode(**at, instrument_id=X, mode=MarginMode(to)), now_ns)
        case ["funding", mark, rate]:
            rows = np.array([(now_ns, now_ns, float(rate), float(mark), now_ns + 3)], FUNDING)
            venue.on_market(FundingBatch(**at, instrument_id=X, rows=rows), now_ns)
        case _:
            message = parse(line, X)
            if isinstance(message, MarketMessage):
                venue.on_market(message, now_ns)
            else:
                venue.on_command(message, now_ns)


def opened(usd: str) -> SimVenue:
    return SimVenue(SimVenueConfig((PERP,), {"USD": Decimal(usd)}, amends=True))


@settings(max_examples=120, deadline=None)
@given(script=scripts, usd=st.sampled_from(["60", "300", "5000"]), pieces=st.integers(1, 3))
def test_money_is_conserved_and_positions_are_the_sum_of_fills(
    script: list[str], usd: str, pieces: int
) -> None:
    venue = opened(usd)
    venue.split_fills(pieces)

    for now_ns, line in enumerate(script):
        step(venue, line, now_ns)

        assert venue.ledger().problems() == (), line


@settings(max_examples=80, deadline=None)
@given(script=scripts)
def test_we_never_cross_ourselves_whatever_is_amended(script: list[str]) -> None:
    venue = opened("5000")

    for now_ns, line in enumerate(script):
        step(venue, line, now_ns)

        bids = [o.price for o in resting(venue) if o.sign > 0 and o.price is not None]
        asks = [o.price for o in resting(venue) if o.sign < 0 and o.price is not None]
        assert not bids or not asks or max(bids) < min(asks), line


@settings(max_examples=80, deadline=None)
@given(script=scripts)
def test_account_without_positions_never_owes(script: list[str]) -> None:
    venue = opened("60")

    for now_ns, line in enumerate(script):
        step(venue, line, now_ns)

        flat = not venue.ledger().position(X)
        assert not flat or venue.ledger().balances()["USD"] >= 0, line
