"""One recogniser for many clients: it keeps no client's data, and has as many threads as there are processors."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from speech.audio.files import decode_open
from speech.audio.limits import AudioError
from speech.inference.scoring import Entry
from speech.inference.transcriber import Transcriber, Transcript
from speech.server.limits import Clients, Limits
from speech.text.names import read_names

Result = TypeVar("Result")
Lexicon = Mapping[str, Entry]

QUICK = 50  # names: a list of up to so many is read in a tenth of a second


class Recognition:
    """``transcriber`` with the ``lexicon`` for clients without their own list, and the ``limits`` of all clients."""

    def __init__(self, transcriber: Transcriber, lexicon: Lexicon, limits: Limits) -> None:
        self.transcriber, self.lexicon, self.limits = transcriber, lexicon, limits
        self.clients = Clients(limits.n_clients)
        self._threads = ThreadPoolExecutor(os.cpu_count())
        self._reader = ThreadPoolExecutor(1)  # of long lists

    async def run(self, action: Callable[..., Result], *arguments: object) -> Result:
        """Run ``action`` in one of the recognition threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, action, *arguments)

    async def read(self, names: Any) -> Lexicon:
        """``lexicon_of`` in a thread. A long list takes seconds, so it does not use a recognition thread."""
        long = isinstance(names, list) and len(names) > QUICK
        threads = self._reader if long else self._threads
        return await asyncio.get_running_loop().run_in_executor(threads, self.lexicon_of, names)

    def lexicon_of(self, names: Any) -> Lexicon:
        """The lexicon of a client's own ``names``; without any, the server's.

        Raises ValueError for a value that is not a list of names, and for a name that cannot be read.
        """
        if names is None:
            return self.lexicon
        if not isinstance(names, list) or len(names) > self.limits.n_names:
            raise ValueError(f'names: give a list, ["Anna", "Bob"], of at most {self.limits.n_names}')
        return self.transcriber.lexicon(read_names(names, self.transcriber.alphabet, labels=self.transcriber.labels))

    def transcribe_file(self, content: bytes, lexicon: Lexicon) -> Transcript:
        """The transcript of an audio file's bytes. Raises ValueError for an unusable file."""
        if not content:
            raise AudioError("recording: it is empty (0 bytes): send the file itself as the body")
        return self.transcriber.transcribe_recording(decode_open(io.BytesIO(content), Path("recording")), lexicon)


def text_of(transcript: Transcript) -> str:
    """The name that was said, or its letters if there is no list; an empty text if it is out of the list."""
    if not transcript.names:
        return transcript.letters
    return "" if transcript.accepted is False else transcript.names[0][0]
