"""``python scripts/benchmark_shards.py [N_CLIPS ...]``: training on shards beside the same clips in memory.

A thousand clips are made and written as shards; N_CLIPS (100 000 and 1 000 000) are the same shards many times, as hard
links. Each corpus is measured in a process of its own: clips through the loader and through training steps, the largest
memory, and how long it takes to go on at the end of an epoch. Lhotse's own sampler is timed over the first clips of the
largest, since it would read all of them to go on there. Seconds are of CPU as well, for a machine that is shared.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from benchlib.figures import show

from speech.config import compose
from speech.config.objects import instantiate
from speech.data.build import build
from speech.data.datamodule import SpeechData
from speech.data.shard_writing import write_shards
from speech.data.shards import FIELDS, INDEX, Summary
from speech.model.recognizer import PARTS, Recognizer
from speech.training.corpora import make_data
from speech.training.loss import loss_of

N_STEPS = 48  # batches that are timed, after the first
N_LHOTSE = 2_000  # cuts that Lhotse's sampler is timed with
SHARD = 500
SMALL = ["corpus.n_train=25", "corpus.n_val=1", "corpus.n_test=1", "init=null"]  # of each of 40 names


def linked(base: Path, folder: Path, n_shards: int) -> None:
    """``n_shards`` of training that are the files of the two of ``base``; val as it is."""
    one = Summary.read(base)
    for split, n in {"train": n_shards, "val": one.shards["val"]}.items():
        for number in range(n):
            for place in (*FIELDS.values(), INDEX):
                target = folder / place.format(split=split, number=number)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(base / place.format(split=split, number=number % one.shards[split]), target)
    Summary(one.corpus, one.names, one.letters, one.sample_rate, {"train": n_shards, "val": 1}, []).write(folder)


def measure(arguments: list[str], threads: int) -> dict[str, float]:
    """What a training that is composed of ``arguments`` takes."""
    import torch

    torch.set_num_threads(threads)
    config = compose.compose("train", arguments)
    recognizer = Recognizer({part: compose.plain(config[part]) for part in PARTS})
    begun = time.perf_counter()
    data = make_data(config, recognizer)
    found = {"open_s": time.perf_counter() - begun}
    recognizer.frontend.fit_cmvn_prior((b.waveforms, b.n_samples) for b in data.split("train").sample(2, 16))
    found |= _timed(data, "loader", lambda batch: None)
    found |= _timed(data, "training", lambda batch: loss_of(recognizer, batch).loss.backward())
    n_batches = len(data.split("train").sampler(config.batch_size))
    data.load_state_dict({"epoch": 0, "start": n_batches - 1, "corpora": data.corpora})
    begun = time.perf_counter()
    next(iter(data.train_dataloader()))
    found["resume_s"] = time.perf_counter() - begun
    own, workers = (resource.getrusage(of).ru_maxrss for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return found | {"memory_mb": max(own, workers) / 1024}


def _timed(data: SpeechData, kind: str, use: Any) -> dict[str, float]:
    batches = iter(data.train_dataloader())
    use(next(batches))
    begun, cpu = time.perf_counter(), time.process_time()
    for batch in islice(batches, N_STEPS):
        use(batch)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return {f"{kind}_per_s": N_STEPS / seconds, f"{kind}_cpu_s": cpu / N_STEPS}


def lhotse_cuts_per_s(folder: Path) -> float:
    """Cuts a second of CPU that Lhotse's bucketing sampler passes when it fast-forwards over ``folder``'s shards."""
    from lhotse import CutSet
    from lhotse.dataset.sampling import DynamicBucketingSampler

    cuts = CutSet.from_shar(in_dir=folder / "train", shuffle_shards=True)
    sampler = DynamicBucketingSampler(cuts, max_cuts=96, shuffle=True, num_buckets=8, buffer_size=1_000)
    batches = iter(sampler)
    next(batches)  # which fills its buffer
    cpu, n = time.process_time(), 0
    while n < N_LHOTSE:
        n += len(next(batches))
    return n / (time.process_time() - cpu)


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2:], threads=1)))
        return
    sizes = [int(given) for given in sys.argv[1:]] or [100_000, 1_000_000]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        own = [*SMALL, f"cache_dir={place / 'cache'}"]
        config = compose.compose("train", own)
        recognizer = Recognizer({part: compose.plain(config[part]) for part in PARTS})
        source, rate = instantiate(config.corpus), recognizer.sample_rate
        corpus = build(source, recognizer.alphabet, rate, config.cache_dir)
        write_shards(corpus, source.names, recognizer.alphabet, rate, place / "base", SHARD, seed=0)
        corpora = {"in memory, 1000": own}
        for n_clips in sizes:
            folder = place / str(n_clips)
            linked(place / "base", folder, n_clips // SHARD)
            corpora[f"shards, {n_clips}"] = ["corpus=shar", f"corpus.folder={folder}", "init=null"]
        for corpus_name, arguments in corpora.items():
            command = [sys.executable, __file__, "--measure", *arguments]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            for metric, value in json.loads(done.stdout.splitlines()[-1]).items():
                show(f"{metric} ({corpus_name})", value, "", "")
        speed = lhotse_cuts_per_s(folder)
        show(
            "lhotse_fast_forward_cpu_s",
            sizes[-1] / speed,
            "s",
            f"at {speed:.0f} cuts a second, measured over {N_LHOTSE}",
        )


if __name__ == "__main__":
    main()
