"""What a person sees while a run goes on: a live screen on a terminal, plain lines elsewhere.

Both show a *view*: the plain data that `manta status --json` prints. A key that is not there is
not shown, so the first second of a run needs no special case.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from scenarios.summary import orders_open

View = Mapping[str, Any]
OnProgress = Callable[[View], None]
_LINE_EVERY_S: Final = 5.0
_GOOD, _BAD, _QUIET = "green", "red", "dim"


@contextmanager
def live_view(duration_s: float, *, as_json: bool) -> Iterator[OnProgress]:
    """A function to hand views to, for as long as the block lasts.

    as_json  nothing is shown: stdout belongs to one document
    """
    if as_json:
        yield lambda _: None
    elif sys.stdout.isatty():
        console = Console()
        with Live(Text("starting ..."), console=console, auto_refresh=False) as live:
            yield _unwatched(lambda view: live.update(screen(view, duration_s), refresh=True))
    else:
        yield _unwatched(_Lines(duration_s))


def _unwatched(show: OnProgress) -> OnProgress:
    """`show`, which may fail: that nobody reads any more is no reason to leave orders at a venue.

    `manta run ... | head -1` trades on until its time is up, and ends in order.
    """

    def tell(view: View) -> None:
        with suppress(OSError):
            show(view)

    return tell


class _Lines:
    """One plain line every few seconds, and whenever the state changes."""

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._said = ("", -_LINE_EVERY_S)

    def __call__(self, view: View) -> None:
        state, now_s = str(view.get("state", "")), time.monotonic()
        if state == self._said[0] and now_s - self._said[1] < _LINE_EVERY_S:
            return
        self._said = (state, now_s)
        sys.stdout.write(line(view, self._duration_s) + "\n")
        sys.stdout.flush()


def line(view: View, duration_s: float) -> str:
    """A view in one line."""
    actors = view.get("actors", ())
    serving = sum(1 for a in actors if a.get("state") == "serving")
    pnl = view.get("pnl") or {}
    parts = (
        f"{view.get('elapsed_s', 0.0):6.1f}/{duration_s:g} s",
        str(view.get("state", "starting")),
        f"actors {serving}/{len(actors)}",
        f"restarts {sum(a.get('restarts', 0) for a in actors)}",
        f"orders {sum((view.get('orders') or {}).values())}",
        f"fills {number(view.get('fills'))}",
        f"PnL {money(pnl.get('realized'))} realized {money(pnl.get('unrealized'))} unrealized",
    )
    return "  ".join(parts)


def screen(view: View, duration_s: float) -> RenderableType:
    """A view as a screen."""
    return Group(
        _headline(view, duration_s),
        _team(view.get("actors", ())),
        *_accounts(view.get("accounts") or ()),
        _market(view),
    )


def _headline(view: View, duration_s: float) -> RenderableType:
    elapsed_s = min(float(view.get("elapsed_s", 0.0)), duration_s)
    pnl = view.get("pnl") or {}
    grid = Table.grid(padding=(0, 3))
    grid.add_row(
        Text(str(view.get("state", "starting")), style="bold"),
        ProgressBar(total=duration_s, completed=elapsed_s, width=24),
        f"{duration_s - elapsed_s:.0f} s left",
        f"{_rate(view):,.0f} events/s",
        Text.assemble("realized ", _signed(pnl.get("realized"))),
        Text.assemble("unrealized ", _signed(pnl.get("unrealized"))),
    )
    title = f"{view.get('run_id', '')} · {view.get('mode', '')}"
    return Panel(grid, title=title, title_align="left")


def _team(actors: Any) -> RenderableType:
    grid = Table(expand=True, box=None, header_style=_QUIET)
    for name in ("actor", "class", "state"):
        grid.add_column(name)
    for name in ("pid", "incarnation", "restarts", "lag ms", "handled"):
        grid.add_column(name, justify="right")
    for actor in actors:
        state = str(actor.get("state", ""))
        restarts = int(actor.get("restarts", 0))
        grid.add_row(
            str(actor.get("name", "")),
            str(actor.get("class", "")),
            Text(state, style=_GOOD if state == "serving" else _BAD),
            str(actor.get("pid") or "-"),
            str(actor.get("incarnation") or "-"),
            Text(str(restarts), style="" if restarts == 0 else "yellow"),
            number(actor.get("lag_ms")),
            number(actor.get("handled")),
        )
    return Panel(grid, title="actors", title_align="left")


def _accounts(accounts: Any) -> tuple[RenderableType, ...]:
    """A row for each account, where a run has several."""
    if not accounts:
        return ()
    grid = Table(expand=True, box=None, header_style=_QUIET)
    for name in ("account", "trading", "stream"):
        grid.add_column(name)
    for name in ("events", "orders", "open", "fills"):
        grid.add_column(name, justify="right")
    for a in accounts:
        orders = a.get("orders") or {}
        up = a.get("stream_up")
        grid.add_row(
            str(a["account"]),
            str(a.get("trading_state") or "-"),
            Text("up" if up else "down", style=_GOOD if up else _BAD),
            number(a.get("events")),
            str(sum(orders.values())),
            str(orders_open(a.get("orders"))),
            number(a.get("fills")),
        )
    return (Panel(grid, title="accounts", title_align="left"),)


def _market(view: View) -> RenderableType:
    orders = Table(box=None, header_style=_QUIET)
    orders.add_column("orders")
    orders.add_column("", justify="right")
    for status, count in (view.get("orders") or {}).items():
        orders.add_row(str(status), str(count))
    orders.add_row("fills", number(view.get("fills")))

    positions = Table(box=None, header_style=_QUIET)
    positions.add_column("strategy")
    positions.add_column("position")
    for name in ("quantity", "average", "realized", "unrealized"):
        positions.add_column(name, justify="right")
    for p in view.get("positions") or ():
        positions.add_row(
            str(p.get("strategy_id", "")),
            str(p.get("instrument_id", "")),
            str(p.get("quantity", "")),
            money(p.get("avg_px")),
            _signed(p.get("realized_pnl")),
            _signed(p.get("unrealized_pnl")),
        )
    grid = Table.grid(expand=True)
    grid.add_row(
        Panel(orders, title="orders", title_align="left"),
        Panel(positions, title="positions", title_align="left"),
    )
    return grid


def _rate(view: View) -> float:
    """Market events a second since the start."""
    return float(view.get("events", 0)) / max(float(view.get("elapsed_s", 0.0)), 1.0)


def money(value: Any) -> str:
    """Two decimals, and "-" for what is not known."""
    return "-" if value is None else f"{float(value):,.2f}"


def number(value: Any) -> str:
    """At most one decimal."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _signed(value: Any) -> Text:
    if value is None:
        return Text("-")
    return Text(f"{float(value):+,.2f}", style=_BAD if float(value) < 0 else _GOOD)
