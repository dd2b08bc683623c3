"""decode(encode(x)) == x, for everything a venue can say to us."""

from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from messages import Message
from messages.arrays import BAR, DELTA, FUNDING, QUOTE, TRADE, Rows
from messages.base import ClientOrderId, StrategyId, TradeId, VenueOrderId
from messages.market import (
    BarBatch,
    BookDeltaBatch,
    FundingBatch,
    Instrument,
    QuoteBatch,
    TradeBatch,
)
from messages.orders import LiquiditySide, OrderSide, OrderSpec, OrderType
from messages.venue import (
    AccountReport,
    Balance,
    FillReport,
    FillsReport,
    OpenOrdersReport,
    OrderReport,
    Request,
    Source,
    VenueStatus,
)
from venues.binance import codec_encode as wire
from venues.binance import codec_encode_orders as wire_orders
from venues.binance.codec_encode_orders import Detail
from venues.binance.codec_frames import decode_frame, reader
from venues.binance.codec_instruments import decode_exchange_info
from venues.binance.codec_market import decode_depth_snapshot
from venues.binance.codec_names import Market, instrument_id, product_for
from venues.binance.codec_rest import (
    decode_answer,
    decode_listen_key,
    decode_server_time,
)
from venues.wire.asked import Asked
from venues.wire.batch import Batcher
from venues.wire.frames import Decoded

NOW = 1_700_000_000_123_000_000
HOUR = 3_600_000_000_000
market = st.sampled_from(Market)
ts = st.integers(1, 2_000_000_000_000).map(lambda ms: ms * 1_000_000)
price = st.floats(1e-9, 1e9, allow_subnormal=False)
size = st.floats(0, 1e12, allow_subnormal=False)
some = st.floats(1e-9, 1e12, allow_subnormal=False)
seq = st.integers(0, 2**53)


def table(dtype: np.dtype[np.void], *fields: st.SearchStrategy[float]) -> st.SearchStrategy[Rows]:
    return st.lists(st.tuples(*fields), min_size=1, max_size=6).map(lambda r: np.array(r, dtype))


def same(found: Message, sent: Message) -> bool:
    """Equal, arrays by value."""
    mine, theirs = found.__dict__.copy(), sent.__dict__.copy()
    rows, other = mine.pop("rows", None), theirs.pop("rows", None)
    return bool(type(found) is type(sent) and mine == theirs and np.array_equal(rows, other))


def through(payloads: list[wire.Json], m: Market) -> Message:
    """One batch out of consecutive frames, wrapped and bare in turn."""
    raws = [wire.wrap("x@y", p) if n % 2 else wire.bare(p) for n, p in enumerate(payloads)]
    batcher = Batcher(reader(m))
    for raw in raws:
        batcher.add(raw, NOW)
    (found,) = batcher.flush()
    assert not batcher.quarantine
    return found


@given(m=market, rows=table(TRADE, ts, st.just(NOW), price, some, st.sampled_from([1, -1]), seq))
def test_trades(m: Market, rows: Rows) -> None:
    sent = TradeBatch(
        ts_event=int(rows["ts_event"][-1]),
        ts_init=NOW,
        instrument_id=instrument_id("BTCUSDT", m),
        rows=rows,
    )

    assert same(through(wire.trades(sent), m), sent)


@given(m=market, rows=table(QUOTE, ts, st.just(NOW), size, size, size, size))
def test_quotes(m: Market, rows: Rows) -> None:
    if m is Market.SPOT:
        rows["ts_event"] = NOW  # spot's bookTicker does not say when
    sent = QuoteBatch(
        ts_event=int(rows["ts_event"][-1]),
        ts_init=NOW,
        instrument_id=instrument_id("BTCUSDT", m),
        rows=rows,
    )

    assert same(through(wire.book_tickers(sent, 7), m), sent)


