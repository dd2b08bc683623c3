"""Stops, reduce-only, cancels and refusals, as a table of what happens -> what the venue says.

The lines are those of `venues.sim.script`; a line without `->` must stay unanswered.
"""

from sim_script import play

# --- stops ---------------------------------------------------------------------------------------


def test_stop_market_waits_for_the_trade_then_takes() -> None:
    play("""
        book 99x5 | 101x5
        trade 100 1 buy
        BUY a 2 ^103      -> a=NEW
        ask 101 0
        ask 104 9
        trade 102 1 buy
        trade 103 1 buy   -> a=NEW^ a:2@104T a=FILLED^
    """)


def test_stop_sells_when_the_trade_falls_to_it() -> None:
    play("""
        book 99x5 | 101x5
        trade 100 1 buy
        SELL a 2 ^99      -> a=NEW
        trade 99 1 sell   -> a=NEW^ a:2@99T a=FILLED^
    """)


def test_stop_limit_rests_after_its_trigger() -> None:
    play("""
        book 99x5 | 101x5
        trade 100 1 buy
        SELL a 7 ^98 @99  -> a=NEW
        trade 98 1 sell   -> a=NEW^ a:5@99T a=PARTIALLY_FILLED^
        trade 99 3 buy    -> a:2@99M a=FILLED^
    """)


def test_stop_looks_at_the_touch_while_the_tape_has_no_trades() -> None:
    play("""
        book 99x5 | 101x5
        BUY a 2 ^103      -> a=NEW
        ask 101 0
        ask 103 9         -> a=NEW^ a:2@103T a=FILLED^
    """)


def test_stop_that_would_trigger_at_once_is_refused() -> None:
    play("""
        book 99x5 | 101x5
        BUY  a 2 ^101     -> !WOULD_TRIGGER
        trade 100 1 buy
        BUY  b 2 ^100     -> !WOULD_TRIGGER
        SELL c 2 ^100     -> !WOULD_TRIGGER
        SELL d 2 ^99      -> d=NEW
        cancel d          -> d=CANCELED
    """)


def test_stop_market_that_became_too_expensive_expires() -> None:
    play(
        """
        book 99x5 | 101x5
        BUY a 2 ^103      -> a=NEW
        ask 101 0
        ask 500 9         -> a=NEW^ a=EXPIRED^
    """,
        usd="900",
    )


def test_post_only_stop_limit_that_would_take_expires_when_triggered() -> None:
    play("""
        book 99x5 | 101x5
        trade 100 1 buy
        BUY a 2 ^101 @101 post -> a=NEW
        trade 101 1 buy   -> a=NEW^ a=EXPIRED^
    """)


# --- reduce-only ---------------------------------------------------------------------------------


def test_reduce_only_without_a_position_to_reduce_is_refused() -> None:
    play("""
        book 99x5 | 101x5
        SELL a 1 @105 reduce -> !NOT_REDUCING
        BUY  b 1             -> b=NEW b:1@101T b=FILLED
        BUY  c 1 @99 reduce  -> !NOT_REDUCING
    """)


def test_reduce_only_trades_until_flat_and_expires() -> None:
    play("""
        book 99x5 | 101x5
        BUY  a 2          -> a=NEW a:2@101T a=FILLED
        SELL b 3 reduce   -> b=NEW b:2@99T b=PARTIALLY_FILLED b=EXPIRED
    """)


def test_resting_reduce_only_expires_when_another_order_closes_the_position() -> None:
    play("""
        book 99x5 | 101x5
        BUY  a 2              -> a=NEW a:2@101T a=FILLED
        SELL b 2 @110 reduce  -> b=NEW
        SELL c 2              -> c=NEW c:2@99T c=FILLED b=EXPIRED
    """)


def test_resting_reduce_only_never_turns_the_position() -> None:
    play("""
        book 99x5 | 101x5
        BUY  a 2              -> a=NEW a:2@101T a=FILLED
        SELL b 2 @110 reduce  -> b=NEW
        SELL c 2 @111 reduce  -> c=NEW
        SELL d 1              -> d=NEW d:1@99T d=FILLED
        trade 120 1 buy       -> b:1@110M b=PARTIALLY_FILLED b=EXPIRED c=EXPIRED
    """)


def test_reduce_only_stop_looks_at_the_position_when_triggered() -> None:
    play("""
        book 99x5 | 101x5
        SELL a 2 ^99 reduce   -> !WOULD_TRIGGER
        SELL b 2 ^98 reduce   -> b=NEW
        bid 99 0
        bid 98 1              -> b=NEW^ b=EXPIRED^
    """)


# --- cancel and modify ---------------------------------------------------------------------------


def test_cancel_of_unknown_or_closed_order_is_refused() -> None:
    play("""
        book 99x5 | 101x5
        cancel a          -> !UNKNOWN_ORDER
        BUY a 1           -> a=NEW a:1@101T a=FILLED
        cancel a          -> !UNKNOWN_ORDER
        BUY b 1 @99       -> b=NEW
        cancel b          -> b=CANCELED
        cancel b          -> !UNKNOWN_ORDER
        trade 90 1 sell
    """)


def test_modify_reduces_and_keeps_the_place() -> None:
    play("""
        book 99x2 | 101x5
        BUY a 5 @99       -> a=NEW
        bid 99 9
        modify a 3        -> a=NEW
        trade 99 3 sell   -> a:1@99M a=PARTIALLY_FILLED
        modify a 2        -> a=PARTIALLY_FILLED
        trade 99 3 sell   -> a:1@99M a=FILLED
    """)


def test_modify_that_does_not_reduce_is_refused() -> None:
    play("""
        book 99x1 | 101x5
        modify a 1        -> !UNKNOWN_ORDER
        BUY a 5 @99       -> a=NEW
        modify a 6        -> !AMEND_UNSUPPORTED
        modify a 5        -> !AMEND_NOTHING
        trade 99 3 sell   -> a:2@99M a=PARTIALLY_FILLED
        modify a 2        -> !AMEND_FILLED
        modify a 2.5      -> !LOT_SIZE
    """)


# --- refusals ------------------------------------------------------------------------------------


def test_order_off_the_grid_or_out_of_bounds_is_refused() -> None:
    play("""
        book 99x5 | 101x5
        BUY a 1 @99.5        -> !PRICE_INCREMENT
        BUY a 1 ^105.5       -> !PRICE_INCREMENT
        BUY a 1.5 @99        -> !LOT_SIZE
        BUY a 1001 @99       -> !LOT_SIZE
    """)


def test_order_without_the_money_is_refused() -> None:
    play(
        """
        book 99x500 | 101x500
        BUY  a 10 @100       -> !INSUFFICIENT_BALANCE
        BUY  b 5 @100        -> b=NEW
        BUY  c 5             -> !INSUFFICIENT_BALANCE
        BUY  d 4             -> d=NEW d:4@101T d=FILLED
        SELL e 1000 @110     -> e=NEW
        SELL f 5             -> !INSUFFICIENT_BALANCE
        cancel b             -> b=CANCELED
        BUY  g 5             -> g=NEW g:5@101T g=FILLED
    """,
        usd="909",
    )


def test_client_order_id_is_refused_while_open_and_accepted_again_after() -> None:
    venue = play("""
        book 99x5 | 101x5
        BUY a 1 @99       -> a=NEW
        BUY a 1 @99       -> !DUPLICATE
        cancel a          -> a=CANCELED
        BUY a 1 @98       -> a=NEW
    """)

    assert venue.ledger().duplicates == ["a", "a"]
    assert [line.order is not None for line in venue.ledger().lines] == [True, False, True]
