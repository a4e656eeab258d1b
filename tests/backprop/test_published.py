"""CTC against figures that others have published, and in the regimes where sums of exponentials fail."""

import math

import pytest
import torch
from proof import hold, proves

from speech.backprop.activations import LogSoftmax
from speech.backprop.ctc import Ctc

# Alex Graves' own implementation, as printed in tensorflow/python/kernel_tests/ctc_loss_op_test.py (testBasic): the
# probabilities of symbols 0 to 4 and, last, of the blank; a text; its loss; where the gradient of the logits is p - 1.
GRAVES = [
    (
        [
            [0.633766, 0.221185, 0.0917319, 0.0129757, 0.0142857, 0.0260553],
            [0.111121, 0.588392, 0.278779, 0.0055756, 0.00569609, 0.010436],
            [0.0357786, 0.633813, 0.321418, 0.00249248, 0.00272882, 0.0037688],
            [0.0663296, 0.643849, 0.280111, 0.00283995, 0.0035545, 0.00331533],
            [0.458235, 0.396634, 0.123377, 0.00648837, 0.00903441, 0.00623107],
        ],
        [0, 1, 2, 1, 0],
        3.34211,
        [-0.366234, -0.411608, -0.678582, -0.356151, -0.541765],
        [0, 1, 2, 1, 0],
    ),
    (
        [
            [0.30176, 0.28562, 0.0831517, 0.0862751, 0.0816851, 0.161508],
            [0.24082, 0.397533, 0.0557226, 0.0546814, 0.0557528, 0.19549],
            [0.230246, 0.450868, 0.0389607, 0.038309, 0.0391602, 0.202456],
            [0.280884, 0.429522, 0.0326593, 0.0339046, 0.0326856, 0.190345],
            [0.423286, 0.315517, 0.0338439, 0.0393744, 0.0339315, 0.154046],
        ],
        [0, 1, 1, 0],
        5.42262,
        [-0.69824, -0.602467, -0.797544, -0.570478, -0.576714],
        [0, 1, 5, 1, 0],
    ),
]


def on_logits(logits, *others, weight=None):
    """The losses, and the gradient of the logits, of ``weight`` times each loss."""
    log_probs, softmax = LogSoftmax.forward(logits)
    losses, saved = Ctc.forward(log_probs, *others)
    weight = torch.ones_like(losses) if weight is None else weight
    return losses, LogSoftmax.backward(softmax, Ctc.backward(saved, weight)[0])[0], saved


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("probabilities", "text", "loss", "slopes", "symbols"), GRAVES)
def test_losses_and_gradients_are_those_of_graves_tables(probabilities, text, loss, slopes, symbols, dtype):
    p = torch.tensor(probabilities, dtype=dtype).roll(1, dims=1)  # the blank first
    targets = torch.tensor([text]) + 1
    losses, grad, _ = on_logits(p.log()[None], torch.tensor([5]), targets, torch.tensor([len(text)]))
    assert float(losses) == pytest.approx(loss, abs=1e-5)
    expected, at = p.clone(), (torch.tensor(symbols) + 1) % 6
    expected[torch.arange(5), at] = torch.tensor(slopes, dtype=dtype)
    assert torch.allclose(grad[0], expected, rtol=0, atol=2e-6)


def test_losses_are_warp_ctcs_and_mxnets():
    """warp-ctc, its tests: 2.46286. MXNet, test_loss.py: 18.82820702, 16.50581741."""
    logits = torch.full((1, 2, 5), 0.1)
    logits[0, 0, 1] = logits[0, 1, 2] = 0.6
    losses, _, _ = on_logits(logits, torch.tensor([2]), torch.tensor([[1, 2]]), torch.tensor([2]))
    assert float(losses) == pytest.approx(2.46286, abs=1e-5)
    texts, n_letters = torch.tensor([[3, 2, 0], [1, 3, 3]]), torch.tensor([2, 3])
    losses, _, _ = on_logits(torch.ones(2, 20, 4, dtype=torch.float64), torch.tensor([20, 20]), texts, n_letters)
    assert losses.tolist() == pytest.approx([18.82820702, 16.50581741], abs=5e-6)  # float32


# Relative errors that float32 is allowed, by the loss in nats: of the losses, and of the gradient of the logits.
FLOAT32 = {10: (1e-6, 2e-5), 1_000: (1e-6, 2e-3), 10_000: (1e-6, 2e-2)}


@pytest.mark.parametrize(("nats", "allowed"), FLOAT32.items())
def test_float32_keeps_a_confident_mistakes_gradient(nats, allowed):
    generator = torch.Generator().manual_seed(0)
    n_frames, text = 100, torch.tensor([[1, 2, 2, 3, 1]])
    logits = torch.randn(1, n_frames, 5, generator=generator)
    logits[..., 4] += nats / n_frames  # a symbol that the text lacks is sure at every frame
    others = torch.tensor([n_frames]), text, torch.tensor([5])
    (losses, grad, saved), (theirs, expected, _) = on_logits(logits, *others), on_logits(logits.double(), *others)
    assert float(theirs) > 0.9 * nats
    hold("loss", losses.double(), theirs, allowed[0])
    hold("gradient", grad.double(), expected, allowed[1])
    assert torch.allclose(Ctc.occupancy(saved).sum(dim=2), torch.ones(1, n_frames), rtol=0, atol=1e-5)


@proves("extreme CTC")
def test_ctc_at_its_extremes():
    # 10 000 nats and more over 100 frames of float64, and each frame's occupancies still sum to 1.
    log_probs = torch.full((2, 100, 3), -2e4, dtype=torch.float64)
    targets, n_letters = torch.tensor([[1, 2], [1, 1]]), torch.tensor([2, 2])
    losses, saved = Ctc.forward(log_probs, torch.tensor([100, 2]), targets, n_letters)
    assert losses.isinf().tolist() == [False, True], "the second has too few frames; 2 000 000 nats are not infinite"
    hold("sum", Ctc.occupancy(saved)[0].sum(dim=1), torch.ones(100, dtype=torch.float64), relative=1e-8)
    # The error of an impossible text does not reach its clip: not NaN, nor infinity.
    for weight in (math.nan, math.inf):
        grad = Ctc.backward(saved, torch.tensor([1.0, weight], dtype=torch.float64))[0]
        hold("impossible", grad[1], torch.zeros(100, 3, dtype=torch.float64))
        assert grad[0].isfinite().all()
    # An occupancy of 1e-30 is one: a frame's blank is that unlikely, and so is every path by it.
    log_probs = torch.zeros(1, 2, 2, dtype=torch.float64)
    log_probs[0, 0, 0] = math.log(1e-30)
    _, saved = Ctc.forward(log_probs, torch.tensor([2]), torch.tensor([[1]]), torch.tensor([1]))
    grad = Ctc.backward(saved, torch.ones(1, dtype=torch.float64))[0]
    assert -float(grad[0, 0, 0]) == pytest.approx(5e-31, rel=1e-9, abs=0)
