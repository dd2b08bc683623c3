"""Taking, resting and queueing, as a table of what happens -> what the venue says.

The lines are those of `venues.sim.script`; a line without `->` must stay unanswered.
"""

import pytest
from sim_script import play

from venues.sim.matching import SELF_TRADE

# --- taking --------------------------------------------------------------------------------------


def test_market_order_takes_levels_in_price_order() -> None:
    play("""
        book 98x9 99x5 | 101x5 102x5
        BUY  a 7   -> a=NEW a:5@101T a=PARTIALLY_FILLED a:2@102T a=FILLED
        SELL b 6   -> b=NEW b:5@99T b=PARTIALLY_FILLED b:1@98T b=FILLED
    """)


def test_market_order_beyond_the_book_expires_with_the_rest() -> None:
    play("""
        book 99x5 | 101x5
        BUY a 7    -> a=NEW a:5@101T a=PARTIALLY_FILLED a=EXPIRED
        BUY b 1    -> b=NEW b=EXPIRED
    """)


def test_market_order_before_any_market_data_expires() -> None:
    play("""
        BUY a 1    -> a=NEW a=EXPIRED
    """)


def test_taken_lots_stay_taken_until_the_level_is_updated() -> None:
    play("""
        book 99x5 | 101x5 102x5
        BUY a 5       -> a=NEW a:5@101T a=FILLED
        BUY b 1 @101  -> b=NEW
        cancel b      -> b=CANCELED
        ask 102 5
        BUY c 1       -> c=NEW c:1@102T c=FILLED
        ask 101 5
        BUY d 1       -> d=NEW d:1@101T d=FILLED
    """)


def test_limit_order_takes_to_its_price_then_rests() -> None:
    play("""
        book 99x5 | 101x5 102x5
        BUY a 7 @101    -> a=NEW a:5@101T a=PARTIALLY_FILLED
        trade 101 1 sell -> a:1@101M a=PARTIALLY_FILLED
    """)


def test_limit_order_gets_the_better_price_of_the_book() -> None:
    play("""
        book 99x5 | 101x5
        BUY a 2 @110   -> a=NEW a:2@101T a=FILLED
        SELL b 2 @90   -> b=NEW b:2@99T b=FILLED
    """)


def test_ioc_takes_what_is_there_and_expires_with_the_rest() -> None:
    play("""
        book 99x5 | 101x5
        BUY a 7 @101 IOC  -> a=NEW a:5@101T a=PARTIALLY_FILLED a=EXPIRED
        BUY b 7 @100 IOC  -> b=NEW b=EXPIRED
    """)


def test_fok_is_all_or_nothing() -> None:
    play("""
        book 99x5 | 101x5 102x5
        BUY a 11 @102 FOK  -> a=NEW a=EXPIRED
        BUY b 10 @102 FOK  -> b=NEW b:5@101T b=PARTIALLY_FILLED b:5@102T b=FILLED
    """)


def test_post_only_that_would_take_is_refused() -> None:
    play("""
        book 99x5 | 101x5
        BUY  a 1 @101 post  -> !WOULD_TAKE
        BUY  b 1 @100 post  -> b=NEW
        SELL c 1 @100 post  -> !WOULD_TAKE
        SELL d 1 @101 post  -> d=NEW
    """)


# --- self trade ----------------------------------------------------------------------------------


def test_order_that_meets_our_own_expires_instead_of_trading() -> None:
    venue = play("""
        book 99x5 | 103x5
        SELL a 2 @101  -> a=NEW
        BUY  b 3 @102  -> b=NEW b=EXPIRED
        BUY  c 3       -> c=NEW c=EXPIRED
        BUY  d 3 @102 FOK  -> d=NEW d=EXPIRED
    """)

    assert venue.ledger().lines[1].to_json()["reason"] == SELF_TRADE


def test_order_takes_what_stands_before_our_own() -> None:
    play("""
        book 99x5 | 101x5 102x4
        SELL a 2 @102  -> a=NEW
        ask 102 9
        BUY  b 12      -> b=NEW b:5@101T b=PARTIALLY_FILLED b:4@102T b=PARTIALLY_FILLED b=EXPIRED
    """)


# --- resting: queue, trades, crosses -------------------------------------------------------------


def test_trades_consume_the_queue_ahead_first() -> None:
    play("""
        book 99x5 | 101x5
        BUY a 3 @99       -> a=NEW
        trade 99 4 sell
        trade 99 2 sell   -> a:1@99M a=PARTIALLY_FILLED
        trade 99 9 sell   -> a:2@99M a=FILLED
    """)


def test_trades_of_the_other_side_do_not_fill() -> None:
    play("""
        book 99x1 | 101x5
        BUY a 3 @99       -> a=NEW
        trade 99 9 buy
        trade 99 2 unknown -> a:1@99M a=PARTIALLY_FILLED
    """)


def test_trade_through_the_price_fills_whole() -> None:
    play("""
        book 97x9 99x50 | 101x5
        BUY a 30 @99      -> a=NEW
        trade 98 1 sell   -> a:30@99M a=FILLED
    """)


