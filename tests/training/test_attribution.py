import numpy as np
import pytest
import torch

from speech.backprop.chain import Chain
from speech.backprop.recognizer import add_loss
from speech.training.attribution import ClipBackprop


def test_contributions_add_up_to_what_scaling_the_layer_would_change(make_recognizer):
    """Euler: d loss(c x) / dc at c = 1 is the sum of x dloss/dx, by central differences of the logits' own loss."""
    recognizer = make_recognizer(n_units=16, n_layers=1)
    waveform = np.random.default_rng(0).normal(scale=0.1, size=9_000).astype(np.float32)
    found = ClipBackprop(recognizer, waveform).backward("martin")
    logits = found.chain.values["logits"]

    def loss(scale):
        chain = Chain(values={"logits": logits * scale})
        texts = [(torch.tensor([recognizer.alphabet.encode("martin")]), torch.tensor([6]))]
        return add_loss(chain, torch.tensor([logits.shape[1]]), texts, recognizer.n_symbols)

    slope = float(loss(1 + 1e-6) - loss(1 - 1e-6)) / 2e-6
    assert float(found.contributions("logits").sum()) == pytest.approx(slope, rel=1e-6)
