"""A stage for stories about the reconciler: a script of our side, a picture of the venue's.

A line is `<s> <who> <what> ...`. `venue` lines change what the venue answers from then on; `ours`
lines are order manager events. Timers fire and questions are answered by themselves, 10 ms later.
Orders are o1, o2 (venue ids V-o1 ...), fills `<trade id> <order> <qty> @ <price>`. What the
reconciler reported is compared with the lines after `=>`: `<s> <kind> <action> <subject>`,
`<s> resolved <kind> <subject>`, and `<s> to orders <evidence>`.
"""

import heapq
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from instruments import usdt

from messages import Message, accounts, control, health, orders, risk, venue
from messages.base import (
    NS_PER_MS,
    NS_PER_S,
    ClientOrderId,
    StrategyId,
    TradeId,
    VenueOrderId,
)
from messages.orders import LiquiditySide, OrderSide, OrderSpec, OrderType
from messages.risk import TradingState
from messages.venue import Balance, Source, VenueStatus
from trading.reconciler import ReconcilerConfig, ReconcilerCore

D = Decimal
BTC = usdt()
OURS: dict[str, type[orders.OrderFact]] = {
    "accepted": orders.OrderAccepted,
    "canceled": orders.OrderCanceled,
    "expired": orders.OrderExpired,
    "rejected": orders.OrderRejected,
    "unknown": orders.OrderUnknown,
}
MORE: dict[str, dict[str, Any]] = {
    "rejected": {"code": "-2010", "reason": ""},
    "unknown": {"reason": "", "ts_conclusive": 0},
}


