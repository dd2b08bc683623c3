"""The tables of docs/indicators.md and docs/statistics.md are what the code says."""

from typing import Final

from repository import ROOT

from research.figures import FIGURES
from trading.indicators import INDICATORS, Indicator


def rows(page: str) -> dict[str, list[str]]:
    """First cell -> the other cells, of every table row that begins with a name in backquotes."""
    lines = (ROOT / "docs" / page).read_text().replace(r"\|", "\0").splitlines()
    cells = [[c.strip().replace("\0", "|") for c in line.split("|")[1:-1]] for line in lines]
    return {c[0].strip("`"): c[1:] for c in cells if c and c[0].startswith("`")}


def parameters(indicator: Indicator) -> str:
    parts = (
        f"`{n}` {p.default:g}" if isinstance(p.default, float) else f"`{n}` {p.default}"
        for n, p in indicator.params.items()
    )
    return ", ".join(parts) or "none"


STATISTICS: Final = rows("statistics.md")


def test_every_figure_is_documented_as_it_is_computed() -> None:
    assert {n: [f.formula, f.unit] for n, f in FIGURES.items()} == STATISTICS
    assert list(STATISTICS) == list(FIGURES)


def test_every_indicator_is_documented_with_its_defaults() -> None:
    expected = {
        n: [", ".join(f"`{o}`" for o in i.outputs), parameters(i), ", ".join(i.inputs), i.formula]
        for n, i in INDICATORS.items()
    }

    assert rows("indicators.md") == expected
