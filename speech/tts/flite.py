"""CMU flite: diphone and statistical voices of four men and women, by its command ``flite``.

The command comes, with the voices, from the system's packages (Debian: ``apt install flite``; BSD-like licence). What
it says passes through a temporary WAV file, at 16 000 Hz.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from speech.audio.files import Waveform
from speech.tts.voice import Voice, VoiceError, require_letters, require_sound

COMMAND = "flite"
ACCENTS = {"awb": "en-GB-scotland", "kal16": "en-US", "rms": "en-US", "slt": "en-US"}  # flite's name -> BCP 47
PITCH_HZ = {"awb": 132, "kal16": 95, "slt": 172}  # mean, the voice's own; rms keeps to his whatever is set
BOUNDS = {"stretch": (0.3, 3.0), "pitch": (0.5, 2.0)}  # beyond these nobody understands it


def _run(*arguments: str, statuses: tuple[int, ...] = (0,)) -> str:
    """What flite prints. Raises VoiceError where it is not there, or its status is not one of ``statuses``."""
    path = shutil.which(COMMAND)
    if path is None:
        raise VoiceError(f"{COMMAND} is not installed: apt install flite (or choose other voices)")
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in statuses:
        raise VoiceError(f"{COMMAND} {' '.join(arguments)}: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout


class Flite:
    """Flite's voices awb, kal16, rms and slt.

    Each clip draws from ``stretch`` (2 is half as fast) and ``pitch``, times the voice's own.
    The same draw gives the same samples.
    """

    def __init__(self, stretch: tuple[float, float] = (0.8, 1.25), pitch: tuple[float, float] = (0.85, 1.2)) -> None:
        for name, (low, high) in (("stretch", stretch), ("pitch", pitch)):
            bounds = BOUNDS[name]
            if not bounds[0] <= low <= high <= bounds[1]:
                raise ValueError(f"voices.{name}=[{low}, {high}] must rise within {bounds[0]} to {bounds[1]}")
        self.stretch, self.pitch = (stretch[0], stretch[1]), (pitch[0], pitch[1])

    @property
    def identity(self) -> str:
        version = next(line for line in _run("--version", statuses=(0, 1)).splitlines() if "version:" in line)
        return f"{' '.join(version.split())} stretch={self.stretch} pitch={self.pitch}"

    def voices(self) -> list[Voice]:
        return [Voice("flite", accent, name) for name, accent in ACCENTS.items()]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        if voice not in self.voices():  # flite itself would say it with another voice
            raise VoiceError(f"flite has no voice {voice.speaker}: {', '.join(one.speaker for one in self.voices())}")
        stretch, pitch = rng.uniform(*self.stretch), rng.uniform(*self.pitch)
        arguments = ["-voice", voice.variant, "--setf", f"duration_stretch={stretch:.3f}"]
        if voice.variant in PITCH_HZ:
            arguments += ["--setf", f"int_f0_target_mean={pitch * PITCH_HZ[voice.variant]:.1f}"]
        with tempfile.TemporaryDirectory(prefix="flite-") as folder:
            path = Path(folder) / "said.wav"
            _run(*arguments, "-t", require_letters(text, voice), "-o", str(path))
            samples, rate = soundfile.read(path, dtype="float32") if path.is_file() else (np.zeros(0, np.float32), 0)
        return require_sound(samples, voice, text), rate
