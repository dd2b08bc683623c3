"""An order manager's life as a table: one line a message, then what must hold.

0    approve  o1  buy 2 @ 100          risk lets it pass
5    report   o1  NEW [filled]         the venue's view (stream); `ask`: as a query's answer
9    fill     o1  t1 0.5 @ 100
9    missing  o1                       "no such order", as of this venue time
9    failed   o1  SUBMIT PERHAPS [ms until which the request may still be taken]
9    held     o1  QUERY_ORDER 800       the last question was not sent: held back for so many ms
9    refused  o1  SUBMIT -2010
9    cancel   o1
9    restart | timer | stream-up | halt | kill
9    list     o1  5 0.5 @ 100         the answer to the last question about fills; `list`: none
>    submit o1, query o1               what was said to the venue since the last `>` line
=    o1 FILLED 2                       status and filled quantity now
"""

from decimal import Decimal
from typing import Any

from instruments import usdt

from messages import control, risk, venue
from messages import orders as m
from messages.base import Message, StrategyId
from trading.account import Books, OrderManagerConfig
from trading.order_manager import TIMER, OrderManagerCore

_MS = 1_000_000
_ASKED = venue.Source.QUERY
BTC = usdt(venue="BINANCE")
OWNERS = {"M0123456789ab": StrategyId("S")}  # "M0123456789ab00000007" is an order of ours
CONFIG = OrderManagerConfig({BTC.instrument_id: BTC}, OWNERS)


def spec(order_id: str, side: str = "buy", qty: str = "1", price: str = "100") -> m.OrderSpec:
    """A limit order of the story's strategy."""
    return m.OrderSpec(
        client_order_id=order_id,
        strategy_id="S",
        instrument_id=BTC.instrument_id,
        side=m.OrderSide(side.upper()),
        order_type=m.OrderType.LIMIT,
        quantity=Decimal(qty),
        price=Decimal(price),
    )


