"""A training run, from a composed config to a folder.

RUN_DIR/config.yaml         the composed config
        environment.json    git commit, versions of Python and of the packages
        recognizer.pt       the recogniser: this file is enough to transcribe
        report.json         its evaluation on the test splits
        model_card.md       the same in words
        tensorboard/        losses, error rates, gradients, hypotheses epoch by epoch
        hypotheses.jsonl    the hypotheses as data
        checkpoints/        best.ckpt, last.ckpt: ``resume=RUN_DIR`` continues from the last
"""

from __future__ import annotations

from speech.common import event_files, storage
from speech.config.tree import Config
from speech.training.distributed import n_processes_of
from speech.training.finish import finish
from speech.training.fit import fit
from speech.training.folder import claimed
from speech.training.others import Others
from speech.training.prepare import prepare
from speech.training.report import report
from speech.training.together import predict_together


def train(config: Config, resume: bool = False) -> float:
    """Train in ``config.run_dir``; returns the best validation CER, which a sweep may minimise.

    ``resume`` continues from ``checkpoints/last.ckpt``. Raises Interrupted if a signal stopped it, after saving its
    state, and FileExistsError for the folder of another run, or of a run that is being trained.
    """
    with claimed(config.run_dir, resume) as folder:
        try:
            with event_files.written(folder / "tensorboard"):
                return _trained(config, resume)
        except storage.UnwritableError as error:
            if not (folder / "checkpoints" / "last.ckpt").is_file():
                raise
            raise OSError(f"{error}: python -m speech.train resume={folder}") from error


def _trained(config: Config, resume: bool) -> float:
    prepared = prepare(config, resume)
    with Others(n_processes_of(config)) as others:
        others.start(prepared)
        before = {}
        if prepared.initial is not None:
            before = predict_together(prepared, others)
            prepared.recognizer.train()
        fitted = fit(prepared, others)
        calibration = finish(prepared, fitted)
        predictions = predict_together(prepared, others)
    report(prepared, fitted, calibration, predictions, before)
    return fitted.val_cer
