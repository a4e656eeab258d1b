"""``make bench-pretrained DATA_DIR=...``: a recogniser on recordings of people, and on engines unseen in training.

``python scripts/benchmark_people.py DATA_DIR [RECOGNIZER] [--part calibration]`` prints one JSON object per line
(``benchlib.figures``). DATA_DIR holds human/ and telephone/, each with a manifest.csv. RECOGNIZER is a file or a run's
folder (``make bench-people DATA_DIR=... RUN=...``), by default the shipped one. A run has two more benchmarks: lists of
names that were not in its training, and fine-tuning for a speaker. Accuracies are means over names (macro); intervals
are 95 %, bootstrapped over speakers and clips. A recording in which no speech is found counts as wrong. PocketSphinx
chooses from the same lists for a sample of the same recordings. One third of the speakers of human/, those in
calibration_speakers.txt, may be used for calibration and for choosing a recipe (``--part calibration``), and are not in
the test. The lists, and the rules by which they were made, are in benchmark_people.yaml.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from benchlib import degrade
from benchlib.figures import Hits, clips_of, show, show_change, show_proportion
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
from benchlib.runs import read_report, run_folder, train, training_texts
from benchlib.sphinx import Sphinx

from speech import pretrained
from speech.audio import files
from speech.audio.files import Waveform
from speech.common.runs import RECOGNIZER_FILE
from speech.evaluation.intervals import bootstrap, proportion
from speech.inference import enrolment
from speech.inference.transcriber import Transcriber
from speech.model.loading import load
from speech.text.lexicon import dictionary
from speech.text.word_lists import common_names, distinct_sounds
from speech.tts.cached import CachedEngine
from speech.tts.flite import Flite
from speech.tts.pico import Pico
from speech.tts.piper import Piper
from speech.tts.voice import Engine, VoiceError

ENGINES: dict[str, Callable[[], Engine]] = {"pico": Pico, "flite": Flite, "piper": Piper}
MEMORY = """
import sys
from speech import Runtime
Runtime.load(sys.argv[1]).transcribe(sys.argv[2], ["Anna", "Bob"])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""  # peak kB; getrusage would include the memory of this process before the fork


@dataclass
class Bench:
    """The recogniser, the recordings and the settings of the benchmark."""

    transcriber: Transcriber
    people: People
    lists: Any  # benchmark_people.yaml
    recognizer: Path
    part: str
    n_sphinx: int
    cache_dir: str

    def recordings(self, folder: str, texts: Sequence[str]) -> list[Recording]:
        """The recordings of the speakers that are measured; unknown speakers belong to the test."""
        calibration = calibration_speakers()
        return [
            one
            for one in self.people.recordings(folder, texts)
            if (one.speaker in calibration) == (self.part == "calibration")
        ]


def show_macro(name: str, hits: Hits, recordings: Sequence[Recording], aim: str) -> None:
    """The proportion of ``hits``, with equal weight for every name, and its interval."""
    n_of, speakers = Counter(one.text for one in recordings), [one.speaker for one in recordings]
    weights = np.array([1 / n_of[one.text] / len(n_of) for one in recordings])  # they sum to 1
    interval = (
        proportion(hits, speakers) if hits.all() or not hits.any() else bootstrap(hits * weights, weights, speakers)
    )
    than = f"at least {aim}; macro over {len(n_of)} names, {clips_of(speakers)}"
    show(name, float(hits @ weights), "", than, None, interval)


def accuracy(bench: Bench) -> None:
    """Closed lists of words and names; on a sample also PocketSphinx with a grammar of the same list."""
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
    """The words spoken in isolation over the telephone."""
    folder = bench.people.folder.parent
    rows = [row for row in read_manifest(folder / "telephone") if row["kind"] == "alone"]
    return [Recording(row["text"], row["speaker"], partial(files.read, folder / row["path"], RATE)) for row in rows]


