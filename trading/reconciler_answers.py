"""What the reconciler makes of a venue's answers.

Only answers to questions of ours count: an answer nobody waits for is older than what we know.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from messages import venue
from messages.base import ClientOrderId, InstrumentId
from messages.market import Product
from trading import balances, tracked
from trading.account import VenueKey
from trading.reconciler_state import ACCOUNT, POSITIONS
from trading.reconciler_turn import Turn, with_fills
from trading.replacing import replace
from trading.tracked import Phase, Tracked, Where


def open_orders(turn: Turn, message: venue.OpenOrdersReport) -> None:
    """Every order is on both lists, or on neither, or somebody has to explain it."""
    asked = turn.answered(f"open:{message.instrument_id}")
    if asked is None:
        return
    listed, strange = set[str](), set[VenueKey]()
    for report in message.orders:
        known = turn.match(report)
        if known is None:
            strange.add((report.instrument_id, report.venue_order_id))
            turn.orphan(report)
            continue
        listed.add(known.ours.client_order_id)
        theirs = tracked.reported(known.theirs, report, asked)
        turn.learn(known, report.venue_order_id, theirs)
    for gone in sorted(turn.state.orphans):
        if gone[0] == message.instrument_id and gone not in strange:
            turn.adopt(gone)
    for known in turn.orders_of(message.instrument_id):
        if known.ours.client_order_id not in listed:
            _unlisted(turn, known, asked)


def _unlisted(turn: Turn, known: Tracked, asked: int) -> None:
    """Not open says neither how it ended nor that it exists: ask by id before judging."""
    ended = known.ours.phase is Phase.CLOSED
    if ended and known.theirs.where is not Where.OPEN:
        return
    theirs = tracked.absent(known.theirs, asked)
    turn.put(replace(known, theirs=theirs))
    settled = asked >= known.ours.ts_changed + turn.config.grace_ns
    if not ended and settled and theirs.where is not Where.ENDED:
        turn.ask_order(known)


def order(turn: Turn, message: venue.OrderReport) -> None:
    """The venue knows the order that we asked about."""
    known = turn.match(message)
    asked = turn.answered(f"order:{message.client_order_id}")
    if known is not None and asked is not None:
        theirs = tracked.reported(known.theirs, message, asked)
        turn.learn(known, message.venue_order_id, theirs)


def not_found(turn: Turn, message: venue.OrderNotFound) -> None:
    """The venue does not know the order that we asked about."""
    known = turn.state.orders.get(message.client_order_id)
    asked = turn.answered(f"order:{message.client_order_id}")
    if known is None or asked is None:
        return
    turn.put(replace(known, theirs=tracked.missing(known.theirs, message, asked)))
    if known.ours.phase is Phase.UNKNOWN:
        # No difference, but what the order manager waits for: one more witness.
        turn.out.append(message.model_copy(update={"source": venue.Source.RECONCILER}))


def fills(turn: Turn, message: venue.FillsReport) -> None:
    """One page of fills; the last one says that all are known up to when we began to ask."""
    instrument_id = message.instrument_id
    if turn.answered(f"fills:{instrument_id}") is None:
        return
    cursor = turn.cursor(instrument_id)
    last = max([cursor.last, *(_number(f) for f in message.fills)])
    last_ns = max([cursor.last_ns, *(f.ts_event for f in message.fills)])
    seen = replace(cursor, last=last, last_ns=last_ns)
    turn.change(fills=turn.state.fills.set(instrument_id, seen))
    _sort_fills(turn, message.fills)
    page_end = max((_number(f) for f in message.fills), default=0)
    if not message.complete and page_end >= message.since_trade_id:
        # What came is kept: a long list over a bad line must not begin anew at every failure.
        part = replace(seen, since=page_end)
        turn.change(fills=turn.state.fills.set(instrument_id, part))
        turn.page(instrument_id, page_end + 1)
    elif not message.complete:  # no page, no progress: as good as no answer
        unanswered(turn, f"fills:{instrument_id}")
    else:
        ends = {"since": cursor.last, "since_ns": cursor.last_ns}
        done = replace(seen, **ends, ts_known=cursor.ts_pages)
        turn.change(fills=turn.state.fills.set(instrument_id, done))
        _fills_known(turn, instrument_id)


def _number(fill: venue.FillReport) -> int:
    """A trade id as a number; 0 where a venue's are none, which lists every fill each time."""
    return int(fill.trade_id) if fill.trade_id.isdecimal() else 0


