"""The bars of a sweep: a file, or an instrument of the catalogue."""

import os
from pathlib import Path
from typing import Final

from journal.catalogue import Catalogue, between, read_bars
from messages.arrays import Rows
from scenarios.spec import BadSpec

ROOT: Final = "data"
_BARS_MIN: Final = 2


def load_bars(
    data: str,
    interval: str | None = None,
    start: str | None = None,
    end: str | None = None,
    root: Path | None = None,
) -> Rows:
    """(n,) BAR, oldest first, read-only.

    data    a file that exists, or the name of an instrument in the catalogue
    root    the catalogue's folder; None: $MANTA_DATA, or `data`
    raises  BadSpec if there are hardly any; BadData, NoData naming file, row and field
    """
    path = Path(data).expanduser()
    if path.is_file():
        bars = between(read_bars(path, interval), "bars", start, end)
    elif path.suffix or os.sep in data:
        raise BadSpec(f"--data {data}: no such file: check the path, or name an instrument")
    else:
        catalogue = Catalogue(root or os.environ.get("MANTA_DATA", ROOT))
        length = interval or catalogue.shortest(data)
        bars = catalogue.bars(data, length, start, end)
    if len(bars) < _BARS_MIN:
        raise BadSpec(f"--data {data}: {len(bars)} bars in this range: choose a longer one")
    bars.flags.writeable = False
    return bars
