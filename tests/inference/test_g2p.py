"""The grapheme-to-phoneme model that ships: pronunciations with probabilities, of any name in Latin letters."""

import numpy as np
import onnx
import pytest

from speech import pretrained
from speech.inference.errors import RecognizerError
from speech.inference.g2p import N_PRONUNCIATIONS, G2PRuntime, shipped
from speech.model import onnx_graph
from speech.text.alphabet import TextError
from speech.text.phones import PHONES, phones

LARGEST = 500_000  # bytes, of the file
NAMES = ["Martin", "Siobhán", "Nguyễn", "Anne-Marie", "O\u2019Brien", "José María", "Li", "Þóra", "Ğ"]


def test_the_file_is_small_and_has_its_card():
    assert pretrained.shipped(pretrained.G2P).stat().st_size <= LARGEST
    assert "CC BY-SA" in shipped().card


@pytest.mark.parametrize("name", NAMES)
def test_a_name_has_up_to_eight_pronunciations_the_likeliest_first(name):
    found = shipped().pronunciations(name)
    assert 1 <= len(found) <= N_PRONUNCIATIONS
    assert len({one.phones for one in found}) == len(found)
    probabilities = [one.probability for one in found]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    assert all(one.phones and set(one.phones) <= set(PHONES) for one in found)


@pytest.mark.parametrize(
    ("name", "ipa"), [("Martin", "mɑɹtɪn"), ("Michael", "maɪkəl"), ("Jane", "dʒeɪn"), ("Wojciech", "vɔɪtʃɛx")]
)
def test_common_names_are_read_as_people_say_them(name, ipa):
    assert phones(ipa) in [one.phones for one in shipped().pronunciations(name)]


def test_a_name_is_read_the_same_alone_and_among_others():
    for name, found in zip(NAMES, shipped().pronunciations_of(NAMES), strict=True):
        alone = shipped().pronunciations(name)
        assert [one.phones for one in found] == [one.phones for one in alone]
        np.testing.assert_allclose([o.probability for o in found], [o.probability for o in alone], rtol=1e-4)


def test_case_and_the_form_of_marks_make_no_difference():
    one, *others = shipped().pronunciations_of(["Zoë", "ZOË", "zoe\u0308"])
    assert all(other == one for other in others)


def test_no_names_have_no_pronunciations():
    assert shipped().pronunciations_of([]) == []


@pytest.mark.parametrize("name", ["Мартин", "Anna 李", "", "-", "R2D2"])
def test_what_cannot_be_read_is_refused_by_its_name(name):
    with pytest.raises(TextError, match=r"Latin letter|no letter") as raised:
        shipped().pronunciations_of(["Anna", name])
    assert repr(name) in str(raised.value)


def test_another_file_is_refused(tmp_path):
    with pytest.raises(RecognizerError, match="no such grapheme-to-phoneme model"):
        G2PRuntime(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no graph")
    with pytest.raises(RecognizerError, match="cannot read it"):
        G2PRuntime(tmp_path / "text.onnx")
    model = onnx.load_model(pretrained.FOLDER / pretrained.G2P)
    onnx.helper.set_model_props(model, {"format": "99", "kind": "g2p"})
    onnx_graph.save(model, tmp_path / "newer.onnx")
    with pytest.raises(RecognizerError, match="format 1"):
        G2PRuntime(tmp_path / "newer.onnx")
