"""The only file that uses torch.autograd: it makes an operation a node of a network that autograd trains.

    y = by_hand(Gru, x, weight_ih, weight_hh, bias_ih, bias_hh)

Its gradient is the hand-written one. The second derivative is autograd's derivative of the hand-written backward, which
is recomputed from the inputs: differentiating through the tensors that forward saved would treat them as constants and
be silently wrong. Operations that write into buffers (the recurrent ones) cannot be differentiated this way, and raise.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from speech.backprop.operation import InputError, Operation


def by_hand(operation: type[Operation], *inputs: Any) -> Tensor:
    """Apply ``operation`` to ``inputs``, with its hand-written derivative."""
    output: Tensor = _ByHand.apply(operation, *inputs)
    return output


class _ByHand(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, operation: type[Operation], *inputs: Any) -> Tensor:
        output, saved = operation.forward(*inputs)
        tensors: list[Tensor] = []
        ctx.operation = operation
        ctx.inputs, ctx.saved = _put_away(inputs, tensors), _put_away(saved, tensors)
        ctx.save_for_backward(*tensors)  # not as attributes: an output among them would keep itself alive
        return output

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        tensors = ctx.saved_tensors
        if torch.is_grad_enabled():  # a graph of this computation is wanted (create_graph)
            inputs = _take_out(ctx.inputs, tensors)
            try:
                _, saved = ctx.operation.forward(*inputs)
                grads = ctx.operation.backward(saved, *grad_outputs)
            except RuntimeError as error:
                name = ctx.operation.__name__
                raise RuntimeError(f"hand-written {name} has no second derivative: use autograd's {name}") from error
        else:
            grads = ctx.operation.backward(_take_out(ctx.saved, tensors), *grad_outputs)
        for i, (asked, grad) in enumerate(zip(ctx.needs_input_grad[1:], grads, strict=True)):
            if asked and grad is None:  # autograd would treat None as 0
                name = list(inspect.signature(ctx.operation.forward).parameters)[i]
                raise InputError(f"{ctx.operation.__name__} has no hand-written derivative of {name}: detach it")
        return None, *grads


class _Place(int):
    """The position of a tensor in the list of saved tensors."""


def _put_away(value: Any, tensors: list[Tensor]) -> Any:
    if isinstance(value, Tensor):
        tensors.append(value)
        return _Place(len(tensors) - 1)
    if isinstance(value, tuple):
        kept = [_put_away(one, tensors) for one in value]
        return type(value)(*kept) if hasattr(value, "_fields") else tuple(kept)
    return value


def _take_out(value: Any, tensors: tuple[Tensor, ...]) -> Any:
    if isinstance(value, _Place):
        return tensors[value]
    if isinstance(value, tuple):
        kept = [_take_out(one, tensors) for one in value]
        return type(value)(*kept) if hasattr(value, "_fields") else tuple(kept)
    return value
