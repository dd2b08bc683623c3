"""What holds in the simulated venue whatever happens, in lines of `venues.sim.script`."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from sim_lines import COIN, PRICES, names, orders, resting, sizes, tape

from messages.base import Event
from messages.orders import LiquiditySide
from messages.venue import FillReport, OrderReport
from venues.sim.orders import VenueOrder
from venues.sim.queue_models import QUEUE_MODELS
from venues.sim.script import MarketMessage, parse
from venues.sim.venue import SimVenue, SimVenueConfig

X = COIN.instrument_id
changes = st.one_of(
    st.builds("cancel {}".format, names), st.builds("modify {} {}".format, names, sizes)
)
quotes = st.builds(
    "quote {}x{} {}x{}".format,
    st.sampled_from(PRICES[:10]),
    sizes,
    st.sampled_from(PRICES[11:]),
    sizes,
)
scripts = st.one_of(
    st.lists(st.one_of(orders, orders, changes, tape, tape), max_size=40),
    st.lists(st.one_of(orders, orders, changes, quotes), max_size=40),
)
models = st.sampled_from(sorted(QUEUE_MODELS))


def opened(queue_model: str = "risk_averse") -> SimVenue:
    balances = {"X": Decimal(50), "USD": Decimal(5000)}
    return SimVenue(SimVenueConfig((COIN,), balances, queue_model))


def step(venue: SimVenue, line: str, now_ns: int) -> tuple[Event, ...]:
    message = parse(line, X)
    if isinstance(message, MarketMessage):
        return venue.on_market(message, now_ns)
    outcome = venue.on_command(message, now_ns)
    return (outcome.reply, *outcome.stream)


def fills(events: Iterable[Event]) -> list[FillReport]:
    return [event for event in events if isinstance(event, FillReport)]


@settings(max_examples=120, deadline=None)
@given(script=scripts, model=models)
def test_books_balance_exactly_after_every_step(script: list[str], model: str) -> None:
    venue = opened(model)

    for now_ns, line in enumerate(script):
        step(venue, line, now_ns)

        assert venue.ledger().problems() == (), line


@settings(max_examples=120, deadline=None)
@given(script=scripts)
def test_no_fill_is_worse_than_the_limit_and_makers_get_their_price(script: list[str]) -> None:
    venue = opened()
    by_id: dict[str, VenueOrder] = {}

    for now_ns, line in enumerate(script):
        for fill in fills(step(venue, line, now_ns)):
            by_id |= {x.order.venue_order_id: x.order for x in venue.ledger().lines if x.order}
            limit = by_id[fill.venue_order_id].spec.price
            if fill.liquidity_side is LiquiditySide.MAKER:
                assert fill.last_px == limit
            elif limit is not None:
                assert (limit - fill.last_px) * fill.side.sign >= 0


@settings(max_examples=120, deadline=None)
@given(script=scripts, model=models)
def test_we_never_cross_ourselves(script: list[str], model: str) -> None:
    venue = opened(model)

    for now_ns, line in enumerate(script):
        step(venue, line, now_ns)

        bids = [o.price for o in resting(venue) if o.sign > 0 and o.price is not None]
        asks = [o.price for o in resting(venue) if o.sign < 0 and o.price is not None]
        assert not bids or not asks or max(bids) < min(asks), line


@settings(max_examples=150, deadline=None)
@given(script=scripts, model=models)
def test_own_makers_fill_by_price_then_time(script: list[str], model: str) -> None:
    venue = opened(model)

    for now_ns, line in enumerate(script):
        before = resting(venue)
        filled = {
            fill.venue_order_id
            for fill in fills(step(venue, line, now_ns))
            if fill.liquidity_side is LiquiditySide.MAKER
        }
        still = [o for o in before if o.open and o.leaves]
        for done in [o for o in before if o.venue_order_id in filled]:
            assert done.price is not None
            for other in still:
                if other.sign != done.sign or other is done or other.spec.reduce_only:
                    continue
                assert other.price is not None
                better = done.sign * (other.price - done.price)
                earlier = better == 0 and before.index(other) < before.index(done)
                assert better <= 0, line
                assert not earlier, line


@settings(max_examples=120, deadline=None)
@given(script=scripts)
def test_reduce_only_never_grows_or_turns_a_position(script: list[str]) -> None:
    venue = opened()
    reducing: set[str] = set()
    position = Decimal(0)

    for now_ns, line in enumerate(script):
        events = step(venue, line, now_ns)
        reducing |= {
            x.order.venue_order_id for x in venue.ledger().lines if x.order and x.spec.reduce_only
        }
        for fill in fills(events):
            after = position + fill.last_qty * fill.side.sign
            if fill.venue_order_id in reducing:
                assert abs(after) < abs(position)
                assert after * position >= 0
            position = after
        assert venue.ledger().position(X) == position


@settings(max_examples=80, deadline=None)
@given(script=scripts, model=models)
def test_same_script_gives_the_same_words(script: list[str], model: str) -> None:
    one, two = opened(model), opened(model)

    for now_ns, line in enumerate(script):
        assert step(one, line, now_ns) == step(two, line, now_ns)


@settings(max_examples=80, deadline=None)
@given(script=scripts)
def test_every_fill_is_followed_by_the_order_it_leads_to(script: list[str]) -> None:
    venue = opened()

    for now_ns, line in enumerate(script):
        events = step(venue, line, now_ns)
        for fill, after in pairwise(events):
            if isinstance(fill, FillReport):
                assert isinstance(after, OrderReport)
                assert after.venue_order_id == fill.venue_order_id


at_one_price = st.lists(
    st.tuples(st.sampled_from(["order", "trade", "join"]), st.integers(1, 9)), max_size=30
)


@settings(max_examples=150, deadline=None)
@given(shown=st.integers(1, 20), script=at_one_price, model=models)
def test_with_trades_and_arrivals_only_the_queue_is_exactly_first_in_first_out(
    shown: int, script: list[tuple[str, int]], model: str
) -> None:
    """Against a queue that knows every order: others' size as None, ours by name."""
    venue = opened(model)
    step(venue, f"book 98x5 99x{shown} | 101x5", 0)
    queue: deque[tuple[str | None, int]] = deque([(None, shown)])

    for n, (what, size) in enumerate(script):
        expected: dict[str, int] = {}
        if what == "order":
            line = f"BUY o{n} {size} @99"
            queue.append((f"o{n}", size))
        elif what == "join":
            queue.append((None, size))
            line = f"bid 99 {sum(q for name, q in queue if name is None)}"
        else:
            line = f"trade 99 {size} sell"
            left = size
            while left and queue:
                name, waiting = queue.popleft()
                done = min(left, waiting)
                left -= done
                if name is not None:
                    expected[name] = done
                if waiting > done:
                    queue.appendleft((name, waiting - done))

        got = {f.client_order_id: int(f.last_qty) for f in fills(step(venue, line, n))}

        assert got == expected, line
        if what == "trade":
            step(venue, f"bid 99 {sum(q for name, q in queue if name is None)}", n)
