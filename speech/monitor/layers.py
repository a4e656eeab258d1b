"""A model's tensors by layer: ``recognizer.encoder.output.weight`` belongs to ``encoder.output``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from torch import Tensor, nn


def by_layer(tensors: Mapping[str, Tensor]) -> dict[str, list[Tensor]]:
    """``tensors``, which have the names of the Lightning module's parameters, by layer."""
    layers: defaultdict[str, list[Tensor]] = defaultdict(list)
    for name, tensor in tensors.items():
        layers[name.removeprefix("recognizer.").rpartition(".")[0]].append(tensor)
    return dict(layers)


def gradients(model: nn.Module) -> dict[str, Tensor]:
    """The gradients of those of ``model``'s parameters that have one."""
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def has_diverged(model: nn.Module) -> bool:
    """Whether a weight is NaN or infinite: the curves show this, and there is nothing to draw."""
    return not all(parameter.isfinite().all() for parameter in model.parameters())


def norms(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """The Euclidean norm of each layer's tensors together, and of all tensors (``all``)."""
    squares = {layer: sum(float(one.square().sum()) for one in some) for layer, some in by_layer(tensors).items()}
    return {layer: square**0.5 for layer, square in (squares | {"all": sum(squares.values())}).items()}
