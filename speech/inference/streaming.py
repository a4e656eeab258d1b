"""Log-probabilities of a stream of samples, as they come: in any blocks bitwise those of the whole. numpy only.

A network that passes its state on computes N_FIRST frames of a stream, then N_FRAMES at a time, and what is left at its
end. The steps are fixed, since steps of other sizes would round differently, and a recurrent network carries that on.
Samples are kept until they fill a step; the state holds all that the network needs of earlier steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speech.audio.files import Waveform
from speech.inference.scoring import LogProbs

N_FIRST = 16  # frames of the first step: 0.48 s with the finder that ships; more is held once speech is found
N_FRAMES = 4  # frames of a step: 0.12 s with the finder that ships, where a step of one frame takes 4/5 of the time

# Takes samples ``(1 + n,)``, the first of which is the previous one, how many of the n are valid, and the state. Gives
# the log-probabilities and the next state.
Step = Callable[[Waveform, int, Any], tuple[LogProbs, Any]]


@dataclass(frozen=True)
class Windows:
    """Numbers of samples: of a feature frame, from one frame of log-probabilities to the next, and of the overlap
    between the last feature frame of one of these and the first feature frame of the next."""

    window_length: int
    samples_per_frame: int
    overlap: int


class Stream:
    """One stream through a network's ``step``, beginning with ``state``."""

    def __init__(self, step: Step, state: Any, windows: Windows) -> None:
        self._step, self._state, self._windows = step, state, windows
        self._samples: Waveform = np.zeros(1, np.float32)  # the previous one, and those that do not yet fill a step
        self._begun = False

    @property
    def n_needed(self) -> int:
        """How many more samples complete the next frames."""
        return 1 + self._windows.overlap + self._hop - len(self._samples)

    @property
    def _hop(self) -> int:
        """Samples from this step to the next."""
        return (N_FRAMES if self._begun else N_FIRST) * self._windows.samples_per_frame

    def feed(self, block: Waveform) -> LogProbs | None:
        """The frames that ``block`` ``(n_samples,)`` completes; None if there are none."""
        self._samples = np.concatenate([self._samples, block])
        found = []
        while self.n_needed <= 0:
            hop = self._hop
            n_samples = self._windows.overlap + hop
            found.append(self._run(self._samples[: 1 + n_samples], n_samples))
            self._samples = self._samples[hop:]
        return joined(found) if found else None

    def finish(self, tail: Waveform | None = None) -> LogProbs | None:
        """The last frames, if the remaining samples and a ``tail`` make any; a stream shorter than a window has one
        frame, too."""
        if tail is not None:
            self._samples = np.concatenate([self._samples, tail])
        n_samples, windows = len(self._samples) - 1, self._windows
        if n_samples < (windows.window_length if self._begun else 1):
            return None
        n_frames = max(1, -(-(n_samples - windows.overlap) // windows.samples_per_frame))
        whole = 1 + windows.overlap + n_frames * windows.samples_per_frame
        return self._run(np.pad(self._samples, (0, whole - len(self._samples))), n_samples)

    def _run(self, samples: Waveform, n_samples: int) -> LogProbs:
        found, self._state = self._step(samples, n_samples, self._state)
        self._begun = True
        return found


def joined(parts: Sequence[LogProbs]) -> LogProbs:
    """``parts`` of a stream, concatenated."""
    return LogProbs(*(np.concatenate(some) for some in zip(*(part.outputs for part in parts), strict=True)))


def whole(stream: Stream, waveform: Waveform) -> LogProbs:
    """The log-probabilities of a ``stream`` that consists of ``waveform`` ``(n_samples,)``, of one sample or more."""
    return joined([some for some in (stream.feed(waveform), stream.finish()) if some is not None])
