"""One WebSocket connection from its opening to its end; what is said on it is the venue's.

async def public(self, request: web.Request) -> web.StreamResponse:
    return await serve_socket(request, self._hub, self._heard, ping_s=20.0)

def _heard(self, client: Client, raw: bytes) -> None:
    client.send(...)        # answers to subscriptions, pongs in text, refusals
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from venues.serving.hub import Client, Hub

_FRAME_BYTES_MAX: Final = 64 * 1024


async def serve_socket(
    request: web.Request,
    hub: Hub,
    heard: Callable[[Client, bytes], None],
    *,
    ping_s: float | None = None,
    queue_max: int = 4096,
    client: Callable[[web.WebSocketResponse, web.Request, int], Client] = Client,
    opened: Callable[[Client], None] = lambda _: None,
) -> web.StreamResponse:
    """Serve a connection until it ends.

    heard    what one frame of the client leads to
    ping_s   protocol pings of the server; a client who answers none before the next is cut off.
             None: the venue sends none
    client   the class of connection, for venues that keep more about one
    opened   called before the first frame is read: subscriptions that the path names, a greeting
    """
    ws = web.WebSocketResponse(autoping=False, max_msg_size=_FRAME_BYTES_MAX, compress=False)
    await ws.prepare(request)
    connection = client(ws, request, queue_max)
    hub.clients.add(connection)
    tasks = [asyncio.create_task(connection.write())]
    if ping_s is not None:
        tasks.append(asyncio.create_task(connection.ping(ping_s)))
    try:
        opened(connection)
        await connection.read(lambda raw: heard(connection, raw))
    finally:
        hub.leave(connection)
        for task in tasks:
            task.cancel()
    return ws
