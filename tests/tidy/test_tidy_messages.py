"""The vocabulary is closed, documented and tagged."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
from repository import ROOT

import messages
from messages import AnyMessage, Command, Event, Message

MODULES = sorted(p.stem for p in (ROOT / "messages").glob("*.py") if p.stem != "__init__")
UNION = get_args(AnyMessage)


def defined() -> list[type[Message]]:
    """Message classes with a tag, in every module of `messages`."""
    found: list[type[Message]] = []
    for module in (import_module(f"messages.{name}") for name in MODULES):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, Message) and kind.__module__ == module.__name__:
                found.append(kind)
    return [kind for kind in found if "kind" in kind.model_fields]


def snake(name: str) -> str:
    """OrderFilled -> order_filled."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).removeprefix("_")


def test_every_message_is_in_the_wire_union() -> None:
    assert {k.__name__ for k in defined()} == {k.__name__ for k in UNION}


def test_every_tag_is_one_message() -> None:
    assert len(messages.KINDS) == len(UNION)


@pytest.mark.parametrize("kind", UNION, ids=lambda k: k.__name__)
def test_a_message_is_documented_tagged_by_its_name_and_closed(kind: type[Message]) -> None:
    own = vars(kind).get("__doc__")

    assert own
    assert kind.model_fields["kind"].default == snake(kind.__name__)
    assert issubclass(kind, Command | Event)
    assert kind.model_config.get("frozen")
    assert kind.model_config.get("extra") == "forbid"
    assert kind.model_config.get("strict")


def test_every_package_ships_its_types() -> None:
    unmarked = [p.name for p in packages() if not (p / "py.typed").is_file()]

    assert unmarked == []


def packages() -> list[Path]:
    """Top-level import packages."""
    return [p.parent for p in ROOT.glob("*/__init__.py")]
