"""The live page's server on this machine: it serves files from memory, each with its type, on 127.0.0.1 only."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from speech.common.ranges import checked_count

TYPES = {  # not the system's table, in which an editor may have set text/plain for scripts
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
}
HEADERS = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self)",
}


def server(page: Mapping[str, bytes], port: int) -> ThreadingHTTPServer:
    """A server of ``page`` on ``port``, 0 for a free one. Raises OSError if another program has the port, ValueError
    for an invalid one."""
    checked_count("port", port, 0, 65_535)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # one connection for many files
        disable_nagle_algorithm = True  # otherwise a file waits until its header is acknowledged

        def handle(self) -> None:
            with suppress(ConnectionError):  # the browser has gone
                super().handle()

        def do_GET(self) -> None:
            name = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
            content = page.get(name)
            if content is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            self.send_response(HTTPStatus.OK)
            headers = {
                "Content-Type": TYPES[PurePosixPath(name).suffix],
                "Content-Length": str(len(content)),
                **HEADERS,
            }
            for header, value in headers.items():
                self.send_header(header, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *args: Any) -> None:
            """Log nothing."""

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise OSError(
            f"port={port}: cannot be served ({error.strerror}): give another, or port=0 for a free one"
        ) from error
