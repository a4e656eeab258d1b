"""How likely a recogniser takes one name for another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from speech.audio.files import Waveform
from speech.inference.transcriber import Transcriber


def confusion(
    recognizer: Transcriber, names: Sequence[str], clips: Iterable[tuple[int, Waveform]]
) -> NDArray[np.float64]:
    """``[i, j]``: the mean probability of name j where name i is said and the choice is between the two.

    ``clips`` are end-pointed waveforms, each with the index of the name that it says. A pair neither of which fits has
    0.5; so has a name without a clip.
    """
    entries = list(recognizer.lexicon(names).values())
    total, n_clips = np.zeros((len(names), len(names))), np.zeros(len(names))
    for i, waveform in clips:
        scores = recognizer.scores(recognizer.log_probs(waveform), entries)
        with np.errstate(invalid="ignore", over="ignore"):
            # p(j) / (p(i) + p(j)), of log-probabilities
            total[i] += np.nan_to_num(1 / (1 + np.exp(scores[i] - scores)), nan=0.5)
        n_clips[i] += 1
    return np.where(n_clips[:, None] > 0, total / np.maximum(n_clips, 1)[:, None], 0.5)
