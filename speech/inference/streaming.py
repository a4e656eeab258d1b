"""A stream of samples to log-probabilities, as they come: in any blocks those of the whole. numpy only.

A network whose state travels computes some frames at a time; here samples are kept until they fill frames, and what the
network needs of the blocks before is its state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from speech.audio.files import Waveform
from speech.inference.scoring import LogProbs

# Samples ``(1 + n,)`` that begin with the one before, how many of the n count, and the state: what comes of them.
Step = Callable[[Waveform, int, Any], tuple[LogProbs, Any]]


@dataclass(frozen=True)
class Windows:
    """Samples of a feature frame, between frames of log-probabilities, and that the last feature frame of one of these
    shares with the first of the next."""

    window_length: int
    samples_per_frame: int
    overlap: int


class Stream:
    """One stream through a network's ``step``, from ``state`` on."""

    def __init__(self, step: Step, state: Any, windows: Windows) -> None:
        self._step, self._state, self._windows = step, state, windows
        self._samples: Waveform = np.zeros(1, np.float32)  # the one before, and those that fill no frame yet
        self._begun = False

    def feed(self, block: Waveform) -> LogProbs | None:
        """The frames that ``block`` ``(n_samples,)`` completes; None for none."""
        self._samples = np.concatenate([self._samples, block])
        per_frame, overlap = self._windows.samples_per_frame, self._windows.overlap
        n_frames = (len(self._samples) - 1 - overlap) // per_frame
        if n_frames < 1:
            return None
        n_samples = overlap + n_frames * per_frame
        found = self._run(self._samples[: 1 + n_samples], n_samples)
        self._samples = self._samples[n_frames * per_frame :]
        return found

    def finish(self) -> LogProbs | None:
        """The last frame, where the samples that are left make one; a stream shorter than a window has one, too."""
        n_samples = len(self._samples) - 1
        if n_samples < (self._windows.window_length if self._begun else 1):
            return None
        longest = 1 + self._windows.overlap + self._windows.samples_per_frame
        return self._run(np.pad(self._samples, (0, longest - len(self._samples))), n_samples)

    def _run(self, samples: Waveform, n_samples: int) -> LogProbs:
        found, self._state = self._step(samples, n_samples, self._state)
        self._begun = True
        return found


def whole(stream: Stream, waveform: Waveform) -> LogProbs:
    """Of a stream that ``waveform`` ``(n_samples,)``, of one sample or more, is all of."""
    parts = [some for some in (stream.feed(waveform), stream.finish()) if some is not None]
    return LogProbs(*(np.concatenate(some) for some in zip(*(part.outputs for part in parts), strict=True)))
