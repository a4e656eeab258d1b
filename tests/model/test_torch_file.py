"""A recogniser's file can be wrong, and can do nothing but be refused: damage, sizes, numbers, classes."""

import math
import random
import zipfile

import pytest
import torch

from speech import pretrained
from speech.inference.errors import RecognizerError
from speech.model import torch_file
from speech.model.recognizer import Recognizer
from speech.training.checkpoint import CheckpointIO


@pytest.fixture
def small(make_recognizer, tmp_path):
    """A small recogniser's file."""
    make_recognizer(n_units=8, n_layers=1, phones=True).save(tmp_path / "recognizer.pt")
    return tmp_path / "recognizer.pt"


def flipped(content, rng):
    changed = bytearray(content)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def refused(path, content, reason="."):
    """That the recogniser of ``content`` is refused in one line that names its file."""
    path.write_bytes(content if isinstance(content, bytes) else torch_file.to_bytes(content))
    with pytest.raises(RecognizerError, match=reason) as raised:
        Recognizer.load(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert len(str(raised.value).splitlines()) == 1
    return True


def test_what_was_saved_is_read(small):
    whole = torch_file.read(small)
    small.write_bytes(torch_file.to_bytes(whole))
    found = Recognizer.load(small)
    assert found.names == ["Martin", "Mark"]
    assert all(torch.equal(one, whole["weights"][name]) for name, one in found.state_dict().items())


def test_a_flipped_bit_is_refused(small):
    whole, rng = small.read_bytes(), random.Random(0)
    for _ in range(200):
        refused(small, flipped(whole, rng))


def test_a_cut_file_is_refused(small):
    whole = small.read_bytes()
    for n in (0, 10, len(whole) // 2, len(whole) - 65, len(whole) - 1):
        refused(small, whole[:n])


def test_a_flipped_bit_of_a_checkpoint_is_refused(tmp_path):
    path, rng = tmp_path / "last.ckpt", random.Random(1)
    CheckpointIO().save_checkpoint({"epoch": 3, "state_dict": {"a": torch.randn(50)}}, path)
    whole = path.read_bytes()
    for _ in range(200):
        path.write_bytes(flipped(whole, rng))
        with pytest.raises(ValueError, match=r"last\.ckpt: not a whole checkpoint .*start a new run"):
            CheckpointIO().load_checkpoint(path)


def test_the_shipped_file_is_read_anywhere_and_damaged_weights_are_not(tmp_path):
    """It is of a version without checksums in the file: those of the archive's entries are compared."""
    whole, path = (pretrained.FOLDER / pretrained.RECOGNIZER).read_bytes(), tmp_path / "copied.pt"
    path.write_bytes(whole)
    ours = Recognizer.load(path).state_dict()
    for seed in range(10):
        path.write_bytes(flipped(whole, random.Random(seed)))
        try:
            found = Recognizer.load(path).state_dict()
        except RecognizerError:
            continue
        assert all(torch.equal(ours[name], tensor) for name, tensor in found.items())


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("n_units", 8_000, r"encoder\..* is .* where .*8000"),
        ("n_units", 30_000, "encoder.n_units=30000 must be an integer from 1 to 8192"),
        ("n_units", 10**30, "must be an integer from"),
        ("n_units", math.nan, "nan is not a finite number"),
        ("n_units", -1, "must be an integer from"),
        ("n_layers", 10**9, "encoder.n_layers=1000000000 must be an integer from 1 to 64"),
        ("n_layers", 64, "no encoder"),
        ("kernel", 10**9 + 1, "must be an integer from"),
        ("stride", 0, "must be an integer from"),
        ("dropout", math.inf, "not a finite number"),
    ],
)
def test_sizes_are_compared_before_memory_is_taken(small, monkeypatch, key, value, reason):
    made = []
    monkeypatch.setattr("torch.nn.Conv1d.reset_parameters", lambda layer: made.append(layer.weight.device.type))
    content = torch_file.read(small)
    content["parts"]["encoder"][key] = value
    assert refused(small, content, reason)
    assert set(made) <= {"meta"}, "numbers were drawn for it"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sample_rate", math.nan),
        ("sample_rate", 10**12),
        ("sample_rate", 0),
        ("window_length", 10**9),
        ("hop_length", 0),
        ("n_mels", 10**9),
        ("n_mfcc", -1),
        ("n_deltas", 10**9),
        ("f_min", -math.inf),
        ("f_max", math.nan),
        ("f_max", -1),
        ("n_prior_frames", math.inf),
        ("floor_db", math.inf),
        ("floor_db", 1e300),
    ],
)
def test_a_front_end_out_of_all_bounds_is_refused(small, key, value):
    content = torch_file.read(small)
    content["parts"]["frontend"][key] = value
    assert refused(small, content)


