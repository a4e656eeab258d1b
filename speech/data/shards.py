"""Clips that do not fit into memory: tar shards, in Lhotse's Shar format, read when training needs them.

    DIR/<split>/cuts.000000.jsonl.gz    the cuts of a shard: name, say, weight, speaker, accent of each clip
                recording.000000.tar    their sound, as FLAC
        index/<split>.000000.json       lengths, weights, texts, and the place of each sound in the tar; written last:
                                        its shard is complete
        corpus.json                     the corpus it comes from; written last: the folder is complete

The clips of a split are in random order (``shard_writing``). ``lhotse.CutSet.from_shar`` reads ``DIR/<split>``. Batches
are planned by the index, a few bytes per clip: the clips of a batch are known without reading any, so that every clip
is used once per epoch, and an epoch can be resumed in the middle at once. Lhotse's own samplers read everything before
that point (scripts/benchmark_shards.py measures it), and its reader takes nearly as long as decoding the FLAC.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from speech.common import storage
from speech.common.counting import counted
from speech.data.dataset import Clip, Index, Speaker, Spoken, Stored
from speech.data.source import CorpusError, Refusal

SUMMARY = "corpus.json"
INDEX = "index/{split}.{number:06d}.json"
FIELDS = {"cuts": "{split}/cuts.{number:06d}.jsonl.gz", "recording": "{split}/recording.{number:06d}.tar"}
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, AssertionError)


@dataclass(frozen=True)
class Summary:
    """The file ``SUMMARY``."""

    corpus: str  # the name of the corpus's folder in the cache, which has its key
    names: list[str] | None  # the list to choose from
    letters: str
    sample_rate: int  # Hz
    shards: dict[str, int]  # the number of shards of each split
    refused: list[Refusal]

    def write(self, folder: Path) -> None:
        storage.write_json(folder / SUMMARY, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Summary:
        """Raises CorpusError for a folder that is not complete."""
        try:
            content = storage.read_json(folder / SUMMARY)
            return cls(**content | {"refused": [Refusal(**one) for one in content["refused"]]})
        except UNREADABLE as error:
            missing = f"{SUMMARY} is missing or damaged"
            raise CorpusError(
                f"{folder}: no complete set of shards ({missing}): python -m speech.shard makes one"
            ) from error


@dataclass(frozen=True)
class Shard:
    """One shard's index: its clips in order, without sound."""

    corpus: str  # as in Summary, with the other values that determine the shard
    bytes: dict[str, int]  # the size of the file of each of FIELDS
    ids: list[str]
    sounds: list[list[int]]  # the offset and size of each clip's FLAC in the tar
    lengths: list[int]
    weights: list[float]
    spoken: list[list[str]]  # name, say, accent
    kinds: list[int]  # the index in ``spoken`` of each clip
    speakers: list[list[str]]  # speaker, accent
    voices: list[int]  # the index in ``speakers`` of each clip
    rates: list[int]  # Hz, of the original recordings; 0: unknown, or a synthetic voice

    @classmethod
    def read(cls, folder: Path, split: str, number: int) -> Shard:
        """Raises CorpusError for a missing index, and for a shard whose files are missing or truncated."""
        path = folder / INDEX.format(split=split, number=number)
        try:
            shard = cls(**storage.read_json(path))
            for field, place in FIELDS.items():
                file = folder / place.format(split=split, number=number)
                if (found := file.stat().st_size) != shard.bytes[field]:
                    raise ValueError(f"{file} has {counted(found, 'byte')}, not {shard.bytes[field]}")
        except UNREADABLE as error:
            raise _damaged(path, error) from error
        return shard


def _are_weights(weights: Any, n: int) -> bool:
    """Whether there are ``n`` numbers above 0."""
    right = isinstance(weights, Sequence) and all(type(one) in (int, float) and one > 0 for one in weights)
    return right and len(weights) == n


def _damaged(index: Path, error: Exception) -> CorpusError:
    reason = " ".join(str(getattr(error, "error_string", error)).split())  # libsndfile's without the object it reads
    return CorpusError(
        f"{index}: its shard is missing or damaged ({reason}): delete {index}, and run speech.shard again"
    )


