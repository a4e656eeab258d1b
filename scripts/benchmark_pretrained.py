"""``make bench-pretrained DATA_DIR=...``: the recogniser that ships, on recordings of people, by text alone.

``python scripts/benchmark_pretrained.py DATA_DIR [--recognizer FILE] [--part calibration]`` prints one JSON object a
line (``benchlib.figures``). DATA_DIR holds human/ and telephone/, each with a manifest.csv. Accuracies are the mean
over names (macro); intervals are of 95 %, bootstrapped over speakers and over clips. The third of the speakers of
human/ who are in calibration_speakers.txt may serve for calibration and for choosing a recipe (``--part calibration``),
and are no part of the test. The lists, and the rules by which they were made, are in benchmark_people.yaml.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from benchlib import degrade
from benchlib.figures import Hits, show, show_change
from benchlib.people import (
    RATE,
    Evaluated,
    People,
    Recording,
    calibration_speakers,
    evaluate,
    log_probs,
    read_lists,
    read_manifest,
    sample,
)
from benchlib.sphinx import Sphinx
from benchmark_people import synthesize_all

from speech import pretrained
from speech.audio import files
from speech.audio.files import Waveform
from speech.evaluation.intervals import bootstrap, proportion
from speech.inference import enrolment
from speech.inference.transcriber import Transcriber
from speech.model.loading import load

MEMORY = """
import sys
from speech import Runtime
Runtime.load(sys.argv[1]).transcribe(sys.argv[2], ["Anna", "Bob"])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""  # kB at the most; getrusage would count what this process had before it became that one


@dataclass
class Bench:
    """The recogniser, the recordings, and what is asked of them."""

    transcriber: Transcriber
    people: People
    lists: Any
    recognizer: Path
    part: str
    n_sphinx: int

    def recordings(self, folder: str, texts: Sequence[str]) -> list[Recording]:
        """Those of the part of the speakers that is measured; where speakers are not known, all are of the test."""
        calibration = calibration_speakers()
        return [
            one
            for one in self.people.recordings(folder, texts)
            if (one.speaker in calibration) == (self.part == "calibration")
        ]


def macro_weights(recordings: Sequence[Recording]) -> np.ndarray:
    """A weight for each clip, so that every name counts alike; they sum to 1."""
    n_of = Counter(one.text for one in recordings)
    return np.array([1 / n_of[one.text] / len(n_of) for one in recordings])


def show_macro(name: str, hits: Hits, recordings: Sequence[Recording], aim: str) -> None:
    weights, speakers = macro_weights(recordings), [one.speaker for one in recordings]
    interval = (
        proportion(hits, speakers) if hits.all() or not hits.any() else bootstrap(hits * weights, weights, speakers)
    )
    than = f"at least {aim}; macro over {len({one.text for one in recordings})} names, {len(hits)} clips"
    if "?" not in speakers:
        than += f", {len(set(speakers))} speakers"
    show(name, float(hits @ weights), "", than, None, interval)


def accuracy(bench: Bench) -> None:
    """Closed lists of words and names, PocketSphinx with a grammar of the same list beside it on a sample."""
    lists = bench.lists
    words, every = list(lists.words), [*lists.words, *lists.other_words]
    sets = [
        ("20 words", bench.recordings("speech_commands", words), words, "0.92"),
        ("33 words", bench.recordings("speech_commands", every), every, "0.9"),
        ("digits", bench.recordings("fsdd", lists.digits), list(lists.digits), "0.95"),
    ]
    if bench.part == "test":
        sets += [
            ("alexa in 20 names", bench.recordings("names", ["alexa"]), list(lists.names), "0.99"),
            ("amelia in 20 names", bench.recordings("names", ["amelia"]), list(lists.names), "0.95"),
            ("telephone, 5 of 20 words", spoken_alone(bench), list(lists.telephone), "0.98"),
        ]
    for what, recordings, names, aim in sets:
        evaluated = evaluate(bench.transcriber, recordings)
        show_macro(f"closed_set_accuracy ({what})", evaluated.closed_set(names), recordings, aim)
        if bench.n_sphinx:
            beside_sphinx(bench, what, evaluated, names)


