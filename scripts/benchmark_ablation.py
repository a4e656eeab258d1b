"""``make bench-ablation DATA_DIR=...``: recipes that each differ in one setting, one JSON object per line.

``python scripts/benchmark_ablation.py DATA_DIR [VARIANT ...] [KEY=VALUE ...]``: the variants are those of
benchmark_ablation.yaml, by default all of them; KEY=VALUE are overrides for each. Each variant is trained from scratch
on words that are not in the test (``experiment=open``), for less time than the recipe, into runs/ablation/VARIANT. A
trained variant is not trained again, so that the same command continues where it was stopped. The test is on recordings
of people in closed lists: the words and digits of benchmark_people.yaml and the two names. Each variant is compared
with the first, paired clip by clip. The first is also decoded by its letters alone, by its phones alone, and without
the label prior.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from benchlib.figures import Hits, show_change, show_proportion
from benchlib.people import People, Recording, evaluate, read_lists
from benchlib.runs import train
from omegaconf import OmegaConf

from speech.common.runs import RECOGNIZER_FILE
from speech.model.recognizer import Recognizer

HERE = Path(__file__)
RUNS = Path("runs") / "ablation"


def trained(variant: str, overrides: list[str]) -> Recognizer:
    """The variant's recogniser, trained if it does not exist."""
    run_dir = (RUNS / variant.replace(" ", "_")).resolve()
    if not (run_dir / "report.json").is_file():
        print(f"training {variant}", file=sys.stderr)
        train(run_dir, ["experiment=open", *overrides])
    return Recognizer.load(run_dir / RECOGNIZER_FILE)


def test_sets(people: People) -> dict[str, tuple[list[Recording], list[str]]]:
    """By test set, its recordings and the closed list to choose from."""
    lists = read_lists()
    words, every, digits = list(lists.words), [*lists.words, *lists.other_words], list(lists.digits)
    return {
        "20 words": (people.recordings("speech_commands", words), words),
        "33 words": (people.recordings("speech_commands", every), every),
        "digits": (people.recordings("fsdd", digits), digits),
        **{name: (people.recordings("names", [name]), list(lists.names)) for name in lists.names[:2]},
    }


def decodings(recognizer: Recognizer) -> Iterator[str]:
    """Changes the decoding of ``recognizer`` in one way after another, and restores it in the end."""
    weight, prior = recognizer.phones_weight, recognizer.label_prior
    yield ""
    for way, recognizer.phones_weight in (("letters alone", 0.0), ("phones alone", 1.0), ("half of each", 0.5)):
        yield f", {way}"
    recognizer.phones_weight, recognizer.label_prior = weight, None
    yield ", no label prior"
    recognizer.label_prior = prior


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data_dir", type=Path, help="the folder that holds human/manifest.csv")
    parser.add_argument("chosen", nargs="*", metavar="VARIANT or KEY=VALUE")
    given = parser.parse_args()
    plan = OmegaConf.load(HERE.with_suffix(".yaml"))
    overrides = [some for some in given.chosen if "=" in some]
    variants = [some for some in given.chosen if "=" not in some] or list(plan.variants)
    if unknown := sorted(set(variants) - set(plan.variants)):
        sys.exit(f"error: no variant {', '.join(unknown)}: choose from {', '.join(plan.variants)}")
    sets = test_sets(People(given.data_dir))
    first: dict[str, Hits] = {}
    for variant in variants:
        recognizer = trained(variant, [*plan.shorter, *plan.variants[variant], *overrides])
        found = {what: evaluate(recognizer, recordings) for what, (recordings, _) in sets.items()}
        for way in decodings(recognizer) if not first else ("",):
            for what, evaluated in found.items():
                hits, speakers = evaluated.closed_set(sets[what][1]), evaluated.speakers
                name = f"{what}, {variant}{way}"
                show_proportion(f"closed_set_accuracy ({name})", hits, speakers)
                base = first.setdefault(what, hits)
                if base is not hits:
                    show_change(f"closed_set_accuracy_change ({name})", hits, base, speakers, variants[0])


if __name__ == "__main__":
    main()
