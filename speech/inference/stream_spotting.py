"""Keyword spotting while somebody speaks: a small streaming recogniser finds candidates, the recogniser confirms them.
numpy only.

Method: ``spotting``'s token passing over the log-probabilities of a streaming recogniser, with its state kept between
blocks. A candidate waits HOLD_S for a longer one that contains it. Its span is recognised by itself, and its score is
the mean of both networks' likelihood ratios, since the networks err on different words. Only the parts of a long stream
in which somebody may speak are processed: most of what a microphone records is not speech.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from speech.audio.files import Waveform
from speech.inference.spotting import Candidate, Spotted, Spotter, decided
from speech.inference.transcriber import Transcriber

HOLD_S = 0.3
TAIL_S = 0.3  # of silence after a stream's end: the last symbols are recognised a little after they are said
KEPT_S = 6.0  # of the stream: a candidate begins as far back as its name is long


class StreamSpotter:
    """Finds the names of ``spotter``'s list in a stream, with the streaming recogniser ``finder``.

    It is fed the stream from sample ``start`` on. Both networks have the same phones and sample rate.
    """

    def __init__(self, spotter: Spotter, finder: Transcriber, start: int) -> None:
        self._spotter, self._finder = spotter, finder
        self._least = spotter.threshold(finder)
        self._search = spotter.search(HOLD_S, finder)
        self.begin(start)

    def begin(self, start: int) -> None:
        """Begin afresh at sample ``start``; call ``finish`` first for the names before it."""
        self._start = start
        self._stream = self._finder.stream()
        self._search.begin()
        self._kept: deque[Waveform] = deque()
        self._n_kept = self._n_samples = 0

    @property
    def stop(self) -> int:
        """The sample of the stream after the last one that was fed."""
        return self._start + self._n_samples

    @property
    def n_needed(self) -> int:
        """How many more samples complete the next frames; a shorter block is only stored."""
        return self._stream.n_needed

    def feed(self, block: Waveform) -> list[Spotted]:
        """The names that ``block`` ``(n_samples,)`` confirms, by time."""
        return self._confirmed(self.scored(block))

    def finish(self) -> list[Spotted]:
        """The names that the end of the stream confirms."""
        return self._confirmed(self.last_scored())

    def scored(self, block: Waveform) -> list[tuple[float, Spotted]]:
        """The candidates for which both networks give the same name, confirmed or not, each with the mean of both
        networks' scores."""
        self._kept.append(block)
        self._n_kept += len(block)
        self._n_samples += len(block)
        while self._n_kept - len(self._kept[0]) > KEPT_S * self._finder.sample_rate:
            self._n_kept -= len(self._kept.popleft())
        found = self._stream.feed(block)
        return [] if found is None else list(self._recognised(self._search.feed(found)))

    def last_scored(self) -> list[tuple[float, Spotted]]:
        """As ``scored``, for the candidates that the end of the stream settles."""
        tail = np.zeros(round(TAIL_S * self._finder.sample_rate), np.float32)
        found = self._stream.finish(tail)
        last = [] if found is None else self._search.feed(found)
        return list(self._recognised([*last, *self._search.finish()]))

    def _recognised(self, candidates: Sequence[Candidate]) -> Iterator[tuple[float, Spotted]]:
        rate, frame_s = self._finder.sample_rate, self._finder.frame_s
        frame = round(rate * frame_s)
        begin = self._n_samples - self._n_kept
        first = -(-begin // frame)  # the first frame that is kept whole
        if not candidates:
            return
        waveform = np.concatenate([*self._kept])[first * frame - begin :]
        for one in candidates:
            here = one._replace(first=one.first - first, last=one.last - first)
            score, spotted = self._spotter.recognised(here, waveform, self._start / rate + first * frame_s)
            if spotted.transcript.names[0][0] == self._spotter.names[one.text]:
                yield (score + one.ratio) / 2, decided(spotted)

    def _confirmed(self, scored: Sequence[tuple[float, Spotted]]) -> list[Spotted]:
        return [one for score, one in scored if score >= self._least]
