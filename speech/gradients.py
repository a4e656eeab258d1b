"""Where a training step's gradients come from: autograd, or the hand-written backpropagation of the whole recogniser.

Both leave them in each parameter's ``grad``, so that clipping, optimisers and monitors need not know which it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from speech import frontend
from speech.augment.spec import feature_mask
from speech.backprop import recognizer as by_hand
from speech.backprop import updates
from speech.corpus.dataset import Batch
from speech.ctc.loss import ctc_loss
from speech.recognizer import Recognizer


class Losses(NamedTuple):
    """A batch's loss in nats a letter (and a phone), and how many texts have too few frames (they do not count)."""

    loss: Tensor
    n_infeasible: Tensor
    logits: Tensor  # (batch, n_frames, n_symbols): of letters, then of phones
    n_frames: Tensor  # (batch,)


def loss_of(recognizer: Recognizer, batch: Batch) -> Losses:
    """The mean over clips of each one's loss a letter and, of a recogniser that hears phones, that of its loss a phone.

    The corpus refuses clips that cannot hold their text; augmentation can make one that just did too short.
    """
    logits, n_frames = recognizer(batch.waveforms, batch.n_samples, hidden_features(recognizer, batch))
    loss, n_infeasible = logits.new_zeros(()), torch.zeros((), dtype=torch.int64)
    for output, (targets, lengths) in zip(recognizer.split(logits), texts(batch), strict=True):
        losses = ctc_loss(output, n_frames, targets, lengths) / lengths
        feasible = ~losses.isinf()  # NaN is none of the two, and goes on: it is to be seen
        loss = loss + losses[feasible].sum() / max(1, int(feasible.sum()))
        n_infeasible = n_infeasible + (~feasible).sum()
    return Losses(loss, n_infeasible, logits, n_frames)


def texts(batch: Batch) -> list[tuple[Tensor, Tensor]]:
    """What each output is to spell, and how long that is: letters, and phones where the batch has them."""
    found = [(batch.targets, batch.n_letters)]
    if batch.phones is not None and batch.n_phones is not None:
        found.append((batch.phones, batch.n_phones))
    return found


class Autograd:
    """torch keeps the graph of a step and differentiates it."""

    def forward(self, recognizer: Recognizer, batch: Batch) -> Losses:
        return loss_of(recognizer, batch)

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def clip(self, parameters: Iterable[nn.Parameter], largest: float) -> None:
        nn.utils.clip_grad_norm_(parameters, largest)


class ByHand:
    """``speech.backprop`` alone, from the waveform to each weight's gradient: no parameter asks torch for one."""

    def __init__(self) -> None:
        self._chain: by_hand.Chain | None = None
        self._parameters: dict[str, nn.Parameter] = {}

    def forward(self, recognizer: Recognizer, batch: Batch) -> Losses:
        recognizer.requires_grad_(False)
        self._parameters = dict(recognizer.named_parameters())
        with torch.no_grad():
            waveforms = recognizer.frontend.pad(batch.waveforms)
            masks = dropout_masks(recognizer, waveforms.shape[1], batch.n_samples)
            hidden = hidden_features(recognizer, batch)
            chain, n_frames = by_hand.hear(
                geometry_of(recognizer), self._parameters, waveforms, batch.n_samples, masks, hidden
            )
            loss = by_hand.spell(chain, n_frames, texts(batch), recognizer.n_symbols)
        self._chain = chain
        return Losses(loss, chain.values["losses"].isinf().sum(), chain.values["logits"], n_frames)

    def backward(self, loss: Tensor) -> None:
        assert self._chain is not None, "backward comes after forward"
        with torch.no_grad():
            grads, _ = self._chain.backward(torch.ones_like(loss), until=by_hand.FIRST_TRAINED)
        for name, parameter in self._parameters.items():
            parameter.grad = grads[name]
        self._chain = None  # what a step had saved is not needed by the next

    def clip(self, parameters: Iterable[nn.Parameter], largest: float) -> None:
        updates.clip_norm({str(i): p.grad for i, p in enumerate(parameters) if p.grad is not None}, largest)


class AdamW(torch.optim.Optimizer):
    """The hand-written update rule behind torch's interface, so that schedulers and checkpoints work with it."""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        with torch.enable_grad():
            loss = closure() if closure is not None else None
        for group in self.param_groups:
            moved = {str(i): p for i, p in enumerate(group["params"]) if p.grad is not None}
            state = {name: self.state[p] for name, p in moved.items() if self.state[p]}
            grads = {name: p.grad for name, p in moved.items()}
            updates.adamw(moved, grads, state, group["lr"], group["betas"], group["eps"], group["weight_decay"])
            for name, p in moved.items():
                self.state[p] = state[name]
        return loss


def geometry_of(recognizer: Recognizer) -> by_hand.Geometry:
    """What the hand-written recogniser has to know of ``recognizer`` beside its parameters."""
    front, encoder = recognizer.frontend, recognizer.encoder
    mel = front.spectrum[0] if front.dct is None else front.spectrum.MelSpectrogram
    return by_hand.Geometry(
        pre_emphasis=frontend.PRE_EMPHASIS,
        level=front.level,
        window=mel.spectrogram.window,
        hop_length=front.hop_length,
        mel=mel.mel_scale.fb,
        log_floor=frontend.LOG_FLOOR,
        dct=front.dct,
        n_deltas=front.n_deltas,
        common_mean=front.common_mean,
        common_deviation=front.common_deviation,
        n_common=front.n_common,
        least_deviation=frontend.LEAST_DEVIATION,
        stride=encoder.stride,
        padding=encoder.kernel // 2,
        cell=encoder.cell,
        n_layers=len(encoder.forwards),
        bidirectional=len(encoder.backwards) > 0,
    )


def hidden_features(recognizer: Recognizer, batch: Batch) -> Tensor | None:
    """The mask over the front end's features of what ``batch`` shall hide of them; None where it hides nothing."""
    if batch.spans is None:
        return None
    front = recognizer.frontend
    longest = front.n_frames(batch.waveforms.shape[1])
    mask = feature_mask(batch.spans, front.n_frames(batch.n_samples), longest, front.n_features, front.n_deltas)
    return mask.to(batch.waveforms.dtype)


def dropout_masks(recognizer: Recognizer, longest: int, n_samples: Tensor) -> list[Tensor]:
    """The masks that the encoder's own dropout would draw from torch's generator in its next forward pass."""
    encoder = recognizer.encoder
    rate = encoder.dropout.p if recognizer.training else 0.0
    if rate == 0:
        return []
    weight = encoder.output.weight
    shape = [len(n_samples), recognizer.n_frames(longest)]
    sizes = [encoder.convolution.out_channels] + [weight.shape[1]] * len(encoder.forwards)
    return [weight.new_empty([*shape, size]).bernoulli_(1 - rate).div_(1 - rate) for size in sizes]
