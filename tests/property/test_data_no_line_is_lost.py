"""However a file is broken and wherever it is cut: every line is a row, told as wrong, or blank."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journal.data import blocks, textfile
from journal.data.reading import open_file
from journal.data.rows import Rows
from journal.data.sniff import Wish, sniff
from journal.data.textfile import Block, TextFile

BROKEN = st.sampled_from(
    [
        "oops",
        "1704067200000,100,110,90,101",
        "1704067200000,100,110,90,101,5,6",
        "1704067200000,100,,90,101,5",
        "1704067200000,100,nan,90,101,5",
        "1704067200000,0,110,90,101,5",
        "1704067200000,100,99,90,101,5",
        "-1,100,110,90,101,5",
        ",,,,,",
        '"1704067200000,100,110,90,101,5',
    ]
)
BLANK = st.sampled_from(["", "   "])
LINES = st.lists(st.one_of(st.just("good"), BROKEN, BLANK, st.just("quoted")), max_size=60)


def text(lines: list[str]) -> list[str]:
    """Good rows have their number as their volume."""
    rows = []
    for i, line in enumerate(lines):
        good = f"{1_704_067_200_000 + 60_000 * i},100,110,90,101,{i}"
        quoted = f'{1_704_067_200_000 + 60_000 * i},"100",110,90,101,"{i}"'
        rows.append({"good": good, "quoted": quoted}.get(line, line))
    return rows


def told(parts: list[Rows]) -> tuple[list[tuple[int, float]], list[int], int]:
    """(line and volume of each row, lines of wrong rows, number of blank ones)."""
    rows = [(p.line(i), v) for p in parts for i, v in enumerate(p.frame["volume"].to_list())]
    return rows, [w.row for p in parts for w in p.wrong], sum(p.blank for p in parts)


def expected(lines: list[str]) -> tuple[list[tuple[int, float]], list[int], int]:
    """The same, from how the lines were made; the first is line 1."""
    numbered = list(enumerate(lines, 1))
    rows = [(n, float(n - 1)) for n, line in numbered if line in ("good", "quoted")]
    blank = [n for n, line in numbered if not line.strip()]
    wrong = [n for n, _ in numbered if n not in blank and n not in {r for r, _ in rows}]
    return rows, wrong, len(blank)


@given(lines=LINES, slow=st.sampled_from([1, 100, 1 << 17]), ending=st.sampled_from(["", "\n"]))
@settings(max_examples=60)
def test_every_line_of_a_block_is_accounted_for(lines: list[str], slow: int, ending: str) -> None:
    head = [*["good"] * 3, *lines, "good"]
    data = ("\n".join(text(head)) + ending).encode()
    layout = sniff(Path("x.csv"), "\n".join(text(["good"] * 3)).encode(), Wish(kind="bars"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_SLOW_BYTES", slow)
        parsed = blocks.parse(Block(lambda: data, len(data)), layout)

    rows, wrong, blank = expected(head)
    assert parsed.count == len(head)
    assert parsed.wrong_count == len(wrong)
    assert told([parsed]) == (rows, wrong[:20], blank)


@given(lines=LINES, size=st.integers(1, 400))
@settings(max_examples=25)
def test_where_a_file_is_cut_changes_nothing(
    lines: list[str], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    head = [*["good"] * 3, *[line for line in lines if not line.startswith('"')], "good"]
    path = tmp_path_factory.mktemp("cut") / "x.csv"
    path.write_text("\n".join(text(head)) + "\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfile.TextFile.blocks, "__defaults__", (size,))
        parts = [rows for rows, _ in open_file(path).rows]
        whole = b"".join(b.read() for b in TextFile(path).blocks(0))

    rows, wrong, blank = expected(head)
    assert whole == path.read_bytes()
    assert told(parts)[0] == rows
    assert told(parts)[2] == blank
    assert sum(p.wrong_count for p in parts) == len(wrong)
