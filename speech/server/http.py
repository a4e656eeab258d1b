"""HTTP: a recording in, its transcript out. WebSocket: raw PCM in, the names out, as they are said."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, HTTPException, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from speech import __version__
from speech.common.escape import printable
from speech.inference.batch import fields_of
from speech.inference.listening import Recognised
from speech.server.guard import Guard, Receive, Scope, Send
from speech.server.limits import TooMuchError
from speech.server.listener import Listener
from speech.server.pcm import PcmStream
from speech.server.recognition import Lexicon, Recognition

ENDING_S = 1  # in which a server that ends may finish open requests
HEADERS_S = 10.0  # in which a request's headers have to arrive
DEFAULT = {"names": None, "rate": 16_000, "width": 2, "channels": 1}  # of a stream
THERE = "this server has GET /, POST /transcribe and the WebSocket /listen"
TOO_LONG, TOO_BIG, WRONG = 1001, 1009, 1007  # WebSocket's codes (RFC 6455, 7.4.1)


def application(recognition: Recognition) -> FastAPI:
    """The routes, without the guard."""
    app = FastAPI(title="speech-names", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)

    @app.get("/")
    async def about() -> dict[str, Any]:
        """The list of names, and the sample rate that needs no resampling."""
        return {
            "version": __version__,
            "names": list(recognition.lexicon),
            "sample_rate": recognition.transcriber.sample_rate,
        }

    @app.post("/transcribe")
    async def transcribe(request: Request, name: Annotated[list[str] | None, Query()] = None) -> dict[str, Any]:
        """The transcript of the recording in the request's body; ``name=Anna&name=Bob`` gives a list of your own."""
        try:
            async with asyncio.timeout(recognition.limits.patience_s):
                content = await _body(request, recognition.limits.n_bytes)
            if others := sorted(request.query_params.keys() - {"name"}):
                raise ValueError(f"{others[0]}: unknown; give name, as often as needed: ?name=Anna&name=Bob")
            if request.headers.get("content-type", "").startswith("multipart/"):
                raise ValueError("a form: send the recording itself as the body: curl --data-binary @clip.wav")
            lexicon = await recognition.read(name)
            return fields_of(await recognition.run(recognition.transcribe_file, content, lexicon))
        except TooMuchError as error:
            raise HTTPException(413, str(error)) from error
        except TimeoutError as error:
            raise HTTPException(408, f"not received within {recognition.limits.patience_s:.0f} s") from error
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        except ConnectionError:
            return {}  # nobody reads it

    @app.websocket("/listen")
    async def listen(socket: WebSocket) -> None:
        """First comes ``{"names": [...], "rate": 16000, "width": 2, "channels": 1}``, with the keys whose values differ
        from these defaults; then PCM in binary frames; ``{"end": true}`` asks for the remaining results. Another list
        of names may come at any time; another rate, width or number of channels begins a new stream."""
        await socket.accept()
        try:
            await _listen(socket, recognition)
            await socket.close()
        except WebSocketDisconnect:
            pass
        except TimeoutError:
            await socket.close(TOO_LONG, f"nothing received for {recognition.limits.patience_s:.0f} s")
        except TooMuchError as error:
            await socket.close(TOO_BIG, str(error))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            await socket.close(WRONG, str(error).encode()[:120].decode(errors="ignore"))  # 123 bytes at most

    app.router.default = _not_there
    return app


async def _not_there(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 404, with the paths that exist, to any other path, also of a WebSocket."""
    answer = JSONResponse({"detail": f"{printable(scope['path'])}: {THERE}"}, 404)
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(answer)
    else:
        await answer(scope, receive, send)


async def _body(request: Request, most: int) -> bytes:
    """The request's body, counted as it comes: its header may be wrong, and a chunked body does not declare its length.
    Raises ConnectionError if the client disconnects, TooMuchError over ``most`` bytes."""
    content, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        content += message.get("body", b"")
        more = message.get("more_body", False)
        if len(content) > most:
            raise TooMuchError(f"over {most} bytes: a name's recording is shorter")
    return bytes(content)


def _given(text: str) -> dict[str, Any]:
    """The settings that a client sends for its stream. Raises ValueError for any other text."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ValueError(f"not JSON ({error}): sound is sent in binary frames") from error
    known = [*DEFAULT, "end"]
    if not isinstance(given, dict) or not given.keys() <= set(known):
        wrong = ", ".join(sorted(given.keys() - known)) if isinstance(given, dict) else "not a JSON object"
        raise ValueError(f"{wrong[:40]}: the keys are {', '.join(known)}")
    return given


class _Stream:
    """PCM in the format of the client's ``settings``, and the names in it. Raises ValueError for an invalid format."""

    def __init__(self, recognition: Recognition, settings: Mapping[str, Any], lexicon: Lexicon) -> None:
        self.format = _format(settings)
        self._pcm = PcmStream(*self.format, recognition.transcriber.sample_rate)
        self._listener = Listener(recognition.transcriber, lexicon)

    def listen_for(self, lexicon: Lexicon) -> None:
        self._listener.listen_for(lexicon)

    def feed(self, content: bytes) -> list[Recognised]:
        return self._listener.feed(self._pcm(content))

    def end(self) -> list[Recognised]:
        return self._listener.end(self._pcm(b"", last=True))


def _format(settings: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return settings["rate"], settings["width"], settings["channels"]


async def _listen(socket: WebSocket, recognition: Recognition) -> None:
    settings: dict[str, Any] = DEFAULT
    stream: _Stream | None = None

    async def send(recognised: list[Recognised]) -> None:
        for one in recognised:
            line = json.dumps({"start_s": one.start_s, "end_s": one.end_s, **fields_of(one.transcript)})
            await asyncio.wait_for(socket.send_text(line), recognition.limits.patience_s)

    while True:
        message = await asyncio.wait_for(socket.receive(), recognition.limits.patience_s)
        if message["type"] == "websocket.disconnect":
            return
        if (text := message.get("text")) is not None:
            given = _given(text)
            if given.pop("end", False):
                break
            settings = settings | given
            if stream and stream.format != _format(settings):  # the stream in the previous format ends
                await send(await recognition.run(stream.end))
                stream = None
            elif stream and "names" in given:
                stream.listen_for(await recognition.read(settings["names"]))
        if stream is None:
            stream = _Stream(recognition, settings, await recognition.read(settings["names"]))
        await send(await recognition.run(stream.feed, message.get("bytes") or b""))
    if stream is not None:
        await send(await recognition.run(stream.end))


class Protocol(H11Protocol):
    """uvicorn's HTTP protocol, which waits for a request's headers no longer than HEADERS_S."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.loop.call_later(HEADERS_S, self._close_without_request)

    def _close_without_request(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:  # a WebSocket has its own protocol
            self.transport.close()


def server(recognition: Recognition, host: str, port: int, hosts: list[str]) -> uvicorn.Server:
    """A server of the ``application`` behind its ``Guard``. ``hosts`` are the names under which it may be reached."""
    guarded = Guard(application(recognition), hosts, recognition.clients)
    config = uvicorn.Config(
        guarded,
        host,
        port,
        http=Protocol,
        ws_max_size=recognition.limits.n_event_bytes,
        ws_max_queue=4,
        ws_per_message_deflate=False,  # a small frame could be inflated to any size
        lifespan="off",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=ENDING_S,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_no_denial)
    return uvicorn.Server(config)


def _is_no_denial(record: logging.LogRecord) -> bool:
    """False for uvicorn's message, for each WebSocket answered with 403 or 404, that it was not accepted."""
    return "without completing handshake" not in record.getMessage()
