import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import soundfile

from speech.audio import files
from speech.audio.endpointing import NoSpeechError
from speech.inference.batch import transcribe
from speech.inference.label_prior import LabelPrior
from speech.inference.rejection import Rejection
from speech.inference.runtime import Runtime
from speech.inference.transcriber import RecognizerError
from speech.model import onnx_graph
from speech.model.recognizer import Recognizer
from speech.text.names import Name
from speech.text.phones import PHONES

RATE = 16_000
FILE = "recognizer.onnx"

# Nothing but what is promised can be imported; what was imported is told.
ALONE = """
import json, sys
allowed = {"speech", "numpy", "onnxruntime", "soundfile", "_soundfile", "_soundfile_data"}
allowed |= {"cffi", "_cffi_backend", "typing_extensions"}  # of soundfile

class Bare:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{name} is not here", name=name)

sys.meta_path.insert(0, Bare())
from speech.inference.runtime import Runtime
runtime = Runtime(sys.argv[1])
heard = runtime.transcribe(sys.argv[2])
print(json.dumps([heard.letters, heard.names, heard.spans, heard.phones]))
assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def clip(recordings, tmp_path_factory):
    """A recording at the recogniser's own rate."""
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    files.write(path, files.read(recordings / "one" / "f1_0.wav", RATE), RATE)
    return path


@pytest.fixture(scope="module", params=["torch", "onnxruntime"])
def either(request, small_run, small_export):
    return Recognizer.load(small_run / "recognizer.pt") if request.param == "torch" else Runtime(small_export / FILE)


def test_it_hears_what_torch_hears(small_run, small_export, recordings):
    recognizer, runtime = Recognizer.load(small_run / "recognizer.pt"), Runtime(small_export / FILE)
    for path in sorted(recordings.glob("*/*.wav")):
        for names in (None, ["Anna", "Chloé"]):
            ours, theirs = recognizer.transcribe(path, names), runtime.transcribe(path, names)
            assert theirs.letters == ours.letters
            assert theirs.spans == ours.spans
            assert dict(theirs.names) == pytest.approx(dict(ours.names), abs=1e-4)


