"""Public corpora for which Lhotse has a recipe, read from disk: ``corpus=lhotse corpus.recipe=NAME``.

Lhotse reads the layout; nothing is downloaded (``lhotse download NAME DIR`` does that, on a machine with a network).
An utterance of a few words is a clip. A longer one is cut into words and phrases by its alignment if the corpus has one
(LibriSpeech's alignments, TIMIT), otherwise at its pauses, if these separate as many pieces as its text has words. An
utterance that cannot be cut is refused.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import re
import shutil
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path, PosixPath
from typing import Any

import numpy as np
import soundfile

from speech.audio import containers, files
from speech.audio.endpointing import Endpointer
from speech.audio.files import AudioError, Waveform
from speech.common import processes, storage
from speech.common.counting import counted
from speech.data.build import read_lines
from speech.data.running_speech import LENGTH_S, MARGIN_S, N_WORDS, Word, runs
from speech.data.source import CorpusError, Item, Refusal
from speech.text.alphabet import Alphabet, TextError

RECIPES = ("commonvoice", "librispeech", "mini_librispeech", "speechcommands", "timit", "voxpopuli")
# The folder that `lhotse download` creates in the folder it is given.
_INSIDE = {"librispeech": "LibriSpeech", "mini_librispeech": "LibriSpeech", "speechcommands": "SpeechCommands2"}
RATE = 16_000  # Hz, of the corpora whose alignments count samples
UNKNOWN_S = 86_400.0  # stands for an unreadable length: a recording that is repaired later is then read to its end


@dataclass(frozen=True)
class Utterance:
    """The data of an utterance, as Lhotse reads it."""

    id: str
    part: str  # the part of the corpus
    text: str
    speaker: str
    language: str
    path: str  # of its recording
    start_s: float
    stop_s: float
    words: list[tuple[str, float, float]]  # its alignment: word, start and end in s


@dataclass(frozen=True)
class Cutting(Item):
    """A clip of a recording, from ``start_s`` to ``stop_s``; if ``n_words``, only the word number ``word`` of it."""

    path: str
    size: int  # bytes; with the time of the last change it is part of the corpus's key
    changed_ns: int
    start_s: float
    stop_s: float
    word: int = 0
    n_words: int = 0  # the number of words that its pauses must separate; 0: it is not cut at pauses


class Recipe:
    """The corpus of ``recipe`` under ``root``; its own parts are the splits.

    ``root`` is the folder given to ``lhotse download``, or the folder created in it. Lhotse's results are stored under
    ``manifests``. A text of up to ``n_whole`` words is not cut. Raises CorpusError for a recipe that is not in RECIPES,
    and for a folder with another layout.
    """

    names = None

    def __init__(self, recipe: str, root: str, language: str, n_whole: int, manifests: str, seed: int) -> None:
        if recipe not in RECIPES:
            raise CorpusError(f"corpus.recipe={recipe}: not one of {', '.join(RECIPES)}")
        self.root = Path(root).expanduser().resolve()
        if not self.root.is_dir():
            raise CorpusError(f"corpus.root={root}: no such folder: lhotse download {_command(recipe)} {root}")
        if (inside := self.root / _INSIDE.get(recipe, "")).is_dir():
            self.root = inside
        self.recipe, self.language, self.n_whole, self.seed = recipe, language, n_whole, seed
        digest = hashlib.sha256(f"{self.root} {language}".encode()).hexdigest()[:8]
        self.kept = Path(manifests) / f"{recipe}-{digest}.jsonl.gz"
        self.name = "lhotse"

    @property
    def identity(self) -> str:
        return f"{self.recipe} {N_WORDS} {LENGTH_S} {MARGIN_S}"  # an item has its place, its file's size and time

    def items(self, alphabet: Alphabet) -> tuple[list[Cutting], list[Refusal]]:
        found: list[Cutting] = []
        refused: list[Refusal] = []
        for utterance in self._utterances():
            try:
                some = list(self._cuttings(utterance, alphabet))
                if not some:
                    raise TextError(f"{utterance.text!r}: no sequence of its words is as long as a name")
                found += some
            except TextError as error:
                refused.append(Refusal(utterance.id, f"{utterance.id}: {error}"))
            except OSError as error:
                refused.append(Refusal(utterance.path, f"{utterance.path}: {error.strerror}"))
        trained = {item.speaker for item in found if item.split == "train"}
        shared = [item for item in found if item.split != "train" and item.speaker in trained]
        refused += [Refusal(item.id, f"{item.id}: {item.speaker} is also a speaker of train") for item in shared]
        found = [item for item in found if item.split == "train" or item.speaker not in trained]
        if not found:
            raise CorpusError(f"no usable recordings: {refused[0].reason if refused else f'{self.root} has none'}")
        return found, refused

    def _utterances(self) -> list[Utterance]:
        """Every utterance of the corpus, in a fixed order."""
        try:
            return [Utterance(**line) for line in read_lines(self.kept)]
        except FileNotFoundError:
            found = list(self._read())
        except (OSError, EOFError, ValueError, TypeError, zlib.error) as error:
            raise CorpusError(f"{self.kept}: damaged ({error}): delete it, and the corpus is read again") from error
        self.kept.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(asdict(one)) + "\n" for one in found)
        storage.write_bytes(self.kept, gzip.compress(lines.encode(), mtime=0))
        return found

    def _read(self) -> Iterator[Utterance]:
        try:
            # TIMIT's recipe prints; others need a folder to write to.
            with (
                contextlib.redirect_stdout(sys.stderr),
                processes.temporary_folder("lhotse") as folder,
                _unreadable_too(self.root / "raw_audios" / self.language),
            ):
                parts = self._prepared(Path(folder))
        except Exception as error:  # a recipe may raise anything for an unexpected file
            reason = " ".join(f"{type(error).__name__}: {error}".partition("Details:")[0].split())
            raise CorpusError(
                f"corpus.root={self.root}: not laid out like {self.recipe} ({reason}): each of its parts needs "
                "readable recordings and their texts, where lhotse download puts them"
            ) from error
        for part, of in parts.items():
            places = {one.id: one.sources[0].source for one in of["recordings"]}
            for one in sorted(of["supervisions"], key=lambda one: one.id):
                aligned = (one.alignment or {}).get("word", [])
                words = [(word.symbol, word.start, word.end) for word in aligned]
                labels = one.text or "", one.speaker or "", one.language or ""
                yield Utterance(one.id, part, *labels, places[one.recording_id], one.start, one.end, words)

    def _prepared(self, folder: Path) -> dict[str, Any]:
        """Lhotse's manifests of each part; ``folder`` is for its output."""
        from lhotse import recipes  # takes 1.7 s to import

        if self.recipe == "speechcommands":
            return dict(recipes.prepare_speechcommands("2", self.root))
        if self.recipe == "commonvoice":
            return dict(recipes.prepare_commonvoice(self.root, folder, languages=self.language)[self.language])
        if self.recipe == "voxpopuli":
            table = f"asr_{self.language}.tsv.gz"  # Lhotse would download it
            if not (self.root / table).is_file():
                raise FileNotFoundError(f"{table} is missing, which is published with the recordings")
            shutil.copyfile(self.root / table, folder / table)
            return dict(recipes.prepare_voxpopuli(self.root, folder, lang=self.language))
        if self.recipe == "timit":
            return dict(recipes.prepare_timit(self.root))
        return dict(recipes.prepare_librispeech(self.root))

    def _cuttings(self, utterance: Utterance, alphabet: Alphabet) -> Iterator[Cutting]:
        text = " ".join(re.sub(r"[^\w' ]|_", " ", utterance.text).split())
        if not text or not utterance.speaker:
            raise TextError("no text, or no speaker")
        stat, split = Path(utterance.path).stat(), _split(utterance.part)
        start_s, stop_s = utterance.start_s, utterance.stop_s

        def cutting(number: int, text: str, start_s: float, stop_s: float, word: int = 0, n_words: int = 0) -> Cutting:
            alphabet.fold(text)
            id = f"{re.sub('[^A-Za-z0-9-]+', '_', utterance.id)[:80]}-{number:03d}"
            accent = utterance.language if len(utterance.language) == 2 else ""
            place = (utterance.path, stat.st_size, stat.st_mtime_ns, start_s, stop_s, word, n_words)
            return Cutting(id, text, utterance.speaker, accent, split, *place)

        words = text.split()
        # In LibriSpeech's alignments, pauses are words without letters.
        aligned = [Word(*word) for word in utterance.words if word[0].strip()]
        if len(words) <= self.n_whole:
            yield cutting(0, text, start_s, stop_s)
        elif aligned:
            chance = np.random.default_rng([self.seed, int(hashlib.sha256(utterance.id.encode()).hexdigest()[:8], 16)])
            for number, run in enumerate(runs(aligned, 1, chance)):
                phrase = " ".join(word.text for word in run)
                yield cutting(number, phrase, max(start_s, run[0].start - MARGIN_S), run[-1].stop + MARGIN_S)
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
            words, pieces = counted(item.n_words, "word"), counted(len(segments), "piece")
            raise AudioError(f"{words} without an alignment, but {pieces} of speech between pauses")
        return segments[item.word].waveform


