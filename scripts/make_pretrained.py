"""``make pretrained RECORDINGS=DIR``: the recogniser that ships, from its recordings and texts to speech/pretrained/.

DIR holds what people said, each CSV of path, text, speaker, source and licence:

    DIR/isolated/manifest.csv       words that were said alone
    DIR/speech/<source>/manifest.csv   running speech, which is cut into DIR/running (scripts/cut_words.py)

Stages, each of which is passed over where its result is there, so that the same command goes on where it was stopped:
cut, train (experiment=pretrained, into runs/pretrained; Kokoro is installed before it), export, with ``--data`` the
thresholds of spotting (fit_spotting.py) and the figures (benchmark_pretrained.py), ship.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from speech import pretrained
from speech.common import storage

RUN = Path("runs") / "pretrained"
KOKORO = Path("cache") / "kokoro"
FIGURES = RUN / "people.jsonl"
LARGEST = {pretrained.RECOGNIZER: 8_000_000, pretrained.EXPORTED: 2_500_000}  # bytes


def python(*arguments: str | Path) -> None:
    """Run this Python; ends the program where that fails."""
    if subprocess.run([sys.executable, *map(str, arguments)], check=False).returncode:
        sys.exit(f"error: stopped in: {' '.join(map(str, arguments))}")


def cut(recordings: Path) -> None:
    if not (recordings / "running" / "manifest.csv").is_file():
        sources = sorted((recordings / "speech").glob("*/manifest.csv"))
        python("scripts/cut_words.py", *sources, recordings / "running")


def train(recordings: Path, overrides: list[str]) -> None:
    if (RUN / "recognizer.pt").is_file():
        return
    if (RUN / "checkpoints" / "last.ckpt").is_file():
        python("-m", "speech.train", f"resume={RUN}")
        return
    if not (KOKORO / "model.onnx").is_file():
        python("scripts/install_kokoro.py", KOKORO)
    paths = [f"corpus.sources.{kind}.path={recordings / kind / 'manifest.csv'}" for kind in ("isolated", "running")]
    python("-m", "speech.train", "experiment=pretrained", f"run_dir={RUN}", *paths, *overrides)


def measure(data_dir: Path) -> None:
    """The figures of ``make bench-pretrained`` for the run's exported file, into FIGURES."""
    if not FIGURES.is_file():
        command = [
            sys.executable,
            "scripts/benchmark_pretrained.py",
            data_dir,
            "--recognizer",
            RUN / pretrained.EXPORTED,
        ]
        done = subprocess.run(list(map(str, command)), check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"error: stopped in: {' '.join(map(str, command))}")
        storage.write_text(FIGURES, done.stdout)


def card(recordings: Path) -> str:
    """The run's model card, with the recordings of people that it was trained on, and the figures on others."""
    lines = ["## Recordings of people", "", "| source | licence | clips | speakers |", "|---|---|---|---|"]
    rows = []
    for kind in ("isolated", "running"):
        with (recordings / kind / "manifest.csv").open(encoding="utf-8", newline="") as file:
            rows += [row | {"source": f"{row['source']} ({kind})"} for row in csv.DictReader(file)]
    of = Counter((row["source"], row["licence"]) for row in rows)
    for (source, licence), n in of.items():
        n_speakers = len({row["speaker"] for row in rows if (row["source"], row["licence"]) == (source, licence)})
        lines.append(f"| {source} | {licence} | {n} | {n_speakers} |")
    if FIGURES.is_file():
        lines += ["", "## On other recordings of people", "", "| what | value | 95 % interval | |", "|---|---|---|---|"]
        for figure in map(json.loads, storage.read_text(FIGURES).splitlines()):
            interval = " to ".join(f"{end:.3f}" for end in figure["interval"] or ())
            lines.append(
                f"| {figure['name']} | {figure['value']:.4g} {figure['unit']} | {interval} | {figure['than']} |"
            )
    before, heading, after = storage.read_text(RUN / "model_card.md").partition("## Limits")
    return before + "\n".join([*lines, "", heading]) + after


def ship(recordings: Path) -> None:
    """Copy the run's files into the package, with their checksums; ends the program where one is too large."""
    for name, largest in LARGEST.items():
        content = (RUN / name).read_bytes()
        if len(content) > largest:
            sys.exit(f"error: {RUN / name}: {len(content)} bytes, over {largest}")
        with storage.whole(pretrained.FOLDER / name) as part:
            shutil.copyfile(RUN / name, part)
    names = (*LARGEST, pretrained.STREAMING, pretrained.G2P)
    contents = {name: (pretrained.FOLDER / name).read_bytes() for name in names}
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    storage.write_text(pretrained.FOLDER / "SHA256SUMS", "".join(sums))
    storage.write_text(pretrained.FOLDER / "CARD.md", card(recordings))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("recordings", type=Path)
    parser.add_argument("override", nargs="*", help="of the training's config: trainer=gpu, trainer.max_epochs=30")
    parser.add_argument("--data", type=Path, help="the folder of human/ and telephone/, to be measured on")
    given = parser.parse_args()
    recordings = given.recordings.resolve()
    cut(recordings)
    train(recordings, given.override)
    python("-m", "speech.export", f"run={RUN}")
    if given.data:
        python("scripts/fit_spotting.py", given.data, RUN)
        measure(given.data)
    ship(recordings)


if __name__ == "__main__":
    main()
