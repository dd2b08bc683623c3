"""`manta venue decode`: what the decoders make of recordings, as numbers."""

import json
from pathlib import Path

import pytest
from recorded import CRYPTOFEED, needs_wire
from typer.testing import CliRunner

from scenarios.cli import app
from scenarios.cli_output import Mistake
from scenarios.venue_decode import adapter_for, decode

FILES = sorted(CRYPTOFEED.glob("*.jsonl.zst"))


@needs_wire
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_recording_is_understood_whole_and_its_books_end_in_step(path: Path) -> None:
    pytest.importorskip("zstandard")
    found = decode(path, adapter_for(path))

    assert found["understood"] == 1.0
    assert (found["unknown"], found["garbled"], found["crossed"]) == ({}, 0, 0)
    assert found["in_step"] == found["books"] > 0
    assert found["checksums_wrong"] == 0


def test_frames_of_a_file_are_counted_by_kind(tmp_path: Path) -> None:
    path = tmp_path / "binance.jsonl"
    path.write_text('{"result":null,"id":1}\n{"e":"news"}\n{"broken\n')

    result = CliRunner().invoke(app, ["venue", "decode", str(path), "--json"])

    (found,) = json.loads(result.output)
    assert (found["kinds"], found["unknown"], found["garbled"]) == ({"ack": 1}, {"news": 1}, 1)
    assert found["understood"] == pytest.approx(1 / 3, abs=1e-5)


def test_file_of_nobody_is_refused_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_text("{}\n")

    result = CliRunner().invoke(app, ["venue", "decode", str(path)])

    assert isinstance(result.exception, Mistake)
    assert "say --venue" in str(result.exception)
