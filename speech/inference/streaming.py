"""A stream of samples to log-probabilities, as they come: in any blocks those of the whole, to the bit. numpy only.

A network whose state travels computes N_FRAMES at a time, counted from the stream's beginning: as many in another block
would be rounded otherwise, and a recurrent network carries that on. Samples are kept until they fill a step; what the
network needs of the steps before is its state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speech.audio.files import Waveform
from speech.inference.scoring import LogProbs

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
        """Samples from one step to the next."""
        return N_FRAMES * self._windows.samples_per_frame

    def feed(self, block: Waveform) -> LogProbs | None:
        """The frames that ``block`` ``(n_samples,)`` completes; None for none."""
        self._samples = np.concatenate([self._samples, block])
        n_samples, hop = self._windows.overlap + self._hop, self._hop
        begins = range(0, len(self._samples) - n_samples, hop)
        found = [self._run(self._samples[begin : begin + 1 + n_samples], n_samples) for begin in begins]
        self._samples = self._samples[len(begins) * hop :]
        return joined(found) if found else None

    def finish(self) -> LogProbs | None:
        """The last frames, where the samples that are left make some; a stream shorter than a window has one, too."""
        n_samples = len(self._samples) - 1
        if n_samples < (self._windows.window_length if self._begun else 1):
            return None
        return self._run(np.pad(self._samples, (0, self.n_needed)), n_samples)

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
