"""``python scripts/benchmark_intervals.py``: how often 95 % intervals contain the true value, one JSON object per line.

A simulation: each speaker's probability of a right clip is drawn from a beta distribution (``SPREAD``: the smaller, the
more the speakers differ; None: all are equal), then 20 clips of each; 2 000 such corpora per line. ``wilson`` treats
clips as independent and ``bootstrap`` resamples speakers: ``speech.evaluation.intervals`` has to be better than both.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from benchlib.figures import show

from speech.evaluation.intervals import bootstrap, proportion, wilson

N_CORPORA, N_TAKES = 2_000, 20
SPEAKERS, MEANS, SPREAD = (2, 6, 12, 30, 60), (0.8, 0.95), (None, 20.0, 5.0)
INTERVALS: dict[str, Callable[..., tuple[float, float]]] = {
    "proportion": proportion,
    "wilson": lambda hits, speakers: wilson(hits.sum(), len(hits)),
    "bootstrap": lambda hits, speakers: bootstrap(hits, np.ones(len(hits)), speakers),
}


def main() -> None:
    rng = np.random.default_rng(0)
    for n_speakers in SPEAKERS:
        speakers = [str(i // N_TAKES) for i in range(n_speakers * N_TAKES)]
        for mean in MEANS:
            for spread in SPREAD:
                ease = np.full((N_CORPORA, n_speakers), mean)
                if spread:
                    ease = rng.beta(mean * spread, (1 - mean) * spread, ease.shape)
                hits = rng.random((N_CORPORA, n_speakers, N_TAKES)) < ease[..., None]
                for name, interval in INTERVALS.items():
                    n = N_CORPORA // 10 if name == "bootstrap" else N_CORPORA  # each itself draws a thousand times
                    ends = np.array([interval(one.ravel(), speakers) for one in hits[:n]])
                    held = float(((ends[:, 0] <= mean) & (mean <= ends[:, 1])).mean())
                    width = float((ends[:, 1] - ends[:, 0]).mean())
                    than = f"{n_speakers} speakers, mean {mean}, spread {spread}; mean width {width:.3f}"
                    show(f"coverage_{name}", held, "", than)


if __name__ == "__main__":
    main()
