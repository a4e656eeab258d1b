import copy
import errno
import functools
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from commands import run_command

from speech.audio import files
from speech.config.compose import saved
from speech.data.source import CorpusError
from speech.evaluation import export as exporting
from speech.evaluation import parity
from speech.evaluation.export import FLOAT32, INT8, ExportError, export
from speech.evaluation.lists import deal
from speech.evaluation.parity import Agreement, ParityResult, agreement
from speech.inference.runtime import Runtime
from speech.inference.scoring import LogProbs
from speech.model import onnx_graph, torch_file
from speech.model.recognizer import Recognizer, RecognizerError
from speech.training import corpora

FILES = [INT8, FLOAT32]


def session(model):
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def run_graph(model_session, *waveforms):
    lengths = np.array([len(waveform) for waveform in waveforms])
    batch = np.stack([np.pad(waveform, (0, max(lengths) - len(waveform))) for waveform in waveforms])
    return model_session.run(["log_probs", "n_frames"], {"waveforms": batch, "n_samples": lengths})


def noise(n_samples):
    return np.random.default_rng(n_samples).normal(scale=0.1, size=n_samples).astype(np.float32)


def spell_only(symbol, model):
    """Plant a fault: whatever the input, ``symbol`` is the network's output."""
    for tensor in model.graph.initializer:
        if tensor.name.endswith("output.bias"):
            bias = onnx.numpy_helper.to_array(tensor).copy()
            bias[symbol] += 100
            tensor.CopyFrom(onnx.numpy_helper.from_array(bias, tensor.name))
            return model
    raise AssertionError("there is no bias to spoil")


@pytest.fixture(scope="module")
def exported(make_recognizer):
    """A recogniser of random weights, and its graph, which takes seconds to make."""

    @functools.cache
    def make(frontend="mfcc", **encoder):
        recognizer = make_recognizer(frontend, **encoder)
        return recognizer, onnx_graph.to_onnx(recognizer, card="")

    return make


@pytest.mark.parametrize(
    ("frontend", "encoder", "layers"),
    [
        ("mfcc", {}, ["GRU"] * 2),
        ("mfcc_delta", {"cell": "rnn", "n_layers": 1, "n_units": 32}, ["RNN"]),
        ("logmel", {"cell": "lstm", "n_layers": 1, "n_units": 32, "bidirectional": False}, ["LSTM"]),
    ],
)
def test_the_graph_gives_torchs_log_probabilities_alone_and_in_any_batch(exported, frontend, encoder, layers):
    recognizer, model = exported(frontend, **encoder)
    assert [node.op_type for node in model.graph.node if node.op_type in ("GRU", "RNN", "LSTM")] == layers
    onnx_session = session(model)
    waveforms = [noise(n) for n in (7_000, 16_000, 300, 9_999, 401)]
    together, n_frames = run_graph(onnx_session, *waveforms)
    assert together.std() > 0.01
    for row, waveform in enumerate(waveforms):
        ours = recognizer.log_probs(waveform).letters
        alone, _ = run_graph(onnx_session, waveform)
        assert len(ours) == n_frames[row] == alone.shape[1]
        assert np.abs(alone[0] - ours).max() < 1e-5
        assert np.abs(together[row, : len(ours)] - ours).max() < 1e-5


def test_an_empty_batch_is_refused_by_name_and_crashes_nothing(exported):
    _, model = exported("mfcc")
    none = {"waveforms": np.zeros((0, 16_000), np.float32), "n_samples": np.zeros(0, np.int64)}
    for file in (model, onnx_graph.quantise(model)):
        with pytest.raises(Exception, match="waveforms hold no clip: at least one is needed"):
            session(file).run(None, none)


