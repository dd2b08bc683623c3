"""`manta data`: bring market data in, look at it, prove it, fetch it, pass it on."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from scenarios.cli_output import FAILED, Json, Mistake, show, table

if TYPE_CHECKING:
    from journal.data.checking import Checked
    from journal.data.importing import Report, Request
    from journal.data.kinds import KindName
    from journal.data.series import Series

DEFAULT: Final = Path("data")
_SHOWN: Final = 10
_KINDS: Final = ("bars", "trades", "quotes", "deltas", "funding")

CatalogueDir = Annotated[
    Path,
    typer.Option(
        "--catalogue", metavar="DIR", envvar="MANTA_DATA", help="The folder of the catalogue."
    ),
]
Interval = Annotated[
    str | None,
    typer.Option("--interval", metavar="1m", help="Length of a bar: 1s, 1m, 15m, 4h, 1d, 1w."),
]
KindOption = Annotated[
    str | None, typer.Option("--kind", metavar="KIND", help=f"One of {', '.join(_KINDS)}.")
]
Only = Annotated[
    str | None,
    typer.Argument(metavar="[INSTRUMENT]", help="Only this instrument; by default all of them."),
]


Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="What to import.")]
Instrument = Annotated[
    str | None,
    typer.Option("--instrument", metavar="ID", help="BTCUSDT.BINANCE; else from the name."),
]
Venue = Annotated[str, typer.Option("--venue", help="Completes a symbol that names no venue.")]
Columns = Annotated[
    str | None,
    typer.Option("--columns", metavar="A,B,...", help="Names of all columns; '-' skips one."),
]
Delimiter = Annotated[
    str | None, typer.Option("--delimiter", help="One character; by default detected.")
]
TimeUnit = Annotated[
    str | None, typer.Option("--time-unit", help="s, ms, us or ns; by default by size.")
]
TimeFormat = Annotated[
    str | None, typer.Option("--time-format", help="As in strptime: %d/%m/%Y %H:%M.")
]
Sort = Annotated[bool, typer.Option("--sort", help="Put rows in order; else disorder is an error.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse a file with a wrong row.")]


def import_(
    files: Files,
    catalogue: CatalogueDir = DEFAULT,
    instrument: Instrument = None,
    venue: Venue = "BINANCE",
    kind: KindOption = None,
    interval: Interval = None,
    columns: Columns = None,
    delimiter: Delimiter = None,
    time_unit: TimeUnit = None,
    time_format: TimeFormat = None,
    sort: Sort = False,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Bring CSV, Binance Vision zip, feather or Parquet files into the catalogue.

    Columns, units, delimiter and interval are detected. Wrong rows are left out, counted and shown
    with their line and the reason. Rows that are there already are replaced. A file that fails
    changes nothing.

    \b
    Examples:
      manta data import BTCUSDT-1m-2024-01.zip ETH_USDT-5m.feather
      manta data import prices.csv --instrument BTCUSDT.BINANCE --interval 1m --strict
      manta data import ticks.csv --instrument BTCUSDT --columns time,price,size,side
    """
    from journal.data.importing import import_file  # noqa: PLC0415 - `manta --help` needs no polars
    from scenarios.data_progress import bar, progress  # noqa: PLC0415

    request = _request(
        instrument, venue, kind, interval, columns, delimiter, time_unit, time_format, sort, strict
    )
    done: list[Report] = []
    with progress() as bars:
        for path in files:
            tell = bar(bars, path.name)
            report = import_file(
                catalogue,
                path,
                request,
                lambda at, all, n: tell(at, all, f"{n:,} rows"),  # noqa: B023
            )
            done.append(report)
            if not as_json:
                for line in imported_lines(report):
                    typer.echo(line)
    show([report_document(r) for r in done], as_json=as_json, text=())


def list_(only: Only = None, catalogue: CatalogueDir = DEFAULT, as_json: Json = False) -> None:
    """Show what the catalogue has: series, range, rows, gaps, size.

    \b
    Examples:
      manta data list
      manta data list BTCUSDT.BINANCE --json
    """
    documents = [_listed(s, catalogue) for s in _chosen(catalogue, only)]
    headers = ("INSTRUMENT", "KIND", "INTERVAL", "FROM", "TO", "ROWS", "GAPS", "SIZE")
    rows = (
        (
            d["instrument"],
            d["kind"],
            d["interval"],
            d["from"],
            d["to"],
            f"{d['rows']:,}",
            d["gaps"],
            _size(d["bytes"]),
        )
        for d in documents
    )
    empty = [f"{catalogue}: nothing there: import some with `manta data import FILE`"]
    show(documents, as_json=as_json, text=table(headers, rows) if documents else empty)


def verify(only: Only = None, catalogue: CatalogueDir = DEFAULT, as_json: Json = False) -> None:
    """Prove that files are what was imported and that their rows can be true.

    Finds changed and missing files, gaps, duplicates, disorder, impossible bars and values. Exit
    code 1 if something is wrong.

    \b
    Examples:
      manta data verify
      manta data verify BTCUSDT.BINANCE --json
    """
    from journal.data.checking import check  # noqa: PLC0415
    from scenarios.data_progress import bar, progress  # noqa: PLC0415

    chosen = _chosen(catalogue, only)
    if not chosen:
        raise Mistake(f"{catalogue}: nothing there: import some with `manta data import FILE`")
    total, read = sum(s.bytes for s in chosen), 0
    checked: list[Checked] = []
    with progress() as bars:
        tell = bar(bars, "verify")

        def on_file(size: int) -> None:
            nonlocal read
            read += size
            tell(read, total, "")

        checked += (check(catalogue, series, on_file) for series in chosen)
    ok = not any(c.findings for c in checked)
    show(
        {"ok": ok, "series": [_verdict(c) for c in checked]},
        as_json=as_json,
        text=(line for c in checked for line in _found(c)),
    )
    if not ok:
        raise typer.Exit(FAILED)