def test_own_orders_fill_by_price_then_time() -> None:
    play("""
        book 99x2 98x2 | 101x5
        BUY a 2 @98       -> a=NEW
        BUY b 2 @99       -> b=NEW
        BUY c 2 @99       -> c=NEW
        trade 99 5 sell   -> b:2@99M b=FILLED c:1@99M c=PARTIALLY_FILLED
        trade 97 1 sell   -> c:1@99M c=FILLED a:2@98M a=FILLED
    """)


def test_later_order_waits_for_the_queue_that_grew_between() -> None:
    play("""
        book 99x2 | 101x5
        BUY a 1 @99       -> a=NEW
        bid 99 6
        BUY b 1 @99       -> b=NEW
        trade 99 3 sell   -> a:1@99M a=FILLED
        trade 99 3 sell
        trade 99 2 sell   -> b:1@99M b=FILLED
    """)


def test_shrinking_explained_by_trades_is_not_counted_twice() -> None:
    play(
        """
        book 99x10 | 101x5
        BUY a 1 @99       -> a=NEW
        bid 99 20
        trade 99 4 sell
        bid 99 16
        trade 99 6 sell
        trade 99 1 sell   -> a:1@99M a=FILLED
    """,
        queue_model="prob_log",
    )


@pytest.mark.parametrize(
    ("model", "ahead"),
    [("risk_averse", 10), ("prob_log", 5), ("prob_power", 5)],
)
def test_unexplained_shrinking_moves_us_by_the_model(model: str, ahead: int) -> None:
    play(
        f"""
        book 99x10 | 101x5
        BUY a 1 @99       -> a=NEW
        bid 99 20
        bid 99 10
        trade 99 {ahead} sell
        trade 99 1 sell   -> a:1@99M a=FILLED
    """,
        queue_model=model,
    )


def test_model_never_puts_a_later_order_before_an_earlier_one() -> None:
    play(
        """
        book 99x5 | 101x5
        BUY a 1 @99       -> a=NEW
        bid 99 6
        BUY b 1 @99       -> b=NEW
        bid 99 10
        bid 99 2
        cancel a          -> a=CANCELED
        trade 99 1 sell
        trade 99 1 sell   -> b:1@99M b=FILLED
    """,
        queue_model="prob_power",
    )


def test_shrinking_below_our_place_moves_us_forward() -> None:
    play("""
        book 99x10 | 101x5
        BUY a 1 @99       -> a=NEW
        bid 99 2
        trade 99 2 sell
        trade 99 1 sell   -> a:1@99M a=FILLED
    """)


def test_removed_level_leaves_us_first() -> None:
    play("""
        book 98x1 99x10 | 101x5
        BUY a 1 @99       -> a=NEW
        bid 99 0
        bid 99 7
        trade 99 1 sell   -> a:1@99M a=FILLED
    """)


def test_book_that_crosses_us_fills_us_at_our_price_with_what_it_shows() -> None:
    play("""
        book 98x5 | 101x5
        BUY a 3 @99       -> a=NEW
        BUY b 3 @99       -> b=NEW
        ask 98 4          -> a:3@99M a=FILLED b:1@99M b=PARTIALLY_FILLED
        ask 100 4
        ask 99 9          -> b:2@99M b=FILLED
    """)


def test_cross_consumes_what_it_filled() -> None:
    play("""
        book 98x5 | 101x5
        BUY a 3 @99       -> a=NEW
        ask 99 4          -> a:3@99M a=FILLED
        BUY b 3 @99       -> b=NEW b:1@99T b=PARTIALLY_FILLED
    """)


def test_level_deeper_than_the_tape_shows_has_an_unknown_queue() -> None:
    play("""
        book 98x5 | 101x5
        BUY a 1 @97       -> a=NEW
        trade 97 9 sell
        bid 97 3
        trade 97 3 sell
        trade 97 1 sell   -> a:1@97M a=FILLED
    """)


def test_tape_that_reaches_past_our_level_without_showing_it_leaves_us_first() -> None:
    play("""
        book 98x5 | 101x5
        BUY a 1 @97       -> a=NEW
        trade 97 1 sell
        bid 96 3
        trade 97 1 sell   -> a:1@97M a=FILLED
    """)


def test_snapshot_without_our_level_clears_or_hides_it() -> None:
    play("""
        book 96x5 98x5 99x5 | 101x5
        BUY a 1 @98       -> a=NEW
        BUY b 1 @96       -> b=NEW
        book 97x5 99x5 | 101x5
        trade 98 1 sell   -> a:1@98M a=FILLED
        trade 96 5 sell
        trade 96 1 sell   -> b:1@96M b=FILLED
    """)


def test_quotes_alone_drive_the_book() -> None:
    play("""
        quote 99x5 101x5
        BUY a 2           -> a=NEW a:2@101T a=FILLED
        BUY b 1 @99       -> b=NEW
        BUY c 1 @98       -> c=NEW
        quote 100x1 101x5
        trade 99 1 sell
        quote 98x3 101x5
        trade 98 3 sell   -> b:1@99M b=FILLED
        trade 98 1 sell
        trade 98 1 sell   -> c:1@98M c=FILLED
        quote 95x1 97x5
        SELL d 1          -> d=NEW d:1@95T d=FILLED
    """)


def test_quotes_are_ignored_where_depth_is_known() -> None:
    play("""
        book 99x5 | 101x5
        quote 99x5 100x5
        BUY a 1           -> a=NEW a:1@101T a=FILLED
    """)
