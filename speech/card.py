"""A run's model card (Mitchell et al. 2019): what the recogniser heard, how well it hears, and what not to expect."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from speech import __version__

_VOICES = "speech.voices."
_PLACES = ("names", "path", "root")  # of a corpus: where its files lie on this machine is nobody's business


def model_card(
    names: Sequence[str],
    config: Mapping[str, Any],
    report: Mapping[str, Any],
    environment: Mapping[str, Any],
    earlier: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Markdown, from the names that it was trained for and what a run writes: config, report.json, environment.json.

    ``earlier`` are the configs of the runs that it started from, the last one first.
    """
    corpora = [one["corpus"] for one in (config, *earlier)]
    engines = sorted({t.split(".")[2] for corpus in corpora for t in _targets(corpus) if t.startswith(_VOICES)})
    alone = all(any(target.startswith(_VOICES) for target in _targets(corpus)) for corpus in corpora)
    packages = ", ".join(f"{package} {version}" for package, version in environment["packages"].items())
    limits = [
        "It hears one name in a recording, and knows no other words: whatever is said is spelt as if it were a name, "
        "and one name of the list is always ranked first.",
        "A name that was not in training is spelt by what its sounds resemble.",
    ]
    if config.get("init") and not earlier:
        limits.append("It began as a recogniser whose own training is not told here.")
    if alone:
        limits.append("It learnt from synthetic voices alone, and the figures are of such: people are heard less well.")
    return "\n".join(
        [
            f"# A recogniser of {len(names)} spoken names",
            "",
            "It spells a spoken name letter by letter, and ranks a list of names. "
            f"{report['n_parameters']} parameters, trained for {report['train_seconds']:.0f} s "
            f"({report['epochs']} epochs) by speech-names {__version__}.",
            "",
            "## What it was trained on",
            "",
            f"- Names: {', '.join(names)}",
            f"- Voices: {', '.join(engines) or 'recordings of people'}",
            f"- Corpus: {_in_words(config['corpus'])}",
            *(f"- Before that: {_in_words(one['corpus'])}" for one in earlier),
            f"- Refused clips: {report['n_refused']}",
            "",
            "## How well it hears",
            "",
            f"In clips {'that it did not learn from' if config.get('init') else 'of voices that it never met'}; "
            "in brackets, 95 % intervals.",
            "",
            *_table(report["splits"]),
            "",
            "## Limits",
            "",
            *(f"- {limit}" for limit in limits),
            "",
            "## Licences of what it was trained on",
            "",
            *(f"- {licence}" for licence in _licences(engines)),
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


def _table(splits: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = ["| split | clips | right within the list | letter-perfect | character errors |", "|---|---|---|---|---|"]
    for split, found in splits.items():
        cells = [split, str(found["n_clips"])]
        for figure in ("right_within_list", "letter_perfect"):
            low, high = found.get(f"{figure}_interval", (0, 0))
            cells.append(f"{found[figure]:.2%} ({low:.1%} to {high:.1%})" if figure in found else "-")
        lines.append(f"| {' | '.join(cells)} | {found['cer']:.2%} |")
    return lines


def _licences(engines: Sequence[str]) -> list[str]:
    """The paragraphs of NOTICE on these text-to-speech engines."""
    if not engines:
        return ["The recordings' own licences, which this program does not know."]
    beside = Path(__file__).parents[1] / "NOTICE"  # of a checkout; a wheel keeps it with its metadata
    installed = importlib.metadata.distribution("speech-names") if not beside.is_file() else None
    notice = installed.read_text("licenses/NOTICE") if installed else beside.read_text(encoding="utf-8")
    paragraphs = [" ".join(text.split()) for text in re.split(r"(?m)^- ", notice or "")[1:]]
    found = [text for text in paragraphs if any(engine in text for engine in engines)]
    return found or [f"NOTICE has no word on {', '.join(engines)}."]
