"""Rules that are doubted: asked for at once, not too often, told for certain."""

from decimal import Decimal

from feed_driver import BTC, INSTRUMENT, T0, Driver, S, only
from instruments import usdt

from messages import Message
from messages.base import InstrumentId
from messages.control import SetTimer
from messages.market import Instrument, InstrumentChanged, RulesRequested
from trading.feed_rules import REPEATS, RULES, TRIES

COARSER = INSTRUMENT.model_copy(update={"price_increment": Decimal(1)})
ROUTES = (("book", "public"), ("quotes", "public"), ("trades", "market"))


def doubted(instrument_id: InstrumentId = BTC) -> RulesRequested:
    return RulesRequested(ts_event=T0, ts_init=T0, instrument_ids=(instrument_id,), reason="-1013")


def answer(instrument: Instrument) -> InstrumentChanged:
    return InstrumentChanged(ts_event=T0, ts_init=T0, instrument=instrument)


def due(out: tuple[Message, ...]) -> list[int]:
    return [t.ts_due for t in out if isinstance(t, SetTimer) and t.name == RULES]


def test_a_refusal_has_the_rules_asked_for_at_once_and_others_soon_after_do_not() -> None:
    feed = Driver()

    first = feed.say(doubted())
    soon = [feed.say(doubted(), T0 + n * S // 10) for n in range(1, 40)]

    (asked,) = only(RulesRequested, first)
    assert asked.instrument_ids == (BTC,)  # type: ignore[attr-defined]
    assert [only(RulesRequested, out) for out in soon] == [[]] * 39
    assert {d for out in soon for d in due(out)} == {T0 + 5 * S}


def test_a_refusal_after_the_answer_is_asked_about_when_that_is_allowed_again() -> None:
    feed = Driver()
    feed.say(doubted())
    feed.say(answer(INSTRUMENT))  # the list did not have the change yet

    held = feed.say(doubted(), T0 + S)
    later = feed.fire(RULES, T0 + 5 * S)

    assert due(held) == [T0 + 5 * S]
    assert len(only(RulesRequested, later)) == 1


def test_news_of_one_instrument_does_not_put_the_question_about_another_off() -> None:
    ether = usdt("ETH", venue="BINANCE")
    feed = Driver(ether)
    feed.say(doubted())
    feed.say(answer(INSTRUMENT))

    held = feed.say(doubted(ether.instrument_id), T0 + S)
    news = feed.say(answer(COARSER), T0 + 4 * S)

    assert due(held) == due(news) == [T0 + 5 * S]


def test_an_answer_is_told_though_it_is_no_news_and_other_old_news_is_not() -> None:
    feed = Driver()

    unasked = feed.say(answer(INSTRUMENT))
    feed.say(doubted())
    asked = feed.say(answer(INSTRUMENT))
    again = feed.say(answer(INSTRUMENT))

    assert unasked == again == ()
    assert asked == (answer(INSTRUMENT),)


def test_new_rules_are_told_again_for_who_did_not_hear_them() -> None:
    feed = Driver()

    told = [feed.say(answer(COARSER))]
    while due(told[-1]):
        told.append(feed.fire(RULES, due(told[-1])[0]))

    heard = [n.instrument for out in told for n in out if isinstance(n, InstrumentChanged)]
    assert heard == [COARSER] * (1 + REPEATS)
    assert due(told[0]) == [T0 + 5 * S]


def test_a_question_without_an_answer_is_asked_again_a_few_times_and_then_left() -> None:
    feed = Driver()

    said = [feed.say(doubted())]
    while due(said[-1]):
        said.append(feed.fire(RULES, due(said[-1])[0]))
    next_refusal = feed.say(doubted(), T0 + 60 * S)

    assert sum(len(only(RulesRequested, out)) for out in said) == TRIES
    assert said[-1] == ()
    assert len(only(RulesRequested, next_refusal)) == 1


def test_a_clock_that_was_set_back_does_not_silence_the_question() -> None:
    feed = Driver()
    feed.say(doubted())
    feed.say(answer(INSTRUMENT))

    assert len(only(RulesRequested, feed.say(doubted(), T0 - 60 * S))) == 1


def test_an_instrument_of_nobody_is_not_asked_about() -> None:
    feed = Driver()

    assert feed.say(doubted(InstrumentId("DOGEUSDT.BINANCE"))) == ()
    assert feed.say(answer(COARSER.model_copy(update={"instrument_id": "DOGEUSDT.BINANCE"}))) == ()


def test_a_feed_with_a_venue_asks_for_the_rules_of_today_and_a_refusal_need_not_wait_for_it() -> (
    None
):
    feed = Driver(routes=ROUTES, incarnation=2)

    began = feed.resume()
    refused = feed.say(doubted())

    assert [r.instrument_ids for r in began if isinstance(r, RulesRequested)] == [(BTC,)]
    assert only(InstrumentChanged, began) == []  # those of when the run began may be of yesterday
    assert len(only(RulesRequested, refused)) == 1
