"""REST through ccxt as signer and HTTP client; the raw answer comes back for our codec.

Theory of operation. ccxt builds and signs the request and sends it through one aiohttp session
that keeps its connections open. Four of its methods are replaced, so that it neither parses nor
judges: whatever arrived is returned as an `Answer`. Its throttler is off: the limit is our `Budget`
(`venues/binance/limits.py`), which says so when it holds a request back. A second one would hold a
signed order in silence until its timestamp is too old, and it costs every order four turns of the
event loop.

Failures are sorted by the one question that matters: could the venue have received the request?
Only what fails while the connection is being made is NotSent. Nothing is ever sent twice: aiohttp
would repeat a DELETE or PUT on a kept connection that turned out dead, and the second answer
("unknown order", "changes nothing") would hide that the first one acted, so that is turned off.
"""

import asyncio
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

import aiohttp

from trading.errors import Ambiguous, NotSent
from venues.wire.keys import Keys
from venues.wire.request import Answer

SPOT_URL: Final = "https://api.binance.com"
_KEEP_ALIVE_S: Final = 60.0
_CONNECTIONS_MAX: Final = 32
_PUBLIC: Final = ["public"]
_PRIVATE: Final = ["private"]


@cache
def _client_class() -> type[Any]:
    """ccxt's Binance client without its opinions; made late, as importing ccxt takes 0.3 s."""
    ccxt = import_module("ccxt.async_support")

    class RawBinance(ccxt.binance):  # type: ignore[misc, name-defined]
        """Signs, limits and sends; does not read."""

        def on_rest_response(self, code: int, *rest: Any) -> Answer:
            # Positional on ccxt's side: reason, url, method, headers, body, and two of the request.
            return Answer(code, rest[3], rest[4].encode())

        def parse_json(self, http_response: Answer) -> Answer:
            return http_response

        def handle_errors(self, *answer: Any) -> None:
            """Every status is an answer; the codec says what it means."""

        def handle_http_status_code(self, *answer: Any) -> None:
            """As `handle_errors`."""

    return RawBinance


class Rest:
    """One connection pool to one venue address; open it inside the event loop that uses it."""

    def __init__(self, base_url: str = SPOT_URL, keys: Keys | None = None, timeout_s: float = 5.0):
        self._base_url = base_url.rstrip("/")
        self._keys = keys
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._client: Any = None

    async def open(self) -> None:
        """Load ccxt and make the session; nothing is sent."""
        connector = aiohttp.TCPConnector(
            limit=_CONNECTIONS_MAX, keepalive_timeout=_KEEP_ALIVE_S, enable_cleanup_closed=True
        )
        self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        self._session._retry_connection = False  # as aiohttp's own test client does
        settings: dict[str, Any] = {
            "session": self._session,
            "timeout": int(self._timeout_s * 1000),
            "asyncio_loop": asyncio.get_running_loop(),
            # Our own `Budget` limits. A second limiter would hold a signed request back in silence,
            # until its timestamp is too old.
            "enableRateLimit": False,
        }
        if self._keys is not None:
            settings |= {"apiKey": self._keys.api_key, "secret": self._keys.secret}
        self._client = _client_class()(settings)
        for name, url in self._client.urls["api"].items():
            if isinstance(url, str) and url.startswith(SPOT_URL):
                self._client.urls["api"][name] = self._base_url + url.removeprefix(SPOT_URL)

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            self._client.session = None  # ours: ccxt warns of sessions that it still holds
            self._client = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def public(self, path: str, params: Mapping[str, object] | None = None) -> Answer:
        """GET /api/v3/`path`.

        raises  NotSent, Ambiguous
        """
        return await self._send(path, _PUBLIC, "GET", params or {})

    async def signed(self, method: str, path: str, params: Mapping[str, object]) -> Answer:
        """`method` /api/v3/`path`, signed. `params` holds `timestamp` and `recvWindow`.

        raises  NotSent, Ambiguous
        """
        return await self._send(path, _PRIVATE, method, params)

    async def _send(
        self, path: str, api: list[str], method: str, params: Mapping[str, object]
    ) -> Answer:
        if self._client is None:
            raise NotSent("the connection is closed")
        try:
            answer = await self._client.request(path, api, method, dict(params))
        except _failures() as e:
            raise _sorted(e) from e
        assert isinstance(answer, Answer), "ccxt returns what on_rest_response made"
        return answer


@cache
def _ccxt_error() -> type[BaseException]:
    found: type[BaseException] = import_module("ccxt.base.errors").BaseError
    return found


@cache
def _failures() -> tuple[type[BaseException], ...]:
    return (_ccxt_error(), aiohttp.ClientError, OSError, TimeoutError)


def _sorted(error: BaseException) -> NotSent | Ambiguous:
    """Whether the request may have left; ccxt keeps the network's failure as its cause.

    A failure of ccxt's own, without a cause, is from before the sending: no keys, or closed.
    """
    cause = error.__cause__ or error
    text = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
    never_left = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, _ccxt_error())
    return NotSent(text) if isinstance(cause, never_left) else Ambiguous(text)
