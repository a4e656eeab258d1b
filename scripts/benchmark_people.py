"""``make bench-people DATA_DIR=... RUN=...``: how a recogniser hears people, and voices that training never met.

``python scripts/benchmark_people.py DATA_DIR RUN [FIGURE=RUN ...]`` prints one JSON object a line, as ``benchmark.py``
does. DATA_DIR holds human/manifest.csv (path, text, speaker) and its recordings; RUN is the folder of a run. A figure
may be given a run of its own (words=RUN2), and ``--only words digits`` measures these alone. The lists, and the rules
by which they were made, are in benchmark_people.yaml. Intervals are of 95 %, bootstrapped over whole speakers and over
clips; where speakers are not known (Alexa, Amelia), over clips alone. A recording in which no speech is found counts as
wrong.

PocketSphinx hears a sample of the same recordings with a grammar of the same list; words that it cannot say are left
out, for both. Times are of one thread, from the recording in memory to the name, ours by the exported file.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmark import run_folder, show
from degrade import babble, pink, telephone, with_noise
from grammar import Sphinx
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf
from paired import ratio

from speech.audio import endpointing, files
from speech.audio.files import Waveform
from speech.common.extras import require
from speech.config.tree import CONF, ConfigError, saved
from speech.data.source import CorpusError
from speech.evaluation.intervals import bootstrap, proportion
from speech.inference.runtime import Runtime
from speech.inference.scoring import Entry, Frames
from speech.model.onnx_graph import to_onnx
from speech.model.recognizer import Recognizer
from speech.text.lexicon import common_names, dictionary
from speech.tts.cached import CachedEngine
from speech.tts.flite import Flite
from speech.tts.pico import Pico
from speech.tts.piper import Piper
from speech.tts.voice import Engine, VoiceError

BATCH = 64  # recordings
UNKNOWN = "?"  # a speaker whom the manifest does not know
ENGINES: dict[str, Callable[[], Engine]] = {"pico": Pico, "flite": Flite, "piper": Piper}


@dataclass(frozen=True)
class Said:
    """A recording: of ``text``, folded, by ``speaker``. ``load`` gives its waveform ``(n_samples,)``."""

    text: str
    speaker: str
    load: Callable[[], Waveform]


def difference(first: NDArray[np.bool_], second: NDArray[np.bool_], speakers: Sequence[str]) -> tuple[float, float]:
    """95 % interval of how much more often ``first`` is right, paired clip by clip."""
    return bootstrap(first.astype(float) - second, np.ones(len(first)), speakers)


def folder_of_people(data_dir: Path) -> Path:
    """``data_dir`` in full; ends the program where no recordings of people are there."""
    if not (data_dir / "human" / "manifest.csv").is_file():
        sys.exit(f"error: {data_dir}: no human/manifest.csv there: give the folder that holds it")
    return data_dir.resolve()


def show_change(
    what: str, than: str, first: NDArray[np.bool_], second: NDArray[np.bool_], speakers: Sequence[str]
) -> None:
    """How much more often ``first`` is right than ``second``, paired clip by clip, with its interval."""
    interval = difference(first, second, speakers)
    show(f"change ({what})", float(first.mean() - second.mean()), "", than, interval=interval)


class Ear:
    """A run's recogniser, the whole way that a recording takes in use: end-pointing, front end, encoder, ranking."""

    def __init__(self, run_dir: Path, cache_dir: str | None) -> None:
        self.run_dir, self.cache_dir = run_dir, cache_dir
        self.recognizer = Recognizer.load(run_dir / "recognizer.pt")

    @cached_property
    def learnt(self) -> set[str]:
        """Every text of its training, folded."""
        config = saved(self.run_dir, "train")
        config.cache_dir = self.cache_dir or config.cache_dir
        items, _ = instantiate(config.corpus).items(self.recognizer.alphabet)
        return {self.recognizer.alphabet.fold(item.text) for item in items if item.split == "train"}

    @torch.inference_mode()
    def log_probs(
        self, recordings: Sequence[Said], change: Callable[[Waveform], Waveform] | None = None
    ) -> list[Frames]:
        """The log-probabilities of each; of no frames where no speech is found."""
        heard = []
        for some in (recordings[i : i + BATCH] for i in range(0, len(recordings), BATCH)):
            cut: list[Waveform] = []
            for one in some:
                waveform = one.load()
                try:
                    cut.append(
                        endpointing.trim_silence(change(waveform) if change else waveform, self.recognizer.sample_rate)[
                            0
                        ]
                    )
                except endpointing.NoSpeechError:
                    cut.append(np.zeros(self.recognizer.sample_rate, np.float32))  # what is heard in it is thrown away
            n_samples = [len(waveform) for waveform in cut]
            padded = torch.zeros(len(cut), max(n_samples))
            for row, waveform in enumerate(cut):
                padded[row, : len(waveform)] = torch.from_numpy(waveform)
            logits, n_frames = self.recognizer(padded, torch.tensor(n_samples))
            for row, length in enumerate(n_frames.tolist()):
                heard.append(self.recognizer.frames(logits[row, : length if cut[row].any() else 0]))
        return heard

    def right(self, recordings: Sequence[Said], heard: Sequence[Frames], names: Sequence[str]) -> NDArray[np.bool_]:
        """Whether the first of ``names`` for each is what was said."""
        lexicon = self.recognizer.lexicon(names)
        best = [self.recognizer.rank(one, lexicon)[0][0] if len(one.letters) else "" for one in heard]
        return np.array([name == one.text for name, one in zip(best, recordings, strict=True)])

    def spelt(self, recordings: Sequence[Said], heard: Sequence[Frames], names: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each is spelt to the letter, by the recogniser's own decoder."""
        lexicon, alphabet = self.recognizer.lexicon(names), self.recognizer.alphabet
        letters = [
            alphabet.decode(self.recognizer.read(one, lexicon).symbols) if len(one.letters) else "" for one in heard
        ]
        return np.array([some == one.text for some, one in zip(letters, recordings, strict=True)])

    @cached_property
    def exported(self) -> Runtime:
        """The same recogniser as it is taken elsewhere: ``speech.export``'s float32 file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recognizer.onnx"
            require("onnx", "export").save(to_onnx(self.recognizer, card=""), path)
            return Runtime(path)

    def choose(self, waveform: Waveform, lexicon: dict[str, Entry]) -> str:
        """One recording, alone, heard by the exported file."""
        try:
            cut, _ = endpointing.trim_silence(waveform, self.exported.sample_rate)
        except endpointing.NoSpeechError:
            return ""
        return self.exported.rank(self.exported.log_probs(cut), lexicon)[0][0]


@dataclass
class Bench:
    """What all figures share."""

    data_dir: Path
    lists: Any
    ears: Callable[[str], Ear]  # by the figure's name
    voices_dir: Path
    cache_dir: str | None

    @cached_property
    def manifest(self) -> list[dict[str, str]]:
        with (self.data_dir / "human" / "manifest.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def recordings(self, folder: str, texts: Sequence[str]) -> list[Said]:
        """Those of ``texts`` in a folder of human/, in the manifest's order."""
        return [
            Said(row["text"], row["speaker"], partial(files.read, self.data_dir / "human" / row["path"], 16_000))
            for row in self.manifest
            if row["path"].startswith(f"{folder}/") and row["text"] in texts
        ]

    def sample(self, recordings: Sequence[Said], n: int) -> list[Said]:
        chosen = np.random.default_rng(self.lists.seed).permutation(len(recordings))[:n]
        return [recordings[i] for i in sorted(chosen)]

    def spoken(self, names: Sequence[str], takes: Any) -> dict[str, list[Said]]:
        """``names`` by each unmet engine that is there, synthesised once and kept in ``voices_dir``."""
        found: dict[str, list[Said]] = {}
        for engine_name, make in ENGINES.items():
            engine = CachedEngine(make(), self.voices_dir)
            try:
                found[engine_name] = list(_spoken(engine, names, takes[engine_name]))
            except (VoiceError, ModuleNotFoundError) as error:
                print(f"{engine_name} is left out: {error}", file=sys.stderr)
        if not found:
            sys.exit("error: none of pico, flite and piper is installed: pip install -e '.[voices]'")
        return found

    def report(self, what: str, than: str, ear: Ear, recordings: Sequence[Said], names: Sequence[str]) -> None:
        """Right within ``names``, spelt to the letter, and PocketSphinx beside it."""
        heard = ear.log_probs(recordings)
        self.show_right(what, than, ear, recordings, heard, names)
        self.beside_sphinx(what, ear, recordings, names)

    def show_right(
        self,
        what: str,
        than: str,
        ear: Ear,
        recordings: Sequence[Said],
        heard: Sequence[Frames],
        names: Sequence[str],
    ) -> None:
        speakers = [one.speaker for one in recordings]
        counts = f"{len(recordings)} clips, {len(names)} names"
        if UNKNOWN not in speakers:  # the manifest knows them
            counts += f", {len(set(speakers))} speakers"
        hits = ear.right(recordings, heard, names)
        show(
            f"closed_set_accuracy ({what})",
            float(hits.mean()),
            "",
            f"{than}; {counts}",
            interval=proportion(hits, speakers),
        )
        hits = ear.spelt(recordings, heard, names)
        show(f"exact_match ({what})", float(hits.mean()), "", counts, interval=proportion(hits, speakers))
        n_silent = sum(len(one.letters) == 0 for one in heard)
        if n_silent:
            show(f"no_speech_found ({what})", n_silent, "clips", "counted as wrong")

    def beside_sphinx(self, what: str, ear: Ear, recordings: Sequence[Said], names: Sequence[str]) -> None:
        try:
            sphinx = Sphinx(names)
        except ModuleNotFoundError as error:
            print(f"PocketSphinx is left out: {error}", file=sys.stderr)
            return
        some = self.sample([one for one in recordings if one.text in sphinx.names], self.lists.n_sphinx)
        lexicon = ear.recognizer.lexicon(sphinx.names)
        actions: dict[str, Callable[[Waveform], str]] = {
            "ours": lambda waveform: ear.choose(waveform, lexicon),
            "pocketsphinx": sphinx.transcribe,
        }
        hits: dict[str, list[bool]] = {who: [] for who in actions}
        seconds: dict[str, list[float]] = {who: [] for who in actions}
        length = 0.0
        n_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        ear.choose(some[0].load(), lexicon)  # exports, once
        for one in some:  # in turn, clip by clip
            waveform = one.load()
            length += len(waveform) / 16_000
            for who, hear in actions.items():
                start = time.perf_counter()
                name = hear(waveform)
                seconds[who].append(time.perf_counter() - start)
                hits[who].append(name == one.text)
        torch.set_num_threads(n_threads)
        speakers = [one.speaker for one in some]
        ours, theirs = (np.array(hits[who]) for who in actions)
        known = f"{len(some)} of the clips, {len(sphinx.names)} names"
        known += f", {sphinx.n_added} words of cmudict, {len(sphinx.left_out)} names left out"
        show(
            f"closed_set_accuracy ({what}, pocketsphinx)",
            float(theirs.mean()),
            "",
            known,
            None,
            proportion(theirs, speakers),
        )
        better = float(ours.mean() - theirs.mean())
        interval = difference(ours, theirs, speakers)
        show(f"ahead_of_pocketsphinx ({what})", better, "", f"over 0, paired; ours {ours.mean():.4f}", None, interval)
        faster, interval_faster = ratio(np.array(seconds["pocketsphinx"]), np.array(seconds["ours"]))
        than = (
            f"pocketsphinx, at least 5x; one thread; at most 0.01; theirs {sum(seconds['pocketsphinx']) / length:.4f}"
        )
        show(f"real_time_factor ({what})", sum(seconds["ours"]) / length, "s/s", than, faster, interval_faster)


def _spoken(engine: Engine, names: Sequence[str], n_takes: int) -> Iterator[Said]:
    for voice in engine.voices():
        for name in names:
            for take in range(n_takes):
                samples, rate = engine.speak(name, voice, np.random.default_rng(take))
                waveform = files.to_waveform(samples, rate, 16_000, where=f"{voice.speaker} {name}")
                yield Said(name.lower(), voice.speaker, partial(np.copy, waveform))


def words(bench: Bench) -> None:
    """Figure 1: words of speech_commands."""
    ear, lists = bench.ears("words"), bench.lists
    bench.report("20 words, people", "at least 0.9", ear, bench.recordings("speech_commands", lists.words), lists.words)
    every = [*lists.words, *lists.other_words]
    bench.report("33 words, people", "at least 0.85", ear, bench.recordings("speech_commands", every), every)


def digits(bench: Bench) -> None:
    """Figure 2: digits at 8 kHz."""
    recordings = bench.recordings("fsdd", bench.lists.digits)
    bench.report("digits, people", "at least 0.95", bench.ears("digits"), recordings, bench.lists.digits)


def names(bench: Bench) -> None:
    """Figure 3: two names in a list of 20."""
    for name in bench.lists.names[:2]:
        recordings = bench.recordings("names", [name])
        bench.report(f"{name}, people", "at least 0.97", bench.ears("names"), recordings, bench.lists.names)


def confused(bench: Bench) -> None:
    """Figure 4: Martin, Marvin, Morton and Mark among 40 names, by engines that training never met."""
    ear = bench.ears("confused")
    forty = [str(name).lower() for name in OmegaConf.load(CONF / "corpus" / "names.yaml").names]
    some = {name.lower() for name in bench.lists.confused}
    spoken = bench.spoken([name.capitalize() for name in forty], bench.lists.takes)
    heard = {engine: ear.log_probs(recordings) for engine, recordings in spoken.items()}
    for what, kept in ((", ".join(sorted(some)), some), ("40 names", set(forty))):
        chosen = {
            engine: [(one, sound) for one, sound in zip(spoken[engine], heard[engine], strict=True) if one.text in kept]
            for engine in spoken
        }
        for engine, pairs in chosen.items():
            than = "the worst engine at least 0.93" if kept is some else "an engine that training never met"
            recordings, sounds = [one for one, _ in pairs], [sound for _, sound in pairs]
            bench.show_right(f"{what}, {engine}", than, ear, recordings, sounds, forty)
        pairs = [pair for some_pairs in chosen.values() for pair in some_pairs]
        than = "at least 0.97" if kept is some else "engines that training never met"
        recordings = [one for one, _ in pairs]
        bench.show_right(f"{what}, unmet engines", than, ear, recordings, [sound for _, sound in pairs], forty)
        bench.beside_sphinx(f"{what}, unmet engines", ear, recordings, forty)


def draw_lists(learnt: set[str], n_lists: int, n_names: int, n_commonest: int, seed: int) -> list[list[str]]:
    """Lists of the ``n_commonest`` commonest names of people, without those in ``learnt`` and their homophones, and
    without homophones within a list."""
    taken = {said for text in learnt for word in text.split() for said in dictionary().get(word, [])}
    there = [
        name for name in common_names()[:n_commonest] if name not in learnt and taken.isdisjoint(dictionary()[name])
    ]
    rng = np.random.default_rng(seed)
    lists = []
    for _ in range(n_lists):
        drawn: list[str] = []
        sounds: set[Any] = set()
        for i in rng.permutation(len(there)):
            said = dictionary()[there[i]]
            if sounds.isdisjoint(said) and len(drawn) < n_names:
                drawn.append(there[i])
                sounds.update(said)
        if len(drawn) < n_names:
            raise ValueError(f"{len(drawn)} names are left that training has not heard, {n_names} are needed")
        lists.append(drawn)
    return lists


def unheard(bench: Bench) -> None:
    """Figure 5: lists that the recogniser was never trained on, by engines and by people."""
    ear, wanted = bench.ears("unheard"), bench.lists.unheard
    lists = draw_lists(ear.learnt, wanted.n_lists, wanted.n_names, wanted.n_commonest, bench.lists.seed)
    spoken = bench.spoken(
        [name.capitalize() for name in sorted({name for some in lists for name in some})], wanted.takes
    )
    hits: dict[str, list[NDArray[np.bool_]]] = {engine: [] for engine in spoken}
    speakers: dict[str, list[str]] = {engine: [] for engine in spoken}
    for engine, recordings in spoken.items():
        heard = ear.log_probs(recordings)
        for some in lists:
            pairs = [pair for pair in zip(recordings, heard, strict=True) if pair[0].text in some]
            hits[engine].append(ear.right([one for one, _ in pairs], [sound for _, sound in pairs], some))
            speakers[engine] += [one.speaker for one, _ in pairs]
    counts = f"{len(lists)} lists of {wanted.n_names} names that training never heard"
    for engine, some_hits in hits.items():
        all_hits = np.concatenate(some_hits)
        name = f"closed_set_accuracy (unheard lists, {engine})"
        show(
            name,
            float(all_hits.mean()),
            "",
            f"{counts}; {len(all_hits)} clips",
            None,
            proportion(all_hits, speakers[engine]),
        )
    all_hits = np.concatenate([one for some_hits in hits.values() for one in some_hits])
    interval = proportion(all_hits, [speaker for some_speakers in speakers.values() for speaker in some_speakers])
    than = f"at least 0.9; {counts}; {len(all_hits)} clips"
    show("closed_set_accuracy (unheard lists, unmet engines)", float(all_hits.mean()), "", than, interval=interval)
    first = [one for recordings in spoken.values() for one in recordings if one.text in lists[0]]
    bench.beside_sphinx("the first unheard list, unmet engines", ear, first, lists[0])

    every = [*bench.lists.words, *bench.lists.other_words]
    known = sorted(ear.learnt & set(every))
    if known:
        print(f"by people: not measured, {ear.run_dir} was trained on {', '.join(known)}", file=sys.stderr)
        return
    recordings = bench.recordings("speech_commands", every)
    bench.report("33 words never trained on, people", "at least 0.8", ear, recordings, every)
    listed = bench.recordings("speech_commands", bench.lists.words)
    bench.report("20 words never trained on, people", "at least 0.8", ear, listed, bench.lists.words)


def none(bench: Bench) -> None:
    """Figure 6: none of these. The list is the 20 words; the 13 others are not on it."""
    ear, lists = bench.ears("none"), bench.lists
    rejection = ear.recognizer.rejection
    if rejection is None:
        print(f"none is not measured: {ear.run_dir} was not calibrated: python -m speech.calibrate", file=sys.stderr)
        return
    lexicon = ear.recognizer.lexicon(lists.words)
    texts = {"listed": (lists.words, "at least 0.92"), "not listed": (lists.other_words, "at most 0.05")}
    for what, (said, than) in texts.items():
        recordings = bench.recordings("speech_commands", said)
        heard = ear.log_probs(recordings)
        weighed = [ear.recognizer.out_of_list_probability(one, lexicon) if len(one.letters) else None for one in heard]
        accepted = [p is not None and rejection.accepts(p) for p in weighed]
        hits, speakers = np.array(accepted), [one.speaker for one in recordings]
        counts = f"{len(hits)} clips, {len(set(speakers))} speakers, threshold for {rejection.false_accept_rate}"
        name = f"accepted (20 words, {what}, people)"
        show(name, float(hits.mean()), "", f"{than}; {counts}", interval=proportion(hits, speakers))


def degraded(bench: Bench) -> None:
    """Figure 8: the 20 words over the telephone, and in noise."""
    ear, lists = bench.ears("degraded"), bench.lists
    recordings = bench.sample(bench.recordings("speech_commands", lists.words), lists.n_degraded)
    talkers = bench.sample(bench.recordings("speech_commands", lists.other_words), lists.n_talkers)
    others = [endpointing.trim_silence(one.load(), 16_000)[0] for one in talkers]
    rng = np.random.default_rng(lists.seed)

    def in_pink(waveform: Waveform) -> Waveform:
        return with_noise(waveform, pink(len(waveform), rng), lists.snr_db)

    def in_babble(waveform: Waveform) -> Waveform:
        return with_noise(waveform, babble(len(waveform), others, rng), lists.snr_db)

    speakers = [one.speaker for one in recordings]
    clean = ear.right(recordings, ear.log_probs(recordings), lists.words)
    name = "closed_set_accuracy (20 words, clean)"
    show(name, float(clean.mean()), "", f"{len(clean)} clips", interval=proportion(clean, speakers))
    noises = {"pink noise": in_pink, "babble": in_babble}
    kinds = {"telephone": telephone} | {f"{noise}, {lists.snr_db} dB": change for noise, change in noises.items()}
    for kind, change in kinds.items():
        hits = ear.right(recordings, ear.log_probs(recordings, change), lists.words)
        show(f"closed_set_accuracy (20 words, {kind})", float(hits.mean()), "", "", interval=proportion(hits, speakers))
        show_change(f"20 words, {kind}", "at least -0.05, paired with the clean clips", hits, clean, speakers)


def enrolled(bench: Bench) -> None:
    """Figure 7: five recordings of each digit by one speaker, learnt as a user would have them learnt."""
    ear, lists = bench.ears("enrolled"), bench.lists
    elsewhere = bench.sample(bench.recordings("speech_commands", lists.words), lists.n_degraded)
    speakers = [one.speaker for one in elsewhere]
    before = ear.right(elsewhere, ear.log_probs(elsewhere), lists.words)
    for speaker in lists.enrolled:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "speech.train", "experiment=enrol", f"init={ear.run_dir}"]
            command += [f"corpus.root={bench.data_dir / 'human' / 'fsdd'}", f"corpus.speakers=[{speaker}]"]
            command += ["corpus.n_recordings=5", f"run_dir={folder}"]
            command += [f"cache_dir={bench.cache_dir}"] if bench.cache_dir else []
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode != 0:
                print(f"enrolment of {speaker} failed: {done.stderr.strip()[-500:]}", file=sys.stderr)
                continue
            report = json.loads((Path(folder) / "report.json").read_text())
            held_back = [of["splits"]["test_held_back"] for of in (report["before"], report)]
            errors = [1 - found["closed_set_accuracy"] for found in held_back]
            than = f"{errors[0]:.4f} before, {held_back[1]['n_clips']} other recordings; at least 2x fewer"
            fewer = errors[0] / errors[1] if errors[1] else None
            show(f"error_within_list ({speaker}, enrolled)", errors[1], "", than, fewer)
            change = report["change"]["splits"]["test_elsewhere"]
            than = f"at least -0.01; {change['n_clips']} clips of the first run's tests"
            figure = "closed_set_accuracy"
            interval = change[f"{figure}_interval"]
            show(f"change_elsewhere ({speaker}, its own tests)", change[figure], "", than, interval=interval)
            later = Ear(Path(folder), bench.cache_dir)
            hits = later.right(elsewhere, later.log_probs(elsewhere), lists.words)
            gained = float(hits.mean() - before.mean())
            interval = difference(hits, before, speakers)
            than = f"at least -0.01; the 20 words by {len(set(speakers))} other people, paired"
            show(f"change_elsewhere ({speaker}, people)", gained, "", than, interval=interval)
            than = "under 60, on two cores"
            show(f"train_seconds ({speaker}, enrolled)", report["train_seconds"], "s", than)


