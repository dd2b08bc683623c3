"""What is wrong between this machine and a venue: checks, each with what was seen and the remedy.

Nothing is ordered and nothing is changed: public questions, one signed question about the account,
and two streams that are left at once. What cannot be asked, because something before it is wrong,
is told as unknown with the reason, so that one fault is not shown as seven. A throttled venue is
asked nothing further. Values of keys are never told.
"""

import difflib
import os
import platform
import resource
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

import aiohttp

from messages.base import NS_PER_MS, NS_PER_S, InstrumentId
from messages.market import Instrument
from messages.venue import AccountReport, QueryAccount, RequestFailed, RequestRefused
from trading.errors import Throttled, VenueError
from venues.net.access import Access
from venues.net.budget import Budget
from venues.net.clock import VenueClock
from venues.net.gateway import Gateway
from venues.net.http import Http
from venues.net.questions import Questions
from venues.remedies import remedy_of
from venues.wire.adapter import Adapter, Endpoints
from venues.wire.keys import Keys, keys_from
from venues.wire.request import Answer, HttpRequest

_PYTHON_MIN: Final = (3, 11)
_DISK_MIN: Final = 1 << 30
_FILES_MIN: Final = 1024
_FULL_PERCENT: Final = 90  # of a limit: from here on only the most urgent requests would pass
_TIMEOUT_S: Final = 5.0


class State(StrEnum):
    """What a check has come to."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One answer; `about` is the venue, or "machine"."""

    about: str
    name: str
    state: State
    seen: str
    remedy: str = ""


class _Http(Http):
    """Keeps the last answer by which the venue throttled."""

    throttled: Answer | None = None

    def __init__(self, adapter: Adapter, base_url: str, timeout_s: float) -> None:
        super().__init__(base_url, timeout_s)
        self._adapter = adapter

    async def send(self, request: HttpRequest) -> Answer:
        answer = await super().send(request)
        if self._adapter.retry_after_ns(answer):
            self.throttled = answer
        return answer


@dataclass(slots=True)
class Patient:
    """One product of one venue, as asked from here; open `http` before the first check."""

    adapter: Adapter
    endpoints: Endpoints
    keys: Keys | None = None
    wanted: tuple[InstrumentId, ...] = ()
    timeout_s: float = _TIMEOUT_S
    http: _Http = field(init=False)
    budget: Budget = field(init=False)
    access: Access = field(init=False)

    def __post_init__(self) -> None:
        self.http = _Http(self.adapter, self.endpoints.rest, self.timeout_s)
        self.budget = Budget(self.adapter.limits)
        clock = VenueClock(time.time_ns)
        self.access = Access(self.adapter, self.http, clock, self.budget, time.time_ns, self.keys)

    def ok(self, name: str, seen: str) -> Check:
        return Check(self.adapter.venue, name, State.OK, seen)

    def problem(self, name: str, seen: str, remedy: str) -> Check:
        return Check(self.adapter.venue, name, State.PROBLEM, seen, remedy)

    def unknown(self, name: str, seen: str, remedy: str = "") -> Check:
        return Check(self.adapter.venue, name, State.UNKNOWN, seen, remedy)


def machine(runs: Path) -> tuple[Check, ...]:
    """Python, the disk that runs are written to, and open files."""

    def judged(name: str, good: bool, seen: str, remedy: str) -> Check:
        state = State.OK if good else State.PROBLEM
        return Check("machine", name, state, seen, "" if good else remedy)

    home = next(p for p in (runs.absolute(), *runs.absolute().parents) if p.exists())
    free = shutil.disk_usage(home).free
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    plenty = files == resource.RLIM_INFINITY or files >= _FILES_MIN
    python = tuple(int(part) for part in platform.python_version_tuple()[:2])
    least = ".".join(str(n) for n in _PYTHON_MIN)
    return (
        judged("python", python >= _PYTHON_MIN, platform.python_version(), f"use {least} or later"),
        judged(
            "disk",
            free >= _DISK_MIN and os.access(home, os.W_OK),
            f"{free / (1 << 30):.1f} GiB free in {home}",
            "free some space, or name a folder that can be written with --runs-dir",
        ),
        judged(
            "open files",
            plenty,
            "no limit" if files == resource.RLIM_INFINITY else f"{files} at most",
            f"raise it to {_FILES_MIN} or more: `ulimit -n 65536`",
        ),
    )


