"""Verbs about strategies: what there is, what may be set, what a live one knows; to change it."""

import getpass
import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from scenarios.cli_folders import find_run, secure_local_ray
from scenarios.cli_output import RUNS, Json, Mistake, RunsDir, facts, table
from scenarios.cli_output import show as out

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id or folder; `latest` for the latest one.")
]
Instance = Annotated[str, typer.Argument(metavar="STRATEGY", help="Its id in the run.")]


def list_(as_json: Json = False) -> None:
    """Print the built-in strategies: what each lives on, and one line about it.

    \b
    Examples:
      manta strategies list
      manta strategies list --json
    """
    from strategies import BUILT_IN, LIVE  # noqa: PLC0415 - the compiler

    rows = [_listed(name, _strategy(name)) for name in (*BUILT_IN, *LIVE)]
    columns = ("name", "streams", "parameters", "about")
    text = table(columns, [[row[c] for c in columns] for row in rows])
    out(rows, as_json=as_json, text=text)


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A built-in name, or path/to/file.py:Name.")
    ],
    as_json: Json = False,
) -> None:
    """Print a strategy's parameters: types, ranges, defaults, which may change while it runs.

    \b
    Examples:
      manta strategies show grid
      manta strategies show my_strategy.py:BREAKOUT --json
    """
    from trading.strategy_params import described  # noqa: PLC0415 - the compiler

    strategy = _strategy(name)
    model = _model(strategy)
    rows = described(model)
    document = _listed(name, strategy) | {
        "digest": _digest(strategy),
        "parameters": rows,
        "reloadable": sorted(model.reloadable()),
        "schema": model.model_json_schema(),
    }
    columns = ("name", "type", "default", "range", "reload", "description")
    text = [
        f"{name}: {document['about']}",
        f"lives on: {document['streams']}",
        "",
        *table(columns, [[_shown(row, c) for c in columns] for row in rows]),
    ]
    out(document, as_json=as_json, text=text)


def state(run: Run, strategy: Instance, runs_dir: RunsDir = RUNS, as_json: Json = False) -> None:
    """Print what a live strategy knows: memory, parameters, working orders, position.

    \b
    Examples:
      manta strategies state latest MAKER
      manta strategies state latest MAKER --json
    """
    document = _connect(run, runs_dir).strategy_state(strategy)
    out(document, as_json=as_json, text=_state_lines(document))


def params(
    run: Run,
    strategy: Instance,
    values: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="What to change.")],
    runs_dir: RunsDir = RUNS,
    as_json: Json = False,
) -> None:
    """Change parameters of a live strategy: all of them, or none. Restarts keep them.

    Only those that the strategy declares safe: see `manta strategies show`.

    \b
    Examples:
      manta params latest MAKER base_spread=0.0004 notional=250
    """
    wanted = dict(_parsed(text) for text in values)
    document = _connect(run, runs_dir).set_params(strategy, wanted, getpass.getuser())
    out(document, as_json=as_json, text=facts(document))


def _parsed(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    try:
        found = json.loads(value.lower())
    except ValueError:
        found = None
    if not (name and equals) or not isinstance(found, bool | int | float):
        raise Mistake(f"{text}: is no parameter: write name=number, name=true or name=false")
    return name.replace("-", "_"), found


def _strategy(name: str) -> Any:
    """A built-in strategy, or the user's own out of a file.

    raises  Mistake if there is none
    """
    import strategies  # noqa: PLC0415 - the compiler

    try:
        found = strategies.split(name)
        if found is None:
            return strategies.load_live(name)
        from pathlib import Path  # noqa: PLC0415

        from actors.user_code import pack  # noqa: PLC0415 - Ray
        from messages import encode  # noqa: PLC0415
        from messages.base import StrategyId  # noqa: PLC0415
        from scenarios.sweep_spec import load_strategy  # noqa: PLC0415

        message = pack(StrategyId(found[1]), Path(found[0]).expanduser(), found[1])
        return load_strategy(encode(message).decode())
    except (OSError, ValueError) as e:
        raise Mistake(f"{name}: {e}") from None


def _model(strategy: Any) -> Any:
    return getattr(strategy, "params", None) or strategy.Params


def _digest(strategy: Any) -> str:
    from trading.strategy import class_digest  # noqa: PLC0415

    return str(getattr(strategy, "digest", "")) or class_digest(strategy)


def _listed(name: str, strategy: Any) -> dict[str, Any]:
    from trading.strategy import STREAMS  # noqa: PLC0415

    compiled = hasattr(strategy, "handlers")
    has = strategy.handlers if compiled else _own(strategy)
    return {
        "name": name,
        "contract": "compiled" if compiled else "python",
        "streams": ", ".join(stream for n, stream in STREAMS.items() if n in has),
        "parameters": len(_model(strategy).model_fields),
        "about": _about(strategy),
    }


def _own(strategy: Any) -> set[str]:
    """What a Python strategy has of its own, inherited or not."""
    from trading.strategy_python import Strategy  # noqa: PLC0415 - see the command line's head

    kinds = [c for c in strategy.__mro__ if issubclass(c, Strategy) and c is not Strategy]
    return {name for kind in kinds for name in vars(kind)}


def _about(strategy: Any) -> str:
    """The first line of the module that the strategy's code stands in."""
    import sys  # noqa: PLC0415

    handlers = getattr(strategy, "handlers", None)
    code = next(iter(handlers.values())) if handlers else strategy
    doc = sys.modules[code.__module__].__doc__ or getattr(strategy, "__doc__", "") or ""
    return doc.strip().split("\n", 1)[0]


def _shown(row: dict[str, Any], column: str) -> Any:
    if column == "default" and row["required"]:
        return "(give it)"
    if column == "reload":
        return "yes" if row["reload"] else ""
    return row[column]


def _state_lines(document: dict[str, Any]) -> Iterator[str]:
    yield from facts({k: document[k] for k in ("strategy_id", "live", "paused", "intents")})
    for part in ("params", "changed"):
        yield ""
        yield from facts({part: document[part] or "nothing"})
    yield ""
    yield from facts({"memory": _short(document["memory"])})
    for part, columns in (
        ("positions", ("instrument_id", "quantity", "avg_px", "realized_pnl", "commissions")),
        (
            "executions",
            (
                "number",
                "method",
                "instrument_id",
                "side",
                "status",
                "quantity",
                "filled",
                "working",
                "slice",
                "slices",
                "reason",
            ),
        ),
        ("orders", ("sequence", "side", "type", "quantity", "filled", "price", "status", "tag")),
    ):
        yield ""
        rows = document[part]
        yield from table(columns, [[row[c] for c in columns] for row in rows])


def _short(value: Any) -> Any:
    """Lists as their length: windows are long."""
    if isinstance(value, dict):
        return {k: _short(v) for k, v in value.items()}
    return f"({len(value)} values)" if isinstance(value, list) else value


def _connect(run: str, runs_dir: Any) -> Any:
    folder = find_run(run, runs_dir)
    secure_local_ray(folder.parent)
    from scenarios.connect import connect  # noqa: PLC0415 - Ray

    return connect(folder)
