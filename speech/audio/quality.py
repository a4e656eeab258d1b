"""Whether a recording of a name is one to learn from, and what of it to keep. numpy only.

What spoils a recording is best told while the speaker still sits there: a microphone that clips, one too far away, a
room too loud, a name whose beginning or end was not recorded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from speech.audio import endpointing
from speech.audio.files import Waveform

CLIPPED = 0.99  # of full scale: a sample beyond is taken to be cut off
MOST_CLIPPED = 3  # samples; one or two are a click
LEAST_DBFS = -45.0  # level of the speech: below, a quiet microphone's own noise comes into it
LEAST_SNR_DB = 12.0  # speech over what the microphone hears without
SHORTEST_S, LONGEST_S = 0.16, 3.0  # of the name itself, as the end-pointer has it: some 0.05 s more than sounds
EDGE_S = 0.02  # speech that is nearer to an end of the recording was cut off there


class RecordingQuality(NamedTuple):
    """A recording as it is to be kept, what was measured, and what is wrong with it (nothing: it is usable)."""

    waveform: Waveform  # the name alone, with some silence around it
    speech_s: float
    level_dbfs: float
    snr_db: float  # inf where there is nothing around the name to compare with
    faults: list[str]


def level(waveform: Waveform) -> float:
    """Root mean square, in dB under full scale; -120 for silence."""
    power = float(np.mean(np.square(waveform, dtype=np.float64))) if len(waveform) else 0.0
    return float(10 * np.log10(max(power, 1e-12)))


def level_faults(waveform: Waveform, said: Waveform) -> list[str]:
    """What is wrong with the level of a recording, of which ``said`` is the name."""
    faults = []
    if (n_clipped := int(np.count_nonzero(np.abs(waveform) >= CLIPPED))) > MOST_CLIPPED:
        faults.append(f"too loud: {n_clipped} samples are clipped: lower the input level, or move away")
    if (loud := level(said)) < LEAST_DBFS:
        faults.append(f"too quiet: {loud:.0f} dBFS, {LEAST_DBFS:.0f} is the least: come closer, or raise the level")
    return faults


def examine(waveform: Waveform, sample_rate: int) -> RecordingQuality:
    """Judge a recording ``(n_samples,)`` at ``sample_rate`` Hz, and trim it to the name.

    Each fault says what to do about it.
    """
    if np.abs(waveform).max(initial=0.0) < endpointing.SILENCE:
        return RecordingQuality(
            waveform, 0.0, level(waveform), 0.0, ["nothing was recorded: is the microphone on, and chosen?"]
        )
    try:
        start, stop = endpointing.find_speech(waveform, sample_rate)
    except endpointing.NoSpeechError as error:
        return RecordingQuality(waveform, 0.0, level(waveform), 0.0, [f"{error}: say the name after the signal"])
    speech_s = (stop - start) / sample_rate
    said, around = waveform[start:stop], np.r_[waveform[:start], waveform[stop:]]
    loud = level(said)
    # What lies around the name is judged by its quiet half, so that a click or a breath there is not taken for noise.
    n_frame = sample_rate // 50
    levels = [level(around[i : i + n_frame]) for i in range(0, len(around) - n_frame + 1, n_frame)]
    snr = loud - float(np.median(levels)) if levels else np.inf
    faults = level_faults(waveform, said)
    if snr < LEAST_SNR_DB:
        faults.append(f"too noisy: {snr:.0f} dB over the room, {LEAST_SNR_DB:.0f} is the least: find a quieter place")
    if speech_s < SHORTEST_S:
        faults.append(f"too short: {speech_s:.2f} s of sound: was that the name?")
    if speech_s > LONGEST_S:
        faults.append(f"too long: {speech_s:.1f} s of sound, at most {LONGEST_S:.0f}: say the name alone, once")
    edge = round(EDGE_S * sample_rate)
    early, late = start < edge, stop > len(waveform) - edge
    if early and late:
        faults.append("never quiet: a loud room, or speech all the time: say the name alone, somewhere quieter")
    elif early:
        faults.append("cut off at its beginning: wait for the signal before you speak")
    elif late:
        faults.append("cut off at its end: speak sooner after the signal")
    kept, _ = endpointing.trim_silence(waveform, sample_rate)
    return RecordingQuality(kept, speech_s, loud, snr, faults)
