"""What proves an operation: its output and each of its gradients, held against two answers of other origin.

The proofs of each group of operations stand in its test file as ``prove_<operation>(module, draw)``. They take the
module, so that test_planted_faults.py can hand them one with a wrong derivative in it.
"""

import random

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.backprop.check import Miss, central_differences

RELATIVE = 1e-12  # of the largest value of a tensor, against autograd
ABSOLUTE = 1e-14  # times the largest number that takes part: where terms cancel, there is nothing to be relative to
DIFFERENCES = 1e-6  # against central differences: their own error is some 1e-9
N_DIFFERENCES = 6  # positions of each tensor


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


def seeded(seed):
    return Draw(random.Random(seed))


def for_any_sizes(test):
    """``test(draw)`` for sizes and values that hypothesis draws."""
    return settings(max_examples=15)(given(st.builds(Draw, st.randoms(use_true_random=False)))(test))


def hold(name, ours, theirs, relative=RELATIVE, scale=1.0):
    """Raise Miss unless the two are equal, infinities included, up to ``relative``."""
    if ours.shape != theirs.shape:
        raise Miss(f"{name}: shapes differ: {tuple(ours.shape)} and {tuple(theirs.shape)}")
    if not torch.equal(ours.isinf(), theirs.isinf()):
        raise Miss(f"{name}: infinities differ: {ours} and {theirs}")
    ours, theirs = (torch.where(x.isinf(), 0, x) for x in (ours, theirs))
    if not ours.numel():
        return
    largest = max(float(ours.abs().max()), float(theirs.abs().max()))
    error = float((ours - theirs).abs().max())
    if not error <= relative * largest + ABSOLUTE * scale:
        raise Miss(f"{name}: off by {error:.1e}, where the largest is {largest:.1e}")


def prove(operation, inputs, oracle, fixed=(), counts=1.0, scale=1.0, n_differences=N_DIFFERENCES):
    """Raise Miss unless ``operation`` gives what ``oracle`` gives, and for each input the gradient that it should.

    L = sum of random weights times the outputs that are finite; ``counts`` is 0 for outputs that nothing is asked of.
    Every floating-point tensor of ``inputs`` has a gradient, but for the positions in ``fixed`` (masks, targets, ...).
    ``n_differences`` is 0 where what is asked for is not the derivative, as of truncated backpropagation.
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
    if len(grads) != len(inputs):
        raise Miss(f"{len(grads)} gradients for {len(inputs)} inputs")
    again = operation.backward(saved, grad_output)
    of_what_counts = torch.where(expected.isinf(), 0, expected) * counts
    theirs = [torch.zeros_like(leaves[i]) for i in asked]
    if expected.requires_grad:  # not where every output is infinite
        theirs = torch.autograd.grad(of_what_counts, [leaves[i] for i in asked], grad_output)

    def loss():
        output, _ = operation.forward(*inputs)
        return (torch.where(output.isinf(), 0, output) * grad_output).sum()

    for i, (grad, once_more) in enumerate(zip(grads, again, strict=True)):
        if i not in asked:
            if grad is not None:
                raise Miss(f"input {i} has no derivative and was given one")
            continue
        name = f"gradient of input {i}"
        if grad is None:
            raise Miss(f"{name} is missing")
        hold(name, grad, theirs[asked.index(i)], scale=scale)
        if not torch.equal(grad, once_more):
            raise Miss(f"{name}: going back twice gives two answers")
        at = torch.randperm(grad.numel(), generator=generator)[:n_differences]
        differences = central_differences(loss, inputs[i], at)
        hold(f"{name}, by differences", grad.flatten()[at], differences, DIFFERENCES, scale=scale * 1e6)
    memory = [grad.data_ptr() for grad in grads if grad is not None and grad.numel()]
    if len(set(memory)) < len(memory):
        raise Miss("two gradients are one tensor: what scales each in place would scale it twice")
    if any(torch.is_tensor(x) and not torch.equal(x, y) for x, y in zip(inputs, before, strict=True)):
        raise Miss("forward or backward changed an input")
