import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from speech import export as exporting
from speech.config.tree import ConfigError, explained
from speech.evaluation import metrics, parity
from speech.evaluation.card import model_card
from speech.evaluation.parity import Agreement, ExportError, ParityResult, agreement
from speech.evaluation.report import evaluate
from speech.export import export
from speech.inference.runtime import Runtime
from speech.inference.scoring import Frames
from speech.model import onnx_graph
from speech.model.recognizer import Recognizer, RecognizerError
from speech.training.corpora import make_data

FILES = ["recognizer.int8.onnx", "recognizer.onnx"]


def session(model):
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def hear(model_session, *waveforms):
    lengths = np.array([len(waveform) for waveform in waveforms])
    batch = np.stack([np.pad(waveform, (0, max(lengths) - len(waveform))) for waveform in waveforms])
    return model_session.run(["log_probs", "n_frames"], {"waveforms": batch, "n_samples": lengths})


def noise(n_samples):
    return np.random.default_rng(n_samples).normal(scale=0.1, size=n_samples).astype(np.float32)


def spell_only(symbol, model):
    """Plant a fault: whatever is said, ``symbol`` of the network's outputs is heard."""
    for tensor in model.graph.initializer:
        if tensor.name.endswith("output.bias"):
            bias = onnx.numpy_helper.to_array(tensor).copy()
            bias[symbol] += 100
            tensor.CopyFrom(onnx.numpy_helper.from_array(bias, tensor.name))
            return model
    raise AssertionError("there is no bias to spoil")


@pytest.mark.parametrize(
    ("frontend", "encoder"),
    [
        ("mfcc", {"cell": "gru"}),
        ("mfcc_delta", {"cell": "rnn", "n_layers": 1}),
        ("logmel", {"cell": "lstm", "bidirectional": False}),
    ],
)
def test_the_graph_gives_torchs_log_probabilities_alone_and_in_any_batch(make_recognizer, frontend, encoder):
    recognizer = make_recognizer(frontend, n_units=32, **encoder)
    onnx_session = session(onnx_graph.to_onnx(recognizer, card=""))
    waveforms = [noise(n) for n in (7_000, 16_000, 300, 9_999, 401)]
    together, n_frames = hear(onnx_session, *waveforms)
    assert together.std() > 0.01
    for row, waveform in enumerate(waveforms):
        ours = recognizer.log_probs(waveform).letters
        alone, _ = hear(onnx_session, waveform)
        assert len(ours) == n_frames[row] == alone.shape[1]
        assert np.abs(alone[0] - ours).max() < 1e-5
        assert np.abs(together[row, : len(ours)] - ours).max() < 1e-5


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_layer_by_hand_becomes_the_same_operator_as_torchs(make_recognizer, cell):
    recognizer = make_recognizer(n_units=16, n_layers=1, cell=f"{cell}_by_hand")
    model = onnx_graph.to_onnx(recognizer, card="")
    assert [node.op_type for node in model.graph.node].count(cell.upper()) == 1
    assert np.abs(hear(session(model), noise(8_000))[0][0] - recognizer.log_probs(noise(8_000)).letters).max() < 1e-5


def test_int8_rounds_each_weight_by_half_a_step_and_nothing_else(make_recognizer):
    model = onnx_graph.to_onnx(make_recognizer(), card="")
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


def test_a_run_without_a_list_is_checked_with_what_its_clips_say(open_run, compose, cache, tmp_path, monkeypatch):
    ranked = []

    def heard(transcriber, waveforms, names):
        ranked.append(names)
        return hear_each(transcriber, waveforms, names)

    hear_each = parity.predict_each
    monkeypatch.setattr(exporting, "hear", heard)
    monkeypatch.setattr(exporting, "LEAST_SAME", 0.5)  # what was trained for a second wavers between letters
    found = export(compose("export", f"run={open_run}", f"output={tmp_path}", f"cache_dir={cache}"))
    assert {len(names) for names in ranked} == {4}, "the words that training never heard"
    assert {same.n_clips for same in found.values()} == {8}
    runtime = Runtime(tmp_path / "recognizer.onnx")
    assert (runtime.names, runtime.pronunciations) == ([], {})


@pytest.mark.parametrize("spoilt", ["to_onnx", "quantise"])
def test_a_failed_check_leaves_no_file_behind(small_run, compose, cache, tmp_path, monkeypatch, spoilt):
    right = getattr(onnx_graph, spoilt)
    monkeypatch.setattr(onnx_graph, spoilt, lambda *arguments: spell_only(1, right(*arguments)))
    for name in FILES:
        (tmp_path / name).write_bytes(b"of an earlier export")
    failing = "recognizer.onnx" if spoilt == "to_onnx" else r"recognizer\.int8\.onnx"
    with pytest.raises(
        ExportError, match=f"^{failing} does not hear what .* of 4 clips 0.00% have the same transcript"
    ):
        export(compose("export", f"run={small_run}", f"output={tmp_path}", f"cache_dir={cache}"))
    assert list(tmp_path.iterdir()) == []


