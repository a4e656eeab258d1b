"""How far speech stands over its background in one clip, estimated without knowing either."""

from __future__ import annotations

import numpy as np

from speech.audio.files import Waveform

FRAME_MS = 25.0
HOP_MS = 10.0
QUIET = 0.1  # of the frames are taken for background
NOTHING = 1.5 / 32768  # what 16 bits write for silence
MOST_SILENCE_MS = 30.0  # of digital silence in the margins (60 ms each, by endpoint.cut): beyond, nothing shows there
STEADY_DB, STEADY = 3.0, 0.5  # but for a noise so loud that half of the frames are nothing else


def estimate_snr_db(waveform: Waveform, sample_rate: int) -> float | None:
    """Signal-to-noise ratio of an end-pointed clip ``(n_samples,)`` in dB: an estimate; None where it cannot be told.

    Background is the mean power of the quietest tenth of 25 ms frames, mostly those of the margins around the name;
    speech is the mean power of those that are 3 dB louder, less the background. It is the idea of NIST's quick ``stnr``
    (a low and a high percentile of frame powers), with the mean for the high one, which agrees with noise that is added
    at a known ratio (within 1 dB from 10 dB up, some 2 dB too high at 5 dB).

    Digital silence around the name (a synthetic clip, or one that was trimmed tight and carried on with zeros) hides
    the background, and the name's own soft sounds are none: that is None, unless they lie as level as only noise does.
    """
    sounding = np.flatnonzero(np.abs(waveform) > NOTHING)
    length, hop = round(sample_rate * FRAME_MS / 1000), round(sample_rate * HOP_MS / 1000)
    if len(sounding) == 0 or sounding[-1] + 1 - sounding[0] < length:
        return None
    heard = waveform[sounding[0] : sounding[-1] + 1].astype(float)
    power = np.sort((np.lib.stride_tricks.sliding_window_view(heard, length)[::hop] ** 2).mean(axis=1))
    background = power[: max(1, round(QUIET * len(power)))].mean()
    loud = power >= background * 10 ** (STEADY_DB / 10)
    if len(waveform) - len(heard) > sample_rate * MOST_SILENCE_MS / 1000 and loud.mean() > 1 - STEADY:
        return None
    return float(10 * np.log10(max(power.mean(where=loud) / background - 1, 1e-3))) if loud.any() else -30.0
