"""What an actor did, as one JSON line an event, in its run's folder and nowhere else.

runs/<run_id>/logs/<actor>.jsonl holds every incarnation of one actor; a file that has grown to
FILE_BYTES_MAX is set aside as <actor>.<when it began>.jsonl, and the oldest goes. Each line has

    ts              UTC, ISO 8601 with nanoseconds: sorts as text
    level           DEBUG | INFO | WARNING | ERROR
    run, actor, incarnation
    event           what happened, in snake case; of a logged message, its kind
    correlation_id  the decision it belongs to ("" if none)

and the fields of that event. Nothing is formatted, and no lazy field computed, unless it will be
written. Ticks are never logged: `Log.message` says which messages are, once for all actors.
"""

import copy
import heapq
import json
import os
import re
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, Any, Final, get_args

from loguru import logger

from messages import Message, accounts, control, health, market, orders, risk, venue

Line = dict[str, Any]

FILE_BYTES_MAX: Final = 20_000_000
FILES_MAX: Final = 3
_TEXT_MAX: Final = 16_384  # characters of one field: a traceback fits
_RANKS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
_SET_ASIDE: Final = r"\.\d{4}-\d\d-\d\d_[\d-]+_\d+(?:\.\d+)?"  # as loguru names it

# Few by nature, and what a person needs to follow an order or a restart. Timers, polls of the
# venue and market data are not here.
_LOGGED: Final = frozenset(
    {
        *get_args(orders.OrderCommand),
        *get_args(orders.OrderEvent),
        *get_args(risk.RiskMessage),
        *get_args(health.HealthMessage),
        *get_args(control.ControlMessage),
        accounts.SyncRequest,
        accounts.OrderKnown,
        accounts.PositionChanged,
        market.SubscribeFeed,
        market.UnsubscribeFeed,
        market.StreamsAnswered,
        market.SnapshotRequested,
        market.RulesRequested,
        market.FeedStale,
        market.FeedRecovered,
        venue.OrderReport,
        venue.FillReport,
        venue.OrderNotFound,
        venue.RequestRefused,
        venue.RequestFailed,
        venue.StreamUp,
        venue.StreamDown,
    }
) - {control.SetTimer, control.TimerFired}
_NOT_FIELDS: Final = {"v", "kind", "correlation_id"}  # the line itself says them
# Too large for a line: the journal has them.
_NOT_FIELDS_OF: Final[Mapping[type[Message], set[str]]] = {
    control.StrategyCheckpoint: _NOT_FIELDS | {"state"},
    control.LoadStrategy: _NOT_FIELDS | {"files"},
}


class Log:
    """One actor's log. Filtered calls cost about 0.2 us, written ones 30 us.

    An event that cannot be written (a full disk) is counted in `lost` and does not stop the actor:
    the journal is the record, the log is for people.
    """

    def __init__(self, sink: Any, handler: int, head: Mapping[str, Any], level: str) -> None:
        self._sink, self._handler = sink, handler
        self._head = head
        self._rank_min = _RANKS[level]
        self.lost = 0

    def event(self, level: str, event: str, /, correlation_id: str = "", **fields: object) -> None:
        """Write one line.

        fields  plain values; a callable is called only if the line is written; of an exception,
                its text is written, and its traceback beside it
        """
        if _RANKS[level] < self._rank_min:
            return
        self._write(level, event, correlation_id, fields)

    def message(self, message: Message, **fields: object) -> None:
        """Write a line about a message, at INFO, if it is of a kind that is logged."""
        if type(message) not in _LOGGED or self._rank_min > _RANKS["INFO"]:
            return
        without = _NOT_FIELDS_OF.get(type(message), _NOT_FIELDS)
        said = message.model_dump(mode="json", exclude=without, exclude_none=True)
        kind = str(getattr(message, "kind", ""))
        self._write("INFO", kind, message.correlation_id, {**fields, **said})

    def close(self) -> None:
        """Write nothing more."""
        self._sink.remove(self._handler)

    def _write(
        self, level: str, event: str, correlation_id: str, fields: Mapping[str, object]
    ) -> None:
        line: Line = {
            "ts": _iso(time.time_ns()),
            "level": level,
            **self._head,
            "event": event,
            "correlation_id": correlation_id,
        }
        for name, value in fields.items():
            line[f"{name}_" if name in line else name] = _plain(value)
            if isinstance(value, BaseException):
                line["traceback"] = _clipped("".join(traceback.format_exception(value)))
        try:
            self._sink.log(level, _json(line))
        except OSError:
            self.lost += 1


def open_log(
    run_dir: Path,
    run_id: str,
    actor: str,
    incarnation: int,
    level: str = "INFO",
    file_bytes_max: int = FILE_BYTES_MAX,
) -> Log:
    """The log of one incarnation of an actor; earlier incarnations' lines stay.

    raises  OSError if the folder cannot be written
    """
    path = _folder(run_dir) / f"{actor}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    _end_torn_line(path)
    sink = copy.deepcopy(_silent())
    handler = sink.add(
        str(path).replace("{", "{{").replace("}", "}}"),  # loguru formats its path
        format="{message}",
        level=level,
        rotation=file_bytes_max,
        retention=FILES_MAX - 1,  # beside the file that is being written
        catch=False,  # loguru would print on stderr, which Ray shows on the user's terminal
        backtrace=False,
        diagnose=False,
    )
    return Log(sink, handler, {"run": run_id, "actor": actor, "incarnation": incarnation}, level)


@cache
def _silent() -> Any:
    """loguru's logger without handlers: each log is a copy of it, so that logs never mix."""
    logger.remove()  # the one on stderr: an actor says nothing on a terminal
    return logger


