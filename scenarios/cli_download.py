"""`manta data download`: history from a public archive, or from an exchange, into the catalogue."""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from scenarios.cli_data import DEFAULT, CatalogueDir, imported_lines, length_of, report_document
from scenarios.cli_output import Json, Mistake, show

if TYPE_CHECKING:
    from journal.data.importing import Report
    from scenarios.data_archive import Fetched

_FOLDER: Final = "downloads"
_SOURCES: Final = ("vision", "ccxt")
_SYMBOL: Final = re.compile(r"[A-Za-z0-9]+(_[A-Za-z0-9]+)?")  # BTCUSDT, BTCUSD_PERP


Symbols = Annotated[
    list[str], typer.Argument(metavar="SYMBOL...", help="BTCUSDT; with ccxt also BTC/USDT.")
]
Start = Annotated[str, typer.Option("--start", metavar="DATE", help="First day, 2024-01-01.")]
End = Annotated[
    str | None, typer.Option("--end", metavar="DATE", help="Last day; by default yesterday.")
]
Interval = Annotated[
    str, typer.Option("--interval", metavar="1m", help="Length of a bar: 1s, 1m, 1h, 1d.")
]
Market = Annotated[str, typer.Option("--market", help="spot, um (USD-M futures) or cm (COIN-M).")]
Type = Annotated[str, typer.Option("--type", help="klines, trades or aggTrades.")]
Source = Annotated[
    str, typer.Option("--source", help="vision (Binance's archive) or ccxt (an exchange).")
]
Exchange = Annotated[str, typer.Option("--exchange", help="With ccxt: one of its exchanges.")]
To = Annotated[
    Path | None,
    typer.Option("--to", metavar="DIR", help="For the files; by default CATALOGUE/downloads."),
]
Parallel = Annotated[int, typer.Option("--parallel", min=1, max=32, help="Transfers at a time.")]
BaseUrl = Annotated[str | None, typer.Option("--base-url", metavar="URL", help="Of a mirror.")]
Import = Annotated[
    bool, typer.Option("--import/--no-import", help="Bring the files into the catalogue.")
]


def download(
    symbols: Symbols,
    start: Start,
    end: End = None,
    interval: Interval = "1m",
    market: Market = "spot",
    type_: Type = "klines",
    source: Source = "vision",
    exchange: Exchange = "binance",
    catalogue: CatalogueDir = DEFAULT,
    to: To = None,
    parallel: Parallel = 4,
    base_url: BaseUrl = None,
    import_them: Import = True,
    as_json: Json = False,
) -> None:
    """Fetch history and import it.

    Files of the archive are checked against their .CHECKSUM. What is there already is not fetched
    again, and a transfer that was cut goes on where it ended, also after a restart. Months are
    fetched whole where they can be, else day by day; days that the archive has not are told.

    \b
    Examples:
      manta data download BTCUSDT ETHUSDT --start 2024-01-01 --end 2024-12-31 --interval 1h
      manta data download BTCUSDT --start 2025-03-01 --market um --type aggTrades
      manta data download BTC/USDT --start 2025-01-01 --source ccxt --exchange kraken
    """
    from journal.data.kinds import interval_name  # noqa: PLC0415

    first, last = _day("--start", start), _day("--end", end) if end else _yesterday()
    if last < first:
        raise Mistake(f"--end {last}: is before --start {first}: give them in order")
    if source not in _SOURCES:
        raise Mistake(f"--source {source}: not known: choose one of {', '.join(_SOURCES)}")
    interval = interval_name(length_of(interval))  # "60m" is 1h to everybody else
    folder = to if to is not None else catalogue / _FOLDER
    if source == "ccxt":
        fetched = _from_exchange(symbols, first, last, interval, exchange, folder, base_url)
    else:
        fetched = _from_archive(
            symbols, first, last, interval, market, type_, folder, base_url, parallel
        )
    reports = _imported(catalogue, fetched, exchange, source) if import_them else []
    document = {
        "files": [
            {"name": f.name, "outcome": f.outcome, "path": _text(f.path), "bytes": f.bytes}
            for f in fetched
        ],
        "imported": [report_document(r) for r in reports],
    }
    show(document, as_json=as_json, text=_told(fetched, reports, folder))
    if not any(f.path for f in fetched):
        raise Mistake(f"{', '.join(symbols)}: nothing there for these days: check symbol and dates")


