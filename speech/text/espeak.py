"""espeak-ng through ctypes: its library, and grapheme-to-phoneme conversion (G2P) in each accent of English.

The package ``espeakng-loader`` contains the library and its data. C interface: espeak-ng 1.52,
``src/include/espeak-ng/speak_lib.h``. The library is GPL-3 and is loaded at run time as a separate package.
"""

from __future__ import annotations

import _ctypes
import ctypes
import os
import re
import shutil
import threading
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech.common.processes import signals_held, temporary_folder
from speech.text.alphabet import APOSTROPHES
from speech.text.mnemonics import to_mnemonics
from speech.text.names import is_ipa

ACCENTS = {  # espeak's voice name -> BCP 47; private-use subtags if no registered tag names the accent
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
# American English has a glottal stop for the t of button, Martin and Milton: before an unstressed vowel and a final n
# of the same syllable (P. Ladefoged and K. Johnson, "A Course in Phonetics", the allophones of English stops). espeak
# has it in only a few words.
_VOWELS = "aɐɑæɒeɛɜəɚiɪᵻoɔuʊʉʌ"
_CLEAR_T = re.compile(f"(?<=[{_VOWELS}ɹnlː])t[ɪəᵻ]n(?![ˈˌ]?[{_VOWELS}])")

_LAST_KNOWN = 0x24F  # Latin Extended-B
_PLAIN_APOSTROPHES = dict.fromkeys(map(ord, APOSTROPHES), "'")
_ROMAN_NUMERAL = re.compile(r"(?<![\w'])(?=\w\w)m{0,3}(cm|cd|d?c{0,3})(xc|xl|l?x{0,3})(ix|iv|v?i{0,3})(?![\w'])")
_LONE_LETTER = re.compile(r"(?<![\w'])[^\W\d_](?![\w'])")

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8, _PHONEMES = 1, 0x100  # the second: [[...]] in a text holds phonemes, not letters
_POS_CHARACTER = 1
_IPA = 0x02
_NOISE_SEED = 1  # the initial state of C's generator
_SYNTH_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EspeakError(ValueError):
    """espeak-ng did not start, or lacks a voice."""


class Library:
    """The loaded library: one per process, since its state is global in C.

    Hold ``lock`` while a voice is set and used: the library is not thread-safe.
    """

    instance: Library | None = None
    lock = threading.RLock()

    def __init__(self) -> None:
        import espeakng_loader

        # A folder of links to the data, in which we can write our own variants next to espeak's.
        self._folder = temporary_folder("espeak")
        self.data_path = Path(self._folder.name) / "data"
        shutil.copytree(espeakng_loader.get_data_path(), self.data_path, copy_function=os.symlink)
        self.variants = self.data_path / "voices" / "!v"
        self._chunks: list[np.ndarray] = []
        self._callback = _SYNTH_CALLBACK(self._receive)  # referenced here, since C holds a bare pointer
        self._path = espeakng_loader.get_library_path()
        self._start()

    def _start(self) -> None:
        self._c: Any = ctypes.cdll.LoadLibrary(self._path)
        # Some builds of espeak_Initialize expect the data folder's parent; this one takes the folder.
        self.sample_rate = self._c.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, str(self.data_path).encode(), 0)
        if self.sample_rate <= 0:
            raise EspeakError(f"espeak-ng did not start with the data at {self.data_path}: reinstall espeakng-loader")
        self._voice: str | None = None  # the current voice: setting one takes ten times as long as a name's phonemes
        self._c.espeak_SetSynthCallback(self._callback)
        self._c.espeak_Info.restype = ctypes.c_char_p
        self._c.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._speak(b"")  # espeak keeps the flag
        self._c.espeak_ng_SetRandSeed(_NOISE_SEED)
        if os.name == "posix":  # the breath of some voices is noise from C's rand()
            ctypes.CDLL(None).srand(_NOISE_SEED)

    @classmethod
    def get(cls) -> Library:
        with cls.lock:
            if cls.instance is None:
                cls.instance = cls()
            return cls.instance

    @property
    def version(self) -> str:
        info: bytes = self._c.espeak_Info(None)
        return info.decode()

    def restart(self) -> None:
        """Reload the library, which resets the phase of the voice, its flutter and its noise."""
        handle = self._c._handle
        self._c.espeak_Terminate()
        del self._c
        getattr(_ctypes, "dlclose" if os.name == "posix" else "FreeLibrary")(handle)
        self._start()

    def _receive(self, samples: Any, n_samples: int, _events: Any) -> int:
        if n_samples > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, shape=(n_samples,)).copy())
        return 0

    def set_voice(self, accent: str, variant: str = "", changed: bool = False) -> None:
        """Set ``accent`` (BCP 47) and espeak's ``variant``; ``changed``: the variant's file may have changed.

        Raises EspeakError if either does not exist.
        """
        names = [name for name, tag in ACCENTS.items() if tag == accent]
        name = "+".join(filter(None, [*names, variant]))
        if name == self._voice and not changed:
            return
        # espeak itself ignores a variant that does not exist, and uses the plain voice.
        known = names and (not variant or (self.variants / variant).is_file())
        if not known or self._c.espeak_SetVoiceByName(name.encode()) != 0:
            self._voice = None
            raise EspeakError(f"espeak-ng has no voice {accent}+{variant}: accents are {list(ACCENTS.values())}")
        self._voice = name

    def set_language(self, name: str) -> None:
        """Set espeak's voice ``name`` of any language, without a variant. Raises EspeakError if there is none."""
        if name == self._voice:
            return
        self._voice = name if self._c.espeak_SetVoiceByName(name.encode()) == 0 else None
        if self._voice is None:
            raise EspeakError(f"espeak-ng has no voice {name}")

    def synthesize(self, text: str, parameters: Mapping[int, int]) -> NDArray[np.int16]:
        """Samples ``(n_samples,)``, possibly none, of ``text`` (letters, or IPA between slashes) in the current voice.

        ``parameters`` are values of espeak_PARAMETER by number.
        """
        for parameter, value in parameters.items():
            self._c.espeak_SetParameter(parameter, value, 0)
        self._chunks.clear()
        self._speak(to_mnemonics(text).encode())
        return np.concatenate([np.zeros(0, np.int16), *self._chunks])

    def _speak(self, encoded: bytes) -> None:
        flags = _CHARS_UTF8 | _PHONEMES
        with signals_held():  # C calls _receive
            self._c.espeak_Synth(encoded, len(encoded) + 1, 0, _POS_CHARACTER, 0, flags, None, None)

    def phonemes(self, text: str) -> str:
        """IPA of ``text`` (letters, or IPA between slashes) in the current voice."""
        pointer = ctypes.c_char_p(to_mnemonics(text).encode())
        clauses = []
        while pointer.value is not None:  # a call converts one clause; the rest would come with the next text
            clauses.append(self._c.espeak_TextToPhonemes(ctypes.byref(pointer), _CHARS_UTF8, _IPA).decode())
        return " ".join(clauses)


