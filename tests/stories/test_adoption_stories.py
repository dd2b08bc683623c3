"""Orders at the venue that are not in our books: ours are adopted, others are left alone."""

from story import BTC, Story, play

from messages import orders as m
from messages.accounts import PositionChanged

LOST = "M0123456789ab00000007"  # derived from our run, but our books do not have it


def kinds(story: Story) -> list[str]:
    return [s.kind for s in story.said if isinstance(s, m.OrderFact | PositionChanged)]


def test_a_working_order_of_our_run_is_adopted_and_can_be_cancelled() -> None:
    story = play(f"""
        0    ask     {LOST}  NEW
        =    {LOST}  ACCEPTED  0
        >
        9    cancel  {LOST}
        >    cancel {LOST}
        12   report  {LOST}  CANCELED
        =    {LOST}  CANCELED  0
    """)

    assert kinds(story)[:2] == ["order_submitted", "order_accepted"]
    assert story.books.orders[LOST].spec.strategy_id == "S"


def test_an_adopted_order_is_asked_for_its_fills_until_they_are_booked_once() -> None:
    story = play(f"""
        0     ask     {LOST}  PARTIALLY_FILLED 0.5
        >     fills {LOST}
        20    failed  {LOST}  QUERY_FILLS NO
        1100  timer
        >     query {LOST}
        1200  ask     {LOST}  FILLED 1
        >     fills {LOST}
        1300  list    {LOST}  5 0.5 @ 100
        1301  list    {LOST}  6 0.5 @ 100
        1302  fill    {LOST}  6 0.5 @ 100
        =     {LOST}  FILLED  1
    """)

    assert kinds(story).count("position_changed") == 2


def test_a_fill_of_an_order_that_should_be_in_the_books_asks_for_the_order() -> None:
    play(
        f"""
        0     fill    {LOST}  5 0.5 @ 100
        >     query {LOST}
        20    failed  {LOST}  QUERY_ORDER NO
        1100  timer
        >     query {LOST}
        1200  ask     {LOST}  FILLED 0.5
        >     fills {LOST}
        1300  list    {LOST}  5 0.5 @ 100
        =     {LOST}  CANCELED  0.5
    """.replace("FILLED 0.5", "CANCELED 0.5")
    )


def test_a_stray_fill_whose_order_the_venue_does_not_know_is_not_asked_about_for_ever() -> None:
    play(f"""
        0     fill     {LOST}  5 0.5 @ 100
        >     query {LOST}
        20    missing  {LOST}
        9000  timer
        >
    """)


def test_an_order_of_somebody_else_never_enters_the_books() -> None:
    story = play("""
        0    ask   theirs                 NEW
        1    ask   M0123456789ac00000007  NEW
        2    fill  theirs  5 0.5 @ 100
        3    cancel theirs
        >
    """)

    assert not story.books.orders
    assert not story.books.positions


def test_an_order_of_somebody_else_is_cancelled_when_the_reconciler_says_so() -> None:
    story = Story()
    wanted = m.CancelIntent(
        ts_event=0,
        ts_init=0,
        client_order_id="theirs",
        strategy_id="EXTERNAL",
        instrument_id=BTC.instrument_id,
    )

    step = story.core.react(story.books, wanted, 0)

    (said,) = step.out
    assert isinstance(said, m.CancelOrder)
    assert (said.client_order_id, said.instrument_id) == ("theirs", BTC.instrument_id)
    assert step.state == story.books


def test_a_client_id_that_somebody_used_again_is_not_adopted() -> None:
    story = play(f"""
        0   approve  {LOST}  buy 1 @ 100
        5   report   {LOST}  NEW
        6   report   {LOST}  CANCELED
    """)
    other = story._answer({"ts_event": 9, "ts_init": 9}, "list", LOST, "7", "1", "@", "100")
    reused = other.fills[0].model_copy(update={"venue_order_id": "another"})

    step = story.core.react(story.books, reused, 9)

    assert step.out == ()
    assert step.state == story.books
