"""Tests are claims: every one asserts something, and none replaces our own code by a mock."""

import ast
from pathlib import Path

import pytest
from repository import ROOT, files, functions, ids, parsed

FILES = [p for p in files(".py") if p.is_relative_to(ROOT / "tests")]
TESTS = [p for p in FILES if p.name.startswith("test_")]
EXPECTING = {"raises", "warns", "fail", "fixture_error"}


def called(node: ast.AST) -> set[str]:
    """Names of everything that is called inside a node."""
    found: set[str] = set()
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            func = call.func
            found.add(func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", ""))
    return found


def asserting() -> set[str]:
    """Functions of tests/ that assert, themselves or through one another, by name."""
    every = [f for path in FILES for f in functions(path)]
    known = {f.name for f in every if any(isinstance(n, ast.Assert) for n in ast.walk(f))}
    known |= EXPECTING
    while True:
        more = {f.name for f in every if f.name not in known and called(f) & known}
        if not more:
            return known
        known |= more


KNOWN = asserting()


@pytest.mark.parametrize("path", TESTS, ids=ids)
def test_every_test_asserts(path: Path) -> None:
    silent = [f.name for f in functions(path) if f.name.startswith("test_") and f.name not in KNOWN]

    assert silent == []


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_test_mocks(path: Path) -> None:
    mocked = [
        n.lineno
        for n in ast.walk(parsed(path))
        if (isinstance(n, ast.ImportFrom) and n.module == "unittest.mock")
        or (isinstance(n, ast.Import) and any(a.name.startswith("unittest.mock") for a in n.names))
    ]

    assert mocked == []
