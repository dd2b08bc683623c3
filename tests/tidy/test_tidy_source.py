"""House rules about the source that a linter cannot say."""

import ast
import re
from pathlib import Path

import pytest
from repository import ROOT, files, functions, ids, name_of, package_files, parsed

LINES_MAX = 400
FUNCTION_LINES_MAX = 60
# Spelled in pieces, so that this file does not contain what it forbids.
REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com")
MACHINE_PATH = re.compile(r"(?<![\w.~])/(?:work|root|home|Users)/\w")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")
BROAD = {"Exception", "BaseException"}
PYTHON = files(".py")


def text_of(path: Path) -> str:
    """Text of a file; binary captures have none."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize("path", PYTHON, ids=ids)
def test_a_file_fits_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", PYTHON, ids=ids)
def test_a_function_fits_on_one_screen(path: Path) -> None:
    long = [
        f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno + 1 > FUNCTION_LINES_MAX
    ]

    assert long == []


@pytest.mark.parametrize("path", package_files(), ids=ids)
def test_no_exception_is_swallowed(path: Path) -> None:
    lines = path.read_text().splitlines()
    swallowed = [h.lineno for h in handlers(path) if swallows(h, lines)]

    assert swallowed == [], "raise, log, keep it, or say in a comment why it is nothing"


@pytest.mark.parametrize("path", package_files(), ids=ids)
def test_nothing_broad_is_suppressed(path: Path) -> None:
    broad = [
        node.lineno
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and name_of(node.func) == "suppress"
        for argument in node.args
        if name_of(argument) in BROAD
    ]

    assert broad == []


def test_no_file_names_a_registry() -> None:
    found = [f"{ids(p)}: {host}" for p in files() for host in REGISTRIES if host in text_of(p)]

    assert found == []


def test_no_file_names_a_path_of_some_machine() -> None:
    found = [f"{ids(p)}: {m[0]}" for p in files() for m in [MACHINE_PATH.search(text_of(p))] if m]

    assert found == []


def test_nothing_is_left_unfinished() -> None:
    found = [f"{ids(p)}: {m[0]}" for p in PYTHON for m in [UNFINISHED.search(text_of(p))] if m]

    assert found == []


def test_tests_have_no_packages_and_unique_names() -> None:
    tests = [p for p in PYTHON if p.is_relative_to(ROOT / "tests")]
    names = [p.name for p in tests]

    assert "__init__.py" not in names
    assert len(names) == len(set(names)), sorted(n for n in set(names) if names.count(n) > 1)


@pytest.mark.parametrize("path", package_files(), ids=ids)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(parsed(path))


@pytest.mark.parametrize("path", sorted((ROOT / "trading" / "kernels").glob("*.py")), ids=ids)
def test_a_kernel_on_arrays_states_its_result_and_its_cost(path: Path) -> None:
    silent = [
        f.name
        for f in functions(path)
        if not f.name.startswith("_")
        and ("F8" in ast.unparse(f.args) or "ND" in ast.unparse(f.args))
        for field in ("->", "cost")
        if f"\n    {field} " not in (ast.get_docstring(f, clean=False) or "")
    ]

    assert silent == []


def handlers(path: Path) -> list[ast.ExceptHandler]:
    """Every except clause of a file."""
    return [n for n in ast.walk(parsed(path)) if isinstance(n, ast.ExceptHandler)]


def swallows(handler: ast.ExceptHandler, lines: list[str]) -> bool:
    """Whether an except clause makes an error disappear without a word.

    A clause that only passes needs a reason in a comment. A broad one must raise, or use the error
    (log it, wrap it, keep it).
    """
    if handler.type is None:
        return True
    clause = lines[handler.lineno - 1 : handler.end_lineno]
    if all(isinstance(s, ast.Pass | ast.Expr) and not calls(s) for s in handler.body):
        return not any("#" in line for line in clause)
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    if not BROAD & {name_of(n) for n in names}:
        return False
    inside = [n for s in handler.body for n in ast.walk(s)]
    raises = any(isinstance(n, ast.Raise) for n in inside)
    uses = any(isinstance(n, ast.Name) and n.id == handler.name for n in inside)
    logs = any(isinstance(n, ast.Call) and name_of(n.func) == "exception" for n in inside)
    return not (raises or uses or logs)


def calls(statement: ast.stmt) -> bool:
    """Whether a statement does something."""
    return any(isinstance(n, ast.Call | ast.Await | ast.Yield) for n in ast.walk(statement))
