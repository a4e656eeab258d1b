"""Recording quality: faults that spoil a recording of a name, reported while the speaker can repeat it. numpy only.

The faults are a clipping or distant microphone, a loud room, and a name whose beginning or end was not recorded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from speech.audio import endpointing
from speech.audio.files import Waveform

CLIPPED = 0.99  # of full scale
MOST_CLIPPED = 3  # samples; one or two are a click
LEAST_DBFS = -45.0  # level of the speech; lower levels are near the noise of a quiet microphone
LEAST_SNR_DB = 12.0
SHORTEST_S, LONGEST_S = 0.16, 3.0  # of the end-pointed name, which is about 0.05 s longer than its sound
NARROW = 0.9  # of the recogniser's rate; accuracy at 8 and 11 kHz is half of that for the same recordings at 16 kHz
EDGE_S = 0.02  # speech that is nearer to an end of the recording was cut off there


class RecordingQuality(NamedTuple):
    """A recording trimmed to the name, its measurements, and its faults (without any it is usable).

    ``room_faults`` are of the sound around the name, which is missing from a file that was cut to the name.
    """

    waveform: Waveform  # (n_samples,), the name with the end-pointer's margins
    speech_s: float
    level_dbfs: float
    snr_db: float  # inf for a recording without background
    name_faults: list[str]
    room_faults: list[str]

    @property
    def faults(self) -> list[str]:
        return self.name_faults + self.room_faults


def level(waveform: Waveform) -> float:
    """The root mean square, in dBFS; -120 for silence."""
    power = float(np.mean(np.square(waveform, dtype=np.float64))) if len(waveform) else 0.0
    return float(10 * np.log10(max(power, 1e-12)))


def level_faults(waveform: Waveform, name: Waveform) -> list[str]:
    """Faults of the level of a recording, of which ``name`` is the end-pointed part."""
    faults = []
    if (n_clipped := int(np.count_nonzero(np.abs(waveform) >= CLIPPED))) > MOST_CLIPPED:
        faults.append(f"too loud: {n_clipped} samples are clipped: lower the input level, or move farther away")
    if (loud := level(name)) < LEAST_DBFS:
        faults.append(f"too quiet: {loud:.0f} dBFS, at least {LEAST_DBFS:.0f} needed: come closer, or raise the level")
    return faults


def band_faults(rate: float, sample_rate: int) -> list[str]:
    """The fault of a recording at ``rate`` Hz, if that is too low for a recogniser of ``sample_rate`` Hz: it lacks the
    high sounds."""
    if rate >= NARROW * sample_rate:
        return []
    lost = f"it lacks the sounds above {rate / 2000:g} kHz, which distinguish names"
    return [f"narrow band: recorded at {rate:g} Hz, {lost}: record at {sample_rate} Hz or more"]


def examine(waveform: Waveform, sample_rate: int) -> RecordingQuality:
    """The quality of a recording ``(n_samples,)`` at ``sample_rate`` Hz; each fault comes with its remedy."""
    if np.abs(waveform).max(initial=0.0) < endpointing.SILENCE:
        fault = "nothing was recorded: is the microphone on, and is it the selected one?"
        return RecordingQuality(waveform, 0.0, level(waveform), 0.0, [fault], [])
    try:
        segment = endpointing.loudest(waveform, sample_rate)
    except endpointing.NoSpeechError as error:
        return RecordingQuality(waveform, 0.0, level(waveform), 0.0, [f"{error}: say the name again"], [])
    start, stop = segment.start, segment.stop
    speech_s = (stop - start) / sample_rate
    name, around = waveform[start:stop], np.r_[waveform[:start], waveform[stop:]]
    loud = level(name)
    # The background is the median level around the name, so that a click or a breath does not count as noise.
    n_frame = sample_rate // 50
    levels = [level(around[i : i + n_frame]) for i in range(0, len(around) - n_frame + 1, n_frame)]
    snr = loud - float(np.median(levels)) if levels else np.inf
    faults = level_faults(waveform, name)
    if speech_s < SHORTEST_S:
        faults.append(f"too short: {speech_s:.2f} s of sound: was that the name?")
    if speech_s > LONGEST_S:
        faults.append(f"too long: {speech_s:.1f} s of sound, at most {LONGEST_S:.0f}: say the name alone, once")
    edge = round(EDGE_S * sample_rate)
    early, late = start < edge, stop > len(waveform) - edge
    room_faults = []
    if snr < LEAST_SNR_DB:
        room_faults.append(
            f"too noisy: {snr:.0f} dB above the noise, at least {LEAST_SNR_DB:.0f} needed: find a quieter place"
        )
    if early and late:
        room_faults.append("never quiet: a loud room, or continuous speech: say the name alone, somewhere quieter")
    elif early:
        room_faults.append("cut off at its beginning: wait a moment before you speak")
    elif late:
        room_faults.append("cut off at its end: speak sooner, or record for longer")
    return RecordingQuality(segment.waveform, speech_s, loud, snr, faults, room_faults)
