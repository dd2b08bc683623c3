"""Where an axis has its marks, and how numbers and times are written. UTC throughout."""

from datetime import UTC, datetime
from math import ceil, floor, isfinite, log10
from typing import Final

SECOND_NS: Final = 1_000_000_000
_DAY_S: Final = 86_400
# Distances of marks on a time axis below a month, s.
_STEPS_S: Final = (
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, _DAY_S,
    2 * _DAY_S, 7 * _DAY_S, 14 * _DAY_S,
)  # fmt: skip
_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240)
_MONTH_S: Final = 30.44 * _DAY_S
_PLACES_MAX: Final = 8
_PART_MIN: Final = 5e-4


def value_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers in [low, high]: multiples of 1, 2 or 5 times a power of ten, about `count`."""
    if not (isfinite(low) and isfinite(high)) or high <= low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** floor(log10(rough))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough * 0.999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def time_ticks(start_ns: int, end_ns: int, count: int = 8) -> list[tuple[int, str]]:
    """(ns, label) of round times in [start, end]: about `count`, on whole days or months."""
    span_s = (end_ns - start_ns) / SECOND_NS
    if span_s <= 0:
        return [(start_ns, when(start_ns))]
    step_s = next((s for s in _STEPS_S if span_s / s <= count), None)
    if step_s is None:
        return _month_ticks(start_ns, end_ns, count)
    step = step_s * SECOND_NS
    pattern = "%m-%d" if step_s >= _DAY_S else "%m-%d %H:%M" if step_s >= 60 else "%H:%M:%S"
    marks = range(-(-start_ns // step) * step, end_ns + 1, step)
    return [(t, _text(t, pattern)) for t in marks]


def _month_ticks(start_ns: int, end_ns: int, count: int) -> list[tuple[int, str]]:
    span_s = (end_ns - start_ns) / SECOND_NS
    step = next((m for m in _MONTHS if span_s / _MONTH_S / m <= count), _MONTHS[-1])
    first = datetime.fromtimestamp(start_ns // SECOND_NS, UTC)
    month = (first.year * 12 + first.month - 1) // step * step
    found: list[tuple[int, str]] = []
    while True:
        date = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        at = int(date.timestamp()) * SECOND_NS
        if at > end_ns:
            return found
        if at >= start_ns:
            found.append((at, f"{date:%Y}" if step >= 12 else f"{date:%Y-%m}"))
        month += step


def when(ts_ns: int) -> str:
    """As in 2024-08-08 09:30:00; the fraction only where there is one."""
    text = _text(ts_ns, "%Y-%m-%d %H:%M:%S")
    fraction = ts_ns % SECOND_NS
    return f"{text}.{fraction:09d}".rstrip("0") if fraction else text


def to_ms(ts_ns: int) -> str:
    """The same to the nearest millisecond: for tables that need the room."""
    return when((ts_ns + 500_000) // 1_000_000 * 1_000_000)


def _text(ts_ns: int, pattern: str) -> str:
    return datetime.fromtimestamp(ts_ns // SECOND_NS, UTC).strftime(pattern)


def duration(ns: float) -> str:
    """As in 3.2 d, 5.0 h, 12 min, 40 s, 12 ms."""
    seconds = ns / SECOND_NS
    for name, size in (("d", _DAY_S), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds * 1000:.3g} ms"


def tick_text(value: float, step: float, *, percent: bool = False) -> str:
    """A mark's label, with as many places as the distance of marks needs."""
    if percent:
        value, step = 100.0 * value, 100.0 * step
    places = max(0, min(_PLACES_MAX, -floor(log10(step) + 1e-9))) if step > 0 else 2
    text = f"{value:,.{places}f}"
    if float(text.replace(",", "")) == 0.0:
        text = text.removeprefix("-")
    return f"{text} %" if percent else text


def number(value: float, digits: int = 4) -> str:
    """A number for a table: thousands apart, about `digits` that mean something."""
    if not isfinite(value):
        return "-"
    if value == 0.0:
        return "0"
    whole = floor(log10(abs(value))) + 1
    places = max(0, digits - whole) if whole > -4 else 2 * digits
    text = f"{value:,.{min(places, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def figure_text(value: float | int | None, unit: str) -> str:
    """One of the performance figures, in the unit that `research.figures` gives it."""
    if value is None:
        return "-"
    if unit.startswith("ns since"):
        return when(int(value))
    if unit.startswith("fraction") and "trades" not in unit:
        # What two places would call nothing is written in digits that mean something.
        tiny = 0.0 < abs(value) < _PART_MIN
        return f"{number(100.0 * value, 2) if tiny else format(100.0 * value, ',.2f')} %"
    if unit == "count":
        return f"{int(value):,}"
    if unit.startswith("quote"):
        return f"{value:,.2f}" if abs(value) >= 1.0 else number(value)
    if unit.startswith("probability"):
        return f"{100.0 * value:.1f} %"
    return number(float(value))
