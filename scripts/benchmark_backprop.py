"""The second part of ``make bench``: what gradients by hand cost beside autograd's, one JSON object a line.

Two threads, float32. Each comparison takes its rounds in turns, within this one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from benchmark import show
from paired import ratio, side_by_side
from torch import Tensor, nn

from speech.backprop.activations import LogSoftmax
from speech.backprop.ctc import Ctc
from speech.backprop.gru import Gru
from speech.data.dataset import Batch
from speech.model.ctc_loss import ctc_loss
from speech.model.recognizer import Recognizer
from speech.training.adamw import AdamW
from speech.training.autograd import Autograd
from speech.training.manual import ByHand

N_FRAMES, BATCH, N_UNITS = 50, 64, 128
PARTS = {
    "alphabet": "abcdefghijklmnopqrstuvwxyz' ",
    "frontend": {"_target_": "speech.model.frontend.FrontEnd"},
    "decoder": {"_target_": "speech.inference.decode.Greedy"},
}


def compare(name: str, ours: str, actions: dict[str, Any], bars: dict[str, str]) -> None:
    """Show the time of ``ours``, and how many times longer each of ``bars`` (name -> what is asked) takes."""
    times = side_by_side(actions)
    for other, asked in bars.items():
        factor, interval = ratio(times[other], times[ours])
        than = f"{other}: {1000 * np.median(times[other]):.2f} ms; {asked}"
        show(name, float(np.median(times[ours])), "s", than, factor, interval)


def gru() -> None:
    torch.manual_seed(0)
    layer = nn.GRU(N_UNITS, N_UNITS, batch_first=True)
    weights: Any = [p.detach() for p in layer.all_weights[0]]
    x, grad = torch.randn(BATCH, N_FRAMES, N_UNITS, requires_grad=True), torch.randn(BATCH, N_FRAMES, N_UNITS)
    uneven = torch.randint(N_FRAMES // 2, N_FRAMES + 1, (BATCH,)).sort(descending=True).values
    uneven[0] = N_FRAMES

    def packed(lengths: Tensor) -> None:
        outputs, _ = layer(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True))
        nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)[0].backward(grad)

    def unpacked() -> None:
        layer(x)[0].backward(grad)

    @torch.no_grad()
    def by_hand() -> None:
        _, saved = Gru.forward(x, *weights)
        Gru.backward(saved, grad)

    rows, errors, h = (
        torch.randn(N_FRAMES * BATCH, N_UNITS),
        torch.randn(N_FRAMES * BATCH, 3 * N_UNITS),
        torch.randn(BATCH, N_UNITS),
    )

    @torch.no_grad()
    def products() -> None:
        """Every matrix product of forward and backward, and nothing else."""
        weight_ih, weight_hh = weights[0], weights[1]
        rows @ weight_ih.T
        for _ in range(N_FRAMES):
            h @ weight_hh.T
        for t in range(N_FRAMES):
            errors[t * BATCH : (t + 1) * BATCH] @ weight_hh
        _ = errors @ weight_ih, errors.T @ rows, errors.T @ rows

    even = torch.full((BATCH,), N_FRAMES)
    actions = {
        "by hand": by_hand,
        "nn.GRU, packed": lambda: packed(even),
        "nn.GRU, packed, of 25 to 50 frames": lambda: packed(uneven),
        "nn.GRU, unpacked": unpacked,
        "its bare matrix products": products,
    }
    bars = {
        "nn.GRU, packed": "at least 2x",
        "nn.GRU, packed, of 25 to 50 frames": "a quarter of the frames less than the others",
        "nn.GRU, unpacked": "at least 1.2x",
        "its bare matrix products": "the limit: 1x",
    }
    compare("gru_by_hand", "by hand", actions, bars)


def ctc() -> None:
    torch.manual_seed(0)
    logits = torch.randn(BATCH, N_FRAMES, 29, requires_grad=True)
    n_frames, n_letters = torch.full((BATCH,), N_FRAMES), torch.randint(3, 12, (BATCH,))
    targets = torch.randint(1, 29, (BATCH, 11))

    def torchs() -> None:
        torch.autograd.grad(ctc_loss(logits, n_frames, targets, n_letters).sum(), logits)

    @torch.no_grad()
    def by_hand() -> None:
        log_probs, softmax = LogSoftmax.forward(logits)
        losses, saved = Ctc.forward(log_probs, n_frames, targets, n_letters)
        LogSoftmax.backward(softmax, Ctc.backward(saved, torch.ones_like(losses))[0])

    actions = {"by hand": by_hand, "torch.nn.functional.ctc_loss": torchs}
    compare("ctc_by_hand", "by hand", actions, {"torch.nn.functional.ctc_loss": "at least 0.2x (within 5x)"})


def batch_of_clips() -> Batch:
    generator = torch.Generator().manual_seed(0)
    n_samples = torch.randint(8_500, 9_601, (BATCH,), generator=generator)
    waveforms = 0.1 * torch.randn(BATCH, 9_600, generator=generator)
    waveforms *= torch.arange(9_600) < n_samples[:, None]
    targets = torch.randint(1, 27, (BATCH, 7), generator=generator)
    return Batch(waveforms, n_samples, targets, torch.full((BATCH,), 7), [], [], [])


def step(cell: str, gradients: Autograd | ByHand, optimizer: Callable[..., torch.optim.Optimizer]) -> Any:
    """A training step of the default recogniser: front end, encoder, CTC, gradients, clipping, update."""
    torch.manual_seed(0)
    recognizer = Recognizer(PARTS | {"encoder": {"_target_": "speech.model.encoder.Encoder", "cell": cell}})
    made, batch = optimizer(recognizer.parameters(), lr=1e-4), batch_of_clips()

    def act() -> None:
        made.zero_grad()
        gradients.backward(gradients.forward(recognizer, batch).loss)
        gradients.clip(recognizer.parameters(), 5.0)
        made.step()

    return act


def training() -> None:
    actions = {
        "backprop=all": step("gru", ByHand(), AdamW),
        "encoder=gru_by_hand": step("gru_by_hand", Autograd(), torch.optim.AdamW),
        "encoder=gru": step("gru", Autograd(), torch.optim.AdamW),
        "encoder=lstm_by_hand": step("lstm_by_hand", Autograd(), torch.optim.AdamW),
        "encoder=lstm": step("lstm", Autograd(), torch.optim.AdamW),
    }
    times = side_by_side(actions)
    for ours, other, asked in (
        ("backprop=all", "encoder=gru", "autograd's, at least 1x"),
        ("encoder=gru_by_hand", "encoder=gru", "autograd's; faster in truth is the default"),
        ("encoder=lstm_by_hand", "encoder=lstm", "autograd's"),
    ):
        factor, interval = ratio(times[other], times[ours])
        than = f"{other}, {1000 * np.median(times[other]):.1f} ms: {asked}"
        show(f"training_step ({ours})", float(np.median(times[ours])), "s", than, factor, interval)


def tensors(saved: Any) -> Iterator[Tensor]:
    for one in saved:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, tuple):
            yield from tensors(one)


@torch.no_grad()
def growth() -> None:
    """Time and memory per clip and frame over a range of both: flat where the cost is linear."""
    weights: Any = [p.detach() for p in nn.GRU(N_UNITS, N_UNITS).all_weights[0]]
    for n_frames, batch in [(t, BATCH) for t in (25, 50, 100, 200, 400, 800)] + [
        (N_FRAMES, b) for b in (8, 32, 128, 256)
    ]:
        x, grad = torch.randn(batch, n_frames, N_UNITS), torch.randn(batch, n_frames, N_UNITS)
        kept = {
            one.untyped_storage().data_ptr(): one.untyped_storage().nbytes()
            for one in tensors(Gru.forward(x, *weights)[1])
        }

        def act(x: Tensor = x, grad: Tensor = grad) -> None:
            Gru.backward(Gru.forward(x, *weights)[1], grad)

        seconds = float(np.median(side_by_side({"gru": act}, n=7)["gru"]))
        cells = n_frames * batch
        show(
            f"gru_by_hand, {n_frames} frames x {batch}", 1e6 * seconds / cells, "us a frame", "flat where it is linear"
        )
        show(f"gru_by_hand, {n_frames} frames x {batch}, kept", sum(kept.values()) / cells, "bytes a frame", "the same")


def main() -> None:
    torch.set_num_threads(2)
    gru()
    ctc()
    training()
    growth()


if __name__ == "__main__":
    main()
