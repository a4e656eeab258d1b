"""``python scripts/cut_words.py MANIFEST ... OUT``: cuts running speech into words and phrases to train on.

Each MANIFEST is a CSV with path, text, speaker (and source, licence); paths are relative to its folder, texts in lower
case. OUT gets ``<source>/<speaker>/*.flac`` and a manifest.csv of the same columns, for ``corpus=manifest`` and for the
recipe of the shipped recogniser. PocketSphinx finds the words (forced alignment; pip install -e '.[bench]'); a word
that it does not know gets espeak's pronunciation. Each utterance is cut at random into runs of one to three words;
short function words alone, and runs that are too short or too long for names, are left out.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from speech.audio import files
from speech.common import storage
from speech.common.extras import require
from speech.data.running_speech import MARGIN_S, Word, runs
from speech.text.lexicon import ARPABET
from speech.text.phones import PhoneError
from speech.text.pronunciation import phonemize

RATE = 16_000  # Hz, PocketSphinx's
FRAME = RATE // 100  # samples: its alignment has steps of 10 ms
MOST = 12  # clips of one text
HELD_OUT = ("marvin", "sheila", "jarvis", "athena", "alexa", "amelia")  # words of wake-word tests


class Aligner:
    """Finds the words of a known text in a waveform of RATE."""

    def __init__(self) -> None:
        package = require("pocketsphinx", "bench")
        wide = dict.fromkeys(("beam", "wbeam", "pbeam"), 1e-60)  # an alignment has no rival hypotheses to prune
        self._decoder = package.Decoder(package.Config(samprate=RATE, loglevel="FATAL", bestpath=False, **wide))

    def __call__(self, waveform: files.Waveform, text: str) -> list[Word]:
        """The words in order. Raises RuntimeError if the text does not fit, PhoneError for an unpronounceable word."""
        words = text.split()
        for word in dict.fromkeys(words):
            if self._decoder.lookup_word(word) is None:
                self._decoder.add_word(word, " ".join(_arpabet(word)), True)
        self._decoder.set_align_text(text)
        self._decoder.start_utt()
        self._decoder.process_raw((waveform * 32767).astype(np.int16).tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.seg() or []  # None if no path goes through the text
        segments = [(re.sub(r"\(\d+\)$", "", one.word), one.start_frame, one.end_frame) for one in found]
        aligned = [Word(word, a * FRAME, (b + 1) * FRAME) for word, a, b in segments if not re.fullmatch("<.*>", word)]
        if [word.text for word in aligned] != words:
            raise RuntimeError("not all of its words were found")
        return aligned


def _arpabet(word: str) -> list[str]:
    """espeak's phones of ``word`` in PocketSphinx's notation. Raises PhoneError for a sound that it lacks."""
    symbols = {phone: symbol for symbol, phone in ARPABET.items() if not symbol[-1].isdigit()}
    near = {"ɐ": "AH", "ᵻ": "IH", "ɾ": "D", "ʔ": "T", "ə": "AH", "ɜ": "ER", "e": "EY", "o": "OW", "a": "AE", "ɒ": "AA"}
    near |= {"x": "K", "ʍ": "W", "ʉ": "UW", "t̪": "T", "d̪": "D"}
    found = [symbols.get(phone) or near.get(phone) for phone in phonemize(word)]
    if not found or None in found:
        raise PhoneError(f"{word!r} has a sound that PocketSphinx lacks")
    return [symbol for symbol in found if symbol]


def cut(manifests: list[Path], out: Path, seed: int) -> list[dict[str, Any]]:
    """Write the clips cut from ``manifests`` under ``out``; returns the rows of its manifest."""
    align, rng = Aligner(), np.random.default_rng(seed)
    n_of: Counter[str] = Counter()
    rows = []
    for manifest in manifests:
        with manifest.open(encoding="utf-8", newline="") as file:
            utterances = list(csv.DictReader(file))
        n_failed = 0
        for number, one in enumerate(tqdm(utterances, desc=manifest.parent.name, mininterval=5)):
            text = " ".join(re.sub("[^a-z' ]", " ", one["text"]).split())
            try:
                waveform = files.read(manifest.parent / one["path"], RATE)
                words = align(waveform, text)
            except (RuntimeError, ValueError):
                n_failed += 1
                continue
            for i, run in enumerate(runs(words, RATE, rng, HELD_OUT)):
                text = " ".join(word.text for word in run)
                n_of[text] += 1
                if n_of[text] > MOST:
                    continue
                margin = round(MARGIN_S * RATE)
                clip = waveform[max(0, int(run[0].start) - margin) : int(run[-1].stop) + margin]
                path = Path(one.get("source") or manifest.parent.name, one["speaker"], f"{number:05d}-{i:03d}.flac")
                (out / path).parent.mkdir(parents=True, exist_ok=True)
                files.write(out / path, clip, RATE)
                rows.append({**one, "path": str(path), "text": text})
        print(f"{manifest}: {len(utterances) - n_failed} of {len(utterances)} utterances aligned", file=sys.stderr)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("manifest", nargs="+", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows = cut(given.manifest, given.out, given.seed)
    if not rows:
        sys.exit("error: no clip was cut: are the texts in lower case, and are the recordings speech?")
    with storage.whole(given.out / "manifest.csv") as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    print(
        f"{len(rows)} clips of {len({row['text'] for row in rows})} texts by {len({r['speaker'] for r in rows})} people"
    )


if __name__ == "__main__":
    main()
