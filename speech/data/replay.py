"""Going on learning without forgetting: clips that were learnt from before are mixed into each batch.

Rehearsal (Robins 1995): a network that learns new clips alone loses the old ones (McCloskey and Cohen 1989). The clips
of the earlier corpora that training did not hear, those of their tests, show whether it does all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from speech.data.augment.light import Augment
from speech.data.augment.room import Room
from speech.data.build import Corpus
from speech.data.datamodule import SpeechData, load_cuts, read_cuts
from speech.data.dataset import Clip
from speech.data.samplers import EpochSampler, MixedSampler
from speech.text.alphabet import Alphabet
from speech.text.phones import Inventory

ELSEWHERE = "test_elsewhere"


class Replay:
    """A ``fraction`` of each batch are clips of earlier corpora, ``n_train`` of which are drawn; ``n_steps`` an epoch.

    ``n_val`` of their validation clips and ``n_test`` of their test clips are evaluated.
    """

    def __init__(
        self, fraction: float = 0.5, n_steps: int = 50, n_train: int = 2000, n_val: int = 200, n_test: int = 1000
    ) -> None:
        if not 0 < fraction < 1:
            raise ValueError(f"replay.fraction={fraction} must lie between 0 and 1; replay=null is none at all")
        if n_steps < 1:
            raise ValueError(f"replay.n_steps={n_steps}: an epoch has at least one step")
        self.fraction, self.n_steps = fraction, n_steps
        self.n_clips = {"train": n_train, "val": n_val, ELSEWHERE: n_test}

    def draw(self, earlier: Sequence[Corpus], seed: int) -> dict[str, list[Clip]]:
        """The clips of ``train``, ``val`` and ``test_elsewhere``, the same each time for one ``seed``.

        A clip that training heard twice as often (its ``weight``) is twice as likely to be drawn.
        """
        cuts: dict[str, list[tuple[int, Any]]] = {split: [] for split in self.n_clips}
        for number, corpus in enumerate(earlier):
            for cut in read_cuts(corpus):
                split = cut.custom["split"]
                cuts[ELSEWHERE if split.startswith("test") else split].append((number, cut))
        rng = np.random.default_rng(seed)
        drawn: dict[str, list[Clip]] = {}
        for split, some in cuts.items():
            weights = np.array([cut.custom["weight"] for _, cut in some])
            n_drawn = min(self.n_clips[split], int(np.count_nonzero(weights)))
            chances = weights / weights.sum() if n_drawn else None
            chosen = [some[i] for i in sorted(rng.choice(len(some), n_drawn, replace=False, p=chances))]
            clips = load_cuts([cut for _, cut in chosen])
            # An id is one clip's within a corpus alone.
            numbered = zip([number for number, _ in chosen], clips, strict=True)
            drawn[split] = [clip._replace(id=f"earlier{number}-{clip.id}") for number, clip in numbered]
        return drawn


class ReplayedData(SpeechData):
    """A corpus whose training batches hold clips of the ``earlier`` corpora too, as ``replay`` says.

    Their validation clips are validated on beside its own, or what stands in for those.
    """

    def __init__(
        self,
        corpus: Corpus,
        alphabet: Alphabet,
        sample_rate: int,
        n_frames: Callable[[int], int],
        batch_size: int,
        augment: Augment | Room | None,
        seed: int,
        names: Sequence[str] | None,
        inventory: Inventory | None,
        replay: Replay,
        earlier: Sequence[Corpus],
    ) -> None:
        super().__init__(corpus, alphabet, sample_rate, n_frames, batch_size, augment, seed, names, inventory)
        self.replay = replay
        self._names = self.names  # its own: what is replayed is no name to choose from
        own = self.datasets["train"].clips if "train" in self.datasets else []
        self.n_own = len(own)
        self.validate_on_something()
        replayed = replay.draw(earlier, seed)
        self.add("val", [*self.datasets["val"].clips, *replayed["val"]])
        self.add(ELSEWHERE, replayed[ELSEWHERE])
        self.add("train", [*own, *replayed["train"]])

    def sampler(self) -> EpochSampler:
        n_replayed = len(self.split("train")) - self.n_own
        return MixedSampler(
            self.n_own, n_replayed, self.batch_size, self.replay.fraction, self.replay.n_steps, self.seed
        )
