"""Why people are heard as well as they are: recipes that differ in one thing each, one JSON object a line.

``python scripts/benchmark_ablation.py DATA_DIR [VARIANT ...] [KEY=VALUE ...]``: the variants are those of
benchmark_ablation.yaml, all of them by default; KEY=VALUE are overrides for each. Every one is trained from nothing on
words that are not judged (``experiment=open``), shorter than the recipe is, into runs/ablation/VARIANT; one that has
been trained is not trained again, so that the bench can be interrupted. Judged are lists that people said: the words
and digits of benchmark_people.yaml and the two names, each variant beside the first, paired clip by clip.

The first is judged by its letters and by its phones alone as well, and without its prior: what decoding is worth.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmark import show
from benchmark_people import Bench, Ear, Said, folder_of_people, show_change
from numpy.typing import NDArray
from omegaconf import OmegaConf

from speech.evaluation.intervals import proportion
from speech.inference.scoring import Frames

HERE = Path(__file__)
RUNS = Path("runs") / "ablation"
Hits = dict[str, NDArray[np.bool_]]


def trained(variant: str, overrides: list[str]) -> Path:
    """The folder of the variant's run, made where it is not there."""
    run_dir = (RUNS / variant.replace(" ", "_")).resolve()
    if not (run_dir / "report.json").is_file():
        given = ["experiment=open", *overrides, f"run_dir={run_dir}", "+trainer.enable_progress_bar=false"]
        print(f"training {variant}: {' '.join(given)}", file=sys.stderr)
        command = [sys.executable, "-m", "speech.train", *given]
        if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
            sys.exit(f"error: the training of {variant} failed")
    return run_dir


def judged(bench: Bench) -> dict[str, tuple[list[Said], list[str]]]:
    """What people said, and the list that it is looked for in."""
    lists = bench.lists
    words, every, digits = list(lists.words), [*lists.words, *lists.other_words], list(lists.digits)
    return {
        "20 words": (bench.recordings("speech_commands", words), words),
        "33 words": (bench.recordings("speech_commands", every), every),
        "digits": (bench.recordings("fsdd", digits), digits),
        **{name: (bench.recordings("names", [name]), list(lists.names)) for name in lists.names[:2]},
    }


def decodings(ear: Ear) -> Iterator[str]:
    """``ear`` changed in its decoding alone, in one way after another; as it was in the end."""
    recognizer = ear.recognizer
    weight, prior = recognizer.phones_weight, recognizer.label_prior
    yield ""
    for way, recognizer.phones_weight in (("letters alone", 0.0), ("phones alone", 1.0), ("half of each", 0.5)):
        yield f", {way}"
    recognizer.phones_weight, recognizer.label_prior = weight, None
    yield ", no prior"
    recognizer.label_prior = prior


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path, help="the folder that holds human/manifest.csv")
    parser.add_argument("chosen", nargs="*", metavar="VARIANT or KEY=VALUE")
    arguments = parser.parse_args()
    data_dir = folder_of_people(arguments.data_dir)
    plan = OmegaConf.load(HERE.with_suffix(".yaml"))
    overrides = [given for given in arguments.chosen if "=" in given]
    variants = [given for given in arguments.chosen if "=" not in given] or list(plan.variants)
    if unknown := sorted(set(variants) - set(plan.variants)):
        sys.exit(f"error: no variant {', '.join(unknown)}: there are {', '.join(plan.variants)}")
    lists = OmegaConf.load(HERE.with_name("benchmark_people.yaml"))

    def ear_of(variant: str) -> Ear:
        return Ear(trained(variant, [*plan.shorter, *plan.variants[variant], *overrides]), None)

    bench = Bench(data_dir, lists, ear_of, RUNS, None)
    said = judged(bench)
    first: Hits = {}
    for variant in variants:
        ear = bench.ears(variant)
        heard: dict[str, list[Frames]] = {}
        for way in decodings(ear) if not first else ("",):
            for what, (recordings, names) in said.items():
                if what not in heard:
                    heard[what] = ear.log_probs(recordings)
                hits, speakers = ear.right(recordings, heard[what], names), [one.speaker for one in recordings]
                beside = first.setdefault(what, hits)
                figure = f"closed_set_accuracy ({what}, {variant}{way})"
                show(figure, float(hits.mean()), "", f"{len(hits)} clips", None, proportion(hits, speakers))
                if beside is not hits:
                    show_change(f"{what}, {variant}{way}", f"{variants[0]}, paired", hits, beside, speakers)


if __name__ == "__main__":
    main()
