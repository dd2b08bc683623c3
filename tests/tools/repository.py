"""The repository as data for the tidy tests: its files, folders and code blocks."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = (
    "messages",
    "trading",
    "strategies",
    "venues",
    "journal",
    "actors",
    "supervisors",
    "scenarios",
)
_NOT_OURS: Final = {".venv", ".git", "runs", "dist", "build", "node_modules"}
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a Markdown page."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        """For test ids."""
        first = self.text.strip().splitlines()[0] if self.text.strip() else ""
        return f"{self.page.relative_to(ROOT)}: {first[:40]}"


def files(suffix: str = "") -> list[Path]:
    """Files of the project whose names end with `suffix`; in an unpacked copy, all that is there.

    Files that git ignores are not the project's, and new ones count before they are committed.
    """
    names = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(names, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        paths = [ROOT / line for line in listed.stdout.splitlines()]
    else:
        paths = [p for p in ROOT.rglob("*") if not _NOT_OURS & set(p.relative_to(ROOT).parts)]
    return sorted(p for p in paths if p.is_file() and p.name.endswith(suffix))


def package_files() -> list[Path]:
    """Python files of the packages that are shipped."""
    return [p for p in files(".py") if p.relative_to(ROOT).parts[0] in PACKAGES]


def pages() -> list[Path]:
    """Every Markdown page."""
    return files(".md")


def blocks(*languages: str) -> list[Block]:
    """Fenced blocks in these languages on every page."""
    return [
        Block(page, language, text)
        for page in pages()
        for language, text in _FENCE.findall(page.read_text())
        if language in languages
    ]


def prose() -> str:
    """README and docs/ as one text."""
    return "\n".join(page.read_text() for page in pages())


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(), filename=str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method in a file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def ids(path: Path) -> str:
    """A path as a test id."""
    return str(path.relative_to(ROOT))


def name_of(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
