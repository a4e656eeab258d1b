"""espeak-ng, a formant synthesiser, through ctypes: its library and data come inside ``espeakng-loader``.

C interface: espeak-ng 1.52, ``src/include/espeak-ng/speak_lib.h``. The library is GPL-3 and is loaded at run
time as a separate package.
"""

from __future__ import annotations

import _ctypes
import ctypes
import os
import re
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from speech.alphabet import is_ipa
from speech.audio import Waveform
from speech.voices.voice import PronunciationError, Voice, VoiceError

ACCENTS = {  # espeak's voice name -> BCP 47; private-use subtags where no registered tag names the accent
    "en": "en-GB",
    "en-us": "en-US",
    "en-us-nyc": "en-US-x-nyc",
    "en-029": "en-029",
    "en-gb-scotland": "en-GB-scotland",
    "en-gb-x-gbclan": "en-GB-x-lancs",
    "en-gb-x-gbcwmd": "en-GB-x-westmids",
    "en-gb-x-rp": "en-GB-x-rp",
}
AMERICAN = ("en-US", "en-US-x-nyc")
# Americans stop the t of button, Martin and Milton in the throat: t is a glottal stop before an unstressed vowel with n
# at the end of a syllable (P. Ladefoged and K. Johnson, "A Course in Phonetics", the allophones of English stops). In
# espeak some words have it, and most not.
_VOWELS = "aɐɑæɒeɛɜəɚiɪᵻoɔuʊʉʌ"
_CLEAR_T = re.compile(f"(?<=[{_VOWELS}ɹnlː])t[ɪəᵻ]n(?![ˈˌ]?[{_VOWELS}])")
# Variants that listeners cannot understand: robots, whispers, croaks.
UNINTELLIGIBLE = {"zac", "shelby", "ian", "kaukovalta", "boris", "Lee", "Tweaky", "travis", "whisper", "whisperf"}
UNINTELLIGIBLE |= {"croak", "Demonic", "UniRobot", "anikaRobot", "robosoft"} | {f"robosoft{n}" for n in range(2, 9)}

_RELATIVE = "relative"  # the file of the throat that speaks just now
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_CHARS_UTF8, _PHONEMES = 1, 0x100  # the second: [[...]] in a text are phonemes, not letters
_POS_CHARACTER = 1
_NOISE_SEED = 1  # what C begins with
_SYNTH_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


# IPA -> espeak's mnemonics for English (espeak-ng, docs/phonemes.md). What a mnemonic sounds like is the accent's own.
MNEMONICS = {
    **{"iː": "i:", "i": "i", "ɪ": "I", "ᵻ": "I#", "e": "e", "ɛ": "E", "æ": "a", "a": "a", "aː": "aa", "ɑː": "A:"},
    **{"ɑ": "A:", "ɒ": "0", "ɔː": "O:", "ɔ": "O", "ʌ": "V", "ʊ": "U", "uː": "u:", "u": "u:", "ʉ": "u:", "ʉː": "u:"},
    **{"ɜː": "3:", "ɜ": "3:", "ɝ": "3:", "ə": "@", "ɚ": "3", "ɐ": "a#", "eː": "eI", "ɛː": "e@", "oː": "oU", "o": "oU"},
    **{"eɪ": "eI", "aɪ": "aI", "ɔɪ": "OI", "aʊ": "aU", "əʊ": "oU", "oʊ": "oU", "ɪə": "i@", "eə": "e@", "ʊə": "U@"},
    **{
        "t\u0361ʃ": "tS",
        "d\u0361ʒ": "dZ",
        "tʃ": "tS",
        "dʒ": "dZ",
        "ʧ": "tS",
        "ʤ": "dZ",
        "θ": "T",
        "ð": "D",
        "ʃ": "S",
        "ʒ": "Z",
        "ŋ": "N",
    },
    **{"ɡ": "g", "g": "g", "ɹ": "r", "r": "r", "ɾ": "t", "ɫ": "l", "x": "x", "ʔ": "?", "ʍ": "w", "ɲ": "nj", "ʎ": "lj"},
    **{letter: letter for letter in "pbtdkfvszhmnlwj"},
    **{"ˈ": "'", "ˌ": ",", ".": "", " ": " ", "n̩": "@n", "l̩": "@l", "m̩": "@m"},
}
_LONGEST = max(map(len, MNEMONICS))


