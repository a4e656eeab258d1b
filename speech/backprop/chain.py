"""Operations in a row, and the error carried back through all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from speech.backprop.operation import InputError, Saved


class Step(NamedTuple):
    """An operation that was carried out; ``names`` are those of its inputs that are parameters, "" for others."""

    name: str
    operation: Any
    saved: Saved
    names: tuple[str, ...]


@dataclass
class Chain:
    """Operations in a row, each taking what the one before put out. ``values`` keeps that by the step's name."""

    steps: list[Step] = field(default_factory=list)
    values: dict[str, Tensor] = field(default_factory=dict)

    def step(self, name: str, operation: Any, x: Tensor, *others: Any, names: Sequence[str] = ()) -> Tensor:
        """Carry out ``operation`` on ``x`` and ``others``, the last of which are the parameters called ``names``."""
        if name in self.values:
            raise InputError(f"the chain has a step {name} already: its value would be lost")
        output, saved = operation.forward(x, *others)
        of_others = ("",) * (len(others) - len(names)) + tuple(names)
        self.steps.append(Step(name, operation, saved, of_others))
        self.values[name] = output
        return output

    def backward(self, grad: Tensor, until: str | None = None) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """From the gradient of the last output: those of the parameters, and of each step's output, by name.

        ``until`` is the last step that is gone back through; without it the first is, and the gradient of the chain's
        own input is found under ``input``.
        """
        of_parameters: dict[str, Tensor] = {}
        of_values: dict[str, Tensor] = {}
        for step in reversed(self.steps):
            of_values[step.name] = grad
            grad, *others = step.operation.backward(step.saved, grad)
            for name, g in zip(step.names, others, strict=True):
                if name:  # a weight that several steps use gets the sum of their gradients
                    of_parameters[name] = of_parameters[name] + g if name in of_parameters else g
            if step.name == until:
                return of_parameters, of_values
        return of_parameters, of_values | {"input": grad}
