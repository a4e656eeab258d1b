"""``make bench-live DATA_DIR=...``: listening and spotting with the shipped recogniser, with names given as text alone.

``python scripts/benchmark_live.py DATA_DIR [--n-clips N] [--hours H]`` prints one JSON object per line
(``benchlib.figures``). DATA_DIR holds human/ and telephone/, each with a manifest.csv. The search is for *alexa* among
20 names (benchmark_people.yaml), each clip in a stream of near silence. Installed engines of ``benchlib.wake_words``
process the same streams. Times are CPU times of the process. Intervals are 95 %. Nothing is tuned here.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchlib import degrade, wake_words
from benchlib.figures import UNKNOWN, show, show_proportion
from benchlib.people import RATE, People, read_lists, read_manifest, sample

from speech.audio import files
from speech.audio.files import Waveform
from speech.inference.confirmation import Confirmation
from speech.inference.listening import Recognised, listen
from speech.inference.runtime import Runtime
from speech.inference.scoring import Entry
from speech.inference.spotting import Spotter
from speech.inference.stream_spotting import HOLD_S, TAIL_S
from speech.inference.streaming import whole
from speech.text.word_lists import common_names

BLOCK = RATE // 50
PER_HOUR = 5  # false alarms per name in running speech: the default of listen and spot
WORDS = ["operator", "think engine", "onword", "wildfire", "voyager"]
ALONE = Confirmation(-1.64, -0.54)  # for candidates without confirmation, on the sentences of the shipped thresholds


class Segments(Runtime):
    """The shipped recogniser without its finder: it looks for names in segments that have ended."""

    finder = None


class Place(NamedTuple):
    """Where a name was found."""

    name: str
    start_s: float
    end_s: float


class Bench:
    def __init__(self, data_dir: Path, n_clips: int, hours: float) -> None:
        self.data_dir, self.n_clips, self.hours = data_dir.resolve(), n_clips, hours
        self.people, self.lists = People(data_dir), read_lists()
        self.recognizer, self.segments = Runtime.load(), Segments.load()
        self.rng = np.random.default_rng(self.lists.seed)
        self.engines = wake_words.installed()

    def spotted(
        self,
        sound: Waveform,
        lexicon: Mapping[str, Entry],
        per_hour: float | None = PER_HOUR,
        recognizer: Runtime | None = None,
    ) -> list[Recognised]:
        """The accepted events of a stream ``(n_samples,)``."""
        blocks = np.split(sound, range(BLOCK, len(sound), BLOCK))
        events = listen(recognizer or self.recognizer, blocks, lexicon, False, per_hour)
        return [event for event in events if isinstance(event, Recognised) and event.transcript.accepted]

    def alone(self, sound: Waveform, lexicon: Mapping[str, Entry]) -> list[Place]:
        """The places that the finder finds in a stream, without the recogniser."""
        finder, spotter = self.recognizer.finder, Spotter(self.recognizer, lexicon, PER_HOUR)
        assert finder
        search, frame_s = spotter.search(HOLD_S, finder), finder.frame_s
        tail = np.zeros(round(TAIL_S * RATE), np.float32)
        candidates = search.feed(whole(finder.stream(), np.concatenate([sound, tail]))) + search.finish()
        found = [one for one in candidates if one.ratio >= ALONE.threshold(PER_HOUR)]
        return [Place(spotter.names[one.text], one.first * frame_s, one.last * frame_s) for one in found]

    def room(self, seconds: float) -> Waveform:
        return (1e-4 * self.rng.standard_normal(round(seconds * RATE))).astype(np.float32)


def alone(bench: Bench) -> None:
    """One clip per stream, in near silence and in noise, and the latency of its detection."""
    names = bench.recognizer.lexicon(list(bench.lists.names))
    clips = [one.load() for one in sample(bench.people.recordings("names", ["alexa"]), bench.n_clips, 0)]
    talkers = sample(bench.people.recordings("speech_commands", list(bench.lists.other_words)), 8, 0)
    _, pink, babble = degrade.kinds((one.load() for one in talkers), bench.lists.snr_db, bench.rng).values()
    kinds = {"spot_recall": lambda x: x, "spot_pink_recall": pink, "spot_babble_recall": babble}
    for name, change in kinds.items():
        streams = [change(np.concatenate([bench.room(1), x, bench.room(1)])) for x in clips]
        found = [bench.spotted(x, names) for x in streams]
        of_alexa = [[one for one in events if one.transcript.names[0][0] == "alexa"] for events in found]
        show_proportion(name, np.array(list(map(bool, of_alexa))), [UNKNOWN] * len(clips), "20 names")
        for package, engine in bench.engines.items():
            hits = np.array([engine(x) > 0 for x in streams])
            show_proportion(f"{name} ({package})", hits, [UNKNOWN] * len(clips), "alexa alone")
        if name == "spot_recall":
            late = [1000 * one.latency_s for events in of_alexa for one in events]
            than = f"the median; 95 % within {np.percentile(late, 95):.0f} ms" if late else "none was found"
            show("spot_latency_ms", float(np.median(late)) if late else float("nan"), "ms", than)


def other_words(bench: Bench) -> None:
    """False alarms in other words with pauses of 0.5 to 2 s between them, and the time taken."""
    texts = [*bench.lists.words, *bench.lists.other_words]
    words = sample(bench.people.recordings("speech_commands", texts), bench.n_clips, 0)
    parts = [part for one in words for part in (one.load(), bench.room(bench.rng.uniform(0.5, 2)))]
    stream = np.concatenate(parts)
    false = sum(
        one.transcript.names[0][0] == "alexa"
        for one in bench.spotted(stream, bench.recognizer.lexicon(list(bench.lists.names)))
    )
    hours = f"in {len(stream) / RATE / 3600:.3f} h of other words"
    show("spot_false_alarms", false, "", f"alexa among 20 names; {hours}")
    for package, engine in bench.engines.items():
        start = time.process_time()
        show(f"spot_false_alarms ({package})", engine(stream), "", f"alexa; {hours}")
        show(f"spot_rtf ({package})", (time.process_time() - start) / (len(stream) / RATE), "s/s", "alexa")
    for name, listed in (("spot_rtf", ["alexa"]), ("spot_rtf_100", common_names()[:100])):
        lexicon = bench.recognizer.lexicon(listed)
        start = time.process_time()
        bench.spotted(stream, lexicon)
        than = f"{len(listed)} names, one thread, {len(words)} words in {len(stream) / RATE:.0f} s"
        show(name, (time.process_time() - start) / (len(stream) / RATE), "s/s", than)


def sentences(bench: Bench) -> None:
    """Five words within running sentences over the telephone. The manifest has the place of one word, and how often
    each is ``said``; every other event is a false alarm. Measures listening as a whole, and its parts."""
    rows = [row for row in read_manifest(bench.data_dir / "telephone") if row["kind"] == "sentence"]
    chosen = [rows[i] for i in sorted(np.random.default_rng(0).permutation(len(rows))[: bench.n_clips])]
    lexicon = bench.recognizer.lexicon(WORDS)

    def spotting(per_hour: float | None, recognizer: Runtime) -> Callable[[Waveform], list[Place]]:
        def way(sound: Waveform) -> list[Place]:
            events = bench.spotted(sound, lexicon, per_hour, recognizer)
            return [Place(one.transcript.names[0][0], one.start_s, one.end_s) for one in events]

        return way

    ways = {
        "": spotting(PER_HOUR, bench.recognizer),
        " (segments)": spotting(PER_HOUR, bench.segments),
        " (finder alone)": lambda sound: bench.alone(sound, lexicon),
        " (between pauses alone)": spotting(None, bench.recognizer),
        " (twenty allowed)": spotting(20, bench.recognizer),
    }
    for way, found_in in ways.items():
        hits, n_false, seconds, used = [], 0, 0.0, 0.0
        for row in chosen:
            sound, start = files.read(bench.data_dir / row["path"], RATE), time.process_time()
            places = found_in(sound)
            used += time.process_time() - start
            right = [
                one.name == row["text"] and one.start_s < float(row["end_s"]) and one.end_s > float(row["start_s"])
                for one in places
            ]
            hits.append(any(right))
            elsewhere = Counter({name: int(n) for name, n in (one.rsplit(":", 1) for one in row["said"].split())})
            elsewhere[row["text"].replace(" ", "")] -= 1
            others = [one for one, at_its_place in zip(places, right, strict=True) if not at_its_place]
            n_false += (Counter(one.name.replace(" ", "") for one in others) - +elsewhere).total()
            seconds += float(row["seconds"])
        show_proportion(f"spot_sentence_recall{way}", np.array(hits), [row["speaker"] for row in chosen], "5 words")
        n_hours = seconds / 3600
        than = f"for each word; {n_false} in {n_hours:.3f} h"
        show(f"spot_sentence_fa_per_hour{way}", n_false / n_hours / len(WORDS), "1/h", than)
        show(f"spot_sentence_rtf{way}", used / seconds, "s/s", "5 words, one thread")


MEMORY = """
import sys
import numpy as np, onnxruntime, soundfile, soxr
used = lambda: next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) / 1000
before = used()
from speech.audio import files
from speech.inference.listening import listen
from speech.inference.runtime import Runtime
recognizer, clip = Runtime.load(), np.pad(files.read(sys.argv[1], 16_000), (4_000, 20_000))
lexicon, sizes = recognizer.lexicon(["alexa"]), []
def blocks():
    for _ in range(round(float(sys.argv[2]) * 3600 * 16_000 / len(clip))):
        yield clip
        sizes.append(used())