def test_phones_are_checked_too(open_run, compose, cache, tmp_path, monkeypatch):
    right = onnx_graph.to_onnx
    monkeypatch.setattr(onnx_graph, "to_onnx", lambda *arguments: spell_only(-1, right(*arguments)))
    with pytest.raises(ExportError, match=r"of 8 clips 100.00% have the same transcript.* log-probabilities differ by"):
        export(compose("export", f"run={open_run}", f"output={tmp_path}", f"cache_dir={cache}"))
    assert list(tmp_path.iterdir()) == []


def test_agreement_is_counted_clip_by_clip():
    frames, later = Frames(np.zeros((3, 2))), Frames(np.full((3, 2), 0.5))
    ours = ParityResult(frames, "mark", [("mark", 0.7), ("martin", 0.15), ("marvin", 0.15 - 1e-6)])
    theirs = [
        ours,
        ParityResult(later, "marc", [("mark", 0.7), ("marvin", 0.2), ("martin", 0.1)]),  # a tie for us
        ParityResult(frames, "mark", [("martin", 0.5), ("mark", 0.4), ("marvin", 0.1)]),
    ]
    assert agreement([ours] * 3, theirs) == Agreement(3, 2, 2, 2, 0.5)
    nones = [ours._replace(none=p) for p in (0.5, 0.25)]
    assert agreement(nones[:1], nones[1:]).largest_none == 0.25
    assert agreement(nones[:1], [ours]).largest_none == 1.0  # one of the two cannot tell


def test_probabilities_too_small_for_float64_may_change_places():
    def ranked(**names):
        return ParityResult(Frames(np.zeros((1, 2))), "", list(names.items()))

    assert parity.same_ranking(ranked(anna=1.0, bob=1e-322, eve=5e-324), ranked(anna=1.0, eve=1e-322, bob=5e-324))
    assert not parity.same_ranking(ranked(anna=1.0, bob=1e-4, eve=1e-5), ranked(anna=1.0, eve=1e-4, bob=1e-5))


def copy_of(run, tmp_path, **changed):
    """A copy of a run's folder; ``changed`` are files' new contents, or None for one that is missing."""
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    for name, content in changed.items():
        path = broken / name.replace("__", "-").replace("_", ".").replace("-", "_")
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    return broken


def test_a_run_that_is_not_whole_is_refused_by_the_file_that_is_wrong(small_run, compose, cache, tmp_path):
    def refused(error, match, **changed):
        broken = copy_of(small_run, tmp_path, **changed)
        with pytest.raises(error, match=match):
            export(compose("export", f"run={broken}", f"cache_dir={cache}"))
        assert not list(broken.glob("*.onnx"))
        shutil.rmtree(broken)

    files = ("recognizer.pt", "config.yaml", "report.json", "model_card.md")
    whole = {name: (small_run / name).read_bytes() for name in files}
    refused(FileNotFoundError, r"no recognizer\.pt there: finish it: .*resume=", recognizer_pt=None)
    refused(RecognizerError, r"recognizer\.pt: not a recogniser file", recognizer_pt=whole["recognizer.pt"][:5_000])
    refused(FileNotFoundError, r"config\.yaml: no such file", config_yaml=None)
    gone = whole["config.yaml"].replace(b"speech.data.synthetic.Synthetic", b"speech.data.synthetic.Gone")
    refused(ConfigError, r"config\.yaml: .*corpus: _target_ .*Gone' is nothing .*train again", config_yaml=gone)
    refused(
        ConfigError,
        r"config\.yaml: .*no .*cache_dir in it.*train again",
        config_yaml=whole["config.yaml"].split(b"\ncache_dir")[0],
    )
    refused(ConfigError, r"config\.yaml: .*no corpus, .*train again", config_yaml=b"")
    refused(ConfigError, r"config\.yaml: .*utf-8.*train again", config_yaml=whole["config.yaml"] + b"\xc3")
    refused(ConfigError, r"config\.yaml: .*train again", config_yaml=b"half")
    refused(ConfigError, r"config\.yaml.*no 'seeds'", config_yaml=whole["config.yaml"] + b"seeds: 1\n")
    refused(ValueError, r"report\.json: not there, or half written", report_json=whole["report.json"][:100])
    refused(ValueError, r"model_card\.md: not there, or half written .*resume it", model__card_md=None)
    cut = whole["model_card.md"][:50] + "é".encode()[:1]
    refused(ValueError, r"model_card\.md: not there, or half written .*resume it", model__card_md=cut)


