"""`manta bench`: how fast it is here, beside its peers.

The benchmarks are no part of the installed package: they are scripts of the repository, and run in
a process of their own, which needs its own settings of compiler and Ray.
"""

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from scenarios.cli_output import Json, Mistake

WORKLOADS: Final = (
    *("w1", "w1_python", "w2", "w3", "w4", "w5", "w7"),
    *("decode", "feed", "soak", "cold", "linear"),
)
FOLDER: Final = Path(__file__).resolve().parents[1] / "benchmarks"


def bench(
    workloads: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORKLOAD]...", help=f"Of {', '.join(WORKLOADS)}; all by default."),
    ] = None,
    peers: Annotated[
        bool, typer.Option(help="Also run the peers, in environments that uv makes for them.")
    ] = True,
    runs: Annotated[int, typer.Option(min=1, max=99, help="Figures are medians of these.")] = 5,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Data of w1, w3 and w4; made if missing.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Measure this machine: ours, the peers and a bare compiled loop, in turns.

    \b
    Examples:
      manta bench w1
      manta bench --no-peers --runs 7
      manta bench w1 w2 w3 --json
    """
    unknown = [name for name in workloads or () if name not in WORKLOADS]
    if unknown:
        raise Mistake(
            f"{unknown[0]}: there is no such workload: choose from {', '.join(WORKLOADS)}"
        )
    script = FOLDER / "bench.py"
    if not script.is_file():
        raise Mistake(
            "benchmarks: they are not part of the installed package:"
            " run `manta bench` in a checkout of the repository"
        )
    options = [*(workloads or ()), "--runs", str(runs), "--peers" if peers else "--no-peers"]
    options += ["--json"] if as_json else []
    options += ["--data", str(data.resolve())] if data is not None else []
    return subprocess.run([sys.executable, str(script), *options], check=False).returncode