def _folder(run_dir: Path) -> Path:
    return Path(run_dir) / "logs"


def _end_torn_line(path: Path) -> None:
    """A killed process may have left half a line: the next one must not be glued to it."""
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")


def _json(line: Line) -> str:
    try:
        return json.dumps(line, default=_plain, allow_nan=False)  # ASCII: one line to any reader
    except (TypeError, ValueError):  # a NaN, a key that is no text: never a reason to fail
        return json.dumps({k: v if k == "incarnation" else str(v) for k, v in line.items()})


def _plain(value: object) -> object:
    """`value` as JSON can hold it; calls what is lazy."""
    if callable(value):
        try:
            value = value()
        except Exception as e:  # noqa: BLE001  a broken remark must not end an actor
            return f"<{e!r}>"
    if isinstance(value, str):
        return _clipped(value)
    if value is None or isinstance(value, bool | int | float | list | tuple | dict):
        return value
    if isinstance(value, BaseException):
        return _clipped(f"{type(value).__name__}: {value}")
    return _clipped(str(value))


def _clipped(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}... ({len(text)} characters)"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _iso(ts_ns: int) -> str:
    seconds, rest_ns = divmod(ts_ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest_ns:09d}Z"


# --- reading --------------------------------------------------------------------------------------


_LINE_BYTES_MAX: Final = 1 << 20
_LINES_MAX: Final = 10_000  # of one file, in one look at it while following
_BYTES_A_LINE: Final = 2048  # generously: how much of a file's end is read for its last lines
_NAME: Final = re.compile(rf"(?P<actor>.+?)(?:{_SET_ASIDE})?\.jsonl")


def read_logs(
    run_dir: Path,
    actor: str | None = None,
    follow: bool = False,
    *,
    last: int | None = None,
    poll_s: float = 0.2,
    until: Callable[[], bool] = lambda: False,
) -> Iterator[Line]:
    """Lines of one actor or of all, of all incarnations, in the order of their times.

    follow  go on with what is written from now on, by new actors too, until `until()` is true
    last    begin with no more than this many lines; None: with all there are
    ->      one dict a line; what is no JSON comes as event "unreadable_line" with its text.
            A last line that is not complete yet is left for later.
    """
    files: dict[int, _File] = {}
    try:
        _open_new(_folder(run_dir), actor, files, last)
        merged: Iterable[Line] = heapq.merge(*(f.lines() for f in files.values()), key=_when)
        if last is not None:
            merged = sorted(merged, key=_when)[-last:] if last else ()
        yield from merged
        while follow and not until():
            time.sleep(poll_s)
            _open_new(_folder(run_dir), actor, files, None)
            fresh = {key: list(f.lines(_LINES_MAX)) for key, f in files.items()}
            yield from sorted((line for lines in fresh.values() for line in lines), key=_when)
            for key in [k for k, f in files.items() if not fresh[k] and f.removed()]:
                files.pop(key).close()
    finally:
        for file in files.values():
            file.close()


def actors_logged(run_dir: Path) -> tuple[str, ...]:
    """Names of the actors that have a log here, sorted."""
    return tuple(sorted({name for _, name in _found(_folder(run_dir))}))


class _File:
    """One file, read up to its last complete line; set aside by its writer, it is still it."""

    def __init__(self, path: Path, actor: str, last: int | None) -> None:
        self._file: IO[bytes] = path.open("rb")
        self._actor = actor
        self._ts = ""
        if last is not None:
            begin = self._file.seek(0, os.SEEK_END) - last * _BYTES_A_LINE
            self._file.seek(max(begin, 0))
            if begin > 0:
                self._file.readline()  # the rest of a line

    @property
    def inode(self) -> int:
        return os.fstat(self._file.fileno()).st_ino

    def removed(self) -> bool:
        """Whether its writer has thrown it away."""
        return os.fstat(self._file.fileno()).st_nlink == 0

    def close(self) -> None:
        self._file.close()

    def lines(self, lines_max: int | None = None) -> Iterator[Line]:
        """What has been written since the last call."""
        count = 0
        while lines_max is None or count < lines_max:
            begin = self._file.tell()
            raw = self._file.readline(_LINE_BYTES_MAX)
            if not raw.endswith(b"\n") and len(raw) < _LINE_BYTES_MAX:
                self._file.seek(begin)
                return
            count += 1
            yield self._parsed(raw)

    def _parsed(self, raw: bytes) -> Line:
        try:
            line = json.loads(raw)
        except ValueError:
            line = None
        if not isinstance(line, dict) or not isinstance(line.get("ts"), str):
            text = raw.decode(errors="replace").rstrip("\n")
            head = {"ts": self._ts, "level": "WARNING", "actor": self._actor}
            return {**head, "event": "unreadable_line", "text": text}
        self._ts = line["ts"]
        return line


def _found(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.glob("*.jsonl")):
        name = _NAME.fullmatch(path.name)
        if name is not None:
            yield path, name["actor"]


def _open_new(folder: Path, actor: str | None, files: dict[int, _File], last: int | None) -> None:
    """Open what is there and not in `files`. Names change when a file is set aside, inodes stay."""
    for path, name in _found(folder):
        if actor is not None and name != actor:
            continue
        try:
            if path.stat().st_ino in files:
                continue
            file = _File(path, name, last)
        except FileNotFoundError:
            continue  # set aside or thrown away just now: the next look finds what is left
        if file.inode in files:
            file.close()
        else:
            files[file.inode] = file


def _when(line: Line) -> str:
    return str(line.get("ts", ""))
