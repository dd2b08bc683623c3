"""What a lost stream hid is asked for until it is here; nothing that comes later covers it."""

from story import play


def test_fills_that_could_not_be_asked_for_are_asked_again_from_before_the_hole() -> None:
    story = play("""
        0     approve  o1  buy 2 @ 100
        5     report   o1  NEW
        6     fill     o1  4 0.5 @ 100
        >     submit o1
        9     stream-up
        >     fills 4, query o1
        10    ask      o1  PARTIALLY_FILLED 0.5
        20    failed   -   QUERY_FILLS NO
        25    fill     o1  6 0.5 @ 100
        >
        1100  timer
        >     fills 4
        1200  list     o1  5 0.5 @ 100
        =     o1  PARTIALLY_FILLED  1.5
    """)

    assert dict(story.books.last_trade) == {"BTCUSDT.BINANCE": 6}
    assert set(story.books.catch_up) == {"account"}


def test_a_fill_that_came_by_asking_does_not_hide_an_earlier_one() -> None:
    story = play("""
        0     approve  o1  buy 2 @ 100
        5     report   o1  NEW
        6     fill     o1  4 0.5 @ 100
        9     ask      o1  PARTIALLY_FILLED 1
        >     submit o1, fills o1
        12    list     o1  9 0.5 @ 100
        =     o1  PARTIALLY_FILLED  1
        20    stream-up
        >     fills 4, query o1
    """)

    assert dict(story.books.last_trade) == {"BTCUSDT.BINANCE": 4}


def test_an_answer_to_a_question_from_before_the_outage_does_not_close_the_hole() -> None:
    story = play("""
        0     approve  o1  buy 2 @ 100
        5     report   o1  NEW
        9     restart
    """)
    early = story._message("list")
    story.play("10    stream-up")

    story.books = story.core.react(story.books, early, 11_000_000).state
    story.play("""
        >     submit o1, fills, query o1, fills, query o1
        1100  timer
        >     fills, query o1
    """)


def test_an_order_that_nobody_answered_about_is_asked_about_until_its_end_is_known() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        5     report   o1  NEW
        9     stream-up
        >     submit o1, fills, query o1
        10    list
        20    failed   o1  QUERY_ORDER NO
        1100  timer
        >     query o1
        1200  failed   o1  QUERY_ORDER NO
        2500  timer
        >
        3200  timer
        >     query o1
        3300  ask      o1  CANCELED
        =     o1  CANCELED  0
        9000  timer
        >
    """)


def test_fills_that_a_report_mentions_are_asked_for_until_they_are_here() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        5     report   o1  NEW
        9     ask      o1  PARTIALLY_FILLED 0.5
        >     submit o1, fills o1
        20    failed   o1  QUERY_FILLS NO
        1100  timer
        >     query o1
        1200  ask      o1  PARTIALLY_FILLED 0.5
        >     fills o1
        1300  fill     o1  t1 0.5 @ 100
        3300  timer
        >     query o1
        3400  ask      o1  PARTIALLY_FILLED 0.5
        >
        9000  timer
        >
    """)


def test_a_question_that_was_held_back_is_asked_again_after_that_wait_and_not_ever_later() -> None:
    play("""
        0     approve  o1  buy 2 @ 100
        5     report   o1  NEW
        9     stream-up
        >     submit o1, fills, query o1
        10    list
        20    failed   o1  QUERY_ORDER NO
        1100  timer
        >     query o1
        1110  held     o1  QUERY_ORDER 800
        2200  timer
        >     query o1
        2210  held     o1  QUERY_ORDER 1
        3300  timer
        >     query o1
        3310  held     o1  QUERY_ORDER 3500
        4400  timer
        6400  timer
        >
        7400  timer
        >     query o1
    """)


def test_fills_whose_question_was_held_back_are_asked_for_again_after_that_wait() -> None:
    play("""
        9     stream-up
        >     fills
        20    failed   -   QUERY_FILLS NO
        1100  timer
        >     fills
        1110  held     -   QUERY_FILLS 200
        2200  timer
        >     fills
        2210  list
        9000  timer
        >
    """)