def book(
    m: Market, when: int, first: int, levels: list[tuple[int, float, float]]
) -> BookDeltaBatch:
    levels = sorted(levels, key=lambda level: -level[0])  # the wire sends bids first
    return BookDeltaBatch(
        ts_event=when,
        ts_init=NOW,
        instrument_id=instrument_id("ETHUSDT", m),
        first_seq=first,
        last_seq=first + 3,
        prev_seq=first - 1 if m is Market.USDM else -1,
        rows=np.array([(when, NOW, *level) for level in levels], DELTA),
    )


level = st.tuples(st.sampled_from([1, -1]), price, size)


@given(m=market, when=ts, first=st.integers(1, 2**53), levels=st.lists(level, max_size=8))
def test_depth_diffs(
    m: Market, when: int, first: int, levels: list[tuple[int, float, float]]
) -> None:
    sent = book(m, when, first, levels)

    assert same(through([wire.depth_update(sent)], m), sent)


@given(
    m=market,
    when=ts,
    last=seq,
    levels=st.lists(level, max_size=8, unique_by=lambda row: row[:2]),
)
def test_depth_snapshots(
    m: Market, when: int, last: int, levels: list[tuple[int, float, float]]
) -> None:
    when = NOW if m is Market.SPOT else when
    levels.sort(key=lambda row: (-row[0], -row[0] * row[1]))
    sent = book(m, when, last, levels).model_copy(
        update={"snapshot": True, "first_seq": last, "last_seq": last, "prev_seq": -1}
    )

    raw = wire.bare(wire.depth_snapshot(sent))

    assert same(decode_depth_snapshot(raw, sent.instrument_id, NOW), sent)


@given(
    m=market,
    opens=st.lists(st.integers(1, 400_000), min_size=1, max_size=5),
    values=st.tuples(*([price] * 4), *([size] * 3), st.integers(0, 10**9)),
)
def test_bars(m: Market, opens: list[int], values: tuple[float, ...]) -> None:
    rows = np.array([(n * HOUR, (n + 1) * HOUR, NOW, *values) for n in opens], BAR)
    sent = BarBatch(
        ts_event=int(rows["ts_event"][-1]),
        ts_init=NOW,
        instrument_id=instrument_id("BTCUSDT", m),
        interval_ns=HOUR,
        rows=rows,
    )

    assert same(through(wire.klines(sent), m), sent)


@given(rows=table(FUNDING, ts, st.just(NOW), st.floats(-0.1, 0.1), price, ts))
def test_funding(rows: Rows) -> None:
    sent = FundingBatch(
        ts_event=int(rows["ts_event"][-1]),
        ts_init=NOW,
        instrument_id=instrument_id("BTCUSDT", Market.USDM),
        rows=rows,
    )

    assert same(through(wire.mark_prices(sent), Market.USDM), sent)


def amount(places: int, low: str = "0.00000001") -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(10**8), places=places)


@given(
    m=market,
    tick=st.integers(0, 8).map(lambda n: Decimal(1).scaleb(-n)),
    lot=st.integers(0, 8).map(lambda n: Decimal(1).scaleb(-n)),
    least=st.decimals(0, 100, places=4),
)
def test_instruments(m: Market, tick: Decimal, lot: Decimal, least: Decimal) -> None:
    sent = Instrument(
        instrument_id=instrument_id("ADAUSDT", m),
        symbol="ADAUSDT",
        base="ADA",
        quote="USDT",
        price_increment=tick,
        size_increment=lot,
        min_quantity=lot,
        max_quantity=lot * 1000,
        min_notional=least,
        maker_fee=Decimal("0.0001"),
        taker_fee=Decimal("0.0004"),
        product=product_for(m),
    )

    raw = wire.bare(wire.exchange_info([sent], NOW))

    assert decode_exchange_info(raw, m, fees=(sent.maker_fee, sent.taker_fee)) == (sent,)
    assert decode_exchange_info(raw, m, symbols=["ETHUSDT"]) == ()


