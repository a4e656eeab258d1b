"""A built corpus, or its shards, as a Lightning datamodule: one loader for training, one for each other split."""

from __future__ import annotations

import hashlib
import json
import math
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import queues
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import soundfile
from torch.utils.data import DataLoader

from speech.audio import limits
from speech.common.counting import counted
from speech.common.processes import cores, end_with_parent
from speech.data.augment.light import Augment
from speech.data.augment.room import Room
from speech.data.build import Corpus, checksum, read_lines
from speech.data.concatenation import Concatenation
from speech.data.dataset import Batch, Clip, ClipDataset, Stored
from speech.data.samplers import BucketSampler, EpochSampler
from speech.data.shards import Shar
from speech.data.source import CorpusError, Refusal
from speech.text.alphabet import Alphabet, n_frames_needed
from speech.text.names import LONGEST
from speech.text.phones import Inventory

AHEAD = 16  # batches, with which training continues while the shards of the next window are read
UNREADABLE = (EOFError, OSError, RuntimeError, ValueError, zlib.error)  # raised by a truncated or damaged corpus


def read_cuts(corpus: Corpus) -> list[Any]:
    """The cuts of a built corpus, in its order, without audio."""
    from lhotse import CutSet  # takes 1.7 s to import

    try:
        cuts = list(CutSet.from_dicts(read_lines(corpus.cuts_path)).with_recording_path_prefix(corpus.folder))
        listed = [(*_of_line(line), str(corpus.folder / line["path"])) for line in _listed(corpus)]
        if [(*_of_cut(cut), cut.recording.sources[0].source) for cut in cuts] != listed:
            raise ValueError("its clips are not those of the lists in shards")
    except (*UNREADABLE, AttributeError, LookupError, TypeError) as error:
        raise _damaged(corpus.cuts_path, corpus.folder, error) from error
    return cuts


def _of_cut(cut: Any) -> tuple[Any, ...]:
    of, custom = cut.supervisions[0], cut.custom
    place = custom["split"], cut.recording.num_samples
    return cut.id, custom["name"], custom["say"], of.speaker, of.language, custom["weight"], *place


def _of_line(line: Mapping[str, Any]) -> tuple[Any, ...]:
    of = line["speaker"], line["accent"] or "en"
    return line["id"], line["text"], line["say"], *of, line["weight"], line["split"], line["n_samples"]


def _listed(corpus: Corpus) -> list[dict[str, Any]]:
    """Each clip in the lists of the shards."""
    lists = map(read_lines, sorted((corpus.folder / "shards").glob("*.jsonl.gz")))
    return [line for lines in lists for line in lines if "refused" not in line]


def identity(corpus: Corpus) -> str:
    """A digest of the clips, to the byte, and of their metadata. It does not depend on the places of their recordings,
    nor on when these were copied there. Raises CorpusError if the corpus is damaged."""
    try:
        clips = [[*_of_line(line), line["crc32"]] for line in _listed(corpus)]
    except (*UNREADABLE, LookupError, TypeError) as error:
        raise _damaged(corpus.folder / "shards", corpus.folder, error) from error
    digest = hashlib.sha256(json.dumps(clips).encode()).hexdigest()
    return f"{corpus.folder.name.rpartition('-')[0]}-{digest[:16]}"


def _damaged(path: Path, folder: Path, error: Exception) -> CorpusError:
    return CorpusError(f"{path}: missing or damaged ({error}): delete {folder}, and it is made again")


def check_clips(corpus: Corpus) -> None:
    """Raise CorpusError for a clip that differs from what was written: the lists of the shards have its checksum."""
    for path in sorted((corpus.folder / "shards").glob("*.jsonl.gz")):
        try:
            for line in (line for line in read_lines(path) if "refused" not in line):
                path = corpus.folder / line["path"]
                if checksum(path) != line["crc32"]:
                    raise ValueError("its checksum differs")
        except UNREADABLE as error:
            raise _damaged(path, corpus.folder, error) from error


