"""HTTP: a recording in, its transcript out. WebSocket: raw PCM in, what is heard out, as it is said."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, HTTPException, Query, Request, WebSocket, WebSocketDisconnect
from uvicorn.protocols.http.h11_impl import H11Protocol

from speech import __version__
from speech.inference.batch import fields_of
from speech.inference.listening import Heard
from speech.server.guard import Guard
from speech.server.limits import TooMuchError
from speech.server.listener import Listener
from speech.server.pcm import PcmStream
from speech.server.recognition import Recognition

HEADERS_S = 10.0  # until a request's headers are there
DEFAULT = {"names": None, "rate": 16_000, "width": 2, "channels": 1}  # of a stream
TOO_LONG, TOO_BIG, WRONG = 1001, 1009, 1007  # WebSocket's codes (RFC 6455, 7.4.1)


def application(recognition: Recognition) -> FastAPI:
    """The routes, without the guard."""
    app = FastAPI(title="speech-names", version=__version__, docs_url=None, redoc_url=None)

    @app.get("/")
    async def about() -> dict[str, Any]:
        """The list of names, and the rate that needs no resampling."""
        return {
            "version": __version__,
            "names": list(recognition.lexicon),
            "sample_rate": recognition.transcriber.sample_rate,
        }

    @app.post("/transcribe")
    async def transcribe(request: Request, name: Annotated[list[str] | None, Query()] = None) -> dict[str, Any]:
        """The transcript of the recording that the request's body is; ``name=Anna&name=Bob`` is a list of one's own."""
        try:
            async with asyncio.timeout(recognition.limits.patience_s):
                content = await _body(request, recognition.limits.n_bytes)
            return fields_of(await recognition.run(recognition.transcribe_file, content, name))
        except TooMuchError as error:
            raise HTTPException(413, str(error)) from error
        except TimeoutError as error:
            raise HTTPException(408, f"not there after {recognition.limits.patience_s:.0f} s") from error
        except ValueError as error:
            raise HTTPException(422, str(error)) from error

    @app.websocket("/listen")
    async def listen(socket: WebSocket) -> None:
        """First ``{"names": [...], "rate": 16000, "width": 2, "channels": 1}``, each of them if other than these; then
        PCM in binary frames; ``{"end": true}`` for what is still on the way."""
        await socket.accept()
        try:
            await _listen(socket, recognition)
            await socket.close()
        except WebSocketDisconnect:
            pass
        except TimeoutError:
            await socket.close(TOO_LONG, f"nothing for {recognition.limits.patience_s:.0f} s")
        except TooMuchError as error:
            await socket.close(TOO_BIG, str(error))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            await socket.close(WRONG, str(error).encode()[:120].decode(errors="ignore"))  # 123 bytes at most

    return app


async def _body(request: Request, most: int) -> bytes:
    """All of it, counted as it comes: a header need not tell the truth, and a chunked body has none."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise TooMuchError(f"over {most} bytes: a name's recording is shorter")
    return bytes(content)


async def _listen(socket: WebSocket, recognition: Recognition) -> None:
    told: dict[str, Any] = DEFAULT
    pcm: PcmStream | None = None
    listener: Listener | None = None

    async def send(heard: list[Heard]) -> None:
        for one in heard:
            line = json.dumps({"start_s": one.start_s, "end_s": one.end_s, **fields_of(one.transcript)})
            await asyncio.wait_for(socket.send_text(line), recognition.limits.patience_s)

    while True:
        message = await asyncio.wait_for(socket.receive(), recognition.limits.patience_s)
        if message["type"] == "websocket.disconnect":
            return
        if (text := message.get("text")) is not None:
            given = json.loads(text)
            if given.get("end"):
                break
            told = DEFAULT | given
            pcm = listener = None
        if pcm is None or listener is None:
            pcm = PcmStream(told["rate"], told["width"], told["channels"], recognition.transcriber.sample_rate)
            lexicon = await recognition.run(recognition.lexicon_of, told["names"])
            listener = Listener(recognition.transcriber, lexicon)
        await send(await recognition.run(_fed, listener, pcm, message.get("bytes") or b""))
    if pcm is not None and listener is not None:
        await send(await recognition.run(_ended, listener, pcm))


def _fed(listener: Listener, pcm: PcmStream, content: bytes) -> list[Heard]:
    return listener.feed(pcm(content))


def _ended(listener: Listener, pcm: PcmStream) -> list[Heard]:
    return listener.end(pcm(b"", last=True))


class Protocol(H11Protocol):
    """uvicorn's HTTP, which waits for a request's headers no longer than HEADERS_S."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.loop.call_later(HEADERS_S, self._close_without_request)

    def _close_without_request(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:  # a WebSocket has a protocol of its own
            self.transport.close()


def server(recognition: Recognition, host: str, port: int, hosts: list[str]) -> uvicorn.Server:
    """A server of the ``application`` behind its guard. ``hosts`` are names under which it may be reached."""
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
    )
    return uvicorn.Server(config)
