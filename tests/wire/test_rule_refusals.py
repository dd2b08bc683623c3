"""Which refusals say that our rules of an instrument are of yesterday."""

import pytest
from contract_world import ROWS, Row

from messages.base import ClientOrderId
from messages.market import Product
from messages.venue import Request, RequestRefused
from venues.binance.adapter import BinanceAdapter
from venues.binance.codec_errors import RULE_CODES, USDM_CODES, USDM_RULE_CODES
from venues.binance.codec_errors import Verdict as BinanceVerdict
from venues.binance.simulator_errors import refusal as binance_refusal
from venues.binance.simulator_usdm_params import refusal as usdm_refusal
from venues.bybit import codec_errors as bybit
from venues.bybit.simulator_errors import words as bybit_words
from venues.coinbase import codec_errors as coinbase
from venues.coinbase.simulator_errors import refused_order
from venues.okx import codec_errors as okx
from venues.okx.simulator_errors import words as okx_words
from venues.registry import adapter, venue_of
from venues.sim.refusals import TEXT, Refusal
from venues.wire.asked import NOT_OFFERED

SPOT, LINEAR = Product.SPOT, Product.LINEAR
OF_RULES = {Refusal.PRICE_INCREMENT, Refusal.LOT_SIZE, Refusal.MIN_NOTIONAL}
SAID = [
    ("BINANCE", SPOT, "-1013", "Filter failure: PRICE_FILTER", True),
    ("BINANCE", SPOT, "-1013", "Filter failure: LOT_SIZE", True),
    ("BINANCE", SPOT, "-1013", "Filter failure: NOTIONAL", True),
    ("BINANCE", SPOT, "-1013", "Filter failure: MIN_NOTIONAL", True),
    ("BINANCE", SPOT, "-1013", "Filter failure: PERCENT_PRICE_BY_SIDE", False),  # the market moved
    ("BINANCE", SPOT, "-1013", "Filter failure: MAX_NUM_ORDERS", False),
    ("BINANCE", SPOT, "-1013", "Filter failure: MAX_POSITION", False),
    ("BINANCE", SPOT, "-1111", "Precision is over the maximum defined for this asset.", True),
    ("BINANCE", SPOT, "-2010", "Account has insufficient balance for requested action.", False),
    ("BINANCE", SPOT, "-4014", "Price not increased by tick size.", False),  # of USD-M only
    ("BINANCE", LINEAR, "-4014", "Price not increased by tick size.", True),
    ("BINANCE", LINEAR, "-4023", "Qty not increased by step size.", True),
    ("BINANCE", LINEAR, "-4164", "Order's notional must be no smaller than 100", True),
    (
        "BINANCE",
        LINEAR,
        "-4131",
        "The best price does not meet PERCENT_PRICE",
        False,
    ),
    ("BINANCE", LINEAR, "-2019", "Margin is insufficient.", False),
    ("OKX", SPOT, "51121", "Order quantity must be a multiple of the lot size.", True),
    ("OKX", SPOT, "51020", "Your order should meet or exceed the minimum order amount.", True),
    ("OKX", SPOT, "51000", "Parameter px error", True),
    ("OKX", SPOT, "51000", "Parameter tdMode error", False),
    ("OKX", SPOT, "51006", "Order price is not within the price limit", False),
    ("OKX", SPOT, "51008", "Order failed. Insufficient account balance.", False),
    ("OKX", LINEAR, "51008_1000", "Insufficient USDT margin in account", False),
    ("OKX", LINEAR, NOT_OFFERED, "1.5 BTC: no whole number of lots of 1; not sent", True),
    ("OKX", LINEAR, NOT_OFFERED, "OKX has no SetMarginMode; not sent", False),
    ("BYBIT", SPOT, "170134", "Order price has too many decimals.", True),
    ("BYBIT", SPOT, "170137", "Order quantity has too many decimals.", True),
    ("BYBIT", SPOT, "170140", "Transaction amount lower than the minimum.", True),
    ("BYBIT", SPOT, "170131", "Insufficient balance.", False),
    ("BYBIT", LINEAR, "10001", "Qty invalid", True),
    ("BYBIT", LINEAR, "10001", "The number of contracts exceeds maximum limit allowed", True),
    ("BYBIT", LINEAR, "10001", "params error: symbol invalid", False),
    ("BYBIT", LINEAR, "REJECTED", "EC_InvalidPriceScale", True),
    ("BYBIT", LINEAR, "REJECTED", "EC_PostOnlyWillTakeLiquidity", False),
    ("BYBIT", LINEAR, "REJECTED", "", False),
    ("COINBASE", SPOT, "INVALID_PRICE_PRECISION", "too accurate", True),
    ("COINBASE", SPOT, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL", "order is too small", True),
    ("COINBASE", SPOT, "INVALID_EDITED_SIZE", "", True),
    ("COINBASE", SPOT, "INSUFFICIENT_FUND", "Insufficient balance in source account", False),
    ("COINBASE", SPOT, "401", "Unauthorized", False),
]


@pytest.mark.parametrize(("venue", "product", "code", "reason", "expected"), SAID)
def test_a_refusal_is_about_rules_where_the_venue_says_so(
    venue: str, product: Product, code: str, reason: str, expected: bool
) -> None:
    assert adapter(venue, product).about_rules(code, reason) is expected


def said(row: Row, refusal: Refusal) -> tuple[str, str] | None:
    """Code and reason of what a simulator refuses, as our codec tells them; None: never said."""
    reply = RequestRefused(
        ts_event=1,
        ts_init=1,
        request=Request.SUBMIT,
        client_order_id=ClientOrderId("o1"),
        code=refusal,
        reason=TEXT[refusal],
    )
    try:
        match venue_of(row.instrument_id):
            case "BINANCE":
                error = (usdm_refusal if row.product is LINEAR else binance_refusal)(reply)
                return str(error.code), error.text
            case "OKX":
                return okx_words(reply)
            case "BYBIT":
                code, text = bybit_words(reply, row.product)
                return str(code), text
            case _:
                told = refused_order(reply, None)["error_response"]
                code = coinbase.reason_of(told["error"], told["preview_failure_reason"])[0]
                return code, told["message"]
    except KeyError:
        return None


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_of_all_that_a_simulator_refuses_only_tick_lot_and_worth_are_about_rules(row: Row) -> None:
    ours = adapter(venue_of(row.instrument_id), row.product)

    words = {refusal: said(row, refusal) for refusal in Refusal}

    about = {refusal for refusal, told in words.items() if told and ours.about_rules(*told)}
    assert about == OF_RULES


def test_every_code_of_the_tables_is_one_that_refuses() -> None:
    binance = {str(c) for c, v in USDM_CODES.items() if v is BinanceVerdict.REFUSED}
    bybits = {str(c) for c, v in bybit.CODES.items() if v is bybit.Verdict.REFUSED}
    okxs = {c for c, v in okx.CODES.items() if v is okx.Verdict.REFUSED}
    coinbases = {c for c, v in coinbase.REASONS.items() if v is coinbase.Verdict.REFUSED}

    assert USDM_RULE_CODES.keys() <= binance
    assert {c for c in bybit.RULE_CODES if not c.startswith("EC_")} <= bybits
    assert okx.RULE_CODES.keys() - {NOT_OFFERED} <= okxs
    assert coinbase.RULE_CODES.keys() <= coinbases
    assert RULE_CODES.keys() == {"-1013", "-1111"}
    assert BinanceAdapter(SPOT).rule_codes == RULE_CODES
