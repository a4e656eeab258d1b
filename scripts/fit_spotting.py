"""``python scripts/fit_spotting.py DATA_DIR FOLDER``: fits spotting thresholds, for a recogniser's files in FOLDER.

FOLDER is that of an exported run, or speech/pretrained. With ``--finder PLACE``, a run's folder or an exported file,
the thresholds are those of the finder there, whose candidates the recogniser in FOLDER confirms; they are written to
PLACE.

The search is for names that nobody says, in speech without pauses, every other piece as over a telephone: sentences of
DATA_DIR/lessons by espeak-ng, and words of DATA_DIR/human by the speakers in calibration_speakers.txt, several in a
row. Each detection is a false alarm; ``Confirmation.fitted`` makes thresholds from their scores. Such speech is easier
to tell from names than people's sentences, none of which may be used. So the thresholds that one recogniser, and one
finder, needed on people's sentences (FIRST, FIRST_FINDER) are shifted by the difference between it and this one here.
Prints one JSON object per line, including the previous thresholds of the file. Two minutes on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from benchlib.degrade import telephone
from benchlib.figures import show
from benchlib.people import RATE, People, calibration_speakers, read_lists

from speech.audio import endpointing, files
from speech.audio.files import Waveform
from speech.common import storage
from speech.common.runs import RECOGNIZER_FILE
from speech.inference.confirmation import UNFITTED, Confirmation
from speech.inference.runtime import FLOAT32, INT8, Runtime
from speech.inference.spotting import Spotter
from speech.inference.stream_spotting import StreamSpotter
from speech.model import onnx_graph
from speech.model.recognizer import Recognizer
from speech.text.lexicon import dictionary, pronunciations_of
from speech.text.word_lists import common_names, distinct_sounds
from speech.tts.espeak import Espeak
from speech.tts.voice import VoiceError

SUMS = "SHA256SUMS"
N_SENTENCES, N_WORDS = 240, 1_500  # the words are taken from 1 515
LEAST_LETTERS, MOST_LETTERS = 20, 90  # of a sentence
IN_A_ROW, PAUSE_S = 8, 0.03  # words in a row, and the pause between them
N_LISTS, N_NAMES = 3, 20
LEAST_PHONES = 5  # of a name: shorter names are rarely confirmed, and would add hours without events
FLOOR = 1e-4  # RMS of a room's noise
SEED = 0


class First(NamedTuple):
    """The thresholds of a reference recogniser, or of a finder used with it."""

    here: Confirmation  # fitted by this script
    sentences: Confirmation  # needed on sentences of people who are in no training


FIRST = First(Confirmation(-1.8682, -0.9786), UNFITTED)
FIRST_FINDER = First(Confirmation(-1.6933, -0.8119), Confirmation(-1.78, -0.62))  # of the first finder that shipped


class Speech(NamedTuple):
    """Pieces of speech without pauses, each ``(n_samples,)``, and the set of all words in them."""

    pieces: list[Waveform]
    words: set[str]


def sentences(data_dir: Path, rng: np.random.Generator) -> Speech:
    """Synthetic sentences, each by a random voice."""
    lines = [
        re.sub(r"\s+", " ", line.rpartition("\t")[0]).strip()
        for path in sorted((data_dir / "lessons" / "sentiment").glob("*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    plain = [line for line in lines if LEAST_LETTERS <= len(line) <= MOST_LETTERS and line.isascii()]
    engine, pieces, words = Espeak(), [], set()
    voices = engine.voices()
    for i in rng.permutation(len(plain))[:N_SENTENCES].tolist():
        try:
            samples, rate = engine.speak(plain[i], voices[int(rng.integers(len(voices)))], rng)
        except VoiceError:  # the voice's variant is silent on this text
            continue
        pieces.append(files.to_waveform(samples, rate, RATE))
        words |= set(re.findall(r"[a-z']+", plain[i].lower()))
    return Speech(pieces, words)


def people(data_dir: Path, rng: np.random.Generator) -> Speech:
    """Words in a row, each piece by one speaker."""
    speakers, lists = calibration_speakers(), read_lists()
    recordings = People(data_dir).recordings("speech_commands", [*lists.words, *lists.other_words])
    every = [one for one in recordings if one.speaker in speakers]
    chosen = sorted((every[i] for i in rng.permutation(len(every))[:N_WORDS]), key=lambda one: one.speaker)
    pause, words = np.zeros(round(PAUSE_S * RATE), np.float32), []
    for one in chosen:
        try:
            words += [endpointing.trim_silence(one.load(), RATE)[0], pause]
        except endpointing.NoSpeechError:
            continue
    rows = [np.concatenate(words[i : i + 2 * IN_A_ROW]) for i in range(0, len(words), 2 * IN_A_ROW)]
    return Speech(rows, {one.text for one in chosen})


def lists(words: set[str]) -> Iterator[list[str]]:
    """Lists of people's names, none of which is in ``words`` or is a homophone of one."""
    names = distinct_sounds(common_names(), set(words), pronunciations_of(sorted(words)))
    long = (name for name in names if min(map(len, dictionary()[name])) >= LEAST_PHONES)
    for _ in range(N_LISTS):
        yield [next(long) for _ in range(N_NAMES)]


