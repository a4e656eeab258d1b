"""Waveforms to normalised feature frames: MFCC (Davis and Mermelstein 1980), their deltas, or log-mel energies.

In: waveforms float32 ``(batch, n_samples)``, right-padded with 0, and ``n_samples`` int64 ``(batch,)``.
Out: features float32 ``(batch, n_frames, n_features)``, 0 beyond each clip's own frames, and ``n_frames``.
A frame that is counted sees no padding, so a clip gives the same features alone and in any batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torchaudio import transforms

from speech.backprop.frames import frame_mask
from speech.backprop.operation import require_clips, require_precision
from speech.common.ranges import checked_count, checked_range

Count = TypeVar("Count", int, Tensor)

PRE_EMPHASIS = 0.97  # y[t] = x[t] - 0.97 x[t-1] lifts the formants over the pitch, and takes 26 dB off a mains hum
LOG_FLOOR = 1e-6  # torchaudio's own constant in log(mel + 1e-6)
FAINT = 1.5e-5  # RMS of a clip whose vowels have about the energy of LOG_FLOOR
LEAST_DEVIATION = 1e-3  # a coefficient that does not change over a clip stays 0


class FrontEnd(nn.Module):
    """``n_mfcc`` cepstral coefficients a frame (or, with None, the ``n_mels`` log-mel energies themselves).

    ``n_deltas`` adds that many orders of derivatives in time. ``window_length`` and ``hop_length`` are in samples,
    ``f_min`` and ``f_max`` in Hz. Energies more than ``floor_db`` below a vowel count as silence: how far a telephone's
    upper bands, or the noise of a quiet room, lie below that says nothing of the word. Each coefficient is normalised
    to mean 0 and deviation 1 over the clip's own frames and ``n_prior_frames`` more, whose mean and deviation
    ``fit_cmvn_prior`` finds in training clips: the frames of a short word alone cannot tell which vowel it is made of
    (CMVN with a prior: Povey et al. 2011). Raises ValueError for values that contradict one another.
    """

    prior_mean: Tensor
    prior_deviation: Tensor

    def __init__(
        self,
        sample_rate: int = 16_000,
        window_length: int = 400,
        hop_length: int = 160,
        n_mels: int = 40,
        f_min: float = 120,
        f_max: float = 7_600,
        n_mfcc: int | None = 20,
        n_deltas: int = 0,
        n_prior_frames: float = 100,
        floor_db: float = 40,
    ) -> None:
        super().__init__()
        checked_count("frontend.sample_rate", sample_rate, 100, 384_000)
        checked_count("frontend.window_length", window_length, 2, sample_rate)
        checked_count("frontend.hop_length", hop_length, 1, window_length)
        checked_count("frontend.n_mels", n_mels, 1, 512)
        checked_count("frontend.n_deltas", n_deltas, 0, 4)
        if n_mfcc is not None:
            checked_count("frontend.n_mfcc", n_mfcc, 1, n_mels)
        checked_range("frontend.f_min, frontend.f_max", (f_min, f_max), 0)
        if f_max > sample_rate / 2:
            raise ValueError(f"frontend.f_max={f_max} Hz is over half of the sample rate {sample_rate} Hz")
        if not 0 <= n_prior_frames <= 1e9:
            raise ValueError(f"frontend.n_prior_frames={n_prior_frames} must be 0 or more")
        if not 0 < floor_db <= 200:
            raise ValueError(f"frontend.floor_db={floor_db} must be more than 0: silence is softer than a vowel")
        self.level = FAINT * 10 ** (floor_db / 20)  # RMS to which every clip is scaled
        self.sample_rate, self.window_length, self.hop_length = sample_rate, window_length, hop_length
        self.n_deltas, self.n_prior_frames = n_deltas, n_prior_frames
        self.n_features = (n_mfcc or n_mels) * (1 + n_deltas)
        self.register_buffer("prior_mean", torch.zeros(self.n_features))
        self.register_buffer("prior_deviation", torch.ones(self.n_features))
        mel: dict[str, Any] = {"n_fft": window_length, "hop_length": hop_length, "n_mels": n_mels, "center": False}
        mel |= {"f_min": f_min, "f_max": f_max}
        self.spectrum: nn.Module
        energies: Any
        if n_mfcc is None:
            energies = transforms.MelSpectrogram(sample_rate, **mel)
            self.spectrum = nn.Sequential(energies, _Log())
        else:
            # log_mels: the decibel scale of the default cuts at 80 dB under the batch's, not the clip's, peak.
            self.spectrum = transforms.MFCC(sample_rate, n_mfcc, log_mels=True, melkwargs=mel)
            energies = self.spectrum.MelSpectrogram
        energies.spectrogram = _PowerSpectrogram(window_length, hop_length=hop_length, center=False)

    @property
    def dct(self) -> Tensor | None:
        """The cosine transform ``(n_mels, n_mfcc)``; None where the features are the log-mel energies themselves."""
        matrix: Tensor | None = getattr(self.spectrum, "dct_mat", None)
        return matrix

    def n_frames(self, n_samples: Count) -> Count:
        """Frames of a clip of ``n_samples``; a clip shorter than one window is padded to one."""
        beyond = n_samples - self.window_length
        return (beyond.clamp(min=0) if isinstance(beyond, Tensor) else max(beyond, 0)) // self.hop_length + 1

    def pad(self, waveforms: Tensor) -> Tensor:
        """``waveforms`` with zeros at the end up to one window: a batch of very short clips has a frame, too."""
        return nn.functional.pad(waveforms, (0, max(0, self.window_length - waveforms.shape[1])))

    @torch.no_grad()
    def fit_cmvn_prior(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Set the prior to the mean and deviation of all frames of ``batches``, waveforms and their ``n_samples``."""
        own = []
        for waveforms, n_samples in batches:
            features, n_frames = self._features(waveforms, n_samples)
            own.append(features[frame_mask(n_frames, features.shape[1])].double())
        deviation, mean = torch.std_mean(torch.cat(own), dim=0, correction=0)
        self.prior_mean.copy_(mean)
        self.prior_deviation.copy_(deviation)

    def forward(self, waveforms: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        features, n_frames = self._features(waveforms, n_samples)
        return self._normalise(features, n_frames), n_frames

    def _features(self, waveforms: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """As ``forward`` gives them, but not normalised, and undefined beyond a clip's own frames.

        Raises InputError for an empty batch, and for float16: the energies of a vowel are more than it can hold.
        """
        require_clips("waveforms", waveforms)
        require_precision("waveforms", waveforms)
        waveforms = self.pad(waveforms)
        emphasised = waveforms - PRE_EMPHASIS * nn.functional.pad(waveforms, (1, 0))[:, :-1]
        # The sample after a clip's last would be -0.97 times it, and in the last frame of a short clip.
        emphasised = emphasised * frame_mask(n_samples, emphasised.shape[1])
        power = emphasised.square().sum(dim=1) / n_samples
        level = self.level / power.sqrt().clamp(min=1e-8)
        n_frames = self.n_frames(n_samples)
        features = self.spectrum(emphasised * level[:, None]).transpose(1, 2)
        orders = [features]
        for _ in range(self.n_deltas):
            orders.append(_derivative(orders[-1], n_frames))
        return torch.cat(orders, dim=2), n_frames

    def _normalise(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Mean 0 and deviation 1 of each coefficient over a clip's frames and the prior's; 0 beyond the clip's."""
        mask = frame_mask(n_frames, features.shape[1])[..., None]
        count = n_frames[:, None, None] + self.n_prior_frames
        mean = ((features * mask).sum(dim=1, keepdim=True) + self.n_prior_frames * self.prior_mean) / count
        centred = (features - mean) * mask
        prior = self.prior_deviation.square() + (self.prior_mean - mean).square()
        variance = (centred.square().sum(dim=1, keepdim=True) + self.n_prior_frames * prior) / count
        # The floor is under the root: the root's own slope at 0 is infinite, and a clip of one frame would have it.
        return centred / variance.clamp(min=LEAST_DEVIATION**2).sqrt()


class _PowerSpectrogram(transforms.Spectrogram):
    """torchaudio's, but |X|^2 = R^2 + I^2 directly: the root in between takes as long as the transform itself."""

    def forward(self, waveform: Tensor) -> Tensor:
        spectrum = torch.stft(
            waveform, self.n_fft, self.hop_length, window=self.window, center=self.center, return_complex=True
        )
        return spectrum.real.square() + spectrum.imag.square()


class _Log(nn.Module):
    def forward(self, mel: Tensor) -> Tensor:
        return torch.log(mel + LOG_FLOOR)


def _derivative(features: Tensor, n_frames: Tensor) -> Tensor:
    """Slope of the line through five frames, a clip's first and last frame repeated beyond it (as compute_deltas).

    Sum of d (x[t+d] - x[t-d]) over d = 1, 2, divided by 2 (1 + 4).
    """
    index = torch.arange(features.shape[1], device=features.device)

    def held(shift: int) -> Tensor:
        shifted = torch.minimum((index + shift).clamp(min=0)[None], n_frames[:, None] - 1)
        return features.gather(1, shifted[..., None].expand_as(features))

    return (held(1) - held(-1) + 2 * (held(2) - held(-2))) / 10
