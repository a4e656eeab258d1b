"""Raw PCM as it comes, in chunks of any size, made a waveform of the recogniser's rate."""

from __future__ import annotations

import io

import numpy as np

from speech.audio.containers import FRAMES
from speech.audio.files import Waveform
from speech.audio.limits import MOST_CHANNELS, RATES, AudioError
from speech.audio.streams import BLOCK_S, Mono, Pipe

_WHERE = "the stream"
_TYPES = {2: "int16", 4: "int32"}  # by width in bytes


class PcmStream:
    """Signed little-endian samples of ``width`` bytes, interleaved, at ``rate`` Hz, as mono at ``sample_rate`` Hz.

    A stream that begins as a WAV is read by its header, whatever was said. Raises AudioError for a format that cannot
    be, and for what begins as another sound file: a browser's WebM, say, would be noise.
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
        self._rest = bytearray()
        self._begun = False
        self._refused: AudioError | None = None

    def __call__(self, content: bytes, last: bool = False) -> Waveform:
        """The samples ``(n_samples,)`` of the blocks that ``content`` completes; with ``last`` all that came."""
        if self._refused:
            raise self._refused
        self._rest += content
        found = [np.zeros(0, np.float32)]
        if not self._begun:
            if len(self._rest) < FRAMES and not last:
                return found[0]
            self._begin()
        while len(self._rest) >= self._n_bytes:
            found.append(self._block(bytes(self._rest[: self._n_bytes])))
            del self._rest[: self._n_bytes]
        if last:
            found.append(self._block(bytes(self._rest), last))
        return np.concatenate(found)

    def _begin(self) -> None:
        """By the first bytes."""
        rate, width, channels = self.format
        way_out = "decode it, or send it as a WAV"
        try:
            pipe = Pipe(io.BytesIO(self._rest), rate, channels, _TYPES[width], _WHERE, way_out)
        except AudioError as error:
            self._refused = error
            raise
        self._begun = True
        self._rest = bytearray(pipe.rest())
        self._coding = pipe.coding
        self._n_bytes = self._coding.n_block_bytes(BLOCK_S)  # of each block but the last, however they came
        self._mono = Mono(self._coding.rate, self._sample_rate)

    def _block(self, content: bytes, last: bool = False) -> Waveform:
        return self._mono(self._coding.decode(content, _WHERE), last)
