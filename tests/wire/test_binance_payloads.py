"""Payloads that other projects collected (documentation examples and live answers) decode too."""

import io
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from messages.market import Instrument, Product
from messages.orders import OrderType
from messages.venue import (
    AccountReport,
    FillReport,
    FillsReport,
    MarginMode,
    OpenOrdersReport,
    OrderReport,
    PositionsReport,
    Request,
    VenueStatus,
)
from venues.binance.codec_frames import decode_frame
from venues.binance.codec_instruments import decode_exchange_info
from venues.binance.codec_market import decode_depth_snapshot
from venues.binance.codec_names import Market, instrument_id
from venues.binance.codec_rest import decode_answer, decode_listen_key, decode_server_time
from venues.wire.asked import Asked
from venues.wire.frames import Control, Decoded, Unknown

PAYLOADS = Path(__file__).parents[3] / "shared" / "data" / "payloads"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not PAYLOADS.is_dir(), reason="no payloads in ../shared/data/payloads"),
]
SPOT = PAYLOADS / "nautilus" / "binance" / "spot"
USDM = PAYLOADS / "nautilus" / "binance" / "futures"
NOW = 1_800_000_000_000_000_000


def asked(request: Request, symbol: str = "LTCBTC") -> Asked:
    return Asked(request, NOW, instrument_id(symbol, Market.SPOT))


def answer(name: str, request: Request) -> tuple[object, ...]:
    body = (SPOT / "http_json" / f"{name}.json").read_bytes()
    return decode_answer(200, {}, body, asked(request))


def kinds(folder: Path, market: Market) -> Counter[str]:
    """Frames by what they decode to; a folder of one frame a file."""
    found: Counter[str] = Counter()
    for path in sorted(folder.glob("*.json")):
        frame = decode_frame(path.read_bytes(), market, NOW)
        found[f"{type(frame).__name__} {frame.kind}"] += 1
    return found


def test_spot_user_events() -> None:
    assert kinds(SPOT / "user_data_json", Market.SPOT) == {
        "Decoded outboundAccountPosition": 2,
        "Control balanceUpdate": 2,
        "Control listStatus": 1,
        "Decoded executionReport:NEW": 3,
        "Decoded executionReport:CANCELED": 1,
        "Decoded executionReport:EXPIRED": 1,
        "Decoded executionReport:TRADE": 1,
    }


def test_usdm_market_frames() -> None:
    assert kinds(USDM / "market_data_json", Market.USDM) == {
        "Decoded aggTrade": 1,
        "Decoded bookTicker": 1,
        "Decoded depthUpdate": 1,
        "Decoded kline": 1,
        "Control kline_open": 1,
        "Decoded markPriceUpdate": 1,
        "Decoded trade": 1,
        "Decoded forceOrder": 1,
        "Unknown 24hrTicker": 1,
    }


def test_usdm_user_events() -> None:
    assert kinds(USDM / "user_data_json", Market.USDM) == {
        "Decoded ACCOUNT_UPDATE": 2,
        "Decoded ALGO_UPDATE:CANCELED": 1,
        "Decoded ALGO_UPDATE:NEW": 1,
        "Decoded ORDER_TRADE_UPDATE:CALCULATED": 4,
        "Decoded ORDER_TRADE_UPDATE:NEW": 1,
        "Decoded ORDER_TRADE_UPDATE:TRADE": 4,
        "Control TRADE_LITE": 1,
    }


def usdm(name: str, request: Request) -> object:
    body = (USDM / "http_json" / f"{name}.json").read_bytes()
    name_of = instrument_id("BTCUSDT", Market.USDM)
    (found,) = decode_answer(200, {}, body, Asked(request, NOW, name_of, product=Product.LINEAR))
    return found


def test_usdm_answers() -> None:
    order = usdm("order_response", Request.QUERY_ORDER)
    algos = usdm("open_algo_orders", Request.QUERY_OPEN_ORDERS)
    account = usdm("balance", Request.QUERY_ACCOUNT)
    held = usdm("position_risk", Request.QUERY_POSITIONS)

    assert isinstance(order, OrderReport)
    assert order.instrument_id == "BTCUSDT-PERP.BINANCE"
    assert isinstance(algos, OpenOrdersReport)
    assert [(o.client_order_id, o.order_type, o.triggered) for o in algos.orders] == [
        ("test-algo-order-1", OrderType.STOP_MARKET, False)
    ]
    assert isinstance(account, AccountReport)
    assert account.balances[0].total == account.balances[0].free == Decimal("122.12345678")
    assert isinstance(held, PositionsReport)
    (position,) = held.positions
    assert (position.quantity, position.avg_px) == (Decimal("0.001"), Decimal("50000.0"))
    assert (position.leverage, position.margin_mode) == (Decimal(20), MarginMode.CROSS)