class Shar:
    """The folders that ``python -m speech.shard`` wrote, in place of a corpus in the cache.

    The training clips of several folders are mixed: ``weights`` are their proportions of an epoch, with any sum; null
    leaves the weights of the clips unchanged. The names to choose from are those of the first folder.
    """

    def __init__(self, folder: str | Sequence[str], weights: Sequence[float] | None = None) -> None:
        places = [folder] if isinstance(folder, str) else list(folder)
        self.folders = [Path(place).expanduser().resolve() for place in places]
        if not places:
            raise ValueError("corpus.folder=[]: give a folder of shards, or several")
        if weights is not None and not _are_weights(weights, len(places)):
            raise ValueError(f"corpus.weights={weights}: give {counted(len(places), 'number')} above 0, one per folder")
        self.weights = weights
        self.summaries = [Summary.read(place) for place in self.folders]
        self.folder, self.names = self.folders[0], self.summaries[0].names
        self.refused = [one for summary in self.summaries for one in summary.refused]
        self.splits = list(dict.fromkeys(split for summary in self.summaries for split in summary.shards))

    @property
    def identities(self) -> list[str]:
        """Identities for a checkpoint: other shards, or another order of them, would change the epochs."""
        plan = [[asdict(one) for one in self.summaries], list(self.weights or ())]
        digest = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()
        return [*(summary.corpus for summary in self.summaries), f"shards {digest[:16]}"]

    def check(self, letters: str, sample_rate: int) -> None:
        """Raise CorpusError if a recogniser has another alphabet or sample rate."""
        for folder, one in zip(self.folders, self.summaries, strict=True):
            if (one.letters, one.sample_rate) != (letters, sample_rate):
                raise CorpusError(
                    f"{folder}: shards of alphabet={one.letters!r} at {one.sample_rate} Hz, and the recogniser has "
                    f"{letters!r} at {sample_rate} Hz: write shards for it (speech.shard alphabet=... sample_rate=...)"
                )

    def clips(self) -> dict[str, Sequence[Clip]]:
        """The clips by split: training clips stay on disk, the others, evaluated as a whole, are read into memory."""
        stored = {split: StoredClips(self, split) for split in self.splits}
        return {split: clips if split == "train" else list(clips) for split, clips in stored.items()}


class StoredClips(Stored):
    """The clips of a split of ``shar``. Indexing one reads its shard; the last ``n_open`` shards stay in memory."""

    def __init__(self, shar: Shar, split: str) -> None:
        self._split = split
        self._places: list[tuple[Path, int]] = []
        sizes: list[list[int]] = []
        parts: dict[str, list[np.ndarray]] = {"lengths": [], "weights": [], "kinds": []}
        numbers: dict[Spoken, int] = {}
        speakers: set[Speaker] = set()
        for folder, summary in zip(shar.folders, shar.summaries, strict=True):
            sizes.append([])
            for number in range(summary.shards.get(split, 0)):
                shard = Shard.read(folder, split, number)
                own = [numbers.setdefault(Spoken(*one), len(numbers)) for one in shard.spoken]
                parts["lengths"].append(np.array(shard.lengths, np.int64))
                parts["weights"].append(np.array(shard.weights, float))
                parts["kinds"].append(np.array(own, np.int64)[shard.kinds])
                speakers |= {Speaker(*one) for one in shard.speakers}
                sizes[-1].append(len(shard.lengths))
                self._places.append((folder, number))
        lengths, weights, kinds = (np.concatenate(some) for some in parts.values())
        if split == "train" and shar.weights is not None:
            of_folder = np.repeat(np.arange(len(sizes)), [sum(some) for some in sizes])
            sums, wanted = np.bincount(of_folder, weights), np.array(shar.weights, float)
            weights = weights * (wanted / wanted.sum() * sums.sum() / sums)[of_folder]
        self.listing = Index(lengths, weights, list(numbers), kinds, speakers, [some for some in sizes if some])
        self._ends = np.cumsum([size for some in sizes for size in some])
        self._read: OrderedDict[int, tuple[Shard, list[bytes]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.listing.kinds)

    def __getitem__(self, i: Any) -> Any:
        if not 0 <= i < len(self):
            raise IndexError(i)
        number = int(np.searchsorted(self._ends, i, side="right"))
        if number not in self._read:
            self._read[number] = self._sounds(number)
            if len(self._read) > self.n_open:
                self._read.popitem(last=False)
        self._read.move_to_end(number)
        shard, sounds = self._read[number]
        place = i - (int(self._ends[number - 1]) if number else 0)
        try:
            samples, _ = soundfile.read(io.BytesIO(sounds[place]), dtype="int16")
            if len(samples) != shard.lengths[place]:
                raise ValueError(
                    f"{shard.ids[place]} has {counted(len(samples), 'sample')}, not {shard.lengths[place]}"
                )
        except UNREADABLE as error:
            raise self._damaged(number, error) from error
        spoken, speaker = self.listing.spoken[self.listing.kinds[i]], shard.speakers[shard.voices[place]][0]
        more = shard.weights[place], spoken.say, shard.rates[place]
        return Clip(shard.ids[place], spoken.name, speaker, spoken.accent, samples, *more)

    def _sounds(self, number: int) -> tuple[Shard, list[bytes]]:
        """A shard, and the FLAC of each of its clips."""
        folder, of_folder = self._places[number]
        shard = Shard.read(folder, self._split, of_folder)
        try:
            tar = (folder / FIELDS["recording"].format(split=self._split, number=of_folder)).read_bytes()
        except OSError as error:
            raise self._damaged(number, error) from error
        return shard, [tar[first : first + size] for first, size in shard.sounds]

    def _damaged(self, number: int, error: Exception) -> CorpusError:
        folder, of_folder = self._places[number]
        return _damaged(folder / INDEX.format(split=self._split, number=of_folder), error)
