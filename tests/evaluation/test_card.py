import re

import pytest
import torch

from speech.evaluation.calibration import NotCalibrated
from speech.evaluation.card import model_card
from speech.evaluation.format import speakers
from speech.evaluation.prediction import Prediction
from speech.evaluation.report import Environment, Ranking, RunReport, TrainedOn, evaluate

PART = {"_target_": "speech.model.frontend.FrontEnd"}
SYNTHETIC = {"_target_": "speech.data.synthetic.Synthetic", "engine": {"_target_": "speech.tts.espeak.Espeak"}}
FOLDER = {"_target_": "speech.data.recordings.Folder", "root": "at/home", "val_speakers": 1}
ESPEAK = TrainedOn(1, ["en-GB"], ["espeak"])
ONE = [Prediction("1", "ann", "anna", "anna", [("anna", 1.0)])]


def card_of(predictions=ONE, names=("Anna",), corpus=SYNTHETIC, earlier=(), trained_on=ESPEAK, record=None):
    report = RunReport(
        n_parameters=1,
        train_seconds=1.0,
        epochs=1,
        steps=9,
        unlearnt=None,
        config_sha256="",
        corpus="",
        refused=[],
        trained_on=trained_on,
        ranking=Ranking(None, None),
        calibration=NotCalibrated("too few"),
        evaluation=evaluate({"test": predictions}, record),
    )
    config = {"corpus": corpus, "seed": 0, "frontend": PART, "encoder": PART}
    return model_card(names, config, report, Environment(None, "3.11", {}), earlier)


def test_the_card_of_recordings_names_no_place_and_no_engine():
    card = card_of(corpus=FOLDER, trained_on=TrainedOn(2, ["en"], ["person"]))
    assert "- Voices: recordings of people\n- Corpus: data.recordings.Folder, val_speakers=1\n" in card
    assert "- Refused clips: 0\n" in card
    for absent in ("at/home", "espeak", "synthetic"):
        assert absent not in card


def test_the_card_tells_limits_and_the_licence_of_each_engine():
    spoken = {"anna": ("anna", "en-GB", "espeak:en-GB+m1"), "hana": ("anna", "de", "babble:de+x")}
    predictions = [
        Prediction(f"{ref}{i}", speaker, ref, ref, [(first, 0.9), ("hana", 0.1)], accent)
        for ref, (first, accent, speaker) in spoken.items()
        for i in range(12)
    ]
    record = {"speakers": ["espeak:m1"], "accents": ["en-GB"], "engines": ["espeak", "babble", "person"]}
    card = card_of(predictions, ["Anna", "Hana"], trained_on=TrainedOn.of(record), record=record)
    header = "clips | speakers | closed-set accuracy % | exact match % | CER % | unseen in training |"
    assert f"| split | {header}\n" in card
    assert "95 % intervals: cluster-robust by speaker, joined with Wilson's; few: under 10 speakers." in card
    assert "| test | 24 | 2 (few) | 50.00 [" in card
    row = "| de | 12 | 1 (few) | 0.00 [0.0, 24.3] | 100.00 [75.7, 100.0] | 0.00 [0.0, 24.3] | speaker, accent |"
    assert f"| accent | {header}" in card
    assert row in card
    assert "| en-GB | 12 | 1 (few) | 100.00" in card
    assert "- Worst group of ten clips or more: name hana, closed-set accuracy 0.00 % [0.0, 24.3] of 12 clips." in card
    assert "- Names recognised as another, with the number of clips: hana as anna (12)." in card
    assert "the false-accept rate is unknown" in card
    assert "- Voices: espeak, babble, recordings of people\n" in card
    assert "- espeak-ng (GPL-3.0-or-later)" in card
    assert "- NOTICE does not name babble." in card
    assert "- Recordings of people have their own licences" in card
    assert "synthetic voices only" not in card
    assert "synthetic voices only" in card_of()


def test_the_card_of_a_run_without_a_list_counts_no_names():
    card = card_of(names=())
    assert card.startswith("# A recogniser of spoken names, for any list\n")
    assert "- Names:" not in card
    assert card_of().startswith("# A recogniser of 1 spoken name\n")


def test_the_card_has_the_speakers_of_the_lowest_accuracy():
    predictions = [
        Prediction(f"{i}", f"s{i:02}", "anna", "anna", [("anna" if i > 3 else "hana", 0.9), ("anna", 0.1)])
        for i in range(12)
    ]
    lines = card_of(predictions).splitlines()
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("| speaker (worst 8 of 12) |")) :]
    shown = [line.split(" | ")[0].removeprefix("| ") for line in table[2 : table.index("")]]
    assert shown == [f"s{i:02}" for i in range(8)]
    assert table[2].startswith("| s00 | 1 | 1 (few) | 0.00 [")
    assert table[6].startswith("| s04 | 1 | 1 (few) | 100.00 [")
    assert any(line.startswith("| speaker |") for line in card_of(predictions[:8]).splitlines()), "all, where few"


def test_no_name_and_no_speaker_breaks_lines_and_tables():
    odd = "a|b\nc"
    predictions = [
        Prediction(f"{i}", speaker, ref, ref, [(other, 0.9), (ref, 0.1)], accent=accent)
        for i in range(12)
        for ref, other, speaker, accent in (("anna", odd, "ann", "en"), (odd, "anna", odd, odd))
    ]
    lines = card_of(predictions, names=["Anna", "Ann\nBob | Co"]).splitlines()
    assert "- Names: Anna, Ann Bob \\| Co" in lines
    rows = [line for line in lines if line.startswith("|")]
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {9}
    assert sum(row.startswith("| a\\|b c |") for row in rows) == 3, "as a name, a speaker and an accent"
    assert any(line.endswith(": anna as a\\|b c (12), a\\|b c as anna (12).") for line in lines)


@pytest.mark.parametrize("words", [{}, {"words": {"_target_": "speech.text.word_lists.open_words"}}])
@pytest.mark.parametrize("earlier", [False, True])
def test_the_card_tells_the_licences_of_the_words_of_training(words, earlier):
    corpus = SYNTHETIC | words
    card = card_of(earlier=[{"corpus": corpus}]) if earlier else card_of(corpus=corpus)
    for source in ("the CMU Pronouncing Dictionary (BSD-2-Clause)", "pyspellchecker (MIT)", "the census"):
        assert (source in card) == bool(words)
    assert "espeak-ng (GPL-3.0-or-later)" in card
    assert "NOTICE does not name" not in card


def test_the_card_of_a_run_shows_the_metrics_of_its_report(small_run):
    card = (small_run / "model_card.md").read_text()
    assert "- Names: Martin, Mark\n" in card
    assert f"torch {torch.__version__.split('+')[0]}" in card
    for split, scores in RunReport.read(small_run / "report.json").evaluation.splits.items():
        value = 100 * scores.closed_set_accuracy.value
        assert f"| {split} | {scores.n_clips} | {speakers(scores.n_speakers)} | {value:.2f} [" in card
