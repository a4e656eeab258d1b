"""``speech-serve``: runs both servers until they are stopped."""

from __future__ import annotations

import errno
import math
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from speech.common import program
from speech.common.extras import require
from speech.common.ranges import checked_text

if TYPE_CHECKING:
    import asyncio

    import uvicorn

    from speech.server.recognition import Recognition

PAUSE_S = 60.0


async def serve(recognition: Recognition, host: str, wyoming_port: int, http_port: int, hosts: list[str]) -> None:
    """Serve until a signal stops it. A port of 0 turns a server off. Raises OSError for a port that is taken."""
    import asyncio

    asyncio.get_running_loop().set_exception_handler(TellOnce())
    sockets = bound(host, "http_port", http_port) if http_port else []
    running: list[Coroutine[object, object, None]] = []
    web: uvicorn.Server | None = None
    if wyoming_port:
        require("wyoming", "serve")
        from wyoming.server import AsyncTcpServer

        from speech.server.wyoming import Handler

        for probe in bound(host, "wyoming_port", wyoming_port):
            probe.close()  # the library binds it itself, and its error would not name the setting
        wyoming = AsyncTcpServer(host, wyoming_port)
        running.append(wyoming.run(partial(Handler, recognition)))
        print(f"Wyoming: tcp://{host}:{wyoming_port}", flush=True)
    if http_port:
        for package in ("fastapi", "uvicorn", "websockets"):
            require(package, "serve")
        from speech.server import http

        web = http.server(recognition, host, http_port, hosts)
        with suppress(NotImplementedError):  # on Windows; uvicorn raises the signal again once it has ended
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, web.handle_exit, signal.SIGTERM, None)
        running.append(web.serve(sockets))
        print(f"HTTP: http://{host}:{http_port}", flush=True)
    tasks = [asyncio.ensure_future(one) for one in running]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    if web:
        web.should_exit = True  # not cancelled, so that it can notify its clients
        await asyncio.wait(tasks[-1:])
    for one in tasks:
        one.cancel()
    for one in done:
        one.result()


def bound(host: str, key: str, port: int) -> list[socket.socket]:
    """Sockets for each address of ``host``. Raises OSError, naming the host and, by its setting ``key``, the port; with
    sockets of its own, uvicorn would end the process."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return [socket.create_server(address[:2], family=family, backlog=2048) for family, *_, address in found]
    except OSError as error:
        raise OSError(f"host={host} {key}={port}: cannot be served ({error.strerror}): give others") from error


class TellOnce:
    """An event loop's exception handler: it prints one line per PAUSE_S if no more files can be opened, where asyncio
    would repeat a traceback for each waiting connection."""

    def __init__(self) -> None:
        self._until = -math.inf

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)):
            loop.default_exception_handler(context)
        elif loop.time() >= self._until:
            self._until = loop.time() + PAUSE_S
            way_out = "raise the limit (ulimit -n)"
            print(f"warning: {error.strerror}: other clients wait until some disconnect: {way_out}", file=sys.stderr)


def _begin() -> None:
    import asyncio

    from speech.common.command_line import count, texts
    from speech.inference.commands import lexicon_of, load
    from speech.inference.entry_points import recognizer_parser
    from speech.server.limits import Limits
    from speech.server.recognition import Recognition

    parser = recognizer_parser("speech-serve", "Recognise names for other programs: Home Assistant, HTTP; key=value.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; 0.0.0.0: for any machine")
    parser.add_argument("--wyoming_port", type=count(0, 65_535), default=10300, help="port for Home Assistant; 0: none")
    parser.add_argument("--http_port", type=count(0, 65_535), default=8300, help="port of HTTP and WebSocket; 0: none")
    parser.add_argument("--hosts", type=texts, default=[], help="names by which it may be reached, [pi.local]")
    parser.add_argument("--clients", type=count(1, 10_000), default=Limits.n_clients, help="the most served at a time")
    given = parser.parse(sys.argv[1:])
    if not (given.wyoming_port or given.http_port):
        raise ValueError("wyoming_port=0 http_port=0: no server is left: give one of them a port")
    checked_text(
        "host", given.host, "127.0.0.1, or the address to listen on: an empty one would be reachable by every machine"
    )
    hosts = [given.hosts] if isinstance(given.hosts, str) else given.hosts  # a single one, without brackets
    runtime, _ = load(given.recognizer, given.enrolled, given.false_accept_rate)
    recognition = Recognition(runtime, lexicon_of(given.names, runtime), Limits(n_clients=given.clients))
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # with Python's own handler, asyncio ends its tasks in order
        signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(serve(recognition, given.host, given.wyoming_port, given.http_port, hosts))


def main() -> None:
    program.run(_begin)
