"""Enrolment without training: the decodings of a name's recordings are added to its entry. numpy only.

The likeliest letter strings and phone strings of each recording are kept, with their probabilities, as further variants
of the name beside the spelling and the typed pronunciations. So a name is recognised as this speaker says it, whether
or not its spelling shows the pronunciation. The method is that of L. Lugosch, S. Myer and V. Tomar, "DONUT: CTC-based
Query-by-Example Keyword Spotting", 2018: n-best label sequences as the model of a keyword.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speech.common import storage
from speech.inference.prefix_beam import n_best
from speech.inference.score import Floats
from speech.inference.scoring import Entry, LogProbs, Variants
from speech.text.alphabet import Alphabet, TextError
from speech.text.names import distinct, key
from speech.text.phones import Inventory

FORMAT = 1
N_BEST = 20  # strings kept for each recording and output
ROUNDING = 1e-9  # error of the logarithm of a probability
WEIGHT = 0.5  # of the recordings' variants, if the name has a spelling too


@dataclass(frozen=True)
class Enrolled:
    """The decodings of one name's recordings. ``spelled`` is false for a label, in any script, whose letters say
    nothing about its sound ("the boss"): such a name has only the recordings' variants."""

    decoded: Entry
    n_recordings: int
    spelled: bool = True

    def beside(self, typed: Entry) -> Entry:
        """The entry of a spelled name: its ``typed`` variants and those of its recordings."""
        return Entry(*(_mixed(own, decoded) for own, decoded in zip(typed, self.decoded, strict=True)))


def enrol(recordings: Sequence[LogProbs], spelled: bool = True) -> Enrolled:
    """Enrol the name that is said in each of one or more ``recordings``. Raises ValueError if nothing is decoded."""
    if not recordings:
        raise ValueError("no recording to enrol: give one to five recordings of the name")
    outputs = zip(*(one.outputs for one in recordings), strict=True)
    decoded = Entry(*(_variants(some) for some in outputs))
    if any(not variants.symbols for variants in decoded[: len(recordings[0].outputs)]):
        raise ValueError("nothing was recognised in these recordings: record the name again, closer to the microphone")
    return Enrolled(decoded, len(recordings), spelled)


def _variants(recordings: Sequence[Floats]) -> Variants:
    """The likeliest strings of one output. A string's probability is taken among the N_BEST of a recording, and
    averaged over recordings."""
    probability: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for log_probs in recordings:
        (strings,) = n_best(log_probs[None], np.array([len(log_probs)]), N_BEST)
        strings = [(symbols, p) for symbols, p in strings if symbols]
        total = sum(p for _, p in strings)
        for symbols, p in strings:
            probability[symbols] += p / total / len(recordings)
    ordered = sorted(probability, key=lambda symbols: -probability[symbols])
    return Variants(tuple(map(list, ordered)), tuple(math.log(probability[symbols]) for symbols in ordered))


def _mixed(typed: Variants, decoded: Variants) -> Variants:
    own = tuple(log_p + math.log(1 - WEIGHT) for log_p in typed.log_p)
    others = tuple(log_p + math.log(WEIGHT) for log_p in decoded.log_p)
    return Variants(typed.symbols + decoded.symbols, own + others) if typed.symbols else decoded


def write(path: Path, enrolled: Mapping[str, Enrolled], alphabet: Alphabet, inventory: Inventory | None) -> None:
    """Write ``enrolled`` by name as JSON, with strings as letters and phones, so that a person can read them.

    No newline follows the last brace, so that a truncated file can never be read.
    """
    names = {}
    for name, one in enrolled.items():
        letters, phones = one.decoded
        spelt = [(alphabet.decode(symbols), log_p) for symbols, log_p in zip(*letters, strict=True)]
        ipa = [(inventory.decode(symbols), log_p) for symbols, log_p in zip(*phones, strict=True)] if inventory else []
        names[name] = {"letters": spelt, "phones": ipa, "n_recordings": one.n_recordings, "spelled": one.spelled}
    storage.write_text(path, json.dumps({"format": FORMAT, "names": names}, ensure_ascii=False, indent=1))


def read(path: Path, alphabet: Alphabet, inventory: Inventory | None) -> dict[str, Enrolled]:
    """The names in a file that ``write`` wrote. Raises ValueError, naming the file, for any other file."""
    try:
        content = storage.parse_json(storage.bounded_text(path))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}, this version reads {FORMAT}")
        found = {name: _read(one, alphabet, inventory) for name, one in content["names"].items()}
        if found:
            distinct([*found], alphabet)
        for name, one in found.items():
            if one.spelled:
                alphabet.fold(name)
        return found
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}): speech.enrol writes enrolled names") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # as are UnicodeDecodeError and JSON's errors
        raise ValueError(f"{path}: not a file of enrolled names ({error}): enrol them again") from error


def others(
    path: Path, name: str, spelled: bool, alphabet: Alphabet, inventory: Inventory | None
) -> dict[str, Enrolled]:
    """The names in the file ``path``, if it exists, except ``name``, in whatever spelling it has there. Raises
    ValueError, also if ``name`` is to be ``spelled`` and cannot be."""
    if spelled:
        try:
            alphabet.fold(name)
        except TextError as error:
            raise TextError(f"{error}, or enrol it as a label: spelled=false") from error
    there = read(path, alphabet, inventory) if path.exists() else {}
    return {other: one for other, one in there.items() if key(other, alphabet) != key(name, alphabet)}


def _read(one: Mapping[str, Any], alphabet: Alphabet, inventory: Inventory | None) -> Enrolled:
    letters = [(alphabet.encode(text), float(log_p)) for text, log_p in one["letters"]]
    phones = [(inventory.encode(tuple(some)), float(log_p)) for some, log_p in one["phones"]] if inventory else []
    if not letters or (inventory and not phones) or not all(-math.inf < p < ROUNDING for _, p in letters + phones):
        raise ValueError("a name without strings, or with an invalid probability")
    decoded = Entry(*(Variants(*map(tuple, zip(*some, strict=True))) for some in (letters, phones) if some))
    return Enrolled(decoded, int(one["n_recordings"]), bool(one["spelled"]))
