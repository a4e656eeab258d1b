"""The corpora of a run: built or found in the cache, as batches for a recogniser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from speech.data.datamodule import SpeechData
    from speech.model.recognizer import Recognizer
from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import tree as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from speech.data.build import Corpus
    from speech.data.datamodule import SpeechData
    from speech.model.recognizer import Recognizer


def _earlier_corpora(trained: DictConfig) -> list[Corpus]:
    """Those of the runs that an enrolled one started from; none where one of them is gone, and its run or corpus."""
    from speech.training import finetune

    try:
        found = [finetune.corpus_of(folder) for folder, _ in finetune.earlier_runs(trained.init)]
    except (OSError, ValueError):  # moved, deleted, or half written
        return []
    there = [corpus for corpus in found if corpus]
    return there if len(there) == len(found) else []


def test_data(run: Path, trained: DictConfig, recognizer: Recognizer) -> SpeechData:
    """The run's test clips, from its corpus where that still lies, else from one that is made anew; of an enrolled run
    those of the earlier corpora too, as long as these are there. Raises ValueError where they are damaged.
    """
    from hydra.utils import instantiate

    from speech.data.datamodule import SpeechData
    from speech.data.replay import ReplayedData
    from speech.page.clips import UNREADABLE
    from speech.training import finetune

    earlier = _earlier_corpora(trained) if trained.get("replay") else []
    replay = instantiate(trained.replay) if earlier else None
    corpus = finetune.corpus_of(run)
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


N_REASONS = 5  # of refused clips, and of low_quality ones, that are shown


def _first(some: Sequence[object]) -> list[str]:
    """The first N_REASONS of ``some``, a line each, and how many more there are."""
    more = [f"... and {len(some) - N_REASONS} more"] if len(some) > N_REASONS else []
    return [*map(str, some[:N_REASONS]), *more]


def make_data(config: DictConfig, recognizer: Recognizer) -> SpeechData:
    """The corpus that ``config`` describes, built or found in the cache, as batches for ``recognizer``."""
    from hydra.utils import instantiate

    from speech.data.build import build
    from speech.data.datamodule import SpeechData
    from speech.data.replay import ReplayedData
    from speech.training import finetune

    source, augment = instantiate(config.corpus), instantiate(config.get("augment"))  # before clips are made
    corpus = build(source, recognizer.alphabet, recognizer.sample_rate, config.cache_dir)
    if corpus.low_quality:
        print(f"{len(corpus.low_quality)} recordings are taken as they are, though their level spoils them:")
        print("\n".join(f"  {line}" for line in _first(corpus.low_quality)))
    arguments = (
        corpus,
        recognizer.alphabet,
        recognizer.sample_rate,
        recognizer.n_frames,
        config.batch_size,
        augment,
        config.seed,
        source.names,
        recognizer.inventory,
    )
    replay = instantiate(config.get("replay"))
    if replay is None:
        data = SpeechData(*arguments)
        if config.get("init"):  # a few recordings have none to spare
            data.validate_on_something()
        return data
    if not config.init:
        raise configs.ConfigError("replay is of what another recogniser was trained on: give init=RUN_DIR as well")
    return ReplayedData(*arguments, replay, finetune.earlier_corpora(config.init, recognizer))


def names_to_rank(recognizer: Recognizer, data: SpeechData) -> list[str]:
    """The names that a clip of ``data`` is looked for among: those of its list, and of the recogniser's own."""
    return list({recognizer.alphabet.fold(name): name for name in [*data.listed, *recognizer.names]}.values())
