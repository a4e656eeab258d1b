"""Writing a built corpus as tar shards: ``python -m speech.shard``. The layout is in ``shards``."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from speech.common import storage
from speech.data.build import Corpus
from speech.data.datamodule import read_cuts
from speech.data.shards import FIELDS, INDEX, UNREADABLE, Shard, Summary
from speech.data.source import CorpusError
from speech.text.alphabet import Alphabet

_PART = ".part-"  # the prefix of an unfinished shard's folder


def write_shards(
    corpus: Corpus,
    names: Sequence[str] | None,
    alphabet: Alphabet,
    sample_rate: int,
    folder: Path,
    shard_size: int,
    seed: int,
) -> Summary:
    """Write the clips of ``corpus`` in shards of ``shard_size`` under ``folder``, each split in random order.

    Existing shards are kept, so that an interrupted command continues. Raises CorpusError if there are other shards.
    """
    if shard_size < 1:
        raise ValueError(f"shard_size={shard_size}: a shard has at least one clip")
    splits: dict[str, list[Any]] = {}
    for cut in read_cuts(corpus):
        splits.setdefault(cut.custom["split"], []).append(cut)
    rng = np.random.default_rng(seed)
    shards = {}
    for split, cuts in splits.items():
        order = rng.permutation(len(cuts))
        shards[split] = [order[i : i + shard_size] for i in range(0, len(cuts), shard_size)]
    key = f"{corpus.folder.name}-{shard_size}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    with (
        storage.one_writer(folder),
        tqdm(total=sum(map(len, splits.values())), desc="shards", unit=" clips") as progress,
    ):
        for place in folder.glob(f"{_PART}*"):  # left by a killed process
            shutil.rmtree(place, ignore_errors=True)
        for split, some in shards.items():
            for number, clips in enumerate(some):
                if not _is_there(folder, split, number, key):
                    _write_shard(folder, split, number, key, [splits[split][i] for i in clips])
                progress.update(len(clips))
        n_shards = {split: len(some) for split, some in shards.items()}
        listed = None if names is None else list(names)
        summary = Summary(key, listed, alphabet.letters, sample_rate, n_shards, corpus.refused)
        summary.write(folder)
    return summary


def _is_there(folder: Path, split: str, number: int, key: str) -> bool:
    try:
        found = Shard.read(folder, split, number)
    except CorpusError:
        return False
    if found.corpus != key:
        another = f"it contains shards of another corpus, shard_size or seed ({found.corpus}; this is {key})"
        raise CorpusError(f"{folder}: {another}: give another output=")
    return True


def _write_shard(folder: Path, split: str, number: int, key: str, cuts: Sequence[Any]) -> None:
    from lhotse.shar import SharWriter  # takes 1.7 s to import

    (folder / split).mkdir(exist_ok=True)
    (folder / "index").mkdir(exist_ok=True)
    sizes = {}
    with tempfile.TemporaryDirectory(prefix=_PART, dir=folder) as place:
        writer = SharWriter(place, fields={"recording": "flac"}, shard_size=None, shard_suffix=".0")
        try:
            with writer:
                for cut in cuts:
                    writer.write(cut)
        except UNREADABLE as error:
            if (tar := writer.writers["recording"].tar_writer.tarstream) is not None:
                tar.fileobj.closed = True  # otherwise its destructor writes once more, and prints a traceback
            if isinstance(error, OSError) and error.filename is None:
                raise storage.UnwritableError(folder / split, error) from error
            raise CorpusError(f"{folder}/{split}: shard {number} could not be written ({error})") from error
        for field, path in FIELDS.items():
            target = folder / path.format(split=split, number=number)
            written = Path(place) / target.name.replace(f".{number:06d}", ".0")
            with storage.whole(target) as part:
                shutil.copyfile(written, part)
            sizes[field] = target.stat().st_size
            if field == "recording":
                with tarfile.open(written) as tar:  # next to each sound is its manifest
                    sounds = [[one.offset_data, one.size] for one in tar if not one.name.endswith(".json")]
    spoken = [(cut.custom["name"], cut.custom["say"], cut.supervisions[0].language) for cut in cuts]
    kinds = {one: i for i, one in enumerate(dict.fromkeys(spoken))}
    of = [(cut.supervisions[0].speaker, cut.supervisions[0].language) for cut in cuts]
    speakers = {one: i for i, one in enumerate(dict.fromkeys(of))}
    shard = Shard(
        key,
        sizes,
        [cut.id for cut in cuts],
        sounds,
        [cut.recording.num_samples for cut in cuts],
        [cut.custom["weight"] for cut in cuts],
        [list(one) for one in kinds],
        [kinds[one] for one in spoken],
        [list(one) for one in speakers],
        [speakers[one] for one in of],
        [cut.custom.get("rate", 0) for cut in cuts],
    )
    storage.write_json(folder / INDEX.format(split=split, number=number), asdict(shard))
