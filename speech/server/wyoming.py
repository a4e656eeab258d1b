"""Wyoming, the protocol of Home Assistant's voice services: speech to text, and names as wake words.

``transcribe`` (with ``transcript_names``, the client's own list), ``audio-start``, ``audio-chunk``, ``audio-stop`` give
a ``transcript``. After ``detect`` (with ``names``) each name gives a ``detection`` once it was said, and a stream
without any ends in ``not-detected``. A client's mistake gives an ``error``, and does not affect other clients.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import numpy as np
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_read_event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info, WakeModel, WakeProgram
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler
from wyoming.wake import Detect, Detection, NotDetected

from speech import __version__
from speech.audio.files import Waveform
from speech.audio.limits import LONGEST_S, AudioError
from speech.inference.batch import REFUSED
from speech.inference.listening import Recognised
from speech.server.limits import Limits, TooMuchError
from speech.server.listener import Listener
from speech.server.pcm import PcmStream
from speech.server.recognition import Lexicon, Recognition, text_of

NAME = "speech-names"
LANGUAGES = ["en"]


class BoundedReader:
    """A stream that reads no more at once, and waits no longer, than the ``limits`` allow."""

    def __init__(self, reader: asyncio.StreamReader, limits: Limits) -> None:
        self._reader, self._limits = reader, limits

    async def readline(self) -> bytes:
        return await asyncio.wait_for(self._reader.readline(), self._limits.patience_s)

    async def readexactly(self, n: int) -> bytes:
        if n > self._limits.n_event_bytes:
            raise TooMuchError(f"{n} bytes in one event: {self._limits.n_event_bytes} at most")
        return await asyncio.wait_for(self._reader.readexactly(n), self._limits.patience_s)

    def feed_eof(self) -> None:
        self._reader.feed_eof()


class Handler(AsyncEventHandler):
    """One client's connection, with all of its state."""

    def __init__(self, recognition: Recognition, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bounded: Any = BoundedReader(reader, recognition.limits)  # has all methods that the library uses
        super().__init__(bounded, writer)
        self._recognition = recognition
        self._detects = False
        self._lexicon: Lexicon = recognition.lexicon
        self._begin()

    def _begin(self) -> None:
        self._pcm: PcmStream | None = None
        self._listener = Listener(self._recognition.transcriber, self._lexicon)
        self._collected: list[Waveform] = []
        self._n_samples = 0
        self._begins_ms = 0
        self._n_detected = 0

    async def run(self) -> None:
        try:
            with self._recognition.clients.another():
                while (event := await async_read_event(self.reader)) and await self.handle_event(event):
                    pass
        except TooMuchError as error:
            with contextlib.suppress(OSError, TimeoutError):
                await self.write_event(Error(str(error)).event())
        except (OSError, EOFError, TimeoutError, AttributeError, KeyError, TypeError, RecursionError):
            pass  # gone, silent for too long, or not Wyoming: nobody would read an error
        finally:
            self.writer.close()

    async def write_event(self, event: Event) -> None:
        await asyncio.wait_for(super().write_event(event), self._recognition.limits.patience_s)

    async def handle_event(self, event: Event) -> bool:
        try:
            await self._handle(event)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            reason = str(error) if isinstance(error, ValueError) else f"missing or invalid: {error}"
            await self.write_event(Error(f"{event.type}: {reason}").event())
        return True

    async def _handle(self, event: Event) -> None:
        if Describe.is_type(event.type):
            await self.write_event(info(self._recognition).event())
        elif Ping.is_type(event.type):
            await self.write_event(Pong(Ping.from_event(event).text).event())
        elif Transcribe.is_type(event.type):
            await self._ask(False, Transcribe.from_event(event).transcript_names)
        elif Detect.is_type(event.type):
            await self._ask(True, Detect.from_event(event).names)
        elif AudioStart.is_type(event.type):
            start = AudioStart.from_event(event)
            self._begin()
            self._begins_ms = start.timestamp or 0
        elif AudioChunk.is_type(event.type):
            await self._feed(AudioChunk.from_event(event))
        elif AudioStop.is_type(event.type):
            await self._end()

    async def _ask(self, detects: bool, names: Any) -> None:
        self._detects = detects
        self._lexicon = {}  # after a list that cannot be read, no names are found, instead of those of another list
        self._begin()
        self._lexicon = await self._recognition.read(names or None)  # [] means the server's list, too
        self._begin()

    async def _feed(self, chunk: AudioChunk) -> None:
        pcm_format = chunk.rate, chunk.width, chunk.channels
        if self._pcm is not None and self._pcm.format != pcm_format:  # the previous one may have an incomplete block
            await self._take(self._pcm(b"", last=True))
        if self._pcm is None or self._pcm.format != pcm_format:
            self._pcm = PcmStream(*pcm_format, self._recognition.transcriber.sample_rate)
        await self._take(self._pcm(chunk.audio))

    async def _take(self, waveform: Waveform) -> None:
        if self._detects:
            await self._detected(await self._recognition.run(self._listener.feed, waveform))
            return
        self._n_samples += len(waveform)
        if self._n_samples > LONGEST_S * self._recognition.transcriber.sample_rate:
            self._begin()
            raise AudioError(f"over the {LONGEST_S:.0f} s allowed for a name: the sound so far is dropped")
        self._collected.append(waveform)

    async def _detected(self, recognised: list[Recognised]) -> None:
        for one in recognised:
            if one.transcript.names and (name := text_of(one.transcript)):
                self._n_detected += 1
                timestamp = self._begins_ms + round(1000 * one.end_s)
                await self.write_event(Detection(name, timestamp).event())

    async def _end(self) -> None:
        try:
            rest = np.zeros(0, np.float32) if self._pcm is None else self._pcm(b"", last=True)
            if self._detects:
                await self._detected(await self._recognition.run(self._listener.end, rest))
            else:
                await self._take(rest)
        finally:
            text, n_detected = await self._text(), self._n_detected
            self._begin()
            if not self._detects:
                await self.write_event(Transcript(text).event())
            elif not n_detected:
                await self.write_event(NotDetected().event())

    async def _text(self) -> str:
        if not self._n_samples:
            return ""
        transcriber = self._recognition.transcriber
        clip = np.concatenate(self._collected), transcriber.sample_rate
        try:
            return text_of(await self._recognition.run(transcriber.transcribe_recording, clip, self._lexicon))
        except REFUSED:
            return ""


def info(recognition: Recognition) -> Info:
    """The server's services: speech to text, and each name of its list as a wake word."""
    about: dict[str, Any] = {
        "attribution": Attribution("speech-names", "https://github.com/rhasspy/wyoming"),
        "installed": True,
        "version": __version__,
    }
    model = AsrModel(name=NAME, description="Names of a list", languages=LANGUAGES, **about)
    wake = [
        WakeModel(name=name, description=name, phrase=name, languages=LANGUAGES, **about)
        for name in recognition.lexicon
    ]
    return Info(
        asr=[AsrProgram(name=NAME, description="Spoken names", models=[model], **about)],
        wake=[WakeProgram(name=NAME, description="Names as wake words", models=wake, **about)],
    )
