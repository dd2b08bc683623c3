"""Every order type and fill rule against outcomes worked out by hand."""

from typing import Any, Final

import pytest
from bar_stage import MINUTE, MONEY, START, ask, bars, ends, fills, play

from trading.result import (
    DONE_CANCELED,
    DONE_EXPIRED,
    DONE_FILLED,
    DONE_REFUSED,
    REASON_ASKED,
    REASON_FOK,
    REASON_GTD,
    REASON_IOC,
    REASON_LINKED,
    REASON_MARGIN,
    REASON_NONE,
    REASON_NOTIONAL,
    REASON_POST_ONLY,
    REASON_PROTECTION,
    REASON_REDUCE_ONLY,
    REASON_SELF_TRADE,
    WORKING_AT_END,
)
from trading.strategy_records import (
    AMEND,
    BUY,
    CANCEL,
    FOK,
    GTD,
    IOC,
    LIMIT,
    MARKET,
    SELL,
    STOP_LIMIT,
    STOP_MARKET,
    TAKE_PROFIT,
    TRAILING_STOP,
)

FILLED: Final = (DONE_FILLED, REASON_NONE)
WORKS: Final = (WORKING_AT_END, REASON_NONE)
FLAT: Final = (100, 100, 100, 100)
# opens at 101, dips to 98.5, rises to 104, closes at 103: the low is nearer to the open
WIDE: Final = (101, 104, 98.5, 103)
# opens at 102, rises to 104, dips to 98, closes at 99: the high is nearer
FALL: Final = (102, 104, 98, 99)