def test_clips_that_no_longer_lie_where_the_run_had_them_are_made_anew(
    small_run, compose, cache, tmp_path, monkeypatch
):
    run = copy_of(small_run, tmp_path)
    report = json.loads((run / "report.json").read_text())
    (run / "report.json").write_text(json.dumps(report | {"corpus": str(tmp_path / "gone")}))
    monkeypatch.setattr(exporting, "LEAST_SAME", 0.5)
    made = []
    monkeypatch.setattr("speech.training.corpora.make_data", lambda *some: made.append(make_data(*some)) or made[0])
    export(compose("export", f"run={run}", f"cache_dir={cache}"))
    assert [str(data.folder) for data in made] == [report["corpus"]]


def test_a_damaged_corpus_is_named_with_the_way_out(small_run, compose, tmp_path):
    run = copy_of(small_run, tmp_path)
    report = json.loads((run / "report.json").read_text())
    (run / "report.json").write_text(json.dumps(report | {"corpus": str(run)}))
    (run / "cuts.jsonl.gz").write_bytes((Path(report["corpus"]) / "cuts.jsonl.gz").read_bytes()[:200])
    with pytest.raises(ValueError, match=rf"^{run}: the clips cannot be read .*: delete what is damaged"):
        export(compose("export", f"run={run}"))


def test_a_recognizer_of_another_version_is_refused(small_run, tmp_path):
    content = torch.load(small_run / "recognizer.pt", weights_only=True)
    torch.save({**content, "format": 2}, tmp_path / "newer.pt")
    with pytest.raises(RecognizerError, match=r"newer\.pt: format 2, this version reads 1"):
        Recognizer.load(tmp_path / "newer.pt")
    content["parts"]["encoder"]["n_heads"] = 4
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(RecognizerError, match=r"other\.pt: made by another version.*n_heads"):
        Recognizer.load(tmp_path / "other.pt")


