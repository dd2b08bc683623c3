"""Tests are claims: every one asserts, and none replaces our own code by a mock."""

import ast
import re
from pathlib import Path

import pytest
from repository import ROOT, files, functions, ids, name_of, parsed

FILES = [p for p in files(".py") if p.is_relative_to(ROOT / "tests")]
TESTS = [p for p in FILES if p.name.startswith("test_")]
EXPECTING = {"raises", "warns", "fail"}


# A table that a test plays says what must come of it, in lines or behind an arrow.
EXPECTED = re.compile(r"->|^\s*(?:=>|=|>)", re.MULTILINE)


def asserts(test: ast.AST) -> bool:
    """Whether a test can fail by a word of its own, not only inside what it calls."""
    called = {name_of(n.func) for n in ast.walk(test) if isinstance(n, ast.Call)}
    return (
        any(isinstance(n, ast.Assert) for n in ast.walk(test))
        or bool(called & EXPECTING)
        or ("play" in called and bool(EXPECTED.search(text_in(test))))
    )


def text_in(node: ast.AST) -> str:
    """The constant text inside a node."""
    constants = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
    return "\n".join(c for c in constants if isinstance(c, str))


@pytest.mark.parametrize("path", TESTS, ids=ids)
def test_every_test_asserts_in_its_own_body(path: Path) -> None:
    tests = [f for f in functions(path) if f.name.startswith("test_")]

    assert [f.name for f in tests if not asserts(f)] == []


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_test_mocks(path: Path) -> None:
    mocked = [
        n.lineno
        for n in ast.walk(parsed(path))
        if (isinstance(n, ast.ImportFrom) and n.module == "unittest.mock")
        or (isinstance(n, ast.Import) and any(a.name.startswith("unittest.mock") for a in n.names))
    ]

    assert mocked == []
