"""The third step of a run: it sets the final weights, fits the ranking and the rejection, and writes the file."""

from __future__ import annotations

from pathlib import Path

from speech.common import runs
from speech.config.tree import Config
from speech.data.augment.light import Augment
from speech.data.augment.room import Room
from speech.data.datamodule import SpeechData
from speech.evaluation.calibration import CalibrationReport, NotCalibrated
from speech.model.recognizer import Recognizer
from speech.training.calibration import calibrate
from speech.training.finetune import checked_alpha, interpolate_weights
from speech.training.fit import Fitted
from speech.training.prepare import Prepared
from speech.training.ranking import fit_ranking
from speech.training.trials import of_people


def finish(prepared: Prepared, fitted: Fitted) -> CalibrationReport | NotCalibrated:
    """Save the recogniser of the best epoch, after fine-tuning with interpolated weights; returns its calibration."""
    config, recognizer, data = prepared.config, prepared.recognizer, prepared.data
    own = recognizer.cpu().float().eval().state_dict()  # a recogniser's file has one precision, whatever training had
    weights = {name: tensor.to(own.get(name, tensor)) for name, tensor in fitted.weights.items()}
    if prepared.initial is not None:
        weights = interpolate_weights(prepared.initial.state_dict(), weights, checked_alpha(config))
    recognizer.load_weights(weights, where=f"{config.run_dir}/checkpoints")
    calibration = fit_to_clips(recognizer, data, "val", data.datasets["train"].augment, config)
    recognizer.save(Path(config.run_dir) / runs.RECOGNIZER_FILE)
    return calibration


def fit_to_clips(
    recognizer: Recognizer, data: SpeechData, split: str, augment: Augment | Room | None, config: Config
) -> CalibrationReport | NotCalibrated:
    """Fit ranking and rejection to the clips of ``split`` (only people's, if there are enough of these); returns the
    calibration, or why there is none if there are too few clips.

    ``config`` supplies the ``false_accept_rate`` and the ``seed``.
    """
    clips = of_people(data.datasets[split].clips, recognizer.alphabet)
    recognizer.label_prior, recognizer.phones_weight = fit_ranking(recognizer, clips, augment, config.seed)
    recognizer.rejection, calibration = calibrate(
        recognizer, clips, data.listed, augment, config.false_accept_rate, config.seed
    )
    return calibration
