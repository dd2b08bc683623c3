"""A script played at the simulated venue: what happens, `->`, what the venue says.

The lines are those of `venues.sim.script`; a line without `->` must stay unanswered.
"""

from decimal import Decimal

from messages.base import InstrumentId
from messages.market import Instrument
from messages.venue import RequestRefused
from venues.sim.script import MarketMessage, parse, words
from venues.sim.venue import SimVenue, SimVenueConfig

X = InstrumentId("X.SIM")
COIN = Instrument(
    instrument_id=X,
    symbol="X",
    base="X",
    quote="USD",
    price_increment=Decimal(1),
    size_increment=Decimal(1),
    min_quantity=Decimal(1),
    max_quantity=Decimal(1000),
    min_notional=Decimal(0),
    maker_fee=Decimal(0),
    taker_fee=Decimal(0),
)


def play(script: str, queue_model: str = "risk_averse", usd: str = "100000") -> SimVenue:
    """Each line of the script says what comes after its `->`, and the books stay sound."""
    balances = {"X": Decimal(1000), "USD": Decimal(usd)}
    venue = SimVenue(SimVenueConfig((COIN,), balances, queue_model))
    for now_ns, line in enumerate(script.strip().splitlines()):
        act, _, expected = line.partition("->")
        message = parse(act, X)
        if isinstance(message, MarketMessage):
            said = words(venue.on_market(message, now_ns))
        else:
            outcome = venue.on_command(message, now_ns)
            refused = isinstance(outcome.reply, RequestRefused)
            said = words((outcome.reply,) if refused else outcome.stream)
        assert said == expected.split(), line
    assert venue.ledger().problems() == ()
    return venue
