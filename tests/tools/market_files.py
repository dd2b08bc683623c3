"""Small files of market data, and where the shared ones lie."""

from pathlib import Path
from typing import Final

import pytest

MARKET: Final = Path(__file__).parents[3] / "shared/data/market"
needs_market = pytest.mark.skipif(not MARKET.is_dir(), reason="no ../shared/data/market")
T0_S: Final = 1_704_067_200  # 2024-01-01


def bar_lines(count: int, step_s: int = 60, unit: int = 1_000, first_s: int = T0_S) -> list[str]:
    """Rows "time,open,high,low,close,volume", sound and different; `unit` a second."""
    return [
        f"{(first_s + i * step_s) * unit},{100 + n},{110 + n},{90 + n},{101 + n},{i}"
        for i, n in ((i, i % 7) for i in range(count))
    ]


def written(path: Path, *lines: str) -> Path:
    """A file with these lines."""
    path.write_text("\n".join(lines) + "\n")
    return path
