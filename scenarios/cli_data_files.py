"""`manta data convert`: from the catalogue or a file into a file, also of a longer interval."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.cli_data import DEFAULT, CatalogueDir, KindOption, kind_of, length_of
from scenarios.cli_output import Json, Mistake, show

if TYPE_CHECKING:
    from messages.arrays import Rows

Time = Annotated[
    str | None, typer.Option("--start", metavar="TIME", help="First time, like 2024-01-31 (UTC).")
]
End = Annotated[str | None, typer.Option("--end", metavar="TIME", help="First time after it.")]


def convert(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A file, or an instrument of the catalogue.")
    ],
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="A file: .csv, .feather or .parquet.")
    ],
    catalogue: CatalogueDir = DEFAULT,
    kind: KindOption = None,
    from_interval: Annotated[
        str | None,
        typer.Option("--from", metavar="1m", help="Interval of the source's bars."),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option("--interval", metavar="1h", help="Make bars of this, longer, interval."),
    ] = None,
    start: Time = None,
    end: End = None,
    as_json: Json = False,
) -> None:
    """Write a file in another format, and bars of a longer interval.

    Longer bars begin on multiples of their interval, UTC (weeks on Mondays), and are labelled with
    both ends: ts_open and ts_close. The first and the last are left out unless the data covers
    them. Times are nanoseconds, so `manta data import` reads the file again.

    \b
    Examples:
      manta data convert BTC_USDT-1h.feather btc.csv
      manta data convert BTCUSDT.BINANCE btc-4h.parquet --from 1m --interval 4h --start 2024-01-01
      manta data convert BTCUSDT.BINANCE trades.csv --kind trades
    """
    from journal.data.exporting import export  # noqa: PLC0415 - `manta --help` needs no polars
    from journal.data.kinds import interval_name  # noqa: PLC0415

    name = kind_of(kind)
    if target.exists() and Path(source).exists() and target.samefile(source):
        raise Mistake(f"{target}: is the source, too: name another file, or it would be lost")
    rows, bar_ns = _read(source, catalogue, name, from_interval, start, end)
    if not len(rows):
        span = " ".join(f"{o} {t}" for o, t in (("--start", start), ("--end", end)) if t)
        raise Mistake(
            f"{source}: no {name} there {span}: `manta data list` shows from when to when"
        )
    document: dict[str, Any] = {"source": source, "target": str(target), "kind": name}
    if name == "bars":
        to_ns = length_of(interval) or bar_ns
        if to_ns != bar_ns:
            from journal.data.resampling import resample  # noqa: PLC0415

            done = resample(rows, bar_ns, to_ns)
            rows = done.rows
            document |= {"left_out": done.left_out, "with_gaps": done.with_gaps}
        document["interval"] = interval_name(to_ns)
    elif interval is not None:
        raise Mistake(f"--interval {interval}: {name} have none: leave it out")
    document["rows"] = len(rows)
    document["bytes"] = export(rows, name, target)
    show(document, as_json=as_json, text=_told(document))


def _read(
    source: str,
    catalogue: Path,
    kind: Any,
    from_interval: str | None,
    start: str | None,
    end: str | None,
) -> "tuple[Rows, int]":
    from journal.catalogue import Catalogue, between, read_rows  # noqa: PLC0415

    length = length_of(from_interval)
    if Path(source).is_file():
        rows, bar_ns = read_rows(Path(source), kind, length)
        return between(rows, kind, start, end), bar_ns
    there = Catalogue(catalogue)
    if kind == "bars" and not length:
        length = there.shortest(source)
    return there.rows(kind, source, length, start, end), length


def _told(document: dict[str, Any]) -> list[str]:
    interval = f" {document['interval']}" if "interval" in document else ""
    lines = [
        f"{document['target']}: {document['rows']:,}{interval} {document['kind']},"
        f" {document['bytes']:,} bytes"
    ]
    if document.get("left_out"):
        lines.append(f"  left out: {document['left_out']} at the ends, covered only in part")
    if document.get("with_gaps"):
        lines.append(f"  note: {document['with_gaps']} bars have parts missing")
    return lines
