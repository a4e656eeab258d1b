"""The operations where small numbers do not lead: saturated units, large errors, faint sound, short clips, float32."""

import itertools

import torch
from proof import Large, hold, hold_all, prove, proves, seeded
from test_frontend_by_hand import level_of
from test_through_time import TORCHS, packed, weights_of
from test_whole_recognizer import CELLS, TOLERANCE, ours, sounds, theirs, tiny
from torch.nn import functional as F

from speech.backprop.activations import LogSoftmax, Sigmoid, Tanh
from speech.backprop.check import Miss, relative_error
from speech.backprop.examples import examples
from speech.backprop.frames import frame_mask
from speech.backprop.frontend import QUIETEST, Level
from speech.backprop.linear import Linear
from speech.backprop.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from speech.backprop.normalisation import ClipNorm, LayerNorm

LARGE = {"counts": 1e4, "scale": 1e4, "n_differences": 0}  # 10 000 times the error of the other proofs


@proves("saturated")
def test_saturated_units_and_large_errors():
    for seed, cell in itertools.product(range(3), TORCHS):  # of one draw every gate may be shut
        draw = seeded(seed)
        x, n_frames, oracle = draw.values(2, 12, 2), torch.tensor([12, 12]), packed(cell, False)
        inputs = x, *(20 * each for each in weights_of(draw, cell, 2, 3))
        prove(
            cell,
            inputs,
            lambda x, *weights, oracle=oracle, n_frames=n_frames: oracle(x, n_frames, *weights),
            **LARGE,
        )
    x = torch.tensor([[-800.0, -40.0, -15.0, 15.0, 40.0, 800.0]], dtype=torch.float64)
    for operation, oracle in (Sigmoid, torch.sigmoid), (Tanh, torch.tanh), (LogSoftmax, lambda x: x.log_softmax(-1)):
        prove(operation, (x,), oracle, **LARGE)
    for target in 0, 5:
        prove(SoftmaxCrossEntropy, (x, torch.tensor([target])), F.cross_entropy, **LARGE)
    prove(MeanSquaredError, (1e4 * x, x), F.mse_loss, fixed={1}, **LARGE)
    targets = torch.tensor([1.0, 1, 1, 0, 0, 0], dtype=torch.float64)
    oracle = F.binary_cross_entropy_with_logits
    for right in targets, 1 - targets:
        prove(BinaryCrossEntropy, (x[0], right), oracle, fixed={1}, **LARGE)


def hold_as_autograd(recognizer, batch):
    """Raise Miss unless loss and every gradient by hand, the waveforms' too, are autograd's."""
    losses, expected = theirs(recognizer, batch)
    _, loss, found = ours(recognizer, batch)
    hold("loss", loss, losses.loss.detach())
    hold_all(found, expected, TOLERANCE)


@proves("quiet")
def test_faint_sound_above_and_below_the_quietest():
    draw = seeded(0)
    for loudness in 1e-5, 3 * QUIETEST, QUIETEST / 3:
        x, n_samples = draw.padded(40)
        x = loudness * x.sign() * frame_mask(n_samples, x.shape[1])
        prove(Level, (x, n_samples, 0.3), level_of, n_differences=0)
        batch = sounds(draw)
        hold_as_autograd(tiny(draw), batch._replace(waveforms=batch.waveforms * loudness))


@proves("short")
def test_clips_below_a_window_beside_long_ones():
    for cell in CELLS:
        draw = seeded(0)
        batch, n_samples = sounds(draw), torch.tensor([300, 39, 1, 40])  # a window takes 40
        waveforms = batch.waveforms * frame_mask(n_samples, 300)
        n_letters = torch.tensor([3, 1, 1, 1])
        hold_as_autograd(
            tiny(draw, cell), batch._replace(waveforms=waveforms, n_samples=n_samples, n_letters=n_letters)
        )


# Relative errors that float32 is allowed, of outputs and of gradients, against float64 of the same numbers: five times
# what was measured over five seeds. What only moves values about has none.
FLOAT32 = (
    dict.fromkeys(["Dropout", "Embedding", "MaskFrames", "Relu", "ReverseWithinLength"], (0, 0))
    | dict.fromkeys(["Convolution", "Deltas", "Filters", "Linear", "Log", "PreEmphasis"], (4e-7, 6e-7))
    | dict.fromkeys(["Level", "MeanPerLetter", "MeanSquaredError", "PowerSpectrum"], (9e-7, 7e-7))
    | dict.fromkeys(["EachLogSoftmax", "LogSoftmax", "Sigmoid", "SoftmaxCrossEntropy", "Tanh"], (5e-7, 6e-7))
    | dict.fromkeys(["BinaryCrossEntropy", "ClipNorm", "Ctc", "EachCtc"], (6e-7, 1.2e-6))
    | dict.fromkeys([name for cell in TORCHS for name in (cell.__name__, f"Layer of {cell.__name__}")], (8e-7, 4e-6))
    | {"LayerNorm": (4e-7, 4e-6)}
    | {"a mean of 1 000": (1e-3, 1e-3), "sure and right": (1e-6, 1e-6), "faint": (1e-6, 1e-6)}
    | {"40 000 rows": (1e-6, 1e-4), "saturated, large errors": (1e-4, 1e-4)}
)


def hold_float32(regime, operation, inputs, error=1.0):
    """Raise Miss where the operation in float32 is further from itself in float64 than the table has for ``regime``."""
    results = {}
    for dtype in torch.float32, torch.float64:
        rounded = [x.float().to(dtype) if torch.is_tensor(x) and x.is_floating_point() else x for x in inputs]
        output, saved = operation.forward(*rounded)
        generator = torch.Generator().manual_seed(1)
        grad = error * torch.randn(output.shape, generator=generator).to(dtype)
        results[dtype] = [output, *(each for each in operation.backward(saved, grad) if each is not None)]
    allowed, of_gradients = FLOAT32[regime]
    for i, (found, expected) in enumerate(zip(*results.values(), strict=True)):
        error = relative_error(found.double(), expected)
        if not error <= (of_gradients if i else allowed):
            raise Miss(f"{operation.__name__}, {regime}: {'a gradient' if i else 'the output'} is off by {error:.1e}")


@proves("float32")
def test_float32_keeps_the_digits_that_the_table_says():
    for example in examples():
        hold_float32(example.name, example.operation, example.inputs.values())
    draw, wide, n_frames = seeded(0), seeded(0, Large), torch.tensor([5, 2])
    mean = draw.values(2, 5, 3) + 1000
    hold_float32("a mean of 1 000", LayerNorm, (mean, draw.values(3), draw.values(3)))
    hold_float32("a mean of 1 000", ClipNorm, (mean, n_frames, draw.values(3), draw.values(3), 0.0, 1e-3))
    z = torch.tensor([-25.0, -20, -18])  # not 20 of a 1, whose slope of 2e-9 is 0 in float32, in torch too
    hold_float32("sure and right", BinaryCrossEntropy, (z, torch.zeros(3)))
    sound, n_samples = draw.padded(40)
    hold_float32("faint", Level, (3e-8 * sound * frame_mask(n_samples, 40), n_samples, 0.3))
    hold_float32("40 000 rows", Linear, (wide.rows(3), draw.values(2, 3), draw.values(2)))
    for cell in TORCHS:
        weights = (20 * each for each in weights_of(draw, cell, 2, 3))
        hold_float32("saturated, large errors", cell, (draw.values(2, 4, 2), *weights), error=1e4)