class Story:
    """Plays lines into the order manager's core; keeps all that it says."""

    def __init__(self) -> None:
        self.core = OrderManagerCore(CONFIG)
        self.books: Books = self.core.start()
        self.said: list[Message] = []
        self.now_ns = 0
        self._heard = 0

    def play(self, text: str) -> "Story":
        for line in filter(None, map(str.strip, text.splitlines())):
            head, _, rest = line.partition(" ")
            if head == "=":
                self._check(*rest.split())
            elif head == ">":
                self._heard_by_venue(rest.strip())
            else:
                self.now_ns = int(head) * _MS
                self.hear(*rest.split())
        return self

    def hear(self, verb: str, *words: str) -> None:
        if verb == "restart":
            step = self.core.resume(self.books, self.now_ns)
        else:
            step = self.core.react(self.books, self._message(verb, *words), self.now_ns)
        self.books = step.state
        self.said.extend(step.out)

    def _message(self, verb: str, order: str = "", *w: str) -> Message:
        at: dict[str, Any] = {"ts_event": self.now_ns, "ts_init": self.now_ns}
        about: dict[str, Any] = at | {"client_order_id": order, "strategy_id": "S"}
        match verb:
            case "approve":
                side, qty, _, price = w
                return m.ApprovedOrder(**at, order=spec(order, side, qty, price))
            case "cancel":
                return m.CancelIntent(**about)
            case "shrink":
                return m.ApprovedModify(**about, quantity=Decimal(w[0]))
            case "report" | "ask":
                source = venue.Source.STREAM if verb == "report" else venue.Source.QUERY
                return self._report(order, source, *w)
            case "fill":
                return self._fill(order, *w)
            case "timer":
                return control.TimerFired(**at, name=TIMER)
            case "stream-up":
                return venue.StreamUp(**at)
            case "halt":
                return risk.SetTradingState(
                    **at, state=risk.TradingState.HALTED, reason="test", operator="test"
                )
            case "kill":
                return risk.KillSwitch(**at, reason="test", operator="test")
            case _:
                return self._answer(at, verb, order, *w)

    def _answer(self, at: dict[str, Any], verb: str, order: str, *w: str) -> Message:
        """What the venue says to a question or a request."""
        match verb:
            case "missing":
                return venue.OrderNotFound(
                    **at,
                    client_order_id=order,
                    instrument_id=BTC.instrument_id,
                    causation_id=self._question(m.QueryOrder, order),
                )
            case "list":
                fills = (self._fill(order, *w),) if order else ()
                return venue.FillsReport(
                    **at,
                    instrument_id=BTC.instrument_id,
                    fills=tuple(f.model_copy(update={"source": _ASKED}) for f in fills),
                    source=_ASKED,
                    causation_id=self._question(venue.QueryFills, ""),
                )
            case "failed":
                return venue.RequestFailed(
                    **at,
                    request=venue.Request(w[0]),
                    client_order_id=order,
                    acted=venue.Acted(w[1]),
                    reason="no answer",
                    ts_expires=int(w[2]) * _MS if len(w) > 2 else 0,
                )
            case "held":
                kinds = {"QUERY_ORDER": m.QueryOrder, "QUERY_FILLS": venue.QueryFills}
                return venue.RequestFailed(
                    **at,
                    request=venue.Request(w[0]),
                    client_order_id=order.strip("-"),
                    acted=venue.Acted.NO,
                    reason="held back",
                    retry_after_ns=int(w[1]) * _MS,
                    causation_id=self._question(kinds[w[0]], order.strip("-")),
                )
            case "refused":
                return venue.RequestRefused(
                    **at,
                    request=venue.Request(w[0]),
                    client_order_id=order,
                    code=w[1],
                    reason="no",
                )
            case _:
                raise ValueError(f"no such verb in a story: {verb}")

    def _question(self, kind: type[Message], about: str) -> str:
        """The key of the last question of a kind: what its answer names as its cause."""
        asked = [s.key for s in self.said if type(s) is kind and s.correlation_id == about]
        return asked[-1] if asked else ""

    def _report(
        self, order: str, source: venue.Source, status: str, filled: str = "0"
    ) -> venue.OrderReport:
        known = self.books.orders.get(order)
        quantity = known.spec.quantity if known else Decimal(1)
        return venue.OrderReport(
            ts_event=self.now_ns,
            ts_init=self.now_ns,
            client_order_id=order,
            venue_order_id=f"v-{order}",
            instrument_id=BTC.instrument_id,
            side=known.spec.side if known else m.OrderSide.BUY,
            order_type=m.OrderType.LIMIT,
            status=venue.VenueStatus(status),
            quantity=quantity,
            filled_qty=Decimal(filled),
            price=Decimal(100),
            source=source,
            causation_id=self._question(m.QueryOrder, order) if source is _ASKED else "",
        )

    def _fill(self, order: str, trade: str, qty: str, _: str, price: str) -> venue.FillReport:
        return venue.FillReport(
            ts_event=self.now_ns,
            ts_init=self.now_ns,
            client_order_id=order,
            venue_order_id=f"v-{order}",
            instrument_id=BTC.instrument_id,
            trade_id=trade,
            side=self.books.orders[order].spec.side
            if order in self.books.orders
            else m.OrderSide.BUY,
            last_qty=Decimal(qty),
            last_px=Decimal(price),
            commission=Decimal(0),
            currency="USDT",
            liquidity_side=m.LiquiditySide.MAKER,
            source=venue.Source.STREAM,
        )

    def _check(self, order: str, status: str, filled: str) -> None:
        held = self.books.orders[order]
        assert (str(held.status), held.filled_qty) == (status, Decimal(filled)), order

    def _heard_by_venue(self, expected: str) -> None:
        verbs: dict[type[Message], str] = {
            m.SubmitOrder: "submit",
            m.CancelOrder: "cancel",
            m.ModifyOrder: "shrink",
            m.QueryOrder: "query",
            venue.QueryFills: "fills",
        }
        heard = [
            f"{verbs[type(s)]} {s.correlation_id or getattr(s, 'since_trade_id', 0) or ''}".strip()
            for s in self.said[self._heard :]
            if type(s) in verbs
        ]
        self._heard = len(self.said)
        assert heard == [w.strip() for w in expected.split(",") if w.strip()], self.now_ns


def play(text: str) -> Story:
    """Play a table from an empty account; asserts its `=` and `>` lines."""
    return Story().play(text)
