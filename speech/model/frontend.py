"""Waveforms to normalised feature frames: MFCC (Davis and Mermelstein 1980), their deltas, or log-mel energies.

In: waveforms float32 ``(batch, n_samples)``, right-padded with 0, and ``n_samples`` int64 ``(batch,)``.
Out: features float32 ``(batch, n_frames, n_features)``, 0 beyond each clip's own frames, and ``n_frames``.
No valid frame covers any padding, so a clip gives the same features alone and in any batch.

Level and normalisation are taken over the clip or, for a stream, as running averages that decay. Later samples then
change no earlier feature, and a clip gives the same features however it is split into chunks (``step``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torchaudio import transforms

from speech.backprop.frames import frame_mask
from speech.backprop.operation import require_clips, require_precision
from speech.common.ranges import checked_count, checked_range

Count = TypeVar("Count", int, Tensor)

PRE_EMPHASIS = 0.97  # y[t] = x[t] - 0.97 x[t-1] lifts the formants above the pitch and attenuates mains hum by 26 dB
LOG_FLOOR = 1e-6  # torchaudio's own constant in log(mel + 1e-6)
FAINT = 1.5e-5  # RMS of a clip whose vowels have about the energy of LOG_FLOOR
LEAST_DEVIATION = 1e-3  # a coefficient that is constant over a clip stays 0
LEAST_LEVEL = 1e-8  # RMS: a quieter clip gets no more gain than a clip at this level
BLOCK = 32  # frames whose running sums are computed by one matrix product


class FrontEnd(nn.Module):
    """``n_mfcc`` cepstral coefficients per frame (if None, the ``n_mels`` log-mel energies themselves).

    ``n_deltas`` adds that many orders of derivatives in time. ``window_length`` and ``hop_length`` are in samples,
    ``f_min`` and ``f_max`` in Hz. Energies more than ``floor_db`` below a vowel count as silence: how far the upper
    bands of a telephone, or the noise of a quiet room, lie below that says nothing about the word. Each coefficient is
    normalised to mean 0 and deviation 1 over the clip's own frames and ``n_prior_frames`` more, whose mean and
    deviation ``fit_cmvn_prior`` takes from training clips: the frames of a short word alone cannot tell which vowel it
    contains (CMVN with a prior: Povey et al. 2011).

    With ``n_memory_frames`` a frame is normalised by the frames so far and the prior instead. The weight of a frame,
    like that of the prior, decays to 1/e over ``n_memory_frames``. The level is a running average as well, which begins
    with the first frame's level. Raises ValueError for values that contradict one another.
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
        n_memory_frames: float | None = None,
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
        if n_memory_frames is not None and (not 1 <= n_memory_frames <= 1e6 or n_deltas > 0):
            raise ValueError(
                f"frontend.n_memory_frames={n_memory_frames} must be 1 or more, and frontend.n_deltas={n_deltas} 0: "
                "a derivative needs later frames; null normalises over the clip"
            )
        if not 0 < floor_db <= 200:
            raise ValueError(f"frontend.floor_db={floor_db} must be more than 0: silence is softer than a vowel")
        self.level = FAINT * 10 ** (floor_db / 20)  # RMS to which every clip is scaled
        self.sample_rate, self.window_length, self.hop_length = sample_rate, window_length, hop_length
        self.n_deltas, self.n_prior_frames = n_deltas, n_prior_frames
        self.keep = None if n_memory_frames is None else math.exp(-1 / n_memory_frames)
        self.n_features = (n_mfcc or n_mels) * (1 + n_deltas)
        self.n_state = 2 + 2 * self.n_features  # running sums of 1, power, each feature and each feature's square
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
            # log_mels: the default decibel scale would clip at 80 dB below the peak of the batch, not of the clip.
            self.spectrum = transforms.MFCC(sample_rate, n_mfcc, log_mels=True, melkwargs=mel)
            energies = self.spectrum.MelSpectrogram
        energies.spectrogram = _PowerSpectrogram(window_length, hop_length=hop_length, center=False)

    @property
    def dct(self) -> Tensor | None:
        """The cosine transform ``(n_mels, n_mfcc)``; None if the features are the log-mel energies themselves."""
        matrix: Tensor | None = getattr(self.spectrum, "dct_mat", None)
        return matrix

    @property
    def mel(self) -> Any:
        """The module that turns waveforms into mel energies ``(batch, n_mels, n_frames)``."""
        mel: Any = self.spectrum
        return mel[0] if self.dct is None else mel.MelSpectrogram

    def n_frames(self, n_samples: Count) -> Count:
        """The number of frames of a clip of ``n_samples``; a clip shorter than one window is padded to one."""
        beyond = n_samples - self.window_length
        return (beyond.clamp(min=0) if isinstance(beyond, Tensor) else max(beyond, 0)) // self.hop_length + 1

    def pad(self, waveforms: Tensor) -> Tensor:
        """``waveforms``, zero-padded at the end to at least one window, so that even very short clips have a frame."""
        return nn.functional.pad(waveforms, (0, max(0, self.window_length - waveforms.shape[1])))

    @torch.no_grad()
    def fit_cmvn_prior(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Set the prior to the mean and deviation of all frames of ``batches`` (waveforms, ``n_samples``)."""
        own = []
        for waveforms, n_samples in batches:
            features, n_frames = self._features(waveforms, n_samples)
            own.append(features[frame_mask(n_frames, features.shape[1])].double())
        deviation, mean = torch.std_mean(torch.cat(own), dim=0, correction=0)
        self.prior_mean.copy_(mean)
        self.prior_deviation.copy_(deviation)

    def forward(self, waveforms: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        if self.keep is not None:
            return self.step(self._begun(waveforms), n_samples, waveforms.new_zeros(len(waveforms), self.n_state))[:2]
        features, n_frames = self._features(waveforms, n_samples)
        return self._normalise(features, n_frames), n_frames

    def step(self, waveforms: Tensor, n_samples: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The features of chunks of streams, their ``n_frames``, and the new ``state`` ``(batch, n_state)``.

        ``waveforms`` ``(batch, 1 + n)`` begin with the preceding sample; it and ``state`` are 0 at a stream's start.
        ``n_samples`` counts the valid samples after that one: n, or fewer in a stream's last chunk. The next chunk
        begins with the first frame that is not in this one, so its first samples repeat this chunk's last ones.
        """
        assert self.keep is not None
        features, sums = self._running_features(waveforms, n_samples, state[:, :2])
        centred = features - self.prior_mean
        moments = torch.cat([centred, centred.square()], dim=2)
        moments = running_sums(moments, state[:, 2:], self.keep)
        n_prior = self.n_prior_frames * (1 - (1 - self.keep) * sums[:, :, :1])  # the prior decays as frames do
        count = sums[:, :, :1] + n_prior
        mean, square = moments.chunk(2, dim=2)
        mean, square = mean / count, (square + n_prior * self.prior_deviation.square()) / count
        deviation = (square - mean.square()).clamp(min=LEAST_DEVIATION**2).sqrt()
        n_frames = self.n_frames(n_samples)
        mask = frame_mask(n_frames, features.shape[1])[..., None]
        return (centred - mean) / deviation * mask, n_frames, torch.cat([sums, moments], dim=2)[:, -1]

    def _running_features(self, waveforms: Tensor, n_samples: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Features before normalisation, and the running sums of 1 and of power ``(batch, n_frames, 2)``."""
        assert self.keep is not None
        emphasised = self._emphasised(waveforms, n_samples)
        power = nn.functional.avg_pool1d(emphasised.square()[:, None], self.window_length, self.hop_length)[:, 0]
        sums = running_sums(torch.stack([torch.ones_like(power), power], dim=2), state, self.keep)
        level = (sums[:, :, 1] / sums[:, :, 0]).sqrt().clamp(min=LEAST_LEVEL)
        energies = self.mel(emphasised).transpose(1, 2) * (self.level / level).square()[..., None]
        logs = torch.log(energies + LOG_FLOOR)
        return logs if self.dct is None else logs @ self.dct, sums

    def _begun(self, waveforms: Tensor) -> Tensor:
        """Whole clips as ``(batch, 1 + n)``: a 0 for the preceding sample, then at least one window of samples.

        Raises InputError for an empty batch, and for float16, which overflows on the energies of a vowel.
        """
        require_clips("waveforms", waveforms)
        require_precision("waveforms", waveforms)
        return nn.functional.pad(self.pad(waveforms), (1, 0))

    @staticmethod
    def _emphasised(waveforms: Tensor, n_samples: Tensor) -> Tensor:
        """Pre-emphasis: ``(batch, n)`` from waveforms ``(batch, 1 + n)`` that begin with the preceding sample."""
        emphasised = waveforms[:, 1:] - PRE_EMPHASIS * waveforms[:, :-1]
        # Unmasked, the sample after a clip's end would be -0.97 times its last, and part of a short clip's last frame.
        return emphasised * frame_mask(n_samples, emphasised.shape[1])

    def _features(self, waveforms: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """The features of ``forward`` before normalisation; undefined beyond a clip's own frames."""
        waveforms = self._begun(waveforms)
        n_frames = self.n_frames(n_samples)
        if self.keep is not None:
            return self._running_features(waveforms, n_samples, waveforms.new_zeros(len(waveforms), 2))[0], n_frames
        emphasised = self._emphasised(waveforms, n_samples)
        power = emphasised.square().sum(dim=1) / n_samples
        level = self.level / power.sqrt().clamp(min=LEAST_LEVEL)
        features = self.spectrum(emphasised * level[:, None]).transpose(1, 2)
        orders = [features]
        for _ in range(self.n_deltas):
            orders.append(_derivative(orders[-1], n_frames))
        return torch.cat(orders, dim=2), n_frames

    def _normalise(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Each coefficient with mean 0 and deviation 1 over a clip's frames and the prior's; 0 beyond the clip's."""
        mask = frame_mask(n_frames, features.shape[1])[..., None]
        count = n_frames[:, None, None] + self.n_prior_frames
        mean = ((features * mask).sum(dim=1, keepdim=True) + self.n_prior_frames * self.prior_mean) / count
        centred = (features - mean) * mask
        prior = self.prior_deviation.square() + (self.prior_mean - mean).square()
        variance = (centred.square().sum(dim=1, keepdim=True) + self.n_prior_frames * prior) / count
        # Clamped before the root: the root's slope at 0 is infinite, and a clip of one frame would meet it.
        return centred / variance.clamp(min=LEAST_DEVIATION**2).sqrt()


class _PowerSpectrogram(transforms.Spectrogram):
    """torchaudio's, with |X|^2 = R^2 + I^2 computed directly: taking |X| first costs as much as the transform."""

    def forward(self, waveform: Tensor) -> Tensor:
        spectrum = torch.stft(
            waveform, self.n_fft, self.hop_length, window=self.window, center=self.center, return_complex=True
        )
        return spectrum.real.square() + spectrum.imag.square()


class _Log(nn.Module):
    def forward(self, mel: Tensor) -> Tensor:
        return torch.log(mel + LOG_FLOOR)


def running_sums(x: Tensor, before: Tensor, keep: float) -> Tensor:
    """s[t] = keep s[t - 1] + x[t], where s[-1] is ``before`` ``(batch, n)``; x and s ``(batch, n_frames, n)``."""
    n_frames = x.shape[1]
    blocks = nn.functional.pad(x, (0, 0, 0, -n_frames % BLOCK)).unflatten(1, (-1, BLOCK))
    within = _powers(keep, BLOCK, x) @ blocks
    # The sum that each block begins with is again a running sum: of the last values of the blocks before it.
    starts = torch.cat([before[:, None], within[:, :-1, -1]], dim=1)
    starts = _powers(keep**BLOCK, starts.shape[1], x) @ starts
    fading = keep ** torch.arange(1, BLOCK + 1, dtype=x.dtype, device=x.device)
    return (within + fading[:, None] * starts[:, :, None]).flatten(1, 2)[:, :n_frames]


def _powers(keep: float, n: int, like: Tensor) -> Tensor:
    """``(n, n)``: keep^(i - j) in row i and column j <= i, else 0."""
    index = torch.arange(n, dtype=like.dtype, device=like.device)
    return torch.tril(keep ** (index[:, None] - index).clamp(min=0))


def _derivative(features: Tensor, n_frames: Tensor) -> Tensor:
    """Slope of the line through five frames, with a clip's end frames repeated beyond it (as compute_deltas does).

    Sum of d (x[t+d] - x[t-d]) over d = 1, 2, divided by 2 (1 + 4).
    """
    index = torch.arange(features.shape[1], device=features.device)

    def held(shift: int) -> Tensor:
        shifted = torch.minimum((index + shift).clamp(min=0)[None], n_frames[:, None] - 1)
        return features.gather(1, shifted[..., None].expand_as(features))

    return (held(1) - held(-1) + 2 * (held(2) - held(-2))) / 10
