"""Rehearsal against forgetting: clips of earlier corpora are mixed into each training batch (Robins 1995).

A network trained on new clips only forgets the old ones (McCloskey and Cohen 1989). The test clips of the earlier
corpora, the source domain, measure the forgetting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from speech.common.ranges import checked_count
from speech.data.build import Corpus
from speech.data.datamodule import DataSettings, SpeechData, identity, load_cuts, read_cuts
from speech.data.dataset import Clip
from speech.data.samplers import EpochSampler, MixedSampler

SOURCE_DOMAIN = "source_domain"


class Replay:
    """A ``fraction`` of each of the ``n_steps`` batches of an epoch is from ``n_train`` clips of earlier corpora.

    ``n_val`` of their validation clips and ``n_test`` of their test clips are drawn for evaluation.
    """

    def __init__(self, fraction: float, n_steps: int, n_train: int, n_val: int, n_test: int) -> None:
        if not 0 < fraction < 1:
            raise ValueError(f"replay.fraction={fraction} must lie between 0 and 1; replay=null turns it off")
        if n_steps < 1:
            raise ValueError(f"replay.n_steps={n_steps}: an epoch has at least one step")
        for key, n, least in (("n_train", n_train, 1), ("n_val", n_val, 0), ("n_test", n_test, 0)):
            checked_count(f"replay.{key}", n, least, most=2**31 - 1)
        self.fraction, self.n_steps = fraction, n_steps
        self.n_clips = {"train": n_train, "val": n_val, SOURCE_DOMAIN: n_test}

    def draw(self, earlier: Sequence[Corpus], seed: int) -> dict[str, list[Clip]]:
        """The clips of ``train``, ``val`` and ``source_domain``, each drawn in proportion to its ``weight``."""
        cuts: dict[str, list[tuple[int, Any]]] = {split: [] for split in self.n_clips}
        for number, corpus in enumerate(earlier):
            for cut in read_cuts(corpus):
                split = cut.custom["split"]
                cuts[split if split in cuts else SOURCE_DOMAIN].append((number, cut))
        rng = np.random.default_rng(seed)
        drawn: dict[str, list[Clip]] = {}
        for split, some in cuts.items():
            weights = np.array([cut.custom["weight"] for _, cut in some])
            n_drawn = min(self.n_clips[split], int(np.count_nonzero(weights)))
            chances = weights / weights.sum() if n_drawn else None
            chosen = [some[i] for i in sorted(rng.choice(len(some), n_drawn, replace=False, p=chances))]
            clips = load_cuts([cut for _, cut in chosen])
            # An id is unique only within its corpus.
            numbered = zip([number for number, _ in chosen], clips, strict=True)
            drawn[split] = [clip._replace(id=f"earlier{number}-{clip.id}") for number, clip in numbered]
        return drawn


class ReplayedData(SpeechData):
    """A corpus whose training batches also have clips of the ``earlier`` corpora, as ``replay`` says.

    Validation is on its own validation clips (training clips if it has none) and on those of the earlier corpora.
    """

    def __init__(self, corpus: Corpus, settings: DataSettings, replay: Replay, earlier: Sequence[Corpus]) -> None:
        super().__init__(corpus, settings)
        self.corpora += [identity(one) for one in earlier]
        self.replay = replay
        self._names = self.names  # its own names: replayed texts are not in the list
        own = self.datasets["train"].clips if "train" in self.datasets else []
        self.n_own = len(own)
        self.validate_on_something()
        replayed = replay.draw(earlier, settings.seed)
        self.add("val", [*self.datasets["val"].clips, *replayed["val"]])
        if replayed[SOURCE_DOMAIN]:  # otherwise it was trained without a test, or none is requested
            self.add(SOURCE_DOMAIN, replayed[SOURCE_DOMAIN])
        self.add("train", [*own, *replayed["train"]])

    def sampler(self) -> EpochSampler:
        n_replayed, replay = len(self.split("train")) - self.n_own, self.replay
        return MixedSampler(
            self.n_own, n_replayed, self.batch_size, replay.fraction, replay.n_steps, self.settings.seed
        )
