"""CMU flite: diphone and statistical voices of four men and women, through its command ``flite``.

The command and the voices come from the system's packages (Debian: ``apt install flite``; BSD-like licence). It writes
temporary WAV files at 16 000 Hz.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from speech.audio.files import Waveform
from speech.common.ranges import checked_range
from speech.tts.voice import Voice, VoiceError, require_letters, require_sound, require_voice

COMMAND = "flite"
ACCENTS = {"awb": "en-GB-scotland", "kal16": "en-US", "rms": "en-US", "slt": "en-US"}  # flite's name -> BCP 47
PITCH_HZ = {"awb": 132, "kal16": 95, "slt": 172}  # mean, the voice's own; that of rms cannot be set


def _run(*arguments: str, statuses: tuple[int, ...] = (0,)) -> str:
    """The output of flite. Raises VoiceError if it is not installed, or if its status is not in ``statuses``."""
    path = shutil.which(COMMAND)
    if path is None:
        raise VoiceError(f"{COMMAND} is not installed: apt install flite (or choose other voices)")
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in statuses:
        raise VoiceError(f"{COMMAND} {' '.join(arguments)}: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout


class Flite:
    """Flite's voices awb, kal16, rms and slt. The same draw gives the same samples.

    ``stretch`` (of durations: 2 is half as fast) and ``pitch`` (times the voice's own) are ranges that each clip draws
    from; outside of the bounds that are checked, flite is unintelligible.
    """

    def __init__(self, stretch: tuple[float, float] = (0.8, 1.25), pitch: tuple[float, float] = (0.85, 1.2)) -> None:
        self.stretch = checked_range("voices.stretch", stretch, 0.3, 3)
        self.pitch = checked_range("voices.pitch", pitch, 0.5, 2)

    @property
    def identity(self) -> str:
        version = next(line for line in _run("--version", statuses=(0, 1)).splitlines() if "version:" in line)
        return f"{' '.join(version.split())} stretch={self.stretch} pitch={self.pitch}"

    def voices(self) -> list[Voice]:
        return [Voice("flite", accent, name) for name, accent in ACCENTS.items()]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        require_voice(voice, self.voices())  # flite itself would take another voice
        stretch, pitch = rng.uniform(*self.stretch), rng.uniform(*self.pitch)
        arguments = ["-voice", voice.variant, "--setf", f"duration_stretch={stretch:.3f}"]
        if voice.variant in PITCH_HZ:
            arguments += ["--setf", f"int_f0_target_mean={pitch * PITCH_HZ[voice.variant]:.1f}"]
        with tempfile.TemporaryDirectory(prefix="flite-") as folder:
            path = Path(folder) / "speech.wav"
            _run(*arguments, "-t", require_letters(text, voice), "-o", str(path))
            samples, rate = soundfile.read(path, dtype="float32") if path.is_file() else (np.zeros(0, np.float32), 0)
        return require_sound(samples, voice, text), rate
