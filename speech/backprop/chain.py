"""A sequence of operations, and backpropagation through all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from speech.backprop.operation import InputError, Saved


class Step(NamedTuple):
    """An operation that was applied; ``names`` has, for each input after the first, a parameter's name or ""."""

    name: str
    operation: Any
    saved: Saved
    names: tuple[str, ...]


@dataclass
class Chain:
    """A sequence of operations, each applied to the previous output. ``values`` has each output by its step's name."""

    steps: list[Step] = field(default_factory=list)
    values: dict[str, Tensor] = field(default_factory=dict)

    def step(self, name: str, operation: Any, x: Tensor, *others: Any, names: Sequence[str] = ()) -> Tensor:
        """Apply ``operation`` to ``x`` and ``others``, the last of which are the parameters called ``names``."""
        if name in self.values:
            raise InputError(f"the chain already has a step {name}: its value would be lost")
        output, saved = operation.forward(x, *others)
        of_others = ("",) * (len(others) - len(names)) + tuple(names)
        self.steps.append(Step(name, operation, saved, of_others))
        self.values[name] = output
        return output

    def backward(self, grad: Tensor, until: str | None = None) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The gradients of the parameters, and of each step's output, by name, given that of the last output.

        ``until`` names the step at which the backward pass stops. Without it the pass continues through the first step
        and also returns the gradient of the chain's own input, as ``input``.
        """
        of_parameters: dict[str, Tensor] = {}
        of_values: dict[str, Tensor] = {}
        for step in reversed(self.steps):
            of_values[step.name] = grad
            grad, *others = step.operation.backward(step.saved, grad)
            for name, g in zip(step.names, others, strict=True):
                if name:  # a weight shared by several steps gets the sum of their gradients
                    of_parameters[name] = of_parameters[name] + g if name in of_parameters else g
            if step.name == until:
                return of_parameters, of_values
        return of_parameters, of_values | {"input": grad}
