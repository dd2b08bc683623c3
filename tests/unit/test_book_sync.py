"""Every cell of the synchronisation: state x what comes."""

import numpy as np

from messages.arrays import DELTA
from messages.base import InstrumentId
from messages.market import BookDeltaBatch
from trading.book_sync import BookSync, Outcome, SyncState


def diff(first: int, last: int, prev: int = -1, snapshot: bool = False) -> BookDeltaBatch:
    return BookDeltaBatch(
        ts_event=1,
        ts_init=1,
        instrument_id=InstrumentId("BTCUSDT.BINANCE"),
        first_seq=first,
        last_seq=last,
        prev_seq=prev,
        snapshot=snapshot,
        rows=np.zeros(0, DELTA),
    )


def whole(last: int) -> BookDeltaBatch:
    return diff(last, last, snapshot=True)


def in_step(last: int = 10) -> BookSync:
    sync = BookSync()
    sync.offer(whole(last))
    return sync


def test_the_first_diff_asks_for_a_snapshot_once() -> None:
    sync = BookSync()

    assert sync.offer(diff(1, 5)).request == "start"
    assert sync.offer(diff(6, 7)).request is None
    assert sync.state is SyncState.BUFFERING


def test_a_snapshot_drops_what_it_covers_and_releases_the_rest() -> None:
    sync = BookSync()
    for waiting in (diff(1, 5), diff(6, 9), diff(10, 12), diff(13, 13)):
        sync.offer(waiting)

    synced = sync.offer(whole(9))

    assert [b.last_seq for b in synced.ready] == [9, 12, 13]
    assert (sync.state, sync.last_seq) == (SyncState.SYNCHRONIZED, 13)


def test_the_first_kept_diff_may_overlap_the_snapshot() -> None:
    sync = BookSync()
    sync.offer(diff(6, 12))

    assert [b.last_seq for b in sync.offer(whole(9)).ready] == [9, 12]


def test_a_snapshot_older_than_the_buffer_is_not_used() -> None:
    sync = BookSync()
    sync.offer(diff(20, 25))

    synced = sync.offer(whole(10))

    assert (synced.outcome, synced.ready, synced.request) == (Outcome.GAP, (), "gap")
    assert [b.last_seq for b in sync.offer(whole(22)).ready] == [22, 25]


def test_a_snapshot_without_diffs_is_a_book() -> None:
    sync = in_step(10)

    assert sync.state is SyncState.SYNCHRONIZED
    assert sync.offer(diff(8, 12)).outcome is Outcome.APPLIED


def test_only_the_first_diff_may_overlap() -> None:
    sync = in_step(10)
    sync.offer(diff(8, 12))

    assert sync.offer(diff(11, 14)).outcome is Outcome.GAP


def test_diffs_in_step_are_applied() -> None:
    sync = in_step(10)

    outcomes = [sync.offer(d).outcome for d in (diff(11, 12), diff(13, 13), diff(14, 20))]

    assert outcomes == [Outcome.APPLIED] * 3


def test_a_repeated_diff_is_dropped() -> None:
    sync = in_step(10)
    sync.offer(diff(11, 12))

    assert sync.offer(diff(11, 12)).outcome is Outcome.DUPLICATE
    assert sync.offer(diff(13, 14)).outcome is Outcome.APPLIED


def test_a_dropped_diff_is_a_gap_and_heals_with_a_snapshot() -> None:
    sync = in_step(10)

    lost = sync.offer(diff(13, 14))
    sync.offer(diff(15, 16))
    healed = sync.offer(whole(14))

    assert (lost.outcome, lost.request) == (Outcome.GAP, "gap")
    assert [b.last_seq for b in healed.ready] == [14, 16]


def test_swapped_diffs_are_a_gap() -> None:
    sync = in_step(10)

    assert sync.offer(diff(13, 14)).outcome is Outcome.GAP
    assert sync.offer(diff(11, 12)).outcome is Outcome.DUPLICATE
    assert sync.offer(whole(14)).outcome is Outcome.APPLIED


def test_a_gap_while_waiting_forgets_what_came_before_it() -> None:
    sync = BookSync()
    sync.offer(diff(1, 5))

    assert sync.offer(diff(8, 9)).outcome is Outcome.GAP
    assert sync.offer(whole(6)).outcome is Outcome.GAP
    assert [b.last_seq for b in sync.offer(whole(8)).ready] == [8, 9]


def test_a_full_buffer_starts_again_and_says_so() -> None:
    sync = BookSync(buffer_max=3)
    for n in range(3):
        sync.offer(diff(n, n))

    synced = sync.offer(diff(3, 3))

    assert (synced.outcome, synced.request) == (Outcome.OVERFLOW, "overflow")
    assert [b.last_seq for b in sync.offer(whole(2)).ready] == [2, 3]


def test_an_old_snapshot_does_not_turn_back_a_book_in_step() -> None:
    sync = in_step(10)
    sync.offer(diff(11, 20))

    assert sync.offer(whole(15)).outcome is Outcome.DUPLICATE
    assert sync.last_seq == 20


def test_a_newer_snapshot_replaces_a_book_in_step() -> None:
    sync = in_step(10)

    assert sync.offer(whole(30)).outcome is Outcome.APPLIED
    assert sync.offer(diff(29, 33)).outcome is Outcome.APPLIED


def test_a_lost_book_asks_again() -> None:
    sync = in_step(10)

    sync.lose()

    assert sync.offer(diff(11, 12)).request == "start"


def test_prev_seq_rules_where_the_venue_gives_it() -> None:
    sync = BookSync()
    sync.offer(diff(100, 110, prev=90))
    sync.offer(diff(150, 160, prev=110))

    synced = sync.offer(whole(110))

    assert [b.last_seq for b in synced.ready] == [110, 160]
    assert sync.offer(diff(200, 210, prev=160)).outcome is Outcome.APPLIED
    assert sync.offer(diff(300, 310, prev=250)).outcome is Outcome.GAP


def test_a_diff_that_ends_before_a_usdm_snapshot_is_dropped() -> None:
    sync = BookSync()
    sync.offer(diff(100, 110, prev=90))

    assert [b.last_seq for b in sync.offer(whole(115)).ready] == [115]
    assert sync.offer(diff(112, 120, prev=110)).outcome is Outcome.APPLIED