def spoken_alone(bench: Bench) -> list[Recording]:
    """The words that were said alone over the telephone."""
    folder = bench.people.folder.parent
    rows = [row for row in read_manifest(folder / "telephone") if row["kind"] == "alone"]
    return [Recording(row["text"], row["speaker"], partial(files.read, folder / row["path"], RATE)) for row in rows]


def beside_sphinx(bench: Bench, what: str, evaluated: Evaluated, names: Sequence[str]) -> None:
    sphinx = Sphinx(names)
    drawn = np.random.default_rng(bench.lists.seed).permutation(len(evaluated.recordings))[: bench.n_sphinx].tolist()
    some = evaluated.at(sorted(drawn)).of(sphinx.names)
    ours = some.closed_set(sphinx.names)
    theirs = np.array([sphinx.transcribe(one.load()) == one.text for one in some.recordings])
    than = f"pocketsphinx, {theirs.mean():.4f}; over 0; ours {ours.mean():.4f}"
    show_change(f"closed_set_accuracy_change ({what})", ours, theirs, some.speakers, than)


def engines(bench: Bench) -> None:
    """Martin, Marvin, Morton and Mark among the forty names, by engines that no recogniser is trained on."""
    forty = [name.lower() for name in Path("conf/names.txt").read_text(encoding="utf-8").splitlines() if name]
    four = [name.lower() for name in bench.lists.confused]
    for engine, recordings in synthesize_all(four, bench.lists.takes, "cache").items():
        hits = evaluate(bench.transcriber, recordings).closed_set(forty)
        show_macro(f"closed_set_accuracy (4 of 40 names, {engine})", hits, recordings, "0.95")


def rejection(bench: Bench) -> None:
    """The list is the 20 words; the 13 others are out of it."""
    words = list(bench.lists.words)
    lexicon = bench.transcriber.lexicon(words)

    def out_of_list(recordings: Sequence[Recording]) -> np.ndarray:
        frames = evaluate(bench.transcriber, recordings).frames
        found = [bench.transcriber.out_of_list_probability(one, lexicon) if one else 1.0 for one in frames]
        return np.array([1.0 if p is None else p for p in found])

    listed = bench.recordings("speech_commands", words)
    p, others = out_of_list(listed), out_of_list(bench.recordings("speech_commands", bench.lists.other_words))
    strict = float(np.sort(others)[int(0.05 * len(others))])
    show_macro("accept_rate (20 words, at 5 % of others accepted)", p < strict, listed, "0.9")
    fitted = bench.transcriber.rejection
    if fitted:
        show_macro(
            f"accept_rate (20 words, as shipped, {fitted.false_accept_rate})", p < fitted.threshold, listed, "0.9"
        )
        rate = float((others < fitted.threshold).mean())
        show("false_accept_rate (13 other words, as shipped)", rate, "", f"{len(others)} clips")


