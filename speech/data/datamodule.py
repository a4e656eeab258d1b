"""A built corpus as Lightning wants it: one loader for training, one for each other split."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytorch_lightning as pl
import soundfile
from torch.utils.data import DataLoader

from speech.data.augment.light import Augment
from speech.data.augment.room import Room
from speech.data.build import Corpus
from speech.data.dataset import Batch, Clip, ClipDataset
from speech.data.samplers import BucketSampler, EpochSampler
from speech.data.source import CorpusError, Refusal
from speech.text.alphabet import Alphabet, n_frames_needed
from speech.text.phones import Inventory


def read_cuts(corpus: Corpus) -> list[Any]:
    """The cuts of a built corpus, in its order; no sound is read."""
    from lhotse import CutSet  # takes 1.7 s to import

    return list(CutSet.from_file(corpus.cuts_path))


def load_cuts(cuts: Sequence[Any]) -> list[Clip]:
    """The clips of ``cuts``, in memory."""

    def load(cut: Any) -> Clip:
        samples, _ = soundfile.read(cut.recording.sources[0].source, dtype="int16")
        said = cut.supervisions[0]
        custom = cut.custom
        return Clip(
            cut.id, custom["name"], said.speaker, said.language, samples, custom["weight"], custom.get("say", "")
        )

    with ThreadPoolExecutor() as pool:
        return list(pool.map(load, cuts))


def load_clips(corpus: Corpus) -> dict[str, list[Clip]]:
    """Every clip of a built corpus, by split, in memory."""
    cuts = read_cuts(corpus)
    splits: dict[str, list[Clip]] = {}
    for cut, clip in zip(cuts, load_cuts(cuts), strict=True):
        splits.setdefault(cut.custom["split"], []).append(clip)
    return splits


def _leave_signals_to_the_trainer(_worker: int) -> None:
    """Ctrl-C goes to every process of a terminal: batches must come until the trainer has saved."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


class SpeechData(pl.LightningDataModule):
    """Batches of a corpus's clips; those whose text does not fit into their frames are in ``refused``.

    ``n_frames`` gives the frames of logits of a clip of so many samples: the recogniser's own rule. ``names`` are those
    to choose from; None takes every text that the clips say. ``inventory`` is of the phones that it hears, if any.
    """

    def __init__(
        self,
        corpus: Corpus,
        alphabet: Alphabet,
        sample_rate: int,
        n_frames: Callable[[int], int],
        batch_size: int,
        augment: Augment | Room | None = None,
        seed: int = 0,
        names: Sequence[str] | None = None,
        inventory: Inventory | None = None,
    ) -> None:
        super().__init__()
        self.alphabet, self.sample_rate, self.n_frames = alphabet, sample_rate, n_frames
        self.batch_size, self.augment, self.seed, self.inventory = batch_size, augment, seed, inventory
        self.epoch, self.start = 0, 0  # where training begins: elsewhere after an interruption
        self.folder, self._names = corpus.folder, names
        self.refused = list(corpus.refused)
        self.datasets: dict[str, ClipDataset] = {}
        for split, clips in load_clips(corpus).items():
            self.add(split, clips)

    def add(self, split: str, clips: Sequence[Clip]) -> None:
        """Let ``clips`` that hold their text be ``split``; the others are refused."""
        fitting = []
        for clip in clips:
            needed, there = n_frames_needed(self.alphabet.encode(clip.name)), self.n_frames(len(clip.samples))
            if needed <= there:
                fitting.append(clip)
            else:
                reason = f"{clip.id}: {clip.name!r} needs {needed} frames and the clip has {there}: is it cut off?"
                self.refused.append(Refusal(clip.id, reason))
        augment = self.augment if split == "train" else None
        self.datasets[split] = ClipDataset(fitting, self.alphabet, self.sample_rate, augment, self.seed, self.inventory)

    def validate_on_something(self) -> None:
        """Where the corpus has no validation clips, let its training clips, as they are, stand in for them.

        They show how these are learnt, and not how others will be heard.
        """
        if "val" not in self.datasets:
            self.add("val", self.datasets["train"].clips if "train" in self.datasets else [])

    @property
    def names(self) -> list[str]:
        """The names to choose from: those given, or the distinct texts of all clips, training first."""
        if self._names is not None:
            return list(self._names)
        splits = sorted(self.datasets, key=lambda split: split != "train")
        named = [pair for split in splits for pair in self.datasets[split].named()]
        return list({text: clip.name for text, clip in named}.values())

    @property
    def listed(self) -> list[str]:
        """The list that a clip's name is looked for in: ``names``, and whatever else val and test say."""
        held = [pair for split in self.datasets if split != "train" for pair in self.datasets[split].named()]
        named = {text: clip.name for text, clip in held} | {self.alphabet.fold(name): name for name in self.names}
        return list(named.values())

    @property
    def test_splits(self) -> list[str]:
        """The splits that a recogniser is judged by: those of the test, or, where there are none, ``val``."""
        return [split for split in self.datasets if split.startswith("test")] or ["val"]

    @property
    def test_clips(self) -> list[Clip]:
        clips = [clip for split in self.test_splits if split in self.datasets for clip in self.datasets[split].clips]
        if not clips:
            raise CorpusError(
                f"{self.folder}: no usable clips in {', '.join(self.test_splits)}; refused.jsonl says why"
            )
        return clips

    def split(self, name: str) -> ClipDataset:
        """The clips of split ``name``. Raises CorpusError where there are none."""
        dataset = self.datasets.get(name)
        if not dataset:
            raise CorpusError(f"{self.folder}: no usable clips in split {name}; refused.jsonl there says why")
        return dataset

    def sampler(self) -> EpochSampler:
        """Which clips make the batches of training."""
        clips = self.split("train").clips
        lengths, weights = [len(clip.samples) for clip in clips], [clip.weight for clip in clips]
        return BucketSampler(lengths, self.batch_size, self.seed, weights=weights)

    def loader(self, split: str) -> DataLoader[Batch]:
        """Every clip of ``split`` once, by length."""
        dataset = self.split(split)
        sampler = BucketSampler([len(clip.samples) for clip in dataset.clips], self.batch_size, shuffle=False)
        loader: Any = DataLoader(dataset, sampler=sampler, batch_size=None)  # the sampler's items are whole batches
        return loader

    def train_dataloader(self) -> DataLoader[Batch]:
        sampler = self.sampler()
        sampler.enter(self.epoch, self.start)
        # The next batches are disturbed by another process while this one learns; on a single processor none waits.
        n_workers = min(1, (os.cpu_count() or 1) - 1)
        loader: Any = DataLoader(
            self.split("train"),
            sampler=sampler,
            batch_size=None,
            num_workers=n_workers,
            persistent_workers=n_workers > 0,
            worker_init_fn=_leave_signals_to_the_trainer,
        )
        return loader

    def val_dataloader(self) -> DataLoader[Batch]:
        return self.loader("val")

    def state_dict(self) -> dict[str, int]:
        """Which epoch training is in, and how far: part of a checkpoint."""
        if self.trainer is None:
            return {"epoch": self.epoch, "start": self.start}
        loop: Any = self.trainer.fit_loop
        completed = loop.epoch_loop.batch_progress.current.completed
        start = completed % max(1, int(self.trainer.num_training_batches))
        return {"epoch": loop.epoch_progress.current.processed, "start": start}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.epoch, self.start = state_dict["epoch"], state_dict["start"]
