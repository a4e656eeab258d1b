"""Signal-to-noise ratio of one clip, estimated without a reference."""

from __future__ import annotations

import numpy as np

from speech.audio.files import Waveform

FRAME_MS = 25.0
HOP_MS = 10.0
QUIET = 0.1  # of the frames count as background
NOTHING = 1.5 / 32768  # amplitude of digital silence in 16 bits
MOST_SILENCE_MS = 30.0  # digital silence in the margins (60 ms each): with more, they do not show the background
STEADY_DB, STEADY = 3.0, 0.5  # a noise is steady if this proportion of the frames is within so few dB of it


def estimate_snr_db(waveform: Waveform, sample_rate: int) -> float | None:
    """Estimated SNR of an end-pointed clip ``(n_samples,)`` in dB; None if the clip does not show its background.

    The background is the mean power of the quietest tenth of 25 ms frames, mostly those of the margins around the name;
    the speech is the mean power of the frames that are 3 dB louder, less the background. This follows NIST's quick
    ``stnr`` (a low and a high percentile of frame powers), with a mean in place of the high one. Noise that is added at
    a known ratio is estimated within 1 dB from 10 dB up, and about 2 dB too high at 5 dB.

    Digital silence in the margins (a synthetic clip, or a tightly trimmed one) hides the background: the result is
    None, since the soft sounds of the name are not noise, unless most frames have the same power.
    """
    sounding = np.flatnonzero(np.abs(waveform) > NOTHING)
    length, hop = round(sample_rate * FRAME_MS / 1000), round(sample_rate * HOP_MS / 1000)
    if len(sounding) == 0 or sounding[-1] + 1 - sounding[0] < length:
        return None
    trimmed = waveform[sounding[0] : sounding[-1] + 1].astype(float)
    power = np.sort((np.lib.stride_tricks.sliding_window_view(trimmed, length)[::hop] ** 2).mean(axis=1))
    background = power[: max(1, round(QUIET * len(power)))].mean()
    loud = power >= background * 10 ** (STEADY_DB / 10)
    if len(waveform) - len(trimmed) > sample_rate * MOST_SILENCE_MS / 1000 and loud.mean() > 1 - STEADY:
        return None
    return float(10 * np.log10(max(power.mean(where=loud) / background - 1, 1e-3))) if loud.any() else -30.0
