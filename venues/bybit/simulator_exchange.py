"""What happens at the exchange, on Bybit's streams.

Channels of the hub are "linear:orderbook.50.BTCUSDT" for public topics and "user:order.linear" or
"user:order" for private ones; a private frame names the topic under which it was asked for.

A book's stream shows the best levels of each side: the difference to what it showed before, and
`u` counts its frames one by one, whatever the book behind it did.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from messages.base import NS_PER_S, InstrumentId
from messages.market import (
    BookDeltaBatch,
    FundingBatch,
    LiquidationBatch,
    Product,
    QuoteBatch,
    TradeBatch,
)
from messages.orders import OrderSpec
from messages.venue import AccountReport, CancelAllOrders, PositionReport
from venues.bybit import simulator_encode as wire
from venues.bybit.codec_names import CATEGORY, INTERVAL_NS, ms
from venues.bybit.simulator_config import SimulatorConfig
from venues.bybit.simulator_encode import Json
from venues.serving.exchange import Change, Exchange
from venues.serving.faults import Faults
from venues.serving.hub import About

USER: Final = "user:"
DEPTHS: Final = (1, 50, 200, 1000)
_DCP: Final = {Product.SPOT: "dcp.spot", Product.LINEAR: "dcp.future"}
Level = tuple[float, float]


@dataclass(slots=True)
class Shown:
    """What one book stream showed last: price -> size by side, and its number."""

    u: int = 0
    sides: dict[int, dict[float, float]] = field(default_factory=lambda: {1: {}, -1: {}})


class BybitExchange(Exchange):
    """One unified account: spot and linear perpetuals side by side.

    windows  seconds after which orders of a product are cancelled once nobody listens (DCP)
    never    rows of orders that were acknowledged and never worked, by client id
    """

    def __init__(
        self, config: SimulatorConfig, clock_ns: Callable[[], int], faults: Faults
    ) -> None:
        super().__init__(config, clock_ns, faults)
        self.products = {i.instrument_id: i.product for i in config.instruments}
        self.windows: dict[Product, int] = {}
        self.never: dict[str, Json] = {}
        self.funding: dict[InstrumentId, tuple[float, float, int]] = {}
        self._shown: dict[str, Shown] = {}
        self._protected: dict[Product, int] = {}  # when somebody was last heard on "dcp"

    def channel(self, topic: str, name: InstrumentId) -> str:
        """The hub's name of a public topic of an instrument."""
        return f"{CATEGORY[self.products[name]]}:{topic}.{wire.symbol(name)}"

    # --- the account -----------------------------------------------------------------------------

    def tell_order(self, change: Change) -> None:
        product = self.products[change.report.instrument_id]
        if change.fill is not None:
            self._tell_user("execution", wire.execution_row(change.fill, change.line, product))
        self._tell_user("order", wire.order_row(change.report, change.line, product))

    def tell_never(self, spec: OrderSpec, order_id: str) -> None:
        """An order that was acknowledged and then cancelled before it worked."""
        row = wire.never_row(spec, order_id, self.products[spec.instrument_id], self.now_ns())
        self.never[spec.client_order_id] = row
        self._tell_user("order", row)

    def tell_account(self, report: AccountReport) -> None:
        self._tell_user("wallet", wire.wallet(report.balances))

    def tell_position(self, report: PositionReport) -> None:
        self._tell_user("position", wire.position_row(report))

    def _tell_user(self, topic: str, row: Json) -> None:
        now_ms = ms(self.now_ns())
        for name in (topic, f"{topic}.{row.get('category', '')}"):
            if not self.hub.wanted(USER + name):
                continue
            frame = {"id": f"{now_ms}", "topic": name, "creationTime": now_ms, "data": [row]}
            self.hub.publish(USER + name, msgspec.json.encode(frame), About.USER)

    def on_second(self) -> None:
        super().on_second()
        for product, window_s in self.windows.items():
            self._protect(product, window_s)

    def _protect(self, product: Product, window_s: int) -> None:
        """docs: "Set Disconnect Cancel All": the time runs from the loss of the private stream
        that had subscribed to "dcp"."""
        now_ns = self.now_ns()
        if self.hub.wanted(USER + _DCP[product]):
            self._protected[product] = now_ns
        heard_ns = self._protected.get(product)
        if heard_ns is None or now_ns - heard_ns < window_s * NS_PER_S:
            return
        del self._protected[product]  # once, until somebody listens again
        for name, theirs in self.products.items():
            if theirs is product:
                self.act(CancelAllOrders(ts_event=now_ns, ts_init=now_ns, instrument_id=name))

    # --- the market ------------------------------------------------------------------------------

    def tell_book(self, update: BookDeltaBatch) -> None:
        name = update.instrument_id
        for depth in DEPTHS:
            channel = self.channel(f"orderbook.{depth}", name)
            if not self.hub.wanted(channel):
                continue
            frame = self._difference(channel, name, depth)
            if frame is not None:
                self.hub.publish(channel, msgspec.json.encode(frame), About.BOOK)

    def snapshot(self, channel: str, name: InstrumentId, depth: int) -> bytes:
        """The first frame of a book stream; who hears it already misses nothing by it."""
        shown = self._shown.setdefault(channel, Shown())
        if not self.hub.wanted(channel):
            shown.u += 1
        shown.sides = self._levels(name, depth)
        return msgspec.json.encode(self._book(name, depth, "snapshot", shown.u, shown.sides))

    def _levels(self, name: InstrumentId, depth: int) -> dict[int, dict[float, float]]:
        return {side: dict(self.books[name].levels(side, depth)) for side in (1, -1)}

    def _difference(self, channel: str, name: InstrumentId, depth: int) -> Json | None:
        shown, now = self._shown.setdefault(channel, Shown()), self._levels(name, depth)
        changes = {
            side: {p: now[side].get(p, 0.0) for p in shown.sides[side].keys() | now[side].keys()}
            for side in (1, -1)
        }
        for side, levels in changes.items():
            same = [p for p, size in levels.items() if shown.sides[side].get(p, 0.0) == size]
            for price in same:
                del levels[price]
        if not changes[1] and not changes[-1]:
            return None
        shown.u += 1
        shown.sides = now
        if depth == 1:
            return self._book(name, depth, "snapshot", shown.u, now)
        return self._book(name, depth, "delta", shown.u, changes)

    def _book(
        self,
        name: InstrumentId,
        depth: int,
        kind: str,
        u: int,
        sides: dict[int, dict[float, float]],
    ) -> Json:
        now_ms = ms(self.now_ns())
        return {
            "topic": f"orderbook.{depth}.{wire.symbol(name)}",
            "type": kind,
            "ts": now_ms,
            "data": self.book_data(name, u, sides),
            "cts": now_ms,
        }

    def book_data(self, name: InstrumentId, u: int, sides: dict[int, dict[float, float]]) -> Json:
        """A book's levels, best first."""
        bids, asks = (
            [[wire.number(p), wire.number(q)] for p, q in sorted(sides[s].items(), reverse=s > 0)]
            for s in (1, -1)
        )
        seq = self.books[name].last_id
        return {"s": wire.symbol(name), "b": bids, "a": asks, "u": u, "seq": seq}

    def tell_trades(self, batch: TradeBatch) -> None:
        product = self.products[batch.instrument_id]
        self._put("publicTrade", batch.instrument_id, lambda: wire.trade_rows(batch, product))
        if product is Product.SPOT:
            self._put("tickers", batch.instrument_id, lambda: self.ticker(batch.instrument_id))

    def tell_liquidations(self, batch: LiquidationBatch) -> None:
        self._put("allLiquidation", batch.instrument_id, lambda: wire.liquidation_rows(batch))

    def tell_quotes(self, batch: QuoteBatch) -> None:
        if self.products[batch.instrument_id] is Product.LINEAR:
            self._put("tickers", batch.instrument_id, lambda: self.ticker(batch.instrument_id))

    def tell_funding(self, batch: FundingBatch) -> None:
        _, _, rate, mark, due = batch.rows[-1].tolist()
        self.funding[batch.instrument_id] = (rate, mark, due)
        self._put("tickers", batch.instrument_id, lambda: self.ticker(batch.instrument_id))

    def ticker(self, name: InstrumentId) -> Json:
        """The state of a market as the stream and REST show it."""
        recent = self.trades[name].recent
        last = float(recent[-1].rows["price"][-1]) if recent else 0.0
        found: Json = {"symbol": wire.symbol(name), "lastPrice": wire.number(last)}
        if self.products[name] is Product.SPOT:
            return found | {"volume24h": "0", "turnover24h": "0", "price24hPcnt": "0"}
        (bid, bid_size), (ask, ask_size) = (self._best(name, side) for side in (1, -1))
        middle = (bid + ask) / 2 if bid and ask else last
        rate, mark, due = self.funding.get(name, (0.0001, middle, self._next_funding()))
        return found | {
            "bid1Price": wire.number(bid),
            "bid1Size": wire.number(bid_size),
            "ask1Price": wire.number(ask),
            "ask1Size": wire.number(ask_size),
            "markPrice": wire.number(mark),
            "indexPrice": wire.number(mark),
            "fundingRate": wire.number(rate),
            "nextFundingTime": str(ms(due)),
        }

    def _best(self, name: InstrumentId, side: int) -> Level:
        found = self.books[name].levels(side, 1)
        return found[0] if found else (0.0, 0.0)

    def _next_funding(self) -> int:
        interval = 8 * 3600 * NS_PER_S
        return (self.now_ns() // interval + 1) * interval

    def first_frame(self, topic: str, name: InstrumentId, channel: str) -> bytes | None:
        """What a subscription begins with: a whole book or ticker; None: the next event."""
        kind, _, rest = topic.partition(".")
        if kind == "orderbook":
            return self.snapshot(channel, name, int(rest.partition(".")[0]))
        if kind == "tickers":
            return msgspec.json.encode(self._frame("tickers", name, self.ticker(name)))
        return None

    def tell_candles(self) -> None:
        for name in self.books:
            prefix = f"{CATEGORY[self.products[name]]}:kline."
            for channel in self.hub.channels(prefix):
                interval, _, symbol = channel.removeprefix(prefix).partition(".")
                if symbol == wire.symbol(name):
                    self._candles(channel, name, interval)

    def _candles(self, channel: str, name: InstrumentId, interval: str) -> None:
        for batch, closed in self.fresh_candles(channel, name, INTERVAL_NS[interval]):
            row = wire.bar_row(batch, interval, closed, self.now_ns())
            frame = self._frame(f"kline.{interval}", name, [row])
            self.hub.publish(channel, msgspec.json.encode(frame))

    def _put(self, topic: str, name: InstrumentId, data: Callable[[], Any]) -> None:
        channel = self.channel(topic, name)
        if self.hub.wanted(channel):
            self.hub.publish(channel, msgspec.json.encode(self._frame(topic, name, data())))

    def _frame(self, topic: str, name: InstrumentId, data: object) -> Json:
        now_ms = ms(self.now_ns())
        whole = f"{topic}.{wire.symbol(name)}"
        return {"topic": whole, "type": "snapshot", "ts": now_ms, "data": data}