def test_a_full_answer_has_its_fills_before_the_order() -> None:
    *fills, report = answer("new_order_full_response", Request.SUBMIT)

    assert isinstance(report, OrderReport)
    assert (report.status, report.order_type) == (VenueStatus.FILLED, OrderType.MARKET)
    found = [f.last_qty for f in fills if isinstance(f, FillReport)]
    assert len(found) == len(fills)
    assert sum(found, Decimal(0)) == report.filled_qty == Decimal(10)


def test_a_cancel_answer_names_the_order() -> None:
    (report,) = answer("cancel_order_response", Request.CANCEL)

    assert isinstance(report, OrderReport)
    assert (report.client_order_id, report.status) == ("myOrder1", VenueStatus.CANCELED)


def test_answers_to_questions() -> None:
    (order,) = answer("order_response", Request.QUERY_ORDER)
    (orders,) = answer("open_orders_response", Request.QUERY_OPEN_ORDERS)
    (fills,) = answer("account_trades_response", Request.QUERY_FILLS)
    (account,) = answer("account_response", Request.QUERY_ACCOUNT)

    assert isinstance(order, OrderReport)
    assert isinstance(orders, OpenOrdersReport)
    assert orders.orders == (order,)
    assert isinstance(fills, FillsReport)
    assert [f.commission for f in fills.fills] == [Decimal("10.1")]
    assert isinstance(account, AccountReport)
    assert {b.currency: b.free for b in account.balances} == {
        "BTC": Decimal("4723846.89208129"),
        "LTC": Decimal("4763368.68006011"),
    }


def test_plain_answers() -> None:
    folder = SPOT / "http_json"
    name = instrument_id("LTCBTC", Market.SPOT)

    book = decode_depth_snapshot((folder / "depth_response.json").read_bytes(), name, NOW)

    assert (book.last_seq, len(book.rows)) == (1027024, 2)
    server_time = decode_server_time((folder / "server_time_response.json").read_bytes())
    assert server_time == 1_499_827_319_559_000_000
    # Its only symbol has no filters, so nothing says in which steps it trades.
    info = (folder / "exchange_info_response.json").read_bytes()
    assert decode_exchange_info(info, Market.SPOT) == ()


def routes() -> dict[str, Any]:
    zstandard = pytest.importorskip("zstandard")
    raw = (PAYLOADS / "gocryptotrader" / "binance_http.json.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw)) as reader:
        found: dict[str, Any] = json.loads(reader.read())["routes"]
    return found


def bodies(table: dict[str, Any], path: str, verb: str) -> list[bytes]:
    """The recorded answers of one route; those without a body are of no use."""
    recorded = table[path][verb]
    return [json.dumps(r["data"]).encode() for r in recorded if r["data"] is not None]


def test_collected_answers_of_our_endpoints() -> None:
    table = routes()
    counts = Counter(
        {
            (path, verb): sum(
                len(decode_answer(200, {}, body, asked(request)))
                for body in bodies(table, path, verb)
            )
            for path, verb, request in (
                ("/api/v3/account", "GET", Request.QUERY_ACCOUNT),
                ("/api/v3/openOrders", "GET", Request.QUERY_OPEN_ORDERS),
                ("/api/v3/order", "GET", Request.QUERY_ORDER),
                ("/api/v3/order", "DELETE", Request.CANCEL),
            )
        }
    )

    assert list(counts.values()) == [1, 3, 1, 2]
    (key,) = bodies(table, "/api/v3/userDataStream", "POST")
    assert decode_listen_key(key).startswith("LOLO")


def test_collected_books_and_rules() -> None:
    table = routes()
    found: dict[str, tuple[Instrument, ...]] = {}
    for prefix, market in (("/api/v3", Market.SPOT), ("/fapi/v1", Market.USDM)):
        for body in bodies(table, f"{prefix}/depth", "GET"):
            book = decode_depth_snapshot(body, instrument_id("BTCUSDT", market), NOW)
            assert len(book.rows) > 0
        (info,) = bodies(table, f"{prefix}/exchangeInfo", "GET")
        found[prefix] = decode_exchange_info(info, market)

    for instruments in found.values():
        assert instruments
        for i in instruments:
            assert i.price_increment > 0
            assert i.size_increment > 0


def test_collected_frames() -> None:
    lines = (PAYLOADS / "gocryptotrader" / "binance_wsHandleData.jsonl").read_bytes().splitlines()

    frames = [decode_frame(line, Market.SPOT, NOW) for line in lines]

    assert [type(f) for f in frames] == [
        Unknown,
        Control,
        Decoded,
        Decoded,
        Control,
        Control,
        Decoded,
        Decoded,
    ]
    assert [f.kind for f in frames] == [
        "24hrTicker",
        "kline_open",
        "trade",
        "depthUpdate",
        "balanceUpdate",
        "listStatus",
        "executionReport:NEW",
        "outboundAccountPosition",
    ]
