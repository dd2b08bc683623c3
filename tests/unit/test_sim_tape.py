"""Generated tapes are reproducible, consistent markets."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import islice, pairwise

import numpy as np
import pytest

from messages import encode
from messages.base import NS_PER_S
from messages.market import BookDeltaBatch, QuoteBatch, TradeBatch
from trading.samples import BTCUSDT
from venues.sim.script import command
from venues.sim.tape import DEFAULT_SPECS, START_NS, TapeItem, generate
from venues.sim.venue import SimVenue, SimVenueConfig


def digest(tape: Iterable[TapeItem]) -> str:
    h = hashlib.sha256()
    for ts_ns, message in tape:
        h.update(ts_ns.to_bytes(8, "big") + encode(message))
    return h.hexdigest()


def test_same_seed_gives_the_same_tape_and_another_seed_another() -> None:
    first, again, other = (digest(generate(seed, duration_s=5.0)) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_instruments_do_not_disturb_each_other() -> None:
    both = [m for m in generate(3, duration_s=3.0) if _is_btc(m)]
    alone = list(generate(3, DEFAULT_SPECS[:1], duration_s=3.0))

    assert digest(both) == digest(alone)


def test_time_never_goes_back_and_stops_at_the_end() -> None:
    times = [ts_ns for ts_ns, _ in generate(4, duration_s=5.0)]

    assert all(a <= b for a, b in pairwise(times))
    assert times[0] == START_NS
    assert times[-1] < START_NS + 5 * NS_PER_S


def test_endless_tape_goes_on() -> None:
    assert len(list(islice(generate(5), 3000))) == 3000


def test_event_rate_is_as_configured() -> None:
    spec = replace(DEFAULT_SPECS[0], events_per_s=200.0)

    batches = sum(isinstance(m, BookDeltaBatch) for _, m in generate(6, (spec,), 10.0))

    assert batches == pytest.approx(2000, rel=0.1)


@pytest.mark.parametrize("seed", [7, 8])
def test_books_trades_and_quotes_agree(seed: int) -> None:
    books: dict[str, dict[int, dict[float, float]]] = {}
    counts: Counter[str] = Counter()
    last_seq: dict[str, int] = {}
    for _, message in generate(seed, duration_s=20.0):
        assert isinstance(message, BookDeltaBatch | TradeBatch | QuoteBatch)
        name = message.instrument_id
        assert message.sequence == counts[message.kind + name]
        counts[message.kind + name] += 1
        if isinstance(message, BookDeltaBatch):
            book = books.setdefault(name, {1: {}, -1: {}})
            if not message.snapshot:
                assert message.prev_seq == last_seq[name] == message.first_seq - 1
            last_seq[name] = message.last_seq
            for _, _, side, price, size in message.rows.tolist():
                book[side][price] = size
                if not size:
                    del book[side][price]
            assert max(book[1]) < min(book[-1])
            assert 30 <= len(book[1]) <= 50
        elif isinstance(message, TradeBatch):
            for _, _, price, size, aggressor, _ in message.rows.tolist():
                assert size <= books[name][-aggressor][price] + 1e-12
        else:
            row = message.rows[0]
            book = books[name]
            assert (row["bid_price"], row["ask_price"]) == (max(book[1]), min(book[-1]))
            assert (row["bid_size"], row["ask_size"]) == (
                book[1][row["bid_price"]],
                book[-1][row["ask_price"]],
            )
    assert len(counts) == 6


def test_volatility_clusters_and_sizes_have_heavy_tails() -> None:
    mids, sizes = [], []
    for _, message in generate(9, DEFAULT_SPECS[:1], duration_s=400.0):
        if isinstance(message, QuoteBatch):
            mids.append((message.ts_event, message.rows["bid_price"][0]))
        elif isinstance(message, TradeBatch):
            sizes += message.rows["size"].tolist()
    seconds = np.array([ts for ts, _ in mids]) // (NS_PER_S // 4)
    _, last = np.unique(seconds[::-1], return_index=True)
    returns = np.abs(np.diff(np.log(np.array([px for _, px in mids])[::-1][last])))

    assert np.corrcoef(returns[1:], returns[:-1])[0, 1] > 0.05
    assert max(sizes) > 20 * float(np.median(sizes))


def _is_btc(item: TapeItem) -> bool:
    message = item[1]
    assert isinstance(message, BookDeltaBatch | TradeBatch | QuoteBatch)
    return message.instrument_id == BTCUSDT.instrument_id


def test_quoting_on_a_generated_tape_makes_and_takes_and_balances() -> None:
    instruments = tuple(spec.instrument for spec in DEFAULT_SPECS)
    money = {"BTC": Decimal(2), "ETH": Decimal(40), "USDT": Decimal(200_000)}
    venue = SimVenue(SimVenueConfig(instruments, money))
    for n, (ts_ns, message) in enumerate(generate(10, duration_s=30.0)):
        venue.on_market(message, ts_ns)
        if n % 20 or not isinstance(message, QuoteBatch):
            continue
        name, row = message.instrument_id, message.rows[0]
        for side, price in (("BUY", row["bid_price"]), ("SELL", row["ask_price"])):
            venue.on_command(command(f"{side} m{side}{n} 0.05 @{price:.2f}", name), ts_ns)
        venue.on_command(command(f"BUY t{n} 0.01", name), ts_ns)

    ledger = venue.ledger()
    assert ledger.problems() == ()
    assert Counter(f.liquidity_side for f in ledger.fills).keys() == {"MAKER", "TAKER"}
    assert {f.instrument_id for f in ledger.fills} == {i.instrument_id for i in instruments}
    assert ledger.duplicates == []
