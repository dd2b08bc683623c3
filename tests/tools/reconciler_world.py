"""Random order lives against a venue model, for the reconciler to watch.

The model executes; an order manager stand-in hears of each step after a random delay below the
grace (or never), and hears of it from the reconciler's evidence otherwise. Answers to questions
take a random time and show the venue as it was at a random moment in between.
"""

import heapq
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from immutables import Map
from instruments import usdt

from messages import Message, accounts, control, orders, venue
from messages.base import (
    NS_PER_MS,
    NS_PER_S,
    ClientOrderId,
    InstrumentId,
    RunId,
    StrategyId,
    TradeId,
    VenueOrderId,
)
from messages.market import Product
from messages.orders import LiquiditySide, OrderSide, OrderSpec, OrderType
from messages.risk import TradingState
from messages.venue import Balance, Source, VenueStatus
from trading.ids import client_order_id
from trading.positions import PositionBook, fold_fill
from trading.reconciler import ReconcilerConfig, ReconcilerCore

D = Decimal
ZERO = D(0)
GRACE = 2 * NS_PER_S
STRATEGY = StrategyId("S")


INSTRUMENTS = {i.instrument_id: i for i in map(usdt, ("BTC", "ETH"))}


@dataclass
class Life:
    """One order at the venue, and the events about it that our side has had."""

    spec: OrderSpec
    venue_id: str
    status: VenueStatus = VenueStatus.NEW
    filled: D = ZERO
    cost: D = ZERO
    heard: set[str] = field(default_factory=set)
    ours_filled: D = ZERO