for event in listen(recognizer, blocks(), lexicon, True, 5):
    pass
print(max(sizes) - before, sizes[len(sizes) // 10], sizes[-1])
"""  # MB beyond Python, numpy and onnxruntime; the process's MB after a tenth of the time and at the end


def memory(bench: Bench) -> None:
    """The memory of a process that listens to the same name again and again."""
    clip = next(iter((bench.people.folder / "names" / "alexa").glob("*.flac")))
    command = [sys.executable, "-c", MEMORY, str(clip), str(bench.hours)]
    beside, early, late = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    than = f"beside numpy and onnxruntime; after {bench.hours / 10:g} h {early:.1f}, after {bench.hours:g} h {late:.1f}"
    show("spot_memory_mb", beside, "MB", than)


FIGURES = {f.__name__: f for f in (alone, other_words, sentences, memory)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--n-clips", type=int, default=300, help="clips per figure, at most")
    parser.add_argument("--hours", type=float, default=1.0, help="hours of sound over which memory is measured")
    parser.add_argument("--only", nargs="+", choices=list(FIGURES), default=list(FIGURES))
    given = parser.parse_args()
    bench = Bench(given.data_dir, given.n_clips, given.hours)
    for figure in given.only:
        FIGURES[figure](bench)


if __name__ == "__main__":
    main()
