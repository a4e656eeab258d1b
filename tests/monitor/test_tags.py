import io
import re
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import DRAWN
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from training.test_run import again, same_weights

from speech.monitor.layout import CHARTS, PHONES
from speech.training.run import train
from speech.training.task import SpellingTask

DOCUMENT = (Path(__file__).parents[2] / "docs" / "tensorboard.md").read_text(encoding="utf-8")


def events_of(run_dir):
    return EventAccumulator(str(run_dir / "tensorboard")).Reload()


@pytest.fixture(scope="module")
def events(small_run):
    return events_of(small_run)


def documented():
    """Page -> tags of the table, as regular expressions: <layer> stands for anything."""
    pages = {}
    for row in re.findall(r"^\| (`.*)\|$", DOCUMENT, re.MULTILINE):
        tags, page, _ = (cell.strip() for cell in row.split("|"))
        for tag in re.findall(r"`([^`]*)`", tags):
            pages.setdefault(page, []).append(re.sub(r"<\w+>", ".+", re.escape(tag)))
    return pages


def written(events):
    tags = events.Tags()
    texts = [tag for tag in tags["tensors"] if tag.endswith("/text_summary")]
    return {
        "scalars": tags["scalars"],
        "images": tags["images"],
        "audio": tags["audio"],
        "histograms": tags["histograms"],
        "text": [tag.removesuffix("/text_summary") for tag in texts],
        "custom scalars": [tag for tag in tags["tensors"] if tag not in texts],
        "hparams": list(events.PluginTagToContent("hparams")),
    }


def test_the_table_of_tags_is_true(events):
    """Every tag that a run writes is in the table, and what is in the table is written.

    This run trains no phones; tests/training/test_run.py reads the tag of one that does.
    """
    table = documented()
    table["scalars"].remove(re.escape("val/phone_error_rate"))
    for page, tags in written(events).items():
        assert tags, page
        for tag in tags:
            assert any(re.fullmatch(one, tag) for one in table[page]), f"{page}: {tag} is not documented"
        unseen = [one for one in table[page] if not any(re.fullmatch(one, tag) for tag in tags)]
        assert not unseen, f"{page}: {unseen} are not written"


def test_pictures_come_after_1_2_and_the_last_epoch(events):
    """The small run has three epochs of three steps."""
    for tag in ("confusion", "alignment", "lattice"):
        assert [image.step for image in events.Images(tag)] == [3, 6, 9]
    assert [image.step for image in events.Images("attribution")] == [9]
    assert [event.step for event in events.Tensors("hypotheses/text_summary")] == [3, 6, 9]


def test_the_last_epoch_of_a_run_that_stops_early_is_not_known_in_time(compose, tmp_path):
    """As docs/tensorboard.md says: of three epochs the first two, and the evaluation after the third."""
    early = ["trainer.max_epochs=9", "callbacks.stop_early.patience=2", "+callbacks.stop_early.min_delta=10"]
    train(compose("train", *DRAWN, *early, f"run_dir={tmp_path}"))
    events = events_of(tmp_path)
    for tag in ("confusion", "alignment", "lattice"):
        assert [image.step for image in events.Images(tag)] == [3, 6]
    assert [image.step for image in events.Images("evaluation")] == [9]


def test_misrecognised_clips_can_be_played(events):
    text = events.Tensors("errors/text_summary")[-1].tensor_proto.string_val[0].decode()
    assert "| errors/1 | martin |" in text or "| errors/1 | mark |" in text
    with wave.open(io.BytesIO(events.Audio("errors/1")[-1].encoded_audio_string)) as sound:
        assert sound.getframerate() == 16_000
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16)
    assert 0.1 < len(samples) / 16_000 < 3
    assert np.abs(samples).max() > 1_000


