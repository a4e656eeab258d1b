"""What recordings of people add who said *other* words: one JSON object a line, as ``benchmark_people.py`` prints them.

``python scripts/benchmark_recordings.py DATA_DIR RUN [override ...]``: RUN is the folder of a run that heard no person
and none of the words judged here (``experiment=open``). It is trained on with the digits of the Free Spoken Digit
Dataset and with ``other_words`` of speech_commands by half of its speakers, in both without any of ``words``; what it
was trained on before is replayed beside them. Judged, before and after, are the two names in their list of 20, and the
20 words by the other half of the speakers: no word and no speaker is on both sides. Overrides are those of
``speech.train`` (``run_dir=DIR`` keeps the run).
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from benchmark import run_folder, show
from benchmark_people import Bench, Ear, Said, folder_of_people, show_change
from omegaconf import OmegaConf

from speech.config.tree import saved
from speech.evaluation.intervals import share

LISTS = Path(__file__).with_name("benchmark_people.yaml")
TRAINING = [  # like an enrolment, and as much of it as thousands of recordings need
    "experiment=enrol",
    "corpus=manifest",
    "corpus.val_speakers=8",
    "corpus.test_speakers=8",
    "replay.n_steps=100",
    "replay.n_train=8000",
    "batch_size=64",
]


def divide(bench: Bench) -> tuple[list[dict[str, str]], set[str]]:
    """The manifest's rows to learn from, and the speakers of speech_commands who are kept for the test."""
    words = set(bench.lists.words)
    commands = [row for row in bench.manifest if row["path"].startswith("speech_commands/")]
    speakers = sorted({row["speaker"] for row in commands})
    kept = set(np.random.default_rng(bench.lists.seed).permutation(speakers)[: len(speakers) // 2].tolist())
    learnt = [row for row in commands if row["speaker"] not in kept and row["text"] not in words]
    learnt += [row for row in bench.manifest if row["path"].startswith("fsdd/") and row["text"] not in words]
    return learnt, kept


def train(bench: Bench, run_dir: Path, rows: list[dict[str, str]], folder: Path, overrides: list[str]) -> None:
    manifest = folder / "manifest.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["path", "text", "speaker"])
        writer.writeheader()
        for row in rows:
            path = bench.data_dir / "human" / row["path"]
            writer.writerow({"path": path, "text": row["text"], "speaker": row["speaker"]})
    given = [f"init={run_dir}", f"corpus.path={manifest}", f"cache_dir={bench.cache_dir}", *overrides]
    command = [sys.executable, "-m", "speech.train", *TRAINING, *given, "+trainer.enable_progress_bar=false"]
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
        sys.exit("error: the training failed")


def compare(what: str, than: str, ears: tuple[Ear, Ear], recordings: list[Said], names: list[str]) -> None:
    speakers = [one.speaker for one in recordings]
    before, after = (ear.right(recordings, ear.hear(recordings), names) for ear in ears)
    counts = f"{than}; {len(recordings)} clips, {len(names)} names"
    for when, hits in (("before", before), ("after", after)):
        show(f"right_within_list ({what}, {when})", float(hits.mean()), "", counts, None, share(hits, speakers))
    show_change(what, "paired, clip by clip", after, before, speakers)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path, help="the folder that holds human/manifest.csv")
    parser.add_argument("run", help="the folder of a run, or latest")
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    data_dir = folder_of_people(arguments.data_dir)
    run_dir = run_folder(arguments.run).resolve()
    cache_dir = str(saved(run_dir, "train").cache_dir)
    before = Ear(run_dir, cache_dir)
    lists = OmegaConf.load(LISTS)
    if known := sorted(before.learnt & {*lists.words, *lists.names[:2]}):
        sys.exit(f"error: {run_dir} was trained on {', '.join(known)}: give the run of an experiment=open")
    bench = Bench(data_dir, lists, lambda _: before, Path(cache_dir) / "voices", cache_dir)
    rows, kept = divide(bench)
    with tempfile.TemporaryDirectory() as folder:
        chosen = [given for given in arguments.overrides if given.startswith("run_dir=")]
        after_dir = Path(chosen[-1].partition("=")[2]).expanduser().resolve() if chosen else Path(folder) / "run"
        others = [given for given in arguments.overrides if given not in chosen]
        train(bench, run_dir, rows, Path(folder), [*others, f"run_dir={after_dir}"])
        ears = before, Ear(after_dir, cache_dir)
    said = f"{len(rows)} recordings by {len({row['speaker'] for row in rows})} people learnt"
    for name in lists.names[:2]:
        compare(f"{name}, people", said, ears, bench.recordings("names", [name]), list(lists.names))
    recordings = [one for one in bench.recordings("speech_commands", lists.words) if one.speaker in kept]
    compare("20 words never trained on, people", said, ears, recordings, list(lists.words))


if __name__ == "__main__":
    main()
