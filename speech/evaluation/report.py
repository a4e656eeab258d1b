"""The typed reports of an evaluation and of a training run (``report.json``); text, card and figures are their views.

``report.json`` has a schema number, the facts of the run, and the parts of its evaluation at the top:
``splits.<name>.{n_clips, n_speakers, closed_set_accuracy, exact_match, cer}``, each metric ``{value, low, high}``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from speech.common import storage
from speech.data.source import Refusal
from speech.evaluation.calibration import CalibrationReport, NotCalibrated
from speech.evaluation.comparison import Comparison
from speech.evaluation.detection import DetectionReport, detection
from speech.evaluation.groups import WorstGroup, groups, worst_group
from speech.evaluation.learning import Unlearnt
from speech.evaluation.lists import Lists
from speech.evaluation.metrics import Confusion, Scores, confusions, scores
from speech.evaluation.open_set import OpenSetReport, open_set
from speech.evaluation.prediction import Prediction
from speech.evaluation.provenance import TrainingRecord
from speech.evaluation.spotting import SpottingReport
from speech.evaluation.typed import typed
from speech.inference.rejection import Rejection
from speech.model.recognizer import Recognizer
from speech.text.alphabet import Alphabet, TextError

SCHEMA = 1  # of report.json; it is incremented when a key changes
FEATURED = "featured"  # the split of the featured names


@dataclass(frozen=True)
class NarrowBand:
    """The clips whose recordings lack frequencies that the recogniser uses: they are recognised less well."""

    n_clips: int
    rates_hz: list[int]

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> NarrowBand | None:
        """None if there are no such clips."""
        rates = [one.narrow_hz for one in predictions if one.narrow_hz is not None]
        return cls(len(rates), sorted(set(rates))) if rates else None


@dataclass(frozen=True)
class EvaluationReport:
    """The metrics of all clips together, and of each split, name and other group."""

    overall: Scores
    splits: dict[str, Scores]  # with FEATURED, if there are clips of these names
    names: dict[str, Scores]
    groups: dict[str, dict[str, Scores]]  # by each of the other groups.KINDS
    worst_group: WorstGroup | None
    confusions: list[Confusion]  # most frequent first
    open_set: OpenSetReport | None
    detection: dict[str, DetectionReport]  # by the kind of other clips
    featured: list[str]  # in the recogniser's alphabet
    lists: Lists
    spotting: SpottingReport | None
    narrow_band: NarrowBand | None

    def kinds(self) -> dict[str, dict[str, Scores]]:
        """Every grouping of the clips except the splits, by kind."""
        return {"name": self.names, **self.groups}


@dataclass(frozen=True)
class TrainedOn:
    """The speakers, accents and engines of a recogniser's training, including those used to choose its epoch."""

    n_speakers: int
    accents: list[str]
    engines: list[str]

    @classmethod
    def of(cls, record: TrainingRecord) -> TrainedOn | None:
        """None without a record."""
        return cls(len(record["speakers"]), [*record["accents"]], [*record["engines"]]) if record else None


@dataclass(frozen=True)
class Ranking:
    """The weights by which names are ranked, fitted to validation clips; None for those the recogniser lacks."""

    label_prior_weights: list[float] | None  # of the letters and, if they are trained, of the phones
    phones_weight: float | None

    @classmethod
    def of(cls, recognizer: Recognizer) -> Ranking:
        prior = recognizer.label_prior
        return cls(list(prior.weights) if prior else None, recognizer.phones_weight if recognizer.inventory else None)


@dataclass(frozen=True)
class RunReport:
    """The content of ``report.json``. Fine-tuned runs have ``before`` and ``change``, measured on the same clips."""

    n_parameters: int
    train_seconds: float
    epochs: int
    steps: int
    unlearnt: Unlearnt | None  # None if something was learnt
    config_sha256: str
    corpus: str  # its folder, relative to the run's, so that both may be moved together
    refused: list[Refusal]
    trained_on: TrainedOn | None  # None if it was fine-tuned from a recogniser without a record
    ranking: Ranking
    calibration: CalibrationReport | NotCalibrated
    evaluation: EvaluationReport
    before: EvaluationReport | None = None
    change: Comparison | None = None

    def to_json(self) -> dict[str, Any]:
        content = asdict(self)
        evaluation = content.pop("evaluation")
        return {"schema": SCHEMA} | content | evaluation

    def write(self, path: Path) -> None:
        storage.write_json(path, self.to_json())

    @classmethod
    def read(cls, path: Path) -> RunReport:
        """Raises ValueError, naming ``path``, for a file that is missing, truncated, damaged or of another schema."""
        content = storage.read_json(path)
        if (schema := content.pop("schema", None)) != SCHEMA:
            raise ValueError(f"{path}: schema {schema}, and this version reads schema {SCHEMA}: train again")
        evaluation = {
            field.name: content.pop(field.name) for field in fields(EvaluationReport) if field.name in content
        }
        return read_typed(cls, content | {"evaluation": evaluation}, path)


@dataclass(frozen=True)
class Environment:
    """The environment of a run: the content of ``environment.json``."""

    git_commit: str | None
    python: str
    packages: dict[str, str]  # their versions

    @classmethod
    def read(cls, path: Path) -> Environment:
        """Raises ValueError, naming ``path``, for a file that is missing or damaged."""
        return read_typed(cls, storage.read_json(path), path)


def read_typed(kind: Any, content: Mapping[str, Any], path: Path) -> Any:
    """``content`` of ``path`` as ``kind``. Raises ValueError that names the file and the error, and says what to do."""
    try:
        return typed(kind, content)
    except ValueError as error:
        raise ValueError(f"{path}: not written by this version ({error}): train again") from error


def evaluate(
    predictions: Mapping[str, Sequence[Prediction]],
    trained_on: TrainingRecord | None = None,
    featured: Sequence[str] = (),
    rejection: Rejection | None = None,
    spotting: SpottingReport | None = None,
) -> EvaluationReport:
    """The report on ``predictions`` by split, with at least one in each.

    ``trained_on`` is the recogniser's record of its training (``provenance``), ``rejection`` its rejection.
    ``featured`` are names in their usual spelling, whose clips form a split of their own. ``spotting`` was measured on
    the same splits. The worst group, the confusions, the open set and the detection are over all clips.
    """
    every = [one for some in predictions.values() for one in some]

    def of(parts: Mapping[str, Sequence[Prediction]]) -> dict[str, Scores]:
        return {label: scores(some, trained_on) for label, some in parts.items()}

    splits = of(predictions)
    kinds = {kind: of(some) for kind, some in groups(every).items()}
    worst = worst_group({"split": splits, **kinds})
    names = kinds.pop("name")
    shown = _in_alphabet(featured, names)
    return EvaluationReport(
        overall=scores(every, trained_on),
        splits=splits | (of({FEATURED: [one for one in every if one.ref in shown]}) if shown else {}),
        names=names,
        groups=kinds,
        worst_group=worst,
        confusions=confusions(every),
        open_set=open_set(every),
        detection=detection(every, rejection),
        featured=shown,
        lists=Lists(max(len(one.names) for one in every), len({name for one in every for name, _ in one.names})),
        spotting=spotting,
        narrow_band=NarrowBand.of(every),
    )


def _in_alphabet(featured: Sequence[str], refs: Collection[str]) -> list[str]:
    """Those of ``featured`` that are among ``refs``, in the alphabet of these."""
    alphabet = Alphabet("".join(sorted(set("".join(refs)))))
    found = []
    for name in featured:
        with suppress(TextError):  # a letter that no reference has
            found.append(alphabet.fold(name))
    return [name for name in found if name in refs]