def layout_of(events):
    layout = layout_pb2.Layout()
    layout.ParseFromString(events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    return layout


def charts(layout):
    return {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart}


def test_the_layout_groups_curves_that_are_there(events):
    layout = layout_of(events)
    assert [category.title for category in layout.category] == list(CHARTS)
    assert PHONES not in charts(layout), "this run trains none"
    for title, patterns in charts(layout).items():
        for pattern in patterns:
            assert any(re.fullmatch(pattern, tag) for tag in events.Tags()["scalars"]), f"{title}: {pattern}"


def test_a_run_that_trains_phones_has_a_chart_of_them(open_run):
    events = events_of(open_run)
    assert charts(layout_of(events))[PHONES] == ["val/phone_error_rate"]
    assert "val/phone_error_rate" in events.Tags()["scalars"]


def test_the_composed_config_is_in_the_log(events, small_run):
    text = events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    for line in (small_run / "config.yaml").read_text().splitlines():
        assert f"    {line}\n" in text


def test_a_sweeps_runs_can_be_compared_by_their_final_metrics(events):
    content = events.PluginTagToContent("hparams")
    experiment = HParamsPluginData.FromString(content["_hparams_/experiment"]).experiment
    metrics = {metric.name.tag for metric in experiment.metric_infos}
    assert {"final/cer", "final/exact_match", "final/closed_set_accuracy", "final/train_seconds"} <= metrics
    assert metrics <= set(events.Tags()["scalars"])
    given = HParamsPluginData.FromString(content["_hparams_/session_start_info"]).session_start_info.hparams
    assert {"encoder/n_units", "optimizer/lr", "seed"} <= set(given)
    assert not [name for name in given if name.startswith(("callbacks", "run_dir"))], "they would hide the others"


def test_updates_are_small_beside_the_weights(events):
    for tag in events.Tags()["scalars"]:
        if tag.startswith("update/"):
            assert all(0 < event.value < 0.5 for event in events.Scalars(tag)), tag


def test_names_are_points_of_the_projector(small_run):
    folder = small_run / "tensorboard"
    assert 'tensor_name: "names:00009"' in (folder / "projector_config.pbtxt").read_text()
    assert (folder / "00009" / "names" / "metadata.tsv").read_text().split() == ["mark", "martin"]
    points = np.loadtxt(folder / "00009" / "names" / "tensors.tsv")
    assert points.shape == (2, 32)
    assert not np.allclose(points[0], points[1])


def test_a_run_without_the_monitor_ends_with_the_same_weights(small_run, tmp_path):
    kept = ("best", "last", "stop_early", "interruption")
    config = again(small_run, tmp_path)
    config.callbacks = {name: config.callbacks[name] for name in kept}
    train(config)
    assert same_weights(tmp_path, small_run)


def test_a_resumed_run_shows_its_lattice_from_the_beginning(small_run):
    """The moments are part of the checkpoint: step 0, and the end of each epoch."""
    checkpoint = torch.load(small_run / "checkpoints" / "last.ckpt", weights_only=True)
    moments = checkpoint["callbacks"]["LatticeOccupancy"]["moments"]
    assert list(moments) == [0, 3, 6, 9]
    for occupancy in moments.values():
        torch.testing.assert_close(occupancy.sum(dim=1), torch.ones(len(occupancy), dtype=torch.float64))


@pytest.mark.parametrize("choice", ["gradients=manual", "encoder=lstm"])
def test_everything_is_shown_for_other_gradients_and_networks(compose, tmp_path, choice):
    train(compose("train", *DRAWN, f"run_dir={tmp_path}", choice, "trainer.max_epochs=1"))
    tags = events_of(tmp_path).Tags()
    assert {"confusion", "alignment", "lattice", "attribution", "evaluation"} == set(tags["images"])
    assert "gradients/encoder.output" in tags["histograms"]


def test_a_training_that_diverges_is_logged_to_its_end(compose, tmp_path, monkeypatch):
    """With torch's gradients, which go on with NaN: the curves show it, and no picture stops the run."""

    def diverge(task, *_):
        torch.nn.init.constant_(task.recognizer.encoder.output.weight, float("nan"))

    monkeypatch.setattr(SpellingTask, "on_train_batch_end", diverge)
    train(compose("train", *DRAWN, f"run_dir={tmp_path}", "gradients=torch", "encoder.bidirectional=false"))
    assert np.isnan(events_of(tmp_path).Scalars("val/loss")[-1].value)
