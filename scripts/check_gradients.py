"""``python scripts/check_gradients.py [encoder=lstm] [frontend=mfcc_delta] ...``: is every hand-written gradient right?

First it checks each operation on a small example, then the whole recogniser on spoken names, from the waveform to the
loss, with each encoder of conf/encoder or the given one. It takes the overrides of ``python -m speech.train``. Each
gradient is compared with autograd's, and with central differences, (L(w + h) - L(w - h)) / 2h, at a few positions. The
exit status is 1 if any gradient is wrong.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from speech.backprop import recognizer as by_hand
from speech.backprop.chain import Chain
from speech.backprop.check import compare_with_differences, relative_error
from speech.backprop.examples import RECURRENT, Example, examples
from speech.backprop.recurrent import CELLS, Layer
from speech.config import command, compose, tree
from speech.config.check import check_overrides
from speech.data.dataset import Batch
from speech.data.samplers import Step
from speech.model.recognizer import PARTS, Recognizer
from speech.training.corpora import make_data
from speech.training.loss import loss_of, texts

AUTOGRAD, DIFFERENCES = 1e-10, 1e-5  # the largest relative errors allowed, in float64
N_CLIPS, N_POSITIONS = 4, 2
WAVEFORM_STEP = 1e-8  # for central differences: the log of a quiet band is linear only within a few 1e-6 of a sample
TINY = ["corpus.names=[Martin,Mark,Ellen]", "corpus.n_train=2", "corpus.n_val=1", "corpus.n_test=1"]


class Row(NamedTuple):
    """One gradient; ``autograd`` and ``differences`` are relative errors, the latter None if not computed."""

    name: str
    shape: tuple[int, ...]
    largest: float
    autograd: float
    differences: float | None

    @property
    def is_right(self) -> bool:
        return self.autograd <= AUTOGRAD and (self.differences is None or self.differences <= DIFFERENCES)


def rows_of(ours: dict[str, Tensor], theirs: dict[str, Tensor], differences: dict[str, float]) -> Iterator[Row]:
    for name, grad in ours.items():
        error = relative_error(grad, theirs[name])
        yield Row(name, tuple(grad.shape), float(grad.abs().max()), error, differences.get(name))


def autograds(loss: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The derivative of ``loss`` with respect to each of ``tensors``."""
    return dict(zip(tensors, torch.autograd.grad(loss, list(tensors.values())), strict=True))


