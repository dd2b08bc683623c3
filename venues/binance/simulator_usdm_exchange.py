"""What happens at the exchange, on Binance USD-M futures' streams."""

from decimal import Decimal
from typing import Any

from messages.base import InstrumentId
from messages.market import FundingBatch, Instrument, LiquidationBatch, TradeBatch
from messages.orders import ModifyOrder
from messages.venue import AccountReport, MarginMode, PositionReport
from venues.binance import codec_encode as market_wire
from venues.binance import simulator_usdm_encode as wire
from venues.binance.codec_names import ms
from venues.binance.session_market import CONTRACTS
from venues.binance.simulator_exchange import BinanceExchange
from venues.serving.exchange import Change
from venues.sim.margin import Holding


class UsdmExchange(BinanceExchange):
    """Binance USD-M futures: orders that wait for a trigger are the Algo Service's."""

    amends = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._moved: list[PositionReport] = []  # told with the balances that follow
        self._totals: dict[str, Decimal] = {}
        self.rates: dict[InstrumentId, tuple[float, int]] = {}  # funding rate, when it is due
        self._paid = 0  # payments of funding that were told

    @property
    def holdings(self) -> dict[InstrumentId, Holding]:
        return dict(self.venue.ledger().holdings)

    def isolated(self, currency: str) -> Decimal:
        """Margin of isolated positions."""
        held = [h for h in self.holdings.values() if h.grid.quote.name == currency]
        chosen = [h for h in held if h.mode is MarginMode.ISOLATED]
        return sum((h.grid.quote.amount(h.margin) for h in chosen), Decimal(0))

    def profit(self, currency: str) -> Decimal:
        """Unrealised profit of cross positions."""
        held = [h for h in self.holdings.values() if h.grid.quote.name == currency]
        chosen = [h for h in held if h.mode is MarginMode.CROSS]
        return sum((h.grid.quote.amount(h.profit()) for h in chosen), Decimal(0))

    def tell_order(self, change: Change) -> None:
        report, line, fill = change.report, change.line, change.fill
        apart = line.spec.order_type.triggered
        begins = report.triggered and fill is None and report.status.open
        if apart and (not report.triggered or begins):
            self._publish_user(wire.algo_update(report, line))
        if not apart or report.triggered:
            execution = "AMENDMENT" if isinstance(change.cause, ModifyOrder) and not fill else ""
            self._publish_user(wire.order_update(report, line, fill, execution))
        if apart and report.triggered and not report.status.open:
            self._publish_user(wire.algo_update(report, line))

    def tell_position(self, report: PositionReport) -> None:
        self._moved.append(report)

    def tell_account(self, report: AccountReport) -> None:
        """Only what changes wallets is told; margin that orders bind is not."""
        changed = [b for b in report.balances if self._totals.get(b.currency) != b.total]
        self._totals |= {b.currency: b.total for b in changed}
        moved, self._moved = self._moved, []
        payments = len(self.venue.ledger().funding)
        reason = "ORDER" if payments == self._paid else "FUNDING_FEE"
        self._paid = payments
        if changed or moved:
            told = report.model_copy(update={"balances": tuple(changed)})
            isolated = sum((self.isolated(b.currency) for b in changed), Decimal(0))
            self._publish_user(wire.account_update(told, isolated, moved, reason))

    # --- the market ----------------------------------------------------------------------------

    def tell_funding(self, batch: FundingBatch) -> None:
        last = batch.rows[-1]
        self.rates[batch.instrument_id] = float(last["rate"]), int(last["ts_next"])
        for stream in self._heard(batch.instrument_id, "markPrice", "markPrice@1s"):
            for payload in market_wire.mark_prices(batch):
                self._publish(stream, payload)

    def tell_instrument(self, instrument: Instrument) -> None:
        if self.hub.wanted(CONTRACTS):
            now_ms = ms(self.now_ns())
            payload = {
                "e": "contractInfo",
                "E": now_ms,
                "s": instrument.symbol,
                "ps": instrument.symbol,
                "ct": "PERPETUAL",
                "dt": market_wire.DELIVERY_MS,
                "ot": now_ms,
                "cs": "TRADING",
            }
            self._publish(CONTRACTS, payload)

    def tell_liquidations(self, batch: LiquidationBatch) -> None:
        trades = TradeBatch(**dict(batch) | {"kind": "trade_batch"})
        for stream in self._heard(batch.instrument_id, "forceOrder"):
            for row in market_wire.trades(trades):
                order = {
                    "s": row["s"],
                    "S": "SELL" if row["m"] else "BUY",
                    "o": "LIMIT",
                    "f": "IOC",
                    "q": row["q"],
                    "p": row["p"],
                    "ap": row["p"],
                    "X": "FILLED",
                    "l": row["q"],
                    "z": row["q"],
                    "T": row["T"],
                }
                self._publish(stream, {"e": "forceOrder", "E": row["E"], "o": order})
