"""The second part of ``make bench``: the cost of hand-written gradients and of autograd's, one JSON object per line.

Two threads, float32. Each comparison alternates between its candidates, within this one process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from benchlib.figures import show
from benchlib.timing import Action, median_seconds, ratio, side_by_side
from torch import Tensor, nn

from speech.backprop.activations import LogSoftmax
from speech.backprop.ctc import Ctc
from speech.backprop.gru import Gru
from speech.config.compose import compose, plain
from speech.config.objects import instantiate
from speech.data.dataset import Batch
from speech.model.ctc_loss import ctc_loss
from speech.model.recognizer import PARTS, Recognizer

N_FRAMES, BATCH, N_UNITS = 50, 64, 128
GROWTH = [(n_frames, BATCH) for n_frames in (25, 50, 100, 200, 400, 800)] + [(N_FRAMES, n) for n in (8, 32, 128, 256)]


def compare(name: str, actions: Mapping[str, Action], aims: Mapping[str, str]) -> None:
    """Show the time of the first of ``actions``, and how many times longer each of ``aims`` (name -> aim) takes."""
    times = side_by_side(actions)
    ours = next(iter(times.values()))
    for other, aim in aims.items():
        than = f"{other}: {1000 * np.median(times[other]):.2f} ms; {aim}"
        show(name, float(np.median(ours)), "s", than, *ratio(times[other], ours))


def gru() -> None:
    torch.manual_seed(0)
    layer = nn.GRU(N_UNITS, N_UNITS, batch_first=True)
    weights: Any = [p.detach() for p in layer.all_weights[0]]
    x, grad = torch.randn(BATCH, N_FRAMES, N_UNITS, requires_grad=True), torch.randn(BATCH, N_FRAMES, N_UNITS)
    n_frames = torch.full((BATCH,), N_FRAMES)

    def packed() -> None:
        outputs, _ = layer(nn.utils.rnn.pack_padded_sequence(x, n_frames, batch_first=True))
        nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)[0].backward(grad)

    @torch.no_grad()
    def manual() -> None:
        _, saved = Gru.forward(x, *weights)
        Gru.backward(saved, grad)

    actions = {"manual": manual, "nn.GRU, packed": packed, "nn.GRU, unpacked": lambda: layer(x)[0].backward(grad)}
    compare("gru_manual", actions, {"nn.GRU, packed": "at least 2x", "nn.GRU, unpacked": "at least 1.2x"})


def ctc() -> None:
    torch.manual_seed(0)
    logits = torch.randn(BATCH, N_FRAMES, 29, requires_grad=True)
    n_frames, n_letters = torch.full((BATCH,), N_FRAMES), torch.randint(3, 12, (BATCH,))
    targets = torch.randint(1, 29, (BATCH, 11))

    def autograd() -> None:
        torch.autograd.grad(ctc_loss(logits, n_frames, targets, n_letters).sum(), logits)

    @torch.no_grad()
    def manual() -> None:
        log_probs, softmax = LogSoftmax.forward(logits)
        losses, saved = Ctc.forward(log_probs, n_frames, targets, n_letters)
        LogSoftmax.backward(softmax, Ctc.backward(saved, torch.ones_like(losses))[0])

    actions = {"manual": manual, "torch.nn.functional.ctc_loss": autograd}
    compare("ctc_manual", actions, {"torch.nn.functional.ctc_loss": "at least 0.2x (within 5x)"})


def clips() -> Batch:
    """A batch of noise clips as long as spoken names."""
    generator = torch.Generator().manual_seed(0)
    n_samples = torch.randint(8_500, 9_601, (BATCH,), generator=generator)
    waveforms = 0.1 * torch.randn(BATCH, 9_600, generator=generator) * (torch.arange(9_600) < n_samples[:, None])
    targets = torch.randint(1, 27, (BATCH, 7), generator=generator)
    return Batch(waveforms, n_samples, targets, torch.full((BATCH,), 7), [], [], [])


def step(*overrides: str) -> Action:
    """A training step of the config with ``overrides``: forward pass, gradients, clipping and update."""
    torch.manual_seed(0)
    config, batch = compose("train", list(overrides)), clips()
    recognizer = Recognizer({part: plain(config[part]) for part in PARTS}).train()
    gradients, optimizer = instantiate(config.gradients), instantiate(config.optimizer)(recognizer.parameters())

    def act() -> None:
        optimizer.zero_grad()
        gradients.backward(gradients.forward(recognizer, batch).loss)
        gradients.clip(recognizer.parameters(), 5.0)
        optimizer.step()

    return act


def training() -> None:
    for gradients, optimizer, encoder in (
        ("manual", "adamw_manual", "gru"),
        ("hybrid", "adamw", "gru"),
        ("hybrid", "adamw", "lstm"),
    ):
        ours, autograd = f"gradients={gradients} encoder={encoder}", f"gradients=torch encoder={encoder}"
        actions = {
            ours: step(f"gradients={gradients}", f"optimizer={optimizer}", f"encoder={encoder}"),
            autograd: step("gradients=torch", "optimizer=adamw", f"encoder={encoder}"),
        }
        compare(f"training_step ({ours})", actions, {autograd: "at least 1x"})


def tensors(saved: Any) -> Iterator[Tensor]:
    for one in saved:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, tuple):
            yield from tensors(one)


@torch.no_grad()
def growth() -> None:
    """Time and memory per clip and frame over a range of both: constant if the cost is linear."""
    weights: Any = [p.detach() for p in nn.GRU(N_UNITS, N_UNITS).all_weights[0]]
    for n_frames, batch in GROWTH:
        x, grad = torch.randn(batch, n_frames, N_UNITS), torch.randn(batch, n_frames, N_UNITS)
        storages = [saved.untyped_storage() for saved in tensors(Gru.forward(x, *weights)[1])]
        n_bytes = sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())

        def act(x: Tensor = x, grad: Tensor = grad) -> None:
            Gru.backward(Gru.forward(x, *weights)[1], grad)

        name, cells = f"gru_manual, {n_frames} frames x {batch} clips", n_frames * batch
        show(name, 1e6 * median_seconds(act, n=7) / cells, "us a frame", "flat where it is linear")
        show(f"{name}, saved", n_bytes / cells, "bytes a frame", "the same")


def main() -> None:
    torch.set_num_threads(2)
    gru()
    ctc()
    training()
    growth()


if __name__ == "__main__":
    main()