def _sort_fills(turn: Turn, fills: tuple[venue.FillReport, ...]) -> None:
    """Give each fill to its order; keep those of unknown orders for a while."""
    mine: dict[str, list[venue.FillReport]] = {}
    held = {(f.instrument_id, f.trade_id) for f in turn.state.unclaimed}
    strange = list(turn.state.unclaimed)
    # What an order with a trigger became may be listed under ids that nobody told us (OKX).
    stops = [t for t in turn.state.orders.values() if t.ours.triggered and t.ours.trades]
    traded = {(t.ours.instrument_id, trade): t for t in stops for trade in t.ours.trades}
    for fill in fills:
        known = turn.match(fill) or traded.get((fill.instrument_id, fill.trade_id))
        if known is not None:
            mine.setdefault(known.ours.client_order_id, []).append(fill)
        elif (fill.instrument_id, fill.trade_id) not in held:
            strange.append(fill)
    turn.change(unclaimed=tuple(strange[-turn.config.unclaimed_max :]))
    for name, group in mine.items():
        known = turn.state.orders[ClientOrderId(name)]
        theirs = with_fills(known, group).theirs
        ours = turn.match(group[0]) is not None
        turn.learn(known, group[0].venue_order_id if ours else None, theirs)


def _fills_known(turn: Turn, instrument_id: InstrumentId) -> None:
    """All fills up to when we asked are here: now a fill that only we have is a difference."""
    for known in turn.orders_of(instrument_id):
        if known.ours.trades:
            turn.compare(known)
    check = turn.state.ledger.check
    if check is None or instrument_id not in check.fills_due:
        return
    if turn.cursor(instrument_id).ts_pages >= check.ts_answered:
        turn.change(ledger=balances.fills_known(turn.state.ledger, instrument_id))
    else:  # asked for before the balances came, so it may not cover them
        turn.ask_fills(instrument_id)


def account(turn: Turn, message: venue.AccountReport) -> None:
    """Balances, to be judged with the positions of contracts, if there are any."""
    if message.partial or turn.answered(ACCOUNT) is None:
        return
    if any(i.product is not Product.SPOT for i in turn.config.instruments.values()):
        turn.change(ledger=balances.told(turn.state.ledger, message.balances))
        turn.ask(POSITIONS, venue.QueryPositions)
    else:
        _to_judge(turn, message.balances)


def positions(turn: Turn, message: venue.PositionsReport) -> None:
    """What contracts the venue says are open: all that were asked for, so others are flat."""
    asked, check = turn.answered(POSITIONS), turn.state.ledger.check
    if asked is None or check is None or check.balances is None:
        return
    if asked < check.ts_asked:  # for an earlier check, so from before fills that this one counts
        turn.ask(POSITIONS, venue.QueryPositions)
        return
    rules = turn.config.instruments
    held = {i: Decimal(0) for i, rule in rules.items() if rule.product is not Product.SPOT}
    for position in message.positions:  # a venue may keep cross and isolated ones apart
        if position.instrument_id in held:
            held[position.instrument_id] += position.quantity
    _to_judge(turn, check.balances, held)


def _to_judge(
    turn: Turn,
    told: Iterable[venue.Balance],
    held: Mapping[InstrumentId, Decimal] | None = None,
) -> None:
    """What the venue holds is judged once the fills that made it are here too: ask for these."""
    due = frozenset(turn.config.instruments)
    ledger = balances.answered(turn.state.ledger, told, due, turn.time, held)
    turn.change(ledger=ledger)
    ask_fills(turn)


def ask_fills(turn: Turn) -> None:
    """Ask for the fills of every instrument."""
    for instrument_id in turn.config.instruments:
        turn.ask_fills(instrument_id)


# Which questions a failure ends.
_QUESTIONS: Final = {
    venue.Request.QUERY_OPEN_ORDERS: "open:",
    venue.Request.QUERY_FILLS: "fills:",
    venue.Request.QUERY_ACCOUNT: ACCOUNT,
    venue.Request.QUERY_POSITIONS: POSITIONS,
    venue.Request.QUERY_ORDER: "order:",
}


def failed(turn: Turn, message: venue.RequestFailed | venue.RequestRefused) -> None:
    """A question has no answer: the next cycle asks it again."""
    prefix = _QUESTIONS.get(message.request)
    if prefix is None:
        return
    about = getattr(message, "instrument_id", None) or ""
    if message.request is venue.Request.QUERY_ORDER:
        about = message.client_order_id
    exact = prefix + about
    # Some failures do not say what they were about: then all of the kind are asked again.
    named = [q for q in sorted(turn.state.asked) if q == exact]
    for question in named or [q for q in sorted(turn.state.asked) if q.startswith(prefix)]:
        turn.answered(question)
        unanswered(turn, question)


def unanswered(turn: Turn, question: str) -> None:
    """A check of the balances needs them and all fills; fills do not need the balances. One
    without the positions judges money alone, where no contract is known to be open."""
    turn.change(failures=turn.state.failures + 1)
    check = turn.state.ledger.check
    if question == POSITIONS and check is not None and check.balances is not None:
        _to_judge(turn, check.balances)
        return
    held = question in (ACCOUNT, POSITIONS)
    if held or question.startswith("fills:"):
        turn.change(ledger=replace(turn.state.ledger, check=None))
    if held:
        ask_fills(turn)
