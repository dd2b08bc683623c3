"""Where a strategy's code comes from: built in by name, or a user's own file, sent as a message."""

from importlib.resources import files
from pathlib import Path

from actors.user_code import pack
from messages import encode
from messages.base import StrategyId
from scenarios.spec import BadSpec, StrategySpec
from strategies import BUILT_IN, LIVE


def source_of(strategy: StrategySpec) -> str:
    """A built-in name as it is; "path.py:Name" as the JSON of a LoadStrategy message.

    raises  BadSpec if there is no such strategy
    """
    name = strategy.strategy
    path, colon, entry = name.rpartition(":")
    if not colon:
        if name not in (names := (*BUILT_IN, *LIVE)):
            known = ", ".join(sorted(names))
            raise BadSpec(
                f"strategies.{strategy.id}.strategy: {name!r} is not built in; "
                f"use one of {known}, or path/to/file.py:Name"
            )
        return name
    try:
        message = pack(StrategyId(strategy.id), _file(path), entry)
    except (OSError, ValueError) as e:
        raise BadSpec(f"strategies.{strategy.id}.strategy: {name}: {e}") from None
    return encode(message).decode()


def _file(path: str) -> Path:
    """A user's file; "presets/..." that is not one of theirs is a preset's own."""
    ours = Path(str(files("scenarios"))) / path
    theirs = Path(path).expanduser()
    return ours if path.startswith("presets/") and not theirs.exists() else theirs
