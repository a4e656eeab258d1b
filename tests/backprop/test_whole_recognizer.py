"""The whole recogniser by hand, waveform to loss, against autograd through the recogniser that is trained.

It is a tiny one here; test_check_gradients.py has every encoder and front end, the values on the way, and differences.
"""

import torch
from proof import hold, hold_all, proves, seeded
from torch.nn import functional as F

from speech.backprop import recognizer as by_hand
from speech.backprop.activations import Tanh
from speech.backprop.chain import Chain
from speech.backprop.check import Miss
from speech.backprop.frames import frame_mask
from speech.backprop.linear import Linear
from speech.data.dataset import Batch
from speech.model.ctc_loss import ctc_loss
from speech.model.recognizer import Recognizer
from speech.training.loss import loss_of, texts
from speech.training.manual import Manual, dropout_masks

CELLS = ["rnn", "gru", "lstm"]
PHONES = ["m", "ɑ", "n", "ɹ"]
TOLERANCE = 1e-10  # of a tensor's largest gradient, over the whole way from the loss to the waveform


def tiny(draw, cell="gru", dropout=0.0, phones=False, n_mfcc=4, n_deltas=1, **encoder):
    """A recogniser of a few hundred parameters, float64, none of them 0; with ``phones`` it has that output too."""
    frontend = {"_target_": "speech.model.frontend.FrontEnd", "n_mfcc": n_mfcc, "n_deltas": n_deltas, "n_mels": 5}
    frontend |= {"sample_rate": 800, "window_length": 40, "hop_length": 16, "f_min": 20, "f_max": 380}
    frontend |= {"n_prior_frames": 0, "floor_db": 60}  # few values lie at the floor, whose kink differences cannot take
    encoder = {"_target_": "speech.model.encoder.Encoder", "cell": cell, "dropout": dropout} | encoder
    encoder |= {"n_units": 3, "n_layers": 2, "kernel": 3, "stride": 2}
    decoder = {"_target_": "speech.inference.decode.Greedy"}
    parts = {"alphabet": "abc", "phones": PHONES if phones else False}
    recognizer = Recognizer(parts | {"frontend": frontend, "encoder": encoder, "decoder": decoder}).double()
    with torch.no_grad():
        for parameter in recognizer.parameters():
            parameter.copy_(draw.values(*parameter.shape))
    return recognizer.train(dropout > 0)


def sounds(draw, phones=False):
    """A batch of unequal lengths for a tiny recogniser; the last clip's letters are too many for its frames, and with
    ``phones`` so are the phones of the last but one."""
    waveforms, n_samples = draw.values(4, 300), draw.lengths(4, 300, least=120)
    n_samples[-1] = 75
    targets = torch.tensor([[1, 2, 2], [3, 1, 0], [2, 0, 0], [1, 1, 1]])
    waveforms = waveforms * frame_mask(n_samples, 300)
    batch = Batch(waveforms, n_samples, targets, torch.tensor([3, 2, 1, 3]), [], [], [])
    if not phones:
        return batch
    symbols = torch.zeros(4, 30, dtype=torch.int64)
    symbols[:, :4] = torch.tensor([[1, 2, 2, 3], [4, 0, 0, 0], [0, 0, 0, 0], [2, 1, 0, 0]])
    symbols[2] = torch.tensor([1, 3, 4] * 10)
    return batch._replace(phones=symbols, n_phones=torch.tensor([4, 1, 30, 1]))


def ours(recognizer, batch):
    """The chain, its loss, and the gradients of parameters and the waveforms (``input``), all without autograd."""
    parameters = {name: parameter.detach() for name, parameter in recognizer.named_parameters()}
    masks = dropout_masks(recognizer, batch.waveforms.shape[1], batch.n_samples)
    chain, n_frames = by_hand.forward(recognizer.geometry(), parameters, batch.waveforms, batch.n_samples, masks)
    loss = by_hand.add_loss(chain, n_frames, texts(batch), recognizer.n_symbols)
    grads, of_values = chain.backward(torch.ones_like(loss))
    return chain, loss, grads | {"input": of_values.get("input", loss)}


def grads_of(loss, recognizer, waveforms):
    """Autograd's gradients of the parameters, by their names, and of the waveforms, as ``input``."""
    named = dict(recognizer.named_parameters()) | {"input": waveforms}
    return dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))


