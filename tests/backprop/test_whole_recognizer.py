"""The whole recogniser by hand, waveform to loss, against autograd through the recogniser that is trained.

On a tiny one each intermediate value too; on batches of the corpus every encoder and front end there is.
"""

from unittest import mock

import pytest
import torch
from omegaconf import OmegaConf
from proof import Draw, for_any_sizes, hold, seeded
from test_through_time import plain

from speech.backprop import recognizer as by_hand
from speech.backprop.check import Miss, compare_with_differences, require_close
from speech.backprop.frames import frame_mask
from speech.config import tree
from speech.data.dataset import Batch
from speech.data.samplers import Step
from speech.model.ctc_loss import ctc_loss
from speech.model.recognizer import PARTS, Recognizer
from speech.training.corpora import make_data
from speech.training.loss import geometry_of, loss_of, texts
from speech.training.manual import ByHand, dropout_masks

ENCODERS = [path.stem for path in sorted((tree.CONF / "encoder").glob("*.yaml"))]
FRONTENDS = [path.stem for path in sorted((tree.CONF / "frontend").glob("*.yaml"))]
TOLERANCE = 1e-10  # of a tensor's largest gradient, over the whole way from the loss to the waveform


PHONES = ["m", "ɑ", "n", "ɹ"]


def tiny(draw: Draw, cell="gru", dropout=0.0, phones=False, **changes):
    """A recogniser of a few hundred parameters, float64, none of them 0; with ``phones`` it hears these as well."""
    front = {"sample_rate": 800, "window_length": 40, "hop_length": 16, "n_mels": 5, "f_min": 20, "f_max": 380}
    front |= {"n_mfcc": 4, "n_deltas": 1} | {key: changes.pop(key) for key in ("n_mfcc", "n_deltas") if key in changes}
    encoder = {"cell": cell, "n_units": 3, "n_layers": 2, "kernel": 3, "stride": 2, "dropout": dropout} | changes
    recognizer = Recognizer(
        {
            "alphabet": "abc",
            "phones": PHONES if phones else False,
            "frontend": {"_target_": "speech.model.frontend.FrontEnd"} | front,
            "encoder": {"_target_": "speech.model.encoder.Encoder"} | encoder,
            "decoder": {"_target_": "speech.inference.decode.Greedy"},
        }
    ).double()
    with torch.no_grad():
        for parameter in recognizer.parameters():
            parameter.copy_(draw.values(*parameter.shape))
    return recognizer.train(dropout > 0)


def sounds(draw: Draw, phones=False):
    """A batch of unequal lengths for a tiny recogniser; the last text is too long for its frames, and with ``phones``
    so are those of the last clip but one."""
    waveforms, n_samples = draw.values(4, 300), draw.lengths(4, 300, least=120)
    n_samples[-1] = 75
    targets = torch.tensor([[1, 2, 2], [3, 1, 0], [2, 0, 0], [1, 1, 1]])
    waveforms = waveforms * frame_mask(n_samples, 300)
    batch = Batch(waveforms, n_samples, targets, torch.tensor([3, 2, 1, 3]), [], [], [])
    if not phones:
        return batch
    said = torch.zeros(4, 30, dtype=torch.int64)
    said[:, :4] = torch.tensor([[1, 2, 2, 3], [4, 0, 0, 0], [0, 0, 0, 0], [2, 1, 0, 0]])
    said[2] = torch.tensor([1, 3, 4] * 10)
    return batch._replace(phones=said, n_phones=torch.tensor([4, 1, 30, 1]))


def ours(module, recognizer, batch):
    """The chain that was walked, its loss, and the gradients of parameters and values, all without autograd."""
    parameters = {name: parameter.detach() for name, parameter in recognizer.named_parameters()}
    masks = dropout_masks(recognizer, batch.waveforms.shape[1], batch.n_samples)
    chain, n_frames = module.hear(geometry_of(recognizer), parameters, batch.waveforms, batch.n_samples, masks)
    loss = module.spell(chain, n_frames, texts(batch), recognizer.n_symbols)
    return chain, loss, *chain.backward(torch.ones_like(loss))


def theirs(recognizer, batch):
    """loss_of, and autograd's gradients of the parameters and of the waveform."""
    waveforms = batch.waveforms.clone().requires_grad_()
    losses = loss_of(recognizer, batch._replace(waveforms=waveforms))
    named = dict(recognizer.named_parameters())
    *grads, of_waveforms = torch.autograd.grad(losses.loss, [*named.values(), waveforms])
    return losses, dict(zip(named, grads, strict=True)), of_waveforms


