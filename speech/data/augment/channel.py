"""The channel from the sound at the microphone to samples: microphone, amplifier, converter, sometimes a telephone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speech.common.ranges import checked_proportion, checked_range
from speech.data.augment.convolution import Batch, convolve
from speech.data.augment.filters import N_TAPS, impulse_responses
from speech.data.augment.microphone import Microphone
from speech.data.augment.strength import Floats, drawn, happens
from speech.data.augment.telephone import Telephone


class Clipping:
    """Clips a waveform, with probability ``chance``, at a limit ``depth_db`` ``[least, most]`` below its peak.

    Half of them are clipped hard, half softly (tanh).
    """

    def __init__(self, chance: float, depth_db: Sequence[float]) -> None:
        self.chance = checked_proportion("augment.channel.clipping.chance", chance)
        self.depth_db = checked_range("augment.channel.clipping.depth_db", depth_db, least=0)

    def __call__(self, waveforms: Batch, rng: np.random.Generator, strength: float) -> None:
        """Changes ``waveforms`` in place."""
        clips = happens(rng, len(waveforms), self.chance, strength)
        depth_db = drawn(rng, len(waveforms), self.depth_db, self.depth_db[0], strength)
        hard = rng.random(len(waveforms)) < 0.5
        for clip in clips:
            loud = waveforms[clip]
            limit = max(np.float32(np.abs(loud).max() * 10 ** (-depth_db[clip] / 20)), np.float32(1e-8))
            waveforms[clip] = loud.clip(-limit, limit) if hard[clip] else limit * np.tanh(loud / limit)


class Channel:
    """Microphone, clipping, converter and telephone. Each can be None.

    ``gain_db`` ``[faintest, loudest]`` is the gain before the conversion to 16 bits.
    """

    def __init__(
        self,
        microphone: Microphone | None,
        clipping: Clipping | None,
        gain_db: Sequence[float] | None,
        telephone: Telephone | None,
    ) -> None:
        self.microphone, self.clipping, self.telephone = microphone, clipping, telephone
        self.gain_db = None if gain_db is None else checked_range("augment.channel.gain_db", gain_db)

    def __call__(
        self, waveforms: Batch, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> None:
        """Changes ``waveforms`` in place; they are 0 beyond each clip's ``n_samples``."""
        n_clips = len(waveforms)
        spectra = np.ones((n_clips, N_TAPS // 2 + 1), np.complex64)
        recorded, sent, in_8_bits = [np.zeros(0, int)] * 3
        if self.microphone is not None:
            recorded, response = self.microphone(n_clips, sample_rate, rng, strength)
            spectra[recorded] = response
        if self.telephone is not None:
            sent, response, in_8_bits = self.telephone(n_clips, sample_rate, rng, strength)
            spectra[sent] *= response
        filtered = np.union1d(recorded, sent)
        if len(filtered):
            convolved = convolve(waveforms[filtered], impulse_responses(spectra[filtered]))
            waveforms[filtered] = convolved * (np.arange(waveforms.shape[1]) < n_samples[filtered, None])
        if self.clipping is not None:
            self.clipping(waveforms, rng, strength)
        if self.gain_db is not None:
            waveforms[:] = convert(waveforms, drawn(rng, n_clips, self.gain_db, 0, strength))
        if self.telephone is not None:
            self.telephone.send(waveforms, n_samples, sample_rate, sent, in_8_bits)


def convert(waveforms: Batch, gain_db: Floats) -> Batch:
    """``waveforms`` amplified by ``gain_db`` ``(n_clips,)``, rounded to 16 bits and clipped at full scale."""
    steps: Batch = np.float32(32768) * (10 ** (gain_db / 20)).astype(np.float32)[:, None] * waveforms
    np.rint(steps, out=steps)
    np.clip(steps, -32768, 32767, out=steps)
    steps /= 32768
    return steps