def beside_sphinx(bench: Bench, what: str, evaluated: Evaluated, names: Sequence[str]) -> None:
    sphinx = Sphinx(names)
    drawn = np.random.default_rng(bench.lists.seed).permutation(len(evaluated.recordings))[: bench.n_sphinx].tolist()
    some = evaluated.at(sorted(drawn)).of(sphinx.names)
    ours, waveforms = some.closed_set(sphinx.names), [one.load() for one in some.recordings]
    start = time.perf_counter()
    theirs = np.array([sphinx.transcribe(w) == one.text for w, one in zip(waveforms, some.recordings, strict=True)])
    seconds = time.perf_counter() - start
    than = f"pocketsphinx, {theirs.mean():.4f}; over 0; ours {ours.mean():.4f}"
    show_change(f"closed_set_accuracy_change ({what})", ours, theirs, some.speakers, than)
    show(f"real_time_factor ({what}, pocketsphinx)", seconds / (sum(map(len, waveforms)) / RATE), "s/s", "one thread")


def engines(bench: Bench) -> None:
    """Martin, Marvin, Morton and Mark among the forty names, by engines that no recogniser is trained on."""
    forty = [name.lower() for name in Path("conf/names.txt").read_text(encoding="utf-8").splitlines() if name]
    four = [name.lower() for name in bench.lists.confused]
    for engine, recordings in synthesize_all(four, bench.lists.takes, bench.cache_dir).items():
        hits = evaluate(bench.transcriber, recordings).closed_set(forty)
        show_macro(f"closed_set_accuracy (4 of 40 names, {engine})", hits, recordings, "0.95")