def to_mnemonics(text: str) -> str:
    """``text`` as espeak reads it: letters as they are, IPA between slashes in its own signs, ``[[SIv'O:n]]``.

    Raises PronunciationError that names a symbol which is no sound of English here, and its place.
    """
    if not is_ipa(text):
        return text
    ipa, at = text[1:-1], 0
    signs: list[str] = []
    while at < len(ipa):
        found = next((ipa[at : at + n] for n in range(_LONGEST, 0, -1) if ipa[at : at + n] in MNEMONICS), None)
        if found is None:
            known = " ".join(sorted(set("".join(MNEMONICS)) - set(" \u0361\u0329")))  # less what combines
            raise PronunciationError(
                f"{text}: {ipa[at]!r}, character {at + 1}, is no sound of the English voices: write it with {known}"
            )
        signs.append(MNEMONICS[found])
        at += len(found)
    return f"[[{'|'.join(sign for sign in signs if sign)}]]".replace("'|", "'").replace(",|", ",")


class _Library:
    """The loaded library and the samples its callback hands over; one a process, since it is global state in C."""

    instance: _Library | None = None

    def __init__(self) -> None:
        import espeakng_loader

        # A folder of links to the data, so that variants of our own can stand beside those that it comes with.
        self._folder = tempfile.TemporaryDirectory(prefix="espeak-")
        self.data_path = Path(self._folder.name) / "data"
        shutil.copytree(espeakng_loader.get_data_path(), self.data_path, copy_function=os.symlink)
        self.variants = self.data_path / "voices" / "!v"
        self.chunks: list[np.ndarray] = []
        self._callback = _SYNTH_CALLBACK(self._receive)  # kept: C holds only a bare pointer to it
        self._path = espeakng_loader.get_library_path()
        self._start()

    def _start(self) -> None:
        self.c: Any = ctypes.cdll.LoadLibrary(self._path)
        # The data folder's parent is what espeak_Initialize asks for in some builds; this one takes the folder.
        self.sample_rate = self.c.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, str(self.data_path).encode(), 0)
        if self.sample_rate <= 0:
            raise VoiceError(f"espeak-ng did not start with the data at {self.data_path}: reinstall espeakng-loader")
        self.voice: str | None = None  # that speaks just now: to set it takes ten times as long as a name's phonemes
        self.c.espeak_SetSynthCallback(self._callback)
        self.c.espeak_Info.restype = ctypes.c_char_p
        self.c.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self.c.espeak_Synth(b"", 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8 | _PHONEMES, None, None)  # the flag stays
        self.c.espeak_ng_SetRandSeed(_NOISE_SEED)
        if os.name == "posix":  # some voices' breath is noise from the C library's rand()
            ctypes.CDLL(None).srand(_NOISE_SEED)

    def restart(self) -> None:
        """Load the library afresh: the phase of the voice, its flutter and its breath begin where they once began."""
        handle = self.c._handle
        self.c.espeak_Terminate()
        del self.c
        getattr(_ctypes, "dlclose" if os.name == "posix" else "FreeLibrary")(handle)
        self._start()

    def _receive(self, samples: Any, n_samples: int, _events: Any) -> int:
        if n_samples > 0:
            self.chunks.append(np.ctypeslib.as_array(samples, shape=(n_samples,)).copy())
        return 0

    @classmethod
    def get(cls) -> _Library:
        if cls.instance is None:
            cls.instance = cls()
        return cls.instance


def restart() -> None:
    """Forget all that was said in this process: what is said next sounds as it does in one that has said nothing yet.

    It takes some milliseconds, as long as a name or two.
    """
    if _Library.instance is not None:
        _Library.instance.restart()