class World:
    """Venue, order manager stand-in and reconciler under one clock."""

    def __init__(self, seed: int, loss: float, product: Product = Product.SPOT) -> None:
        self.chance = random.Random(seed)
        self.loss = loss
        self.lost: list[str] = []
        self.now = 0
        self.queue: list[tuple[int, int, Any]] = []
        self.lives: dict[str, Life] = {}
        self.fills: list[venue.FillReport] = []
        self.linear = product is Product.LINEAR  # then BTC and ETH are contracts, of which 0 open
        coins = {"BTC": ZERO, "ETH": ZERO} if self.linear else {"BTC": D(5), "ETH": D(50)}
        self.balances = coins | {"USDT": D(100_000)}
        self.book: PositionBook = Map()
        rules = {i: r.model_copy(update={"product": product}) for i, r in INSTRUMENTS.items()}
        self.core = ReconcilerCore(ReconcilerConfig(rules, grace_ns=GRACE))
        self.said: list[Message] = []
        self.channel_free = 0
        self.timers: dict[str, int] = {}
        step = self.core.resume(self.core.start(), 0)
        self.state = step.state
        self.route(step.out)

    # --- running

    def at(self, delay_ns: int, act: Any) -> None:
        heapq.heappush(self.queue, (self.now + delay_ns, len(self.queue) + self.seq(), act))

    def seq(self) -> int:
        self._n = getattr(self, "_n", 0) + 1_000_000
        return self._n

    def run(self, until_ns: int) -> None:
        while self.queue and self.queue[0][0] <= until_ns:
            self.now, _, act = heapq.heappop(self.queue)
            act()
        self.now = until_ns

    def tell(self, message: Message) -> None:
        step = self.core.react(self.state, message, self.now)
        self.state = step.state
        self.route(step.out)

    def route(self, out: tuple[Message, ...]) -> None:
        for message in out:
            self.said.append(message)
            self.handle(message)

    def handle(self, message: Message) -> None:
        match message:
            case control.SetTimer(name=name, ts_due=due):
                self.timers[name] = due
                self.at(max(due - self.now, 0), lambda: self.fire(name, due))
            case accounts.SyncRequest():
                self.hear(self.snapshot())
            case (
                orders.QueryOrder()
                | venue.QueryOpenOrders()
                | venue.QueryFills()
                | venue.QueryAccount()
                | venue.QueryPositions()
            ):
                self.ask(message)
            case venue.OrderReport() | venue.FillReport() | venue.OrderNotFound():
                assert message.source is Source.RECONCILER
                self.at(self.ms(1, 300), lambda: self.evidence(message))
            case _:
                pass

    def fire(self, name: str, due: int) -> None:
        if self.timers.get(name) == due:
            del self.timers[name]
            self.tell(control.TimerFired(ts_event=due, ts_init=self.now, name=name))

    def ms(self, low: int, high: int) -> int:
        return self.chance.randint(low, high) * NS_PER_MS

    def times(self) -> dict[str, Any]:
        return {"ts_event": self.now, "ts_init": self.now}

    # --- the venue

    def ask(self, question: Message) -> None:
        if self.loss and self.chance.random() < 0.1:
            kind = {
                orders.QueryOrder: venue.Request.QUERY_ORDER,
                venue.QueryOpenOrders: venue.Request.QUERY_OPEN_ORDERS,
                venue.QueryFills: venue.Request.QUERY_FILLS,
                venue.QueryAccount: venue.Request.QUERY_ACCOUNT,
                venue.QueryPositions: venue.Request.QUERY_POSITIONS,
            }[type(question)]
            failed = venue.RequestFailed(
                **self.times(),
                request=kind,
                client_order_id=getattr(question, "client_order_id", ClientOrderId("")),
                instrument_id=getattr(question, "instrument_id", None),
                acted=venue.Acted.NO,
                reason="lost",
            )
            self.at(self.ms(1, 500), lambda: self.tell(failed))
            return

        def look() -> None:
            answer = self.answer(question)
            self.at(self.ms(1, 400), lambda: self.tell(answer))

        self.at(self.ms(1, 400), look)

    def answer(self, question: Message) -> Message:
        match question:
            case orders.QueryOrder(client_order_id=key, instrument_id=instrument_id):
                if key in self.lives:
                    return self.report(self.lives[key])
                return venue.OrderNotFound(
                    **self.times(), client_order_id=key, instrument_id=instrument_id
                )
            case venue.QueryOpenOrders(instrument_id=instrument_id):
                here = [x for x in self.lives.values() if x.spec.instrument_id == instrument_id]
                return venue.OpenOrdersReport(
                    **self.times(),
                    instrument_id=instrument_id,
                    orders=tuple(self.report(x) for x in here if x.status.open),
                    source=Source.QUERY,
                )
            case venue.QueryFills(instrument_id=instrument_id, since_trade_id=since):
                all_fills = [
                    f
                    for f in self.fills
                    if f.instrument_id == instrument_id and int(f.trade_id) >= since
                ]
                return venue.FillsReport(
                    **self.times(),
                    instrument_id=instrument_id,
                    since_trade_id=since,
                    fills=tuple(all_fills[:3]),
                    complete=len(all_fills) <= 3,
                    source=Source.QUERY,
                )
            case venue.QueryPositions():
                found = (self.position(i) for i, r in INSTRUMENTS.items() if self.balances[r.base])
                return venue.PositionsReport(
                    **self.times(), positions=tuple(found), source=Source.QUERY
                )
            case _:
                held = tuple(
                    Balance(currency=c, total=x, free=x, locked=D(0))
                    for c, x in self.balances.items()
                    if c == "USDT" or not self.linear
                )
                return venue.AccountReport(**self.times(), balances=held, source=Source.QUERY)

    def position(self, instrument_id: InstrumentId) -> venue.PositionReport:
        return venue.PositionReport(
            **self.times(),
            instrument_id=instrument_id,
            quantity=self.balances[INSTRUMENTS[instrument_id].base],
            avg_px=D(100),
            source=Source.QUERY,
        )

    def report(self, life: Life) -> venue.OrderReport:
        return venue.OrderReport(
            **self.times(),
            client_order_id=life.spec.client_order_id,
            venue_order_id=VenueOrderId(life.venue_id),
            instrument_id=life.spec.instrument_id,
            side=life.spec.side,
            order_type=life.spec.order_type,
            status=life.status,
            quantity=life.spec.quantity,
            filled_qty=life.filled,
            avg_px=life.cost / life.filled if life.filled else None,
            source=Source.QUERY,
        )

    def place(self, n: int) -> None:
        key = client_order_id(RunId("run"), STRATEGY, n)
        spec = OrderSpec(
            client_order_id=key,
            strategy_id=STRATEGY,
            instrument_id=self.chance.choice(list(INSTRUMENTS)),
            side=self.chance.choice(list(OrderSide)),
            order_type=OrderType.LIMIT,
            quantity=D(self.chance.randint(1, 5)),
            price=D(100),
        )
        life = Life(spec, f"V{n}")
        self.hear(orders.OrderSubmitted(**self.head(life, known=False), order=spec))

        def arrive() -> None:
            self.lives[key] = life
            self.later("accepted", life, orders.OrderAccepted(**self.head(life)))
            for _ in range(self.chance.randint(0, 6)):
                self.at(self.ms(1, 20_000), lambda: self.trade(life))
            if self.chance.random() < 0.7:
                self.at(self.ms(1, 20_000), lambda: self.cancel(life))

        self.at(self.ms(1, 400), arrive)

    def head(self, life: Life, *, known: bool = True) -> dict[str, Any]:
        return self.times() | {
            "client_order_id": life.spec.client_order_id,
            "strategy_id": STRATEGY,
            "instrument_id": life.spec.instrument_id,
            "venue_order_id": life.venue_id if known else None,
        }

    def trade(self, life: Life) -> None:
        if not life.status.open:
            return
        left = life.spec.quantity - life.filled
        quantity = left if self.chance.random() < 0.3 else left / 4
        price = D(self.chance.randint(9_000, 11_000)) / 100
        rules = INSTRUMENTS[life.spec.instrument_id]
        life.filled, life.cost = life.filled + quantity, life.cost + quantity * price
        full = life.filled == life.spec.quantity
        life.status = VenueStatus.FILLED if full else VenueStatus.PARTIALLY_FILLED
        sign = life.spec.side.sign
        in_base = sign > 0 and not self.linear
        currency = rules.base if in_base else rules.quote
        fee = (quantity if in_base else quantity * price) / 1000
        self.balances[rules.base] += sign * quantity
        self.balances["USDT"] -= sign * quantity * price
        self.balances[currency] -= fee
        fill = venue.FillReport(
            **self.times(),
            client_order_id=ClientOrderId(""),
            venue_order_id=VenueOrderId(life.venue_id),
            instrument_id=rules.instrument_id,
            trade_id=TradeId(str(len(self.fills) + 1)),
            side=life.spec.side,
            last_qty=quantity,
            last_px=price,
            commission=fee,
            currency=currency,
            liquidity_side=LiquiditySide.MAKER,
            source=Source.STREAM,
        )
        self.fills.append(fill)
        self.later(fill.trade_id, life, fill)

    def cancel(self, life: Life) -> None:
        if life.status.open:
            life.status = VenueStatus.CANCELED
            self.later("canceled", life, orders.OrderCanceled(**self.head(life)))

    # --- our order manager, as the reconciler hears it

    def later(self, name: str, life: Life, event: Message) -> None:
        """The event reaches us within the grace, in order (as on a link), or never."""
        if self.chance.random() < self.loss:
            self.lost.append(name)
            return
        due = max(self.now + self.ms(1, 1_500), self.channel_free)
        self.channel_free = min(due, self.now + GRACE - NS_PER_MS)
        self.at(self.channel_free - self.now, lambda: self.learn(name, life, event))

    def learn(self, name: str, life: Life, event: Message) -> None:
        ended = "canceled" in life.heard or life.ours_filled == life.spec.quantity
        if name in life.heard or (name == "accepted" and ended):
            return  # an open report cannot reopen an order that ended
        if name == "canceled" and life.filled > life.ours_filled:
            # Fills first: an end waits for them, as in trading.evidence.
            life.heard.discard(name)
            self.at(100 * NS_PER_MS, lambda: self.learn(name, life, event))
            return
        life.heard.add(name)
        if not isinstance(event, venue.FillReport):
            self.tell(event)
            return
        life.ours_filled += event.last_qty
        filled = orders.OrderFilled(
            **(self.head(life) | {"ts_event": event.ts_event}),
            trade_id=event.trade_id,
            side=event.side,
            last_qty=event.last_qty,
            last_px=event.last_px,
            leaves_qty=life.spec.quantity - life.ours_filled,
            commission=event.commission,
            currency=event.currency,
            liquidity_side=event.liquidity_side,
        )
        rules = INSTRUMENTS[event.instrument_id]
        self.book, position = fold_fill(self.book, filled, rules)
        self.tell(filled)
        self.tell(accounts.PositionChanged(**self.times(), position=position))

    def evidence(self, message: Message) -> None:
        """What the reconciler found out, folded as the order manager would."""
        if isinstance(message, venue.FillReport):
            life = next(x for x in self.lives.values() if x.venue_id == message.venue_order_id)
            self.learn(message.trade_id, life, message)
        elif isinstance(message, venue.OrderReport):
            life = self.lives[message.client_order_id]
            if message.status.open:
                self.learn("accepted", life, orders.OrderAccepted(**self.head(life)))
            elif message.status is VenueStatus.CANCELED:
                self.learn("canceled", life, orders.OrderCanceled(**self.head(life)))

    def hear(self, message: Message) -> None:
        self.at(NS_PER_MS, lambda: self.tell(message))

    def snapshot(self) -> accounts.AccountSnapshot:
        return accounts.AccountSnapshot(
            **self.times(),
            asker="reconciler",
            trading_state=TradingState.ACTIVE,
            orders=(),
            positions=(),
            balances=(),
        )

    def of(self, kind: type[Message]) -> list[Any]:
        return [m for m in self.said if isinstance(m, kind)]


def lived(seed: int, loss: float, count: int = 12, product: Product = Product.SPOT) -> World:
    world = World(seed, loss, product)
    for n in range(count):
        world.at(world.ms(0, 25_000), lambda n=n: world.place(n))
    world.run(100 * NS_PER_S)
    return world
