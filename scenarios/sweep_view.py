"""What a person sees of a sweep: a live line on a terminal, plain lines elsewhere, and the end."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from scenarios.cli_output import facts, table

View = Mapping[str, Any]
_LINE_EVERY_S: Final = 5.0
_SHOWN_EVERY_S: Final = 0.1
_COLUMNS: Final = (
    "sharpe", "total_return", "max_drawdown", "profit_factor", "win_rate", "trades", "pnl"
)  # fmt: skip


@contextmanager
def sweep_view(*, as_json: bool) -> Iterator[Callable[[View], None]]:
    """A function to hand progress to; it draws on stderr, so stdout has the result alone."""
    if sys.stderr.isatty():
        columns = (
            SpinnerColumn(),
            TextColumn("{task.fields[state]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
        )
        with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as progress:
            yield _Drawn(progress)
    elif as_json:
        yield lambda _: None
    else:
        yield _Lines()


class _Drawn:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, state="starting", said="")
        self._shown_s = 0.0
        self._state = ""

    def __call__(self, view: View) -> None:
        now_s = time.monotonic()
        last = view.get("done") == view.get("total")
        if view["state"] == self._state and now_s - self._shown_s < _SHOWN_EVERY_S and not last:
            return
        self._shown_s, self._state = now_s, view["state"]
        known = {k: view[k] for k in ("total",) if k in view}
        if "done" in view:
            known["completed"] = view["done"]
        self._progress.update(self._task, state=view["state"], said=said(view), **known)
        self._progress.refresh()


class _Lines:
    """A line every few seconds, and whenever the state changes."""

    def __init__(self) -> None:
        self._said = ("", -_LINE_EVERY_S)

    def __call__(self, view: View) -> None:
        now_s = time.monotonic()
        if view["state"] == self._said[0] and now_s - self._said[1] < _LINE_EVERY_S:
            return
        self._said = (view["state"], now_s)
        done = f"  {view['done']}/{view['total']}" if "done" in view else ""
        sys.stderr.write(f"{view['state']}{done}  {said(view)}".rstrip() + "\n")
        sys.stderr.flush()


def said(view: View) -> str:
    """Rate, best and time left, where they are known."""
    parts = []
    if view.get("rate"):
        parts.append(f"{view['rate']:,.0f}/s")
    if view.get("best") is not None:
        parts.append(f"best {view['best']:.4g}")
    if view.get("eta_s") is not None:
        parts.append(f"{view['eta_s']:,.0f} s left")
    return "  ".join(parts)


def lines(summary: Mapping[str, Any]) -> Iterable[str]:
    """The end of a sweep: the best ten, then what validation says."""
    yield from _top(summary)
    rate = summary["combos_per_s"]
    shown = {
        "run": summary["run_id"],
        "status": summary["status"],
        "trials": f"{summary['trials']} ({_counted(summary['statuses'])})",
        "failed": _failed(summary),
        "rate": None if rate is None else f"{rate:,.1f} a second",
        "table": summary["files"]["table"],
        "sha256": summary["table_sha256"],
    }
    yield ""
    yield from facts(shown)
    if summary["validation"] and not _all_failed(summary):
        yield ""
        yield from facts(_judged(summary["validation"]))
    yield ""
    yield _verdict(summary)


def _top(summary: Mapping[str, Any]) -> Iterable[str]:
    found = summary["top"]
    if not found:
        if not _all_failed(summary):  # which the last line says
            yield "no trial came to its end with a figure for the objective"
        return
    first = found[0]["params"]
    # What never differs is not worth a column.
    names = [n for n in first if len({r["params"][n] for r in found}) > 1] or list(first)
    rows = [
        [r["trial"], *(r["params"][n] for n in names), *(_short(r[c]) for c in _COLUMNS)]
        for r in found
    ]
    yield from table(("trial", *names, *_COLUMNS), rows)


def _judged(found: Mapping[str, Any]) -> dict[str, Any]:
    if "reason" in found:
        return {"validation": found["reason"]}
    deflated, over = found["deflated"], found["overfitting"]
    walks = found["walk_forward"]
    cross = found["cross_validation"]
    ahead, warm = found["look_ahead"], found["warm_up"]
    return {
        "Sharpe, a year": _short(deflated.get("sharpe")),
        "expected of luck": _short(deflated.get("hurdle")),
        "deflated Sharpe": _short(deflated.get("deflated_sharpe", deflated.get("reason"))),
        "overfitting (PBO)": _short(over.get("pbo", over.get("reason"))),
        "walk-forward": ", ".join(
            f"{name} {_short(w.get('sharpe_out', w.get('reason')))}" for name, w in walks.items()
        ),
        "cross-validation": _short(cross.get("median_sharpe_out", cross.get("reason"))),
        "look-ahead": "none found" if ahead["ok"] else "DECIDES WITH KNOWLEDGE OF THE FUTURE",
        "warm-up": f"{warm['bars_needed']} bars" if warm["ok"] else "NEVER WARM",
    }


def _verdict(summary: Mapping[str, Any]) -> str:
    found = summary["validation"]
    if summary["status"] != "done":
        return f"Interrupted. Go on with: manta sweep --resume {summary['run_id']}"
    if _all_failed(summary):
        params = " ".join(f"--param {n}={v}" for n, v in summary["failed"]["params"].items())
        alone = f"manta backtest --strategy {summary['strategy']} --data {summary['data']['of']}"
        return f"Every trial failed, {_failed(summary)}. One alone says where: {alone} {params}"
    if "verdict" not in found:
        return "Not validated."
    if found["verdict"]["significant"]:
        return "The best trial is better than luck would have it, by these measures."
    return f"NOT SIGNIFICANT: {'; '.join(found['verdict']['against'])}."


def _failed(summary: Mapping[str, Any]) -> str | None:
    found = summary.get("failed")
    if found is None:
        return None
    return f"{found['trials']} of {summary['tried']}; trial {found['trial']}: {found['why']}"


def _all_failed(summary: Mapping[str, Any]) -> bool:
    others = {"done", "stopped", "pending"} & summary["statuses"].keys()
    return summary.get("failed") is not None and not others


def _counted(statuses: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in statuses.items())


def _short(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value