class Espeak:
    """Every English accent of espeak-ng times its intelligible variants, and throats that resemble those.

    ``rate`` in words a minute, ``pitch`` and ``pitch_range`` in espeak's 0 to 99: each clip draws from these ranges.
    A relative's formants are those of its variant, moved by a standard deviation from the range ``throat`` (as a part
    of each formant): most stay near, and some are as odd as the oddest voices.
    The same draw gives the same sounds at the same times. It gives the same samples only with the same calls before it,
    since ``restart``: the phase of the voice carries on from one call to the next, in C.
    """

    def __init__(
        self,
        rate: tuple[int, int] = (120, 220),
        pitch: tuple[int, int] = (25, 75),
        pitch_range: tuple[int, int] = (20, 80),
        throat: tuple[float, float] = (0.0, 0.2),
    ) -> None:
        for name, (low, high), bounds in [
            ("rate", rate, (80, 450)),
            ("pitch", pitch, (0, 99)),
            ("pitch_range", pitch_range, (0, 99)),
            ("throat", throat, (0, 1)),
        ]:
            if not bounds[0] <= low <= high <= bounds[1]:
                raise ValueError(f"voices.{name}=[{low}, {high}] must rise within {bounds[0]} to {bounds[1]}")
        self.rate, self.pitch, self.pitch_range, self.throat = tuple(rate), tuple(pitch), tuple(pitch_range), throat

    @property
    def identity(self) -> str:
        version = _Library.get().c.espeak_Info(None).decode()
        return f"espeak-ng {version} rate={self.rate} pitch={self.pitch} range={self.pitch_range} {self.throat}"

    def voices(self) -> list[Voice]:
        variants = sorted({file.name for file in _Library.get().variants.iterdir()} - UNINTELLIGIBLE - {_RELATIVE})
        return [Voice("espeak", tag, variant) for tag in ACCENTS.values() for variant in variants]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> tuple[Waveform, int]:
        library = _Library.get()
        said = _with_glottal_stops(text, voice.accent)
        if voice.relative:
            voice = self._make_relative(library, voice)
        self._set_voice(library, voice)
        for parameter, (low, high) in [(_RATE, self.rate), (_PITCH, self.pitch), (_RANGE, self.pitch_range)]:
            library.c.espeak_SetParameter(parameter, int(rng.integers(low, high + 1)), 0)
        library.chunks.clear()
        encoded = to_mnemonics(said).encode()
        flags = _CHARS_UTF8 | _PHONEMES
        library.c.espeak_Synth(encoded, len(encoded) + 1, 0, _POS_CHARACTER, 0, flags, None, None)
        if not library.chunks:
            raise VoiceError(f"{voice.speaker} says nothing for {text!r}: give another spelling")
        return (np.concatenate(library.chunks) / 32768).astype(np.float32), library.sample_rate

    def phonemes(self, text: str, accent: str) -> str:
        """IPA of ``text`` (letters, or IPA between slashes) in ``accent`` (BCP 47), as ``speak`` says it."""
        ipa = self._phonemes(text, accent)
        return ipa if is_ipa(text) or accent not in AMERICAN else _CLEAR_T.sub("ʔn\u0329", ipa)

    @staticmethod
    def _phonemes(text: str, accent: str) -> str:
        library = _Library.get()
        Espeak._set_voice(library, Voice("espeak", accent, ""))
        pointer = ctypes.c_char_p(to_mnemonics(text).encode())
        clauses = []
        while pointer.value is not None:  # each call reads one: what is left would come with the next text
            clauses.append(library.c.espeak_TextToPhonemes(ctypes.byref(pointer), _CHARS_UTF8, 0x02).decode())
        return " ".join(clauses)

    def _make_relative(self, library: _Library, voice: Voice) -> Voice:
        """Write the variant file of ``voice.relative`` (espeak-ng, docs/voices.md) and name it.

        Each formant has a frequency, a height and a width, in percent of the accent's own. Every other relative has an
        echo, as of a small room.
        """
        rng = np.random.default_rng(voice.relative)
        formants = {n: [100.0, 100.0, 100.0] for n in range(6)}
        kept = []
        for line in (library.variants / voice.variant).read_text(errors="replace").splitlines():
            word, *rest = line.split() or [""]
            if word == "formant" and int(rest[0]) in formants:
                given = [float(number) for number in rest[1:4]]
                formants[int(rest[0])] = given + formants[int(rest[0])][len(given) :]
            elif word not in ("echo", "name"):
                kept.append(line)
        spread = rng.uniform(self.throat[0], self.throat[1])
        length = rng.normal(0, spread / 2)  # all formants together: how long the throat is
        for n, (frequency, height, width) in formants.items():
            frequency *= np.exp(length + rng.normal(0, spread))
            height *= np.exp(rng.normal(0, 2 * spread))
            width *= np.exp(rng.normal(0, 2 * spread))
            kept.append(f"formant {n} {frequency:.0f} {height:.0f} {width:.0f}")
        if rng.random() < 0.5:
            kept.append(f"echo {rng.integers(10, 130)} {rng.integers(0, 100)}")
        (library.variants / _RELATIVE).write_text("\n".join([*kept, ""]))
        return Voice(voice.engine, voice.accent, _RELATIVE)

    @staticmethod
    def _set_voice(library: _Library, voice: Voice) -> None:
        names = [name for name, tag in ACCENTS.items() if tag == voice.accent]
        name = "+".join(filter(None, [*names, voice.variant]))
        if name == library.voice and voice.variant != _RELATIVE:  # a relative's file is another each time
            return
        # espeak itself passes over a variant that is not there and speaks with the plain voice.
        known = names and (not voice.variant or (library.variants / voice.variant).is_file())
        if not known or library.c.espeak_SetVoiceByName(name.encode()) != 0:
            library.voice = None
            raise VoiceError(
                f"espeak-ng has no voice {voice.accent}+{voice.variant}: accents are {list(ACCENTS.values())}"
            )
        library.voice = name


@lru_cache(maxsize=1 << 14)
def _with_glottal_stops(text: str, accent: str) -> str:
    """``text`` or, where espeak would say another t than ``Espeak.phonemes`` has, its IPA."""
    if accent not in AMERICAN:
        return text
    ipa = Espeak().phonemes(text, accent)
    return text if ipa == Espeak._phonemes(text, accent) else f"/{ipa}/"
