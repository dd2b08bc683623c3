"""One connection pool to a venue: what hangs there holds nothing else up."""

import asyncio

from venues.net.http import Http
from venues.wire.request import HttpRequest

HANGING = 100


async def test_a_cancel_leaves_at_once_however_many_orders_have_no_answer() -> None:
    hung = asyncio.Semaphore(0)
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readuntil(b"\r\n\r\n")).startswith(b"POST"):
            hung.release()
            await over.wait()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2 * HANGING)
    http = Http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_s=10.0)
    await http.open()
    orders = [asyncio.create_task(http.send(HttpRequest("POST", "/"))) for _ in range(HANGING)]
    async with asyncio.timeout(5):
        await asyncio.sleep(0.2)
        cancel = await http.send(HttpRequest("DELETE", "/"))
        for _ in range(HANGING):
            await hung.acquire()
    over.set()
    await asyncio.gather(*orders, return_exceptions=True)
    await http.close()
    server.close()

    assert cancel.status == 200
