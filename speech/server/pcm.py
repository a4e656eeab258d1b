"""Converts raw PCM, in chunks of any size, to a waveform at the recogniser's rate."""

from __future__ import annotations

import io

import numpy as np

from speech.audio.containers import FRAMES
from speech.audio.files import Waveform
from speech.audio.limits import MOST_CHANNELS, RATES, AudioError
from speech.audio.streams import Mono, Pipe

_WHERE = "the stream"
_TYPES = {2: "int16", 4: "int32"}  # by width in bytes


class PcmStream:
    """Signed little-endian samples of ``width`` bytes, interleaved, at ``rate`` Hz, as mono at ``sample_rate`` Hz.

    A stream that begins as a WAV is read by its header, whatever format was given. Raises AudioError for an invalid
    format, and for a stream that begins as another sound file: a browser's WebM, for example, would be noise.
    """

    def __init__(self, rate: int, width: int, channels: int, sample_rate: int) -> None:
        whole = all(type(number) is int for number in (rate, width, channels))
        if not whole or not (RATES[0] <= rate <= RATES[1] and width in _TYPES and 1 <= channels <= MOST_CHANNELS):
            raise AudioError(
                f"rate={rate!r}, width={width!r}, channels={channels!r}: give a rate of {RATES[0]} to {RATES[1]} Hz, "
                f"a width of 2 or 4 bytes, and 1 to {MOST_CHANNELS} channels"
            )
        self.format = rate, width, channels
        self._sample_rate = sample_rate
        self._first = bytearray()  # bytes that came before the coding was known
        self._begun = False
        self._refused: AudioError | None = None

    def __call__(self, content: bytes, last: bool = False) -> Waveform:
        """The samples ``(n_samples,)`` of the blocks that ``content`` completes; with ``last``, all that are left."""
        if self._refused:
            raise self._refused
        if not self._begun:
            self._first += content
            if len(self._first) < FRAMES and not last:
                return np.zeros(0, np.float32)
            content = self._begin()
        found = [self._mono(samples) for samples in self._decode(content, last)]
        if last:
            found.append(self._mono(np.zeros((0, self._n_channels), np.float32), last))
        return np.concatenate([np.zeros(0, np.float32), *found])

    def _begin(self) -> bytes:
        """Choose the decoder by the first bytes; returns those of them that are samples."""
        rate, width, channels = self.format
        way_out = "decode it, or send it as a WAV of 16-bit PCM"
        try:
            pipe = Pipe(io.BytesIO(self._first), rate, channels, _TYPES[width], _WHERE, way_out)
        except AudioError as error:
            self._refused = error
            raise
        self._begun = True
        self._decode, self._n_channels = pipe.decoder, pipe.format.channels
        self._mono = Mono(pipe.format.rate, self._sample_rate)
        self._first.clear()
        return pipe.rest()
