"""What proves an operation: its output and each gradient against another implementation and central differences.

A test that proves operations is decorated with ``proves``: hypothesis calls it for any sizes and values, and
test_planted_faults.py calls it again with a wrong term planted in what it proves.
"""

import random
from inspect import signature

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.backprop.check import Miss, central_differences

RELATIVE = 1e-12  # of the largest value of a tensor, against autograd
ABSOLUTE = 1e-14  # times the largest number that takes part: where terms cancel, there is nothing to be relative to
DIFFERENCES = 1e-6  # against central differences: their own error is some 1e-9
LARGER = 2**20  # a power of 2, by which every rounding is the same
N_DIFFERENCES = 6  # positions of each tensor
N_SEEDS = 12  # draws in which a planted fault has to be found
N_FRAMES, N_VALUES, N_SAMPLES = 130, 120_000, 60_000  # of a large draw; frames and samples of each clip
N_CLIPS, N_UNITS = 24, 70  # at any stride more than 1 000 rows; of samples there are 2 clips
PROOFS = {}  # what is proved -> a function that raises where it is wrong


class Draw:
    """Sizes and values of a proof, from hypothesis (which shrinks them) or from a seed."""

    def __init__(self, rng):
        self.integer = rng.randint
        self.generator = torch.Generator().manual_seed(rng.randint(0, 1 << 16))

    def values(self, *shape):
        """Small numbers, none within 0.05 of 0: zeros can hide a wrong derivative, and Relu has its kink there."""
        x = torch.randn(shape, dtype=torch.float64, generator=self.generator) / 2
        return x + torch.where(x < 0, -0.05, 0.05)

    def lengths(self, batch, longest, least=1):
        """One length for each of a batch, the longest among them."""
        return torch.tensor([longest, *(self.integer(least, longest) for _ in range(batch - 1))])

    def indices(self, n, *shape, least=0):
        return torch.randint(least, n, shape, generator=self.generator)

    def rows(self, n):
        """Values whose last dimension is ``n``, with one to three dimensions before it."""
        return self.values(*(self.integer(1, 3) for _ in range(self.integer(1, 3))), n)

    def units(self, most):
        """A number of units, symbols or letters."""
        return self.integer(1, most)

    def padded(self, longest, *sizes):
        """Clips ``(batch, longest, *sizes)``, not 0 in the padding either, and their lengths."""
        batch = self.integer(1, 3)
        return self.values(batch, longest, *sizes), self.lengths(batch, longest)