def restart() -> None:
    """Reset espeak to its initial state: the next sounds are those of a process that has synthesised nothing yet.

    This takes some milliseconds, as long as a name or two.
    """
    with Library.lock:
        if Library.instance is not None:
            Library.instance.restart()


def readable(text: str) -> str:
    """``text`` in letters that espeak's English reader knows; IPA between slashes is unchanged.

    espeak reads other letters (beyond U+024F: ễ, ọ, ḥ) as code numbers, and spells the letters around them: they lose
    their marks. So does a single letter, since espeak would name its mark (Ó). Any apostrophe becomes the plain one. A
    word that espeak would read as a Roman numeral (vi, xi) gets a capital and lower case, and so does such a name in
    capitals.
    """
    if is_ipa(text):
        return text
    composed = unicodedata.normalize("NFC", text.translate(_PLAIN_APOSTROPHES))
    known = "".join(c if ord(c) <= _LAST_KNOWN else unicodedata.normalize("NFKD", c) for c in composed)
    letters = "".join(c for c in known if not unicodedata.combining(c))
    letters = _LONE_LETTER.sub(lambda found: unicodedata.normalize("NFD", found[0])[0], letters)
    if _ROMAN_NUMERAL.fullmatch(letters.lower()):
        return letters.capitalize()
    return _ROMAN_NUMERAL.sub(lambda found: found[0].capitalize(), letters)


def phonemes(text: str, accent: str) -> str:
    """IPA of ``text`` (letters, or IPA between slashes) in ``accent`` (BCP 47), as ``tts.espeak`` pronounces it."""
    ipa = _own_phonemes(text, accent)
    return ipa if is_ipa(text) or accent not in AMERICAN else _CLEAR_T.sub("ʔn\u0329", ipa)


def _own_phonemes(text: str, accent: str) -> str:
    with Library.lock:
        library = Library.get()
        library.set_voice(accent)
        return library.phonemes(readable(text))


@lru_cache(maxsize=1 << 14)
def with_glottal_stops(text: str, accent: str) -> str:
    """``readable(text)``, or IPA between slashes if espeak's own phonemes lack a glottal stop that ``phonemes`` has."""
    text = readable(text)
    if accent not in AMERICAN:
        return text
    ipa = phonemes(text, accent)
    return text if ipa == _own_phonemes(text, accent) else f"/{ipa}/"


def phonemes_of_language(text: str, voice: str) -> str | None:
    """IPA of ``text`` in the language of espeak's ``voice`` (``de``, ``pt-br``); None if it reads a part as English.

    Raises EspeakError for a voice that espeak lacks.
    """
    with Library.lock:
        library = Library.get()
        library.set_language(voice)
        ipa = library.phonemes(text)
    return None if "(" in ipa else ipa
