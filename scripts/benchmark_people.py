"""``make bench-people DATA_DIR=... RUN=...``: a recogniser on recordings of people, and on engines unseen in training.

``python scripts/benchmark_people.py DATA_DIR RUN [FIGURE=RUN ...]`` prints one JSON object a line
(``benchlib.figures``). DATA_DIR holds human/manifest.csv (path, text, speaker) and its recordings; RUN is the folder of
a run. A figure may be given a run of its own (words=RUN2), and ``--only words digits`` measures these alone. The lists,
and the rules by which they were made, are in benchmark_people.yaml. Intervals are of 95 %, bootstrapped over speakers
and over clips; where speakers are not known (Alexa, Amelia), over clips alone. A recording in which no speech is found
counts as wrong. PocketSphinx chooses from the same lists for a sample of the same recordings.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from benchlib import degrade
from benchlib.figures import show, show_change, show_proportion
from benchlib.people import RATE, Evaluated, People, Recording, TrainedRun, evaluate, read_lists, sample
from benchlib.runs import read_report, run_folder, train
from benchlib.sphinx import compare_with_sphinx

from speech.audio import files
from speech.config.compose import compose
from speech.config.tree import ConfigError
from speech.data.source import CorpusError
from speech.text.lexicon import dictionary
from speech.text.word_lists import common_names
from speech.tts.cached import CachedEngine
from speech.tts.flite import Flite
from speech.tts.pico import Pico
from speech.tts.piper import Piper
from speech.tts.voice import Engine, VoiceError

ENGINES: dict[str, Callable[[], Engine]] = {"pico": Pico, "flite": Flite, "piper": Piper}


@dataclass
class Bench:
    """What all figures share."""

    people: People
    lists: Any  # benchmark_people.yaml
    run: TrainedRun  # the figure's
    cache_dir: str | None

    def compare_with_sphinx(self, what: str, recordings: Sequence[Recording], names: Sequence[str]) -> None:
        compare_with_sphinx(what, self.run, sample(recordings, self.lists.n_sphinx, self.lists.seed), names)

    def report(self, what: str, aim: str, recordings: Sequence[Recording], names: Sequence[str]) -> None:
        """Closed-set accuracy within ``names`` and exact match, and PocketSphinx beside them."""
        show_accuracy(what, aim, evaluate(self.run.recognizer, recordings), names)
        self.compare_with_sphinx(what, recordings, names)


def synthesize_all(names: Sequence[str], takes: Mapping[str, int], cache_dir: str) -> dict[str, list[Recording]]:
    """``names`` by each engine unseen in training that is there, each voice ``takes`` times, kept in the cache."""
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


def show_accuracy(what: str, aim: str, evaluated: Evaluated, names: Sequence[str]) -> None:
    speakers, n_silent = evaluated.speakers, sum(frames is None for frames in evaluated.frames)
    than = f"{aim}; {len(names)} names" if aim else f"{len(names)} names"
    show_proportion(f"closed_set_accuracy ({what})", evaluated.closed_set(names), speakers, than)
    show_proportion(f"exact_match ({what})", evaluated.exact(), speakers)
    if n_silent:
        show(f"no_speech_found ({what})", n_silent, "clips", "counted as wrong")


def words(bench: Bench) -> None:
    """Figure 1: words of speech_commands."""
    every = [*bench.lists.words, *bench.lists.other_words]
    for texts, aim in ((bench.lists.words, "at least 0.9"), (every, "at least 0.85")):
        recordings = bench.people.recordings("speech_commands", texts)
        bench.report(f"{len(texts)} words, people", aim, recordings, texts)


def digits(bench: Bench) -> None:
    """Figure 2: digits at 8 kHz."""
    recordings = bench.people.recordings("fsdd", bench.lists.digits)
    bench.report("digits, people", "at least 0.95", recordings, bench.lists.digits)


def names(bench: Bench) -> None:
    """Figure 3: two names in a list of 20."""
    for name in bench.lists.names[:2]:
        bench.report(f"{name}, people", "at least 0.97", bench.people.recordings("names", [name]), bench.lists.names)


def confused(bench: Bench) -> None:
    """Figure 4: Martin, Marvin, Morton and Mark among 40 names, by engines unseen in training."""
    forty = [str(name).lower() for name in compose("train", ["corpus=names"]).corpus.names]
    four = [name.lower() for name in bench.lists.confused]
    by_engine = synthesize_all(forty, bench.lists.takes, bench.cache_dir or "cache")
    found = {engine: evaluate(bench.run.recognizer, recordings) for engine, recordings in by_engine.items()}
    every = [one for recordings in by_engine.values() for one in recordings]
    found["unseen engines"] = Evaluated(
        bench.run.recognizer, every, [frames for one in found.values() for frames in one.frames]
    )
    for engine, evaluated in found.items():
        aim = "at least 0.97" if engine == "unseen engines" else "the worst engine at least 0.93"
        show_accuracy(f"{', '.join(four)}, {engine}", aim, evaluated.of(four), forty)
        show_accuracy(f"40 names, {engine}", "", evaluated, forty)
    for what, texts in ((", ".join(four), four), ("40 names", forty)):
        bench.compare_with_sphinx(f"{what}, unseen engines", [one for one in every if one.text in texts], forty)


def draw_lists(trained_on: set[str], n_lists: int, n_names: int, n_commonest: int, seed: int) -> list[list[str]]:
    """Lists of the ``n_commonest`` commonest names of people, without those in ``trained_on`` and their homophones, and
    without homophones within a list."""
    taken = {phones for text in trained_on for word in text.split() for phones in dictionary().get(word, [])}
    pool = [
        name for name in common_names()[:n_commonest] if name not in trained_on and taken.isdisjoint(dictionary()[name])
    ]
    rng = np.random.default_rng(seed)
    lists = []
    for _ in range(n_lists):
        drawn: list[str] = []
        sounds: set[Any] = set()
        for i in rng.permutation(len(pool)):
            pronunciations = dictionary()[pool[i]]
            if sounds.isdisjoint(pronunciations) and len(drawn) < n_names:
                drawn.append(pool[i])
                sounds.update(pronunciations)
        if len(drawn) < n_names:
            raise ValueError(f"{len(drawn)} names are left that training did not have, {n_names} are needed")
        lists.append(drawn)
    return lists


def unseen(bench: Bench) -> None:
    """Figure 5: lists that the recogniser was never trained on, by engines and by people."""
    run, wanted, seed = bench.run, bench.lists.unseen, bench.lists.seed
    lists = draw_lists(run.training_texts, wanted.n_lists, wanted.n_names, wanted.n_commonest, seed)
    by_engine = synthesize_all(
        sorted({name for some in lists for name in some}), wanted.takes, bench.cache_dir or "cache"
    )
    than = f"{len(lists)} lists of {wanted.n_names} names that training never had"
    hits, speakers = {}, {}
    for engine, recordings in by_engine.items():
        evaluated = evaluate(run.recognizer, recordings)
        parts = [evaluated.of(some) for some in lists]
        hits[engine] = np.concatenate([part.closed_set(some) for part, some in zip(parts, lists, strict=True)])
        speakers[engine] = [speaker for part in parts for speaker in part.speakers]
        show_proportion(f"closed_set_accuracy (unseen lists, {engine})", hits[engine], speakers[engine], than)
    every = [speaker for some in speakers.values() for speaker in some]
    name = "closed_set_accuracy (unseen lists, unseen engines)"
    show_proportion(name, np.concatenate(list(hits.values())), every, f"at least 0.9; {than}")
    first = [one for recordings in by_engine.values() for one in recordings if one.text in lists[0]]
    bench.compare_with_sphinx("the first unseen list, unseen engines", first, lists[0])

    texts = [*bench.lists.words, *bench.lists.other_words]
    if known := sorted(run.training_texts & set(texts)):
        print(f"by people: not measured, {run.run_dir} was trained on {', '.join(known)}", file=sys.stderr)
        return
    for some in (texts, bench.lists.words):
        recordings = bench.people.recordings("speech_commands", some)
        bench.report(f"{len(some)} words unseen in training, people", "at least 0.8", recordings, some)


def rejection(bench: Bench) -> None:
    """Figure 6: open-set rejection. The list is the 20 words; the 13 others are out of it."""
    fitted = bench.run.recognizer.rejection
    if fitted is None:
        print(
            f"rejection: not measured, calibrate first: python -m speech.calibrate recognizer={bench.run.run_dir}",
            file=sys.stderr,
        )
        return
    texts = {"listed": (bench.lists.words, "at least 0.92"), "out of list": (bench.lists.other_words, "at most 0.05")}
    for what, (some, aim) in texts.items():
        evaluated = evaluate(bench.run.recognizer, bench.people.recordings("speech_commands", some))
        than = f"{aim}; at {fitted.false_accept_rate} false-accept rate in validation"
        hits = evaluated.accepted(bench.lists.words)
        show_proportion(f"accept_rate (20 words, {what}, people)", hits, evaluated.speakers, than)


def degraded(bench: Bench) -> None:
    """Figure 8: the 20 words over the telephone, and in noise."""
    lists, people = bench.lists, bench.people
    recordings = sample(people.recordings("speech_commands", lists.words), lists.n_degraded, lists.seed)
    talkers = sample(people.recordings("speech_commands", lists.other_words), lists.n_talkers, lists.seed)
    kinds = degrade.kinds((one.load() for one in talkers), lists.snr_db, np.random.default_rng(lists.seed))
    speakers = [one.speaker for one in recordings]
    clean = evaluate(bench.run.recognizer, recordings).closed_set(lists.words)
    show_proportion("closed_set_accuracy (20 words, clean)", clean, speakers)
    for kind, change in kinds.items():
        hits = evaluate(bench.run.recognizer, recordings, change).closed_set(lists.words)
        show_proportion(f"closed_set_accuracy (20 words, {kind})", hits, speakers)
        than = "the clean clips; at least -0.05"
        show_change(f"closed_set_accuracy_change (20 words, {kind})", hits, clean, speakers, than)


def enrolled(bench: Bench) -> None:
    """Figure 7: enrolment of five recordings of each digit by one speaker, by the command that a user gives."""
    lists, run = bench.lists, bench.run
    others = sample(bench.people.recordings("speech_commands", lists.words), lists.n_degraded, lists.seed)
    before = evaluate(run.recognizer, others)
    for speaker in lists.enrolled:
        with tempfile.TemporaryDirectory() as name:
            overrides = ["experiment=enrol", f"init={run.run_dir}", f"corpus.root={bench.people.folder / 'fsdd'}"]
            overrides += [f"corpus.speakers=[{speaker}]", "corpus.n_recordings=5"]
            overrides += [f"cache_dir={bench.cache_dir}"] if bench.cache_dir else []
            train(Path(name), overrides)
            report = read_report(Path(name))
            later = evaluate(TrainedRun(Path(name), bench.cache_dir).recognizer, others)
        held_back = [of["splits"]["held_back"] for of in (report["before"], report)]
        errors = [1 - scores["closed_set_accuracy"]["value"] for scores in held_back]
        than = f"before enrolment, {errors[0]:.4f}; {held_back[1]['n_clips']} recordings held back; at least 2x fewer"
        fewer = errors[0] / errors[1] if errors[1] else None
        show(f"closed_set_error ({speaker}, enrolled)", errors[1], "", than, fewer)
        change = report["change"]["splits"]["source_domain"]
        found, than = change["closed_set_accuracy"], f"before; {change['n_clips']} clips; at least -0.01"
        name = f"closed_set_accuracy_change ({speaker} enrolled, source domain)"
        show(name, found["value"], "", than, None, [found["low"], found["high"]])
        hits, base = (evaluated.closed_set(lists.words) for evaluated in (later, before))
        name = f"closed_set_accuracy_change ({speaker} enrolled, 20 words by other people)"
        show_change(name, hits, base, before.speakers, "before; at least -0.01")
        show(f"train_seconds ({speaker}, enrolled)", report["train_seconds"], "s", "under 60, on two cores")


FIGURES = {
    figure.__name__: figure for figure in (words, digits, names, confused, unseen, rejection, degraded, enrolled)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data_dir", type=Path, help="the folder that holds human/manifest.csv")
    parser.add_argument("run", nargs="+", help="the folder of a run; FIGURE=RUN for one figure's own")
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=list(FIGURES), metavar="FIGURE")
    parser.add_argument("--cache-dir", help="where corpora and voices are kept, if not where the run had them")
    parser.add_argument("--n-sphinx", type=int, help="clips of a list that PocketSphinx transcribes, at most")
    given = parser.parse_args()
    places = dict(place.split("=", 1) if "=" in place else ("", place) for place in given.run)
    if "" not in places or set(places) - {"", *FIGURES}:
        sys.exit(f"error: give RUN, and FIGURE=RUN for one of {', '.join(FIGURES)} where that has its own")
    people, lists = People(given.data_dir), read_lists()
    if given.n_sphinx is not None:
        lists.n_sphinx = given.n_sphinx
    folders = {figure: run_folder(place) for figure, place in places.items()}
    runs = {folder: TrainedRun(folder, given.cache_dir) for folder in set(folders.values())}
    for figure in given.only:
        bench = Bench(people, lists, runs[folders.get(figure, folders[""])], given.cache_dir)
        try:
            FIGURES[figure](bench)
        except (ConfigError, CorpusError, VoiceError) as error:
            print(f"{figure} is not measured: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
