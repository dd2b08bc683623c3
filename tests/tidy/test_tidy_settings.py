"""docs/settings.md has exactly the settings that a RunSpec has, with their defaults."""

import re
import tomllib
from typing import Any, Final

import pytest
from pydantic import BaseModel
from repository import ROOT, blocks

from scenarios import spec
from scenarios.spec import RunSpec, resolve

PAGE: Final = (ROOT / "docs" / "settings.md").read_text()
ROW: Final = re.compile(r"^\| `(\w+)` \| (.*?) \| .+ \|$", re.MULTILINE)
SECTIONS: Final = {
    "The run": spec.RunSpec,
    "`[venue]`": spec.VenueSpec,
    "`[risk]`": spec.RiskSpec,
    "`[feed]`": spec.FeedSpec,
    "`[reconciler]`": spec.ReconcilerSpec,
    "`[[instruments]]`": spec.InstrumentSpec,
    "`[[strategies]]`": spec.StrategySpec,
}


TOLD_IN_WORDS: Final = {"balances"}


def default(field: Any) -> str:
    """A default as TOML has it."""
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, bool):
        return str(value).lower()
    return str(list(value)) if isinstance(value, tuple) else str(value) or '""'


def documented(section: str) -> dict[str, str]:
    """Setting -> default, of one section of the page."""
    text = PAGE.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    return {name: default.strip("`") for name, default in ROW.findall(text)}


def plain(model: type[BaseModel]) -> dict[str, Any]:
    """Fields of a part that are no sections of their own."""
    sections = {"venue", "risk", "feed", "reconciler", "instruments", "strategies"}
    inner = sections if model is RunSpec else set()
    return {n: f for n, f in model.model_fields.items() if n not in inner}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_has_every_setting_and_no_other(section: str) -> None:
    assert documented(section).keys() == plain(SECTIONS[section]).keys()


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_has_the_defaults(section: str) -> None:
    fields = plain(SECTIONS[section])
    told = {n: d for n, d in documented(section).items() if n not in TOLD_IN_WORDS}

    assert told == {n: default(f) for n, f in fields.items() if n not in TOLD_IN_WORDS}


def test_every_section_of_a_run_is_on_the_page() -> None:
    sections = {re.sub(r"\W", "", s) for s in SECTIONS if s != "The run"}
    parts = RunSpec.model_fields.keys() - plain(RunSpec).keys()

    assert sections == parts


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_an_example_is_a_run(block: Any) -> None:
    table = tomllib.loads(block.text)
    if "instruments" in table and "strategies" in table:
        assert resolve(table).strategies
    else:
        assert table
