"""Clipping and update rules against torch.optim's, step for step."""

import pytest
import torch
from proof import for_any_sizes, hold
from torch import nn

from speech.backprop import optimizers

N_STEPS = 5


def steps(draw, ours, optimizer):
    """Raise Miss unless ``ours(parameters, grads)`` moves weights as ``optimizer(parameters)`` of torch does."""
    shapes = {"weight": (draw.integer(1, 3), 2), "bias": (draw.integer(1, 3),), "scale": ()}
    mine = {name: draw.values(*shape) for name, shape in shapes.items()}
    torchs = {name: nn.Parameter(weight.clone()) for name, weight in mine.items()}
    theirs = optimizer(torchs.values())
    for _ in range(N_STEPS):
        grads = {name: draw.values(*shape) for name, shape in shapes.items()}
        for name, parameter in torchs.items():
            parameter.grad = grads[name].clone()
        ours(mine, grads)
        theirs.step()
        for name, weight in mine.items():
            hold(name, weight, torchs[name].detach())


def prove_sgd(module, draw):
    steps(draw, lambda p, g: module.sgd(p, g, 0.1), lambda p: torch.optim.SGD(p, lr=0.1))


def prove_momentum(module, draw):
    state = {}
    steps(
        draw,
        lambda p, g: module.momentum(p, g, state, rate=0.1, decay=0.7),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.7),
    )


def prove_adamw(module, draw):
    state, settings = {}, {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}
    steps(
        draw,
        lambda p, g: module.adamw(p, g, state, rate=0.01, **settings),
        lambda p: torch.optim.AdamW(p, lr=0.01, **settings),
    )


def prove_clip_norm(module, draw):
    grads = {str(i): draw.values(draw.integer(1, 3), 2) for i in range(draw.integer(1, 3))}
    norm = float(torch.cat([grad.flatten() for grad in grads.values()]).norm())
    for part in (0.3, 3.0):  # once it has to shrink, once there is nothing to do
        torchs = [nn.Parameter(torch.zeros_like(grad)) for grad in grads.values()]
        for parameter, grad in zip(torchs, grads.values(), strict=True):
            parameter.grad = grad.clone()
        ours = {name: grad.clone() for name, grad in grads.items()}
        found = module.clip_norm(ours, part * norm)
        theirs = nn.utils.clip_grad_norm_(torchs, part * norm)
        hold("norm", torch.tensor(found, dtype=torch.float64), theirs)
        for parameter, grad in zip(torchs, ours.values(), strict=True):
            hold("clipped", grad, parameter.grad)


@for_any_sizes
def test_gradient_descent_is_torchs(draw):
    prove_sgd(optimizers, draw)


@for_any_sizes
def test_momentum_is_torchs(draw):
    prove_momentum(optimizers, draw)


@for_any_sizes
def test_adamw_is_torchs(draw):
    prove_adamw(optimizers, draw)


@for_any_sizes
def test_clipping_is_torchs_and_returns_what_the_norm_was(draw):
    prove_clip_norm(optimizers, draw)


def test_no_gradients_have_norm_0():
    assert optimizers.clip_norm({}, 1.0) == 0


def test_what_has_a_gradient_and_no_weight_is_named():
    with pytest.raises(optimizers.InputError, match="same names: bias"):
        optimizers.sgd({"weight": torch.ones(1)}, {"weight": torch.ones(1), "bias": torch.ones(1)}, 0.1)