def _request(
    instrument: str | None,
    venue: str,
    kind: str | None,
    interval: str | None,
    columns: str | None,
    delimiter: str | None,
    time_unit: str | None,
    time_format: str | None,
    sort: bool,
    strict: bool,
) -> "Request":
    from journal.data.importing import Request  # noqa: PLC0415
    from journal.data.sniff import Wish  # noqa: PLC0415
    from journal.data.times import UNITS  # noqa: PLC0415

    known = kind_of(kind) if kind is not None else None
    if time_unit is not None and time_unit not in UNITS:
        raise Mistake(f"--time-unit {time_unit}: not known: choose one of {', '.join(UNITS)}")
    if delimiter is not None and len(delimiter.encode()) != 1:
        raise Mistake(f"--delimiter {delimiter!r}: must be one character")
    names = tuple(n.strip() for n in columns.split(",")) if columns else ()
    wish = Wish(known, names, time_unit, time_format, delimiter)
    return Request(wish, instrument, venue, length_of(interval), sort, strict)


def kind_of(kind: str | None) -> "KindName":
    """The kind that an option names; bars if it names none."""
    if kind is None:
        return "bars"
    if kind not in _KINDS:
        raise Mistake(f"--kind {kind}: not known: choose one of {', '.join(_KINDS)}")
    return cast("KindName", kind)


def length_of(interval: str | None) -> int:
    """Nanoseconds of an option; 0 if it was not given."""
    from journal.data.kinds import interval_ns  # noqa: PLC0415

    try:
        return interval_ns(interval) if interval else 0
    except ValueError as error:
        raise Mistake(str(error)) from error


def _chosen(catalogue: Path, only: str | None) -> "list[Series]":
    from journal.catalogue import Catalogue  # noqa: PLC0415

    there = Catalogue(catalogue).series()
    if only is None:
        return there
    names = {only, f"{only}-PERP"}
    chosen = [
        s for s in there if s.id.instrument == only or s.id.instrument.partition(".")[0] in names
    ]
    if not chosen:
        raise Mistake(f"{only}: not in {catalogue}: `manta data list` shows what is there")
    return chosen


# --- what is said ---------------------------------------------------------------------------------


def report_document(report: "Report") -> dict[str, Any]:
    """What became of a file, for --json."""
    return {
        "file": str(report.path),
        **_names(report.series),
        "from": _time(report.first_ns),
        "to": _time(report.last_ns),
        "rows": report.rows,
        "wrong": report.wrong,
        "wrong_rows": [
            {"row": w.row, "field": w.field, "reason": w.reason} for w in report.wrong_rows
        ],
        "duplicates": report.duplicates,
        "replaced": report.replaced,
        "blank": report.blank,
        "time_units": report.units,
        "notes": list(report.notes),
    }


def imported_lines(report: "Report") -> Iterable[str]:
    """What became of a file, for people."""
    also = [
        f"{count:,} {what}"
        for count, what in (
            (report.wrong, "wrong"),
            (report.duplicates, "duplicates"),
            (report.replaced, "replaced"),
        )
        if count
    ]
    span = f"{_time(report.first_ns)} to {_time(report.last_ns)}"
    units = f"times like {report.units}" if "%" in report.units else f"times in {report.units}"
    yield f"{report.path.name}: {report.series}: " + ", ".join(
        [f"{report.rows:,} rows", *also, span, units]
    )
    for wrong in report.wrong_rows[:_SHOWN]:
        yield f"  left out: {wrong}"
    if report.wrong > _SHOWN:
        yield f"  left out: {report.wrong - _SHOWN:,} more"
    for note in report.notes:
        yield f"  note: {note}"


def _names(series: Any) -> dict[str, Any]:
    from journal.data.kinds import interval_name  # noqa: PLC0415

    return {
        "instrument": series.instrument,
        "kind": series.kind,
        "interval": interval_name(series.bar_ns) if series.bar_ns else None,
    }


def _listed(series: "Series", catalogue: Path) -> dict[str, Any]:
    from journal.data.checking import missing_bars  # noqa: PLC0415

    return {
        **_names(series.id),
        "from": _time(series.files[0].first_ns),
        "to": _time(series.files[-1].last_ns),
        "rows": series.rows,
        "gaps": missing_bars(series) if series.id.bar_ns else None,
        "bytes": series.bytes,
        "files": len(series.files),
        "folder": str(series.id.folder(catalogue)),
    }


def _verdict(checked: "Checked") -> dict[str, Any]:
    return {
        **_names(checked.series.id),
        "ok": not checked.findings,
        "rows": checked.series.rows,
        "findings": [
            {
                "kind": f.kind,
                "file": f.file,
                "text": f.text,
                "count": f.count,
                "at": None if f.at is None else _time(f.at),
            }
            for f in checked.findings
        ],
    }


def _found(checked: "Checked") -> Iterable[str]:
    series, findings = checked.series, checked.findings
    verdict = f"{len(findings)} findings" if findings else "sound"
    yield f"{series.id}: {series.rows:,} rows in {len(series.files)} files: {verdict}"
    yield from (f"  {finding}" for finding in findings[: 2 * _SHOWN])
    if len(findings) > 2 * _SHOWN:
        yield f"  and {len(findings) - 2 * _SHOWN} more: see --json"


def _time(ns: int) -> str:
    from journal.data.times import said  # noqa: PLC0415

    return said(ns)


def _size(count: int) -> str:
    amount, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"
