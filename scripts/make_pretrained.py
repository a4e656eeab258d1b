"""``make pretrained RECORDINGS=DIR``: makes the shipped recogniser and finder, from recordings and texts to
speech/pretrained/.

DIR holds recordings of people; each CSV has path, text, speaker, source and licence:

    DIR/isolated/manifest.csv       words spoken in isolation
    DIR/speech/<source>/manifest.csv   running speech, which is cut into DIR/running (scripts/cut_words.py), and whose
                                       sentences are listed in DIR/sentences

A stage is skipped if its result exists, so that the same command continues where it was stopped. The stages: cut, train
(experiment=pretrained, into runs/pretrained; Kokoro is installed before it), export, the same for the finder
(experiment=streaming, into runs/streaming, initialised from that recogniser), with ``--data`` the spotting thresholds
(fit_spotting.py) and the recogniser's figures (benchmark_people.py), ship.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from cut_words import HELD_OUT

from speech import pretrained
from speech.common import storage
from speech.common.runs import RECOGNIZER_FILE
from speech.inference.runtime import INT8

RUN, FINDER = Path("runs") / "pretrained", Path("runs") / "streaming"
KINDS = {RUN: ("isolated", "running"), FINDER: ("isolated", "running", "sentences")}  # kinds of recordings to train on
KOKORO = Path("cache") / "kokoro"
FIGURES = "people.jsonl"
SHIPPED = {  # the file in its run, and the most bytes that it may have
    pretrained.RECOGNIZER: (RUN / RECOGNIZER_FILE, 8_000_000),
    pretrained.EXPORTED: (RUN / INT8, 2_500_000),
    pretrained.STREAMING: (FINDER / INT8, 1_500_000),
}
CARDS = {"CARD.md": RUN, "STREAMING.md": FINDER}


def python(*arguments: str | Path) -> None:
    """Run this Python with ``arguments``; ends the program if that fails."""
    if subprocess.run([sys.executable, *map(str, arguments)], check=False).returncode:
        sys.exit(f"error: this command failed: {' '.join(map(str, arguments))}")


def cut(recordings: Path) -> None:
    if not (recordings / "running" / "manifest.csv").is_file():
        sources = sorted((recordings / "speech").glob("*/manifest.csv"))
        python("scripts/cut_words.py", *sources, recordings / "running")


def list_sentences(recordings: Path) -> None:
    """Write one manifest of all running speech, without sentences that contain a word of wake-word tests."""
    place = recordings / "sentences" / "manifest.csv"
    if place.is_file():
        return
    rows = []
    for manifest in sorted((recordings / "speech").glob("*/manifest.csv")):
        with manifest.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if not set(re.findall("[a-z]+", row["text"].lower())) & set(HELD_OUT):
                    rows.append(row | {"path": os.path.relpath(manifest.parent / row["path"], place.parent)})
    place.parent.mkdir(exist_ok=True)
    with storage.whole(place) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["path", "text", "speaker", "source", "licence"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def train(run: Path, recordings: Path, options: list[str]) -> None:
    """Train into ``run``, or resume its training, and export."""
    if not (run / RECOGNIZER_FILE).is_file():
        if (run / "checkpoints" / "last.ckpt").is_file():
            python("-m", "speech.train", f"resume={run}")
        else:
            paths = [f"corpus.sources.{kind}.path={recordings / kind / 'manifest.csv'}" for kind in KINDS[run]]
            python("-m", "speech.train", f"experiment={run.name}", f"run_dir={run}", *paths, *options)
    python("-m", "speech.export", f"run={run}")


def measure(data_dir: Path) -> None:
    """Write the figures of ``make bench-pretrained`` for the recogniser's exported file to FIGURES."""
    if not (RUN / FIGURES).is_file():
        command = [sys.executable, "scripts/benchmark_people.py", str(data_dir), str(RUN / pretrained.EXPORTED)]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"error: this command failed: {' '.join(command)}")
        storage.write_text(RUN / FIGURES, done.stdout)


def card(run: Path, recordings: Path) -> str:
    """The run's model card, with the recordings of people in its training and, if any, its figures on others."""
    lines = ["## Recordings of people", "", "| source | licence | clips | speakers |", "|---|---|---|---|"]
    rows = []
    for kind in KINDS[run]:
        with (recordings / kind / "manifest.csv").open(encoding="utf-8", newline="") as file:
            rows += [row | {"source": f"{row['source']} ({kind})"} for row in csv.DictReader(file)]
    of = Counter((row["source"], row["licence"]) for row in rows)
    for (source, licence), n in of.items():
        n_speakers = len({row["speaker"] for row in rows if (row["source"], row["licence"]) == (source, licence)})
        lines.append(f"| {source} | {licence} | {n} | {n_speakers} |")
    if (run / FIGURES).is_file():
        lines += ["", "## On other recordings of people", "", "| what | value | 95 % interval | |", "|---|---|---|---|"]
        for figure in map(json.loads, storage.read_text(run / FIGURES).splitlines()):
            interval = " to ".join(f"{end:.3f}" for end in figure["interval"] or ())
            lines.append(
                f"| {figure['name']} | {figure['value']:.4g} {figure['unit']} | {interval} | {figure['than']} |"
            )
    before, heading, after = storage.read_text(run / "model_card.md").partition("## Limits")
    return before + "\n".join([*lines, "", heading]) + after


def ship(recordings: Path) -> None:
    """Copy the runs' files into the package, with their checksums; ends the program if one is too large."""
    for path, largest in SHIPPED.values():
        if (size := path.stat().st_size) > largest:
            sys.exit(f"error: {path}: {size} bytes, over {largest}")
    for name, (path, _) in SHIPPED.items():
        with storage.whole(pretrained.FOLDER / name) as part:
            shutil.copyfile(path, part)
    names = (*SHIPPED, pretrained.G2P)
    contents = {name: (pretrained.FOLDER / name).read_bytes() for name in names}
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    storage.write_text(pretrained.FOLDER / "SHA256SUMS", "".join(sums))
    for name, run in CARDS.items():
        storage.write_text(pretrained.FOLDER / name, card(run, recordings))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("recordings", type=Path)
    parser.add_argument("override", nargs="*", help="an override for both trainings: trainer=gpu")
    parser.add_argument("--data", type=Path, help="the folder with human/ and telephone/, to fit and measure on")
    given = parser.parse_args()
    recordings = given.recordings.resolve()
    cut(recordings)
    list_sentences(recordings)
    if not (KOKORO / "model.onnx").is_file():
        python("scripts/install_kokoro.py", KOKORO)
    train(RUN, recordings, given.override)
    train(FINDER, recordings, [f"init={RUN}", *given.override])
    if given.data:
        python("scripts/fit_spotting.py", given.data, RUN)
        python("scripts/fit_spotting.py", given.data, RUN, "--finder", FINDER)
        measure(given.data)
    ship(recordings)


if __name__ == "__main__":
    main()
