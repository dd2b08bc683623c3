"""A script played at the simulated venue: what happens, `->`, what the venue says.

The lines are those of `venues.sim.script`; a line without `->` must stay unanswered.
"""

from decimal import Decimal

from instruments import coin

from messages.venue import RequestRefused
from venues.sim.script import MarketMessage, parse, words
from venues.sim.venue import SimVenue, SimVenueConfig

COIN = coin()
X = COIN.instrument_id


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