def keys_set(
    adapter: Adapter, environment: Mapping[str, str], *, named: bool
) -> tuple[Check, Keys | None]:
    """Whether the variables of a venue's keys are set, by name; None if not.

    named  the user asked for this venue, so that having no keys at all is a problem
    """
    venue = adapter.venue
    names = [
        f"MANTA_{venue}_{part}"
        for part in ("API_KEY", "SECRET", *(["PASSPHRASE"] if adapter.needs_passphrase else []))
    ]
    missing = [name for name in names if not environment.get(name)]
    if not missing:
        keys = keys_from(venue, environment, passphrase=adapter.needs_passphrase)
        blank = [n for n in names if environment[n] != environment[n].strip()]
        if blank:
            remedy = "export it anew without them"
            seen = f"{', '.join(blank)}: begins or ends with blanks"
            return Check(venue, "keys set", State.PROBLEM, seen, remedy), keys
        return Check(venue, "keys set", State.OK, ", ".join(names)), keys
    state = State.PROBLEM if named or len(missing) < len(names) else State.UNKNOWN
    seen = f"not set: {', '.join(missing)}"
    return Check(venue, "keys set", state, seen, "export the venue's key before the run"), None


async def reachability(p: Patient) -> Check:
    """Connect, and the round trip of the venue's time."""
    name, where = "reachability", p.endpoints.rest
    begun_ns = time.time_ns()
    try:
        await p.access.ask(p.adapter.ask_time())
    except Throttled:
        return p.ok(name, f"{where} answers, but wants to hear nothing for now")
    except VenueError as e:
        seen, remedy = _unreached(e)
        return p.problem(name, f"{where}: {seen}", remedy)
    first_ms = (time.time_ns() - begun_ns) / NS_PER_MS
    await p.access.sync()
    measured = p.access.clock.measured
    again = f", round trip {measured.round_trip_ns / NS_PER_MS:.1f} ms" if measured else ""
    return p.ok(name, f"{where}: first answer in {first_ms:.1f} ms{again}")


_PROXY: Final = "check the network, a firewall, or whether the venue is reached through a proxy"
_UNREACHED: Final[tuple[tuple[type[BaseException], str, str], ...]] = (
    (aiohttp.ClientConnectorDNSError, "DNS: the name is not found", "check the name, and DNS here"),
    (
        aiohttp.ClientSSLError,
        "TLS: no trusted connection",
        "check this host's date and certificates, and who answers instead of the venue",
    ),
    (aiohttp.ConnectionTimeoutError, "time-out while connecting", _PROXY),
    (aiohttp.ClientConnectorError, "nothing listens there", "check the address and port"),
    (TimeoutError, "connected, but no answer in time", _PROXY),
)


def _unreached(error: VenueError) -> tuple[str, str]:
    """What was seen, and the remedy."""
    for kind, seen, remedy in _UNREACHED:
        if isinstance(error.__cause__, kind):
            return f"{seen} ({error})", remedy
    return str(error), "is it the venue's address? If so, look at the venue's status page"


async def clock(p: Patient) -> Check:
    """How far this host's clock is off; beyond 250 ms nothing is signed."""
    found = p.access.clock
    if found.measured is None:
        return p.unknown("clock", "the venue gave no time")
    offset_ms, doubt_ms = (ns / NS_PER_MS for ns in (found.offset_ns, found.uncertainty_ns))
    why = found.problem()
    if why:
        remedy = "set the clock by NTP (`timedatectl set-ntp true`), then ask again"
        return p.problem("clock", f"{why.rpartition(':')[0]}: nothing is signed", remedy)
    return p.ok("clock", f"the venue is {offset_ms:+.1f} ms from here, known to {doubt_ms:.1f} ms")