class _Listed(PosixPath):
    """A path that reports a listed recording as existing: recipes skip missing recordings without counting them."""

    def is_file(self, **options: Any) -> bool:
        named = self.suffix in (".flac", ".mp3", ".wav") and not self.parent.name.startswith("_")  # _background_noise_
        return named or super().is_file(**options)


@contextlib.contextmanager
def _unreadable_too(sessions: Path) -> Iterator[None]:
    """A context in which a recording that is missing, unreadable or truncated has a manifest too. A recipe would skip
    it, or fail; now only its clips are refused, in ``items`` or when they are rendered.

    ``sessions`` is the folder of VoxPopuli's sessions.
    """
    from lhotse import Recording, RecordingSet
    from lhotse.recipes import commonvoice, librispeech, speechcommands, voxpopuli

    read, fix = Recording.from_file, voxpopuli.fix_manifests

    def from_file(path: str | Path, recording_id: Any = None, **options: Any) -> Recording:
        with contextlib.suppress(Exception):  # from the reader of the format
            found: Recording = read(path, recording_id, **options)
            if found.duration > 0 and not _is_truncated(path):
                return found
        return _unknown(recording_id(Path(path)) if callable(recording_id) else recording_id or Path(path).stem, path)

    def fix_manifests(recordings: Any, supervisions: Any) -> Any:
        missing = {one.recording_id for one in supervisions} - {one.id for one in recordings}
        places = {id: sessions / id[:4] / f"{id}_{sessions.name}.ogg" for id in sorted(missing)}
        return fix(recordings + RecordingSet.from_recordings(map(_unknown, places, places.values())), supervisions)

    replaced: list[tuple[Any, str, Any]] = [
        (Recording, "from_file", staticmethod(from_file)),
        (voxpopuli, "fix_manifests", fix_manifests),
        # Other processes would use Lhotse's own function.
        (commonvoice, "ProcessPoolExecutor", lambda max_workers, mp_context: ThreadPoolExecutor(max_workers)),
        *((recipe, "Path", _Listed) for recipe in (commonvoice, librispeech, speechcommands)),
    ]
    before = [vars(of)[name] for of, name, _ in replaced]
    try:
        for of, name, ours in replaced:
            setattr(of, name, ours)
        yield
    finally:
        for (of, name, _), own in zip(replaced, before, strict=True):
            setattr(of, name, own)


