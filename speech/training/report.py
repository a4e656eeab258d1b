"""The last step of a run: its report as JSON, model card, TensorBoard log and text."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger

from speech.common import runs, storage
from speech.common.escape import printable, printable_data
from speech.config import compose
from speech.data.datamodule import SpeechData
from speech.data.samplers import Step
from speech.evaluation import spotting, text
from speech.evaluation.calibration import CalibrationReport, NotCalibrated
from speech.evaluation.card import model_card
from speech.evaluation.comparison import compare
from speech.evaluation.learning import unlearnt
from speech.evaluation.prediction import Prediction, predict
from speech.evaluation.report import Environment, EvaluationReport, Ranking, RunReport, TrainedOn, evaluate
from speech.evaluation.tensorboard import final, log
from speech.model.recognizer import Recognizer
from speech.training.environment import config_sha256
from speech.training.finetune import earlier_configs
from speech.training.fit import Fitted
from speech.training.prepare import Prepared

N_VALIDATED = 200  # validation clips, at most, for the check whether anything was learnt
PLACES = ("callbacks", "logger", "run_dir", "runs_dir", "cache_dir")  # keys of a config that are not hyperparameters


def report(
    prepared: Prepared,
    fitted: Fitted,
    calibration: CalibrationReport | NotCalibrated,
    predictions: Mapping[str, list[Prediction]],
    before: Mapping[str, list[Prediction]],
) -> None:
    """Evaluate the finished recogniser by its ``predictions`` for the test splits; write, log and print the report.

    ``before`` has the predictions of the recogniser that was fine-tuned; otherwise it is empty.
    """
    config, recognizer, data, initial = prepared.config, prepared.recognizer, prepared.data, prepared.initial
    run_dir = Path(config.run_dir)
    spotted = spotting.measure(recognizer, [data.datasets[split] for split in predictions], config.seed)
    found = RunReport(
        n_parameters=recognizer.n_parameters,
        train_seconds=fitted.seconds,
        epochs=fitted.n_epochs,
        steps=fitted.n_steps,
        unlearnt=unlearnt(_validated(recognizer, data), fitted.longer),
        config_sha256=config_sha256(config),
        corpus=os.path.relpath(data.folder, run_dir.resolve()),
        refused=data.refused,
        trained_on=TrainedOn.of(recognizer.trained_on),
        ranking=Ranking.of(recognizer),
        calibration=calibration,
        evaluation=evaluate(predictions, recognizer.trained_on, config.featured, recognizer.rejection, spotted),
        before=evaluate(before, initial.trained_on, config.featured, initial.rejection) if initial else None,
        change=compare(predictions, before) if initial else None,
    )
    found.write(run_dir / "report.json")
    write_card(run_dir, recognizer)

    settings = {key: node for key, node in compose.plain(config).items() if key not in PLACES}
    finals = final(found.evaluation) | {"final/train_seconds": found.train_seconds}
    _log(prepared.logger, printable_data(settings), finals, found.evaluation, fitted.n_steps)

    every = [one for some in predictions.values() for one in some]
    print(f"\n{text.predictions(every, found.evaluation.featured)}\n\n{text.run(found)}\n")
    shown = printable(run_dir)
    if isinstance(prepared.logger, TensorBoardLogger):
        print(f"TensorBoard log  {shown}/tensorboard")
    print(f"recogniser       {shown}/{runs.RECOGNIZER_FILE}\n{shown}")


def _log(
    logger: Any, hyperparameters: dict[str, Any], finals: dict[str, float], evaluation: EvaluationReport, n_steps: int
) -> None:
    """Log numbers to any logger, and the evaluation's picture and tables to TensorBoard's."""
    if isinstance(logger, TensorBoardLogger):
        logger.log_hyperparams(hyperparameters, finals)
        log(logger.experiment, evaluation, n_steps)
    else:
        logger.log_hyperparams(hyperparameters)
        logger.log_metrics(finals, n_steps)
    logger.finalize("success")
    if isinstance(logger, WandbLogger):
        logger.experiment.finish()  # otherwise the next job of a sweep would continue this one


def _validated(recognizer: Recognizer, data: SpeechData) -> list[Prediction]:
    """The predictions for some validation clips, ranked among the names of these clips."""
    dataset = data.split("val")
    drawn = np.random.default_rng(data.settings.seed).permutation(len(dataset))[:N_VALIDATED].tolist()
    steps = (drawn[i : i + data.settings.batch_size] for i in range(0, len(drawn), data.settings.batch_size))
    names = {dataset.texts[i]: dataset.clips[i].name for i in drawn}
    return predict(recognizer, (dataset[Step(0, 0, clips)] for clips in steps), [list(names.values())])


def write_card(run_dir: Path, recognizer: Recognizer) -> None:
    """Write ``run_dir/model_card.md`` from the run's config, report and environment."""
    config = compose.plain(compose.saved(run_dir, "train"))
    found, environment = RunReport.read(run_dir / "report.json"), Environment.read(run_dir / "environment.json")
    card = model_card(recognizer.names, config, found, environment, earlier_configs(config["init"]))
    storage.write_text(run_dir / "model_card.md", card)