def false_alarms(
    recognizer: Runtime, finder: Runtime | None, pieces: Sequence[Waveform], words: set[str]
) -> list[float]:
    """The scores of all detections, by ``finder`` if any."""
    spotters = [Spotter(recognizer, recognizer.lexicon(names), 1.0) for names in lists(words)]
    rng, scores = np.random.default_rng(SEED), []
    for piece in pieces:
        noisy = piece + FLOOR * rng.standard_normal(len(piece), np.float32)
        if finder:
            streams = [StreamSpotter(spotter, finder, 0) for spotter in spotters]
            scores += [score for one in streams for score, _ in [*one.scored(noisy), *one.last_scored()]]
        else:
            log_probs = recognizer.log_probs(noisy)
            scores += [score for spotter in spotters for score, _ in spotter.scored(noisy, log_probs, 0.0)]
    return scores


def fit(data_dir: Path, recognizer: Runtime, finder: Runtime | None) -> Confirmation:
    """The strictest fit of four kinds of speech (each source, clean and over the telephone), ``carried`` to running
    speech.
    """
    scores, word_hours = [], []
    for speech in (sentences, people):
        pieces, words = speech(data_dir, np.random.default_rng(SEED))
        for kind, some in {"": pieces[::2], ", telephone": list(map(telephone, pieces[1::2]))}.items():
            found, hours = false_alarms(recognizer, finder, some, words), sum(map(len, some)) / RATE / 3600
            scores.append(found)
            word_hours.append(hours * N_LISTS * N_NAMES)
            than = f"{hours:.3f} h, {N_LISTS} lists of {N_NAMES} names, {word_hours[-1]:.1f} word-hours"
            show(f"fit_false_alarms ({speech.__name__}{kind})", len(found), "", than)
            for per_hour in (1, 10):
                least = Confirmation.fitted([found], word_hours[-1:]).threshold(per_hour)
                show(f"fit_threshold ({speech.__name__}{kind})", least, "nats", f"{per_hour} an hour for each name")
    strictest = Confirmation.fitted(scores, word_hours)
    for name, value in asdict(strictest).items():
        show(f"fit_strictest.{name}", value, "nats", "before it is converted to people's running speech")
    return carried(strictest, FIRST_FINDER if finder else FIRST)


def carried(found: Confirmation, first: First) -> Confirmation:
    """``first.sentences`` shifted by ``found`` minus ``first.here``: people's sentences give more false alarms."""
    here, there = first
    one_an_hour = there.one_an_hour + found.one_an_hour - here.one_an_hour
    return Confirmation(one_an_hour, min(0.0, there.tenfold + found.tenfold - here.tenfold))


def store(place: Path, found: Confirmation) -> list[str]:
    """Write ``found`` into the exported file ``place``, or the recogniser's files in it; returns their names."""
    changed, folder = [], place if place.is_dir() else place.parent
    if place.is_dir() and (path := folder / RECOGNIZER_FILE).is_file():
        recognizer = Recognizer.load(path)
        recognizer.confirmation = found
        recognizer.save(path)
        changed.append(path.name)
    for path in (folder / FLOAT32, folder / INT8) if place.is_dir() else (place,):
        if path.is_file():
            model = onnx.load(path)
            metadata = {entry.key: entry.value for entry in model.metadata_props if entry.key != "sha256"}
            onnx.helper.set_model_props(model, metadata | {"confirmation": json.dumps(asdict(found))})
            with storage.whole(path) as part:
                onnx_graph.save(model, part)
            changed.append(path.name)
    if (sums := folder / SUMS).is_file():
        lines = [line.split() for line in sums.read_text(encoding="ascii").splitlines()]
        anew = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in changed}
        storage.write_text(sums, "".join(f"{anew.get(name, before)}  {name}\n" for before, name in lines))
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--finder", type=Path, help="the run's folder or the exported file of a finder: fit this one")
    parser.add_argument("--dry-run", action="store_true", help="print the thresholds without changing a file")
    given = parser.parse_args()
    recognizer, finder = Runtime(given.folder), given.finder and Runtime(given.finder)
    found = fit(given.data_dir.resolve(), recognizer, finder)
    changed = [] if given.dry_run else store(given.finder or given.folder, found)
    before = (finder or recognizer).confirmation
    for name, value in asdict(before or UNFITTED).items():
        show(f"before.{name}", value, "nats", "in the file" if before else "the file has none")
    for name, value in asdict(found).items():
        show(f"confirmation.{name}", value, "nats", f"written to {', '.join(changed) or 'no file'}")


if __name__ == "__main__":
    main()
