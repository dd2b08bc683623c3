"""The whole examination of one venue: the checks of `doctor` in order, then its two streams."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Final

import numpy as np

from messages.base import Event, InstrumentId
from messages.market import BookDeltaBatch, Instrument
from messages.venue import StreamUp
from scenarios import doctor
from scenarios.doctor import Check, Patient, State
from venues.net.market import MarketStream
from venues.net.socket import Backoff, SocketConfig
from venues.net.user import UserStream
from venues.wire.adapter import Channel, Subscription

WITHIN_S: Final = 5.0
_LOOK_S: Final = 0.02
_ONE_ATTEMPT: Final = Backoff(first_s=3600.0, most_s=3600.0)
_USUAL: Final = ("BTC", "ETH")  # bases whose books are never quiet
_DOLLARS: Final = ("USDT", "USD", "USDC")


async def examine(p: Patient, within_s: float = WITHIN_S) -> tuple[Check, ...]:
    """Every check of one venue, in the order in which they build on each other."""
    await p.http.open()
    try:
        reached = await doctor.reachability(p)
        if reached.state is State.PROBLEM:
            names = ("clock", "instruments", *(f"filters {i}" for i in p.wanted), "keys accepted")
            names = (*names, "request limits", "public stream", "user stream")
            why = "not asked: the venue is not reached"
            return (reached, *(p.unknown(name, why) for name in names))
        found = [reached, await doctor.clock(p), await doctor.instruments(p)]
        found += [await doctor.filters(p, wanted) for wanted in p.wanted]
        accepted = await doctor.account(p)
        found += [accepted, await doctor.limits(p)]
        if p.http.throttled is not None:
            why = "not asked: throttled"
            return (*found, p.unknown("public stream", why), p.unknown("user stream", why))
        streams = asyncio.gather(
            public_stream(p, within_s), user_stream(p, within_s, accepted=accepted)
        )
        return (*found, *(await streams))
    finally:
        await p.http.close()


async def public_stream(p: Patient, within_s: float) -> Check:
    """Subscribe to a book, and wait for its first frame."""
    name, known = "public stream", p.access.instruments
    chosen = next((i for i in p.wanted if i in known), None) or _busy(known.values())
    if chosen is None:
        return p.unknown(name, "not asked: no instruments are known")
    book = Subscription(chosen, Channel.BOOK)
    config = SocketConfig(p.endpoints.public, _ONE_ATTEMPT)
    route, rng = p.adapter.route_of(book), np.random.default_rng(0)
    stream = MarketStream(p.adapter, config, known, time.time_ns, rng, route)
    await stream.subscribe(book)
    begun = time.monotonic()
    came = await _came(stream, lambda e: isinstance(e, BookDeltaBatch), within_s)
    if came:
        took_ms = (time.monotonic() - begun) * 1e3
        return p.ok(name, f"first frame of the book of {chosen} in {took_ms:.0f} ms")
    where = p.endpoints.public
    if stream.refusals:
        said = stream.refusals[-1]
        remedy = "name another instrument with --instrument; if it stays, report it"
        return p.problem(name, f"subscription refused: {said.detail}", remedy)
    if stream.socket.problem:
        return p.problem(name, f"{where}: {stream.socket.problem}", _BLOCKED)
    if not stream.socket.connects:
        return p.problem(name, f"{where}: no connection in {within_s:g} s", _BLOCKED)
    remedy = "name a busier instrument with --instrument; else look at the venue's status page"
    return p.problem(name, f"open, but silent: no book of {chosen} in {within_s:g} s", remedy)


_BLOCKED: Final = "check the address, and whether a firewall or proxy stops WebSockets"


async def user_stream(p: Patient, within_s: float, *, accepted: Check) -> Check:
    """Sign in to the account's stream."""
    name = "user stream"
    if accepted.state is not State.OK:
        # A sign-in that must fail would only count against this address.
        return p.unknown(name, f"not asked: {accepted.name} is {accepted.state}")
    config = SocketConfig(p.endpoints.private, _ONE_ATTEMPT)
    stream = UserStream(p.access, config, np.random.default_rng(0))
    begun = time.monotonic()
    if await _came(stream, lambda e: isinstance(e, StreamUp), within_s):
        return p.ok(name, f"signed in in {(time.monotonic() - begun) * 1e3:.0f} ms")
    why = stream.socket.problem or f"no answer to the sign-in in {within_s:g} s"
    remedy = f"{_BLOCKED}; the key must be allowed to read the account"
    return p.problem(name, f"{p.endpoints.private}: {why}", remedy)


async def _came(
    stream: MarketStream | UserStream, wanted: Callable[[Event], bool], within_s: float
) -> bool:
    """Whether such an event came on the first connection, in time; the stream is left."""

    async def read() -> bool:
        async with aclosing(stream.batches()) as batches:
            async for events in batches:
                if any(wanted(e) for e in events):
                    return True
        return False

    reading = asyncio.create_task(read())
    refusals = stream.refusals if isinstance(stream, MarketStream) else ()
    until = time.monotonic() + within_s
    try:
        while time.monotonic() < until and not (reading.done() or stream.socket.problem):
            if refusals:
                break
            await asyncio.wait((reading,), timeout=_LOOK_S)
        return reading.done() and reading.result()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _busy(known: Iterable[Instrument]) -> InstrumentId | None:
    """One whose book moves all the time, where the venue has it."""

    def quiet(i: Instrument) -> tuple[int, int]:
        base = _USUAL.index(i.base) if i.base in _USUAL else len(_USUAL)
        quote = _DOLLARS.index(i.quote) if i.quote in _DOLLARS else len(_DOLLARS)
        return base, quote

    found = min(known, key=quiet, default=None)
    return None if found is None else found.instrument_id