@st.composite
def reports(draw: st.DrawFn, source: Source) -> OrderReport:
    kind = draw(st.sampled_from(OrderType))
    status = draw(st.sampled_from(VenueStatus))
    quantity = draw(amount(4, "0.0001"))
    if status is VenueStatus.FILLED:
        filled = quantity
    elif status in (VenueStatus.NEW, VenueStatus.REJECTED):
        filled = Decimal(0)
    else:
        filled = draw(st.sampled_from([quantity / 4, Decimal(0)]))
    cost = draw(amount(8))
    limited, stop = kind.limited, kind.triggered
    return OrderReport(
        ts_event=draw(ts),
        ts_init=NOW,
        client_order_id=ClientOrderId(draw(st.from_regex(r"M[0-9a-f]{1,20}", fullmatch=True))),
        venue_order_id=VenueOrderId(str(draw(st.integers(1, 2**53)))),
        instrument_id=instrument_id("BTCUSDT", Market.SPOT),
        side=draw(st.sampled_from(OrderSide)),
        order_type=kind,
        status=status,
        quantity=quantity,
        filled_qty=filled,
        price=draw(amount(8)) if limited else None,
        avg_px=cost / filled if filled else None,
        triggered=stop and (filled > 0 or draw(st.booleans())),
        source=source,
    )


def fill_of(report: OrderReport, n: int = 1, maker: bool = False) -> FillReport:
    return FillReport(
        ts_event=report.ts_event,
        ts_init=NOW,
        client_order_id=report.client_order_id,
        venue_order_id=report.venue_order_id,
        instrument_id=report.instrument_id,
        trade_id=TradeId(str(n)),
        side=report.side,
        last_qty=Decimal("0.00010000") * n,
        last_px=Decimal("61837.63"),
        commission=Decimal("0.00000010") * n,
        currency="BTC",
        liquidity_side=LiquiditySide.MAKER if maker else LiquiditySide.TAKER,
        source=report.source,
    )


@settings(max_examples=200)
@given(report=reports(Source.STREAM), maker=st.booleans(), wrapped=st.booleans())
def test_execution_reports(report: OrderReport, maker: bool, wrapped: bool) -> None:
    traded = report.status in (VenueStatus.PARTIALLY_FILLED, VenueStatus.FILLED)
    fill = fill_of(report, maker=maker) if traded else None
    payload = wire_orders.execution_report(report, fill, Detail(request_id="cancel-7"))
    raw = wire.bare({"subscriptionId": 0, "event": payload} if wrapped else payload)

    found = decode_frame(raw, Market.SPOT, NOW)

    assert isinstance(found, Decoded)
    assert found.messages == ((fill, report) if fill else (report,))


@given(report=reports(Source.STREAM), request=st.sampled_from(["", "amend-9"]))
def test_an_amended_order_keeps_the_name_we_gave_it(report: OrderReport, request: str) -> None:
    detail = Detail(execution="REPLACED", request_id=request)

    found = decode_frame(
        wire.bare(wire_orders.execution_report(report, None, detail)), Market.SPOT, NOW
    )

    assert found == Decoded("executionReport:REPLACED", (report,))


def asked(request: Request, **more: object) -> Asked:
    return Asked(request, NOW, instrument_id("BTCUSDT", Market.SPOT), **more)  # type: ignore[arg-type]


@given(report=reports(Source.ACK), n=st.integers(0, 3))
def test_answers_to_a_submission(report: OrderReport, n: int) -> None:
    fills = tuple(fill_of(report, k + 1) for k in range(n))
    raw = wire.bare(wire_orders.order_full(report, fills))

    found = decode_answer(200, {}, raw, asked(Request.SUBMIT, source=Source.ACK))

    assert found == (*fills, report)