def load_cuts(cuts: Sequence[Any]) -> list[Clip]:
    """The clips of ``cuts``, in memory. Raises CorpusError for a missing or damaged clip."""

    def load(cut: Any) -> Clip:
        path, n_samples = Path(cut.recording.sources[0].source), cut.recording.num_samples
        try:
            limits.check(str(path), cut.sampling_rate, 1, n_samples)
            samples, _ = soundfile.read(path, n_samples + 1, dtype="int16")  # whatever its own header says
            if samples.shape != (n_samples,):
                raise ValueError(f"its samples are {samples.shape}, not ({n_samples},)")
        except UNREADABLE as error:
            raise _damaged(path, path.parents[2], error) from error
        of, custom = cut.supervisions[0], cut.custom
        more = custom["weight"], custom["say"], custom.get("rate", 0)  # ``rate``: earlier versions did not write it
        return Clip(cut.id, custom["name"], of.speaker, of.language, samples, *more)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(load, cuts))


def load_clips(corpus: Corpus) -> dict[str, list[Clip]]:
    """Every clip of a built corpus, by split, in memory."""
    cuts = read_cuts(corpus)
    splits: dict[str, list[Clip]] = {}
    for cut, clip in zip(cuts, load_cuts(cuts), strict=True):
        splits.setdefault(cut.custom["split"], []).append(clip)
    return splits


def begin_worker(*_worker: int) -> None:
    """Set up a loader's process. It ignores Ctrl-C, since the trainer needs batches until it has saved its state. If a
    batch cannot be sent, as when /dev/shm is full, the process ends: training would wait for the batch forever."""
    end_with_parent()
    queue: Any = queues.Queue  # its sending thread calls this hook, which is meant to be overridden, if it fails
    queue._on_queue_feeder_error = staticmethod(_not_sent)


def _not_sent(error: Exception, _batch: object) -> None:
    os.write(2, f"a batch could not be sent to the training: {error}\n".encode())
    os._exit(1)


@dataclass(frozen=True)
class DataSettings:
    """How clips become batches for one recogniser."""

    alphabet: Alphabet
    sample_rate: int  # Hz
    n_frames: Callable[[int], int]  # the recogniser's number of logit frames for a number of samples
    batch_size: int  # clips
    seed: int = 0
    inventory: Inventory | None = None  # the recogniser's phones, if any
    names: Sequence[str] | None = None  # the list to choose from; None: every text of the clips
    augment: Augment | Room | None = None  # applied to training clips
    concatenate: Concatenation | None = None  # applied to training clips; without it, batches have ``batch_size`` clips