def _from_archive(
    symbols: Sequence[str],
    first: date,
    last: date,
    interval: str,
    market: str,
    type_: str,
    folder: Path,
    base_url: str | None,
    parallel: int,
) -> "list[Fetched]":
    from scenarios.data_archive import BASE_URL, MARKETS, TYPES, Archive, Wanted  # noqa: PLC0415
    from scenarios.data_progress import OnBytes, bar, progress  # noqa: PLC0415

    if market not in MARKETS:
        raise Mistake(f"--market {market}: not known: choose one of {', '.join(MARKETS)}")
    if type_ not in TYPES:
        raise Mistake(f"--type {type_}: not known: choose one of {', '.join(TYPES)}")
    for symbol in symbols:  # it becomes a part of addresses and paths
        if not _SYMBOL.fullmatch(symbol):
            raise Mistake(f"{symbol}: is no symbol of the archive: write it like BTCUSDT")
    if base_url is not None and not base_url.lower().startswith(("http://", "https://")):
        raise Mistake(f"--base-url {base_url}: is no address: begin it with https:// or http://")
    wanted = [Wanted(s.upper(), first, last, market, type_, interval) for s in symbols]
    with progress() as bars:
        tellers: dict[str, OnBytes] = {}

        def on_bytes(name: str, done: int, total: int) -> None:
            if name not in tellers:
                tellers[name] = bar(bars, name)
            tellers[name](done, total, "")

        archive = Archive(folder, base_url or BASE_URL, parallel=parallel, on_bytes=on_bytes)
        return asyncio.run(archive.fetch(wanted))


def _from_exchange(
    symbols: Sequence[str],
    first: date,
    last: date,
    interval: str,
    exchange: str,
    folder: Path,
    base_url: str | None,
) -> "list[Fetched]":
    from journal.catalogue import nanoseconds  # noqa: PLC0415
    from journal.data.exporting import export  # noqa: PLC0415
    from scenarios.data_archive import Fetched  # noqa: PLC0415
    from scenarios.data_ccxt import connect, fetch_bars  # noqa: PLC0415
    from scenarios.data_progress import bar, progress  # noqa: PLC0415

    bar_ns = length_of(interval)
    begin = nanoseconds(first.isoformat(), 0)
    stop = nanoseconds((last + timedelta(days=1)).isoformat(), 0)
    there = connect(exchange, base_url)
    fetched = []
    with progress() as bars:
        for symbol in symbols:
            tell = bar(bars, f"{exchange} {symbol}")
            rows = fetch_bars(
                there,
                symbol,
                interval,
                bar_ns,
                begin,
                stop,
                on_bars=lambda done, total: tell(done // bar_ns, total // bar_ns, "bars"),  # noqa: B023
            )
            plain = symbol.partition(":")[0].replace("/", "_").replace("-", "_").upper()
            name = f"{plain}-{interval}-{first:%Y%m%d}-{last:%Y%m%d}.parquet"
            if not len(rows):
                fetched.append(Fetched(name, "absent"))
                continue
            path = folder / "ccxt" / exchange / name
            fetched.append(Fetched(name, "fetched", path, export(rows, "bars", path)))
    return fetched


def _imported(
    catalogue: Path, fetched: "Sequence[Fetched]", exchange: str, source: str
) -> "list[Report]":
    from journal.data.importing import Request, import_file  # noqa: PLC0415
    from scenarios.data_progress import bar, progress  # noqa: PLC0415

    request = Request(venue=exchange.upper() if source == "ccxt" else "BINANCE")
    reports = []
    with progress() as bars:
        tell = bar(bars, "import")
        paths = [f.path for f in fetched if f.path is not None]
        for i, path in enumerate(paths):
            reports.append(import_file(catalogue, path, request))
            tell(i + 1, len(paths), path.name)
    return reports


def _told(fetched: "Sequence[Fetched]", reports: "Sequence[Report]", folder: Path) -> list[str]:
    counts = {o: sum(f.outcome == o for f in fetched) for o in ("fetched", "resumed", "present")}
    size = sum(f.bytes for f in fetched)
    said = ", ".join(f"{n} {outcome}" for outcome, n in counts.items() if n) or "nothing"
    lines = [f"{folder}: {said}, {size:,} bytes"]
    absent = [f.name for f in fetched if f.outcome == "absent"]
    if absent:
        more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
        lines.append(f"  not there: {', '.join(absent[:3])}{more}")
    return [*lines, *(line for report in reports for line in imported_lines(report))]


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Mistake(f"{option} {text}: is no date: write it like 2024-01-31") from error


def _yesterday() -> date:
    return datetime.now(UTC).date() - timedelta(days=1)


def _text(path: Path | None) -> Any:
    return None if path is None else str(path)