def test_int8_rounds_each_weight_by_half_a_step_and_nothing_else(exported):
    _, model = exported("mfcc")
    small = onnx_graph.quantise(model)
    assert small.ByteSize() < 400_000 < model.ByteSize()
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in small.graph.initializer}
    n_quantised = 0
    for tensor in model.graph.initializer:
        weight = onnx.numpy_helper.to_array(tensor)
        if tensor.name in tensors:
            assert np.array_equal(tensors[tensor.name], weight)
            continue
        n_quantised += weight.size
        scale = tensors[f"{tensor.name}.scale"]
        assert (np.abs(tensors[f"{tensor.name}.int8"] * scale - weight) <= scale * 0.501).all()
    assert n_quantised > 290_000


def test_both_files_are_written_with_all_that_they_need(small_run, small_export):
    assert sorted(path.name for path in small_export.iterdir()) == FILES
    recognizer = Recognizer.load(small_run / "recognizer.pt")
    for name in FILES:
        runtime = Runtime(small_export / name)
        assert runtime.names == recognizer.names == ["Martin", "Mark"]
        assert runtime.alphabet == recognizer.alphabet
        assert (runtime.sample_rate, runtime.frame_s) == (recognizer.sample_rate, recognizer.frame_s)
        assert runtime.card == (small_run / "model_card.md").read_text()
        assert str(onnx_graph.__file__).encode() not in (small_export / name).read_bytes()


@pytest.fixture(scope="session")
def open_parts(open_run):
    """What ``export`` takes, of a run of letters and phones without a list of names."""
    recognizer = Recognizer.load(open_run / "recognizer.pt")
    data = corpora.test_data(open_run, saved(open_run, "train"), recognizer)
    return recognizer, [(clip.name, clip.waveform) for clip in data.test_clips], deal(data.listed), ""


@pytest.fixture(scope="session")
def open_graph(open_parts):
    return onnx_graph.to_onnx(open_parts[0], card="")


@pytest.fixture
def made_once(open_graph, monkeypatch):
    """``export`` of ``open_parts`` takes seconds to make the graph, which is the same in each test."""
    monkeypatch.setattr(onnx_graph, "to_onnx", lambda *_: copy.deepcopy(open_graph))


@pytest.mark.usefixtures("made_once")
def test_a_run_without_a_list_is_checked_with_its_clips_names(open_run, tmp_path, monkeypatch, capsys):
    """Dealt into lists of two, each clip is ranked in the one that has its name."""
    ranked = []

    def noted(transcriber, clips, lists):
        clips = list(clips)
        found = parity.predict_each(transcriber, clips, lists)
        both = zip(clips, found, strict=True)
        ranked.extend((len(lists), text, [name for name, _ in one.names]) for (text, _), one in both)
        return found

    monkeypatch.setattr(exporting, "predict_each", noted)
    monkeypatch.setattr("speech.evaluation.lists.LENGTH", 2)
    monkeypatch.setattr(parity, "LEAST_SAME", 0.5)  # after a second of training a rounding may change a letter
    run_command("export", f"run={open_run}", f"output={tmp_path}")
    assert {(n, len(names)) for n, _, names in ranked} == {(2, 2)}, "of the four words held out of training"
    assert all(text in names for _, text, names in ranked)
    assert capsys.readouterr().out.count("of 8 clips ") == 2
    runtime = Runtime(tmp_path / FLOAT32)
    assert (runtime.names, runtime.pronunciations) == ([], {})


