"""Recordings of venues' wires, as lines: what came over which connection, and what was asked."""

import io
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

WIRE: Final = Path(__file__).parents[3] / "shared" / "data" / "wire"
PAYLOADS: Final = Path(__file__).parents[3] / "shared" / "data" / "payloads" / "nautilus"
CRYPTOFEED: Final = WIRE / "cryptofeed"
needs_wire = pytest.mark.skipif(not WIRE.is_dir(), reason="no ../shared/data/wire")
needs_payloads = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="no ../shared/data/payloads")
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a recording. kind: "recv" (a frame), "http" (an answer), "send" or "connect".

    address  of a connection that is made
    """

    kind: str
    ts_ns: int
    connection: str
    url: str
    raw: bytes
    address: str = ""


@cache
def recorded(path: Path) -> tuple[Line, ...]:
    """Every line of a `.jsonl.zst` recording but its header, in time order."""
    zstandard = pytest.importorskip("zstandard")
    with zstandard.ZstdDecompressor().stream_reader(path.read_bytes()) as stream:
        text = io.TextIOWrapper(stream, "utf-8").read()
    found = [json.loads(line) for line in text.splitlines() if line]
    lines = [
        Line(
            d["t"],
            int(d["ts"] * _NS_PER_S),
            d["conn"],
            d.get("url", ""),
            d.get("data", "").encode(),
            d.get("addr", ""),
        )
        for d in found
        if d["t"] != "header"
    ]
    return tuple(sorted(lines, key=lambda line: line.ts_ns))
