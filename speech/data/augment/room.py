"""The path from the speaker's lips to samples: end-points, a room, its noises, a microphone, perhaps a telephone.

For recognisers that are trained on synthetic voices and have to recognise people. The steps are in the order in which
sound passes through them; each is applied to a whole batch of clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from speech.audio.files import Waveform
from speech.data.augment.channel import Channel
from speech.data.augment.noise import Babble, Hum, Noise, add
from speech.data.augment.placement import Placement
from speech.data.augment.reverb import Reverb
from speech.data.augment.spec import Spans, SpecAugment
from speech.data.augment.strength import strength_at


class Room:
    """The steps ``placement``, ``reverb``, ``noises``, ``channel`` and ``spec``.

    ``reverb``, ``spec`` and each noise can be None. Over the first ``ramp`` batches of training the steps grow from
    zero to full strength (``strength`` defines how).
    """

    def __init__(
        self,
        ramp: int,
        placement: Placement,
        reverb: Reverb | None,
        noises: Mapping[str, Noise | Babble | Hum | None],
        channel: Channel,
        spec: SpecAugment | None,
    ) -> None:
        if ramp < 0:
            raise ValueError(f"augment.ramp={ramp} must be 0 batches or more")
        self.ramp, self.placement, self.reverb, self.channel, self.spec = ramp, placement, reverb, channel, spec
        self.noises = [noise for noise in noises.values() if noise is not None]

    def batch(
        self, waveforms: Sequence[Waveform], sample_rate: int, rng: np.random.Generator, n_before: int
    ) -> tuple[list[Waveform], Spans | None]:
        """The augmented clips of the batch that follows ``n_before`` batches of training, and the masks of features."""
        strength = strength_at(n_before, self.ramp)
        if strength == 0:
            return list(waveforms), None
        padded, n_samples = self.placement(waveforms, sample_rate, rng, strength)
        if self.reverb is not None:
            self.reverb(padded, n_samples, sample_rate, rng, strength)
        add(padded, n_samples, [noise(padded, n_samples, sample_rate, rng, strength) for noise in self.noises])
        self.channel(padded, n_samples, sample_rate, rng, strength)
        spans = None if self.spec is None else self.spec.spans(n_samples, sample_rate, rng, strength)
        return [one[:n] for one, n in zip(padded, n_samples, strict=True)], spans
