"""What may have happened while we could not hear, and has not been made good yet.

Theory of operation. A user stream that was down leaves a hole. `mark` notes, durably, what has to
be asked to close it: the fills of each instrument, the balances, and every open order. A note goes
only when an answer *to one of its own questions* is here (an answer names its question by
`causation_id`): an answer to an earlier question may be older than the hole. Until then a timer
repeats the question, ever more slowly, whatever became of the request; but one that was held back
was no question to the venue, and is asked again as soon as that wait is over.

`Books.last_trade` is the other half: all fills of an instrument up to that trade id are known. The
stream moves it only while there is no hole; fills that came by asking never move it, except those
of the answer that closes the hole. So it never passes a fill that we do not hold.
`Books.last_fill_ns` is the same by the venue's time, for venues whose trade ids are no numbers, or
do not only rise. Trades share times and are not always told in their order, so a list begins
`_OVERLAP_NS` before it: what comes twice is one fill.
"""

from typing import TYPE_CHECKING, Any, Final

from messages import Message, venue
from messages import orders as m
from messages.base import NS_PER_S, ClientOrderId, InstrumentId
from trading.account import Question
from trading.ids import EXTERNAL, owner_of
from trading.replacing import replace

if TYPE_CHECKING:
    from trading.order_turn import Turn
    from trading.orders import Order

ACCOUNT: Final = "account"
_FILLS: Final = "fills:"
_ORDER: Final = "order:"
_STRAY: Final = "stray:"
_KEYS_MAX: Final = 8  # questions of one note whose answers count
_OVERLAP_NS: Final = 60 * NS_PER_S
_SLOWER_MAX: Final = 4  # doublings of the time between two questions


def mark(turn: "Turn") -> None:
    """From here on nothing is certain that is not asked anew: note it all, and ask."""
    names = [*(f"{_FILLS}{i}" for i in turn.config.instruments), ACCOUNT]
    names += [name_of(order) for order in turn.open_orders()]
    for name in names:
        _note(turn, name, Question())
    for name in names:
        _ask(turn, name)


def name_of(order: "Order") -> str:
    """What the note about an order is called."""
    return f"{_ORDER}{order.spec.client_order_id}"


def stray(turn: "Turn", instrument_id: InstrumentId, client_order_id: str) -> None:
    """Something of ours is at the venue that is not in our books: ask until it is explained."""
    name = stray_name(instrument_id, client_order_id)
    if name not in turn.books.catch_up:
        _note(turn, name, Question())
        _ask(turn, name)


def stray_name(instrument_id: InstrumentId, client_order_id: str) -> str:
    """What the note about an order that is not in the books is called."""
    return f"{_STRAY}{instrument_id}:{client_order_id}"


def doubt(turn: "Turn", order: "Order") -> None:
    """The venue knows more of this order than we do: ask until we know as much."""
    name = name_of(order)
    if name not in turn.books.catch_up:
        _note(turn, name, Question(ts_asked=turn.now_ns))


def repeat(turn: "Turn") -> None:
    """Ask again what has waited long enough for an answer."""
    for name, question in sorted(turn.books.catch_up.items()):
        waited_ns = turn.now_ns - question.ts_asked
        if not 0 <= waited_ns < patience_ns(turn, question.tries):  # < 0: our clock was set back
            _ask(turn, name)


def patience_ns(turn: "Turn", tries: int) -> int:
    """How long to wait after so many tries: each time twice as long, up to a bound."""
    return turn.config.ask_after_ns << min(max(tries - 1, 0), _SLOWER_MAX)


def held(turn: "Turn", message: venue.RequestFailed) -> None:
    """A question was held back, or turned away, for a known time: ask again after the shortest
    patience that covers it, however often it was asked in vain before."""
    for name, question in turn.books.catch_up.items():
        if message.causation_id in question.keys:
            covers = (
                n
                for n in range(_SLOWER_MAX)
                if turn.config.ask_after_ns << n >= message.retry_after_ns
            )
            _note(turn, name, replace(question, tries=next(covers, _SLOWER_MAX) + 1))
            return


def asked(turn: "Turn", name: str, key: str) -> None:
    """A question whose answer will close the note of this name, if there is one."""
    question = turn.books.catch_up.get(name)
    if question is not None:
        keys = (*question.keys, key)[-_KEYS_MAX:]
        _note(turn, name, replace(question, keys=keys, ts_asked=turn.now_ns))


