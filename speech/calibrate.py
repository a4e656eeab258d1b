"""``python -m speech.calibrate recognizer=RUN_DIR [corpus=...]``: what is none of these, learnt anew.

``speech.train`` ends with this. By itself it serves a recogniser that was trained before, and other clips: those of
the microphone, or of the kind of names, that the recogniser will be used with.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech import config as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig


def recalibrate(config: DictConfig) -> dict[str, Any]:
    """Write the recogniser's file anew, with thresholds from ``config.split``'s clips; print and return the report.

    Its run's report and model card are brought up to date. Raises ValueError, and leaves the file as it was, where
    there are too few clips.
    """
    from hydra.utils import instantiate

    from speech import judge, provenance, runs
    from speech.calibration import calibrate, fit_ranking, summary
    from speech.recognizer import Recognizer
    from speech.train import fitted, make_data, write_card

    path = runs.find_recognizer(config.recognizer, config.runs_dir)
    recognizer = runs.load(path)
    if not isinstance(recognizer, Recognizer):
        raise ValueError(f"recognizer={path}: an exported file stays as it is: calibrate its run, and export it again")
    configs.as_trained(config, path, ["corpus", "augment"])
    data = make_data(config, recognizer)
    if config.split not in data.datasets:
        raise ValueError(f"split={config.split}: the corpus has {', '.join(data.datasets)}")
    clips, augment = data.datasets[config.split].clips, instantiate(config.augment)
    recognizer.prior, recognizer.phones_weight = fit_ranking(recognizer, clips, augment, config.seed)
    rejection, report = calibrate(recognizer, clips, data.listed, augment, config.false_acceptance, config.seed)
    if rejection is None:
        raise ValueError(f"split={config.split}: {report['reason']}")
    recognizer.rejection = rejection
    recognizer.trained_on = provenance.record(clips, recognizer.trained_on)
    recognizer.save(path)
    if (told := path.parent / "report.json").is_file():  # which is to say of the file what is so
        judge.write(told, judge.read(told) | fitted(recognizer, report))
        write_card(path.parent, recognizer.names)
    print(f"{summary(report)}\n{path}")
    if config.output:
        judge.write(Path(config.output), report)
    return report


def main() -> None:
    configs.run("calibrate", recalibrate)


if __name__ == "__main__":
    main()
