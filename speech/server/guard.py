"""Who may use a server on this machine: any web page in a browser can reach it, but only its own pages may use it.

A page's requests carry the page's ``Origin``; a page whose name was made to resolve to 127.0.0.1 (DNS rebinding)
carries that name as ``Host``. Programs send no ``Origin``.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from speech.server.limits import Clients, TooMuchError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Guard:
    """ASGI middleware around ``app``. It answers 403 to another ``Host`` or ``Origin``, and 503 if there are too many
    clients or the server is shutting down.

    ``Host`` has to be an IP address, localhost, or one of ``hosts``; ``Origin`` that of the same host and port.
    """

    def __init__(self, app: Any, hosts: Sequence[str], clients: Clients) -> None:
        self._app, self._clients = app, clients
        self._hosts = {"localhost", *map(str.lower, hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif (reason := self._refused(scope)) is not None:
            await _refuse(scope, send, 403, reason)
        else:
            try:
                with self._clients.another():
                    await self._app(scope, receive, send if scope["type"] == "websocket" else _closing(send))
            except TooMuchError as error:
                await _refuse(scope, send, 503, str(error))
            except asyncio.CancelledError:  # the server is shutting down; the client of a stream was already notified
                if scope["type"] == "http":
                    await _refuse(scope, send, 503, "the server is shutting down: try again later")

    def _refused(self, scope: Scope) -> str | None:
        hosts, origins = (
            [value.decode("latin-1").lower() for name, value in scope["headers"] if name == wanted]
            for wanted in (b"host", b"origin")
        )
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return f"Host {', '.join(hosts) or 'is missing'}: not a name of this server: add it with hosts=[...]"
        if origins and origins not in ([f"http://{hosts[0]}"], [f"https://{hosts[0]}"]):
            return f"Origin {', '.join(origins)}: pages of other servers may not use this one"
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._hosts
        return True


async def _refuse(scope: Scope, send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    is_socket = scope["type"] == "websocket"  # not accepted, but answered like any other request
    kind, send = ("websocket.http.response", send) if is_socket else ("http.response", _closing(send))
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": f"{reason}\n".encode()})


def _closing(send: Send) -> Send:
    """``send`` with a header that closes the connection: the timeout of the headers covers only its first request."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await send(message)

    return sent
