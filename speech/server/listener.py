"""Names in a stream without an end: the end-pointing of files, over a window that moves with the stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from speech.audio.endpointing import MARGIN_S, NoSpeechError, trim_silence
from speech.audio.files import Waveform
from speech.inference.scoring import Entry
from speech.inference.transcriber import Transcriber, Transcript

WINDOW_S = 3.0  # a name, and enough of what is around it to know the background
HOP_S = 0.1  # from one look to the next
PAUSE_S = 0.5  # after a name: shorter ones are within names


class Heard(NamedTuple):
    """What was said from ``start_s`` to ``end_s`` of the stream."""

    start_s: float
    end_s: float
    transcript: Transcript


class Listener:
    """Transcribes each utterance of a stream once a pause follows it. Holds WINDOW_S of sound, however long it listens.

    Looks are at fixed samples of the stream: chunks of any size give the same.
    """

    def __init__(self, transcriber: Transcriber, lexicon: Mapping[str, Entry]) -> None:
        self._transcriber, self._lexicon = transcriber, lexicon
        self._rate = transcriber.sample_rate
        self._hop, self._longest = round(HOP_S * self._rate), round(WINDOW_S * self._rate)
        self._window: Waveform = np.zeros(0, np.float32)
        self._n_samples = 0  # of the stream

    def feed(self, waveform: Waveform) -> Iterator[Heard]:
        """What is complete with the next ``waveform`` ``(n_samples,)``."""
        while len(waveform):
            until = self._hop - self._n_samples % self._hop
            piece, waveform = waveform[:until], waveform[until:]
            self._window = np.concatenate([self._window, piece])[-self._longest :]
            self._n_samples += len(piece)
            if len(piece) == until:
                yield from self._look(PAUSE_S)

    def end(self) -> Iterator[Heard]:
        """What is complete with the end of the stream."""
        yield from self._look(0.0)

    def _look(self, pause_s: float) -> Iterator[Heard]:
        try:
            speech, start_s = trim_silence(self._window, self._rate)
        except NoSpeechError:
            return
        margin = round(MARGIN_S * self._rate)
        start = round(start_s * self._rate)
        stop = start + len(speech)
        if len(self._window) - (stop - margin) < pause_s * self._rate:
            return
        # Silence, which the background is not estimated from: nothing is heard twice.
        self._window[max(0, start) : stop] = 0.0
        start_s += (self._n_samples - len(self._window)) / self._rate
        transcript = self._transcriber.transcribe_speech(speech, start_s, self._lexicon)
        yield Heard(start_s + MARGIN_S, start_s + len(speech) / self._rate - MARGIN_S, transcript)
