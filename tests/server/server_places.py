"""Servers on ports that the system chooses, while a test runs."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial


def run(coroutine):
    """What ``coroutine`` returns, run in a thread of its own: in the main one Playwright's loop may be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@asynccontextmanager
async def http_server(recognition):
    """The port of an HTTP server that serves meanwhile."""
    from speech.server import http

    port = free_port()
    server = http.server(recognition, "127.0.0.1", port, [])
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = server.force_exit = True
        await serving


@asynccontextmanager
async def wyoming_server(recognition):
    """The port of a Wyoming server that serves meanwhile."""
    from wyoming.server import AsyncTcpServer

    from speech.server.wyoming import Handler

    port = free_port()
    server = AsyncTcpServer("127.0.0.1", port)
    await server.start(partial(Handler, recognition))
    try:
        yield port
    finally:
        await server.stop()
