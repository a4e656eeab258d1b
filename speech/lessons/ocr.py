"""Reading digits: scikit-learn's 1 797 handwritten digits of 8 x 8 pixels, a sigmoid network and gradient descent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from speech.backprop.activations import Sigmoid
from speech.backprop.losses import SoftmaxCrossEntropy
from speech.backprop.optimizers import sgd
from speech.lessons.baseline import logistic_regression
from speech.lessons.data import split
from speech.lessons.mlp import Mlp
from speech.lessons.network import batches, check_gradients, loss_and_grads
from speech.lessons.result import Place, Result, SeedResult
from speech.lessons.settings import require

N_CLASSES = 10


@dataclass(frozen=True)
class Ocr:
    """64 pixels -> ``n_hidden`` sigmoid units -> 10 sums, the largest of which is the predicted digit."""

    n_hidden: int
    rate: float
    batch_size: int
    n_epochs: int
    test_part: float

    def __post_init__(self) -> None:
        require(self, "count", "n_hidden", "batch_size", "n_epochs")
        require(self, "positive", "rate")
        require(self, "split", "test_part")

    @torch.no_grad()
    def run(self, place: Place) -> Result:
        from sklearn.datasets import load_digits

        digits = load_digits()
        x, y = torch.from_numpy(digits.data / digits.data.max()), torch.from_numpy(digits.target)
        found = [self.train(x, y, seed, place) for seed in place.seeds]
        return Result("correctly read digits", "%", found, {"n_digits": len(x)})

    def train(self, x: Tensor, y: Tensor, seed: int, place: Place) -> SeedResult:
        """Pixels ``(n, 64)`` from 0 to 1, digits ``(n,)``. The first seed draws the picture."""
        train, test = map(torch.tensor, split(range(len(x)), y.tolist(), self.test_part, seed))
        start = time.perf_counter()
        generator = torch.Generator().manual_seed(seed)
        network = Mlp(x.shape[1], self.n_hidden, N_CLASSES, Sigmoid, generator)
        error = check_gradients(network, SoftmaxCrossEntropy, (x[train[:16]],), y[train[:16]])
        curve = []
        with place.log(seed) as log:
            for epoch in tqdm(range(self.n_epochs), desc=f"ocr, seed {seed}", unit="epoch"):
                losses = []
                for rows in batches(len(train), self.batch_size, generator):
                    inputs, targets = x[train[rows]], y[train[rows]]
                    loss, grads = loss_and_grads(network, SoftmaxCrossEntropy, (inputs,), targets)
                    sgd(network.parameters, grads, self.rate)
                    losses.append(loss)
                right = [float((network.forward(x[r])[0].argmax(1) == y[r]).double().mean()) for r in (train, test)]
                curve.append(right)
                log.add_scalar("loss/train", fmean(losses), epoch)
                log.add_scalar("right/train", right[0], epoch)
                log.add_scalar("right/test", right[1], epoch)
        seconds = time.perf_counter() - start
        baseline = logistic_regression(x[train].numpy(), y[train].numpy(), "accuracy")
        if seed == place.seeds[0]:
            read = network.forward(x[test])[0].argmax(1)
            place.save(draw(x[test], y[test], read, network.parameters["hidden.weight"], curve))
        figures = {
            "network, gradients by hand": curve[-1][1],
            "logistic regression, the same pixels": float(baseline.score(x[test].numpy(), y[test].numpy())),
        }
        return SeedResult(seed, figures, error, seconds)


def draw(x: Tensor, ref: Tensor, read: Tensor, weights: Tensor, curve: list[Any]) -> Figure:
    """Digits of the test split, misread ones first; the weights of hidden units; accuracy by epoch."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=[1.15, 1])
    left, right = halves
    left.suptitle(f"Unseen digits: {int((ref != read).sum())} of {len(x)} misread (red, shown first)", fontsize=11)
    order = torch.argsort((ref == read).long(), stable=True).tolist()
    for axes, row in zip(left.subplots(7, 7).flat, order, strict=False):
        axes.imshow(x[row].reshape(8, 8), cmap="gray_r")
        wrong = ref[row] != read[row]
        title = f"{read[row]}, is {ref[row]}" if wrong else str(int(read[row]))
        axes.set_title(title, fontsize=8, color="#b3261e" if wrong else "#0a7a32", pad=2)
        axes.set_axis_off()
    above, below = right.subfigures(2, 1, height_ratios=[1, 1.05])
    axes = above.subplots()
    for values, name, colour in zip(
        zip(*curve, strict=True), ("training", "unseen"), ("#888888", "#1a5fb4"), strict=True
    ):
        axes.plot(range(1, len(curve) + 1), [100 * value for value in values], label=name, color=colour)
    axes.set_ylim(80, 100.5)
    axes.set_xlabel("epoch")
    axes.set_ylabel("% read correctly")
    axes.set_title("Learning", fontsize=11)
    axes.legend(loc="lower right")
    below.suptitle("Weights of 18 hidden units: blue wants ink, red paper", fontsize=11)
    largest = float(weights[:18].abs().max())
    for axes, unit in zip(below.subplots(3, 6).flat, weights, strict=False):
        axes.imshow(unit.reshape(8, 8), cmap="RdBu", vmin=-largest, vmax=largest)
        axes.set_axis_off()
    return figure
