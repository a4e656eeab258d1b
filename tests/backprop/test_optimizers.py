"""Clipping and update rules against torch.optim's, step for step."""

import math

import pytest
import torch
from proof import hold, proves, seeded
from torch import nn

from speech.backprop.check import Miss
from speech.backprop.operation import InputError
from speech.backprop.optimizers import adamw, clip_norm, sgd


def prove_rule(draw, ours, optimizer, n_steps=5, lost=()):
    """Raise Miss unless ``ours(parameters, grads)`` moves weights as ``optimizer(parameters)`` of torch does.

    In the steps of ``lost`` one value of the weight's gradient is NaN, or infinite.
    """
    parameters = {"weight": draw.rows(2), "bias": draw.values(draw.integer(1, 3)), "scale": draw.values()}
    torchs = {name: nn.Parameter(weight.clone()) for name, weight in parameters.items()}
    theirs = optimizer(torchs.values())
    for step in range(n_steps):
        grads = {name: draw.values(*weight.shape) for name, weight in parameters.items()}
        if step in lost:
            grads["weight"].view(-1)[0] = [math.nan, math.inf][step % 2]
        for name, parameter in torchs.items():
            parameter.grad = grads[name].clone()
        ours(parameters, grads)
        theirs.step()
        for name, weight in parameters.items():
            expected = torchs[name].detach()
            if not torch.equal(weight.isnan(), expected.isnan()):
                raise Miss(f"{name} after {step + 1} steps: {weight} and {expected}")
            hold(name, weight.nan_to_num(), expected.nan_to_num(), relative=1e-12 * max(1, n_steps / 10))


SGD = lambda p, g: sgd(p, g, 0.1), lambda p: torch.optim.SGD(p, lr=0.1)


def adamws(**settings):
    """Ours, with a memory of its own, and torch's."""
    settings = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01} | settings
    state = {}
    return (
        lambda p, g: adamw(p, g, state, rate=0.01, **settings),
        lambda p: torch.optim.AdamW(p, lr=0.01, **settings),
    )


@proves("sgd", large=True)
def test_gradient_descent_equals_torch(draw):
    prove_rule(draw, *SGD)


@proves("adamw")
def test_adamw_equals_torch(draw):
    prove_rule(draw, *adamws(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1))


@proves("many steps")
def test_three_hundred_steps_of_adamw_equal_torch():
    prove_rule(seeded(0), *adamws(), n_steps=300)


@proves("lost steps")
def test_a_gradient_of_nan_or_infinity_is_lost_where_torch_loses_it():
    for lost in (1,), (2,):
        for rule in SGD, adamws():
            prove_rule(seeded(0), *rule, lost=lost)


@proves("clip_norm", large=True)
def test_clipping_equals_torch_and_returns_the_norm_before(draw):
    grads = {str(i): draw.rows(2) for i in range(draw.integer(1, 3))}
    norm = float(torch.cat([grad.flatten() for grad in grads.values()]).norm())
    for part in (0.3, 3.0):  # once it has to shrink, once there is nothing to do
        torchs = [nn.Parameter(torch.zeros_like(grad)) for grad in grads.values()]
        for parameter, grad in zip(torchs, grads.values(), strict=True):
            parameter.grad = grad.clone()
        ours = {name: grad.clone() for name, grad in grads.items()}
        found, theirs = clip_norm(ours, part * norm), nn.utils.clip_grad_norm_(torchs, part * norm)
        hold("norm", torch.tensor(found, dtype=torch.float64), theirs)
        for parameter, grad in zip(torchs, ours.values(), strict=True):
            hold("clipped", grad, parameter.grad)
    assert clip_norm({}, 1.0) == 0
    for bad in ([math.nan, 1.0], [math.inf, 1.0], [1e30, 1e30], [1e20, 2e20], [3e-25, 4e-25]):
        parameter = nn.Parameter(torch.zeros(2))
        parameter.grad, ours = torch.tensor(bad), {"x": torch.tensor(bad)}
        largest = 1e-25 if max(bad) < 1 else 1.0  # NaN is told by NaN, and squares neither overflow nor vanish
        found, theirs = clip_norm(ours, largest), nn.utils.clip_grad_norm_([parameter], largest)
        assert found == pytest.approx(float(theirs), abs=0, nan_ok=True)
        assert torch.equal(ours["x"].nan_to_num(7), parameter.grad.nan_to_num(7))


@pytest.mark.parametrize("rule", [lambda p, g: sgd(p, g, 0.1), lambda p, g: adamw(p, g, {}, 0.1)], ids=["sgd", "adamw"])
def test_a_gradient_without_its_weight_is_named(rule):
    with pytest.raises(InputError, match="same names: bias"):
        rule({"weight": torch.ones(1)}, {"weight": torch.ones(1), "bias": torch.ones(1)})
