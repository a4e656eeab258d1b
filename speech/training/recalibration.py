"""A recogniser's rejection and ranking, fitted anew to other clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech.config import tree as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig


def recalibrate(config: DictConfig) -> dict[str, Any]:
    """Write the recogniser's file anew, with thresholds from ``config.split``'s clips; print and return the report.

    Its run's report and model card are brought up to date. Raises ValueError, and leaves the file as it was, where
    there are too few clips.
    """
    from hydra.utils import instantiate

    from speech.common import runs, storage
    from speech.evaluation import provenance
    from speech.evaluation.calibration import summary
    from speech.model import loading
    from speech.model.recognizer import Recognizer
    from speech.training.calibration import calibrate
    from speech.training.corpora import make_data
    from speech.training.ranking import fit_ranking
    from speech.training.run import fitted, write_card

    path = runs.find_recognizer(config.recognizer, config.runs_dir)
    recognizer = loading.load(path)
    if not isinstance(recognizer, Recognizer):
        raise ValueError(f"recognizer={path}: an exported file stays as it is: calibrate its run, and export it again")
    configs.as_trained(config, path, ["corpus", "augment"])
    data = make_data(config, recognizer)
    if config.split not in data.datasets:
        raise ValueError(f"split={config.split}: the corpus has {', '.join(data.datasets)}")
    clips, augment = data.datasets[config.split].clips, instantiate(config.augment)
    recognizer.label_prior, recognizer.phones_weight = fit_ranking(recognizer, clips, augment, config.seed)
    rejection, report = calibrate(recognizer, clips, data.listed, augment, config.false_accept_rate, config.seed)
    if rejection is None:
        raise ValueError(f"split={config.split}: {report['reason']}")
    recognizer.rejection = rejection
    recognizer.trained_on = provenance.record(clips, recognizer.trained_on)
    recognizer.save(path)
    if (told := path.parent / "report.json").is_file():  # which is to say of the file what is so
        storage.write_json(told, storage.read_json(told) | fitted(recognizer, report))
        write_card(path.parent, recognizer.names)
    print(f"{summary(report)}\n{path}")
    if config.output:
        storage.write_json(Path(config.output), report)
    return report