def hold_all(found, expected, relative=TOLERANCE):
    if missing := expected.keys() ^ found.keys():
        raise Miss(f"gradients on one side only: {', '.join(sorted(missing))}")
    for name, grad in expected.items():
        hold(name, found[name], grad, relative)


def prove_recognizer(module, draw):
    cell = ["rnn", "gru", "lstm"][draw.integer(0, 2)]
    changes = {"bidirectional": draw.integer(0, 2) > 0, "n_mfcc": [None, 4][draw.integer(0, 1)]}
    phones = draw.integer(0, 1) > 0
    changes |= {"n_deltas": draw.integer(0, 2), "phones": phones}
    recognizer = tiny(draw, cell, dropout=[0.0, 0.3][draw.integer(0, 1)], **changes)
    batch, seed = sounds(draw, phones), draw.integer(0, 99)
    torch.manual_seed(seed)
    losses, of_parameters, of_waveforms = theirs(recognizer, batch)
    torch.manual_seed(seed)
    chain, loss, found, of_values = ours(module, recognizer, batch)
    hold("logits", chain.values["logits"], losses.logits.detach())
    hold("loss", loss, losses.loss.detach())
    hold_all(found | {"input": of_values.get("input", loss)}, of_parameters | {"input": of_waveforms})
    until, stopped = chain.backward(torch.ones_like(loss), until=module.FIRST_TRAINED)
    hold_all(until, found, relative=0)
    if "features" in stopped or module.FIRST_TRAINED not in stopped:
        raise Miss(f"until={module.FIRST_TRAINED} went back through {', '.join(stopped)}")


class Plain:
    """A cell whose forward pass autograd can record: the plain loop."""

    @staticmethod
    def forward(*inputs):
        return plain(*inputs), ()


def prove_intermediates(module, recognizer, batch):
    """Each step's value and its gradient, against the same steps recorded by autograd."""
    chain, _, found, of_values = ours(module, recognizer, batch)
    parameters = {name: p.detach().clone().requires_grad_() for name, p in recognizer.named_parameters()}
    waveforms = batch.waveforms.clone().requires_grad_()
    with mock.patch.dict(by_hand.CELLS, dict.fromkeys(by_hand.CELLS, Plain)):
        recorded, n_frames = by_hand.forward(geometry_of(recognizer), parameters, waveforms, batch.n_samples)
        loss = by_hand.add_loss(recorded, n_frames, texts(batch), recognizer.n_symbols)
    for value in recorded.values.values():
        value.retain_grad()
    loss.backward()
    assert list(chain.values) == list(recorded.values)
    for name, value in recorded.values.items():
        hold(name, chain.values[name], value.detach())
    # An infinite loss is left out by a choice, which autograd has no slope for: torch gives 0, and so do we.
    hold_all(
        of_values, {name: value.grad for name, value in recorded.values.items()} | {"input": waveforms.grad}, 1e-12
    )
    hold_all(found, {name: parameter.grad for name, parameter in parameters.items()}, 1e-12)


@for_any_sizes
def test_each_parameter_and_the_waveform_have_autograds_gradient(draw):
    prove_recognizer(by_hand, draw)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize(
    "changes", [{}, {"n_mfcc": None, "n_deltas": 0}, {"bidirectional": False}, {"phones": True}], ids=str
)
def test_every_value_on_the_way_has_autograds_gradient(cell, changes):
    draw = seeded(0)
    prove_intermediates(by_hand, tiny(draw, cell, **changes), sounds(draw, "phones" in changes))


