"""Files of a public archive in Binance Vision's layout: which there are, and how they are fetched.

data/<market>/<monthly|daily>/<type>/<SYMBOL>/[<interval>/]<SYMBOL>-<interval or type>-<date>.zip
beside a `.zip.CHECKSUM` with its SHA-256 (the archive's own description, read 2026-11).

Theory of operation. A file is fetched into a `.part` beside its place, which survives whatever cuts
the transfer; the next attempt, in this process or another, asks for the rest. Only bytes whose
SHA-256 is the archive's get the file's name. Others are thrown away and fetched anew, so a `.part`
of an older version of a file costs one more attempt, no more.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Literal

import aiohttp

from journal.errors import translated
from scenarios.cli_output import Failure

BASE_URL: Final = "https://data.binance.vision"
MARKETS: Final = {"spot": "spot", "um": "futures/um", "cm": "futures/cm"}
TYPES: Final = ("klines", "trades", "aggTrades")
Period = Literal["monthly", "daily"]
Outcome = Literal["fetched", "resumed", "present", "absent"]
OnBytes = Callable[[str, int, int], None]  # file, bytes so far, bytes in all (0: unknown)
Pause = Callable[[float], Awaitable[object]]

_ATTEMPTS: Final = 6
_PAUSE_S: Final = 0.5
_PAUSE_S_MAX: Final = 60.0
_CHUNK: Final = 1 << 18
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=15, sock_read=30)
_BUSY: Final = (418, 429, 503)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch: one symbol's files of one type, for the days from `first` to `last`."""

    symbol: str
    first: date
    last: date
    market: str = "spot"
    type: str = "klines"
    interval: str = "1m"

    def path(self, day: date, period: Period) -> str:
        """Where the archive keeps the file of a month or a day."""
        when = day.strftime("%Y-%m" if period == "monthly" else "%Y-%m-%d")
        of = self.interval if self.type == "klines" else self.type
        folder = f"{self.symbol}/{self.interval}" if self.type == "klines" else self.symbol
        name = f"{self.symbol}-{of}-{when}.zip"
        return f"data/{MARKETS[self.market]}/{period}/{self.type}/{folder}/{name}"

    def months(self) -> Iterator[date]:
        """The first of every month that has a wanted day."""
        month = self.first.replace(day=1)
        while month <= self.last:
            yield month
            month = (month + timedelta(days=32)).replace(day=1)

    def days(self, month: date) -> Iterator[date]:
        """The wanted days of a month."""
        day = max(month, self.first)
        while day <= self.last and (day.year, day.month) == (month.year, month.month):
            yield day
            day += timedelta(days=1)

    def covers(self, month: date) -> bool:
        """Whether all days of a month are wanted: only then its monthly file is asked for."""
        after = (month + timedelta(days=32)).replace(day=1)
        return self.first <= month and after - timedelta(days=1) <= self.last


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one file; `path` is None if the archive has not got it."""

    name: str
    outcome: Outcome
    path: Path | None = None
    bytes: int = 0


class Archive:
    """A place in the archive's layout, and the folder that mirrors it.

    base_url  of the archive
    folder    gets the same tree
    parallel  transfers at a time
    pause     sleeps; a test need not wait
    """

    def __init__(
        self,
        folder: Path,
        base_url: str = BASE_URL,
        *,
        parallel: int = 4,
        on_bytes: OnBytes = lambda *_: None,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._folder, self._base = folder, base_url.rstrip("/")
        self._on_bytes, self._pause = on_bytes, pause
        self._slots = asyncio.Semaphore(parallel)

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Fetched]:
        """Everything wanted, by months where the archive has them whole, else by days.

        raises  Failure naming the file: the first one that could not be fetched; what was fetched
                stays, also in part
        """
        months = [(each, month) for each in wanted for month in each.months()]
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._month(session, *each)) for each in months]
            except ExceptionGroup as several:
                raise _first(several) from None
        return [fetched for task in tasks for fetched in task.result()]

    async def _month(
        self, session: aiohttp.ClientSession, wanted: Wanted, month: date
    ) -> list[Fetched]:
        if wanted.covers(month):
            whole = await self._file(session, wanted.path(month, "monthly"))
            if whole.path is not None:
                return [whole]
        async with asyncio.TaskGroup() as group:
            days = [
                group.create_task(self._file(session, wanted.path(day, "daily")))
                for day in wanted.days(month)
            ]
        return [day.result() for day in days]

    async def _file(self, session: aiohttp.ClientSession, path: str) -> Fetched:
        async with self._slots:
            name = path.rpartition("/")[2]
            digest = await self._checksum(session, path)
            if digest is None:
                return Fetched(name, "absent")
            target = self._folder / path
            if target.is_file() and await asyncio.to_thread(_sha256, target) == digest:
                return Fetched(name, "present", target, target.stat().st_size)
            return await self._transfer(session, path, target, digest)

    async def _checksum(self, session: aiohttp.ClientSession, path: str) -> str | None:
        url = f"{self._base}/{path}.CHECKSUM"
        problem = ""
        for attempt in range(_ATTEMPTS):
            try:
                async with session.get(url) as response:
                    if response.status == 404:
                        return None
                    if response.status == 200:
                        return _digest_of(url, await response.text())
                    problem = await self._refused(response, attempt)
            except (aiohttp.ClientError, TimeoutError) as error:
                problem = await self._broken(error, attempt)
        raise Failure(f"{url}: {problem}, {_ATTEMPTS} times: try again later")

    async def _transfer(
        self, session: aiohttp.ClientSession, path: str, target: Path, digest: str
    ) -> Fetched:
        url, part = f"{self._base}/{path}", target.with_name(target.name + ".part")
        with translated(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        resumed, problem = _size(part) > 0, ""
        for attempt in range(_ATTEMPTS):
            try:
                problem = await self._attempt(session, url, part, attempt)
            except (aiohttp.ClientError, TimeoutError) as error:
                resumed, problem = _size(part) > 0, await self._broken(error, attempt)
            if problem:
                continue
            if await asyncio.to_thread(_sha256, part) == digest:
                with translated(target):
                    part.replace(target)
                outcome: Outcome = "resumed" if resumed else "fetched"
                return Fetched(target.name, outcome, target, target.stat().st_size)
            part.unlink()
            problem, resumed = "its SHA-256 is not that of its .CHECKSUM", False
        raise Failure(f"{url}: {problem}, {_ATTEMPTS} times: try again later")

    async def _attempt(
        self, session: aiohttp.ClientSession, url: str, part: Path, attempt: int
    ) -> str:
        """Fetch what is missing of a file; "" or why that was not possible."""
        have = _size(part)
        headers = {"Range": f"bytes={have}-"} if have else {}
        async with session.get(url, headers=headers) as response:
            if response.status == 416:  # nothing is missing, or the file is another one now
                return ""
            if response.status not in (200, 206):
                return await self._refused(response, attempt)
            if response.status == 200:
                have = 0
            total = have + (response.content_length or 0)
            with translated(part), part.open("ab" if have else "wb") as file:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    file.write(chunk)
                    have += len(chunk)
                    self._on_bytes(url.rpartition("/")[2], have, total)
        return ""

    async def _refused(self, response: aiohttp.ClientResponse, attempt: int) -> str:
        """Wait as the server asks; it raises where asking again cannot help."""
        said = f"the server says {response.status} {response.reason}"
        if response.status < 500 and response.status not in _BUSY:
            raise Failure(f"{response.url}: {said}: check symbol, dates and --base-url")
        wait = response.headers.get("Retry-After", "")
        await self._pause(min(float(wait), _PAUSE_S_MAX) if wait.isdigit() else _back_off(attempt))
        return said

    async def _broken(self, error: Exception, attempt: int) -> str:
        await self._pause(_back_off(attempt))
        return f"the transfer broke off ({type(error).__name__})"


def _first(several: ExceptionGroup[Exception]) -> Exception:
    inner = several.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _back_off(attempt: int) -> float:
    return min(_PAUSE_S * 2.0**attempt, _PAUSE_S_MAX)


def _digest_of(url: str, text: str) -> str:
    word = text.split(maxsplit=1)[0].lower() if text.split() else ""
    if len(word) != 64 or set(word) - set("0123456789abcdef"):
        raise Failure(f"{url}: holds no SHA-256: check --base-url")
    return word


def _sha256(path: Path) -> str:
    with translated(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
