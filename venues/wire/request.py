"""A request and its answer as values: what goes over HTTP, before and after."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from messages.venue import Request


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request before it is signed.

    request  what it is for; None for public questions (time, instruments, books, history)
    path     from the root, without a query: "/api/v5/trade/order"
    params   in the order in which they are sent; a venue's adapter knows whether they are its query
             or its body
    since_ns rows of history before it are not wanted: how `next_page` knows where to stop
    """

    request: Request | None
    method: str
    path: str
    params: Mapping[str, object] = field(default_factory=dict)
    since_ns: int = 0


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it is sent: `target` is the path with its query."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, unread."""

    status: int
    headers: Mapping[str, str]
    body: bytes
