"""Several sources as one: recordings of people and synthetic voices, each with its proportion of an epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from speech.audio.files import Waveform
from speech.data.source import CorpusError, Item, Refusal, Source
from speech.text.alphabet import Alphabet


class Mixture:
    """``sources`` by name, and the ``weights`` of their training clips in an epoch, with any sum.

    In a source with an entry in ``exponents``, a text with n training clips counts as n ** exponent clips: otherwise a
    few words spoken by very many people would be memorised, and other words mistaken for them. Multilingual training
    uses 0.5 for its languages (Conneau et al. 2020, "Unsupervised cross-lingual representation learning at scale",
    section 3.1).

    All splits except training are those of the sources: a split that two sources have contains the clips of both. No
    speaker is in training whom another source holds out. The names to choose from are those of the first source. Raises
    ValueError if a source has no weight above 0, and for an exponent without a source.
    """

    def __init__(
        self, sources: Mapping[str, Source[Any]], weights: Mapping[str, float], exponents: Mapping[str, float]
    ) -> None:
        if set(sources) != set(weights) or min(weights.values(), default=0) <= 0:
            raise ValueError(f"corpus.weights={dict(weights)}: give each of {', '.join(sources)} one above 0")
        if unknown := set(exponents) - set(sources):
            raise ValueError(f"corpus.exponents: {', '.join(sorted(unknown))} is not one of {', '.join(sources)}")
        self.sources, self.exponents = dict(sources), dict(exponents)
        self.weights = {name: weight / sum(weights.values()) for name, weight in weights.items()}
        self.name = "mixture"
        self.names = next(iter(self.sources.values())).names

    @property
    def identity(self) -> str:
        return "; ".join(f"{name}: {source.identity}" for name, source in self.sources.items())

    def items(self, alphabet: Alphabet) -> tuple[list[Item], list[Refusal]]:
        found: dict[str, list[Item]] = {}
        refused: list[Refusal] = []
        for name, source in self.sources.items():
            found[name], refusals = source.items(alphabet)
            refused += refusals
        refused += self._held_out(found)
        of = {name: sum(item.weight for item in items if item.split == "train") for name, items in found.items()}
        if missing := [name for name, weight in of.items() if not weight]:
            raise CorpusError(f"{', '.join(missing)} has a weight in corpus.weights but no training clip: leave it out")
        total = sum(of.values())
        factors = {name: self._factors(name, items, total) for name, items in found.items()}
        return [self._mixed(item, name, factors[name]) for name, items in found.items() for item in items], refused

    def _held_out(self, found: dict[str, list[Item]]) -> list[Refusal]:
        """Remove from ``found`` the training clips of speakers who are in another source's val or test splits."""
        held = {name: {item.speaker for item in items if item.split != "train"} for name, items in found.items()}
        refused = []
        for name, items in found.items():
            others = set().union(*(some for other, some in held.items() if other != name))
            left_out = [item for item in items if item.split == "train" and item.speaker in others]
            found[name] = [item for item in items if item.split != "train" or item.speaker not in others]
            reason = "is in the validation or a test split of another source"
            refused += [Refusal(f"{name}-{item.id}", f"{item.speaker} {reason}") for item in left_out]
        return refused

    def _factors(self, name: str, items: list[Item], total: float) -> dict[str, float]:
        """For each text, the factor on its training clips' weights that gives the source its share of ``total``."""
        train = [item for item in items if item.split == "train"]
        n_of = Counter(item.text for item in train)
        tempered = {text: n ** (self.exponents.get(name, 1.0) - 1) for text, n in n_of.items()}
        scale = total * self.weights[name] / sum(item.weight * tempered[item.text] for item in train)
        return {text: scale * factor for text, factor in tempered.items()}

    def _mixed(self, item: Item, name: str, factors: Mapping[str, float]) -> Item:
        """``item`` with its weight in the mixture, and with the source's name in its id to make that unique."""
        weight = item.weight * factors[item.text] if item.split == "train" else item.weight
        return replace(item, id=f"{name}-{item.id}", weight=weight)

    def render(self, item: Item, sample_rate: int) -> Waveform:
        name, _, id = item.id.partition("-")
        return self.sources[name].render(replace(item, id=id), sample_rate)
