"""What each venue answers to subscriptions: who was confirmed, who was refused, in its words."""

import msgspec
import pytest

from messages.base import InstrumentId
from messages.market import Product
from venues.binance.codec_names import Market
from venues.binance.session_market import BinanceMarketSession
from venues.bybit.session_market import BybitMarketSession
from venues.coinbase.session_market import CoinbaseMarketSession
from venues.okx.session_market import OkxMarketSession
from venues.wire.adapter import Channel, MarketSession, Subscription

OF = {
    "binance": ("BTCUSDT.BINANCE", "ETHUSDT.BINANCE"),
    "bybit": ("BTCUSDT-SPOT.BYBIT", "ETHUSDT-SPOT.BYBIT"),
    "okx": ("BTC-USDT.OKX", "ETH-USDT.OKX"),
    "coinbase": ("BTC-USD.COINBASE", "ETH-USD.COINBASE"),
}


def session_of(venue: str) -> MarketSession:
    made = {
        "binance": lambda: BinanceMarketSession(Market.SPOT, ""),
        "bybit": lambda: BybitMarketSession(Product.SPOT),
        "okx": lambda: OkxMarketSession(Product.SPOT, {}),
        "coinbase": CoinbaseMarketSession,
    }
    return made[venue]()


def book(venue: str, n: int = 0) -> Subscription:
    return Subscription(InstrumentId(OF[venue][n]), Channel.BOOK)


# What confirms the first book and not the second; each venue's own form of an answer.
YES = {
    "binance": [{"result": None, "id": 1}],
    "bybit": [{"success": True, "ret_msg": "", "op": "subscribe", "req_id": "1", "conn_id": "c"}],
    "okx": [{"event": "subscribe", "arg": {"channel": "books", "instId": "BTC-USDT"}}],
    "coinbase": [
        {
            "channel": "subscriptions",
            "timestamp": "2026-09-01T00:00:00Z",
            "sequence_num": 0,
            "events": [{"subscriptions": {"level2": ["BTC-USD"]}}],
        }
    ],
}
NO = {
    "binance": ({"code": 2, "msg": "Invalid request", "id": 1}, "Invalid request"),
    "bybit": (
        {"success": False, "ret_msg": "error:handler not found", "op": "subscribe", "req_id": "1"},
        "handler not found",
    ),
    "okx": (
        {
            "event": "error",
            "code": "60018",
            "msg": "Wrong URL or channel:books,instId:BTC-USDT doesn't exist.",
        },
        "60018",
    ),
    "coinbase": ({"type": "error", "message": "BTC-USD is not a valid product"}, "not a valid"),
}


@pytest.mark.parametrize("venue", OF)
def test_a_confirmation_is_of_the_streams_that_it_answers_and_no_others(venue: str) -> None:
    session = session_of(venue)
    session.subscribe([book(venue)])
    session.subscribe([book(venue, 1)])
    before = session.pending.settled()

    for frame in YES[venue]:
        session.heard(msgspec.json.encode(frame), 1)

    (settled,) = session.pending.settled()
    assert before == ()
    assert (settled.subscription, settled.refused) == (book(venue), "")
    assert session.pending.settled() == ()


@pytest.mark.parametrize("venue", OF)
def test_a_refusal_is_of_its_streams_in_the_venues_words(venue: str) -> None:
    session = session_of(venue)
    session.subscribe([book(venue)])
    session.subscribe([book(venue, 1)])
    frame, words = NO[venue]

    session.heard(msgspec.json.encode(frame), 1)

    (settled,) = session.pending.settled()
    assert settled.subscription == book(venue)
    assert words in settled.refused


@pytest.mark.parametrize("venue", OF)
def test_what_was_left_meanwhile_is_not_confirmed(venue: str) -> None:
    session = session_of(venue)
    session.subscribe([book(venue)])
    session.unsubscribe([book(venue)])

    for frame in YES[venue]:
        session.heard(msgspec.json.encode(frame), 1)

    assert session.pending.settled() == ()


def test_a_stream_of_two_channels_is_confirmed_by_both() -> None:
    session = OkxMarketSession(Product.LINEAR, {})
    funding = Subscription(InstrumentId("BTC-USDT-SWAP.OKX"), Channel.FUNDING)
    session.subscribe([funding])

    def confirm(channel: str) -> int:
        arg = {"channel": channel, "instId": "BTC-USDT-SWAP"}
        session.heard(msgspec.json.encode({"event": "subscribe", "arg": arg}), 1)
        return len(session.pending.settled())

    assert (confirm("funding-rate"), confirm("mark-price")) == (0, 1)
