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
from pathlib import Path

from pydantic import ValidationError

from venues.serving.faults import FaultScript


def read_plan(path: Path) -> FaultScript:
    """The script of a plan file.

    raises  ValueError in one line: the file, the place in it, and what is wrong there
    """
    try:
        found = tomllib.loads(path.read_text())
    except OSError as e:
        raise ValueError(f"{path}: {e.strerror}: name a TOML file of faults") from None
    except tomllib.TOMLDecodeError as e:
        raise ValueError(f"{path}: not TOML: {e}") from None
    if unknown := sorted(found.keys() - {"seed", "fault"}):
        raise ValueError(f"{path}: {unknown[0]}: unknown; a plan has `seed` and [[fault]] tables")
    try:
        return FaultScript(seed=found.get("seed", 0), rules=found.get("fault", ()))
    except ValidationError as e:
        first = e.errors()[0]
        place = ".".join(str(part) for part in first["loc"]).replace("rules", "fault", 1)
        raise ValueError(f"{path}: {place}: {first['msg']}") from None
