"""``make bench-monitor``: what watching costs, one JSON object a line: the same training with and without the monitor.

``python scripts/benchmark_monitor.py [N_PAIRS] [override ...]`` trains ``N_PAIRS`` (3) pairs, now the one first and now
the other, in a process each: ``make train``'s experiment, unless the overrides say otherwise (``experiment=quick``, for
a look). Compared is the time that the run itself tells, from the first step to the end of the last epoch, checkpoints
included in both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from benchmark import show
from omegaconf import OmegaConf
from paired import ratio

from speech.config.tree import CONF

KEPT = ("best", "last", "stop_early", "interruption")  # callbacks that save and stop, and show nothing
MOST = 1.05


def train_seconds(run_dir: Path, overrides: list[str]) -> float:
    command = [
        sys.executable,
        "-m",
        "speech.train",
        *overrides,
        f"run_dir={run_dir}",
        "+trainer.enable_progress_bar=false",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds: float = json.loads((run_dir / "report.json").read_text(encoding="utf-8"))["train_seconds"]
    return seconds


def main() -> None:
    n_pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    watched = sys.argv[2:] or ["experiment=names"]
    shown = [str(name) for name in OmegaConf.load(CONF / "callbacks" / "default.yaml") if name not in KEPT]
    kinds = {"watched": watched, "unwatched": [*watched, *(f"callbacks.{name}=null" for name in shown)]}
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        for pair in range(n_pairs):
            for kind in list(kinds)[:: 1 if pair % 2 == 0 else -1]:
                times[kind].append(train_seconds(Path(folder) / f"{kind}_{pair}", kinds[kind]))
                show(
                    f"train_seconds ({kind})",
                    times[kind][-1],
                    "s",
                    f"pair {pair + 1} of {n_pairs}: {' '.join(watched)}",
                )
    slow, fast = np.array(times["watched"]), np.array(times["unwatched"])
    than = f"unwatched, {np.median(fast):.1f} s; at most {MOST}x"
    show("train_seconds (watched)", float(np.median(slow)), "s", than, *ratio(slow, fast))


if __name__ == "__main__":
    main()