class Stage:
    """The reconciler alone, between a script of our side and a picture of the venue."""

    def __init__(self, **config: Any) -> None:
        self.core = ReconcilerCore(ReconcilerConfig({BTC.instrument_id: BTC}, **config))
        self.now = 0
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.n = 0
        self.statuses: dict[str, tuple[str, str]] = {}
        self.fills: list[venue.FillReport] = []
        self.balances = {"BTC": D(1), "USDT": D(1000)}
        self.failing = False
        self.timers: dict[str, int] = {}
        self.filled: dict[str, D] = {}
        self.snapshot_orders: tuple[accounts.OrderView, ...] = ()
        self.said: list[str] = []
        self.completed: list[health.ReconcileCompleted] = []
        self.state = self.core.start()

    def at(self, ts_ns: int, act: Callable[[], None]) -> None:
        self.n += 1
        heapq.heappush(self.queue, (ts_ns, self.n, act))

    def run(self, until_ns: int) -> None:
        self.take(self.core.resume(self.state, 0))
        self.run_on(until_ns)

    def run_on(self, until_ns: int) -> None:
        while self.queue and self.queue[0][0] <= until_ns:
            self.now, _, act = heapq.heappop(self.queue)
            act()

    def tell(self, message: Message) -> None:
        self.take(self.core.react(self.state, message, self.now))

    def take(self, step: Any) -> None:
        self.state = step.state
        for message in step.out:
            self.handle(message)

    def fire(self, name: str, due: int) -> None:
        if self.timers.get(name) == due:
            self.tell(control.TimerFired(ts_event=due, ts_init=self.now, name=name))

    def fire_now(self, name: str) -> None:
        self.tell(control.TimerFired(ts_event=self.now, ts_init=self.now, name=name))

    def later(self, message: Message) -> None:
        self.at(self.now + 10 * NS_PER_MS, lambda: self.tell(message))

    def note(self, text: str) -> None:
        self.said.append(f"{self.now / NS_PER_S:g} {text}")

    def times(self) -> dict[str, Any]:
        return {"ts_event": self.now, "ts_init": self.now}

    def handle(self, message: Message) -> None:
        match message:
            case control.SetTimer(name=name, ts_due=due):
                self.timers[name] = due
                self.at(due, lambda: self.fire(name, due))
            case accounts.SyncRequest(asker=asker):
                self.later(
                    accounts.AccountSnapshot(
                        **self.times(),
                        asker=asker,
                        trading_state=TradingState.ACTIVE,
                        orders=self.snapshot_orders,
                        positions=(),
                        balances=(),
                    )
                )
            case health.Discrepancy():
                self.note(f"{message.discrepancy} {message.action} {message.subject}")
            case health.DiscrepancyResolved():
                self.note(f"resolved {message.discrepancy} {message.subject}")
            case health.ReconcileCompleted():
                self.completed.append(message)
            case risk.SetTradingState():
                self.note(f"SetTradingState {message.state}")
            case orders.CancelIntent():
                self.note(f"to orders cancel {message.client_order_id}")
            case venue.OrderReport() | venue.FillReport() | venue.OrderNotFound():
                assert message.source is Source.RECONCILER
                self.note(f"to orders {message.key}")
            case _:
                self.later(self.failure(message) if self.failing else self.answer(message))

    def failure(self, question: Message) -> Message:
        kind = str(getattr(question, "kind", "")).upper()
        return venue.RequestFailed(
            **self.times(), request=venue.Request(kind), acted=venue.Acted.NO, reason="down"
        )

    def answer(self, question: Message) -> Message:
        match question:
            case orders.QueryOrder(client_order_id=key) if key in self.statuses:
                return self.report(key)
            case orders.QueryOrder(client_order_id=key):
                return venue.OrderNotFound(
                    **self.times(), client_order_id=key, instrument_id=BTC.instrument_id
                )
            case venue.QueryOpenOrders():
                return self.report_list()
            case venue.QueryFills(since_trade_id=since):
                return venue.FillsReport(
                    **self.times(),
                    instrument_id=BTC.instrument_id,
                    since_trade_id=since,
                    fills=tuple(f for f in self.fills if int(f.trade_id) >= since),
                    source=Source.QUERY,
                )
        held = tuple(
            Balance(currency=c, total=x, free=x, locked=D(0)) for c, x in self.balances.items()
        )
        return venue.AccountReport(**self.times(), balances=held, source=Source.QUERY)

    def report_list(self) -> venue.OpenOrdersReport:
        listed = [self.report(key) for key in self.statuses]
        return venue.OpenOrdersReport(
            **self.times(),
            instrument_id=BTC.instrument_id,
            orders=tuple(r for r in listed if r.status.open),
            source=Source.QUERY,
        )

    def report(self, key: str) -> venue.OrderReport:
        status, filled = self.statuses[key]
        quantity, _, average = filled.partition("@")
        return venue.OrderReport(
            **self.times(),
            client_order_id=ClientOrderId(key),
            venue_order_id=VenueOrderId(f"V-{key}"),
            instrument_id=BTC.instrument_id,
            side=OrderSide.BUY,
            order_type=OrderType.LIMIT,
            status=VenueStatus(status),
            quantity=D(2),
            filled_qty=D(quantity),
            avg_px=D(average) if average else None,
            source=Source.QUERY,
        )

    # --- the script

    def line(self, who: str, what: str, *args: str) -> None:
        match who, what:
            case "venue", "fill":
                self.venue_fill(*args)
            case "venue", "balance":
                self.balances[args[0]] += D(args[1])
            case "venue", "down" | "up":
                self.failing = what == "down"
            case "venue", "forgets":
                del self.statuses[args[0]]
            case "venue", status:
                self.statuses[args[0]] = (status, args[1] if len(args) > 1 else "0")
            case "operator", "resumes":
                self.tell(
                    risk.TradingStateChanged(
                        **self.times(), state=TradingState.ACTIVE, reason="", operator="cli"
                    )
                )
            case "ours", "submitted":
                self.tell(orders.OrderSubmitted(**self.head(args[0]), order=spec(args[0])))
            case "ours", "filled":
                self.our_fill(*args)
            case "ours", "position":
                self.tell(
                    accounts.PositionChanged(
                        **self.times(),
                        position=accounts.Position(
                            instrument_id=BTC.instrument_id,
                            strategy_id=StrategyId("S"),
                            quantity=D(args[0]),
                            avg_px=D(1),
                            realized_pnl=D(0),
                            commissions=D(0),
                        ),
                    )
                )
            case _:
                fact = OURS[what](**self.head(args[0]), **MORE.get(what, {}))
                self.tell(fact)

    def head(self, key: str) -> dict[str, Any]:
        return self.times() | {
            "client_order_id": ClientOrderId(key),
            "strategy_id": StrategyId("S"),
            "instrument_id": BTC.instrument_id,
        }

    def venue_fill(self, trade_id: str, key: str, quantity: str, _: str, price: str) -> None:
        """The venue trades: its balances and its list of fills change."""
        self.balances["BTC"] += D(quantity)
        self.balances["USDT"] -= D(quantity) * D(price)
        self.fills.append(
            venue.FillReport(
                **self.times(),
                client_order_id=ClientOrderId(""),
                venue_order_id=VenueOrderId(f"V-{key}"),
                instrument_id=BTC.instrument_id,
                trade_id=TradeId(trade_id),
                side=OrderSide.BUY,
                last_qty=D(quantity),
                last_px=D(price),
                commission=D(0),
                currency="BTC",
                liquidity_side=LiquiditySide.MAKER,
                source=Source.QUERY,
            )
        )

    def our_fill(self, trade_id: str, key: str, quantity: str, _: str, price: str) -> None:
        self.filled[key] = self.filled.get(key, D(0)) + D(quantity)
        head = self.head(key) | {"venue_order_id": VenueOrderId(f"V-{key}")}
        self.tell(
            orders.OrderFilled(
                **head,
                trade_id=TradeId(trade_id),
                side=OrderSide.BUY,
                last_qty=D(quantity),
                last_px=D(price),
                leaves_qty=D(2) - self.filled[key],
                commission=D(0),
                currency="BTC",
                liquidity_side=LiquiditySide.MAKER,
            )
        )
        self.line("ours", "position", str(sum(self.filled.values(), D(0))))


def spec(key: str) -> OrderSpec:
    return OrderSpec(
        client_order_id=ClientOrderId(key),
        strategy_id=StrategyId("S"),
        instrument_id=BTC.instrument_id,
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        quantity=D(2),
        price=D(100),
    )


def play(text: str, snapshot: tuple[accounts.OrderView, ...] = (), **config: Any) -> Stage:
    """Run the script and compare what was said; `config` are reconciler settings."""
    stage = Stage(**config)
    stage.snapshot_orders = snapshot
    script, _, expected = text.partition("=>")
    for line in filter(None, map(str.strip, script.splitlines())):
        when, *words = line.split()
        stage.at(int(D(when) * NS_PER_S), lambda words=words: stage.line(*words))  # type: ignore[misc]
    *lines, end = [x.strip() for x in expected.splitlines() if x.strip()]
    assert end.startswith("end ")
    stage.run(int(D(end.removeprefix("end ")) * NS_PER_S))
    assert stage.said == lines, "\n".join(["said:", *stage.said])
    return stage
