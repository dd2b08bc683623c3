"""Which column of a file is which field, by the names that exchanges and tools give them.

A file without a header is known by its number of columns and by what its first rows hold.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from journal.data.kinds import KINDS, KindName

# Names as `_plain` makes them, the better ones first: a file may have several times.
_TIME: Final = (
    "tsopen",
    "opentime",
    "timeopen",
    "unix",
    "unixtimestamp",
    "unixtime",
    "timestamp",
    "ts",
    "tsevent",
    "tsms",
    "tsus",
    "tsns",
    "time",
    "transacttime",
    "tradetime",
    "eventtime",
    "timestampms",
    "timems",
    "date",
    "datetime",
    "dateutc",
    "timeutc",
    "gmttime",
    "localtime",
    "t",
    "calctime",
    "fundingtime",
)
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "open": ("open", "o", "openprice"),
    "high": ("high", "h", "max", "highprice"),
    "low": ("low", "l", "min", "lowprice"),
    "close": ("close", "c", "closeprice"),
    "volume": ("volume", "vol", "v", "basevolume", "volumebase", "baseassetvolume"),
    "quote_volume": ("quotevolume", "quoteassetvolume", "volumequote", "turnover", "qav"),
    "buy_volume": (
        "buyvolume",
        "takerbuyvolume",
        "takerbuybasevolume",
        "takerbuybaseassetvolume",
        "tbbav",
    ),
    "trades": ("trades", "count", "numberoftrades", "numtrades", "tradecount", "tradescount", "n"),
    "price": ("price", "px", "p", "tradeprice"),
    "size": ("size", "qty", "quantity", "amount", "volume", "q", "baseqty", "tradesize"),
    "maker": ("isbuyermaker", "isbuyermarketmaker", "buyermaker", "m"),
    "side": ("side", "takerside", "aggressor", "aggressorside", "type"),
    "trade_id": ("tradeid", "id", "aggtradeid", "aggid", "a", "tid"),
    "bid_price": ("bidprice", "bid", "bestbid", "bestbidprice"),
    "bid_size": ("bidsize", "bidamount", "bidqty", "bestbidqty", "bidquantity", "bidvolume"),
    "ask_price": ("askprice", "ask", "bestask", "bestaskprice"),
    "ask_size": ("asksize", "askamount", "askqty", "bestaskqty", "askquantity", "askvolume"),
    "rate": ("rate", "fundingrate", "lastfundingrate", "open"),  # "open": as freqtrade keeps it
    "mark_price": ("markprice", "mark"),
    "ts_next": ("tsnext", "nextfundingtime"),
    "ts_init": ("tsinit", "localtimestamp", "timestampofreceive", "received"),
}
_KLINES: Final = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
_AGG_TRADES: Final = (
    "agg_trade_id",
    "price",
    "quantity",
    "first_trade_id",
    "last_trade_id",
    "transact_time",
    "is_buyer_maker",
    "is_best_match",
)
_TRADES: Final = ["id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"]
_BOOK: Final = {
    "issnapshot",
    "updatetype",
    "firstupdateid",
    "lastupdateid",
}  # nothing but a book has
_OHLCV: Final = ["time", "open", "high", "low", "close", "volume"]


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file's columns are: field -> position, with "time" for the one that sorts."""

    kind: KindName
    at: Mapping[str, int]


def identify(names: Sequence[str], kind: KindName | None = None) -> Columns | None:
    """The fields that these column names say; None if they make no kind of series.

    kind  what it must be; None: whichever is complete first
    """
    plain = [_plain(n) for n in names]
    usual: tuple[KindName, ...] = ("bars", "quotes", "trades", "funding")
    for tried in (kind,) if kind else (("deltas",) if _BOOK & set(plain) else usual):
        at = _positions(plain, tried)
        if not missing(tried, at):
            return Columns(tried, at)
    return None


def missing(kind: KindName, at: Mapping[str, int]) -> list[str]:
    """The fields a file of this kind has to have and has not."""
    need = [n for n in KINDS[kind].required if not n.startswith("ts_") and n != "volume"]
    need = [n for n in need if n not in ("aggressor", "side")]
    return [n for n in ("time", *need) if n not in at] + (
        [] if kind != "deltas" or "side" in at else ["side"]
    )


def said(names: Sequence[str], kind: KindName) -> dict[str, int]:
    """Field -> position for as much of `kind` as these names say."""
    return _positions([_plain(n) for n in names], kind)


def positional(rows: Sequence[Sequence[str]]) -> list[str] | None:
    """Names for the columns of a file without a header, by its first rows; None if unknown."""
    width = len(rows[0])
    flags = sum(_is_flag(v) for v in rows[0][-2:])
    if width == 12:
        return list(_KLINES)
    if width in (7, 8) and width == 5 + flags + 1 and _is_flag(rows[0][6]):
        return list(_AGG_TRADES[:width])
    if width in (6, 7) and flags == width - 5 and _is_flag(rows[0][5]):
        return list(_TRADES[:width])
    if width in (5, 6) and not flags:
        return list(_OHLCV[:width])
    return None


def fields_of(kind: KindName) -> list[str]:
    """Fields that columns can be named for, for messages to people."""
    columns = KINDS[kind].columns
    return ["time", *(n for n in columns if not n.startswith("ts_")), "maker", "side"]


def _positions(plain: Sequence[str], kind: KindName) -> dict[str, int]:
    at: dict[str, int] = {}
    time = next((plain.index(n) for n in _TIME if n in plain), None)
    if time is not None:
        at["time"] = time
    fields = [*KINDS[kind].columns, *(("maker", "side") if kind == "trades" else ())]
    for field in fields:
        found = next((plain.index(n) for n in _NAMES.get(field, ()) if n in plain), None)
        if found is not None and found != time:
            at[field] = found
    if kind == "bars":
        _volumes_by_currency(plain, at)
    return at


def _volumes_by_currency(plain: Sequence[str], at: dict[str, int]) -> None:
    # "Volume BTC", "Volume USDT": base first, as the files of CryptoDataDownload have it.
    others = [i for i, n in enumerate(plain) if n.startswith("volume") and i not in at.values()]
    for field in ("volume", "quote_volume"):
        if field not in at and others:
            at[field] = others.pop(0)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_flag(value: str) -> bool:
    return value.strip().lower() in ("true", "false")