class TorchCell:
    """torch's own layer in place of a hand-written one, so that autograd can record the steps around it."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def forward(self, x: Tensor, *weights: Tensor) -> tuple[Tensor, tuple[()]]:
        layer = self.make(x.shape[2], weights[1].shape[1], batch_first=True)
        named = dict(zip([name for name, _ in layer.named_parameters()], weights, strict=True))
        return torch.func.functional_call(layer, named, (x,))[0], ()


TORCHS = {CELLS["rnn"]: TorchCell(nn.RNN), CELLS["gru"]: TorchCell(nn.GRU), CELLS["lstm"]: TorchCell(nn.LSTM)}


def of_operation(example: Example) -> Iterator[Row]:
    """The gradients of an operation's inputs; L is a sum of its outputs with random weights."""
    operation, inputs = example.operation, example.inputs
    asked = {name: inputs[name] for name in example.asked}
    output, saved = operation.forward(*inputs.values())
    weights = torch.randn(output.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    grads = dict(zip(inputs, operation.backward(saved, weights), strict=True))

    leaves = {name: x.clone().requires_grad_() for name, x in asked.items()}
    recorded, torchs = operation, {}
    if operation in RECURRENT:
        recorded = TORCHS.get(operation, Layer)
        torchs = {"cell": TORCHS[inputs["cell"]]} if "cell" in inputs else {}
    expected, _ = recorded.forward(*(inputs | leaves | torchs).values())
    theirs = autograds((expected * weights).sum(), leaves)

    def loss() -> Tensor:
        return (operation.forward(*inputs.values())[0] * weights).sum()

    differences = {one.name: one.error for one in compare_with_differences(loss, asked, grads)}
    for row in rows_of({name: grads[name] for name in asked}, theirs, differences):
        yield row._replace(name=f"{example.name}: {row.name}")


def make_recognizer(config: DictConfig) -> Recognizer:
    """A float64 recogniser in evaluation mode (no dropout), with the same random weights for the same config."""
    torch.manual_seed(config.seed)
    nodes: Any = OmegaConf.to_container(OmegaConf.masked_copy(config, list(PARTS)), resolve=True)
    return Recognizer({part: nodes[part] for part in PARTS}).double().eval()


def read_batch(config: DictConfig) -> Batch:
    """A few clips of the corpus's training split, in float64."""
    dataset = make_data(config, make_recognizer(config)).split("train")
    batch = dataset[Step(0, 0, list(range(min(N_CLIPS, len(dataset)))))]
    return batch._replace(waveforms=batch.waveforms.double())


def by_autograd(recognizer: Recognizer, batch: Batch) -> dict[str, Tensor]:
    """The gradient of each parameter and of the waveforms, through the recogniser's own forward pass."""
    waveforms = batch.waveforms.clone().requires_grad_()
    loss = loss_of(recognizer, batch._replace(waveforms=waveforms)).loss
    return autograds(loss, dict(recognizer.named_parameters()) | {"waveforms": waveforms})


def chain_of(recognizer: Recognizer, batch: Batch, cell: str) -> tuple[Chain, Tensor]:
    """The hand-written recogniser with ``cell``, and its loss."""
    geometry, parameters = replace(recognizer.geometry(), cell=cell), dict(recognizer.named_parameters())
    chain, n_frames = by_hand.forward(geometry, parameters, batch.waveforms, batch.n_samples)
    return chain, by_hand.add_loss(chain, n_frames, texts(batch), recognizer.n_symbols)


def of_steps(recognizer: Recognizer, batch: Batch) -> tuple[dict[str, Tensor], list[Row]]:
    """The hand-written gradients of parameters and waveforms, and the rows for each step's output."""
    cell = recognizer.encoder.cell
    with torch.no_grad():
        chain, loss = chain_of(recognizer, batch, cell)
        grads, of_values = chain.backward(torch.ones_like(loss))
    grads["waveforms"] = of_values.pop("input")
    CELLS["torch's"] = TORCHS[CELLS[cell]]
    batch = batch._replace(waveforms=batch.waveforms.clone().requires_grad_())
    recorded, loss = chain_of(recognizer, batch, "torch's")
    return grads, list(rows_of(of_values, autograds(loss, recorded.values), {}))


def of_recognizer(config: DictConfig, batch: Batch) -> Iterator[Row]:
    """The gradients of the recogniser of ``config``: of the steps' outputs, of parameters and of the waveforms."""
    recognizer = make_recognizer(config)
    ours, rows = of_steps(recognizer, batch)
    yield from rows
    theirs = by_autograd(recognizer, batch)
    recognizer.encoder.manual_recurrent = True  # as gradients=hybrid does
    for row in rows_of(by_autograd(recognizer, batch), theirs, {}):
        yield row._replace(name=f"{row.name}, hybrid")
    recognizer.encoder.manual_recurrent = False

    @torch.no_grad()
    def loss() -> Tensor:
        return loss_of(recognizer, batch).loss

    tensors = {name: parameter.detach() for name, parameter in recognizer.named_parameters()}
    compared = compare_with_differences(loss, tensors, ours, N_POSITIONS)
    compared += compare_with_differences(loss, {"waveforms": batch.waveforms}, ours, N_POSITIONS, step=WAVEFORM_STEP)
    yield from rows_of(ours, theirs, {one.name: one.error for one in compared})


def show(title: str, rows: Iterable[Row]) -> list[Row]:
    """Print the table of ``rows``; returns them with the table's title in their names."""
    print(f"\n{title}")
    print(f"  {'gradient of':<44} {'shape':<14} {'largest':>8} {'autograd':>9} {'differences':>11}")
    shown = []
    for row in rows:
        differences = "-" if row.differences is None else f"{row.differences:.0e}"
        shape = " x ".join(map(str, row.shape)) or "1"
        line = f"  {row.name:<44} {shape:<14} {row.largest:>8.1e} {row.autograd:>9.0e} {differences:>11}"
        print(f"{line}  {'ok' if row.is_right else 'MISS'}", flush=True)
        shown.append(row._replace(name=f"{row.name} ({title.split(':')[0]})"))
    return shown


def check(arguments: list[str]) -> int:
    """Print every gradient and its error; returns how many are wrong."""
    check_overrides("train", arguments)  # before anything else
    print("Errors of the hand-written gradients against autograd's and against central differences: the largest")
    print(f"difference over the largest value. Tolerances: {AUTOGRAD:.0e} and {DIFFERENCES:.0e}; in float64.")
    of_operations = (row for example in examples() for row in of_operation(example))
    rows = show("operations: each on its own small example", of_operations)

    encoders = [f"encoder={path.stem}" for path in sorted((tree.CONF / "encoder").glob("*.yaml"))]
    chosen = [argument for argument in arguments if argument.startswith("encoder=")]
    corpus = [] if any(argument.startswith("corpus") for argument in arguments) else TINY
    with tempfile.TemporaryDirectory() as folder:
        common = ["augment=none", "encoder.n_units=16", f"cache_dir={folder}", *corpus]
        common += [argument for argument in arguments if argument not in chosen]
        batch = read_batch(compose.compose("train", common))
    for encoder in chosen or encoders:
        title = f"{encoder}: the loss of {len(batch.texts)} clips, {', '.join(batch.texts)}"
        rows += show(title, of_recognizer(compose.compose("train", [encoder, *common]), batch))

    misses = [row for row in rows if not row.is_right]
    worst = max(rows, key=lambda row: row.autograd)
    coarsest = max(rows, key=lambda row: row.differences or 0.0)
    print(f"\n{len(rows)} gradients, {len(misses)} wrong; the worst errors:")
    print(f"{worst.autograd:.0e} against autograd, {worst.name}")
    print(f"{coarsest.differences:.0e} against central differences, {coarsest.name}")
    return len(misses)


def main() -> None:
    if {"-h", "--help"} & set(sys.argv):
        print(__doc__)
    else:
        command.explained(lambda: sys.exit(check(sys.argv[1:]) > 0))


if __name__ == "__main__":
    main()
