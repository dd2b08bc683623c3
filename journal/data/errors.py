"""What can be wrong with data, in one line: file, row, field, reason, remedy."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl

from journal.errors import JournalError, translated

_VALUE_CHARS: Final = 40


class BadData(JournalError):
    """A file does not hold what it should. `row` counts lines (CSV) or rows (others) from 1."""

    def __init__(
        self,
        path: Path | str,
        reason: str,
        remedy: str,
        *,
        row: int | None = None,
        field: str | None = None,
    ) -> None:
        where = f": row {row}" if row is not None else ""
        what = f": {field}" if field is not None else ""
        super().__init__(f"{path}{where}{what}: {reason}: {remedy}")
        self.path, self.row, self.field, self.reason = Path(path), row, field, reason


class NoData(JournalError):
    """The catalogue has not got it."""


def shown(value: object) -> str:
    """A value as an error quotes it."""
    text = str(value)
    return repr(text if len(text) <= _VALUE_CHARS else text[: _VALUE_CHARS - 3] + "...")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what polars and the operating system raise inside into errors that name `path`."""
    try:
        with translated(path):
            yield
    except (pl.exceptions.PolarsError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        first = str(error).partition("\n")[0]
        raise BadData(
            path, f"cannot be read ({first})", "check that it is whole and of the format it names"
        ) from error
