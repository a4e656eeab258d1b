"""A stream of samples to log-probabilities, as they come: in any blocks those of the whole, to the bit. numpy only.

A network whose state travels computes N_FIRST frames of a stream, then N_FRAMES at a time, and what is left at its end:
as many in another block would be rounded otherwise, and a recurrent network carries that on. Samples are kept until
they fill a step; what the network needs of the steps before is its state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speech.audio.files import Waveform
from speech.inference.scoring import LogProbs

N_FIRST = 16  # of the first step: 0.48 s with the finder that ships, of which more is there when somebody speaks
N_FRAMES = 4  # of a step: 0.12 s with the finder that ships, whose step of one frame takes four fifths of the time

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
        self._samples: Waveform = np.zeros(1, np.float32)  # the one before, and those that fill no step yet
        self._begun = False

    @property
    def n_needed(self) -> int:
        """Samples from which on the next block completes frames."""
        return 1 + self._windows.overlap + self._hop - len(self._samples)

    @property
    def _hop(self) -> int:
        """Samples from this step to the next."""
        return (N_FRAMES if self._begun else N_FIRST) * self._windows.samples_per_frame

    def feed(self, block: Waveform) -> LogProbs | None:
        """The frames that ``block`` ``(n_samples,)`` completes; None for none."""
        self._samples = np.concatenate([self._samples, block])
        found = []
        while self.n_needed <= 0:
            hop = self._hop
            n_samples = self._windows.overlap + hop
            found.append(self._run(self._samples[: 1 + n_samples], n_samples))
            self._samples = self._samples[hop:]
        return joined(found) if found else None

    def finish(self, tail: Waveform | None = None) -> LogProbs | None:
        """The last frames, where the samples that are left and a ``tail`` make some; a stream shorter than a window has
        one, too."""
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
    """``parts`` of a stream, one after the other."""
    return LogProbs(*(np.concatenate(some) for some in zip(*(part.outputs for part in parts), strict=True)))


def whole(stream: Stream, waveform: Waveform) -> LogProbs:
    """Of a stream that ``waveform`` ``(n_samples,)``, of one sample or more, is all of."""
    return joined([some for some in (stream.feed(waveform), stream.finish()) if some is not None])