class Large(Draw):
    """What no small draw reaches: 24 clips, 130 frames, 70 units, over 1 000 rows and 100 000 values or samples."""

    def rows(self, n):
        return self.values(2, N_VALUES // 2 // n, n)

    def units(self, most):
        return N_UNITS

    def padded(self, longest, *sizes):
        batch, longest = (N_CLIPS, N_FRAMES) if sizes else (2, N_SAMPLES)
        return self.values(batch, longest, *sizes), torch.linspace(longest, 2 * longest // 3, batch).long()


def seeded(seed, kind=Draw):
    return kind(random.Random(seed))


def proves(*names, large=False):
    """Decorate a test as the proof of ``names``; if it takes a ``draw``, hypothesis calls it for any sizes.

    With ``large``, one large draw is a proof of its own, "large NAME": a fault may begin at the 65th frame.
    """

    def decorate(test):
        if "draw" not in signature(test).parameters:
            PROOFS.update(dict.fromkeys(names, test))
            return test
        PROOFS.update(dict.fromkeys(names, lambda: [test(seeded(seed)) for seed in range(N_SEEDS)]))
        if large:
            PROOFS.update({f"large {name}": lambda: test(seeded(0, Large)) for name in names})
        draws = st.builds(Draw, st.randoms(use_true_random=False))
        return settings(max_examples=15)(given(draw=draws)(test))

    return decorate


def clip_by_clip(change):
    """An oracle that gives ``change`` each clip alone, cut to its own length, and fills up with 0."""

    def oracle(x, lengths, *others):
        y = [change(clip[:n], *others) for clip, n in zip(x, lengths.tolist(), strict=True)]
        return torch.stack([torch.cat([clip, clip.new_zeros(x.shape[1] - len(clip), *clip.shape[1:])]) for clip in y])

    return oracle


def hold(name, ours, theirs, relative=RELATIVE, scale=1.0):
    """Raise Miss unless the two are equal, infinities included, up to ``relative``."""
    if ours.shape != theirs.shape:
        raise Miss(f"{name}: shapes differ: {tuple(ours.shape)} and {tuple(theirs.shape)}")
    if not torch.equal(ours.isinf(), theirs.isinf()):
        raise Miss(f"{name}: infinities differ: {ours} and {theirs}")
    if not ours.numel():
        return
    ours, theirs = (torch.where(x.isinf(), 0, x) for x in (ours, theirs))
    largest = max(float(ours.abs().max()), float(theirs.abs().max()))
    error = float((ours - theirs).abs().max())
    if not error <= relative * largest + ABSOLUTE * scale:
        raise Miss(f"{name}: off by {error:.1e}, where the largest is {largest:.1e}")


def hold_all(ours, theirs, relative=RELATIVE):
    """``hold`` for each tensor of two dictionaries, which must have the same names."""
    if missing := ours.keys() ^ theirs.keys():
        raise Miss(f"on one side only: {', '.join(sorted(missing))}")
    for name, tensor in theirs.items():
        hold(name, ours[name], tensor, relative)


def prove(operation, inputs, oracle, fixed=(), counts=1.0, scale=1.0, n_differences=N_DIFFERENCES):
    """Raise Miss unless ``operation`` gives what ``oracle`` gives, and for each input the gradient that it should.

    L = sum of random weights, times ``counts`` (0 for outputs that are left out), times the outputs that are finite.
    Every floating-point tensor of ``inputs`` has a gradient, but for the positions in ``fixed`` (masks, targets, ...).
    """
    asked = [i for i, x in enumerate(inputs) if torch.is_tensor(x) and x.is_floating_point() and i not in fixed]
    before = [x.clone() if torch.is_tensor(x) else x for x in inputs]
    output, saved = operation.forward(*inputs)
    leaves = [x.clone().requires_grad_() if i in asked else x for i, x in enumerate(inputs)]
    expected = oracle(*leaves)
    hold("output", output * counts, expected.detach() * counts, scale=scale)

    generator = torch.Generator().manual_seed(1)
    grad_output = torch.randn(output.shape, dtype=torch.float64, generator=generator) * counts
    grads = operation.backward(saved, grad_output.clone())
    if [grad is not None for grad in grads] != [i in asked for i in range(len(inputs))]:
        raise Miss(f"gradients are wanted of inputs {asked}, and {grads} are given")
    larger = operation.backward(saved, LARGER * grad_output)
    theirs = [torch.zeros_like(leaves[i]) for i in asked]
    if expected.requires_grad:  # not where every output is infinite
        finite = torch.where(expected.isinf(), 0, expected)
        theirs = torch.autograd.grad(finite, [leaves[i] for i in asked], grad_output)

    def loss():
        output, _ = operation.forward(*inputs)
        return (torch.where(output.isinf(), 0, output) * grad_output).sum()

    for i, expected_grad in zip(asked, theirs, strict=True):
        name, grad = f"gradient of input {i}", grads[i]
        hold(name, grad, expected_grad, scale=scale)
        if not torch.equal(LARGER * grad, larger[i]):
            raise Miss(f"{name}: going back again, with an error {LARGER} times as large, gives another answer")
        if output.numel() > N_VALUES // 10:  # of so large a sum, what one value changes is lost in rounding
            continue
        at = torch.randperm(grad.numel(), generator=generator)[:n_differences]
        differences = central_differences(loss, inputs[i], at)
        hold(f"{name}, by differences", grad.flatten()[at], differences, DIFFERENCES, scale=scale * 1e6)
    memory = [grad.data_ptr() for grad in grads if grad is not None and grad.numel()]
    if len(set(memory)) < len(memory):
        raise Miss("two gradients are one tensor: scaling each in place would scale it twice")
    if any(torch.is_tensor(x) and not torch.equal(x, y) for x, y in zip(inputs, before, strict=True)):
        raise Miss("forward or backward changed an input")
