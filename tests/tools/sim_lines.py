"""Lines of `venues.sim.script` drawn by hypothesis: orders and tape of one small market."""

from decimal import Decimal

from hypothesis import strategies as st
from instruments import coin

from venues.sim.orders import VenueOrder
from venues.sim.venue import SimVenue

COIN = coin(
    price_increment="0.5", size_increment="0.01", min_quantity="0.01",
    maker_fee="0.0007", taker_fee="0.00131",
)  # fmt: skip
PRICES = [Decimal(n) / 2 for n in range(190, 211)]

prices = st.sampled_from(PRICES)
sizes = st.decimals("0.01", "9", places=2)
names = st.sampled_from([f"o{n}" for n in range(12)])
sides = st.sampled_from(["BUY", "SELL"])
orders = st.one_of(
    st.builds("{} {} {}".format, sides, names, sizes),
    st.builds(
        "{} {} {} @{} {}".format,
        sides,
        names,
        sizes,
        prices,
        st.sampled_from(["", "", "", "IOC", "FOK", "post", "reduce"]),
    ),
    st.builds("{} {} {} ^{}".format, sides, names, sizes, prices),
    st.builds("{} {} {} ^{} @{} reduce".format, sides, names, sizes, prices, prices),
    st.builds("{} {} {} reduce".format, sides, names, sizes),
)
tape = st.one_of(
    st.builds("bid {} {}".format, st.sampled_from(PRICES[:14]), st.one_of(st.just(0), sizes)),
    st.builds("ask {} {}".format, st.sampled_from(PRICES[7:]), st.one_of(st.just(0), sizes)),
    st.builds("trade {} {} {}".format, prices, sizes, st.sampled_from(["buy", "sell", "unknown"])),
    st.just("book 98x3 99x2 | 101x2 102x3"),
)


def resting(venue: SimVenue) -> list[VenueOrder]:
    """Open orders in the book, in order of arrival."""
    known = [line.order for line in venue.ledger().lines]
    return [o for o in known if o is not None and o.open and not o.waits and o.price is not None]
