"""What a file's name says: symbol, interval, kind, as exchanges and tools name their files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from journal.data.kinds import KindName, interval_ns

_ENDINGS: Final = re.compile(
    r"\.(csv|tsv|txt|zip|gz|feather|arrow|ipc|parquet)(?=\.|$)", re.IGNORECASE
)
_KINDS: Final[Mapping[str, KindName]] = {
    "aggtrades": "trades",
    "trades": "trades",
    "bookticker": "quotes",
    "quotes": "quotes",
    "fundingrate": "funding",
    "funding_rate": "funding",
    "funding": "funding",
}
_INTERVAL: Final = re.compile(r"\d{1,4}(?:s|m|min|h|d|w)")
_DATE: Final = re.compile(r"\d{4}(-\d\d)*|\d{8}")
_NOT_PARTS: Final = re.compile(
    r"\d{1,4}(?:s|m|min|h|d|w)|\d{4}|ftx|binance|okx|bybit|coinbase|kraken|bitfinex|bitmex"
    r"|day|daily|hour|hourly|minute|spot|perp|futures|swap",
    re.IGNORECASE,
)
_PERP: Final = "-PERP"
INSTRUMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.[A-Za-z0-9][A-Za-z0-9._-]*")
_QUOTES: Final = ("USDT", "USDC", "BUSD", "FDUSD", "USD", "EUR", "BTC", "ETH", "BNB")


@dataclass(frozen=True, slots=True)
class FileName:
    """What could be read from a name; None and 0 where it does not say."""

    symbol: str | None = None  # "BTCUSDT"; "BTCUSDT-PERP" of a perpetual
    bar_ns: int = 0
    kind: KindName | None = None


def of(path: Path) -> FileName:
    """Symbol, interval and kind in names like BTCUSDT-1m-2024-11.zip or BTC_USDT-1h.feather."""
    stem = path.name
    while _ENDINGS.search(stem):
        stem = _ENDINGS.sub("", stem)
    kind = next((k for n, k in _KINDS.items() if n in stem.lower()), None)
    words = [w for w in stem.split("-") if w]
    bar_ns = next((interval_ns(w) for w in words if _INTERVAL.fullmatch(w)), 0)
    if not bar_ns:  # SOLUSDT_1h.csv, binance_btcusdt_1m.csv
        inner = [w for w in stem.split("_") if _INTERVAL.fullmatch(w)]
        bar_ns = interval_ns(inner[0]) if inner else 0
    symbol = _symbol(words)
    if symbol is not None and not symbol.endswith(_PERP) and "futures" in path.parts:
        symbol += _PERP
    return FileName(symbol, bar_ns, kind)


def _symbol(words: list[str]) -> str | None:
    for word in words:
        parts = [p for p in re.split(r"[_/]", word) if not _NOT_PARTS.fullmatch(p)]
        joined = "".join(parts).upper()
        if _DATE.fullmatch(word) or not re.fullmatch(r"[A-Z0-9]{5,24}", joined):
            continue
        if len(parts) == 3 and parts[1] == parts[2]:  # freqtrade's BTC_USDT_USDT: a perpetual
            return (parts[0] + parts[1]).upper() + _PERP
        if joined.endswith(_QUOTES) or (len(parts) > 1 and parts[-1].upper() in _QUOTES):
            return joined
    return None
