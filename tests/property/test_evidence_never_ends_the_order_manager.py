"""Whatever a venue reports, however odd and in whatever order, the order manager goes on."""

import random
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from story import Story

from messages import venue
from messages.venue import VenueStatus

QUANTITIES = ("0.5", "1", "1.5", "2")
REQUESTS = ("SUBMIT", "CANCEL", "MODIFY")


def odd_report(story: Story, chance: random.Random) -> venue.OrderReport:
    """One that contradicts itself no more than venues do: not more filled than ordered."""
    quantity = chance.choice(QUANTITIES)
    status = chance.choice(list(VenueStatus))
    filled = chance.choice([x for x in ("0", *QUANTITIES) if Decimal(x) <= Decimal(quantity)])
    filled = {VenueStatus.NEW: "0", VenueStatus.FILLED: quantity}.get(status, filled)
    report = story._report("o1", chance.choice(list(venue.Source)), status, filled)
    odd = {"quantity": Decimal(quantity), "triggered": chance.random() < 0.2}
    return report.model_copy(update=odd)


def step(story: Story, chance: random.Random, filled: int) -> int:
    """One thing that happens -> how many halves have been filled by now."""
    now = story.books.orders["o1"]
    match chance.randrange(9):
        case 0 | 1 | 2:
            done = story.core.react(story.books, odd_report(story, chance), story.now_ns)
            story.books = done.state
            story.said.extend(done.out)
        case 3 if Decimal(filled + 1) / 2 <= now.quantity:
            filled += 1
            story.hear("fill", "o1", f"t{filled}", "0.5", "@", "100")
        case 4:
            story.hear("shrink", "o1", chance.choice(QUANTITIES))
        case 5:
            story.hear("refused", "o1", chance.choice(REQUESTS), "-1")
        case 6:
            acted = chance.choice(["NO", "PERHAPS"])
            story.hear("failed", "o1", chance.choice(REQUESTS), acted)
        case 7:
            story.hear(chance.choice(["kill", "halt", "stream-up", "restart", "timer"]))
        case _:
            story.hear(chance.choice(["missing", "cancel"]), "o1")
    return filled


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_no_report_about_an_order_ends_the_order_manager(seed: int) -> None:
    chance, story, filled = random.Random(seed), Story(), 0
    story.hear("approve", "o1", "buy", "2", "@", "100")

    for _ in range(14):
        story.now_ns += chance.choice([1, 5, 600, 1200, 3000]) * 1_000_000
        filled = step(story, chance, filled)

    order = story.books.orders["o1"]
    assert order.filled_qty == Decimal(filled) / 2
    assert order.filled_qty <= order.quantity