@pytest.mark.parametrize(
    ("spoilt", "symbol", "failing", "told"),
    [
        ("to_onnx", 1, FLOAT32, "0.00 % have the same transcript"),
        ("quantise", 1, INT8, "0.00 % have the same transcript"),
        ("to_onnx", -1, FLOAT32, "100.00 % have the same transcript.* log-probabilities"),  # a phone
    ],
)
@pytest.mark.usefixtures("made_once")
def test_a_failed_check_leaves_no_file_behind(open_parts, tmp_path, monkeypatch, spoilt, symbol, failing, told):
    right = getattr(onnx_graph, spoilt)
    monkeypatch.setattr(onnx_graph, spoilt, lambda *arguments: spell_only(symbol, right(*arguments)))
    for name in (FLOAT32, INT8):
        (tmp_path / name).write_bytes(b"of an earlier export")
    with pytest.raises(ExportError, match=f"^{failing} does not agree with its recogniser: of 8 clips {told}"):
        export(*open_parts, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("made_once")
def test_an_export_that_cannot_be_written_leaves_the_earlier_one(open_parts, tmp_path, monkeypatch):
    for name in (FLOAT32, INT8):
        (tmp_path / name).write_bytes(b"of an earlier export")

    def full(_model, _path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(exporting.onnx_graph, "save", full)
    with pytest.raises(OSError, match=r"recognizer.*onnx: could not be written \(No space left"):
        export(*open_parts, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(
        (FLOAT32, INT8), b"of an earlier export"
    )


def test_agreement_is_counted_clip_by_clip():
    frames, later = LogProbs(np.zeros((3, 2))), LogProbs(np.full((3, 2), 0.5))
    ours = ParityResult(frames, "mark", [("mark", 0.7), ("martin", 0.15), ("marvin", 0.15 - 1e-6)])
    theirs = [
        ours,
        ParityResult(later, "marc", [("mark", 0.7), ("marvin", 0.2), ("martin", 0.1)]),  # a tie for us
        ParityResult(frames, "mark", [("martin", 0.5), ("mark", 0.4), ("marvin", 0.1)]),
    ]
    assert agreement([ours] * 3, theirs) == Agreement(3, 2, 2, 2, 0.5, n_near_first_names=2)
    unsure = [ours._replace(names=[("mark", 0.5), ("martin", p), ("marvin", 0.1)]) for p in (0.26, 0.24)]
    assert agreement(unsure, [theirs[2]] * 2).n_near_first_names == 1
    a, b = ([ours._replace(out_of_list=p)] for p in (0.5, 0.25))
    assert agreement(a, b).largest_out_of_list == 0.25
    assert agreement(a, [ours]).largest_out_of_list == 1.0, "one of the two is not calibrated"


def test_float32_has_to_be_exact():
    assert Agreement(1000, 1000, 1000, 1000, 1e-5, 0.001).exact
    for worse in ((999, 1000, 1000, 1e-5), (1000, 1000, 999, 1e-5), (1000, 1000, 1000, 1e-3), (1000,) * 3 + (0, 0.1)):
        assert not Agreement(1000, *worse).exact


@pytest.mark.parametrize(("names", "streams", "kind"), [(["Anna"], False, 0), ([], False, 1), ([], True, 2)])
def test_int8_has_to_agree_in_what_a_recogniser_is_asked_for(make_recognizer, names, streams, kind):
    """Its letters, the first name of any list, or a name that is likely."""
    changed = {"frontend": "streaming", "bidirectional": False} if streams else {}
    recognizer = make_recognizer(names=names, n_units=8, **changed)
    counts = [(995, 0, 0), (0, 995, 0), (0, 0, 995)]
    for i, (letters, first, near) in enumerate(counts):
        found = Agreement(1000, letters, first, 0, 9.0, n_near_first_names=near)
        assert exporting._close(found, recognizer) == (i == kind)
        assert not exporting._close(Agreement(1000, 994, 994, 0, 9.0, n_near_first_names=994), recognizer)


def test_probabilities_too_small_for_float64_may_change_places():
    def ranked(**names):
        return ParityResult(LogProbs(np.zeros((1, 2))), "", list(names.items()))

    assert parity.same_ranking(ranked(anna=1.0, bob=1e-322, eve=5e-324), ranked(anna=1.0, eve=1e-322, bob=5e-324))
    assert not parity.same_ranking(ranked(anna=1.0, bob=1e-4, eve=1e-5), ranked(anna=1.0, eve=1e-4, bob=1e-5))


@pytest.fixture
def run(small_run, tmp_path):
    """A copy of a run's folder, to be spoilt."""
    return shutil.copytree(small_run, tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("recognizer.pt", None, r"no recognizer\.pt there: finish it: .*resume="),
        ("recognizer.pt", lambda whole: whole[:5_000], r"recognizer\.pt: not a recogniser file"),
        ("config.yaml", None, r"config\.yaml: no such file"),
        ("report.json", lambda whole: whole[:100], r"report\.json: missing or incomplete"),
        ("model_card.md", None, r"model_card\.md: missing or incomplete .*resume it"),
        ("model_card.md", lambda whole: whole[:50] + b"\xc3", r"model_card\.md: missing or incomplete"),
    ],
)
def test_a_damaged_run_is_refused_by_the_file_that_is_wrong(run, capsys, name, spoil, message):
    whole = (run / name).read_bytes()
    (run / name).unlink()
    if spoil:
        (run / name).write_bytes(spoil(whole))
    with pytest.raises(SystemExit):
        run_command("export", f"run={run}")
    assert re.search(message, capsys.readouterr().err)
    assert not list(run.glob("*.onnx"))


def moved_corpus(run, folder):
    """``report.json`` says that the corpus is in ``folder``; returns where it is."""
    report = json.loads((run / "report.json").read_text())
    (run / "report.json").write_text(json.dumps(report | {"corpus": str(folder)}))
    return Path(saved(run, "train").cache_dir) / Path(report["corpus"]).name


def test_clips_that_are_not_where_the_run_had_them_are_made_anew(run, cache, tmp_path):
    there = moved_corpus(run, tmp_path / "gone")
    config = saved(run, "train")
    data = corpora.test_data(run, config, Recognizer.load(run / "recognizer.pt"))
    assert data.folder == there
    assert data.test_clips


def test_a_damaged_corpus_is_named_with_the_way_out(run):
    there = moved_corpus(run, run)
    (run / "cuts.jsonl.gz").write_bytes((there / "cuts.jsonl.gz").read_bytes()[:200])
    with pytest.raises(ValueError, match=rf"^{run}/cuts\.jsonl\.gz: missing or damaged .*: delete {run}, "):
        corpora.test_data(run, saved(run, "train"), Recognizer.load(run / "recognizer.pt"))


def swapped(one, other):
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


SPOILT_CLIPS = {
    "swapped": swapped,
    "of another rate": lambda one, _: files.write(one, files.read(one, 16_000), 8_000),
    "missing": lambda one, _: one.unlink(),
    "a device": lambda one, _: one.unlink() or one.symlink_to("/dev/zero"),
    "its shard's list cut": lambda one, _: os.truncate(one.parents[2] / "shards" / f"{one.parent.name}.jsonl.gz", 50),
}


@pytest.mark.parametrize("spoil", SPOILT_CLIPS.values(), ids=SPOILT_CLIPS)
def test_clips_that_are_not_what_was_made_are_named_with_the_way_out(run, tmp_path, spoil):
    there = shutil.copytree(moved_corpus(run, tmp_path / "corpus"), tmp_path / "corpus")
    spoil(*sorted(there.glob("clips/*/*.flac"))[:2])
    with pytest.raises(CorpusError, match=rf"^{there}/.*: missing or damaged .*: delete {there}, "):
        corpora.test_data(run, saved(run, "train"), Recognizer.load(run / "recognizer.pt"))


def test_a_recognizer_of_another_version_is_refused(small_run, tmp_path):
    content = torch.load(small_run / "recognizer.pt", weights_only=True)
    (tmp_path / "newer.pt").write_bytes(torch_file.to_bytes({**content, "format": 2}))
    with pytest.raises(RecognizerError, match=r"newer\.pt: format 2, this version reads 1"):
        Recognizer.load(tmp_path / "newer.pt")
    content["parts"]["encoder"]["n_heads"] = 4
    (tmp_path / "other.pt").write_bytes(torch_file.to_bytes(content))
    with pytest.raises(RecognizerError, match=r"other\.pt: made by another version.*n_heads"):
        Recognizer.load(tmp_path / "other.pt")
