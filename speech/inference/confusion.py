"""Names of a list that are easily confused, by phonetic distance and by a recogniser's results on clips of them."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from speech.audio.files import Waveform
from speech.common.counting import counted
from speech.common.escape import printable
from speech.inference.pronounce import pronounce
from speech.inference.scoring import Entry
from speech.inference.transcriber import Transcriber
from speech.text.confusable import Pair, nearest
from speech.text.phones import Inventory
from speech.text.pronunciation import Pronunciation

LEAST_SHOWN = 0.02  # a pronunciation's probability, in a table


@dataclass(frozen=True)
class ConfusablePair:
    """A pair of names. ``confusion`` is the probability of the other name, the mean over both directions; None if no
    recogniser was given."""

    pair: Pair
    confusion: float | None = None


def confusable_pairs(
    names: Sequence[str], recognizer: Transcriber | None = None, clips: Iterable[tuple[int, Waveform]] = ()
) -> list[ConfusablePair]:
    """Every pair of ``names``, the most similar first; with a ``recognizer``, also its ``confusion`` on ``clips``.

    Raises ValueError for a list of fewer than two names.
    """
    if len(names) < 2:
        raise ValueError(f"names={names}: a pair needs two names: give two or more")
    pairs = nearest(names)
    if recognizer is None:
        return [ConfusablePair(pair) for pair in pairs]
    matrix, index = confusion(recognizer, names, clips), {str(name): i for i, name in enumerate(names)}
    mean = (matrix + matrix.T) / 2
    return [ConfusablePair(pair, float(mean[index[pair.names[0]], index[pair.names[1]]])) for pair in pairs]


def confusion(
    recognizer: Transcriber, names: Sequence[str], clips: Iterable[tuple[int, Waveform]]
) -> NDArray[np.float64]:
    """At ``[i, j]``, the mean probability of name j when name i was said and the choice is between these two.

    ``clips`` are end-pointed waveforms, each with the index of its name. The probability is 0.5 if neither name fits
    into a clip, and for a name without a clip.
    """
    entries = list(recognizer.lexicon(names).values())
    total, n_clips = np.zeros((len(names), len(names))), np.zeros(len(names))
    for i, waveform in clips:
        scores = recognizer.scores(recognizer.log_probs(waveform), entries)
        with np.errstate(invalid="ignore", over="ignore"):
            # p(j) / (p(i) + p(j)), of log-probabilities
            total[i] += np.nan_to_num(1 / (1 + np.exp(scores[i] - scores)), nan=0.5)
        n_clips[i] += 1
    return np.where(n_clips[:, None] > 0, total / np.maximum(n_clips, 1)[:, None], 0.5)


def homophones(lexicon: Mapping[str, Entry], inventory: Inventory | None) -> list[str]:
    """A message for each two names of ``lexicon`` with the same likeliest pronunciation; no message without phones."""
    if inventory is None:
        return []
    by_sound: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
    for name, (_, phones) in lexicon.items():
        if phones.symbols:
            by_sound[tuple(phones.symbols[int(np.argmax(phones.log_p))])].append(name)
    return [
        f"{one} and {other} are homophones (/{''.join(inventory.decode(sound))}/)"
        for sound, names in by_sound.items()
        for one, other in itertools.combinations(names, 2)
    ]


def json_lines(pairs: Sequence[ConfusablePair]) -> str:
    """A JSON object for each of ``pairs``, with all pronunciations of its names."""
    pronunciations = _pronunciations(pairs)
    lines = []
    for one in pairs:
        of = {name: [(_ipa(p), round(p.probability, 4)) for p in pronunciations[name]] for name in one.pair.names}
        plain = asdict(one.pair) | {"confusion": one.confusion, "pronunciations": of}
        lines.append(json.dumps(plain, ensure_ascii=False))
    return "\n".join(lines)


def table(pairs: Sequence[ConfusablePair], n_pairs: int) -> str:
    """A line for each pair of homophones, then one for each of the first ``n_pairs``, then the pronunciations of their
    names, with the probability of each.
    """
    lines = [
        f"{one.pair.homophone_message}: no recogniser can tell them apart; leave one out, or use a longer name for one"
        for one in pairs
        if one.pair.distance == 0
    ]
    rows = [("names", "distance", "in the accent", "pronunciations", "confusion")]
    for one in pairs[:n_pairs]:
        value = "-" if one.confusion is None else f"{one.confusion:.3f}"
        ipa = " / ".join(one.pair.ipa)
        rows.append((", ".join(one.pair.names), f"{one.pair.distance:.3f}", one.pair.accent, ipa, value))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for names, distance, accent, ipa, value in rows:
        columns = names.ljust(widths[0]), distance.rjust(8), accent.ljust(widths[2]), ipa.ljust(widths[3])
        lines.append(f"{'  '.join(columns)}  {value:>9}")
    recognised = [("name", "pronunciations that are recognised, with the probability of each")]
    for name, some in _pronunciations(pairs[:n_pairs]).items():
        likely = (f"/{_ipa(one)}/ {one.probability:.2f}" for one in some if one.probability >= LEAST_SHOWN)
        recognised.append((name, "  ".join(likely)))
    width = max(len(name) for name, _ in recognised)
    lines += ["", *(f"{name.ljust(width)}  {likely}" for name, likely in recognised)]
    return "\n".join([*map(printable, lines), "", f"{min(n_pairs, len(pairs))} of {counted(len(pairs), 'pair')}"])


def _ipa(one: Pronunciation) -> str:
    return "".join(one.phones)


def _pronunciations(pairs: Sequence[ConfusablePair]) -> dict[str, tuple[Pronunciation, ...]]:
    names = list(dict.fromkeys(name for one in pairs for name in one.pair.names))
    return dict(zip(map(str, names), pronounce(names), strict=True))