def test_it_needs_onnxruntime_numpy_and_soundfile_alone(small_run, small_export, clip):
    command = [sys.executable, "-c", ALONE, str(small_export / FILE), str(clip)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    letters, names, spans, _ = json.loads(done.stdout)
    ours = Recognizer.load(small_run / "recognizer.pt").transcribe(clip)
    assert letters == ours.letters
    assert dict(names) == pytest.approx(dict(ours.names), abs=1e-4)
    assert [letter for letter, _, _ in spans] == list(letters)


@pytest.fixture(scope="module")
def phonetic(make_recognizer, tmp_path_factory):
    """A recogniser of random weights that hears phones in an order of its own, calibrated, and its exported file."""
    names = ["Martin", Name("Niamh", ["neev"])]
    recognizer = make_recognizer(phones=PHONES[::-1], names=names, n_units=16, n_layers=1)
    rng = np.random.default_rng(0)
    recognizer.label_prior = LabelPrior(rng.normal(size=len(recognizer.alphabet)).tolist(), 0.3)
    recognizer.rejection = Rejection([0.1, -0.2, 0.3, 0.4], {"0.05": 0.5}, "0.05")
    recognizer.phones_weight = 0.7
    path = tmp_path_factory.mktemp("phonetic") / FILE
    onnx.save(onnx_graph.to_onnx(recognizer, card=""), path)
    return recognizer, path


def test_one_with_phones_hears_both_as_torch_does(phonetic, recordings):
    recognizer, runtime = phonetic[0], Runtime(phonetic[1])
    assert runtime.inventory.phones == recognizer.inventory.phones == PHONES[::-1]
    assert runtime.pronunciations == recognizer.pronunciations
    assert runtime.pronunciations["Niamh"][0] == ("n", "i", "v")
    assert runtime.phones_weight == 0.7
    for path in sorted(recordings.glob("*/*.wav"))[::5]:
        waveform = files.read(path, RATE)
        ours, theirs = recognizer.log_probs(waveform), runtime.log_probs(waveform)
        assert theirs.letters.shape[1] == len(recognizer.alphabet)
        assert theirs.phones.shape[1] == len(PHONES) + 1
        for one, other in zip(ours, theirs, strict=True):
            assert np.abs(one - other).max() < 1e-5
            assert np.abs(np.exp(other).sum(axis=1) - 1).max() < 1e-5, "each output has probabilities of its own"
        for names in (None, ["Niamh", "Anna", "Chloé"]):  # one that it knows, and two that espeak says
            ours, theirs = recognizer.transcribe(path, names), runtime.transcribe(path, names)
            assert (theirs.letters, theirs.phones, theirs.accepted) == (ours.letters, ours.phones, ours.accepted)
            assert dict(theirs.names) == pytest.approx(dict(ours.names), rel=1e-3)
            assert theirs.none == pytest.approx(ours.none, abs=1e-4)


def test_one_with_phones_needs_no_more_and_knows_how_its_own_names_are_said(phonetic, clip):
    recognizer, path = phonetic
    command = [sys.executable, "-c", ALONE, str(path), str(clip)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _, names, _, phones = json.loads(done.stdout)
    ours = recognizer.transcribe(clip)
    assert phones == ours.phones
    assert dict(names) == pytest.approx(dict(ours.names), rel=1e-3)


def test_transcribe_takes_the_file_and_never_imports_torch(small_export, clip):
    code = "import sys; from speech.transcribe import main; main(); assert 'torch' not in sys.modules, 'torch'"
    command = [sys.executable, "-c", code, f"clips={clip}", f"recognizer={small_export / FILE}", "decoder=beam"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 clips transcribed" in done.stdout


def test_transcribe_prints_the_same_from_either_file(small_run, small_export, compose, clip, capsys):
    shown = []
    for file in (small_run / "recognizer.pt", small_export / FILE):
        transcribe(compose("transcribe", f"clips={clip}", f"recognizer={file}", "decoder=lexicon"))
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert "Martin" in shown[0]


def saved(model, path):
    onnx.save(model, path)
    return path


def test_a_file_that_is_no_recognizer_is_refused_by_name(small_export, tmp_path):
    with pytest.raises(RecognizerError, match=r"missing\.onnx: no such recogniser file: python -m speech\.export"):
        Runtime(tmp_path / "missing.onnx")
    whole = (small_export / FILE).read_bytes()
    for length in (0, 1_000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.onnx").write_bytes(whole[:length])
        with pytest.raises(RecognizerError, match=r"cut\.onnx: .*export it again"):
            Runtime(tmp_path / "cut.onnx")
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    doors = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    onnx_graph = onnx.helper.make_graph([node], "foreign", doors[:1], doors[1:])
    foreign = onnx.helper.make_model(onnx_graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
    with pytest.raises(RecognizerError, match=r"foreign\.onnx: an ONNX file, but no recogniser"):
        Runtime(saved(foreign, tmp_path / "foreign.onnx"))


def test_a_file_of_another_version_is_refused_by_name(small_export, tmp_path):
    model = onnx.load(small_export / FILE)
    model.opset_import[0].version = 99
    with pytest.raises(RecognizerError, match=r"(?s)newer\.onnx: onnxruntime .*opset.*install a newer onnxruntime"):
        Runtime(saved(model, tmp_path / "newer.onnx"))
    model = onnx.load(small_export / FILE)
    model.opset_import[0].version = 6
    with pytest.raises(RecognizerError, match=r"(?s)older\.onnx: onnxruntime .* cannot read it.*export it again"):
        Runtime(saved(model, tmp_path / "older.onnx"))
    model = onnx.load(small_export / FILE)
    next(entry for entry in model.metadata_props if entry.key == "format").value = "2"
    with pytest.raises(RecognizerError, match=r"format\.onnx: format 2, this version reads 1: export it again"):
        Runtime(saved(model, tmp_path / "format.onnx"))


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("names", None, "'names'"),
        ("names", "[", "Expecting value"),
        ("names", "7", "'int' object is not iterable"),
        ("decoder", None, "'decoder'"),
        ("decoder", "[]", r"\[\] is not a _target_"),
        ("decoder", '{"_target_": "speech.inference.decode.Nothing"}', "'speech.inference.decode.Nothing' is no part"),
        (
            "decoder",
            '{"_target_": "speech.audio.files.write", "path": "x.wav"}',
            "'speech.audio.files.write' is no part",
        ),
        ("decoder", '{"_target_": "speech.inference.decode.Greedy", "width": 3}', "Greedy.. takes no arguments"),
        ("card", None, "'card'"),
        ("alphabet", "aa", "must be distinct"),
        ("sample_rate", "fast", "'fast'"),
        ("phones_weight", None, "'phones_weight'"),
        ("phones_weight", "half", "'half'"),
        ("phones", "[]", "a list of distinct phones"),
        ("pronunciations", "[]", "'list' object has no attribute"),
        ("label_prior", "{}", "log_prior"),
        ("rejection", '{"weights": []}', "thresholds"),
    ],
)
def test_a_file_whose_metadata_were_changed_is_refused_by_name(phonetic, tmp_path, key, value, reason):
    model = onnx.load(phonetic[1])
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    changed = metadata | {key: value} if value is not None else {k: v for k, v in metadata.items() if k != key}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, changed)
    with pytest.raises(RecognizerError, match=rf"changed\.onnx: .*{reason}.*export it again"):
        Runtime(saved(model, tmp_path / "changed.onnx"))


def test_a_recording_of_an_hour_is_refused_before_it_is_read(either, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "hour.wav", np.zeros(3_600 * 4_000, np.int16), 4_000, subtype="PCM_U8")
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("an hour was read"))
    with pytest.raises(files.AudioError, match=r"hour\.wav: 3600 s long, over the 60 s .*: cut it up"):
        either.transcribe(tmp_path / "hour.wav")
    with pytest.raises(files.AudioError, match="61 s long"):
        either.transcribe((np.zeros(61 * RATE, np.float32), RATE))


def test_a_recording_of_a_minute_is_heard(either, clip):
    name = files.read(clip, RATE)
    silence = np.zeros(30 * RATE - len(name), np.float32)
    assert either.transcribe((np.concatenate([silence, name, silence]), RATE)).names


@pytest.mark.parametrize(
    ("samples", "error", "reason"),
    [
        ([], files.AudioError, "no samples"),
        ([0.1, np.nan, np.inf], files.AudioError, "2 samples are NaN or infinite"),
        (np.zeros(RATE), NoSpeechError, "silence"),
    ],
)
def test_samples_with_nothing_to_hear_in_them_are_refused(either, samples, error, reason):
    with pytest.raises(error, match=reason):
        either.transcribe((samples, RATE))


def test_ten_thousand_names_are_ranked(small_export, clip):
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    names = sorted({"".join(rng.choice(letters, rng.integers(3, 12))) for _ in range(11_000)})[:10_000]
    heard = Runtime(small_export / FILE).transcribe(clip, names)
    assert {name for name, _ in heard.names} == set(names)
    assert len(heard.names) == 10_000
    assert sum(probability for _, probability in heard.names) == pytest.approx(1)
