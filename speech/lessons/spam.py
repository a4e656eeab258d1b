"""Spam or not: 5 574 text messages as bags of words, the SMS Spam Collection (Almeida, Hidalgo and Yamakami 2011)."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from speech.backprop.activations import Tanh
from speech.backprop.losses import BinaryCrossEntropy
from speech.backprop.optimizers import State, adamw
from speech.lessons.baseline import logistic_regression
from speech.lessons.data import File, Row, Source, find, read_rows, require_enough, split
from speech.lessons.mlp import Mlp
from speech.lessons.network import batches, check_gradients, dropout_mask, loss_and_grads
from speech.lessons.result import Place, Result, SeedResult
from speech.lessons.settings import blamed, require

SOURCE = Source(
    "https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip",
    [File("sms_spam.tsv", "SMSSpamCollection", "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d")],
)
LABELS = ("ham", "spam")
N_WORDS = 15  # of each kind, in the picture
HAM, SPAM = "#1a5fb4", "#b3261e"
TOKEN = r"\w+|[£$!?]"  # words, and the symbols typical of advertisements


def vectorizer(min_messages: int) -> Any:
    """A binary bag-of-words vectoriser. Every digit is read as 0, so that only the length of a number matters."""
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(preprocessor=fold, token_pattern=TOKEN, binary=True, min_df=min_messages)


def fold(text: str) -> str:
    return re.sub(r"\d", "0", text.lower())


@dataclass(frozen=True)
class Spam:
    """The words of a message -> ``n_hidden`` tanh units -> one sum, above 0 for spam.

    In training, ``word_dropout`` hides words at random, so that the network learns to detect spam by any of its words.
    """

    n_hidden: int
    rate: float
    weight_decay: float
    word_dropout: float
    dropout: float
    min_messages: int
    batch_size: int
    n_epochs: int
    test_part: float

    def __post_init__(self) -> None:
        require(self, "count", "n_hidden", "min_messages", "batch_size", "n_epochs")
        require(self, "positive", "rate")
        require(self, "part", "weight_decay", "word_dropout", "dropout")
        require(self, "split", "test_part")

    @torch.no_grad()
    def run(self, place: Place) -> Result:
        (path,) = find(SOURCE, place)
        rows = read_rows(path, LABELS, label_first=True)
        require_enough(rows, LABELS, path)
        found = [self.train(rows, seed, place) for seed in place.seeds]
        facts = {"n_messages": len(rows), "n_spam": sum(row.label for row in rows)}
        return Result("F1 of spam", "%", found, facts)

    def train(self, rows: list[Row], seed: int, place: Place) -> SeedResult:
        """The vocabulary is that of the training split. The first seed draws the picture."""
        from sklearn.metrics import f1_score

        train, test = split(rows, [row.label for row in rows], self.test_part, seed)
        start = time.perf_counter()
        words = vectorizer(self.min_messages)
        with blamed(f"min_messages={self.min_messages}"):
            bags = words.fit_transform([row.text for row in train]), words.transform([row.text for row in test])
        x, x_test = (torch.from_numpy(bag.toarray()).double() for bag in bags)
        y, y_test = (torch.tensor([row.label for row in part], dtype=torch.float64) for part in (train, test))

        generator = torch.Generator().manual_seed(seed)
        network = Mlp(x.shape[1], self.n_hidden, 1, Tanh, generator)
        error = check_gradients(network, BinaryCrossEntropy, self.masked(x[:64], generator), y[:64])
        state: State = {}
        with place.log(seed) as log:
            for epoch in tqdm(range(self.n_epochs), desc=f"spam, seed {seed}", unit="epoch"):
                losses = []
                for chosen in batches(len(x), self.batch_size, generator):
                    inputs = self.masked(x[chosen], generator)
                    loss, grads = loss_and_grads(network, BinaryCrossEntropy, inputs, y[chosen])
                    adamw(network.parameters, grads, state, self.rate, weight_decay=self.weight_decay)
                    losses.append(loss)
                logits, _ = network.forward(x_test)
                log.add_scalar("loss/train", float(np.mean(losses)), epoch)
                log.add_scalar("loss/test", float(BinaryCrossEntropy.forward(logits, y_test)[0]), epoch)
                log.add_scalar("f1/test", float(f1_score(y_test.numpy(), (logits > 0).numpy())), epoch)
        seconds = time.perf_counter() - start

        baseline = logistic_regression(bags[0], y.numpy(), "f1")
        if seed == place.seeds[0]:
            alone = torch.cat([torch.zeros(1, x.shape[1]), torch.eye(x.shape[1])]).double()
            sums, _ = network.forward(alone)  # for no word, and for each word alone
            others = baseline.decision_function(bags[1])
            place.save(draw(y_test, logits, others, words.get_feature_names_out(), sums[1:] - sums[0]))
        figures = {
            "network, gradients by hand": float(f1_score(y_test.numpy(), (logits > 0).numpy())),
            "logistic regression, the same words": float(f1_score(y_test.numpy(), baseline.predict(bags[1]))),
        }
        return SeedResult(seed, figures, error, seconds)

    def masked(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """``x``, and random dropout masks for one step."""
        mask_x = dropout_mask(tuple(x.shape), self.word_dropout, generator)
        return x, mask_x, dropout_mask((len(x), self.n_hidden), self.dropout, generator)


def draw(y: Tensor, logits: Tensor, baseline: Any, words: Any, moves: Tensor) -> Figure:
    """The words that change the sum most; the sums of the test split's messages; precision and recall.

    ``moves`` is how much each word alone changes the network's sum, ``baseline`` the logistic regression's sums.
    """
    from sklearn.metrics import precision_recall_curve

    figure = Figure(figsize=(9, 5.6), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=[1, 1.25])
    left, right = halves
    axes = left.subplots()
    order = torch.argsort(moves)
    shown = torch.cat([order[:N_WORDS], order[-N_WORDS:]]).tolist()
    axes.barh(range(len(shown)), moves[shown], color=[HAM if moves[i] < 0 else SPAM for i in shown])
    axes.set_yticks(range(len(shown)), [words[i] for i in shown], fontsize=8)
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_xlabel("change of the sum by the word alone (right: spam)")
    axes.set_title("The words with the largest influence (0 stands for any digit)", fontsize=10)

    above, below = right.subplots(2, 1)
    bins = np.linspace(float(logits.min()), float(logits.max()), 50)
    for label, name, colour in ((0, "ham", HAM), (1, "spam", SPAM)):
        above.hist(logits[y == label].numpy(), bins=bins, label=name, color=colour, alpha=0.7)
    above.axvline(0, color="black", linewidth=0.6)
    above.set_yscale("log")
    above.set_xlabel("sum (above 0: classified as spam)")
    above.set_ylabel("messages")
    wrong = int(((logits > 0).double() != y).sum())
    above.set_title(f"{len(y)} unseen messages, {wrong} misclassified", fontsize=10)
    above.legend()
    curves = (("network", logits.numpy(), SPAM, "-"), ("logistic regression", baseline, "#555555", "--"))
    for name, sums, colour, line in curves:
        precision, recall, _ = precision_recall_curve(y.numpy(), sums)
        below.plot(100 * recall, 100 * precision, line, color=colour, label=name)
    below.set_xlim(79.5, 100.5)
    below.set_ylim(79.5, 100.5)
    below.set_xlabel("recall: % of the spam that is found")
    below.set_ylabel("precision: % spam\nof what is classified as it", fontsize=9)
    below.set_title("At every threshold", fontsize=10)
    below.legend(loc="lower left")
    return figure