def theirs(recognizer, batch):
    """``loss_of``, and autograd's gradients."""
    batch = batch._replace(waveforms=batch.waveforms.clone().requires_grad_())
    losses = loss_of(recognizer, batch)
    return losses, grads_of(losses.loss, recognizer, batch.waveforms)


@proves("Chain")
def test_a_weight_that_is_used_twice_gets_the_sum_of_both_gradients(draw):
    x, weight, bias = draw.values(2, 3), draw.values(3, 3), draw.values(3)

    def twice(weight, bias):
        return F.linear(torch.tanh(F.linear(torch.tanh(F.linear(x, weight, bias)), weight, bias)), weight, bias)

    chain, y, names = Chain(), x, ("weight", "bias")
    for i in range(3):
        y = chain.step(f"linear {i}", Linear, y, weight, bias, names=names)
        y = chain.step(f"tanh {i}", Tanh, y) if i < 2 else y
    grad = draw.values(2, 3)
    leaves = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    theirs = torch.autograd.grad(twice(*leaves), leaves, grad)
    ours, _ = chain.backward(grad)
    hold_all(ours, dict(zip(names, theirs, strict=True)))
    again, _ = chain.backward(grad)  # nothing was added to what is kept
    hold_all(again, ours)


@proves("recognizer")
def test_parameters_and_waveform_have_autograds_gradients(draw):
    cell = CELLS[draw.integer(0, 2)]
    changes = {"bidirectional": draw.integer(0, 2) > 0, "n_mfcc": [None, 4][draw.integer(0, 1)]}
    changes |= {"n_deltas": draw.integer(0, 2), "phones": draw.integer(0, 1) > 0}
    recognizer = tiny(draw, cell, dropout=[0.0, 0.3][draw.integer(0, 1)], **changes)
    batch, seed = sounds(draw, changes["phones"]), draw.integer(0, 99)
    torch.manual_seed(seed)
    losses, expected = theirs(recognizer, batch)
    torch.manual_seed(seed)
    chain, loss, found = ours(recognizer, batch)
    hold("logits", chain.values["logits"], losses.logits.detach())
    hold("loss", loss, losses.loss.detach())
    hold_all(found, expected, TOLERANCE)
    until, stopped = chain.backward(torch.ones_like(loss), until=by_hand.FIRST_TRAINED)
    hold_all(until | {"input": found["input"]}, found, relative=0)
    if "features" in stopped or by_hand.FIRST_TRAINED not in stopped:
        raise Miss(f"until={by_hand.FIRST_TRAINED} went back through {', '.join(stopped)}")


def test_a_batch_without_phones_leaves_the_phone_output_without_gradient():
    draw = seeded(0)
    recognizer, batch = tiny(draw, phones=True), sounds(draw)
    letters, _ = recognizer.n_symbols
    chain, loss, found = ours(recognizer, batch)
    waveforms = batch.waveforms.clone().requires_grad_()
    logits, n_frames = recognizer(waveforms, batch.n_samples)
    losses = ctc_loss(recognizer.split(logits)[0], n_frames, batch.targets, batch.n_letters) / batch.n_letters
    expected = losses[losses.isfinite()].mean()
    hold("loss", loss, expected.detach())
    hold_all(found, grads_of(expected, recognizer, waveforms), TOLERANCE)
    assert not found["encoder.output.weight"][letters:].any()
    assert not chain.backward(torch.ones_like(loss), until="logits")[1]["logits"][..., letters:].any()


def test_infeasible_phones_are_counted_and_left_out_of_the_loss():
    draw = seeded(0)
    recognizer, batch = tiny(draw, phones=True), sounds(draw, phones=True)
    losses, losses_by_hand = loss_of(recognizer, batch), Manual().forward(recognizer, batch)
    assert int(losses.n_infeasible) == int(losses_by_hand.n_infeasible) == 2, "one text of letters, one of phones"
    assert losses.loss.isfinite()
    kept = [0, 1, 3]
    n_frames, n_phones = losses.n_frames[kept], batch.n_phones[kept]
    phones = ctc_loss(recognizer.split(losses.logits)[1][kept], n_frames, batch.phones[kept], n_phones) / n_phones
    assert phones.isfinite().all()
    _, letters, _ = ours(recognizer, batch._replace(phones=None, n_phones=None))
    for loss in (losses.loss, losses_by_hand.loss):
        hold("loss", loss.detach(), letters + phones.mean().detach(), TOLERANCE)
