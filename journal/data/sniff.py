"""How a text file writes its rows: delimiter, header, the meaning and the form of each column."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from journal.data import times
from journal.data.columns import fields_of, identify, missing, positional, said
from journal.data.errors import BadData, shown
from journal.data.kinds import KINDS, KindName

_DELIMITERS: Final = ",;\t|"
_BEFORE_MAX: Final = 5  # lines of a title or a link before the header
_ROWS: Final = 200
_FLAGS: Final = {"true", "false"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user says about a file; what is not said is detected.

    columns      field names by position, "" or "-" for a column to leave out
    time_unit    a key of times.UNITS
    time_format  as in strptime
    """

    kind: KindName | None = None
    columns: tuple[str, ...] = ()
    time_unit: str | None = None
    time_format: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """All that is needed to read a text file's rows.

    skip   lines before the first row
    width  fields of a row
    at     field -> position
    how    the form of its times, by field; see times.detect
    types  position -> type to read, for the columns in `at` and the last one
    units  of its times, for people
    """

    kind: KindName
    delimiter: str
    skip: int
    width: int
    at: Mapping[str, int]
    how: Mapping[str, str]
    types: Mapping[int, Any]
    units: str
    time_unit: str | None = None
    notes: tuple[str, ...] = ()


def sniff(path: Path, head: bytes, wish: Wish) -> Layout:
    """The layout that the first lines of a file show.

    head    its beginning, some hundred lines
    raises  BadData if it is empty, not text, or no series that is known
    """
    lines = _lines(path, head)
    delimiter = wish.delimiter or _delimiter(lines)
    rows = [[v.strip() for v in row] for row in csv.reader(lines, delimiter=delimiter)]
    start, names = _header(path, rows, wish)
    data = [r for r in rows[start:] if len(r) == len(names)][:_ROWS]
    if not data:
        row = start + 1 if start < len(rows) else None
        reason = f"no row with the {len(names)} fields of its columns"
        raise BadData(path, reason, "check that it is a table of market data", row=row)
    kind, at = _fields(path, names, wish)
    how = {f: _time_form(path, f, at[f], data, wish, start) for f in at if _is_time(f)}
    if wish.time_unit is not None and how["time"] not in (times.EPOCH, times.EPOCH_FLOAT):
        raise BadData(path, "its times are text", "leave out --time-unit", field="time")
    notes = () if kind != "bars" or "volume" in at else ("no column for volume: it will be 0",)
    at, types = _types(at, kind, data, len(names))
    units = wish.time_unit or _units(how["time"], [r[at["time"]] for r in data])
    return Layout(kind, delimiter, start, len(names), at, how, types, units, wish.time_unit, notes)


def _lines(path: Path, head: bytes) -> list[str]:
    if not head.strip():
        raise BadData(path, "is empty", "there is nothing to import")
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    if "\0" in text:
        raise BadData(path, "is no text", "name a CSV, zip, feather or Parquet file")
    return text.splitlines()


def _delimiter(lines: Sequence[str]) -> str:
    counted = {d: sorted(line.count(d) for line in lines[:50] if line) for d in _DELIMITERS}
    # The median: a title before the header, or a broken row, has no say.
    return max(_DELIMITERS, key=lambda d: counted[d][len(counted[d]) // 2] if counted[d] else 0)


def _header(path: Path, rows: Sequence[Sequence[str]], wish: Wish) -> tuple[int, list[str]]:
    """Lines before the first row of data, and the names of the columns."""
    for i, row in enumerate(rows[: _BEFORE_MAX + 1]):
        if len(row) < 2:
            continue
        if _is_data(row):
            if wish.columns:
                return i, _named(path, wish.columns, len(row))
            if i and len(rows[i - 1]) == len(row):
                break  # the row above is a header, of other things
            names = positional([r for r in rows[i : i + _ROWS] if len(r) == len(row)])
            if names is None:
                reason = f"has no header, and rows of {len(row)} fields are not known"
                raise BadData(path, reason, "say what they are with --columns", row=i + 1)
            return i, names
        if identify(row, wish.kind) is not None or wish.columns:
            return i + 1, (_named(path, wish.columns, len(row)) if wish.columns else list(row))
    header = next((i for i, r in enumerate(rows[: _BEFORE_MAX + 1]) if len(r) > 1), 0)
    wanted = wish.kind or "bars"
    lacking = ", ".join(missing(wanted, said(rows[header], wanted)))
    reason = f"{shown(','.join(rows[header]))} names no column for {lacking} of {wanted}"
    raise BadData(path, reason, "mend the header, or say --kind and --columns", row=header + 1)


def _is_data(row: Sequence[str]) -> bool:
    numbers = sum(_number(v) is not None for v in row)
    return numbers >= 4 or (numbers >= 2 and numbers * 2 >= len(row))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _named(path: Path, columns: Sequence[str], width: int) -> list[str]:
    if len(columns) != width:
        reason = f"rows have {width} fields, --columns names {len(columns)}"
        raise BadData(path, reason, "name each of them, '-' for one to leave out")
    return list(columns)


def _fields(path: Path, names: Sequence[str], wish: Wish) -> tuple[KindName, dict[str, int]]:
    found = identify(names, wish.kind)
    if found is None:
        kind = wish.kind or "bars"
        lacking = ", ".join(missing(kind, said(names, kind)))
        known = ", ".join(fields_of(kind))
        raise BadData(path, f"no column for {lacking}", f"{kind} may have {known}")
    return found.kind, dict(found.at)


def _is_time(name: str) -> bool:
    return name == "time" or name.startswith("ts_")


def _time_form(
    path: Path, name: str, at: int, data: Sequence[Sequence[str]], wish: Wish, start: int
) -> str:
    if wish.time_format is not None and name == "time":
        return wish.time_format
    values = [r[at] for r in data]
    found = times.detect(values[:1]) if times.detect(values) is None else times.detect(values)
    if found is None:
        raise BadData(
            path,
            f"{shown(values[0])} is no time that is understood",
            "say its form with --time-format",
            row=start + 1,
            field=name,
        )
    return found


def _units(how: str, values: Sequence[str]) -> str:
    if how not in (times.EPOCH, times.EPOCH_FLOAT):
        return how
    numbers = pl.Series(values).cast(pl.Float64, strict=False)
    return " and ".join(times.units_of(numbers)) or "epoch"


def _types(
    at: Mapping[str, int], kind: KindName, data: Sequence[Sequence[str]], width: int
) -> tuple[dict[str, int], dict[int, Any]]:
    """Without columns that cannot be used, and what to read each position as."""
    kept: dict[str, int] = {}
    types: dict[int, Any] = {}
    for name, i in at.items():
        values = {r[i].lower() for r in data if r[i]}
        if name == "maker":
            types[i] = pl.Boolean if values <= _FLAGS else pl.String
        elif name == "side":
            types[i] = pl.String
        elif _is_time(name):
            types[i] = pl.Int64 if all(v.isdigit() for v in values) else pl.String
        elif name == "trade_id" and not all(v.isdigit() for v in values):
            continue  # ids in letters: nothing that a TRADE row could hold
        else:
            types[i] = KINDS[kind].columns[name]
        kept[name] = i
    # Read the last column too: only then does a row that ends early or late show.
    if width - 1 not in types and any(r[-1] for r in data):
        types[width - 1] = pl.String
    return kept, types