SINGLE: Final[dict[str, tuple[Any, Any, Any, Any]]] = {
    # name: (bars, requests, fills, ends)
    "market fills at the next open": (
        [FLAT, WIDE], [ask(0)], [(1, BUY, 101.0, 1.0)], [FILLED],
    ),
    "market on the last bar keeps working": ([FLAT], [ask(0)], [], [WORKS]),
    "limit in reach fills at its price": (
        [FLAT, WIDE], [ask(0, kind=LIMIT, price=99.5)], [(1, BUY, 99.5, 1.0)], [FILLED],
    ),
    "limit out of reach works on": (
        [FLAT, WIDE], [ask(0, kind=LIMIT, price=97.99)], [], [WORKS],
    ),
    "limit better than the open takes at the open": (
        [FLAT, WIDE], [ask(0, kind=LIMIT, price=102.0)], [(1, BUY, 101.0, 1.0)], [FILLED],
    ),
    "limit that a gap jumps over fills at its own price": (
        [FLAT, FLAT, (97, 98, 96, 97)], [ask(0, kind=LIMIT, price=99.0)],
        [(2, BUY, 99.0, 1.0)], [FILLED],
    ),
    "post-only that would take is refused": (
        [FLAT, WIDE], [ask(0, kind=LIMIT, price=101.0, post_only=1)], [],
        [(DONE_REFUSED, REASON_POST_ONLY)],
    ),
    "post-only that rests fills as maker": (
        [FLAT, WIDE], [ask(0, kind=LIMIT, price=100.0, post_only=1)],
        [(1, BUY, 100.0, 1.0)], [FILLED],
    ),
    "ioc beyond the open ends": (
        [FLAT, WIDE], [ask(0, kind=LIMIT, price=100.0, tif=IOC)], [],
        [(DONE_CANCELED, REASON_IOC)],
    ),
    "ioc at the open fills": (
        [FLAT, WIDE], [ask(0, kind=LIMIT, price=101.0, tif=IOC)], [(1, BUY, 101.0, 1.0)], [FILLED],
    ),
    "fok beyond the open ends": (
        [FLAT, WIDE], [ask(0, kind=LIMIT, price=100.0, tif=FOK)], [],
        [(DONE_CANCELED, REASON_FOK)],
    ),
    "gtd ends with its time": (
        [FLAT, FLAT, (98, 99, 97, 98)],
        [ask(0, kind=LIMIT, price=99.0, tif=GTD, expires=START + 2 * MINUTE)], [],
        [(DONE_EXPIRED, REASON_GTD)],
    ),
    "gtd fills before its time": (
        [FLAT, (100, 100, 98, 99)],
        [ask(0, kind=LIMIT, price=99.0, tif=GTD, expires=START + 2 * MINUTE)],
        [(1, BUY, 99.0, 1.0)], [FILLED],
    ),
    "stop fills at its trigger": (
        [FLAT, WIDE], [ask(0, kind=STOP_MARKET, trigger=103.0)], [(1, BUY, 103.0, 1.0)], [FILLED],
    ),
    "stop behind a gap fills at the open": (
        [FLAT, (105, 106, 104, 105)], [ask(0, kind=STOP_MARKET, trigger=103.0)],
        [(1, BUY, 105.0, 1.0)], [FILLED],
    ),
    "stop out of reach works on": (
        [FLAT, WIDE], [ask(0, kind=STOP_MARKET, trigger=104.01)], [], [WORKS],
    ),
    "stop-limit fills at its trigger when the limit allows": (
        [FLAT, WIDE], [ask(0, kind=STOP_LIMIT, trigger=103.0, price=103.5)],
        [(1, BUY, 103.0, 1.0)], [FILLED],
    ),
    "stop-limit that is not reached again rests": (
        [FLAT, WIDE, FLAT], [ask(0, kind=STOP_LIMIT, trigger=103.0, price=102.0)],
        [(2, BUY, 102.0, 1.0)], [FILLED],
    ),
    "stop-limit behind a gap rests at its limit": (
        [FLAT, (105, 106, 104, 105), (104, 105, 103, 104)],
        [ask(0, kind=STOP_LIMIT, trigger=103.0, price=103.5)], [(2, BUY, 103.5, 1.0)], [FILLED],
    ),
    "take-profit to buy fills when the price falls to it": (
        [FLAT, WIDE], [ask(0, kind=TAKE_PROFIT, trigger=98.5)], [(1, BUY, 98.5, 1.0)], [FILLED],
    ),
    "reduce-only on a flat account ends": (
        [FLAT, WIDE], [ask(0, reduce_only=1)], [], [(DONE_CANCELED, REASON_REDUCE_ONLY)],
    ),
    "quantity is cut to lots": (
        [FLAT, WIDE], [ask(0, quantity=1.2349)], [(1, BUY, 101.0, 1.234)], [FILLED],
    ),
    "less than a lot is no order": ([FLAT, WIDE], [ask(0, quantity=0.0009)], [], []),
    "limit price goes to the tick that is no worse": (
        [FLAT, WIDE], [ask(0, kind=LIMIT, price=99.999)], [(1, BUY, 99.99, 1.0)], [FILLED],
    ),
    "too little cash is refused": (
        [FLAT, WIDE], [ask(0, quantity=100.0)], [], [(DONE_REFUSED, REASON_MARGIN)],
    ),
    "a cash account sells nothing that it does not hold": (
        [FLAT, WIDE], [ask(0, SELL)], [], [(DONE_REFUSED, REASON_MARGIN)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_one_order_by_hand(name: str) -> None:
    rows, script, expected, ended = SINGLE[name]

    result = play(bars(*rows), *script)

    assert fills(result) == expected
    assert ends(result) == ended


def test_a_canceled_order_never_fills() -> None:
    script = ask(0, kind=LIMIT, price=99.0), ask(1, action=CANCEL, target=0)

    result = play(bars(FLAT, FLAT, WIDE), *script)

    assert fills(result) == []
    assert ends(result) == [(DONE_CANCELED, REASON_ASKED)]


def test_an_amended_order_fills_at_its_new_price_and_size() -> None:
    script = (
        ask(0, kind=LIMIT, price=90.0),
        ask(1, action=AMEND, target=0, quantity=2.0, price=99.0),
    )

    result = play(bars(FLAT, FLAT, WIDE), *script)

    assert fills(result) == [(2, BUY, 99.0, 2.0)]


def test_an_order_amended_below_what_it_has_filled_ends() -> None:
    script = (
        ask(0, quantity=10.0, kind=LIMIT, price=99.0),
        ask(1, action=AMEND, target=0, quantity=1.0),
    )
    rows = bars(FLAT, (100, 100, 98, 99, 20.0), WIDE)

    result = play(rows, *script, volume_share=0.1)

    assert fills(result) == [(1, BUY, 99.0, 2.0)]
    assert ends(result) == [(DONE_CANCELED, REASON_ASKED)]


def test_a_reduce_only_order_never_opens() -> None:
    script = ask(0), ask(1, SELL, 3.0, reduce_only=1)

    result = play(bars(FLAT, FLAT, WIDE), *script, account="margin", leverage=5)

    assert fills(result) == [(1, BUY, 100.0, 1.0), (2, SELL, 101.0, 1.0)]
    assert result.fills["position"][-1] == 0


@pytest.mark.parametrize(
    ("path", "first"),
    [("high_first", SELL), ("low_first", BUY), ("nearest", SELL), ("adverse", SELL)],
)
def test_the_path_rule_decides_which_extreme_comes_first(path: str, first: int) -> None:
    script = (
        ask(0, kind=LIMIT, price=99.0),
        ask(0, SELL, kind=LIMIT, price=103.0),
    )

    result = play(bars(FLAT, FALL), *script, path=path, account="margin", leverage=3)

    assert fills(result)[0][1] == first
    assert len(result.fills) == 2


def test_a_stop_is_not_filled_by_a_price_before_its_trigger() -> None:
    # Low first: 98.5 comes before 104, and after the entry at 103.5 only the close at 103.
    script = (
        ask(0, kind=STOP_MARKET, trigger=103.5),
        ask(0, SELL, kind=STOP_MARKET, trigger=99.0, parent=0, reduce_only=1),
    )

    result = play(bars(FLAT, WIDE), *script, path="low_first")

    assert fills(result) == [(1, BUY, 103.5, 1.0)]
    assert ends(result) == [FILLED, WORKS]


BRACKET: Final = (
    ask(0, group=0),
    ask(0, SELL, kind=STOP_MARKET, trigger=98.0, parent=0, group=1, reduce_only=1),
    ask(0, SELL, kind=LIMIT, price=104.0, parent=0, group=1, reduce_only=1),
)


@pytest.mark.parametrize(
    ("path", "exit_price"), [("adverse", 98.0), ("high_first", 104.0), ("low_first", 98.0)]
)
def test_a_bracket_ends_with_the_leg_that_the_path_meets_first(
    path: str, exit_price: float
) -> None:
    result = play(bars(FLAT, FALL), *BRACKET, path=path)

    assert fills(result) == [(1, BUY, 102.0, 1.0), (1, SELL, exit_price, 1.0)]
    assert sorted(ends(result)) == sorted([FILLED, FILLED, (DONE_CANCELED, REASON_LINKED)])
    assert result.fills["position"][-1] == 0


def test_a_bracket_whose_entry_is_refused_ends_as_a_whole() -> None:
    entry = ask(0, quantity=1000.0)

    result = play(bars(FLAT, FALL), entry, *BRACKET[1:])

    assert ends(result) == [
        (DONE_REFUSED, REASON_MARGIN),
        (DONE_CANCELED, REASON_LINKED),
        (DONE_CANCELED, REASON_LINKED),
    ]


def test_a_bracket_protects_what_its_entry_has_filled_and_no_more() -> None:
    entry = ask(0, quantity=10.0)
    stop = ask(0, SELL, 10.0, kind=STOP_MARKET, trigger=98.0, parent=0, group=1, reduce_only=1)
    rows = bars(FLAT, (100, 101, 100, 100, 40.0), (100, 100, 97, 97, 0.0), (97, 97, 97, 97, 400.0))

    result = play(rows, entry, stop, volume_share=0.1)

    assert fills(result)[0] == (1, BUY, 100.0, 4.0)
    assert [f for f in fills(result) if f[1] == SELL] == [(3, SELL, 97.0, 10.0)]


def test_one_cancels_the_other() -> None:
    script = (
        ask(0, quantity=2.0),
        ask(1, SELL, 2.0, kind=LIMIT, price=103.0, group=1),
        ask(1, SELL, 2.0, kind=STOP_MARKET, trigger=97.0, group=1),
    )

    result = play(bars(FLAT, FLAT, WIDE, (97, 97, 96, 96)), *script)

    assert fills(result) == [(1, BUY, 100.0, 2.0), (2, SELL, 103.0, 2.0)]
    assert ends(result)[2] == (DONE_CANCELED, REASON_LINKED)


def test_canceling_one_of_a_group_cancels_the_other() -> None:
    script = (
        ask(0, kind=LIMIT, price=90.0, group=1),
        ask(0, kind=STOP_MARKET, trigger=110.0, group=1),
        ask(1, action=CANCEL, target=1),
    )

    result = play(bars(FLAT, FLAT, FLAT), *script)

    assert ends(result) == [(DONE_CANCELED, REASON_LINKED), (DONE_CANCELED, REASON_ASKED)]


def test_a_trailing_stop_follows_and_never_gives_way() -> None:
    script = ask(0), ask(1, SELL, kind=TRAILING_STOP, trail=2.0, reduce_only=1)
    rows = bars(FLAT, FLAT, (100, 105, 100, 105), (105, 106, 104.5, 104.5), (104, 104, 103, 103))

    result = play(rows, *script)

    # best 106, so the stop stands at 104 and the open at 104 triggers it
    assert fills(result)[1] == (4, SELL, 104.0, 1.0)


def test_a_trailing_stop_is_hit_on_the_way_down_in_its_own_bar() -> None:
    script = ask(0), ask(1, SELL, kind=TRAILING_STOP, trail=2.0, reduce_only=1)

    result = play(bars(FLAT, FLAT, (100, 105, 99, 100)), *script, path="high_first")

    assert fills(result)[1] == (2, SELL, 103.0, 1.0)


def test_an_order_that_would_meet_an_own_one_is_refused() -> None:
    script = ask(0, kind=LIMIT, price=99.0), ask(1, SELL, kind=LIMIT, price=99.0)

    result = play(bars(FLAT, FLAT, FLAT), *script, account="margin", leverage=2)

    assert ends(result) == [WORKS, (DONE_REFUSED, REASON_SELF_TRADE)]


def test_volume_share_fills_an_order_over_several_bars() -> None:
    rows = bars(FLAT, (100, 101, 99, 100, 30.0), (101, 102, 100, 101, 50.0), FLAT)

    result = play(rows, ask(0, quantity=10.0), volume_share=0.1)

    assert fills(result) == [(1, BUY, 100.0, 3.0), (2, BUY, 101.0, 5.0), (3, BUY, 100.0, 2.0)]
    assert ends(result) == [FILLED]


def test_ioc_keeps_what_the_volume_gave_and_fok_wants_all() -> None:
    rows = bars(FLAT, (100, 101, 99, 100, 30.0))
    script = ask(0, quantity=10.0, tif=FOK), ask(0, quantity=10.0, tif=IOC)

    result = play(rows, *script, volume_share=0.1)

    assert fills(result) == [(1, BUY, 100.0, 3.0)]
    assert ends(result) == [(DONE_CANCELED, REASON_FOK), (DONE_CANCELED, REASON_IOC)]


def test_slippage_is_against_us_and_on_a_tick() -> None:
    script = ask(0), ask(1, SELL)

    result = play(bars(FLAT, WIDE, WIDE), *script, slippage=0.001)

    assert [price for _, _, price, _ in fills(result)] == [101.11, 100.89]


def test_a_limit_order_never_pays_more_than_its_price_for_slippage() -> None:
    result = play(bars(FLAT, WIDE), ask(0, kind=LIMIT, price=101.02), slippage=0.001)

    assert fills(result) == [(1, BUY, 101.02, 1.0)]


def test_volume_share_slippage_grows_with_the_square_of_our_share() -> None:
    rows = bars(FLAT, (100, 101, 99, 100, 10.0))

    result = play(rows, ask(0, quantity=5.0), impact=0.1)

    assert fills(result) == [(1, BUY, 102.5, 5.0)]  # 100 * (1 + 0.1 * 0.5^2)


def test_a_limit_order_through_needs_a_tick_beyond() -> None:
    order = ask(0, kind=LIMIT, price=98.5)

    touched = play(bars(FLAT, WIDE), order, limit_fill="through")
    passed = play(bars(FLAT, (101, 104, 98.49, 103)), order, limit_fill="through")
    order = ask(0, kind=LIMIT, price=98.52)  # in doubles, 98.52 - 98.51 is not quite 0.01
    jumped = play(bars(FLAT, FLAT, (98.51,) * 4), order, limit_fill="through")

    assert fills(touched) == []
    assert fills(passed) == [(1, BUY, 98.5, 1.0)]
    assert fills(jumped) == [(2, BUY, 98.52, 1.0)]
    assert jumped.fills["ts"][0] == START + 2 * MINUTE


def test_price_protection_refuses_a_fill_far_from_the_decision() -> None:
    result = play(bars(FLAT, (105, 106, 104, 105)), ask(0), protection=0.02)

    assert ends(result) == [(DONE_REFUSED, REASON_PROTECTION)]


def test_the_close_model_fills_on_the_deciding_bar() -> None:
    script = ask(0), ask(1, kind=LIMIT, price=104.0), ask(1, kind=LIMIT, price=99.0)

    result = play(bars(FLAT, WIDE, WIDE), *script, fill="close")

    assert fills(result) == [(0, BUY, 100.0, 1.0), (1, BUY, 103.0, 1.0), (2, BUY, 99.0, 1.0)]


def test_a_notional_below_the_smallest_is_refused() -> None:
    rules = (MONEY.model_copy(update={"min_notional": 50.0}),)

    result = play(bars(FLAT, WIDE), ask(0, quantity=0.4), instruments=rules)

    assert ends(result) == [(DONE_REFUSED, REASON_NOTIONAL)]


def test_market_is_the_type_of_a_plain_request() -> None:
    assert play(bars(FLAT, WIDE), ask(0)).orders["type"][0] == MARKET
