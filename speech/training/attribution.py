"""Attribution of one clip's loss to each neuron of each layer, frame by frame, by hand-written backpropagation."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import torch
from torch import Tensor

from speech.audio.files import Waveform
from speech.backprop.chain import Chain
from speech.backprop.check import compare_with_differences, require_close
from speech.backprop.recognizer import add_loss, forward
from speech.inference.decode import Greedy
from speech.model.recognizer import Recognizer

LAYERS = {"features": "MFCC", "encoder.relu": "convolution"}  # ``layers`` adds the recurrent layers and the letters
BARS = " ▁▂▃▄▅▆▇█"
BLANK_SIGN = "–"
N_CHECKED = 4  # values of each parameter that are compared with central differences


class BackwardPass(NamedTuple):
    """The results of one forward and backward pass."""

    loss: float  # nats per letter
    letters: str  # the spelling of the best path
    names: list[tuple[str, float]]
    chain: Chain
    grads: dict[str, Tensor]  # the gradient of each parameter
    grad_values: dict[str, Tensor]  # the gradient of each step's output, and of the waveform (``input``)

    def contributions(self, step: str) -> Tensor:
        """Value times gradient of each neuron at each frame, ``(n_frames, n)``: its contribution to the loss.

        To first order, setting the value to 0 changes the loss by minus its contribution (Mozer and Smolensky 1989).
        """
        return (self.chain.values[step] * self.grad_values[step])[0]


class ClipBackprop:
    """One clip, and a recogniser in float64 with its own copy of the parameters."""

    def __init__(self, recognizer: Recognizer, waveform: Waveform) -> None:
        self.recognizer = recognizer.double()
        self.geometry = recognizer.geometry()
        self.parameters = {name: p.detach().clone() for name, p in self.recognizer.named_parameters()}
        self.lexicon = {recognizer.alphabet.fold(n): s for n, s in recognizer.lexicon(recognizer.names).items()}
        self.waveform = torch.from_numpy(waveform).double()[None]
        self.n_samples = torch.tensor([len(waveform)])

    def forward(self, text: str) -> tuple[Chain, Tensor]:
        """The chain from the waveform to the loss of ``text``."""
        symbols = self.recognizer.alphabet.encode(text)
        chain, n_frames = forward(self.geometry, self.parameters, self.waveform, self.n_samples)
        texts = [(torch.tensor([symbols]), torch.tensor([len(symbols)]))]
        return chain, add_loss(chain, n_frames, texts, self.recognizer.n_symbols)

    def backward(self, text: str) -> BackwardPass:
        """Backpropagate the loss of ``text`` to the waveform; the result also has what is recognised."""
        chain, loss = self.forward(text)
        grads, grad_values = chain.backward(torch.ones_like(loss))
        frames = self.recognizer.frames(chain.values["logits"][0])
        names = self.recognizer.rank(frames, self.lexicon | self.recognizer.lexicon([text]))
        return BackwardPass(float(loss), self._letters(chain), names, chain, grads, grad_values)

    def check(self, passed: BackwardPass, text: str) -> float:
        """The largest relative error of the gradients against central differences. Raises Miss if one is wrong."""
        compared = compare_with_differences(lambda: self.forward(text)[1], self.parameters, passed.grads, N_CHECKED)
        require_close(compared)
        return max(one.error for one in compared)

    def spells(self, waveform: Waveform, text: str) -> bool:
        """Whether the best path of another clip is ``text``."""
        samples = torch.from_numpy(waveform).double()[None]
        chain, _ = forward(self.geometry, self.parameters, samples, torch.tensor([len(waveform)]))
        return self._letters(chain) == text

    def _letters(self, chain: Chain) -> str:
        """The letters of the best path, whichever decoder the recogniser has."""
        frames = self.recognizer.frames(chain.values["logits"][0])
        return self.recognizer.alphabet.decode(Greedy()(frames.letters))

    def frame_s(self, step: str) -> float:
        """Seconds from one frame of a step's output to the next; for the waveform (``input``), between samples."""
        if step == "input":
            return 1 / self.recognizer.sample_rate
        hop = self.recognizer.frontend.hop_length / self.recognizer.sample_rate
        return hop if step.startswith(("frontend", "features")) else self.recognizer.frame_s

    def attribution_lines(self, passed: BackwardPass) -> list[str]:
        """One line per layer: bars of its contributions frame by frame, summed over neurons, and the largest one."""
        lines = []
        for step, name in self.layers().items():
            contributions = passed.contributions(step)
            frame, unit = divmod(int(contributions.abs().argmax()), contributions.shape[1])
            ms, symbols = 1000 * frame * self.frame_s(step), BLANK_SIGN + self.recognizer.alphabet.letters
            neuron = f"{symbols[unit]!r}" if step == "logits" else f"unit {unit}"
            width = round(self.frame_s(step) / self.frame_s("features"))  # a column is then one moment in all rows
            shown = bars(contributions.abs().sum(dim=1), width)
            lines.append(f"{name:<12} {shown}  {neuron} at {ms:.0f} ms {contributions[frame, unit]:+.2f}")
        return lines

    def gradient_norms(self, passed: BackwardPass) -> dict[str, float]:
        """The Euclidean norm of each layer's gradient."""
        squares: defaultdict[str, float] = defaultdict(float)
        for name, grad in passed.grads.items():
            squares[name.rpartition(".")[0]] += float(grad.square().sum())
        return {layer: square**0.5 for layer, square in squares.items()}

    def layers(self) -> dict[str, str]:
        """The steps whose neurons are shown, each with the name to show."""
        recurrent = {f"encoder.layer.{i}": f"{self.geometry.cell} {i + 1}" for i in range(self.geometry.n_layers)}
        return LAYERS | recurrent | {"logits": "letters"}


def bars(values: Tensor, width: int) -> str:
    """A bar chart with ``width`` characters per value; the largest value has the highest bar."""
    heights = ((len(BARS) - 1) * values / values.max().clamp(min=1e-12)).int().tolist()
    return "".join(BARS[height] * width for height in heights)
