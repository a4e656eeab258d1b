"""Raw PCM as it comes, in chunks of any size, made a waveform of the recogniser's rate."""

from __future__ import annotations

import numpy as np

from speech.audio.files import Waveform
from speech.audio.limits import MOST_CHANNELS, RATES, AudioError
from speech.audio.streams import BLOCK_S, TYPES, Mono

_TYPES = {2: np.dtype(TYPES["int16"]), 4: np.dtype(TYPES["int32"])}  # by width in bytes


class PcmStream:
    """Signed little-endian samples of ``width`` bytes, interleaved, at ``rate`` Hz, as mono at ``sample_rate`` Hz.

    Raises AudioError for a format that cannot be.
    """

    def __init__(self, rate: int, width: int, channels: int, sample_rate: int) -> None:
        whole = all(type(number) is int for number in (rate, width, channels))
        if not whole or not (RATES[0] <= rate <= RATES[1] and width in _TYPES and 1 <= channels <= MOST_CHANNELS):
            raise AudioError(
                f"rate={rate}, width={width}, channels={channels}: give a rate of {RATES[0]} to {RATES[1]} Hz, "
                f"a width of 2 or 4 bytes, and 1 to {MOST_CHANNELS} channels"
            )
        self.format = rate, width, channels
        self._type = _TYPES[width]
        self._frame = width * channels
        self._n_bytes = round(BLOCK_S * rate) * self._frame  # of each block but the last, however they came
        self._mono = Mono(rate, sample_rate)
        self._rest = bytearray()

    def __call__(self, content: bytes, last: bool = False) -> Waveform:
        """The samples ``(n_samples,)`` of the blocks that ``content`` completes; with ``last`` all that came."""
        self._rest += content
        found = [np.zeros(0, np.float32)]
        while len(self._rest) >= self._n_bytes:
            found.append(self._block(bytes(self._rest[: self._n_bytes])))
            del self._rest[: self._n_bytes]
        if last:
            n_whole = len(self._rest) // self._frame * self._frame
            found.append(self._block(bytes(self._rest[:n_whole]), last))
        return np.concatenate(found)

    def _block(self, content: bytes, last: bool = False) -> Waveform:
        samples = np.frombuffer(content, self._type).reshape(-1, self.format[2])
        return self._mono((samples / -float(np.iinfo(self._type).min)).astype(np.float32), last)
