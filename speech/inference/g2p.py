"""Pronunciations of names of unknown language, by the grapheme-to-phoneme model that ships: ONNX, numpy.

    from speech.inference.g2p import shipped
    shipped().pronunciations("Nguyễn")

The graph takes ``letters`` int64 ``(batch, n_letters)``, right-padded with 0, ``marks`` ``(batch, n_letters, 2)``,
``n_letters`` and ``variety`` ``(batch,)`` (``speech.text.spelling``). It gives the log-probabilities ``varieties`` of
each word's variety, ``(batch, n_varieties)``, which do not depend on its input ``variety``, and ``log_probs``
``(batch, n_frames, n_symbols)`` of the phones in that ``variety``. Its metadata are text: ``format``, ``kind``,
``letters``, ``marks``, ``phones`` and ``varieties`` (JSON; the latter with each one's proportion in training),
``frames_per_letter``, ``card``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech import pretrained
from speech.common.storage import parse_json
from speech.inference.errors import RecognizerError
from speech.inference.prefix_beam import Strings, n_best
from speech.inference.session import open_session
from speech.text.alphabet import TextError
from speech.text.phones import Inventory
from speech.text.pronunciation import Pronunciation
from speech.text.spelling import N_MARKS, Word, encode, words

FORMAT = 1  # of the metadata, inputs and outputs; raised by a change that an older reader could not read
KIND = "g2p"
N_PRONUNCIATIONS = 8  # of a name, at most
N_VARIETIES = 8  # the likeliest varieties, in which a name is read
LEAST_VARIETY = 0.02  # times the probability of the likeliest variety: less likely ones are not read
WIDTH = 6  # of the beam
BATCH = 512  # pairs of a word and a variety that are read at once
# Phones that differ only in notation: the tables of languages write the same open vowel as a, ɑ or ɐ. Of two
# pronunciations that differ only in these, the likelier stands for both, with the sum of their probabilities.
ONE_NOTATION = {"ɑ": "a", "ɐ": "a", "ɒ": "ɔ", "o": "ɔ", "e": "ɛ", "ᵻ": "ɪ", "i": "ɪ", "ʉ": "u", "ʊ": "u", "ɜ": "ə"}


class G2PRuntime:
    """The model in the file ``path``. ``card`` is its model card, in Markdown. Many threads may use it.

    Raises RecognizerError for a file that is not such a model.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        if not path.is_file():
            raise RecognizerError(f"{path}: no such grapheme-to-phoneme model: python -m speech.g2p writes one")
        self._session = open_session(path, "train it again")
        metadata = self._session.get_modelmeta().custom_metadata_map
        if metadata.get("kind") != KIND or metadata.get("format") != str(FORMAT):
            raise RecognizerError(
                f"{path}: not a grapheme-to-phoneme model of format {FORMAT}: python -m speech.g2p writes one"
            )
        import onnxruntime

        self._asked = onnxruntime.RunOptions()  # compute only the outputs that are asked for
        self._asked.only_execute_path_to_fetches = True
        self._load_metadata(metadata)

    def _load_metadata(self, metadata: Mapping[str, str]) -> None:
        self.letters, self.marks, self.card = metadata["letters"], metadata["marks"], metadata["card"]
        self.inventory = Inventory(parse_json(metadata["phones"]))
        varieties: dict[str, float] = parse_json(metadata["varieties"])
        self.varieties = list(varieties)
        self._log_prior = np.log(np.maximum(list(varieties.values()), 1e-6))
        self._frames_per_letter = int(metadata["frames_per_letter"])
        self._notation = [0, *(self._one_notation(phone) for phone in self.inventory.phones)]

    def _one_notation(self, phone: str) -> int:
        while ONE_NOTATION.get(phone) in self.inventory.phones:
            phone = ONE_NOTATION[phone]
        return self.inventory.encode((phone,))[0]

    def pronunciations(self, name: str) -> list[Pronunciation]:
        """At most eight ways to say ``name``, the likeliest first. Raises TextError for a script other than Latin."""
        return self.pronunciations_of([name])[0]

    def pronunciations_of(self, names: Sequence[str]) -> list[list[Pronunciation]]:
        """``pronunciations`` of each of ``names``, in a third of the time that separate calls take."""
        parts = [self._encode(name) for name in names]
        distinct = list(dict.fromkeys(word for some in parts for word in some))
        of_word = dict(zip(distinct, self._log_varieties(distinct), strict=True))
        chosen = [self._choose([of_word[word] for word in some]) for some in parts]
        pairs = {(word, v): None for some, own in zip(parts, chosen, strict=True) for v in own for word in some}
        read = self._read(list(pairs))
        return [self._mixture(some, varieties, read) for some, varieties in zip(parts, chosen, strict=True)]

    def _encode(self, name: str) -> list[Word]:
        """The words of ``name`` as the model reads them."""
        if not (found := words(str(name))):
            raise TextError(f"text {name!r} has no letter in it: write the name as it is spelt")
        try:
            return [encode(word, self.letters, self.marks) for word in found]
        except TextError as error:
            raise TextError(f"name {name!r}: {error}") from error

    def _log_varieties(self, many: Sequence[Word]) -> NDArray[np.float64]:
        """Log-probabilities of the varieties of each word, ``(n_words, n_varieties)``."""
        found = np.zeros((len(many), len(self.varieties)))
        for rows in _by_length(many):
            inputs = self._inputs([many[row] for row in rows], [0] * len(rows))
            found[rows] = self._session.run(["varieties"], inputs, self._asked)[0]
        return found

    def _choose(self, of_words: Sequence[NDArray[np.float64]]) -> dict[int, float]:
        """The likeliest varieties of a whole name, with their probabilities; all of its words share a variety.

        Words are independent given the variety: p(v | words) ~ p(v) prod p(v | word) / p(v).
        """
        log_probs = np.sum(of_words, axis=0) - (len(of_words) - 1) * self._log_prior
        probs = np.exp(log_probs - log_probs.max())
        likeliest = [int(v) for v in np.argsort(-probs)[:N_VARIETIES] if probs[v] >= LEAST_VARIETY]
        return {variety: float(probs[variety] / probs.sum()) for variety in likeliest}

    def _read(self, pairs: Sequence[tuple[Word, int]]) -> dict[tuple[Word, int], Strings]:
        """The likeliest phones, as symbols, of each word in a variety."""
        found: dict[tuple[Word, int], Strings] = {}
        for rows in _by_length([word for word, _ in pairs]):
            some = [pairs[row] for row in rows]
            inputs = self._inputs([word for word, _ in some], [variety for _, variety in some])
            (log_probs,) = self._session.run(["log_probs"], inputs, self._asked)
            strings = n_best(log_probs, inputs["n_letters"] * self._frames_per_letter, WIDTH)
            found.update(zip(some, strings, strict=True))
        return found

    def _inputs(self, many: Sequence[Word], varieties: Sequence[int]) -> dict[str, NDArray[np.int64]]:
        n_letters = np.array([len(letters) for letters, _ in many])
        letters = np.zeros((len(many), n_letters.max()), np.int64)
        marks = np.zeros((*letters.shape, N_MARKS), np.int64)
        for row, (some, its_marks) in enumerate(many):
            letters[row, : len(some)], marks[row, : len(some)] = some, its_marks
        return {"letters": letters, "marks": marks, "n_letters": n_letters, "variety": np.array(varieties, np.int64)}

    def _mixture(
        self, parts: Sequence[Word], varieties: Mapping[int, float], read: Mapping[tuple[Word, int], Strings]
    ) -> list[Pronunciation]:
        """The likeliest phones of a name: its words' phones, concatenated, with probabilities summed over varieties."""
        total: defaultdict[tuple[int, ...], float] = defaultdict(float)
        for variety, probability in varieties.items():
            for symbols, p in _combined([read[part, variety] for part in parts]):
                if symbols:
                    total[symbols] += probability * p
        merged: dict[tuple[int, ...], list[Any]] = {}
        for symbols, p in sorted(total.items(), key=lambda item: -item[1]):
            key = tuple(self._notation[symbol] for symbol in symbols)
            merged.setdefault(key, [symbols, 0.0])[1] += p
        best = sorted(merged.values(), key=lambda one: -one[1])[:N_PRONUNCIATIONS]
        whole = sum(p for _, p in best)
        return [Pronunciation(self.inventory.decode(symbols), p / whole) for symbols, p in best]


def _by_length(many: Sequence[Word]) -> Iterable[NDArray[np.int64]]:
    """The rows of each batch, of about the same length, so that little of a batch is padding."""
    order = np.argsort([len(letters) for letters, _ in many], kind="stable")
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def _combined(parts: Sequence[Strings]) -> Strings:
    """The likeliest sequences with one string from each part."""
    found: Strings = [((), 1.0)]
    for part in parts:
        longer = [((*symbols, *more), p * q) for symbols, p in found for more, q in part]
        found = sorted(longer, key=lambda item: -item[1])[:WIDTH]
    return found


@lru_cache(maxsize=1)
def shipped() -> G2PRuntime:
    """The model that ships with the package, loaded once."""
    return G2PRuntime(pretrained.shipped(pretrained.G2P))
