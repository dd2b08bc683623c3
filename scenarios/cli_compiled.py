"""Strategies and engines are compiled: whether that is allowed here, and where the code is kept."""

import os
from pathlib import Path
from typing import Final

from scenarios.cli_output import Mistake

_OFF: Final = "NUMBA_DISABLE_JIT"


def refuse_uncompiled() -> None:
    """Strategies and engines lay out memory as only compiled code can; without the compiler they
    would fail in words that help nobody.

    raises  Mistake
    """
    if os.environ.get(_OFF, "").strip() not in ("", "0"):
        raise Mistake(
            f"{_OFF}={os.environ[_OFF]}: strategies and backtests have to be compiled: unset it"
        )


def compiled_code_beside(runs_dir: Path) -> None:
    """Read when numba is imported, here and in every worker: compiled code is kept beside the runs.

    raises  Mistake
    """
    refuse_uncompiled()
    home = runs_dir.expanduser().resolve() / ".cache" / "numba"
    os.environ.setdefault("NUMBA_CACHE_DIR", str(home))
