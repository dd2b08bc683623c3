"""Every product of every venue fulfils one contract, over real sockets against its simulator.

A case passes, or the adapter says before anything is sent that the venue has no such thing. The
table of both is docs/conformance.md; `python tests/wire/test_venue_contract.py` writes it.
"""

import asyncio
import sys
import traceback
from pathlib import Path

import pytest
from contract_cases import CASES, Case
from contract_world import ROWS, NotOffered, Row, running

from trading.errors import VenueError

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
_AT_ONCE = 8  # cases, each with a simulator of its own
PASS, NONE = "pass", "the venue has none"
_FOUND: dict[str, dict[str, str]] = {}


async def cells(row: Row) -> dict[str, str]:
    """What each case found of a product: _AT_ONCE = 8  # cases, each with a simulator of its own
    PASS, NONE, or why it failed."""
    if row.name not in _FOUND:
        turn = asyncio.Semaphore(_AT_ONCE)
        found = await asyncio.gather(*(_cell(row, case, turn) for case in CASES.values()))
        _FOUND[row.name] = dict(zip(CASES, found, strict=True))
    return _FOUND[row.name]


async def _cell(row: Row, case: Case, turn: asyncio.Semaphore) -> str:
    try:
        async with turn, running(row) as w, asyncio.timeout(20):
            await case(w)
    except NotOffered:
        return NONE
    except (AssertionError, VenueError, TimeoutError, LookupError, ValueError) as e:
        at = traceback.extract_tb(e.__traceback__)[-1]
        return f"{type(e).__name__} in {at.name}:{at.lineno}: {str(e)[:300]}"
    return PASS


def page(columns: dict[str, dict[str, str]]) -> str:
    """The table as a page."""
    head = ["", *columns]
    lines = [
        "# Conformance",
        "",
        "What each product does over its wire, as the contract suite found it against its",
        "simulator (`tests/wire/test_venue_contract.py`, which also writes this page).",
        "*The venue has none*: the venue offers no such thing, and its adapter says so before",
        "anything is sent.",
        "",
        "| " + " | ".join(head) + " |",
        "| " + " | ".join("---" for _ in head) + " |",
    ]
    for name in CASES:
        lines.append(f"| {name} | " + " | ".join(found[name] for found in columns.values()) + " |")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
async def test_product_does_all_or_says_that_the_venue_has_none(row: Row) -> None:
    found = await cells(row)

    assert {name: cell for name, cell in found.items() if cell not in (PASS, NONE)} == {}


async def test_page_in_the_docs_is_what_was_found() -> None:
    columns = {row.name: await cells(row) for row in ROWS}

    assert PAGE.read_text() == page(columns), "write it: python tests/wire/test_venue_contract.py"


async def _write() -> int:
    columns = {row.name: await cells(row) for row in ROWS}
    for name, found in columns.items():
        for case, cell in found.items():
            if cell not in (PASS, NONE):
                sys.stderr.write(f"{name}: {case}: {cell}\n")
    PAGE.write_text(page(columns))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_write()))
