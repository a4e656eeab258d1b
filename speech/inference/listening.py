"""Listening: a stream of sound to events, while somebody speaks and as soon as a name is over.

Method: an ``Endpointer`` finds where somebody speaks, and the recogniser hears each segment as it would hear it in a
file: a recording's names are those of ``Transcriber.transcribe``. A name is told of after a short pause already, where
it is accepted. Inside of a segment that is no name, or several, a ``Spotter`` looks for them or, where the recogniser
has a finder, a ``StreamSpotter``, while somebody speaks; it rests in between. What was heard before changes nothing;
what is held is the end-pointer's window, and the end of a segment that was cut for want of a pause.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speech.audio.endpointing import GAP_S, MARGIN_S, Endpointer, Segment
from speech.audio.files import Waveform
from speech.audio.limits import AudioError
from speech.audio.streams import Block, Fault, File
from speech.common.counting import counted
from speech.common.escape import printable
from speech.inference.scoring import Entry, LogProbs
from speech.inference.spotting import Spotted, Spotter
from speech.inference.stream_spotting import StreamSpotter
from speech.inference.transcriber import Transcriber, Transcript

LETTERS_EVERY_S = 0.3  # of the stream
PAUSE_S = 0.1  # after which a name is told of at once, if one was said
LONGEST_S = 1.6  # of a name that is told of before its segment is over
BEFORE_S = 1.5  # of a segment that was cut: a name may go on in the next
PIECE_S = 0.02  # in which a stream is heard, whatever blocks it comes in
N_SEGMENTS = 8  # the last ones, which a name may lie in that is told of once they are over
LEAD_S = 0.5  # of the stream before somebody speaks, in which names are looked for, too, as in GAP_S after it
REST_S = 0.3  # after which nobody speaks any more, where what seemed to be speech was none: it may be some again
WAIT_S = 0.34  # after the end of such a name: after a pause it is heard as one that is said alone


@dataclass(frozen=True)
class Letters:
    """What was heard so far of a name that is not over, at ``time_s`` of the stream."""

    time_s: float
    letters: str

    def to_json(self) -> str:
        return json.dumps({"event": "letters", "time_s": round(self.time_s, 3), "letters": self.letters})

    def to_text(self) -> str:
        return f"{self.time_s:8.2f} s  {self.letters} ..."


@dataclass(frozen=True)
class Heard:
    """A segment and its transcript. ``latency_s`` from the end of the speech to this event: what of the stream was fed
    before it was known, and the time of the recogniser."""

    start_s: float
    end_s: float
    latency_s: float
    transcript: Transcript

    def to_json(self) -> str:
        found = self.transcript
        name, probability = found.names[0] if found.names else (None, None)
        times = {"start_s": self.start_s, "end_s": self.end_s, "latency_s": self.latency_s}
        verdict = {"accepted": found.accepted, "unsure": found.unsure, "out_of_list": found.out_of_list}
        heard = {"name": name, "probability": probability, **verdict, "letters": found.letters, "phones": found.phones}
        return json.dumps({"event": "name", **heard} | {key: round(value, 3) for key, value in times.items()})

    def to_text(self) -> str:
        found = self.transcript
        late = f"{1000 * self.latency_s:.0f} ms late"
        when = f"{self.start_s:8.2f}-{self.end_s:.2f} s"
        return printable(f"{when}  {found.letters or '-':<14} {found.verdict(1)}  ({late})")


@dataclass(frozen=True)
class Listed:
    """From here on in the stream the names of ``lexicon`` are listened for."""

    lexicon: Mapping[str, Entry]

    def to_json(self) -> str:
        return json.dumps({"event": "list", "names": list(self.lexicon)})

    def to_text(self) -> str:
        return f"another list: {counted(len(self.lexicon), 'name')}"


Event = Letters | Heard | Listed | Fault


class _Hearing:
    """What the ``transcriber`` hears in the segments of one stream, one after the other."""

    def __init__(
        self, transcriber: Transcriber, lexicon: Mapping[str, Entry], false_alarms_per_hour: float | None
    ) -> None:
        self._transcriber, self._false_alarms_per_hour = transcriber, false_alarms_per_hour
        self._rate = transcriber.sample_rate
        self._margin, self._pause = round(MARGIN_S * self._rate), round(PAUSE_S * self._rate)
        self._lead, self._trail, self._until_rest = (round(s * self._rate) for s in (LEAD_S, GAP_S, REST_S))
        self.told = -self._rate  # sample of the stream up to which names were told of
        self.listen_for(lexicon)
        self._before: Waveform = np.zeros(0, np.float32)  # the end of the segment before
        self._before_stop = 0
        self._segments: deque[tuple[int, int]] = deque(maxlen=N_SEGMENTS)

    def listen_for(self, lexicon: Mapping[str, Entry]) -> None:
        """For the names of ``lexicon`` in what is being said, too, as far as none was told of."""
        per_hour, finder = self._false_alarms_per_hour, self._transcriber.finder
        self._lexicon, self._beginnings = lexicon, _beginnings(lexicon)
        self._spotter = None if per_hour is None else Spotter(self._transcriber, lexicon, per_hour)
        self._stream = StreamSpotter(self._spotter, finder, max(self.told, 0)) if self._spotter and finder else None
        self._found: list[Spotted] = []  # by the stream's spotter, and not told of yet
        self._rests = True  # the stream's spotter, while nobody speaks
        self._last: tuple[tuple[int, int], Spotted, LogProbs] | None = None  # the last span that was recognised

    def follow(self, endpointer: Endpointer, segments: Sequence[Segment], is_over: bool) -> None:
        """Look for names inside of what somebody says, as far as ``endpointer`` has heard the stream, or all of it.

        ``segments`` are those that it has just found.
        """
        if self._stream is None:
            return
        now = endpointer.n_samples
        for one in segments:
            first, stop = one.start - self._margin, min(now, one.stop + self._margin)
            if one.over and stop > self._stream.stop:  # a threshold that changed has found it late
                begin = self._resumed(first, first)
                self._found += self._stream.feed(one.waveform[begin - first : stop - first])
        if endpointer.sounding is not None:
            start, stop = endpointer.sounding
            stop = min(now, stop + self._trail)
            if stop >= self._stream.stop + self._stream.n_needed:
                begin = self._resumed(start - self._lead, endpointer.held_since)
                self._found += self._stream.feed(endpointer.audio(begin, stop))
        elif is_over or segments or now >= self._stream.stop + self._until_rest:
            self._rest()

    def _resumed(self, start: int, held_since: int) -> int:
        """The sample from which names are looked for: to which that was done or, after a rest, ``start``.

        The stream before ``held_since`` is held no more.
        """
        assert self._stream
        if held_since > self._stream.stop:
            self._rest()
        if self._rests:
            self._stream.begin(max(start, held_since, self._stream.stop))
            self._rests = False
        return self._stream.stop

    def _rest(self) -> None:
        """Nobody speaks: what may still be a name will be no longer one."""
        if self._stream and not self._rests:
            self._found += self._stream.finish()
            self._rests = True

    def running(self, now_s: float, since: int | None) -> Iterator[Spotted]:
        """The names in running speech that have waited at ``now_s`` of the stream; longer where one goes on so.

        Somebody has to speak there, in a segment or from sample ``since`` on: noise alone has names, too.
        """
        for one in self._untold():
            begins = one.transcript.names[0][0] in self._beginnings
            if one not in self._untold() or one.end_s + WAIT_S + begins * GAP_S > now_s:
                continue
            if self._is_spoken(one, since):
                self.told = round(one.end_s * self._rate)
                yield one
            elif one.end_s + 2 * GAP_S < now_s:  # a segment would be known by now
                self._found.remove(one)

    def _is_spoken(self, one: Spotted, since: int | None) -> bool:
        spans = [*self._segments, *([] if since is None else [(since, math.inf)])]
        return any(start < one.end_s * self._rate and one.start_s * self._rate < stop for start, stop in spans)

    def _untold(self) -> list[Spotted]:
        self._found = [one for one in self._found if one.start_s >= self.told / self._rate - MARGIN_S]
        return self._found

    def names(self, segment: Segment) -> list[Spotted]:
        """The names in ``segment`` that were not told of yet; one in which there is none is told of as a whole."""
        untold = [(max(start, self.told), stop) for start, stop in segment.parts if stop > self.told + self._pause]
        if not untold:
            found = []
        elif segment.over:
            found = self._at_end(segment, untold[0][0])
        else:
            found = self._at_pause(segment, untold)
        if segment.over:
            self._before, self._before_stop = segment.waveform[-round(BEFORE_S * self._rate) :], segment.stop
            self._segments.append((segment.start, segment.stop))
        names = [one for one in found if one.transcript.accepted is not False]  # in what is none there may be one
        if names:
            self.told = round(names[-1].end_s * self._rate)
        return found

    def _at_pause(self, segment: Segment, parts: Sequence[tuple[int, int]]) -> list[Spotted]:
        """What was said in ``parts``, or in the last of them, where that is a name that no longer one begins with."""
        begin, last = parts[0][0], parts[-1][0]
        # Words of running speech are accepted too often: there the spotter has to confirm the last part.
        for start in [begin] if begin == last or self._spotter is None else [begin, last]:
            if segment.stop - start <= LONGEST_S * self._rate:
                whole, log_probs = self._whole(segment, start)
                if not whole.transcript.accepted or (name := whole.transcript.names[0][0]) in self._beginnings:
                    continue
                if start == begin:
                    return [whole]
                if self._spotter and self._spotter.confirms(log_probs, name):
                    return [*self._inside(segment, begin, parts[-2][1]), whole]
        return []

    def _at_end(self, segment: Segment, start: int) -> list[Spotted]:
        """The names inside from sample ``start`` on, where that is not one as a whole; else the whole."""
        whole, log_probs = self._whole(segment, start)
        inside = self._inside(segment, start, segment.stop, log_probs)
        if len(inside) > 1 or (inside and whole.transcript.accepted is False):
            return inside
        return [whole] if start == segment.start or whole.transcript.accepted else []

    def _inside(self, segment: Segment, start: int, stop: int, log_probs: LogProbs | None = None) -> list[Spotted]:
        """The names that are spotted from sample ``start`` to ``stop``, of which ``log_probs`` are."""
        if self._spotter is None:
            return []
        if self._stream:
            first_s, last_s = (start - self._margin) / self._rate, (stop + self._margin) / self._rate
            return [one for one in self._untold() if one.start_s >= first_s and one.end_s <= last_s]
        waveform = self._span(segment, start, stop)
        overlap = self._before_stop + 2 * self._margin - start
        joined = 0 <= overlap <= len(self._before)
        if joined:  # it was cut off from the segment before, where a name may begin
            waveform = np.concatenate([self._before[: len(self._before) - overlap], waveform])
        if log_probs is None or joined:
            log_probs = self._transcriber.log_probs(waveform)
        begin = stop + self._margin - len(waveform)
        found = self._spotter.spot(waveform, log_probs, begin / self._rate)
        after = max(self.told / self._rate, 0.0), self._before_stop / self._rate
        return [one for one in found if one.start_s >= after[0] - MARGIN_S and one.end_s > after[1]]

    def _span(self, segment: Segment, start: int, stop: int) -> Waveform:
        """Samples ``start`` to ``stop`` of the stream, of those of ``segment``, with the margin around them."""
        return segment.waveform[start - segment.start : stop - segment.start + 2 * self._margin]

    def _whole(self, segment: Segment, start: int) -> tuple[Spotted, LogProbs]:
        """What was said from sample ``start`` to the end of ``segment``, which at its pause was the same, mostly."""
        span = start, segment.stop
        if self._last is None or self._last[0] != span:
            log_probs = self._transcriber.log_probs(self._span(segment, *span))
            transcript = self._transcriber.transcript(log_probs, (start - self._margin) / self._rate, self._lexicon)
            whole = Spotted(start / self._rate, segment.stop / self._rate, transcript)
            self._last = span, whole, log_probs
        return self._last[1:]


def _beginnings(lexicon: Mapping[str, Entry]) -> set[str]:
    """The names that another, longer one begins with, by letters."""
    spelt = sorted((entry.letters.symbols[0], name) for name, entry in lexicon.items())
    return {
        name
        for (letters, name), (following, _) in itertools.pairwise(spelt)
        if len(following) > len(letters) and following[: len(letters)] == letters
    }


def listen(
    transcriber: Transcriber,
    blocks: Iterable[Block | Listed],
    lexicon: Mapping[str, Entry],
    letters: bool,
    false_alarms_per_hour: float | None,
) -> Iterator[Event]:
    """The events of a stream of ``blocks`` at the transcriber's rate. ``letters`` gives those of names not over.

    With ``false_alarms_per_hour`` of each name, names inside of running speech are looked for; with None, segments
    between pauses alone are names. What is ``Listed`` between blocks takes the place of ``lexicon``.
    """
    rate = transcriber.sample_rate
    hearing = _Hearing(transcriber, lexicon, false_alarms_per_hour)
    endpointer, shown_at, shown = Endpointer(rate, PAUSE_S), 0.0, ""
    for block in itertools.chain(_cut(blocks, round(PIECE_S * rate)), [None]):
        if isinstance(block, Listed):
            hearing.listen_for(block.lexicon)
        if isinstance(block, Fault | Listed):
            yield block
            continue
        start = time.perf_counter()
        segments = endpointer.finish() if block is None else endpointer.feed(block)
        hearing.follow(endpointer, segments, block is None)
        now = endpointer.n_samples / rate
        for segment in segments:
            for one in hearing.names(segment):
                late = now - one.end_s + time.perf_counter() - start
                yield Heard(one.start_s, one.end_s, late, one.transcript)
            shown = ""
        since = endpointer.speaking_since
        for one in hearing.running(now if block is not None else math.inf, since):
            yield Heard(one.start_s, one.end_s, now - one.end_s + time.perf_counter() - start, one.transcript)
        speaking = block is not None and since is not None and since >= hearing.told
        if letters and speaking and now - shown_at >= LETTERS_EVERY_S:
            shown_at = now
            so_far = transcriber.log_probs(endpointer.audio(since or 0, endpointer.n_samples)).letters
            if (spelt := transcriber.alphabet.decode(transcriber.decoder(so_far))) and spelt != shown:
                shown = spelt
                yield Letters(now, spelt)


def _cut(blocks: Iterable[Block | Listed], n: int) -> Iterator[Block | Listed]:
    """The same sound in pieces of ``n`` samples; the last may be shorter."""
    rest: Waveform = np.zeros(0, np.float32)
    for block in blocks:
        if isinstance(block, Fault | Listed):
            yield block
            continue
        rest = np.concatenate([rest, block])
        for start in range(0, len(rest) - n + 1, n):
            yield rest[start : start + n]
        rest = rest[len(rest) // n * n :]
    if len(rest):
        yield rest


@dataclass(frozen=True)
class Found:
    """A name of the list in a recording; or the reason for which the recording was ``refused``."""

    clip: Path
    heard: Heard | None = None
    refused: str | None = None

    def to_json(self) -> str:
        fields = {"refused": self.refused} if self.heard is None else json.loads(self.heard.to_json())
        return json.dumps({"clip": str(self.clip), **fields})

    def to_text(self) -> str:
        if self.heard is None:
            return printable(f"refused: {self.clip}: {self.refused}")
        name, probability = self.heard.transcript.names[0]
        return printable(f"{self.clip}  {self.heard.start_s:.2f}-{self.heard.end_s:.2f} s  {name} {probability:.3f}")


def spot(
    transcriber: Transcriber, clips: Iterable[Path], lexicon: Mapping[str, Entry], false_alarms_per_hour: float | None
) -> Iterator[Found]:
    """The names of ``lexicon`` in ``clips`` of any length, those that are accepted. Every clip is heard afresh."""
    for clip in clips:
        try:
            blocks = File(clip).blocks(transcriber.sample_rate)
            for event in listen(transcriber, blocks, lexicon, False, false_alarms_per_hour):
                if isinstance(event, Fault):
                    yield Found(clip, refused=event.text.removeprefix(f"{clip}: "))
                if isinstance(event, Heard) and event.transcript.names and event.transcript.accepted is not False:
                    yield Found(clip, event)
        except AudioError as error:
            yield Found(clip, refused=str(error).removeprefix(f"{clip}: "))
