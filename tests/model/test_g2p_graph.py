"""A word reads the same alone and in a batch, in torch and in the exported file."""

import numpy as np
import pytest
import torch

from speech.inference.g2p import G2PRuntime
from speech.model import onnx_graph
from speech.model.g2p import G2P, Shape
from speech.model.g2p_graph import to_onnx
from speech.text.spelling import encode

SHAPE = Shape(n_embedding=16, n_language=8, n_classifier=16, n_units=16, n_layers=2, frames_per_letter=3, dropout=0.0)
NAMES = ["Nguyễn", "Bo", "Siobhán"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return G2P(SHAPE, ["one", "two", "three"], [0.5, 0.3, 0.2]).eval()


def inputs(names):
    words = [encode(name.lower()) for name in names]
    n_letters = torch.tensor([len(letters) for letters, _ in words])
    letters = torch.zeros(len(words), int(n_letters.max()), dtype=torch.long)
    marks = torch.zeros(*letters.shape, 2, dtype=torch.long)
    for row, (some, own) in enumerate(words):
        letters[row, : len(some)], marks[row, : len(some)] = torch.tensor(some), torch.tensor(own)
    return letters, marks, n_letters


def outputs(model, names, variety=1):
    letters, marks, n_letters = inputs(names)
    with torch.no_grad():
        embedded = model.embed(letters, marks)
        logits, n_frames = model(embedded, n_letters, torch.full((len(names),), variety))
        return model.classify(embedded, n_letters).log_softmax(1), logits.log_softmax(2), n_frames


def test_a_word_reads_the_same_alone_and_in_a_batch(model):
    varieties, log_probs, n_frames = outputs(model, NAMES)
    assert n_frames.tolist() == [18, 6, 21]
    for i, name in enumerate(NAMES):
        alone, own, _ = outputs(model, [name])
        torch.testing.assert_close(varieties[i], alone[0])
        torch.testing.assert_close(log_probs[i, : n_frames[i]], own[0])


def test_each_variety_reads_differently(model):
    assert not torch.allclose(outputs(model, NAMES, 0)[1], outputs(model, NAMES, 1)[1])


def test_the_exported_file_is_the_model_in_float32_and_in_int8(model, tmp_path):
    proto = to_onnx(model, card="a card")
    varieties, log_probs, n_frames = outputs(model, NAMES)
    letters, marks, n_letters = inputs(NAMES)
    fed = {"letters": letters, "marks": marks, "n_letters": n_letters, "variety": torch.tensor([1, 1, 1])}
    for content, tolerance in (proto, 1e-4), (onnx_graph.quantise(proto), 0.2):
        onnx_graph.save(content, tmp_path / "g2p.onnx")
        runtime = G2PRuntime(tmp_path / "g2p.onnx")
        assert (runtime.card, runtime.varieties) == ("a card", ["one", "two", "three"])
        of_file = runtime._session.run(["varieties", "log_probs"], {key: value.numpy() for key, value in fed.items()})
        np.testing.assert_allclose(of_file[0], varieties, atol=tolerance)
        for i, n in enumerate(n_frames):
            np.testing.assert_allclose(of_file[1][i, :n], log_probs[i, :n], atol=tolerance)
        for output in "varieties", "log_probs":
            with pytest.raises(Exception, match="letters hold no word: at least one is needed"):
                runtime._session.run([output], {key: value.numpy()[:0] for key, value in fed.items()}, runtime._asked)
