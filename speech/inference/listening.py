"""Listening: turns a stream of sound into events, while somebody speaks and as soon as a name ends.

Method: an ``Endpointer`` finds where somebody speaks, and the recogniser processes each segment as it would process a
file: a recording gives the same names as ``Transcriber.transcribe``. An accepted name is reported after a short pause.
In a segment that is not one name, a ``Spotter`` searches for names. If the recogniser has a finder, a
``StreamSpotter`` searches instead, while somebody speaks, and rests in between. Earlier sound does not affect a result.
Only the end-pointer's window is held, and the end of a segment that was cut because it had no pause.
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
from speech.audio.quality import band_faults
from speech.audio.streams import Block, Fault, File
from speech.common.counting import counted
from speech.common.escape import printable
from speech.inference.scoring import Entry, LogProbs
from speech.inference.spotting import Spotted, Spotter
from speech.inference.stream_spotting import StreamSpotter
from speech.inference.transcriber import Transcriber, Transcript

LETTERS_EVERY_S = 0.3  # of the stream
PAUSE_S = 0.1  # a pause after which an accepted name is reported at once
LONGEST_S = 1.6  # the longest name that is reported before its segment ends
BEFORE_S = 1.5  # kept of the end of a segment that was cut: a name may continue in the next segment
PIECE_S = 0.02  # the stream is processed in pieces of this length, whatever the size of its blocks
N_SEGMENTS = 8  # last segments kept: a spotted name that is reported after its segment has ended lies in one of them
LEAD_S = 0.5  # before speech, names are searched for over this much of the stream too; after it, over GAP_S
REST_S = 0.3  # when a sound proves not to be speech, the spotter stops only after this: it may seem speech again
WAIT_S = 0.34  # a name in running speech is held back this long: if a pause follows, it is recognised by itself


@dataclass(frozen=True)
class Letters:
    """The letters so far of a name that has not ended, at ``time_s`` of the stream."""

    time_s: float
    letters: str

    def to_json(self) -> str:
        return json.dumps({"event": "letters", "time_s": round(self.time_s, 3), "letters": self.letters})

    def to_text(self) -> str:
        return f"{self.time_s:8.2f} s  {self.letters} ..."


@dataclass(frozen=True)
class Recognised:
    """A segment and its transcript. ``latency_s`` is the delay from the end of the speech to this event: the part of
    the stream that was fed in between, and the time that recognition took."""

    start_s: float
    end_s: float
    latency_s: float
    transcript: Transcript

    def to_json(self) -> str:
        found = self.transcript
        name, probability = found.names[0] if found.names else (None, None)
        times = {"start_s": self.start_s, "end_s": self.end_s, "latency_s": self.latency_s}
        verdict = {"accepted": found.accepted, "unsure": found.unsure, "out_of_list": found.out_of_list}
        result = {"name": name, "probability": probability, **verdict, "letters": found.letters, "phones": found.phones}
        return json.dumps({"event": "name", **result} | {key: round(value, 3) for key, value in times.items()})

    def to_text(self) -> str:
        found = self.transcript
        late = f"{1000 * self.latency_s:.0f} ms late"
        when = f"{self.start_s:8.2f}-{self.end_s:.2f} s"
        return printable(f"{when}  {found.letters or '-':<14} {found.verdict(1)}  ({late})")


@dataclass(frozen=True)
class Listed:
    """From this point of the stream on, ``lexicon`` is the list of names."""

    lexicon: Mapping[str, Entry]

    def to_json(self) -> str:
        return json.dumps({"event": "list", "names": list(self.lexicon)})

    def to_text(self) -> str:
        return f"new list: {counted(len(self.lexicon), 'name')}"


Event = Letters | Recognised | Listed | Fault


class _Listening:
    """Recognises the names in the segments of one stream, one after the other, with ``transcriber``."""

    def __init__(
        self, transcriber: Transcriber, lexicon: Mapping[str, Entry], false_alarms_per_hour: float | None
    ) -> None:
        self._transcriber, self._false_alarms_per_hour = transcriber, false_alarms_per_hour
        self._rate = transcriber.sample_rate
        self._margin, self._pause = round(MARGIN_S * self._rate), round(PAUSE_S * self._rate)
        self._lead, self._trail, self._until_rest = (round(s * self._rate) for s in (LEAD_S, GAP_S, REST_S))
        self.reported = -self._rate  # sample of the stream up to which names were reported
        self.listen_for(lexicon)
        self._before: Waveform = np.zeros(0, np.float32)  # the end of the previous segment
        self._before_stop = 0
        self._segments: deque[tuple[int, int]] = deque(maxlen=N_SEGMENTS)

    def listen_for(self, lexicon: Mapping[str, Entry]) -> None:
        """Listen for the names of ``lexicon`` from now on, also in current speech after the last reported name."""
        per_hour, finder = self._false_alarms_per_hour, self._transcriber.finder
        self._lexicon, self._beginnings = lexicon, _beginnings(lexicon)
        self._spotter = None if per_hour is None else Spotter(self._transcriber, lexicon, per_hour)
        self._stream = StreamSpotter(self._spotter, finder, max(self.reported, 0)) if self._spotter and finder else None
        self._found: list[Spotted] = []  # by the stream's spotter, and not yet reported
        self._rests = True  # whether the stream's spotter rests, as it does while nobody speaks
        self._last: tuple[tuple[int, int], Spotted, LogProbs] | None = None  # the last span that was recognised

    def follow(self, endpointer: Endpointer, segments: Sequence[Segment], is_over: bool) -> None:
        """Search for names within speech, up to where ``endpointer`` was fed; ``is_over`` marks the stream's end.

        ``segments`` are those that ``endpointer`` has just found.
        """
        if self._stream is None:
            return
        now = endpointer.n_samples
        for one in segments:
            first, stop = one.start - self._margin, min(now, one.stop + self._margin)
            if one.over and stop > self._stream.stop:  # found late, because the threshold changed
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
        """The sample from which to search: where the search stopped or, after a rest, ``start``.

        The stream before ``held_since`` is no longer held.
        """
        assert self._stream
        if held_since > self._stream.stop:
            self._rest()
        if self._rests:
            self._stream.begin(max(start, held_since, self._stream.stop))
            self._rests = False
        return self._stream.stop

    def _rest(self) -> None:
        """Finish the search, because nobody speaks: the last candidates cannot become longer names."""
        if self._stream and not self._rests:
            self._found += self._stream.finish()
            self._rests = True

    def running(self, now_s: float, since: int | None) -> Iterator[Spotted]:
        """The names in running speech that have waited long enough at ``now_s`` of the stream.

        A name that another one begins with waits longer. A name counts only where somebody speaks, in a segment or from
        sample ``since`` on: false alarms occur in noise too.
        """
        for one in self._unreported():
            begins = one.transcript.names[0][0] in self._beginnings
            if one not in self._unreported() or one.end_s + WAIT_S + begins * GAP_S > now_s:
                continue
            if self._is_spoken(one, since):
                self.reported = round(one.end_s * self._rate)
                yield one
            elif one.end_s + 2 * GAP_S < now_s:  # by now the segment would have been found
                self._found.remove(one)

    def _is_spoken(self, one: Spotted, since: int | None) -> bool:
        spans = [*self._segments, *([] if since is None else [(since, math.inf)])]
        return any(start < one.end_s * self._rate and one.start_s * self._rate < stop for start, stop in spans)

    def _unreported(self) -> list[Spotted]:
        self._found = [one for one in self._found if one.start_s >= self.reported / self._rate - MARGIN_S]
        return self._found

    def names(self, segment: Segment) -> list[Spotted]:
        """The names in ``segment`` that were not yet reported; the whole segment if no name is found in it."""
        after = self.reported + self._pause
        unreported = [(max(start, self.reported), stop) for start, stop in segment.parts if stop > after]
        if not unreported:
            found = []
        elif segment.over:
            found = self._at_end(segment, unreported[0][0])
        else:
            found = self._at_pause(segment, unreported)
        if segment.over:
            self._before, self._before_stop = segment.waveform[-round(BEFORE_S * self._rate) :], segment.stop
            self._segments.append((segment.start, segment.stop))
        names = [one for one in found if one.transcript.accepted is not False]  # a rejected segment may contain a name
        if names:
            self.reported = round(names[-1].end_s * self._rate)
        return found

    def _at_pause(self, segment: Segment, parts: Sequence[tuple[int, int]]) -> list[Spotted]:
        """The name said in ``parts``, or in the last of them; none if a longer name begins with it."""
        begin, last = parts[0][0], parts[-1][0]
        # Words of running speech are accepted too often, so the spotter has to confirm the last part.
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
        """The names within the segment from sample ``start`` on; the whole of it if it is one name, or has none."""
        whole, log_probs = self._whole(segment, start)
        inside = self._inside(segment, start, segment.stop, log_probs)
        if len(inside) > 1 or (inside and whole.transcript.accepted is False):
            return inside
        return [whole] if start == segment.start or whole.transcript.accepted else []

    def _inside(self, segment: Segment, start: int, stop: int, log_probs: LogProbs | None = None) -> list[Spotted]:
        """The names that are spotted from sample ``start`` to ``stop``, whose log-probabilities are ``log_probs``."""
        if self._spotter is None:
            return []
        if self._stream:
            first_s, last_s = (start - self._margin) / self._rate, (stop + self._margin) / self._rate
            return [one for one in self._unreported() if one.start_s >= first_s and one.end_s <= last_s]
        waveform = self._span(segment, start, stop)
        overlap = self._before_stop + 2 * self._margin - start
        joined = 0 <= overlap <= len(self._before)
        if joined:  # it was cut off from the previous segment, where a name may begin
            waveform = np.concatenate([self._before[: len(self._before) - overlap], waveform])
        if log_probs is None or joined:
            log_probs = self._transcriber.log_probs(waveform)
        begin = stop + self._margin - len(waveform)
        found = self._spotter.spot(waveform, log_probs, begin / self._rate)
        after = max(self.reported / self._rate, 0.0), self._before_stop / self._rate
        return [one for one in found if one.start_s >= after[0] - MARGIN_S and one.end_s > after[1]]

    def _span(self, segment: Segment, start: int, stop: int) -> Waveform:
        """Samples ``start`` to ``stop`` of the stream, taken from ``segment``, with the margin around them."""
        return segment.waveform[start - segment.start : stop - segment.start + 2 * self._margin]

    def _whole(self, segment: Segment, start: int) -> tuple[Spotted, LogProbs]:
        """The transcript from sample ``start`` to the end of ``segment``; mostly it is known from the last pause."""
        span = start, segment.stop
        if self._last is None or self._last[0] != span:
            log_probs = self._transcriber.log_probs(self._span(segment, *span))
            transcript = self._transcriber.transcript(log_probs, (start - self._margin) / self._rate, self._lexicon)
            whole = Spotted(start / self._rate, segment.stop / self._rate, transcript)
            self._last = span, whole, log_probs
        return self._last[1:]


def _beginnings(lexicon: Mapping[str, Entry]) -> set[str]:
    """The names with which a longer name of ``lexicon`` begins, by letters."""
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
    """The events of a stream of ``blocks`` at the transcriber's rate. ``letters`` adds those of names not yet ended.

    With ``false_alarms_per_hour`` (for each name), names are also spotted within running speech; with None, only
    segments between pauses are recognised. A ``Listed`` between blocks replaces ``lexicon``.
    """
    rate = transcriber.sample_rate
    listening = _Listening(transcriber, lexicon, false_alarms_per_hour)
    endpointer, shown_at, shown = Endpointer(rate, PAUSE_S), 0.0, ""
    for block in itertools.chain(_cut(blocks, round(PIECE_S * rate)), [None]):
        if isinstance(block, Listed):
            listening.listen_for(block.lexicon)
        if isinstance(block, Fault | Listed):
            yield block
            continue
        start = time.perf_counter()
        segments = endpointer.finish() if block is None else endpointer.feed(block)
        listening.follow(endpointer, segments, block is None)
        now = endpointer.n_samples / rate
        for segment in segments:
            for one in listening.names(segment):
                late = now - one.end_s + time.perf_counter() - start
                yield Recognised(one.start_s, one.end_s, late, one.transcript)
            shown = ""
        since = endpointer.speaking_since
        for one in listening.running(now if block is not None else math.inf, since):
            yield Recognised(one.start_s, one.end_s, now - one.end_s + time.perf_counter() - start, one.transcript)
        speaking = block is not None and since is not None and since >= listening.reported
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
    """A name of the list in a recording, a ``fault`` of the recording, or the reason why it was ``refused``."""

    clip: Path
    recognised: Recognised | None = None
    refused: str | None = None
    fault: str | None = None

    def to_json(self) -> str:
        if self.recognised is not None:
            fields = json.loads(self.recognised.to_json())
        else:
            fields = {"refused": self.refused} if self.fault is None else {"event": "fault", "text": self.fault}
        return json.dumps({"clip": str(self.clip), **fields})

    def to_text(self) -> str:
        if self.fault is not None:
            return printable(f"{self.clip}: {self.fault}")
        if (one := self.recognised) is None:
            return printable(f"refused: {self.clip}: {self.refused}")
        name, probability = one.transcript.names[0]
        return printable(f"{self.clip}  {one.start_s:.2f}-{one.end_s:.2f} s  {name} {probability:.3f}")


def spot(
    transcriber: Transcriber, clips: Iterable[Path], lexicon: Mapping[str, Entry], false_alarms_per_hour: float | None
) -> Iterator[Found]:
    """The accepted names of ``lexicon`` in ``clips`` of any length, after the fault of a clip's bandwidth, if it has
    one. Each clip is a new stream."""
    for clip in clips:
        try:
            file = File(clip)
            yield from (Found(clip, fault=one) for one in band_faults(file.format.rate, transcriber.sample_rate))
            blocks = file.blocks(transcriber.sample_rate)
            for event in listen(transcriber, blocks, lexicon, False, false_alarms_per_hour):
                if isinstance(event, Fault):
                    yield Found(clip, refused=event.text.removeprefix(f"{clip}: "))
                if isinstance(event, Recognised) and event.transcript.names and event.transcript.accepted is not False:
                    yield Found(clip, event)
        except AudioError as error:
            yield Found(clip, refused=str(error).removeprefix(f"{clip}: "))