@given(report=reports(Source.ACK))
def test_a_bare_acknowledgement_reports_a_new_order(report: OrderReport) -> None:
    order = OrderSpec(
        client_order_id=report.client_order_id,
        strategy_id=StrategyId("T-1"),
        instrument_id=report.instrument_id,
        side=report.side,
        order_type=report.order_type,
        quantity=report.quantity,
        price=report.price,
        trigger_price=Decimal(5) if report.order_type.triggered else None,
    )
    raw = wire.bare(wire_orders.order_ack(report))

    found = decode_answer(200, {}, raw, asked(Request.SUBMIT, order=order, source=Source.ACK))

    new = {"status": VenueStatus.NEW, "filled_qty": Decimal(0), "avg_px": None, "triggered": False}
    assert found == (report.model_copy(update=new),)


@given(report=reports(Source.ACK), request=st.sampled_from(["", "c1"]))
def test_answers_to_cancels_and_amends_name_the_order_not_the_request(
    report: OrderReport, request: str
) -> None:
    detail = Detail(request_id=request)
    canceled = wire.bare(wire_orders.cancel_answer(report, detail))
    amended = wire.bare(wire_orders.amend_answer(report, 22, detail))

    for raw, what in ((canceled, Request.CANCEL), (amended, Request.MODIFY)):
        assert decode_answer(200, {}, raw, asked(what, source=Source.ACK)) == (report,)


@given(orders=st.lists(reports(Source.QUERY), max_size=4))
def test_queries_of_orders(orders: list[OrderReport]) -> None:
    views = [wire_orders.order_view(o) for o in orders]

    (found,) = decode_answer(200, {}, wire.bare(views), asked(Request.QUERY_OPEN_ORDERS))

    assert isinstance(found, OpenOrdersReport)
    assert found.orders == tuple(orders)
    for view, order in zip(views, orders, strict=True):
        assert decode_answer(200, {}, wire.bare(view), asked(Request.QUERY_ORDER)) == (order,)


@given(report=reports(Source.QUERY), n=st.integers(0, 4), limit=st.integers(1, 5))
def test_queries_of_fills_say_whether_a_page_is_missing(
    report: OrderReport, n: int, limit: int
) -> None:
    nameless = report.model_copy(update={"client_order_id": ""})
    fills = tuple(fill_of(nameless, k + 1, maker=k % 2 == 0) for k in range(min(n, limit)))
    raw = wire.bare([wire_orders.my_trade(f) for f in fills])

    (found,) = decode_answer(200, {}, raw, asked(Request.QUERY_FILLS, limit=limit))

    assert isinstance(found, FillsReport)
    assert found.fills == fills
    assert found.complete == (n < limit)


@given(rows=st.lists(st.tuples(amount(8), amount(8)), max_size=4))
def test_balances_by_answer_and_by_stream(rows: list[tuple[Decimal, Decimal]]) -> None:
    balances = tuple(
        Balance(currency=f"C{n}", total=free + locked, free=free, locked=locked)
        for n, (free, locked) in enumerate(rows)
    )
    body = wire.bare(wire_orders.account(balances, NOW, Decimal("0.001"), Decimal("0.002")))
    frame = wire.bare(wire_orders.account_position(balances, NOW))

    (answered,) = decode_answer(200, {}, body, asked(Request.QUERY_ACCOUNT, ts_venue=5))
    streamed = decode_frame(frame, Market.SPOT, NOW)

    assert answered == AccountReport(
        ts_event=5, ts_init=NOW, balances=balances, source=Source.QUERY
    )
    assert isinstance(streamed, Decoded)
    assert streamed.messages[0].balances == balances  # type: ignore[attr-defined]


def test_time_and_listen_key() -> None:
    assert decode_server_time(wire.bare(wire_orders.server_time(NOW))) == NOW
    assert decode_listen_key(wire.bare(wire_orders.listen_key("abc"))) == "abc"


@given(value=st.floats(min_value=0, max_value=1e15, allow_subnormal=False))
def test_numbers_are_written_without_an_exponent_and_lose_nothing(value: float) -> None:
    text = wire.number(value)

    assert "e" not in text
    assert float(text) == value
