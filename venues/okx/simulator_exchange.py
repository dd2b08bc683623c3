"""What happens at the exchange, on OKX's streams.

Channels of the hub: "books:BTC-USDT" and the like for public streams; private ones carry what the
subscriber named: "user:orders:SWAP:" or "user:orders:ANY:BTC-USDT". docs: docs-v5, the pages of the
channels (2026-09).
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from messages.base import NS_PER_S, InstrumentId
from messages.market import (
    BookDeltaBatch,
    FundingBatch,
    Instrument,
    LiquidationBatch,
    QuoteBatch,
    TradeBatch,
)
from messages.orders import OrderSpec
from messages.venue import (
    AccountReport,
    CancelAllAfter,
    OrderReport,
    PositionReport,
)
from venues.okx import simulator_encode as wire
from venues.okx.codec_book import checksum
from venues.okx.codec_names import INST_TYPE, INTERVAL_NS, ms
from venues.okx.simulator_config import SimulatorConfig
from venues.okx.simulator_encode import Json
from venues.serving.exchange import Change, Exchange
from venues.serving.faults import FaultKind, Faults
from venues.serving.hub import About
from venues.sim.ledger import OrderLine

USER: Final = "user:"
DEPTH: Final = 400
_FUNDING_NS: Final = 8 * 3600 * NS_PER_S
_encode: Final = msgspec.json.Encoder().encode


class OkxExchange(Exchange):
    """One account: spot and swaps side by side.

    never  rows of orders that were acknowledged and never worked, by client id
    """

    def __init__(
        self, config: SimulatorConfig, clock_ns: Callable[[], int], faults: Faults
    ) -> None:
        super().__init__(config, clock_ns, faults)
        self.products = {i.instrument_id: i.product for i in config.instruments}
        self.never: dict[str, Json] = {}
        self.funding: dict[InstrumentId, tuple[float, float, int]] = {}
        self._checksums = config.checksums
        self._effective: set[str] = set()  # algos that were told to have triggered

    # --- the account -----------------------------------------------------------------------------

    def tell_order(self, change: Change) -> None:
        report, line = change.report, change.line
        instrument = self.instrument(report.instrument_id)
        algo = line.spec.order_type.triggered
        if algo and (not report.triggered or report.venue_order_id not in self._effective):
            if report.triggered:
                self._effective.add(report.venue_order_id)
            self._tell_user("orders-algo", wire.algo_row(report, line, instrument), instrument)
        if algo and not report.triggered:
            return
        by_switch = change.cause is None or isinstance(change.cause, CancelAllAfter)
        source = wire.SWITCH if by_switch else ""
        row = wire.order_row(report, line, instrument, change.fill, source)
        self._tell_user("orders", row, instrument)

    def tell_never(self, spec: OrderSpec, report: OrderReport) -> Json:
        """A post-only order that would have taken: acknowledged, then canceled before it worked."""
        instrument = self.instrument(spec.instrument_id)
        line = OrderLine(spec, report.ts_event, None)
        row = wire.order_row(report, line, instrument)
        ended = row | {"state": "canceled", "cancelSource": wire.WOULD_TAKE}
        self.never[spec.client_order_id] = ended
        self._tell_user("orders", row | {"state": "live"}, instrument)
        self._tell_user("orders", ended, instrument)
        return ended

    def tell_account(self, report: AccountReport) -> None:
        self._push(f"{USER}account", {"channel": "account"}, self.account_row(report))

    def account_row(self, report: AccountReport) -> Json:
        """Balances as the stream and the answer show them."""
        return wire.account_row(report.balances, report.ts_event)

    def tell_position(self, report: PositionReport) -> None:
        instrument = self.instrument(report.instrument_id)
        self._tell_user("positions", wire.position_row(report, instrument), instrument)

    def _tell_user(self, name: str, row: Json, instrument: Instrument) -> None:
        """To everyone whose subscription covers the instrument, in the words of each."""
        for kind in (INST_TYPE[instrument.product], "ANY"):
            for symbol in ("", instrument.symbol):
                arg = {"channel": name, "instType": kind}
                arg |= {"instId": symbol} if symbol else {}
                self._push(f"{USER}{name}:{kind}:{symbol}", arg, row)

    def _push(self, channel: str, arg: Json, row: Json) -> None:
        if self.hub.wanted(channel):
            self.hub.publish(channel, _encode({"arg": arg, "data": [row]}), About.USER)

    def order_row(self, report: OrderReport) -> Json:
        """An order as the answers show it."""
        line = self.lines[report.client_order_id]
        return wire.order_row(report, line, self.instrument(report.instrument_id))

    def algo_row(self, report: OrderReport) -> Json:
        """An algo as the answers show it."""
        line = self.lines[report.client_order_id]
        return wire.algo_row(report, line, self.instrument(report.instrument_id))

    # --- the market ------------------------------------------------------------------------------

    def tell_book(self, update: BookDeltaBatch) -> None:
        symbol = wire.symbol_of(update.instrument_id)
        channel = f"books:{symbol}"
        if not self.hub.wanted(channel):
            return
        instrument, sides = self.instrument(update.instrument_id), self._sides(update)
        row: Json = {
            "asks": [wire.level(p, q, instrument) for p, q in sides[-1]],
            "bids": [wire.level(p, q, instrument) for p, q in sides[1]],
            "ts": str(ms(update.ts_event)),
            "checksum": self._checksum(update.instrument_id),
            "prevSeqId": update.prev_seq,
            "seqId": update.last_seq,
        }
        if self.faults.fires((FaultKind.BAD_CHECKSUM,)) is not None and row["checksum"]:
            row["checksum"] ^= 1
        self._say("books", symbol, [row], "update", About.BOOK)

    @staticmethod
    def _sides(update: BookDeltaBatch) -> dict[int, list[tuple[float, float]]]:
        sides: dict[int, list[tuple[float, float]]] = {1: [], -1: []}
        for _, _, side, price, size in update.rows.tolist():
            sides[side].append((price, size))
        return sides

    def _checksum(self, name: InstrumentId) -> int:
        if not self._checksums:
            return 0
        sides = []
        for side in (1, -1):
            rows = (
                wire.level(p, q, self.instrument(name))
                for p, q in self.books[name].levels(side, 25)
            )
            sides.append({float(r[0]): (r[0], r[1], r[2], r[3]) for r in rows})
        return checksum(sides[0], sides[1])

    def book_row(self, name: InstrumentId, depth: int) -> Json:
        """The whole book, best first."""
        instrument, book = self.instrument(name), self.books[name]
        bids, asks = (
            [wire.level(p, q, instrument) for p, q in book.levels(side, depth)] for side in (1, -1)
        )
        now = str(ms(self.now_ns()))
        return {"asks": asks, "bids": bids, "ts": now, "seqId": book.last_id}

    def first_frame(self, channel: str, name: InstrumentId) -> bytes | None:
        """What a subscription begins with."""
        symbol = wire.symbol_of(name)
        if channel == "books":
            row = self.book_row(name, DEPTH)
            row |= {"prevSeqId": -1, "checksum": self._checksum(name)}
            return self._frame("books", symbol, [row], "snapshot")
        if channel == "bbo-tbt":
            return self._frame("bbo-tbt", symbol, [self.book_row(name, 1)])
        if channel == "tickers":
            return self._frame("tickers", symbol, [self.ticker(name)])
        if channel in ("funding-rate", "mark-price"):
            row = self.funding_row(name) if channel == "funding-rate" else self.mark_row(name)
            return self._frame(channel, symbol, [row])
        return None

    def tell_trades(self, batch: TradeBatch) -> None:
        symbol = wire.symbol_of(batch.instrument_id)
        if self.hub.wanted(f"trades:{symbol}"):
            rows = wire.trade_rows(batch.rows, self.instrument(batch.instrument_id))
            for row in rows:
                self._say("trades", symbol, [row])
        if self.hub.wanted(f"tickers:{symbol}"):
            self._say("tickers", symbol, [self.ticker(batch.instrument_id)])

    def tell_quotes(self, batch: QuoteBatch) -> None:
        symbol = wire.symbol_of(batch.instrument_id)
        if not self.hub.wanted(f"bbo-tbt:{symbol}"):
            return
        instrument = self.instrument(batch.instrument_id)
        for ts, _, bid, bid_size, ask, ask_size in batch.rows.tolist():
            row = {
                "asks": [wire.level(ask, ask_size, instrument)] if ask else [],
                "bids": [wire.level(bid, bid_size, instrument)] if bid else [],
                "ts": str(ms(ts)),
                "seqId": self.books[batch.instrument_id].last_id,
            }
            self._say("bbo-tbt", symbol, [row])

    def tell_funding(self, batch: FundingBatch) -> None:
        _, _, rate, mark, due = batch.rows[-1].tolist()
        name = batch.instrument_id
        self.funding[name] = (rate, mark, due)
        symbol = wire.symbol_of(name)
        self._say("funding-rate", symbol, [self.funding_row(name)])
        self._say("mark-price", symbol, [self.mark_row(name)])

    def tell_liquidations(self, batch: LiquidationBatch) -> None:
        if not self.hub.wanted("liquidation-orders:SWAP"):
            return
        instrument = self.instrument(batch.instrument_id)
        details = [
            {
                "side": "buy" if aggressor > 0 else "sell",
                "posSide": "short" if aggressor > 0 else "long",
                "sz": wire.sized(size, instrument),
                "bkPx": wire.number(price),
                "ts": str(ms(ts)),
            }
            for ts, _, price, size, aggressor, _ in batch.rows.tolist()
        ]
        row = {"instType": "SWAP", "instId": instrument.symbol, "details": details}
        arg = {"channel": "liquidation-orders", "instType": "SWAP"}
        self.hub.publish("liquidation-orders:SWAP", _encode({"arg": arg, "data": [row]}))

    def tell_instrument(self, instrument: Instrument) -> None:
        kind = INST_TYPE[instrument.product]
        arg = {"channel": "instruments", "instType": kind}
        frame = _encode({"arg": arg, "data": [wire.instrument_row(instrument)]})
        self.hub.publish(f"instruments:{kind}", frame)

    def tell_candles(self) -> None:
        for channel in self.hub.channels("candle"):
            kind, _, symbol = channel.partition(":")
            interval_ns = INTERVAL_NS.get(kind.removeprefix("candle"))
            instrument = next((i for i in self.venue.instruments if i.symbol == symbol), None)
            if interval_ns is None or instrument is None:
                continue
            now_ns = self.now_ns()
            for batch, _ in self.fresh_candles(channel, instrument.instrument_id, interval_ns):
                self._say(kind, symbol, wire.candle_rows(batch.rows, instrument, now_ns))

    # --- the state of a market -------------------------------------------------------------------

    def ticker(self, name: InstrumentId) -> Json:
        """docs: "Get ticker", "WS / Tickers channel"."""
        recent, instrument = self.trades[name].recent, self.instrument(name)
        last = recent[-1].rows[-1].tolist() if recent else (0, 0, 0.0, 0.0, 1, 0)
        row = {
            "instType": INST_TYPE[instrument.product],
            "instId": instrument.symbol,
            "last": wire.number(last[2]),
            "lastSz": wire.sized(last[3], instrument),
            "ts": str(ms(self.now_ns())),
            **dict.fromkeys(("open24h", "high24h", "low24h"), wire.number(last[2])),
            **dict.fromkeys(("vol24h", "volCcy24h"), "0"),
        }
        for word, side in (("bid", 1), ("ask", -1)):
            best = self.books[name].levels(side, 1)
            price, size = best[0] if best else (0.0, 0.0)
            row |= {f"{word}Px": wire.number(price), f"{word}Sz": wire.sized(size, instrument)}
        return row

    def _carried(self, name: InstrumentId) -> tuple[float, float, int]:
        bid, ask = (self.books[name].levels(side, 1) for side in (1, -1))
        middle = (bid[0][0] + ask[0][0]) / 2 if bid and ask else 1.0
        due = (self.now_ns() // _FUNDING_NS + 1) * _FUNDING_NS
        return self.funding.get(name, (0.0001, middle, due))

    def funding_row(self, name: InstrumentId) -> Json:
        """docs: "Get funding rate"."""
        rate, _, due = self._carried(name)
        return {
            "instType": "SWAP",
            "instId": wire.symbol_of(name),
            "fundingRate": wire.number(rate),
            "fundingTime": str(ms(due)),
            "nextFundingTime": str(ms(due + _FUNDING_NS)),
            "ts": str(ms(self.now_ns())),
        }

    def mark_row(self, name: InstrumentId) -> Json:
        """docs: "Get mark price"."""
        _, mark, _ = self._carried(name)
        now = str(ms(self.now_ns()))
        symbol = wire.symbol_of(name)
        return {"instType": "SWAP", "instId": symbol, "markPx": wire.number(mark), "ts": now}

    def _frame(self, channel: str, symbol: str, rows: list[Any], action: str = "") -> bytes:
        head: Json = {"arg": {"channel": channel, "instId": symbol}}
        return _encode(head | ({"action": action} if action else {}) | {"data": rows})

    def _say(
        self,
        channel: str,
        symbol: str,
        rows: list[Any],
        action: str = "",
        about: About = About.MARKET,
    ) -> None:
        name = f"{channel}:{symbol}"
        if self.hub.wanted(name):
            self.hub.publish(name, self._frame(channel, symbol, rows, action), about)
