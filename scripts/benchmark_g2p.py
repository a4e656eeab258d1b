"""``python scripts/benchmark_g2p.py DATA_DIR [MODEL]``: pronunciations of names in many languages, as JSON lines.

DATA_DIR/names/pronunciations.tsv has the columns name, language (ISO 639-3) and ipa, with several lines per name. MODEL
is a grapheme-to-phoneme model (``python -m speech.g2p``), by default the shipped one; it is compared with espeak-ng's
English pronunciations in all accents. A name counts as right if one of its pronunciations, at most eight, equals one of
its references in IPA, both as the phones that an English listener perceives (``speech.text.assimilation``): first
exactly, then with sounds merged that English listeners do not distinguish (``MERGED``). The distance is the edit
distance of the nearest pair over the length of the longer. Intervals are 95 %, bootstrapped over names.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchlib.figures import Hits, show
from rapidfuzz.distance import Levenshtein

from speech import pretrained
from speech.evaluation.intervals import bootstrap, proportion
from speech.inference.g2p import N_PRONUNCIATIONS, G2PRuntime
from speech.text.assimilation import assimilate
from speech.text.phones import Phones
from speech.text.pronunciation import pronunciations

# Sounds that English does not distinguish: no two words differ by them alone in any accent, or not in some accents.
# - [a], [ɑ] and [ɐ]: three notations for the open vowel of a language that has only one; not [æ], not [ʌ];
# - [ɒ], [ɔ] and [o]: one vowel in most of America (cot and caught), except [o], which is /oʊ/ without its end;
# - [e] and [ɛ]: English has a close-mid front vowel only in /eɪ/; /eɪ/ and /oʊ/ count as their first halves;
# - [i] and [ɪ] distinguish beat and bit, but not the end of happy, nor the foreign short [i]; likewise [u] and [ʊ];
# - [ɜ] and [ə]; taps, dental stops, voiceless [w] and the glottal stop, which in English are variants of other sounds.
MERGED: Mapping[str, str] = {
    **{"ɑ": "a", "ɐ": "a", "ɒ": "o", "ɔ": "o", "e": "ɛ", "ɪ": "i", "ᵻ": "i", "ʊ": "u", "ʉ": "u", "ɜ": "ə"},
    **{"ʔ": "", "ɾ": "t", "ʍ": "w", "t̪": "t", "d̪": "d"},
}


def merged(phones: Phones) -> Phones:
    """``phones`` with ``MERGED`` applied and repeats collapsed; a diphthong that closes is its first vowel."""
    plain: list[str] = []
    for phone in phones:
        one = MERGED.get(phone, phone)
        closes = plain[-1:] in (["ɛ"], ["o"]) and one == {"ɛ": "i", "o": "u"}[plain[-1]]
        if one and not closes and plain[-1:] != [one]:
            plain.append(one)
    return tuple(plain)


def read_names(path: Path) -> tuple[list[str], list[str], list[list[Phones]]]:
    """Names, the language of each, and the phones of its reference pronunciations."""
    right: defaultdict[tuple[str, str], list[Phones]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            right[row["name"], row["language"]].append(assimilate(row["ipa"], row["language"]))
    return [name for name, _ in right], [language for _, language in right], list(right.values())


@dataclass(frozen=True)
class Form:
    """How pronunciations are compared: after ``of`` is applied to both."""

    name: str
    of: Callable[[Phones], Phones]

    def distance(self, guess: Phones, rights: Sequence[Phones]) -> float:
        return min(Levenshtein.normalized_distance(self.of(guess), self.of(right)) for right in rights)


def compare(what: str, found: Sequence[Sequence[Phones]], right: Sequence[Sequence[Phones]], form: Form) -> Hits:
    """Show the figures of ``found`` (likeliest first); returns whether each name has a right one, ``(n_names,)``."""
    each = [
        np.array([form.distance(guess, ones) for guess in guesses] or [1.0])
        for guesses, ones in zip(found, right, strict=True)
    ]
    names = [str(i) for i in range(len(each))]
    among = np.array([one.min() == 0 for one in each])
    than = f"{len(names)} names"
    show(f"{what}_among_{form.name}", float(among.mean()), "", than, None, proportion(among, names))
    first = np.array([one[0] == 0 for one in each])
    show(f"{what}_first_{form.name}", float(first.mean()), "", than, None, proportion(first, names))
    nearest = np.array([one.min() for one in each])
    interval = bootstrap(nearest, np.ones(len(nearest)), names)
    show(f"{what}_distance_{form.name}", float(nearest.mean()), "", than, None, interval)
    return among


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("model", type=Path, nargs="?", default=pretrained.FOLDER / pretrained.G2P)
    given = parser.parse_args()
    names, languages, right = read_names(given.data_dir / "names" / "pronunciations.tsv")
    model = G2PRuntime(given.model)
    show("size", given.model.stat().st_size / 1000, "kB")
    found = [[one.phones for one in some] for some in model.pronunciations_of(names)]
    english = [[one.phones for one in some][:N_PRONUNCIATIONS] for some in pronunciations(names)]
    for form in (Form("exact", tuple), Form("merged", merged)):
        among = compare("g2p", found, right, form)
        compare("espeak_english", english, right, form)
        compare("both", [[*a, *b] for a, b in zip(found, english, strict=True)], right, form)
    for language in dict.fromkeys(languages):
        own = [i for i, other in enumerate(languages) if other == language]
        show(f"g2p_among_merged_{language}", float(among[own].mean()), "", f"{len(own)} names")
    thousand = (names * 4)[:1000]
    thousand = [f"{name}{'aeiou'[i // len(names)]}" for i, name in enumerate(thousand)]  # no word occurs twice
    start = time.perf_counter()
    model.pronunciations_of(thousand)
    show("thousand_names", time.perf_counter() - start, "s", "one thread, together")


if __name__ == "__main__":
    main()
