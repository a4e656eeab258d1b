"""Listening: a stream of sound to events, while somebody speaks and as soon as a name is over.

Method: an ``Endpointer`` finds where somebody speaks, and the recogniser hears each segment as it would hear it in a
file: a recording's names are those of ``Transcriber.transcribe``. What was heard before changes nothing; what is held
is the end-pointer's window.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from speech.audio.endpointing import MARGIN_S, Endpointer
from speech.audio.limits import AudioError
from speech.audio.streams import Block, Fault, File
from speech.common.escape import printable
from speech.inference.scoring import Entry
from speech.inference.transcriber import Transcriber, Transcript

LETTERS_EVERY_S = 0.3  # of the stream


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
        fields = {"name": name, "probability": probability, "accepted": found.accepted, "letters": found.letters}
        rounded = {key: round(value, 3) for key, value in times.items()}
        return json.dumps({"event": "name", **fields, "out_of_list": found.out_of_list, **rounded})

    def to_text(self) -> str:
        found = self.transcript
        late = f"{1000 * self.latency_s:.0f} ms late"
        when = f"{self.start_s:8.2f}-{self.end_s:.2f} s"
        return printable(f"{when}  {found.letters or '-':<14} {found.verdict(1)}  ({late})")


Event = Letters | Heard | Fault


def listen(
    transcriber: Transcriber,
    blocks: Iterable[Block],
    lexicon: Mapping[str, Entry],
    letters: bool,
) -> Iterator[Event]:
    """The events of a stream of ``blocks`` at the transcriber's rate. ``letters`` gives those of names not over."""
    rate = transcriber.sample_rate
    margin = round(MARGIN_S * rate)
    endpointer, shown_at, shown = Endpointer(rate), 0.0, ""
    for block in chain(blocks, [None]):
        if isinstance(block, Fault):
            yield block
            continue
        start = time.perf_counter()
        segments = endpointer.finish() if block is None else endpointer.feed(block)
        now = endpointer.n_samples / rate
        for segment in segments:
            transcript = transcriber.transcribe_speech(segment.waveform, (segment.start - margin) / rate, lexicon)
            late = now - segment.stop / rate + time.perf_counter() - start
            yield Heard(segment.start / rate, segment.stop / rate, late, transcript)
            shown = ""
        since = endpointer.speaking_since
        if letters and block is not None and since is not None and now - shown_at >= LETTERS_EVERY_S:
            shown_at = now
            so_far = transcriber.log_probs(endpointer.audio(since, endpointer.n_samples)).letters
            if (spelt := transcriber.alphabet.decode(transcriber.decoder(so_far))) and spelt != shown:
                shown = spelt
                yield Letters(now, spelt)


@dataclass(frozen=True)
class Spotted:
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


def spot(transcriber: Transcriber, clips: Iterable[Path], lexicon: Mapping[str, Entry]) -> Iterator[Spotted]:
    """The names of ``lexicon`` in ``clips`` of any length, those that are accepted. Every clip is heard afresh."""
    for clip in clips:
        try:
            for event in listen(transcriber, File(clip).blocks(transcriber.sample_rate), lexicon, letters=False):
                if isinstance(event, Fault):
                    yield Spotted(clip, refused=event.text.removeprefix(f"{clip}: "))
                if isinstance(event, Heard) and event.transcript.names and event.transcript.accepted is not False:
                    yield Spotted(clip, event)
        except AudioError as error:
            yield Spotted(clip, refused=str(error).removeprefix(f"{clip}: "))
