"""From the speaker's lips to the recogniser, by way of a room, its noises, a microphone and perhaps a telephone.

For recognisers that are made from synthetic voices and shall hear people. The steps come in the order in which a
sound meets them; a batch of clips goes through each together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from speech.audio.files import Waveform
from speech.data.augment.convolution import Batch, convolve
from speech.data.augment.microphone import N_TAPS, Clipping, Microphone, Telephone, convert, impulse_responses
from speech.data.augment.noise import Babble, Hum, Noise, add
from speech.data.augment.reverb import Reverb
from speech.data.augment.spec import Spans, SpecAugment
from speech.data.augment.strength import a_chance, a_range, drawn, happens, strength_at

MOST_CUT = 0.2  # of a clip, from either end


class Room:
    """Each step can be left out with None. Over training's first ``ramp`` batches it grows (``strength`` says how).

    ``speed`` ``[slowest, fastest]``: tempo, pitch and formants together (Ko et al. 2015).
    ``edge_ms`` ``[most cut off, most added]``: where the end-pointer puts the clip's two ends, each drawn by itself,
    from so much within the speech (a number below 0) to so much silence around it. The silence is the room's, with
    its reverberation and its noise. ``endpoint_jitter_ms`` takes its place with probability ``endpoint_jitter_chance``:
    where other people talk, or a noise swells, the end-pointer takes what comes before and after for more of the name.
    It is drawn by batch, since clips are padded to the longest of theirs. ``gain_db`` ``[faintest, loudest]`` before
    the converter to 16 bits.
    """

    def __init__(
        self,
        ramp: int = 1000,
        speed: Sequence[float] | None = (0.85, 1.18),
        edge_ms: Sequence[float] | None = (-40.0, 120.0),
        endpoint_jitter_chance: float = 0.0,
        endpoint_jitter_ms: Sequence[float] = (0.0, 500.0),
        reverb: Reverb | None = None,
        noise: Noise | None = None,
        babble: Babble | None = None,
        hum: Hum | None = None,
        microphone: Microphone | None = None,
        telephone: Telephone | None = None,
        clipping: Clipping | None = None,
        gain_db: Sequence[float] | None = (-30.0, 6.0),
        spec: SpecAugment | None = None,
    ) -> None:
        if ramp < 0:
            raise ValueError(f"augment.ramp={ramp} must not be under 0 batches")
        self.ramp = ramp
        self.speed = None if speed is None else a_range("speed", speed, least=0.1)
        self.edge_ms = None if edge_ms is None else a_range("edge_ms", edge_ms)
        self.endpoint_jitter_chance, self.endpoint_jitter_ms = (
            a_chance("endpoint_jitter_chance", endpoint_jitter_chance),
            a_range("endpoint_jitter_ms", endpoint_jitter_ms),
        )
        self.gain_db = None if gain_db is None else a_range("gain_db", gain_db)
        self.reverb, self.microphone, self.telephone, self.clipping = reverb, microphone, telephone, clipping
        self.sources = [source for source in (noise, babble, hum) if source is not None]
        self.spec = spec

    def batch(
        self, waveforms: Sequence[Waveform], sample_rate: int, rng: np.random.Generator, n_before: int
    ) -> tuple[list[Waveform], Spans | None]:
        """The clips of a batch, before which training had ``n_before``, and what their features shall hide."""
        strength = strength_at(n_before, self.ramp)
        if strength == 0:
            return list(waveforms), None
        padded, n_samples = self._placed(waveforms, sample_rate, rng, strength)
        if self.reverb is not None:
            self.reverb(padded, n_samples, sample_rate, rng, strength)
        add(padded, n_samples, [source(padded, n_samples, sample_rate, rng, strength) for source in self.sources])
        self._recorded(padded, n_samples, sample_rate, rng, strength)
        spans = None if self.spec is None else self.spec.spans(n_samples, sample_rate, rng, strength)
        return [one[:n] for one, n in zip(padded, n_samples, strict=True)], spans

    def _placed(
        self, waveforms: Sequence[Waveform], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> tuple[Batch, NDArray[np.intp]]:
        """As fast as drawn, between as much silence as drawn: ``(n_clips, n_samples)`` and each one's ``n_samples``."""
        if self.speed is not None:
            speeds = drawn(rng, len(waveforms), self.speed, 1, strength)
            waveforms = [_faster(*pair) for pair in zip(waveforms, speeds, strict=True)]
        edges = np.zeros((2, len(waveforms)), int)
        loose = len(happens(rng, 1, self.endpoint_jitter_chance, strength)) > 0
        limits = self.endpoint_jitter_ms if loose else self.edge_ms
        if limits is not None:
            ms = [drawn(rng, len(waveforms), limits, 0, strength) for _ in range(2)]
            edges = np.round(np.stack(ms) / 1000 * sample_rate).astype(int)
        lengths = np.array([len(waveform) for waveform in waveforms])
        before, after = np.maximum(edges, -(MOST_CUT * lengths).astype(int))
        n_samples = lengths + before + after
        padded = np.zeros((len(waveforms), n_samples.max()), np.float32)
        for row, waveform, first, n in zip(padded, waveforms, before, n_samples, strict=True):
            own = waveform[max(0, -first) :][: n - max(0, first)]
            row[max(0, first) :][: len(own)] = own
        return padded, n_samples

    def _recorded(
        self, padded: Batch, n_samples: NDArray[np.intp], sample_rate: int, rng: np.random.Generator, strength: float
    ) -> None:
        """In place, what arrives at the microphone as it comes out of the converter or over the line."""
        n_clips = len(padded)
        spectra = np.ones((n_clips, N_TAPS // 2 + 1), np.complex64)
        clips, over_line, in_8_bits = [np.zeros(0, int)] * 3
        if self.microphone is not None:
            clips, response = self.microphone(n_clips, sample_rate, rng, strength)
            spectra[clips] = response
        if self.telephone is not None:
            over_line, response, in_8_bits = self.telephone(n_clips, sample_rate, rng, strength)
            spectra[over_line] *= response
        filtered = np.union1d(clips, over_line)
        if len(filtered):
            heard = convolve(padded[filtered], impulse_responses(spectra[filtered]))
            padded[filtered] = heard * (np.arange(padded.shape[1]) < n_samples[filtered, None])
        if self.clipping is not None:
            self.clipping(padded, rng, strength)
        if self.gain_db is not None:
            padded[:] = convert(padded, drawn(rng, n_clips, self.gain_db, 0, strength))
        if self.telephone is not None:
            self.telephone.send(padded, n_samples, sample_rate, over_line, in_8_bits)


def _faster(waveform: Waveform, speed: float) -> Waveform:
    """``speed`` times as fast, by straight lines between samples (which dull the top of the band a little)."""
    n_samples = round((len(waveform) - 1) / speed) + 1
    line = torch.from_numpy(waveform)[None, None]
    faster: Waveform = interpolate(line, n_samples, mode="linear", align_corners=True)[0, 0].numpy()
    return faster
