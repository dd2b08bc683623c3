"""What a piece of Python prints in processes whose maps and sets have other orders."""

import os
import subprocess
import sys
from pathlib import Path


def printed(code: str, *seeds: str) -> set[str]:
    """Everything that `code` printed: one text if no order of a map or set matters to it."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in seeds
    ]
    answers = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0] * len(running)
    return answers
