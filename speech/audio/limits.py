"""The limits of a recording's size, checked before memory is allocated for it."""

from __future__ import annotations

import shlex
from pathlib import Path

from speech.common.ranges import is_finite

LONGEST_S = 60.0  # a name takes one second; the bound is for memory and time
RATES = (4_000, 384_000)  # Hz: any other is a damaged header
MOST_CHANNELS = 64
MOST_VALUES = 2**25  # samples times channels, 134 MB: a minute of eight channels at 48 kHz has 23 million


class AudioError(ValueError):
    """A recording that cannot be used; the message names the file, the reason and the way out."""


def check(where: str, rate: float, n_channels: int, n_samples: int) -> None:
    """Raises AudioError, naming ``where``, for a rate, number of channels or length beyond the limits."""
    if not RATES[0] <= rate <= RATES[1]:  # NaN is outside too
        shown = f"{rate:g}" if is_finite(rate) else rate
        raise AudioError(f"{where}: sample rate {shown} Hz is outside the range {RATES[0]} to {RATES[1]} Hz")
    if not 1 <= n_channels <= MOST_CHANNELS:
        raise AudioError(f"{where}: {n_channels} channels, at most {MOST_CHANNELS} are allowed: mix them down")
    if (seconds := n_samples / rate) > LONGEST_S:
        raise AudioError(f"{where}: {seconds:.0f} s long, over the {LONGEST_S:.0f} s allowed for a name: cut it up")
    if n_samples * n_channels > MOST_VALUES:
        raise AudioError(f"{where}: {n_channels} channels of {seconds:.0f} s at {rate:g} Hz are too much: mix it down")


def way_out(path: str | Path) -> str:
    """The way out for a file that cannot be read, although it may be undamaged: the command that converts it."""
    path = Path(path)
    wav = path.with_suffix(".wav" if path.suffix.lower() != ".wav" else ".flac")
    return f"convert it to WAV or FLAC: ffmpeg -i {shlex.quote(str(path))} {shlex.quote(str(wav))}"
