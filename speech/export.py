"""``python -m speech.export run=RUN_DIR``: the recogniser as one ONNX file that hears, in float32 and in int8.

OUTPUT/recognizer.onnx         the same log-probabilities, transcripts and rankings as the run's own recogniser
       recognizer.int8.onnx    a quarter of the size

Each is compared with the run's recogniser on every test clip of the run before it gets its name: a file that is there
has passed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from speech import config as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from speech.audio import Waveform
    from speech.corpus.build import Corpus
    from speech.corpus.datamodule import SpeechData
    from speech.recognizer import Recognizer
    from speech.transcriber import Frames, Transcriber

WITHIN = 1e-4  # nats: float32's log-probabilities of torch's
LEAST_SAME = 0.995  # of the clips: int8's transcripts
NONE_WITHIN = 0.01  # float32's p(none of these) of torch's; the decision may differ this near to the threshold alone
TIE = 1e-3  # two names whose probabilities are this much alike may change places
LEAST = 1e-300  # a probability below which float64 rounds more coarsely than that


class ExportError(ValueError):
    """An exported file hears something else than the recogniser that it was made from."""


class Heard(NamedTuple):
    """What one clip sounds like to one recogniser."""

    frames: Frames
    letters: str
    names: list[tuple[str, float]]  # best first
    none: float | None = None  # p(none of these), of a recogniser that was calibrated


class Agreement(NamedTuple):
    """How far an exported file hears what the recogniser hears."""

    n_clips: int
    n_same_transcripts: int
    n_same_first_names: int
    n_same_rankings: int
    largest_difference: float  # of two log-probabilities, nats
    largest_none: float = 0.0  # difference of two p(none of these)

    def __str__(self) -> str:
        counts = (self.n_same_transcripts, self.n_same_first_names, self.n_same_rankings)
        transcript, first, ranking = (f"{count / self.n_clips:.2%}" for count in counts)
        same = f"of {self.n_clips} clips {transcript} have the same transcript, {first} the same first name, "
        differ = (
            f"log-probabilities differ by {self.largest_difference:.1g} at most, p(none) by {self.largest_none:.1g}"
        )
        return f"{same}{ranking} the same ranking; {differ}"


def hear(transcriber: Transcriber, waveforms: Iterable[Waveform], names: Sequence[str]) -> list[Heard]:
    """Each of ``waveforms``, alone, and ``names`` ranked for it."""
    lexicon = transcriber.lexicon(names)
    heard = []
    for waveform in waveforms:
        frames = transcriber.hear(waveform)
        symbols, ranked, none = transcriber.read(frames, lexicon)
        heard.append(Heard(frames, transcriber.alphabet.decode(symbols), ranked, none))
    return heard


def same_ranking(ours: Heard, theirs: Heard) -> bool:
    """Whether their order of names is one of falling probability for us as well."""
    probability = dict(ours.names)
    in_their_order = [probability[name] for name, _ in theirs.names]
    return all(later <= max(earlier, LEAST) * (1 + TIE) for earlier, later in itertools.pairwise(in_their_order))


def agreement(ours: Sequence[Heard], theirs: Sequence[Heard]) -> Agreement:
    pairs = list(zip(ours, theirs, strict=True))
    return Agreement(
        len(pairs),
        sum(a.letters == b.letters for a, b in pairs),
        sum(a.names[0][0] == b.names[0][0] for a, b in pairs),
        sum(same_ranking(a, b) for a, b in pairs),
        max(
            float(abs(x - y).max())
            for a, b in pairs
            for x, y in zip(a.frames, b.frames, strict=True)
            if x is not None and y is not None
        ),
        max(_differ(a.none, b.none) for a, b in pairs),
    )


def _differ(ours: float | None, theirs: float | None) -> float:
    """Of two p(none): 0 where neither was calibrated, and all there is where one was."""
    if ours is None or theirs is None:
        return 0.0 if ours is theirs else 1.0
    return abs(ours - theirs)


def _earlier_corpora(trained: DictConfig) -> list[Corpus]:
    """Those of the runs that an enrolled one started from; none where one of them is gone, and its run or corpus."""
    from speech import start

    try:
        found = [start.corpus_of(folder) for folder, _ in start.earlier_runs(trained.init)]
    except (OSError, ValueError):  # moved, deleted, or half written
        return []
    there = [corpus for corpus in found if corpus]
    return there if len(there) == len(found) else []


def _test_data(run: Path, trained: DictConfig, recognizer: Recognizer) -> SpeechData:
    """The run's test clips, from its corpus where that still lies, else from one that is made anew; of an enrolled run
    those of the earlier corpora too, as long as these are there. Raises ValueError where they are damaged.
    """
    from hydra.utils import instantiate

    from speech import start
    from speech.corpus.datamodule import SpeechData
    from speech.corpus.replay import ReplayedData
    from speech.page.clips import UNREADABLE
    from speech.train import make_data

    earlier = _earlier_corpora(trained) if trained.get("replay") else []
    replay = instantiate(trained.replay) if earlier else None
    corpus = start.corpus_of(run)
    if corpus is None:
        if replay is None:
            trained.replay = None
        return make_data(trained, recognizer)
    own = (corpus, recognizer.alphabet, recognizer.sample_rate, recognizer.n_frames, trained.batch_size)
    try:
        if replay is None:
            return SpeechData(*own, names=recognizer.names)
        return ReplayedData(*own, None, trained.seed, recognizer.names, None, replay, earlier)
    except UNREADABLE as error:
        folders = ", ".join(str(one.folder) for one in [corpus, *earlier])
        raise ValueError(
            f"{folders}: the clips cannot be read ({error}): delete what is damaged, and export again"
        ) from error


def export(config: DictConfig) -> dict[str, Agreement]:
    """Write both files; returns how each agrees with the run's recogniser.

    Raises ExportError, and leaves neither file behind, where one does not.
    """
    from speech import graph, judge, runs
    from speech.extras import require
    from speech.recognizer import Recognizer
    from speech.runtime import Runtime

    onnx = require("onnx", "export")
    path = runs.find_recognizer(config.run, config.runs_dir)
    run = path.parent
    recognizer = Recognizer.load(path)
    trained = configs.saved(run, "train")
    trained.cache_dir = config.cache_dir or trained.cache_dir
    card = judge.read_text(run / "model_card.md")
    data = _test_data(run, trained, recognizer)
    waveforms = [clip.waveform for clip in data.test_clips]
    names = recognizer.names or data.listed  # without a list of its own, what the clips themselves say
    model = graph.to_onnx(recognizer, card)
    ours = hear(recognizer, waveforms, names)
    folder = Path(config.output or run)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        folder / "recognizer.onnx": (model, WITHIN, NONE_WITHIN, 1.0, 1.0),
        folder / "recognizer.int8.onnx": (graph.quantise(model), math.inf, math.inf, LEAST_SAME, 0.0),
    }
    parts = {file: file.with_name(f".{file.name}.part") for file in files}
    found = {}
    for file in files:
        file.unlink(missing_ok=True)  # of an earlier export: it would pass for this run's
    try:
        for file, (content, within, none_within, transcripts, rankings) in files.items():
            onnx.save(content, parts[file])
            same = found[file.name] = agreement(ours, hear(Runtime(parts[file]), waveforms, names))
            enough = same.n_same_transcripts >= transcripts * same.n_clips
            enough &= same.n_same_rankings >= rankings * same.n_clips and same.largest_difference <= within
            enough &= same.largest_none <= none_within
            if not enough:
                raise ExportError(f"{file.name} does not hear what {path} hears: {same}; no file was left")
        for file, part in parts.items():
            part.replace(file)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    for file in files:
        print(f"{file}  {file.stat().st_size / 1000:.0f} kB: {found[file.name]}")
    return found


def main() -> None:
    configs.run("export", export)


if __name__ == "__main__":
    main()