def degraded(bench: Bench) -> None:
    """The 20 words over the telephone, in noise, and at 8 kHz."""
    lists = bench.lists
    words = list(lists.words)
    drawn = sample(bench.recordings("speech_commands", words), lists.n_degraded, lists.seed)
    every = evaluate(bench.transcriber, drawn)
    found = every.at(i for i, frames in enumerate(every.frames) if frames)  # noise has a ratio to speech, where any is
    talkers = sample(bench.recordings("speech_commands", lists.other_words), lists.n_talkers, lists.seed)
    kinds = degrade.kinds((one.load() for one in talkers), lists.snr_db, np.random.default_rng(lists.seed))

    def at_8_khz(waveform: Waveform) -> Waveform:
        import soxr

        return np.asarray(soxr.resample(soxr.resample(waveform, RATE, RATE // 2), RATE // 2, RATE), np.float32)

    clean = found.closed_set(words)
    for (kind, change), aim in zip((kinds | {"8 kHz": at_8_khz}).items(), (0.03, 0.06, 0.15, 0.05), strict=True):
        hits = evaluate(bench.transcriber, found.recordings, change).closed_set(words)
        than = f"the clean clips, {clean.mean():.4f}; at least {-aim}"
        show_change(f"closed_set_accuracy_change (20 words, {kind})", hits, clean, found.speakers, than)


def enrolled(bench: Bench) -> None:
    """Five recordings of each digit by one speaker, enrolled without training."""
    lists = bench.lists
    digits = list(lists.digits)
    evaluated = evaluate(bench.transcriber, bench.people.recordings("fsdd", digits))
    every, frames = evaluated.recordings, evaluated.frames
    errors = np.zeros((2, len(lists.enrolled)))
    others_change, seconds = [], []
    for number, speaker in enumerate(lists.enrolled):
        own = [i for i, one in enumerate(every) if one.speaker == f"fsdd-{speaker}"]
        others = [i for i in range(len(every)) if i not in set(own)][::5]
        rng, used, start = np.random.default_rng(lists.seed), set(), time.perf_counter()
        names = {}
        for digit in digits:
            said = [i for i in own if every[i].text == digit and frames[i]]
            drawn = rng.permutation(said)[:5].tolist()
            used |= set(drawn)
            names[digit] = enrolment.enrol([frame for i in drawn if (frame := frames[i])])
        seconds.append((time.perf_counter() - start) / len(digits))
        tested = [i for i in own if i not in used]
        rates = []
        for chosen in (tested, others):
            bench.transcriber.enrolled = {}
            before = evaluated.at(chosen).closed_set(digits).mean()
            bench.transcriber.enrolled = names
            rates.append((before, evaluated.at(chosen).closed_set(digits).mean()))
        bench.transcriber.enrolled = {}
        errors[:, number] = [1 - rate for rate in rates[0]]
        others_change.append(rates[1][1] - rates[1][0])
    cut = 1 - errors[1].sum() / errors[0].sum()
    than = f"errors before {errors[0].round(4).tolist()}, after {errors[1].round(4).tolist()}; at least 0.8"
    show("errors_cut (digits, 5 recordings enrolled)", float(cut), "", than)
    show("closed_set_accuracy_change (other speakers' digits)", float(np.mean(others_change)), "", "at least -0.01")
    show("enrolment_seconds (a name)", float(np.mean(seconds)), "s", "at most 1, the network's time not counted")


def cost(bench: Bench) -> None:
    """The file's size, the time of a clip and the memory of a process that transcribes it."""
    show("size", bench.recognizer.stat().st_size / 1e6, "MB", "at most 2.5")
    recordings = bench.recordings("speech_commands", list(bench.lists.words))[:200]
    waveforms = [one.load() for one in recordings]
    lexicon, start = bench.transcriber.lexicon(list(bench.lists.words)), time.perf_counter()
    for waveform in waveforms:
        if frames := log_probs(bench.transcriber, waveform):
            bench.transcriber.rank(frames, lexicon)
    seconds = time.perf_counter() - start
    show("real_time_factor", seconds / (sum(map(len, waveforms)) / RATE), "s/s", "at most 0.005, one thread")
    clip = next(iter((bench.people.folder / "names" / "alexa").glob("*.flac")))
    command = [sys.executable, "-c", MEMORY, str(bench.recognizer), str(clip)]
    megabytes = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1000
    show("memory", megabytes, "MB", "at most 100: the largest a process had that transcribed one clip")


FIGURES = {f.__name__: f for f in (accuracy, engines, rejection, degraded, enrolled, cost)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--recognizer", type=Path, help="another file than the one that ships (.pt or .onnx)")
    parser.add_argument("--part", choices=("test", "calibration"), default="test")
    parser.add_argument("--only", nargs="+", choices=list(FIGURES), default=list(FIGURES))
    parser.add_argument("--n-sphinx", type=int, default=400, help="clips of a list that PocketSphinx transcribes")
    given = parser.parse_args()
    recognizer = given.recognizer or pretrained.shipped(pretrained.EXPORTED)
    bench = Bench(load(recognizer), People(given.data_dir), read_lists(), recognizer, given.part, given.n_sphinx)
    for figure in given.only:
        FIGURES[figure](bench)


if __name__ == "__main__":
    main()