def test_a_package_that_is_not_installed_is_told_with_the_command(small_run, compose, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(SystemExit):
        explained(lambda: export(compose("export", f"run={small_run}")))
    assert capsys.readouterr().err.startswith("error: onnx is not installed: pip install onnx ")


def test_the_model_card_of_recordings_names_no_place_and_no_engine():
    corpus = {"_target_": "speech.data.recordings.Folder", "root": "at/home", "val_speakers": 1}
    part = {"_target_": "speech.model.frontend.FrontEnd"}
    report = {"n_parameters": 1, "train_seconds": 1.0, "epochs": 1, "n_refused": 2, "splits": {}, "config_sha256": ""}
    environment = {"git_commit": None, "python": "3.11", "packages": {}}
    config = {"corpus": corpus, "seed": 0, "frontend": part, "encoder": part}
    card = model_card(["Anna"], config, report, environment)
    assert "- Voices: recordings of people\n- Corpus: data.recordings.Folder, val_speakers=1\n" in card
    assert "- Refused clips: 2\n" in card
    assert "at/home" not in card
    assert "espeak" not in card
    assert "synthetic" not in card


def test_the_model_card_says_where_it_fails_and_names_each_engines_licence():
    corpus = {"_target_": "speech.data.synthetic.Synthetic"}
    part = {"_target_": "speech.model.frontend.FrontEnd"}
    said = {"anna": ("anna", "en-GB", "espeak:en-GB+m1"), "hana": ("anna", "de", "babble:de+x")}
    heard = [
        metrics.Prediction(
            f"{text}{i}", speaker, text, text, [(first, 0.9), ("hana" if first == "anna" else "anna", 0.1)], accent
        )
        for text, (first, accent, speaker) in said.items()
        for i in range(12)
    ]
    trained_on = {"speakers": ["espeak:m1"], "accents": ["en-GB"], "engines": ["espeak", "babble", "person"]}
    facts = {"n_parameters": 1, "train_seconds": 1.0, "epochs": 1, "n_refused": 0, "config_sha256": ""}
    report = facts | evaluate({"test": heard}, trained_on)
    report["trained_on"] = {"n_speakers": 1, "accents": ["en-GB"], "engines": trained_on["engines"]}
    environment = {"git_commit": None, "python": "3.11", "packages": {}}
    config = {"corpus": corpus, "seed": 0, "frontend": part, "encoder": part}
    card = model_card(["Anna", "Hana"], config, report, environment)
    assert "| test | 24 | 50.00% (" in card
    assert (
        "| de | 12 | 0.00% (0.0% to 24.3%) | 100.00% (75.7% to 100.0%) | 0.00% (0.0% to 0.0%) | speaker, accent |"
        in card
    )
    assert "| en-GB | 12 | 100.00%" in card
    assert "- Worst of all groups of ten clips or more: the name hana, right within list 0.00%" in card
    assert "- Names that it heard as another, and how often: hana as anna (12)." in card
    assert "how often such a one is taken for a name is not known" in card
    assert "- Voices: espeak, babble, recordings of people\n" in card
    assert "- espeak-ng (GPL-3.0-or-later)" in card
    assert "- NOTICE has no word on babble." in card
    assert "- The recordings of people: their own licences" in card
    assert "synthetic voices alone" not in card


def card_of(heard=(), corpus=None, earlier=(), names=("Anna",)):
    facts = {"n_parameters": 1, "train_seconds": 1.0, "epochs": 1, "n_refused": 0, "config_sha256": ""}
    part = {"_target_": "speech.model.frontend.FrontEnd"}
    config = {"corpus": corpus or {"_target_": "speech.data.recordings.Folder"}, "seed": 0}
    environment = {"git_commit": None, "python": "3.11", "packages": {}}
    report = facts | evaluate({"test": list(heard)})
    return model_card(names, config | {"frontend": part, "encoder": part}, report, environment, earlier)


def test_the_model_card_of_a_run_without_a_list_counts_no_names():
    card = card_of(names=())
    assert card.startswith("# A recogniser of spoken names, whatever their list\n")
    assert "- Names:" not in card
    assert card_of().startswith("# A recogniser of 1 spoken names\n")


def test_the_model_card_has_the_speakers_that_are_least_often_right():
    heard = [
        metrics.Prediction(f"{i}", f"s{i:02}", "anna", "anna", [("anna" if i > 3 else "hana", 0.9), ("anna", 0.1)])
        for i in range(12)
    ]
    lines = card_of(heard).splitlines()
    table = lines[lines.index(next(line for line in lines if line.startswith("| speaker (the worst of 12) |"))) :]
    shown = [line.split(" | ")[0].removeprefix("| ") for line in table[2 : table.index("")]]
    assert shown == [f"s{i:02}" for i in range(8)]
    assert table[2].startswith("| s00 | 1 | 0.00% (")
    assert table[6].startswith("| s04 | 1 | 100.00% (")
    assert any(line.startswith("| speaker |") for line in card_of(heard[:8]).splitlines()), "all, where they are few"


def test_no_name_and_no_speaker_breaks_the_model_cards_lines_and_tables():
    odd = "a|b\nc"
    names = ["Anna", "Ann\nBob | Co"]
    heard = [
        metrics.Prediction(f"{i}", speaker, said, said, [(other, 0.9), (said, 0.1)], accent=accent)
        for i in range(12)
        for said, other, speaker, accent in (("anna", odd, "ann", "en"), (odd, "anna", odd, odd))
    ]
    lines = card_of(heard, names=names).splitlines()
    assert "- Names: Anna, Ann Bob \\| Co" in lines
    rows = [line for line in lines if line.startswith("|")]
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {8}
    assert sum(row.startswith("| a\\|b c |") for row in rows) == 3, "as a name, a speaker and an accent"
    assert "- Names that it heard as another, and how often: anna as a\\|b c (12), a\\|b c as anna (12)." in lines


WORDS = {"_target_": "speech.text.lexicon.open_words"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, False),
        ({"words": WORDS}, True),
    ],
)
@pytest.mark.parametrize("place", ["own", "earlier"])
def test_the_model_card_tells_the_licences_of_the_words_that_were_learnt(changed, told, place):
    corpus = {"_target_": "speech.data.synthetic.Synthetic", "engine": {"_target_": "speech.tts.espeak.Espeak"}}
    card = card_of(corpus=corpus | changed) if place == "own" else card_of(earlier=[{"corpus": corpus | changed}])
    for source in ("the CMU Pronouncing Dictionary (BSD-2-Clause)", "pyspellchecker (MIT)", "the census"):
        assert (source in card) == told
    assert "espeak-ng (GPL-3.0-or-later)" in card
    assert "NOTICE has no word" not in card


def test_the_model_card_says_what_is_in_the_run(small_run):
    card = (small_run / "model_card.md").read_text()
    report = json.loads((small_run / "report.json").read_text())
    assert "- Names: Martin, Mark\n" in card
    assert "- espeak-ng (GPL-3.0-or-later)" in card
    assert f"torch {torch.__version__.split('+')[0]}" in card
    for split, found in report["splits"].items():
        assert f"| {split} | {found['n_clips']} | {found['closed_set_accuracy']:.2%} (" in card