class SpeechData(pl.LightningDataModule):
    """Batches of a corpus's clips; a clip with fewer frames than its text needs is in ``refused``."""

    def __init__(self, corpus: Corpus | Shar, settings: DataSettings) -> None:
        super().__init__()
        self.settings, self.folder, self._names = settings, corpus.folder, settings.names
        self.corpora: list[str]  # identities of the corpora, from their clips
        splits: Mapping[str, Sequence[Clip]]
        if isinstance(corpus, Shar):
            if settings.concatenate is not None:
                raise CorpusError(f"{corpus.folder}: concatenate draws clips from all shards at once: concatenate=null")
            self.corpora, splits = corpus.identities, corpus.clips()
        else:
            self.corpora, splits = [identity(corpus)], load_clips(corpus)
        self.process = 0, 1  # this process's rank, and the number of processes that share every batch
        self.epoch, self.start = 0, 0  # where training begins; not 0 after an interruption
        self.n_steps = 1  # the fewest steps of an epoch, which passes over few training clips several times
        self.refused = list(corpus.refused)
        self.datasets: dict[str, ClipDataset] = {}
        for split, clips in splits.items():
            self.add(split, clips)

    def add(self, split: str, clips: Sequence[Clip]) -> None:
        """Make ``split`` from those of ``clips`` that have enough frames for their text; the others are refused.

        Also refused are training clips longer than a sequence may be and, in other splits, clips whose text is longer
        than a name may be, since they could not be ranked.
        """
        use = self.settings
        augment, concatenate = (use.augment, use.concatenate) if split == "train" else (None, None)
        if isinstance(clips, Stored):
            self._refuse_stored(split, clips)
        else:
            longest_s = concatenate.length_s[1] if concatenate else math.inf
            clips = self._fitting(clips, longest_s, math.inf if split == "train" else LONGEST)
        self.datasets[split] = ClipDataset(
            clips, use.alphabet, use.sample_rate, augment, use.seed, use.inventory, concatenate
        )

    def _fitting(self, clips: Sequence[Clip], longest_s: float, most_letters: float) -> list[Clip]:
        use, fitting = self.settings, []
        for clip in clips:
            needed, n_frames = n_frames_needed(use.alphabet.encode(clip.name)), use.n_frames(len(clip.samples))
            if (length_s := len(clip.samples) / use.sample_rate) > longest_s:
                reason = f"{length_s:.1f} s, over {longest_s:g} (concatenate.length_s)"
            elif (n_letters := len(clip.name)) > most_letters:
                reason = f"{n_letters} letters, and it would be ranked as a name, which has at most {LONGEST}"
            elif needed > n_frames:
                reason = f"{clip.name!r} needs {counted(needed, 'frame')} and the clip has {n_frames}: is it cut off?"
            else:
                fitting.append(clip)
                continue
            self.refused.append(Refusal(clip.id, f"{clip.id}: {reason}"))
        return fitting

    def _refuse_stored(self, split: str, clips: Stored) -> None:
        """Refuse those of ``clips`` that are too short for their text: their weights become 0."""
        use, of = self.settings, clips.listing
        needed = np.array([n_frames_needed(use.alphabet.encode(one.name)) for one in of.spoken])[of.kinds]
        lengths, which = np.unique(of.lengths, return_inverse=True)
        short = needed > np.array([use.n_frames(int(length)) for length in lengths])[which]
        of.weights[short] = 0
        for i in np.flatnonzero(short).tolist():
            id, name = f"{split} {i}", of.spoken[of.kinds[i]].name
            self.refused.append(Refusal(id, f"{id}: {name!r} needs {counted(needed[i], 'frame')}: is it cut off?"))

    def validate_on_something(self) -> None:
        """If the corpus has no validation clips, validate on the training clips, without augmentation.

        This measures the training error, not the error on other clips.
        """
        if "val" not in self.datasets:
            if "train" in self.datasets and self.datasets["train"].index.shards:
                raise CorpusError(f"{self.folder}: no split val: training on shards needs one")
            self.add("val", self.datasets["train"].clips if "train" in self.datasets else [])

    @property
    def names(self) -> list[str]:
        """The names to choose from: the names given, or else the distinct texts of all clips, training first, without
        those longer than a name may be."""
        if self._names is not None:
            return list(self._names)
        splits = sorted(self.datasets, key=lambda split: split != "train")
        named = {text: name for split in splits for text, name in self.datasets[split].named().items()}
        return [name for name in named.values() if len(name) <= LONGEST]

    @property
    def listed(self) -> list[str]:
        """The list in which clips are ranked: ``names``, and all other texts of the evaluation splits."""
        held = [split for split in self.datasets if split != "train"]
        named = {text: name for split in held for text, name in self.datasets[split].named().items()}
        return list((named | {self.settings.alphabet.fold(name): name for name in self.names}).values())

    @property
    def test_splits(self) -> list[str]:
        """All splits other than ``train`` and ``val``; if there are none, ``val``."""
        return [split for split in self.datasets if split not in ("train", "val")] or ["val"]

    @property
    def test_clips(self) -> list[Clip]:
        clips = [clip for split in self.test_splits if split in self.datasets for clip in self.datasets[split].clips]
        if not clips:
            raise CorpusError(
                f"{self.folder}: no usable clips in {', '.join(self.test_splits)}; refused.jsonl says why"
            )
        return clips

    def split(self, name: str) -> ClipDataset:
        """The clips of split ``name``. Raises CorpusError if there are none."""
        dataset = self.datasets.get(name)
        if not dataset:
            there = ", ".join(split for split, clips in self.datasets.items() if clips)
            among = f" (splits with clips: {there})" if there else ""
            raise CorpusError(f"{self.folder}: no usable clips in split {name}{among}; refused.jsonl there says why")
        return dataset

    @property
    def batch_size(self) -> int:
        """The number of clips of a batch, over all processes."""
        return self.settings.batch_size * self.process[1]

    def sampler(self) -> EpochSampler:
        """The sampler of training batches."""
        return self.split("train").sampler(self.batch_size, n_steps=self.n_steps)

    def loader(self, split: str) -> DataLoader[Batch]:
        """Every clip of ``split`` once, by length; several processes divide the clips among themselves."""
        dataset = self.split(split)
        sampler = BucketSampler(dataset.index.lengths, self.batch_size, shuffle=False)
        sampler.process = self.process
        loader: Any = DataLoader(dataset, sampler=sampler, batch_size=None)  # the sampler's items are whole batches
        return loader

    def train_dataloader(self) -> DataLoader[Batch]:
        sampler = self.sampler()
        sampler.process = self.process
        sampler.enter(self.epoch, self.start)
        dataset = self.split("train")
        n_ahead = AHEAD if dataset.index.shards else 2
        n_samples = self._most_samples(dataset)
        # Another process augments the next batches, unless each training process has only one core, or there is too
        # little shared memory.
        n_processes = self.process[1]
        n_workers = max(0, min(1, cores(n_processes * (n_ahead + 1) * 2 * n_samples * 4) // n_processes - 1))
        loader: Any = DataLoader(
            dataset,
            sampler=sampler,
            batch_size=None,
            num_workers=n_workers,
            prefetch_factor=n_ahead if n_workers else None,
            persistent_workers=n_workers > 0,
            worker_init_fn=begin_worker,
        )
        return loader

    def _most_samples(self, dataset: ClipDataset) -> int:
        """The most samples in a training batch of this process before augmentation, which may double them."""
        use = self.settings
        if use.concatenate is not None:
            return round(use.concatenate.batch_s * use.sample_rate)
        return use.batch_size * int(dataset.index.lengths.max())

    def val_dataloader(self) -> DataLoader[Batch]:
        return self.loader("val")

    def state_dict(self) -> dict[str, Any]:
        """The state for a checkpoint: the epoch of training, the batch in it, and the corpora."""
        if self.trainer is None:
            return {"epoch": self.epoch, "start": self.start, "corpora": self.corpora}
        loop: Any = self.trainer.fit_loop
        # When a checkpoint is written at the end of a batch, Lightning has counted it as processed, not as completed.
        n_done = loop.epoch_loop.batch_progress.current.processed
        n_batches = max(1, self.trainer.num_training_batches)  # infinite until the first batch is requested
        epochs = loop.epoch_progress.current
        epoch = epochs.processed + (n_done >= n_batches and epochs.processed < epochs.ready)
        return {"epoch": epoch, "start": int(n_done % n_batches), "corpora": self.corpora}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raises CorpusError if training began with other corpora."""
        if (began := state_dict.get("corpora", self.corpora)) != self.corpora:
            raise CorpusError(
                f"the corpus is not the one that this training began with ({', '.join(began)}; now "
                f"{', '.join(self.corpora)}): its recordings, its texts or the code that makes clips of them have "
                "changed: put them back, or start a new run"
            )
        self.epoch, self.start = state_dict["epoch"], state_dict["start"]
