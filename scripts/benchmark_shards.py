"""``make bench-shards``: training on shards and on the same clips in memory, one JSON object per line.

``python scripts/benchmark_shards.py [N_CLIPS ...]``: a thousand clips are made and written as shards; N_CLIPS
(1 000 000) are the same shards many times, as hard links. The corpora are measured in alternation, each time in a new
process: batches through the loader and through training steps, the peak memory, the time to resume at the end of an
epoch, and whether resuming in mid-epoch gives the same batches. Lhotse's own sampler is timed over some clips of the
largest corpus, since it would read all of them to resume there. About twenty minutes.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchlib.figures import show
from benchlib.timing import in_turns, ratio

from speech.config import compose
from speech.config.objects import instantiate
from speech.data.build import build
from speech.data.datamodule import SpeechData
from speech.data.dataset import Batch
from speech.data.shard_writing import write_shards
from speech.data.shards import FIELDS, INDEX, Summary
from speech.model.recognizer import PARTS, Recognizer
from speech.training.corpora import make_data

N_ROUNDS = 3
N_STEPS = 64  # batches that are timed, after the first: two windows
N_LHOTSE = 10_000  # cuts over which Lhotse's sampler is timed
METRICS = {  # unit and target
    "open_s": ("s", ""),
    "resume_s": ("s", "to the first batch, once it is open; at most 10"),
    "memory_mb": ("MB", "the larger of the two processes; under 1500"),
    "loader_per_s": ("batches of 96 clips a second", "augmented"),
    "training_per_s": ("batches of 96 clips a second", "at least 0.9x of those in memory"),
    "loader_cpu_ms": ("ms", "a batch, of both processes"),
    "training_cpu_ms": ("ms", "a batch, of both processes"),
}
SHARD = 500
IN_MEMORY = "in memory, 1000"
SMALL = ["corpus.n_train=25", "corpus.n_val=1", "corpus.n_test=1", "init=null"]  # per name, of 40 names


def linked(base: Path, folder: Path, n_shards: int) -> None:
    """``n_shards`` training shards as links to the two of ``base``; val is unchanged."""
    one = Summary.read(base)
    for split, n in {"train": n_shards, "val": one.shards["val"]}.items():
        for number in range(n):
            for place in (*FIELDS.values(), INDEX):
                target = folder / place.format(split=split, number=number)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(base / place.format(split=split, number=number % one.shards[split]), target)
    Summary(one.corpus, one.names, one.letters, one.sample_rate, {"train": n_shards, "val": 1}, []).write(folder)


def measure(arguments: list[str]) -> dict[str, Any]:
    """The cost of a training composed from ``arguments``, by the names of METRICS, and a digest of a batch."""
    torch.set_num_threads(1)  # the loader uses the other core
    config = compose.compose("train", arguments)
    recognizer = Recognizer({part: compose.plain(config[part]) for part in PARTS}).train()
    gradients, optimizer = instantiate(config.gradients), instantiate(config.optimizer)(recognizer.parameters())
    begun = time.perf_counter()
    data = make_data(config, recognizer)
    data.n_steps = config.length.n_steps
    found: dict[str, Any] = {"open_s": time.perf_counter() - begun}
    recognizer.frontend.fit_cmvn_prior((b.waveforms, b.n_samples) for b in data.split("train").sample(2, 16))

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        gradients.backward(gradients.forward(recognizer, batch).loss)
        gradients.clip(recognizer.parameters(), config.trainer.gradient_clip_val)
        optimizer.step()

    found["loader_per_s"], found["loader_cpu_ms"], reached = _timed(data, lambda batch: None)
    found["training_per_s"], found["training_cpu_ms"], _ = _timed(data, step)
    _enter(data, N_STEPS + 1)
    found["same_batch"] = _digest(reached) == _digest(next(iter(data.train_dataloader())))
    found["digest"] = _digest(reached)
    _enter(data, len(list(data.sampler())) - 1)
    begun = time.perf_counter()
    next(iter(data.train_dataloader()))
    found["resume_s"] = time.perf_counter() - begun
    own, workers = (resource.getrusage(of).ru_maxrss for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return found | {"memory_mb": max(own, workers) * 1024 / 1e6}


def _enter(data: SpeechData, start: int) -> None:
    data.load_state_dict({"epoch": 0, "start": start, "corpora": data.corpora})


def _digest(batch: Batch) -> str:
    return hashlib.sha256(batch.waveforms.numpy().tobytes() + "".join(batch.ids).encode()).hexdigest()


def _timed(data: SpeechData, use: Callable[[Batch], None]) -> tuple[float, float, Batch]:
    """Batches per second, the CPU time of one batch, and the next batch."""
    loader: Any = data.train_dataloader()
    batches, spent = iter(loader), sum(os.times()[:4])
    use(next(batches))
    begun = time.perf_counter()
    for batch in islice(batches, N_STEPS):
        use(batch)
    per_s, following = N_STEPS / (time.perf_counter() - begun), next(batches)
    n_made = N_STEPS + 2 + loader.num_workers * (loader.prefetch_factor or 0)
    del batches, loader  # its process ends, and its time is counted
    return per_s, 1000 * (sum(os.times()[:4]) - spent) / n_made, following


def lhotse_cuts_per_s(folder: Path) -> float:
    """Cuts per CPU second that Lhotse's bucketing sampler skips when it fast-forwards over ``folder``'s shards."""
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
        print(json.dumps(measure(sys.argv[2:])))
        return
    sizes = [int(given) for given in sys.argv[1:]] or [1_000_000]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        own = [*SMALL, f"cache_dir={place / 'cache'}"]
        config = compose.compose("train", own)
        recognizer = Recognizer({part: compose.plain(config[part]) for part in PARTS})
        source, rate = instantiate(config.corpus), recognizer.sample_rate
        corpus = build(source, recognizer.alphabet, rate, config.cache_dir)
        write_shards(corpus, source.names, recognizer.alphabet, rate, place / "base", SHARD, seed=0)
        corpora = {IN_MEMORY: own}
        for n_clips in sizes:
            folder = place / str(n_clips)
            linked(place / "base", folder, n_clips // SHARD)
            corpora[f"shards, {n_clips}"] = ["corpus=shar", f"corpus.folder={folder}", "init=null"]
        found: dict[str, list[dict[str, Any]]] = {corpus_name: [] for corpus_name in corpora}
        for corpus_name in in_turns(list(corpora), N_ROUNDS):
            command = [sys.executable, __file__, "--measure", *corpora[corpus_name]]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found[corpus_name].append(json.loads(done.stdout.splitlines()[-1]))
        for corpus_name, rounds in found.items():
            for metric, (unit, than) in METRICS.items():
                values = np.array([one[metric] for one in rounds])
                compared: Any = ()
                if metric.endswith(("per_s", "cpu_ms")) and corpus_name != IN_MEMORY:
                    compared = ratio(values, np.array([one[metric] for one in found[IN_MEMORY]]))
                than = f"median of {N_ROUNDS}, {min(values):.4g} to {max(values):.4g}; {than}".removesuffix("; ")
                show(f"{metric} ({corpus_name})", float(np.median(values)), unit, than, *compared)
            same = all(one["same_batch"] for one in rounds) and len({one["digest"] for one in rounds}) == 1
            show(f"same_batches ({corpus_name})", float(same), "", "1: resumed in mid-epoch, the same in each process")
        speed = lhotse_cuts_per_s(folder)
        than = f"at {speed:.0f} cuts a second, measured over {N_LHOTSE}"
        show("lhotse_fast_forward_cpu_s", sizes[-1] / speed, "s", than)


if __name__ == "__main__":
    main()
