"""A page from its parts: one HTML file that loads nothing.

Style and script are in the file itself. The same parts give the same bytes: no clock, no random
ids. Text is escaped by the template; only what this package has drawn is put in as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from research.report_axes import number
from research.report_svg import Layer


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: drawn or tabular `body`, with a line of explanation under the title."""

    ident: str
    title: str
    body: Markup
    note: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One figure at the top. `tone` is good, bad or nothing."""

    name: str
    value: str
    hint: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell. `hint` is shown when the pointer rests on it; `shade` -1..1 colours it."""

    text: str
    hint: str = ""
    tone: str = ""
    shade: float | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; `rows` of texts or Cells, the first cell of each its heading."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    css: str = ""


def page(title: str, subtitle: str, cards: Sequence[Card], sections: Sequence[Section]) -> str:
    """The HTML of a report."""
    template = _environment().get_template("report.html")
    return template.render(title=title, subtitle=subtitle, cards=cards, sections=sections) + "\n"


def grid(headers: Sequence[str], rows: Iterable[Sequence[str | Cell]], css: str = "") -> Markup:
    """A table as HTML."""
    table = Grid(headers, [[_cell(c) for c in row] for row in rows], css)
    return Markup(_environment().get_template("grid.html").render(grid=table))


def fact_rows(document: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """A nested mapping as (path, value) pairs, in its order."""
    found: list[tuple[str, str]] = []
    for name, value in document.items():
        path = f"{before}{name}"
        if isinstance(value, Mapping):
            found += fact_rows(value, f"{path}.") or [(path, "-")]
        elif isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
            for i, each in enumerate(value):
                inner = each if isinstance(each, Mapping) else {"": each}
                found += fact_rows(inner, f"{path}[{i}].")
        else:
            found.append((path, fact(value)))
    return found


def fact(value: Any) -> str:
    """A setting or a parameter as text."""
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(fact(v) for v in value)
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def signed(value: float | None, text: str | None = None) -> Cell:
    """A number in the colour of its sign."""
    if value is None:
        return Cell("-")
    tone = "good" if value > 0.0 else "bad" if value < 0.0 else ""
    return Cell(number(value) if text is None else text, tone=tone)


def percent(value: float | None, places: int = 2) -> str:
    """A fraction as a percentage."""
    return "-" if value is None else f"{100.0 * value:,.{places}f} %"


def raw(*parts: str | Markup) -> Markup:
    """Drawings of this package, put together as they are."""
    return Markup("".join(parts))


def legend(layers: Sequence[Layer]) -> Markup:
    """Names of series beside their colours."""
    names = [Markup('<span class="{}">{}</span>').format(e.css, e.name) for e in layers]
    return raw('<p class="legend">', *names, "</p>")


def words(name: str) -> str:
    """A field's name for reading."""
    return name.replace("_ts", "").replace("_", " ")


def _cell(value: str | Cell) -> Cell:
    return value if isinstance(value, Cell) else Cell(value)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("research", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
