"""How a run's specification and its venue's adapter become a feed's configuration."""

import pytest

from actors.config import RunConfig, StrategyConfig
from actors.feed import feed_config
from messages.base import InstrumentId, StrategyId
from messages.market import Product
from messages.risk import RiskLimits
from trading.feed_state import FeedConfig
from venues.registry import adapter


def config_of(venue: str, product: Product) -> FeedConfig:
    one = InstrumentId(f"X.{venue}")
    run = RunConfig(
        run_id="r",
        folder="/nowhere",
        account=f"{venue}/main",
        account_lock="/nowhere/lock",
        rest_url="http://127.0.0.1:1",
        ws_url="ws://127.0.0.1:1",
        instruments=(),
        limits=RiskLimits(instruments=()),
        strategies=(
            StrategyConfig(strategy_id=StrategyId("A"), source="grid", instruments=(one,)),
        ),
        bar_intervals_ns=(),
        stale_book_ns=5,
        reconcile_ns=1,
        grace_ns=1,
    )
    return feed_config(run, adapter(venue, product), 1)


@pytest.mark.parametrize(
    ("venue", "product", "routes"),
    [
        ("BINANCE", Product.SPOT, ("", "", "")),
        ("BINANCE", Product.LINEAR, ("public", "market", "public")),
        ("OKX", Product.SPOT, ("", "", "")),
        ("BYBIT", Product.LINEAR, ("", "", "")),
        ("COINBASE", Product.SPOT, ("", "", "")),
    ],
)
def test_each_stream_is_known_by_the_connection_that_brings_it(
    venue: str, product: Product, routes: tuple[str, ...]
) -> None:
    found = config_of(venue, product)

    assert found.routes == tuple(zip(("book", "trades", "quotes"), routes, strict=True))
    assert {s for _, _, s in found.wanted} == {"book", "trades", "quotes"}


def test_trades_and_quotes_are_watched_beside_books_each_with_its_own_question() -> None:
    binance, coinbase = (config_of(v, Product.SPOT) for v in ("BINANCE", "COINBASE"))

    assert dict(binance.stale_after_ns) == {"book": 5, "quotes": 10, "trades": 30}
    assert dict(binance.probes) == {"book": "book", "quotes": "book", "trades": "trades"}
    assert dict(coinbase.probes)["quotes"] == "trades"  # they come when something trades
    assert (binance.books_streamed, coinbase.books_streamed) == (False, True)