def synthesize_all(names: Sequence[str], takes: Mapping[str, int], cache_dir: str) -> dict[str, list[Recording]]:
    """``names`` by each installed engine unseen in training, ``takes`` times per voice, kept in the cache."""
    found: dict[str, list[Recording]] = {}
    for name, make in ENGINES.items():
        engine = CachedEngine(make(), Path(cache_dir) / "voices")
        try:
            found[name] = list(_synthesize(engine, names, takes[name]))
        except (VoiceError, ModuleNotFoundError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    if not found:
        sys.exit("error: none of pico, flite and piper is installed: pip install -e '.[voices]'")
    return found


def _synthesize(engine: Engine, names: Sequence[str], n_takes: int) -> Iterator[Recording]:
    for voice in engine.voices():
        for name in names:
            for take in range(n_takes):
                samples, rate = engine.speak(name.capitalize(), voice, np.random.default_rng(take))
                waveform = files.to_waveform(samples, rate, RATE, where=f"{voice.speaker} {name}")
                yield Recording(name, voice.speaker, partial(np.copy, waveform))


def rejection(bench: Bench) -> None:
    """The list is the 20 words; the 13 others are out-of-list words."""
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
    found = every.at(i for i, frames in enumerate(every.frames) if frames)  # an SNR needs speech
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
            recorded = [i for i in own if every[i].text == digit and frames[i]]
            drawn = rng.permutation(recorded)[:5].tolist()
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
    """The file's size, the time per clip, and the memory of a process that transcribes."""
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
    show("memory", megabytes, "MB", "at most 100: the peak of a process that transcribes one clip")


def draw_lists(trained_on: set[str], n_lists: int, n_names: int, n_commonest: int, seed: int) -> list[list[str]]:
    """Random lists from the ``n_commonest`` commonest names of people, without those in ``trained_on``, their
    homophones, or homophones within a list."""
    taken = {phones for text in trained_on for word in text.split() for phones in dictionary().get(word, [])}
    pool = [
        name for name in common_names()[:n_commonest] if name not in trained_on and taken.isdisjoint(dictionary()[name])
    ]
    rng, lists = np.random.default_rng(seed), []
    for _ in range(n_lists):
        shuffled = (pool[i] for i in rng.permutation(len(pool)))
        drawn = list(islice(distinct_sounds(shuffled, set(), set()), n_names))
        if len(drawn) < n_names:
            raise ValueError(f"{len(drawn)} names that were not in training are left, {n_names} are needed")
        lists.append(drawn)
    return lists


def unseen(bench: Bench) -> None:
    """For a run: lists of names that were not in its training, by engines that were not in it."""
    wanted, run_dir = bench.lists.unseen, bench.recognizer.parent
    trained_on = training_texts(run_dir, bench.transcriber.alphabet, bench.cache_dir)
    lists = draw_lists(trained_on, wanted.n_lists, wanted.n_names, wanted.n_commonest, bench.lists.seed)
    than = f"at least 0.9; {len(lists)} lists of {wanted.n_names} names that were not in training"
    every = sorted({name for some in lists for name in some})
    for engine, recordings in synthesize_all(every, wanted.takes, bench.cache_dir).items():
        evaluated = evaluate(bench.transcriber, recordings)
        parts = [(evaluated.of(some), some) for some in lists]
        hits = np.concatenate([part.closed_set(some) for part, some in parts])
        speakers = [speaker for part, _ in parts for speaker in part.speakers]
        show_proportion(f"closed_set_accuracy (unseen lists, {engine})", hits, speakers, than)


def fine_tuned(bench: Bench) -> None:
    """For a run: fine-tuning on five recordings of each digit by one speaker, with the command that a user runs."""
    lists = bench.lists
    others = sample(bench.people.recordings("speech_commands", lists.words), lists.n_degraded, lists.seed)
    before = evaluate(bench.transcriber, others)
    for speaker in lists.enrolled:
        with tempfile.TemporaryDirectory() as name:
            overrides = ["experiment=enrol", f"init={bench.recognizer.parent}", f"cache_dir={bench.cache_dir}"]
            overrides += [f"corpus.root={bench.people.folder / 'fsdd'}", f"corpus.speakers=[{speaker}]"]
            overrides.append("corpus.n_recordings=5")
            train(Path(name), overrides)
            report = read_report(Path(name))
            later = evaluate(load(Path(name) / RECOGNIZER_FILE), others)
        held_back = [of["splits"]["held_back"] for of in (report["before"], report)]
        errors = [1 - scores["closed_set_accuracy"]["value"] for scores in held_back]
        than = f"before, {errors[0]:.4f}; {held_back[1]['n_clips']} recordings held back; at least 2x fewer"
        fewer = errors[0] / errors[1] if errors[1] else None
        show(f"closed_set_error ({speaker}, fine-tuned)", errors[1], "", than, fewer)
        change = report["change"]["splits"]["source_domain"]
        found, than = change["closed_set_accuracy"], f"before; {change['n_clips']} clips; at least -0.01"
        what = f"closed_set_accuracy_change ({speaker} fine-tuned"
        show(f"{what}, source domain)", found["value"], "", than, None, [found["low"], found["high"]])
        hits, base = (evaluated.closed_set(lists.words) for evaluated in (later, before))
        show_change(f"{what}, 20 words by other people)", hits, base, before.speakers, "before; at least -0.01")
        show(f"train_seconds ({speaker}, fine-tuned)", report["train_seconds"], "s", "under 60, on two cores")


FIGURES = {f.__name__: f for f in (accuracy, engines, rejection, degraded, enrolled, cost)}
OF_A_RUN = {f.__name__: f for f in (unseen, fine_tuned)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data_dir", type=Path, help="the folder that holds human/ and telephone/")
    parser.add_argument("recognizer", type=Path, nargs="?", help="a file (.pt or .onnx), or a run's folder")
    parser.add_argument("--part", choices=("test", "calibration"), default="test")
    parser.add_argument("--only", nargs="+", choices=[*FIGURES, *OF_A_RUN], metavar="FIGURE")
    parser.add_argument("--cache-dir", default="cache", help="where corpora and voices are kept")
    parser.add_argument("--n-sphinx", type=int, default=400, help="clips of a list that PocketSphinx transcribes")
    given = parser.parse_args()
    recognizer, figures = given.recognizer or pretrained.shipped(pretrained.EXPORTED), FIGURES
    if recognizer.is_dir():
        recognizer, figures = run_folder(recognizer) / RECOGNIZER_FILE, FIGURES | OF_A_RUN
    bench = Bench(
        load(recognizer), People(given.data_dir), read_lists(), recognizer, given.part, given.n_sphinx, given.cache_dir
    )
    for figure in given.only or figures:
        if figure not in figures:
            parser.error(f"{figure} needs a run: give its folder")
        figures[figure](bench)


if __name__ == "__main__":
    main()
