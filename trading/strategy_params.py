"""Parameters of a strategy as people meet them: what there is, what may change, what is wrong."""

from collections.abc import Mapping
from typing import Any

from messages import ValidationError
from messages.control import ParamsRefusal, ParamValue
from trading.strategy import StrategyParams


def reload_refusal(
    model: type[StrategyParams], after: Mapping[str, ParamValue], asked: Mapping[str, ParamValue]
) -> tuple[str, ParamsRefusal, str] | None:
    """Why `asked` may not be changed in a running strategy: (parameter, code, reason), or None.

    after  all values that differ from the defaults, if they were changed
    """
    reloadable = model.reloadable()
    may = ", ".join(sorted(reloadable)) or "none of them"
    for name in asked:
        if name not in model.model_fields:
            known = ", ".join(model.model_fields)
            return name, ParamsRefusal.UNKNOWN, f"{name}: no such parameter: there are {known}"
        if name not in reloadable:
            reason = f"{name} may not change while the strategy runs; these may: {may}"
            return name, ParamsRefusal.NOT_RELOADABLE, reason
    try:
        model(**after)
    except ValidationError as e:
        first = e.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else next(iter(asked), "")
        reason = f"{name} = {after.get(name)}: {first['msg']}"
        return name, ParamsRefusal.OUT_OF_RANGE, reason
    return None


def described(model: type[StrategyParams]) -> list[dict[str, Any]]:
    """A row a parameter: name, type, default (None: it must be given), range, reload, meaning."""
    schema = model.model_json_schema()
    required, rows = set(schema.get("required", ())), []
    for name, about in schema.get("properties", {}).items():
        rows.append(
            {
                "name": name,
                "type": about.get("type"),
                "default": about.get("default"),
                "required": name in required,
                "range": _range(about),
                "reload": bool(about.get("reload", False)),
                "description": about.get("description", ""),
            }
        )
    return rows


def _range(about: Mapping[str, Any]) -> str:
    """The range as people write it: "(0, 1]", "[1, inf)"; "" for none."""
    low = about.get("minimum", about.get("exclusiveMinimum"))
    high = about.get("maximum", about.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    left = f"{'[' if 'minimum' in about else '('}{low}" if low is not None else "(-inf"
    right = f"{high}{']' if 'maximum' in about else ')'}" if high is not None else "inf)"
    return f"{left}, {right}"
