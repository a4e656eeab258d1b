"""Praise or complaint: 3 000 sentences of reviews (Kotzias et al. 2015), read word by word in both directions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from speech.backprop.losses import BinaryCrossEntropy
from speech.backprop.optimizers import State, adamw, clip_norm
from speech.lessons.baseline import logistic_regression
from speech.lessons.data import File, Row, Source, find, read_rows, require_enough, split
from speech.lessons.network import batches, check_gradients, dropout_mask, falling, loss_and_grads
from speech.lessons.reader import Reader
from speech.lessons.result import Place, Result, SeedResult
from speech.lessons.settings import blamed, require

FOLDER = "sentiment labelled sentences"
SOURCE = Source(
    "https://archive.ics.uci.edu/static/public/331/sentiment+labelled+sentences.zip",
    [
        File(f"sentiment/{name}.txt", f"{FOLDER}/{name}_labelled.txt", sha256)
        for name, sha256 in (
            ("amazon_cells", "47003fc0a0d4840b00e96e715b6189bad09e7443a3da41c4cbe12ffc79f86ae3"),
            ("imdb", "aef2e49e3da25714d61175e3a6e68eeef74a20a2f914318dc3be9947ea86512d"),
            ("yelp", "c76468b7b5c6e56a0804d728345c5f84aa2142ddb214420f61cc9cfd4c00d2ea"),
        )
    ],
)
LABELS = ("0", "1")  # complaint, praise
TOKEN = r"[\w']+|[!?]"
UNKNOWN = 0  # a word that is not in the vocabulary, or is masked
N_SHOWN, LONGEST_SHOWN = 9, 60  # sentences in the picture, and the length of the longest in characters


@dataclass(frozen=True)
class Sentences:
    """Words ``(n, longest)``, right-padded; their counts ``(n,)``; 1 for praise ``(n,)``."""

    words: Tensor
    n_words: Tensor
    labels: Tensor

    def at(self, rows: Tensor) -> Sentences:
        n_words = self.n_words[rows]
        return Sentences(self.words[rows, : int(n_words.max())], n_words, self.labels[rows])


class Vocabulary:
    """The words that occur in at least ``min_sentences`` of ``texts``; every other word is UNKNOWN."""

    def __init__(self, texts: Sequence[str], min_sentences: int):
        from sklearn.feature_extraction.text import CountVectorizer

        vectorizer = CountVectorizer(token_pattern=TOKEN, min_df=min_sentences).fit(texts)
        self.split = vectorizer.build_analyzer()
        self.symbols = {word: 1 + i for i, word in enumerate(vectorizer.get_feature_names_out())}

    def __len__(self) -> int:
        return 1 + len(self.symbols)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[self.symbols.get(word, UNKNOWN) for word in self.split(text)] or [UNKNOWN] for text in texts]


def pad(sentences: Sequence[Sequence[int]], labels: Sequence[int]) -> Sentences:
    n_words = torch.tensor([len(one) for one in sentences])
    words = torch.full((len(sentences), int(n_words.max())), UNKNOWN)
    for row, one in zip(words, sentences, strict=True):
        row[: len(one)] = torch.tensor(one)
    return Sentences(words, n_words, torch.tensor(labels, dtype=torch.float64))


@dataclass(frozen=True)
class Sentiment:
    """The reader of reader.py on the words of the training split.

    About 2 400 sentences are few, so dropout is strong: of words (``word_dropout``), and of parts of their vectors and
    of the GRU's output (``dropout``).
    """

    n_embedding: int
    n_units: int
    min_sentences: int
    rate: float
    weight_decay: float
    largest_norm: float
    word_dropout: float
    dropout: float
    batch_size: int
    n_epochs: int
    test_part: float

    def __post_init__(self) -> None:
        require(self, "count", "n_embedding", "n_units", "min_sentences", "batch_size", "n_epochs")
        require(self, "positive", "rate", "largest_norm")
        require(self, "part", "weight_decay", "word_dropout", "dropout")
        require(self, "split", "test_part")

    @torch.no_grad()
    def run(self, place: Place) -> Result:
        rows: dict[Row, None] = {}
        paths = find(SOURCE, place)
        for path in paths:
            rows |= dict.fromkeys(read_rows(path, LABELS, label_first=False))
        require_enough(list(rows), LABELS, paths[0].parent)
        found = [self.train(list(rows), seed, place) for seed in place.seeds]
        return Result("correctly labelled sentences", "%", found, {"n_sentences": len(rows)})

    def train(self, rows: list[Row], seed: int, place: Place) -> SeedResult:
        """Train with ``seed``. The first seed draws the picture."""
        from sklearn.feature_extraction.text import CountVectorizer

        parts = split(rows, [row.label for row in rows], self.test_part, seed)
        (train_texts, train_labels), (texts, labels) = (zip(*part, strict=True) for part in parts)
        start = time.perf_counter()
        with blamed(f"min_sentences={self.min_sentences}"):
            vocabulary = Vocabulary(train_texts, self.min_sentences)
        train = pad(vocabulary.encode(train_texts), train_labels)
        test = pad(vocabulary.encode(texts), labels)
        generator = torch.Generator().manual_seed(seed)
        network = Reader(len(vocabulary), self.n_embedding, self.n_units, generator)
        few = train.at(torch.arange(16))
        error = check_gradients(network, BinaryCrossEntropy, self.masked(few, generator), few.labels)
        state: State = {}
        curve = []
        with place.log(seed) as log:
            for epoch in tqdm(range(self.n_epochs), desc=f"sentiment, seed {seed}", unit="epoch"):
                losses = []
                rate = falling(self.rate, epoch / self.n_epochs)
                for chosen in batches(len(train_texts), self.batch_size, generator):
                    batch = train.at(chosen)
                    inputs = self.masked(batch, generator)
                    loss, grads = loss_and_grads(network, BinaryCrossEntropy, inputs, batch.labels)
                    clip_norm(grads, self.largest_norm)
                    adamw(network.parameters, grads, state, rate, weight_decay=self.weight_decay)
                    losses.append(loss)
                sums, _ = network.forward(test.words, test.n_words)
                curve.append(float(((sums > 0) == (test.labels > 0)).double().mean()))
                log.add_scalar("loss/train", float(np.mean(losses)), epoch)
                log.add_scalar("right/test", curve[-1], epoch)
        seconds = time.perf_counter() - start

        bags = CountVectorizer(token_pattern=TOKEN, binary=True)
        baseline = logistic_regression(bags.fit_transform(train_texts), train_labels, "accuracy")
        figures = {
            "network, gradients by hand": curve[-1],
            "logistic regression, bag of words": float(baseline.score(bags.transform(texts), labels)),
        }
        if seed == place.seeds[0]:
            place.save(draw(network, vocabulary, texts, test.labels, sums, curve, list(figures.values())[1]))
        return SeedResult(seed, figures, error, seconds)

    def masked(self, sentences: Sentences, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The arguments of Reader.forward for a training step: words, some masked at random, and two dropout masks."""
        words, n_words = sentences.words, sentences.n_words
        covered = torch.rand(words.shape, generator=generator) < self.word_dropout
        mask_vectors = dropout_mask((*words.shape, self.n_embedding), self.dropout, generator)
        mask_read = dropout_mask((len(words), 2 * self.n_units), self.dropout, generator)
        return words.masked_fill(covered, UNKNOWN), n_words, mask_vectors, mask_read