async def instruments(p: Patient) -> Check:
    """How many trade; the rules are kept for the checks after it."""
    try:
        found = await Questions(p.access).instruments()
    except Throttled as e:
        return p.unknown("instruments", f"not asked: throttled, {e}")
    except VenueError as e:
        remedy = "ask again; if it stays, report it with this line"
        return p.problem("instruments", f"{type(e).__name__}: {e}", remedy)
    p.access.instruments.update({i.instrument_id: i for i in found})
    if not found:
        return p.problem("instruments", "none trades", "look at the venue's status page")
    return p.ok("instruments", f"{len(found)} trade ({p.adapter.product})")


async def filters(p: Patient, instrument_id: InstrumentId) -> Check:
    """Tick, lot, minimum notional, and the smallest order at the present price."""
    name, known = f"filters {instrument_id}", p.access.instruments
    if not known:
        return p.unknown(name, "not asked: no instruments are known")
    found = known.get(instrument_id)
    if found is None:
        near = difflib.get_close_matches(instrument_id, map(str, known), 3)
        remedy = f"did you mean {' or '.join(near)}?" if near else "check the name"
        return p.problem(name, "the venue does not trade it now", remedy)
    rules = (
        f"tick {found.price_increment}, lot {found.size_increment}, "
        f"minimum notional {found.min_notional} {found.quote}"
    )
    try:
        book = await Questions(p.access).book(instrument_id)
    except VenueError as e:
        return p.unknown(name, f"{rules}; no price: {type(e).__name__}: {e}")
    bids = book.rows["price"][(book.rows["side"] > 0) & (book.rows["size"] > 0)]
    if not len(bids):
        return p.unknown(name, f"{rules}; nobody bids now")
    return p.ok(name, f"{rules}; {_smallest(found, float(bids.max()))}")


def _smallest(rules: Instrument, bid: float) -> str:
    price = Decimal(repr(bid))
    least = max(rules.min_quantity, rules.min_notional / price)
    lots = (least / rules.size_increment).to_integral_value(ROUND_CEILING)
    quantity = lots * rules.size_increment
    return f"smallest order at {price}: {quantity} {rules.base}"


async def account(p: Patient) -> Check:
    """Whether the venue accepts the keys: one signed question, which changes nothing."""
    name = "keys accepted"
    if p.keys is None:
        return p.unknown(name, "not asked: no keys")
    if p.access.clock.problem():
        return p.unknown(name, "not asked: nothing is signed with this clock")
    now_ns = time.time_ns()
    try:
        said = await Gateway(p.access).execute(QueryAccount(ts_event=now_ns, ts_init=now_ns))
    except VenueError as e:  # a secret that cannot sign at all
        return p.problem(name, str(e), remedy_of(p.adapter.venue, ""))
    if isinstance(said, AccountReport):
        return p.ok(name, f"the account is told, {len(said.balances)} balances")
    if isinstance(said, RequestRefused):
        seen = f"refused, {said.code}: {said.reason}"
        return p.problem(name, seen, remedy_of(p.adapter.venue, said.code))
    why = said.reason if isinstance(said, RequestFailed) else type(said).__name__
    return p.unknown(name, f"no usable answer: {why}", "ask again; see the venue's status page")


async def limits(p: Patient) -> Check:
    """What of the request limits is used, as the venue's answers say, else by our own count."""
    name, answer = "request limits", p.http.throttled
    if answer is not None:
        wait_s = p.adapter.retry_after_ns(answer) / NS_PER_S
        what = "banned" if answer.status == 418 else "throttled"
        remedy = f"ask nothing for {wait_s:.0f} s; what else uses this address or key?"
        return p.problem(name, f"HTTP {answer.status}: {what} for {wait_s:.0f} s", remedy)
    now_ns, told, full = p.access.clock.now_ns(), [], []
    for window in p.budget.windows:
        window.roll(now_ns)
        rule = window.rule
        if not (rule.header or window.used):
            continue
        whose = "" if rule.header else " by our own count"
        seconds = rule.interval_ns / NS_PER_S
        told.append(f"{window.used} of {rule.amount} {rule.name} in {seconds:g} s{whose}")
        full += [rule.name] if window.used * 100 >= rule.amount * _FULL_PERCENT else []
    if full:
        remedy = "wait for the window to pass, and see what else uses this address or key"
        return p.problem(name, "; ".join(told), remedy)
    return p.ok(name, "; ".join(told) or "nothing is used")