def _unknown(id: str, path: str | Path) -> Any:
    """The manifest of a recording of unknown length."""
    from lhotse import AudioSource, Recording

    return Recording(id, [AudioSource("file", [0], str(path))], RATE, int(UNKNOWN_S * RATE), UNKNOWN_S)


def _is_truncated(path: str | Path) -> bool:
    with Path(path).open("rb") as file:
        kind = containers.kind(file)
        return kind is not None and containers.is_truncated(file, kind)


@lru_cache(maxsize=1)  # the words of an utterance follow each other
def _read(path: str, start_s: float, stop_s: float, sample_rate: int) -> Waveform:
    """A part of a recording, which may itself be hours long. Raises AudioError."""
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            file.seek(min(round(start_s * rate), file.frames))
            n_wanted, n_there = round((stop_s - start_s) * rate), file.frames - file.tell()
            samples = file.read(min(n_wanted, n_there), dtype="float32", always_2d=True)
        whole = len(samples) == n_wanted or (len(samples) == n_there and not _is_truncated(path))
    except (OSError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be read ({error})") from error
    if not whole:
        raise AudioError(f"{path}: truncated: its header states more: copy it again")
    return files.to_waveform(samples, rate, sample_rate, where=path)


def _split(part: str) -> str:
    """The split for a part of the corpus: train, val, or the name of a test split."""
    own = part.lower()
    kinds = {"train": "train", "dev": "val", "valid": "val"}
    return next((split for kind, split in kinds.items() if own.startswith(kind)), own.replace("-", "_"))


def _command(recipe: str) -> str:
    """The name of a recipe on Lhotse's command line."""
    more = {"mini_librispeech": "librispeech --mini", "speechcommands": "speechcommands 2"}
    return (more | {"voxpopuli": "voxpopuli --subset LANGUAGE"}).get(recipe, recipe)