def verdicts(network: Reader, vocabulary: Vocabulary, text: str) -> tuple[list[str], NDArray[np.float64]]:
    """The words of ``text``, and p(praise) after each word, computed from the words so far only."""
    words, (symbols,) = vocabulary.split(text), vocabulary.encode([text])
    begun = pad([symbols[: i + 1] for i in range(len(symbols))], [0] * len(symbols))
    return words, torch.sigmoid(network.forward(begun.words, begun.n_words)[0]).numpy()


def draw(
    network: Reader,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    labels: Tensor,
    sums: Tensor,
    curve: Sequence[float],
    baseline: float,
) -> Figure:
    """How the verdict on sentences of the test split changes from word to word; a histogram of all sums; accuracy by
    epoch.
    """
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[1.35, 1])
    above, below = halves
    draw_sentences(above.subplots(), network, vocabulary, texts, labels, sums)
    left, right = below.subplots(1, 2)
    bins = np.linspace(float(sums.min()), float(sums.max()), 40)
    for label, name, colour in ((0, "complaint", "#b3261e"), (1, "praise", "#1a5fb4")):
        left.hist(sums[labels == label].numpy(), bins=bins, label=name, color=colour, alpha=0.6)
    left.axvline(0, color="black", linewidth=0.6)
    left.set_xlabel("sum (above 0: classified as praise)")
    left.set_ylabel("sentences")
    left.set_title(f"{len(labels)} unseen sentences", fontsize=10)
    left.legend(fontsize=8)
    right.plot(range(1, len(curve) + 1), [100 * value for value in curve], color="#1a5fb4", label="network")
    right.axhline(100 * baseline, color="#888888", linestyle="--", label="logistic regression, bag of words")
    right.set_xlabel("epoch")
    right.set_ylabel("% labelled correctly")
    right.set_title("Learning", fontsize=10)
    right.legend(fontsize=8, loc="lower right")
    return figure


def draw_sentences(
    axes: Axes, network: Reader, vocabulary: Vocabulary, texts: Sequence[str], labels: Tensor, sums: Tensor
) -> None:
    """Draw the sentences whose verdict changes most as they are read: praise, complaints, and misclassified ones."""
    found = []
    for i, text in enumerate(texts):
        words, praise_after = verdicts(network, vocabulary, text)
        if len(words) >= 4 and len(" ".join(words)) <= LONGEST_SHOWN:
            right = bool((sums[i] > 0) == (labels[i] > 0))
            swing = float(2 * np.ptp(praise_after) - np.abs(np.diff(praise_after)).sum())  # large, and in one direction
            found.append((right, swing, words, praise_after, int(labels[i])))
    found.sort(key=lambda one: one[1], reverse=True)
    praise, complaint = ([one for one in found if one[0] and one[4] == label] for label in (1, 0))
    wrong, third = [one for one in found if not one[0]], N_SHOWN // 3
    shown = praise[:third] + complaint[:third] + wrong[:third]
    axes.set_axis_off()
    axes.set_xlim(0, LONGEST_SHOWN + 18)
    axes.set_ylim(len(shown), 0)
    for row, (right, _, words, praise_after, label) in enumerate(shown):
        column = 0
        for word, p in zip(words, praise_after, strict=True):
            colour = matplotlib.colormaps["RdBu"](0.5 + 0.65 * (p - 0.5))
            box = {"boxstyle": "square,pad=0.15", "facecolor": colour, "edgecolor": "none"}
            axes.text(column + 0.5, row + 0.5, word, family="monospace", fontsize=10.5, va="center", bbox=box)
            column += len(word) + 1
        meant = "praise" if label else "complaint"
        axes.text(LONGEST_SHOWN + 3, row + 0.5, f"is {meant}", va="center", fontsize=9)
        told, colour = ("correct", "#0a7a32") if right else ("wrong", "#b3261e")
        axes.text(LONGEST_SHOWN + 11, row + 0.5, told, va="center", fontsize=9, color=colour)
    axes.set_title("The verdict after each word (blue: praise, red: complaint), where it changes most", fontsize=10)