def answers(turn: "Turn", name: str, message: Message) -> bool:
    """Whether `message` answers a question that was asked since the note was made."""
    question = turn.books.catch_up.get(name)
    return question is not None and message.causation_id in question.keys


def done(turn: "Turn", name: str) -> None:
    """The note is made good."""
    if name in turn.books.catch_up:
        turn.books = replace(turn.books, catch_up=turn.books.catch_up.delete(name))


def heard(turn: "Turn", fill: venue.FillReport) -> None:
    """A fill came over the stream, which loses none while it is up."""
    if fill.source is not venue.Source.STREAM:
        return
    name, number = f"{_FILLS}{fill.instrument_id}", number_of(fill)
    question = turn.books.catch_up.get(name)
    if question is None:
        _know(turn, fill.instrument_id, number, fill.ts_event)
        return
    seen, seen_ns = max(question.seen, number), max(question.seen_ns, fill.ts_event)
    _note(turn, name, replace(question, seen=seen, seen_ns=seen_ns))


def listed(turn: "Turn", report: venue.FillsReport) -> None:
    """A list of fills: if it answers the note about them, all up to its end are known."""
    name = f"{_FILLS}{report.instrument_id}"
    question = turn.books.catch_up.get(name)
    if question is None or not answers(turn, name, report):
        return
    last = max((number_of(fill) for fill in report.fills), default=0)
    last_ns = max((fill.ts_event for fill in report.fills), default=0)
    if report.complete:
        done(turn, name)
        last, last_ns = max(last, question.seen), max(last_ns, question.seen_ns)
        _know(turn, report.instrument_id, last, last_ns)
    elif last > turn.books.last_trade.get(report.instrument_id, 0):
        _know(turn, report.instrument_id, last, last_ns)
        _ask(turn, name)  # the next page


def number_of(fill: venue.FillReport) -> int:
    """A trade id as a number; 0 where a venue's are none, which lists every fill each time."""
    return int(fill.trade_id) if fill.trade_id.isdecimal() else 0


def since_ns(last_ns: int) -> int:
    """Where a list begins if all fills up to this time are known."""
    return max(0, last_ns - _OVERLAP_NS)


def _know(turn: "Turn", instrument_id: InstrumentId, number: int, ts: int) -> None:
    known, known_ns = turn.books.last_trade, turn.books.last_fill_ns
    if number > known.get(instrument_id, 0):
        turn.books = replace(turn.books, last_trade=known.set(instrument_id, number))
    if ts > known_ns.get(instrument_id, 0):
        turn.books = replace(turn.books, last_fill_ns=known_ns.set(instrument_id, ts))


def _note(turn: "Turn", name: str, question: Question) -> None:
    turn.books = replace(turn.books, catch_up=turn.books.catch_up.set(name, question))


def _ask(turn: "Turn", name: str) -> None:
    question = turn.books.catch_up[name]
    _note(turn, name, replace(question, tries=question.tries + 1))
    if name.startswith(_ORDER):
        order = turn.order(name.removeprefix(_ORDER))
        assert order is not None, "a note is about an order in the books"
        turn.ask(order)
        return
    turn.say(asks := _question(turn, name))
    asked(turn, name, asks.key)


def _question(turn: "Turn", name: str) -> venue.VenueQuery | m.QueryOrder:
    times: dict[str, Any] = {"ts_event": turn.now_ns, "ts_init": turn.now_ns}
    if name == ACCOUNT:
        return venue.QueryAccount(**times)
    if name.startswith(_STRAY):
        instrument_id, _, key = name.removeprefix(_STRAY).rpartition(":")
        return m.QueryOrder(
            **times,
            correlation_id=key,
            client_order_id=ClientOrderId(key),
            strategy_id=owner_of(turn.config.owners, key) or EXTERNAL,
            instrument_id=InstrumentId(instrument_id),
        )
    instrument_id = InstrumentId(name.removeprefix(_FILLS))
    return venue.QueryFills(
        **times,
        instrument_id=instrument_id,
        since_trade_id=turn.books.last_trade.get(instrument_id, 0),
        since_ns=since_ns(turn.books.last_fill_ns.get(instrument_id, 0)),
    )
