"""A whole run: venue, Ray, actors, a bounded time of trading, an orderly end, and the summary."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import ray
from ray.exceptions import RayError

from actors.names import NAMESPACE
from messages import encode
from messages.base import NS_PER_S
from messages.control import Shutdown
from scenarios import assemble, venue_process
from scenarios.connect import Connected, connect
from scenarios.folder import RunFolder, create, keeps_orders, prepare, told_to_stop
from scenarios.metrics_endpoint import MetricsEndpoint
from scenarios.signals import heed_signals
from scenarios.spec import BadSpec, RunSpec
from scenarios.summarize import summarize
from scenarios.summary import Summary
from scenarios.venue_process import Place, VenueProcess
from scenarios.view import NO_CORE, actor, books, discrepancies, look, of_accounts, view
from supervisors.environment import worker_environment
from supervisors.local_ray import start_local_ray
from supervisors.plan import Plan
from supervisors.process import birth
from supervisors.system import CannotServe, start_system, stop_system, wait_serving
from supervisors.tree import leaves
from supervisors.warm import quiet_driver
from trading.wiring import Role

OnProgress = Callable[[dict[str, Any]], None]
_SERVE_S: Final = 90.0
_POLL_S: Final = 0.5
_WIND_DOWN_S: Final = 15.0
_AGREE_S: Final = 15.0
# What keeps an actor from serving and the user can mend; anything else is a failure of the run.
_MENDABLE: Final = frozenset(
    (
        *("JournalBusy", "JournalCorrupt", "JournalTooNew", "WrongLease", "DiskFull"),
        *("JournalUnavailable", "RecoveryMismatch", "PermissionError"),
    )
)
_CPUS: Final = 2  # what Ray believes: it keeps a worker ready for each, and actors ask for none
# What every worker imports before it is given work. Not ccxt and numba: they would cost each of a
# dozen processes half a second at the start, and only few of them need one.
_PRELOAD: Final = ("numpy", "pydantic", "aiosqlite", "prometheus_client", "actors.shell")


def run(
    spec: RunSpec,
    *,
    runs_dir: Path,
    resume: Path | None = None,
    address: str | None = None,
    on_progress: OnProgress | None = None,
    feed: str = assemble.FEED,
) -> Summary:
    """Run `spec` until its time is up, it is told to stop, or a signal interrupts.

    resume   folder of an earlier start to go on with: same code path, its journal decides
    address  an existing Ray cluster; None starts a local one
    feed     import path of the feed's class
    raises   BadSpec with one line for the user; CannotServe if an actor says why it cannot
    """
    # First: what is refused leaves no folder.
    instruments = {tag: venue_process.instruments_of(part) for tag, part in spec.parts.items()}
    folder = create(spec, runs_dir) if resume is None else _reopen(resume)
    places = {tag: Place(folder, tag) for tag in spec.parts}
    venues: dict[str, VenueProcess] = {}
    begun_s, refused = time.time(), False
    try:
        for tag, part in spec.parts.items():
            venues[tag] = venue_process.start(part, places[tag], instruments[tag])
        keys = {k: v for venue in venues.values() for k, v in venue.environment().items()}
        # Compiled strategies outlive the run: a second start, and every restart, compiles nothing.
        os.environ.setdefault("NUMBA_CACHE_DIR", str(folder.path.parent / ".cache" / "numba"))
        with _environment(keys):
            try:
                _start_ray(spec, address, keys)
                heed_signals()  # Ray has set its own
                for tag, venue in venues.items():
                    venue.wait(places[tag])  # they start while Ray does
                configs = [
                    assemble.run_config(part, places[tag], instruments[tag], venues[tag])
                    for tag, part in spec.parts.items()
                ]
                plan = assemble.plan(spec, folder, configs, feed)
                try:
                    return _trade(spec, folder, plan, begun_s, on_progress or (lambda _: None))
                finally:
                    stop_system(plan, "the run ends")
            finally:
                ray.shutdown()
    except BadSpec:
        refused = resume is None
        raise
    finally:
        for tag, venue in venues.items():
            if not (keeps_orders(folder) and spec.parts[tag].venue.outlives_run):
                venue.stop()
        if refused:  # it has never traded: `latest` must not mean it
            shutil.rmtree(folder.path)


@contextmanager
def _environment(keys: Mapping[str, str]) -> Iterator[None]:
    """Keys for the processes that this run starts; afterwards all is as it was."""
    before = {name: os.environ.get(name) for name in keys}
    os.environ.update(keys)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _trade(
    spec: RunSpec, folder: RunFolder, plan: Plan, begun_s: float, on_progress: OnProgress
) -> Summary:
    names = [
        *(child.name for child in leaves(plan.tree)),
        *(assemble.members(spec) if spec.cell else ()),
    ]
    tags = list(spec.parts)
    endpoint = MetricsEndpoint(plan.run, names, spec.metrics_port)
    root = start_system(plan)
    folder.write(
        "system.json",
        {
            "run_id": plan.run,
            "address": ray.get_runtime_context().gcs_address,
            "namespace": NAMESPACE,
            "pid": os.getpid(),
            "born": birth(os.getpid()),
            "metrics": endpoint.url,
            "accounts": tags,
        },
    )
    _wait_serving(root)
    for tag in tags:
        venue_process.begin(Place(folder, tag))
    serving_s = time.time()
    try:
        while time.time() - serving_s < spec.duration_s and not _told_to_end(folder, tags):
            on_progress(view(plan.run, root, serving_s, tags))
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        pass  # the same orderly end
    _wind_down(plan.run, spec, cancel_orders=not keeps_orders(folder))
    ending_ns = time.time_ns()  # well before anybody stops: who is told of a fill now, books it
    last = view(plan.run, root, serving_s, tags)
    on_progress(last)
    logs = {name: digest for name in _names(last) if (digest := _digest(plan.run, name))}
    latency = _latency(plan.run, spec)
    endpoint.close()
    stop_system(plan, "the run ends")
    summary = summarize(spec, folder, last, latency, logs, begun_s=begun_s, ending_ns=ending_ns)
    folder.write("summary.json", summary.to_json())
    return summary


def _told_to_end(folder: RunFolder, tags: list[str]) -> bool:
    """Somebody said so, or every tape has been played."""
    return told_to_stop(folder) or all(venue_process.tape_done(Place(folder, t)) for t in tags)


def _start_ray(spec: RunSpec, address: str | None, keys: dict[str, str]) -> None:
    if address is None:
        start_local_ray(
            preload=_PRELOAD,
            dashboard=spec.dashboard,
            cpus=_CPUS,
            resources=assemble.NODE_RESOURCES,
        )
        return
    try:
        ray.init(
            address=address,
            namespace=NAMESPACE,
            log_to_driver=False,
            runtime_env={"env_vars": worker_environment(keys)},
        )
    except (ConnectionError, ValueError, RuntimeError) as e:
        reason = str(e).splitlines()[0]
        raise BadSpec(f"--address {address}: no Ray cluster answers there ({reason})") from None
    quiet_driver()  # that a node is gone is no part of a `--json` answer


def _wait_serving(root: Any) -> None:
    try:
        wait_serving(root, _SERVE_S)
    except CannotServe as e:
        if e.kind in _MENDABLE:
            raise BadSpec(str(e)) from None
        raise


def _wind_down(run_id: str, spec: RunSpec, *, cancel_orders: bool) -> None:
    """Stop deciding, take working orders off the book, and let both sides come to agree."""
    now_ns = time.time_ns()
    word = Shutdown(
        ts_event=now_ns, ts_init=now_ns, reason="the run ends", cancel_orders=cancel_orders
    )
    stop = encode(word)
    tags = list(spec.parts)
    names = (*(f"strategy-{s.id}" for s in spec.strategies), *of_accounts(Role.ORDERS, tags))
    deadline = time.monotonic() + _WIND_DOWN_S
    while time.monotonic() < deadline:
        for name in names:  # each time: who was just restarting has not heard it
            handle = actor(run_id, name)
            if handle is not None:
                handle.call("command", stop)
        time.sleep(_POLL_S / 2)
        orders = books(run_id, "open", tags)
        if orders is not None and not (cancel_orders and orders):
            break
    deadline = time.monotonic() + _AGREE_S
    while time.monotonic() < deadline and discrepancies(run_id)["open"] != 0:  # or cannot be told
        time.sleep(_POLL_S)


def _names(last: dict[str, Any]) -> list[str]:
    return [row["name"] for row in last["actors"] if row["class"] not in NO_CORE]


def _digest(run_id: str, name: str) -> str:
    handle = actor(run_id, name)
    if handle is None:
        return ""
    try:
        return str(ray.get(handle.call("digest"), timeout=2.0))
    except (RayError, TimeoutError):
        return ""  # it has just died: its log is in its journal


def _latency(run_id: str, spec: RunSpec) -> list[dict[str, Any]]:
    found = [look(run_id, f"strategy-{s.id}", "latency") for s in spec.strategies]
    return [f for f in found if f]


def _reopen(path: Path) -> RunFolder:
    folder = RunFolder(path.expanduser().resolve())
    if not folder.part("spec.toml").is_file():
        raise BadSpec(f"--resume {path}: no run was started there; name a folder of runs/")
    folder.part("stop").unlink(missing_ok=True)
    prepare(folder)
    return folder


__all__ = ["NS_PER_S", "Connected", "connect", "run"]