REJECTION = {"weights": [1.0] * 4, "thresholds": {"0.05": 0.5}, "false_accept_rate": "0.05", "rejected_from": 2.0}


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["weights"]["encoder.output.bias"].fill_(math.nan),
        lambda content: content["weights"]["frontend.prior_mean"].fill_(-math.inf),
        lambda content: content.update(phones_weight=math.nan),
        lambda content: content.update(phones_weight="1"),
        lambda content: content.update(names="Anna"),
        lambda content: content.update(names=[3]),
        lambda content: content.update(names=["x" * 10_000]),
        lambda content: content.update(trained_on=3),
        lambda content: content.update(pronunciations={"Anna": [[["a"], 0.0]]}),
        lambda content: content.update(pronunciations={"Anna": [[["?"], 1.0]]}),
        lambda content: content.update(pronunciations={"Anna": [[["a"], math.inf]]}),
        lambda content: content.update(label_prior={"log_priors": [[0.0]], "weights": [1.0]}),
        lambda content: content.update(label_prior={"log_priors": [["a"]], "weights": [1.0]}),
        lambda content: content.update(rejection={"weights": [0.0], "thresholds": {}, "false_accept_rate": "0.05"}),
        lambda content: content.update(rejection=REJECTION | {"weights": [10**400, 1.0, 1.0, 1.0]}),
        lambda content: content.update(rejection=REJECTION | {"rejected_from": "2"}),
        lambda content: content.update(label_prior={"log_priors": [[-1e300] * 29], "weights": [1e300]}),
        lambda content: content.update(card=torch.zeros(1).expand(10**8)),
        lambda content: content["parts"].update(alphabet="aa"),
        lambda content: content["parts"].update(alphabet="ab\x1b[2J"),
        lambda content: content["parts"].update(alphabet=["a", "b"]),
        lambda content: content["parts"].update(phones=["a", 3]),
        lambda content: content["parts"]["decoder"].update(_target_="speech.inference.decode.Beam", width=10**9),
        lambda content: content["weights"].update({"encoder.output.bias": [1.0]}),
        lambda content: content["weights"].update(
            {"encoder.output.bias": content["weights"]["encoder.output.bias"].double()}
        ),
        lambda content: content["weights"].update(
            {"encoder.output.bias": torch.zeros(1).expand(len(content["weights"]["encoder.output.bias"]))}
        ),
        lambda content: content["weights"].update(
            {"encoder.normalisation.bias": content["weights"]["encoder.normalisation.weight"]}
        ),
        lambda content: content.update(format=math.inf),
        lambda content: content.update(parts=None),
        lambda content: content.update(weights=None),
    ],
)
def test_content_that_no_training_writes_is_refused(small, change):
    content = torch_file.read(small)
    change(content)
    assert refused(small, content)


def test_a_compressed_archive_is_refused(small):
    with zipfile.ZipFile(small) as file:
        entries = {one.filename: file.read(one) for one in file.infolist()}
    with zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    assert refused(small, small.read_bytes(), "compressed")
