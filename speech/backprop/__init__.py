"""Backpropagation written out by hand: every derivative that training uses, in torch tensors and without autograd.

Each operation is a class with two functions that a reader can check with a pencil:

    forward(*inputs)  -> output, saved            saved: what backward needs, and nothing else
    backward(saved, grad_output) -> grads         one gradient per input, in order; None for an input that has none
                                                  (integers, masks, settings)

``grad_x`` is the derivative of the loss with respect to ``x`` and has its shape. Networks are compositions of those
pairs: forward from the first to the last, then backward from the last to the first (Rumelhart, Hinton and Williams
1986). Weights have torch's layout and gate order, so they can be exchanged with torch unchanged. ``autograd.py`` wraps
the pairs for a network that autograd trains; no other file here uses torch.autograd or torch.nn.

Read in this order: linear, activations, losses, then rnn (through time), gru and lstm, ctc, recognizer.
"""
