"""HTTP to one venue: a request as it was signed, and whatever came back.

Failures are sorted by the one question that matters: could the venue have received the request?
Only what fails while the connection is being made is NotSent. Nothing is ever sent twice: aiohttp
would repeat a DELETE or PUT on a kept connection that turned out dead, and the second answer
("unknown order", "changes nothing") would hide that the first one acted, so that is turned off.
"""

from typing import Final

import aiohttp
from yarl import URL

from trading.errors import Ambiguous, NotSent
from venues.wire.request import Answer, HttpRequest

_KEEP_ALIVE_S: Final = 60.0
# Of the time for a whole request: what is still connecting then was certainly not sent.
_CONNECTING: Final = 0.6
_NEVER_LEFT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Http:
    """One connection pool to one venue address; open it inside the event loop that uses it."""

    def __init__(self, base_url: str, timeout_s: float = 5.0) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s * _CONNECTING)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the session; nothing is sent."""
        # The request budget is the bound. With one here, orders that hang would hold cancels up.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, trust_env=False
        )
        self._session._retry_connection = False  # as aiohttp's own test client does

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: HttpRequest) -> Answer:
        """The venue's answer, of whatever status.

        raises  NotSent, Ambiguous
        """
        if self._session is None:
            raise NotSent("the connection is closed")
        # What was signed is sent to the letter, so nothing may be quoted anew.
        url = URL(self._base_url + request.target, encoded=True)
        try:
            async with self._session.request(
                request.method,
                url,
                data=request.body or None,
                headers=request.headers,
                allow_redirects=False,
            ) as answer:
                return Answer(answer.status, answer.headers, await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as e:
            text = f"{type(e).__name__}: {e}" if str(e) else type(e).__name__
            raise (NotSent(text) if isinstance(e, _NEVER_LEFT) else Ambiguous(text)) from e
