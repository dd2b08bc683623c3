"""What a strategy's code is called on disk: another name whenever it would do something else."""

from types import ModuleType
from typing import Any, Final

import pytest

from trading.strategy import function_digest

RULE: Final = "def on_bar(x):\n    return {}\n"
LIBRARY: Final = """
from enum import IntEnum
import numpy as np

FEE = {fee}
TABLE = np.array({table}, "<f8")

class Side(IntEnum):
    BUY = {buy}
    UNUSED = {unused}

def helper(x):
    return deeper(x) * FEE

def deeper(x):
    return x + {more}

def unused(x):
    return {unused}
"""
PLAIN: Final = {"fee": 2, "table": [1.0, 2.0], "buy": 1, "more": 3, "unused": 0}


def digest(uses: str, **changed: Any) -> str:
    """Of a function that `uses` a library, of which something may be changed."""
    library = ModuleType("library")
    exec(LIBRARY.format(**PLAIN | changed), vars(library))
    scope = {"lib": library} if uses.startswith("lib.") else dict(vars(library))
    exec(RULE.format(uses), scope)
    return function_digest(scope["on_bar"])


@pytest.mark.parametrize(
    ("uses", "changed"),
    [
        ("lib.helper(x)", {"fee": 9}),
        ("lib.helper(x)", {"more": 9}),
        ("helper(x)", {"more": 9}),
        ("lib.TABLE[x]", {"table": [1.0, 9.0]}),
        ("TABLE[x]", {"table": [1.0, 9.0]}),
        ("TABLE[x]", {"table": [[1.0, 2.0]]}),
        ("lib.Side.BUY", {"buy": 9}),
        ("Side.BUY", {"buy": 9}),
    ],
)
def test_what_a_function_uses_is_part_of_its_digest(uses: str, changed: dict[str, Any]) -> None:
    assert digest(uses) == digest(uses)
    assert digest(uses) != digest(uses, **changed)


@pytest.mark.parametrize("uses", ["lib.helper(x)", "lib.TABLE[x]", "lib.Side.BUY", "helper(x)"])
def test_what_it_does_not_use_is_not(uses: str) -> None:
    assert digest(uses) == digest(uses, unused=9)
