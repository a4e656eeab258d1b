"""``make bench-monitor``: the cost of monitoring, as the same training with and without it, one JSON object per line.

``python scripts/benchmark_monitor.py [N_PAIRS] [override ...]`` trains ``N_PAIRS`` (3) pairs in alternation, each
training in its own process, with ``make train``'s recipe unless overridden (``experiment=quick``, for a quick look). It
compares ``train_seconds``, from the first step to the end of the last epoch, checkpoints included in both.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from benchlib.figures import show
from benchlib.runs import read_report, train
from benchlib.timing import in_turns, ratio

from speech.config.compose import compose

KEPT = ("best", "last", "stop_early", "interruption")  # callbacks that save or stop, and show nothing


def main() -> None:
    n_pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    given = sys.argv[2:]
    monitors = [str(name) for name in compose("train", []).callbacks if name not in KEPT]
    kinds = {"monitored": given, "plain": [*given, *(f"callbacks.{name}=null" for name in monitors)]}
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        for kind in in_turns(list(kinds), n_pairs):
            pair = len(times[kind]) + 1
            run_dir = Path(folder) / f"{kind}_{pair}"
            train(run_dir, kinds[kind])
            times[kind].append(read_report(run_dir)["train_seconds"])
            show(f"train_seconds ({kind})", times[kind][-1], "s", f"pair {pair} of {n_pairs} {' '.join(given)}")
    slow, fast = np.array(times["monitored"]), np.array(times["plain"])
    than = f"without monitors, {np.median(fast):.1f} s; at most 1.05x"
    show("train_seconds (monitored)", float(np.median(slow)), "s", than, *ratio(slow, fast))


if __name__ == "__main__":
    main()
