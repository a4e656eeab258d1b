"""Public corpora that Lhotse has a recipe for, as they lie on the disk: ``corpus=lhotse corpus.recipe=NAME``.

Lhotse reads the layout; nothing is downloaded (``lhotse download NAME DIR`` does that, on a machine with a network).
An utterance of a few words is a clip. A longer one is cut into words and phrases by its alignment, where the corpus has
one (LibriSpeech's alignments, TIMIT), else at its pauses, where these part it into as many words as its text has; one
that cannot be cut is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from speech.audio import files
from speech.audio.endpointing import Endpointer
from speech.audio.files import AudioError, Waveform
from speech.data.running_speech import LENGTH_S, MARGIN_S, N_WORDS, Word, runs
from speech.data.source import CorpusError, Item, Refusal
from speech.text.alphabet import Alphabet, TextError

RECIPES = ("commonvoice", "librispeech", "mini_librispeech", "speechcommands", "timit", "voxpopuli")


@dataclass(frozen=True)
class Cutting(Item):
    """A clip of a recording: from ``start_s`` to ``stop_s``, and of that, if ``n_words``, the word number ``word``."""

    path: str
    size: int  # bytes; with the time of the last change it is part of the corpus's key
    changed_ns: int
    start_s: float
    stop_s: float
    word: int = 0
    n_words: int = 0  # that the pauses must part it into; 0: it is not parted


class Recipe:
    """The corpus of ``recipe`` under ``root``; its own parts are the splits.

    What Lhotse has read is kept under ``manifests``. A text of up to ``n_whole`` words is not cut. Raises CorpusError
    for a recipe that is none of RECIPES, and for a folder that is not laid out so.
    """

    names = None

    def __init__(self, recipe: str, root: str, language: str, n_whole: int, manifests: str, seed: int) -> None:
        if recipe not in RECIPES:
            raise CorpusError(f"corpus.recipe={recipe}: none of {', '.join(RECIPES)}")
        self.root = Path(root).expanduser().resolve()
        if not self.root.is_dir():
            raise CorpusError(f"corpus.root={root}: no such folder: lhotse download {_command(recipe)} {root}")
        self.recipe, self.language, self.n_whole, self.seed = recipe, language, n_whole, seed
        digest = hashlib.sha256(f"{self.root} {language}".encode()).hexdigest()[:8]
        self.manifests = Path(manifests) / f"{recipe}-{digest}"
        self.name = "lhotse"

    @property
    def identity(self) -> str:
        return f"{self.recipe} {N_WORDS} {LENGTH_S} {MARGIN_S}"  # an item has its place, its file's size and time

    def items(self, alphabet: Alphabet) -> tuple[list[Cutting], list[Refusal]]:
        found: list[Cutting] = []
        refused: list[Refusal] = []
        for split, utterance, path in self._utterances():
            try:
                some = list(self._cuttings(split, utterance, path, alphabet))
                if not some:
                    raise TextError(f"{utterance.text!r}: no run of its words is as long as a name")
                found += some
            except (TextError, OSError) as error:
                refused.append(Refusal(utterance.id, f"{utterance.id}: {error}"))
        trained = {item.speaker for item in found if item.split == "train"}
        shared = [item for item in found if item.split != "train" and item.speaker in trained]
        refused += [Refusal(item.id, f"{item.id}: {item.speaker} is a speaker of train too") for item in shared]
        found = [item for item in found if item.split == "train" or item.speaker not in trained]
        if not found:
            raise CorpusError(f"no usable recordings: {refused[0].reason if refused else f'{self.root} has none'}")
        return found, refused

    def _utterances(self) -> Iterator[tuple[str, Any, Path]]:
        """Split, supervision and recording of each utterance, in a fixed order."""
        try:
            with contextlib.redirect_stdout(sys.stderr):  # TIMIT's prints
                parts = self._prepared()
        except (AssertionError, OSError, ValueError, KeyError, RuntimeError) as error:
            raise CorpusError(f"corpus.root={self.root}: not laid out as {self.recipe} is ({error})") from error
        for part, of in parts.items():
            places = {one.id: Path(one.sources[0].source) for one in of["recordings"]}
            for utterance in sorted(of["supervisions"], key=lambda one: one.id):
                yield _split(part), utterance, places[utterance.recording_id]

    def _prepared(self) -> dict[str, Any]:
        """Lhotse's manifests of each part."""
        from lhotse import recipes  # takes 1.7 s to import

        self.manifests.mkdir(parents=True, exist_ok=True)
        if self.recipe == "speechcommands":
            return dict(recipes.prepare_speechcommands("2", self.root, self.manifests))
        if self.recipe == "commonvoice":
            found = recipes.prepare_commonvoice(self.root, self.manifests, languages=self.language)
            return dict(found[self.language])
        if self.recipe == "voxpopuli":
            table = f"asr_{self.language}.tsv.gz"  # Lhotse would fetch it
            if not (self.root / table).is_file():
                raise FileNotFoundError(f"no {table} there, which is published beside the recordings")
            shutil.copyfile(self.root / table, self.manifests / table)
            return dict(recipes.prepare_voxpopuli(self.root, self.manifests, lang=self.language))
        if self.recipe == "timit":
            return dict(recipes.prepare_timit(self.root, self.manifests))
        return dict(recipes.prepare_librispeech(self.root, output_dir=self.manifests))

    def _cuttings(self, split: str, utterance: Any, path: Path, alphabet: Alphabet) -> Iterator[Cutting]:
        text = " ".join(re.sub(r"[^\w' ]|_", " ", utterance.text or "").split())
        if not text or not utterance.speaker:
            raise TextError("no text, or no speaker")
        stat, language = path.stat(), utterance.language or ""
        start_s, stop_s = utterance.start, utterance.end

        def cutting(number: int, text: str, start_s: float, stop_s: float, word: int = 0, n_words: int = 0) -> Cutting:
            alphabet.fold(text)
            id = f"{re.sub('[^A-Za-z0-9-]+', '_', utterance.id)[:80]}-{number:03d}"
            accent = language if len(language) == 2 else ""
            place = (str(path), stat.st_size, stat.st_mtime_ns, start_s, stop_s, word, n_words)
            return Cutting(id, text, utterance.speaker, accent, split, *place)

        words = text.split()
        aligned = [Word(one.symbol, one.start, one.end) for one in (utterance.alignment or {}).get("word", [])]  # s
        aligned = [word for word in aligned if word.text.strip()]  # LibriSpeech's pauses are words without letters
        if len(words) <= self.n_whole:
            yield cutting(0, text, start_s, stop_s)
        elif aligned:
            chance = np.random.default_rng([self.seed, int(hashlib.sha256(utterance.id.encode()).hexdigest()[:8], 16)])
            for number, run in enumerate(runs(aligned, 1, chance)):
                said = " ".join(word.text for word in run)
                yield cutting(number, said, max(start_s, run[0].start - MARGIN_S), run[-1].stop + MARGIN_S)
        else:
            for number, word in enumerate(words):
                yield cutting(number, word, start_s, stop_s, number, len(words))

    def render(self, item: Cutting, sample_rate: int) -> Waveform:
        waveform = _read(item.path, item.start_s, item.stop_s, sample_rate)
        if not item.n_words:
            return waveform
        endpointer = Endpointer(sample_rate)
        segments = endpointer.feed(waveform) + endpointer.finish()
        if len(segments) != item.n_words:
            raise AudioError(f"{item.n_words} words without an alignment, in {len(segments)} pieces between pauses")
        return segments[item.word].waveform


@lru_cache(maxsize=1)  # the words of an utterance follow each other
def _read(path: str, start_s: float, stop_s: float, sample_rate: int) -> Waveform:
    """A part of a recording that may be hours long. Raises AudioError."""
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            file.seek(min(round(start_s * rate), file.frames))
            samples = file.read(round((stop_s - start_s) * rate), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be read ({error})") from error
    return files.to_waveform(samples, rate, sample_rate, where=path)


def _split(part: str) -> str:
    """train, val, or the name of a test, of a part that the corpus has."""
    own = part.lower()
    kinds = {"train": "train", "dev": "val", "valid": "val"}
    return next((split for kind, split in kinds.items() if own.startswith(kind)), own.replace("-", "_"))


def _command(recipe: str) -> str:
    """Lhotse's own name of a recipe on its command line."""
    return {"mini_librispeech": "librispeech --mini"}.get(recipe, recipe)
