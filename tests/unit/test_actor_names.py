"""Who is looked for in the cell, and who is not."""

import pytest

from actors.names import hosted


@pytest.mark.parametrize(
    ("actor", "in_a_cell"),
    [
        ("orders", True),
        ("risk", True),
        ("strategy-TREND", True),
        ("strategies", False),
        ("journal", False),
        ("feed", False),
        ("reconciler", False),
        ("cell", False),
        ("root", False),
    ],
)
def test_cell_is_asked_only_for_whom_it_hosts(actor: str, in_a_cell: bool) -> None:
    assert hosted(actor) is in_a_cell
