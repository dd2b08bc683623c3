"""Documentation is true: verbs, options, settings, links and examples exist; the code runs."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from repository import ROOT, Block, blocks, ids, pages, prose

from scenarios.cli_verbs import app

LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
COMMANDS: Final = typer.main.get_command(app)


def verbs(group: Any = COMMANDS, before: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """("journal verify", command) for every verb."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


VERBS: Final = dict(verbs())
SHELL: Final = blocks("bash")
MANTA: Final = [
    line.strip() for block in SHELL for line in block.text.splitlines() if "manta " in line
]


def options(command: Any) -> set[str]:
    """Option names of a verb."""
    return {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}


@pytest.mark.parametrize("verb", VERBS)
def test_the_docs_mention_every_verb(verb: str) -> None:
    assert f"manta {verb}" in prose()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_json_help_and_an_example(verb: str) -> None:
    command = VERBS[verb]

    assert "--json" in options(command)
    assert f"manta {verb}" in command.help
    assert all(p.help for p in command.params if p.param_type_name == "option")


@pytest.mark.parametrize("line", MANTA)
def test_an_example_command_exists(line: str) -> None:
    words = shlex.split(line.split("manta ", 1)[1].split("&&", maxsplit=1)[0], comments=True)
    verb = next(
        v for v in sorted(VERBS, key=len, reverse=True) if words[: len(v.split())] == v.split()
    )
    given = {w.split("=")[0] for w in words if w.startswith("-")}

    assert given <= options(VERBS[verb])


def pages_with_python() -> list[Path]:
    """Pages that show Python."""
    return sorted({block.page for block in blocks("python")})


@pytest.mark.parametrize("page", pages_with_python(), ids=ids)
def test_the_python_of_a_page_runs_from_its_top_to_its_end(page: Path, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text("\n".join(b.text for b in blocks("python") if b.page == page))

    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_a_toml_example_is_toml(block: Block) -> None:
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("page", pages(), ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [t.split("#")[0] for t in LINK.findall(page.read_text())]
    inside = [t for t in targets if t and "://" not in t]
    dead = [t for t in inside if not (page.parent / t).exists()]

    assert dead == []


def test_every_decision_is_in_the_list() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text()
    missing = [p.name for p in folder.glob("[0-9]*.md") if f"({p.name})" not in listed]

    assert missing == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(p.name[:3]) for p in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))

    assert numbers == list(range(1, len(numbers) + 1))


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_map_in_the_readme_is_the_tree() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = [
        p.parent.name for p in ROOT.glob("*/__init__.py") if f"`{p.parent.name}/`" not in readme
    ]

    assert missing == []
