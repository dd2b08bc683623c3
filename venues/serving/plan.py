"""`plan.toml`: a fault script as a file.

seed = 7

[[fault]]
kind = "MAINTENANCE"
at_s = 30
for_s = 10

[[fault]]
kind = "ACT_THEN_CUT"
probability = 0.05
requests = ["POST /api/v3/order"]
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from venues.serving.faults import REQUESTS, WHOLE, FaultKind, FaultScript, Rule

_K: Final = FaultKind
_TAKES_TIME: Final = (_K.SLOW_STREAM, _K.DELAY, _K.STALL, _K.SLOW_DRIP, _K.CLOCK_SKEW)


def read_plan(path: Path) -> FaultScript:
    """The script of a plan file.

    raises  ValueError in one line: the file, the place in it, and what is wrong there
    """
    try:
        found = tomllib.loads(path.read_text())
    except OSError as e:
        raise ValueError(f"{path}: {e.strerror}: name a TOML file of faults") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ValueError(f"{path}: not TOML: {e}") from None
    if unknown := sorted(found.keys() - {"seed", "fault"}):
        raise ValueError(f"{path}: {unknown[0]}: unknown; a plan has `seed` and [[fault]] tables")
    try:
        script = FaultScript(seed=found.get("seed", 0), rules=found.get("fault", ()))
    except ValidationError as e:
        first = e.errors()[0]
        place = ".".join(str(part) for part in first["loc"]).replace("rules", "fault", 1)
        raise ValueError(f"{path}: {place}: {first['msg']}") from None
    for i, rule in enumerate(script.rules):
        for key, problem in _meaningless(rule):
            raise ValueError(f"{path}: fault.{i}.{key}: {problem}")
    return script


def _meaningless(rule: Rule) -> Iterator[tuple[str, str]]:
    """What would be obeyed in silence and change nothing: (key, what to write)."""
    kind = rule.kind
    if rule.requests and kind not in REQUESTS:
        yield "requests", f"{kind} strikes no requests; remove it"
    if kind in _TAKES_TIME and not rule.delay_ms:
        yield "delay_ms", f"{kind} needs it: how long, in milliseconds"
    if kind not in _TAKES_TIME and rule.delay_ms:
        yield "delay_ms", f"{kind} takes no time; remove it"
    if rule.delay_ms < 0 and kind is not _K.CLOCK_SKEW:
        yield "delay_ms", "a time cannot be negative"
    if kind in WHOLE and (rule.probability < 1 or rule.times is not None):
        key = "times" if rule.times is not None else "probability"
        yield key, f"{kind} is in force while its time lasts; use at_s and for_s"
    if kind is not _K.PARTIAL_FILLS and "pieces" in rule.model_fields_set:
        yield "pieces", f"{kind} fills nothing; remove it"
