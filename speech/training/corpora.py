"""The corpora of a run: built or found in the cache, as batches for a recogniser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech.common import processes
from speech.common.counting import counted
from speech.config.objects import instantiate
from speech.config.tree import Config, ConfigError
from speech.data.build import Corpus, build
from speech.data.datamodule import DataSettings, SpeechData
from speech.data.replay import ReplayedData
from speech.data.shards import Shar
from speech.data.source import CorpusError
from speech.evaluation.lists import deal
from speech.model.recognizer import Recognizer
from speech.training import finetune

N_REASONS = 5  # the most reasons printed for refused clips, and for low-quality ones


def _earlier_corpora(trained: Config) -> list[Corpus]:
    """The corpora of the runs that a run was fine-tuned from; none if one of these runs or corpora is gone."""
    try:
        found = [finetune.corpus_of(folder) for folder, _ in finetune.earlier_runs(trained.init)]
    except (OSError, ValueError):  # moved, deleted, or half written
        return []
    there = [corpus for corpus in found if corpus]
    return there if len(there) == len(found) else []


def test_data(run: Path, trained: Config, recognizer: Recognizer) -> SpeechData:
    """The test clips of the run in folder ``run``: from its corpus if that still exists, otherwise rebuilt.

    For a fine-tuned run they include clips of the earlier corpora, as long as these exist.
    Raises CorpusError if the clips are damaged.
    """
    earlier = _earlier_corpora(trained) if trained.get("replay") else []
    replay = instantiate(trained.replay) if earlier else None
    corpus = finetune.corpus_of(run)
    if corpus is None:
        if replay is None:
            trained.replay = None
        return make_data(trained, recognizer)
    of = (recognizer.alphabet, recognizer.sample_rate, recognizer.n_frames)
    settings = DataSettings(*of, trained.batch_size, trained.seed, names=recognizer.names)
    return SpeechData(corpus, settings) if replay is None else ReplayedData(corpus, settings, replay, earlier)


def _first(some: Sequence[object]) -> list[str]:
    """The first ``N_REASONS`` of ``some``, one per line, and how many more there are."""
    more = [f"... and {len(some) - N_REASONS} more"] if len(some) > N_REASONS else []
    return [*map(str, some[:N_REASONS]), *more]


def made(source: Any, recognizer: Recognizer, cache_dir: str) -> Corpus | Shar:
    """The corpus of ``source``, built or found in the cache; shards exist already."""
    if isinstance(source, Shar):
        source.check(recognizer.alphabet.letters, recognizer.sample_rate)
        return source
    return build(source, recognizer.alphabet, recognizer.sample_rate, cache_dir, processes.cores())


def make_data(config: Config, recognizer: Recognizer) -> SpeechData:
    """The corpus that ``config`` describes, built or found in the cache, as batches for ``recognizer``."""
    source, augment = instantiate(config.corpus), instantiate(config.get("augment"))  # before clips are made
    corpus = made(source, recognizer, config.cache_dir)
    if isinstance(corpus, Corpus) and corpus.low_quality:
        print(f"used despite low quality: {counted(len(corpus.low_quality), 'recording')}:")
        print("\n".join(f"  {line}" for line in _first(corpus.low_quality)))
    concatenate, replay = instantiate(config.get("concatenate")), instantiate(config.get("replay"))
    settings = DataSettings(
        recognizer.alphabet,
        recognizer.sample_rate,
        recognizer.n_frames,
        config.batch_size,
        config.seed,
        recognizer.inventory,
        source.names,
        augment,
        concatenate,
    )
    if replay is None:
        data = SpeechData(corpus, settings)
        if config.get("init"):  # a few recordings have none to spare for validation
            data.validate_on_something()
        return data
    if not config.init:
        raise ConfigError("replay mixes in clips that another recogniser was trained on: give init=RUN_DIR as well")
    if concatenate is not None:
        raise ConfigError("replay and concatenate both define the contents of a batch: set one of them to null")
    if isinstance(corpus, Shar):
        raise ConfigError(
            "replay keeps clips in memory; with shards, mix both corpora: replay=null 'corpus.folder=[NEW,OLD]' "
            "'corpus.weights=[1,1]'"
        )
    return ReplayedData(corpus, settings, replay, finetune.earlier_corpora(config.init, recognizer, config.cache_dir))


def lists_to_rank(data: SpeechData, own: Sequence[str]) -> list[list[str]]:
    """The lists in which clips of ``data`` are ranked: the list given with its corpus, or the lists from ``deal``.

    ``own`` are further names: the recogniser's.
    """
    names = list({data.settings.alphabet.fold(name): name for name in [*data.listed, *own]}.values())
    return [names] if data.settings.names else deal(names)


def check_names(data: SpeechData) -> None:
    """Print the first reasons for refusals. Raises CorpusError for names of the list that no clip contains."""
    reasons = _first([f"refused: {one}" for one in data.refused])
    texts = {text for dataset in data.datasets.values() for text in dataset.named()}
    if missing := [name for name in data.names if data.settings.alphabet.fold(name) not in texts]:
        way_out = "leave it out of the list, or give another way to say it ({text: Siobhan, say: [shivawn]})"
        raise CorpusError("\n".join([f"no clip says {', '.join(missing)}: {way_out}", *reasons]))
    print("\n".join(reasons), end="\n" if reasons else "")
