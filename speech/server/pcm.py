"""Raw PCM as it comes, in chunks of any size, made a waveform of the recogniser's rate."""

from __future__ import annotations

import numpy as np
import soxr

from speech.audio.files import Waveform
from speech.audio.limits import AudioError

_TYPES: dict[int, np.dtype[np.int16] | np.dtype[np.int32]] = {
    2: np.dtype("<i2"),
    4: np.dtype("<i4"),
}  # by width in bytes
_RATES = (4_000, 384_000)  # Hz
_CHANNELS = 64


class PcmStream:
    """Signed little-endian samples of ``width`` bytes, interleaved, at ``rate`` Hz, as mono at ``sample_rate`` Hz.

    Raises AudioError for a format that cannot be.
    """

    def __init__(self, rate: int, width: int, channels: int, sample_rate: int) -> None:
        whole = all(type(number) is int for number in (rate, width, channels))
        if not whole or not (_RATES[0] <= rate <= _RATES[1] and width in _TYPES and 1 <= channels <= _CHANNELS):
            raise AudioError(
                f"rate={rate}, width={width}, channels={channels}: give a rate of {_RATES[0]} to {_RATES[1]} Hz, "
                f"a width of 2 or 4 bytes, and 1 to {_CHANNELS} channels"
            )
        self.format = rate, width, channels
        self._type, self._channels = _TYPES[width], channels
        self._rest = b""  # of a sample that ends in the next chunk
        self._resampler = None if rate == sample_rate else soxr.ResampleStream(rate, sample_rate, 1, dtype="float32")

    def __call__(self, content: bytes, last: bool = False) -> Waveform:
        """The samples ``(n_samples,)`` that ``content`` completes; with ``last`` all that are still on the way."""
        content = self._rest + content
        end = len(content) - len(content) % (self._type.itemsize * self._channels)
        self._rest = content[end:]
        samples = np.frombuffer(content[:end], self._type).reshape(-1, self._channels).mean(axis=1)
        waveform = (samples / -float(np.iinfo(self._type).min)).astype(np.float32)
        if self._resampler is None:
            return waveform
        return np.asarray(self._resampler.resample_chunk(waveform, last=last), np.float32)