@pytest.mark.parametrize("phones", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_central_differences_of_the_loss_agree_at_every_parameter_and_the_waveform(cell, phones):
    draw = seeded(0)
    recognizer, batch = tiny(draw, cell, phones=phones), sounds(draw, phones)
    _, _, found, of_values = ours(by_hand, recognizer, batch)
    tensors = {name: parameter.detach() for name, parameter in recognizer.named_parameters()}
    with torch.no_grad():
        compared = compare_with_differences(
            lambda: loss_of(recognizer, batch).loss,
            tensors | {"waveforms": batch.waveforms},
            found | {"waveforms": of_values["input"]},
            n_values=3,
        )
    require_close(compared, 1e-6)


def test_letters_alone_give_the_loss_of_the_letters_and_move_nothing_of_the_phones():
    """As in the lesson on one name: a recogniser that hears phones too, and a batch that says nothing of them."""
    draw = seeded(0)
    recognizer, batch = tiny(draw, phones=True), sounds(draw)
    letters, _ = recognizer.n_symbols
    _, loss, found, of_values = ours(by_hand, recognizer, batch)
    waveforms = batch.waveforms.clone().requires_grad_()
    logits, n_frames = recognizer(waveforms, batch.n_samples)
    losses = ctc_loss(recognizer.split(logits)[0], n_frames, batch.targets, batch.n_letters) / batch.n_letters
    expected = losses[losses.isfinite()].mean()
    hold("loss", loss, expected.detach())
    assert of_values["logits"][..., letters:].eq(0).all()
    assert of_values["logits"][..., :letters].ne(0).any()
    assert found["encoder.output.weight"][letters:].eq(0).all()
    named = dict(recognizer.named_parameters())
    *grads, of_waveforms = torch.autograd.grad(expected, [*named.values(), waveforms])
    hold_all(found | {"input": of_values["input"]}, dict(zip(named, grads, strict=True)) | {"input": of_waveforms})


def test_phones_that_are_too_many_for_the_frames_are_infeasible_and_left_out_by_either_way():
    draw = seeded(0)
    recognizer, batch = tiny(draw, phones=True), sounds(draw, phones=True)
    losses = loss_of(recognizer, batch)
    by_hand_losses = ByHand().forward(recognizer, batch)
    assert int(losses.n_infeasible) == int(by_hand_losses.n_infeasible) == 2, "one text of letters, one of phones"
    assert losses.loss.isfinite()
    kept = [0, 1, 3]
    n_frames, n_phones = losses.n_frames[kept], batch.n_phones[kept]
    said = ctc_loss(recognizer.split(losses.logits)[1][kept], n_frames, batch.phones[kept], n_phones) / n_phones
    assert said.isfinite().all()
    _, letters, *_ = ours(by_hand, recognizer, batch._replace(phones=None, n_phones=None))
    for loss in (losses.loss, by_hand_losses.loss):
        hold("loss", loss.detach(), letters + said.mean().detach(), TOLERANCE)


def composed_recognizer(compose, *overrides):
    """The config of ``overrides``, and a recogniser of random weights that it describes, float64."""
    composed = compose("train", *overrides)
    nodes = OmegaConf.to_container(OmegaConf.masked_copy(composed, list(PARTS)), resolve=True)
    torch.manual_seed(0)
    return composed, Recognizer({part: nodes[part] for part in PARTS}).double()


@pytest.fixture(scope="module")
def corpus_batch(compose):
    """Six clips of the corpus, of unequal lengths."""
    corpus = ["corpus.names=[Martin,Mark,Ellen]", "corpus.n_train=2", "corpus.n_val=1"]
    data = make_data(*composed_recognizer(compose, *corpus, "corpus.n_test=1", "augment=none"))
    batch = data.datasets["train"][Step(0, 0, list(range(6)))]
    return batch._replace(waveforms=batch.waveforms.double())


@pytest.mark.parametrize("frontend", FRONTENDS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_batch_of_the_corpus_gives_every_encoder_and_front_end_autograds_gradients(
    compose, corpus_batch, encoder, frontend
):
    assert len(set(corpus_batch.n_samples.tolist())) > 1
    others = f"frontend={frontend}", "encoder.n_units=16"
    _, recognizer = composed_recognizer(tree, f"encoder={encoder}", *others)
    _, torchs = composed_recognizer(tree, f"encoder={encoder.removesuffix('_by_hand')}", *others)
    torchs.load_state_dict(recognizer.state_dict())
    losses, of_parameters, of_waveforms = theirs(torchs, corpus_batch)
    expected = of_parameters | {"waveforms": of_waveforms}
    _, loss, found, of_values = ours(by_hand, recognizer, corpus_batch)
    hold("loss", loss, losses.loss.detach())
    hold_all(found | {"waveforms": of_values["input"]}, expected)
    if recognizer.encoder.by_hand:
        wrapped, of_parameters, of_waveforms = theirs(recognizer, corpus_batch)
        hold("loss", wrapped.loss.detach(), losses.loss.detach())
        hold_all(of_parameters | {"waveforms": of_waveforms}, expected)