FIGURES: list[Callable[[Bench], None]] = [words, digits, names, confused, unheard, none, degraded, enrolled]


def main() -> None:
    parser = argparse.ArgumentParser()
    figures = {figure.__name__: figure for figure in FIGURES}
    parser.add_argument("data_dir", type=Path, help="the folder that holds human/manifest.csv")
    parser.add_argument("run", nargs="+", help="the folder of a run; FIGURE=RUN for one figure's own")
    parser.add_argument("--only", nargs="+", choices=figures, default=list(figures), metavar="FIGURE")
    parser.add_argument("--cache-dir", help="where corpora and voices are kept, if not where the run had them")
    parser.add_argument("--n-sphinx", type=int, help="clips of a list that PocketSphinx hears, at most")
    arguments = parser.parse_args()
    data_dir = folder_of_people(arguments.data_dir)
    places = dict(place.split("=", 1) if "=" in place else ("", place) for place in arguments.run)
    if "" not in places or set(places) - {"", *figures}:
        sys.exit(f"error: give RUN, and FIGURE=RUN for one of {', '.join(figures)} where that has its own")
    runs = {figure: run_folder(place).resolve() for figure, place in places.items()}
    ears: dict[Path, Ear] = {}

    def ear(figure: str) -> Ear:
        run_dir = runs.get(figure, runs[""])
        return ears.setdefault(run_dir, ears.get(run_dir) or Ear(run_dir, arguments.cache_dir))

    lists = OmegaConf.load(Path(__file__).with_suffix(".yaml"))
    if arguments.n_sphinx is not None:
        lists.n_sphinx = arguments.n_sphinx
    voices_dir = Path(arguments.cache_dir or "cache") / "voices"
    bench = Bench(data_dir, lists, ear, voices_dir, arguments.cache_dir)
    for name in arguments.only:
        try:
            figures[name](bench)
        except (ConfigError, CorpusError, VoiceError) as error:
            print(f"{name} is not measured: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
