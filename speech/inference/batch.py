"""Many recordings, one after the other: one result per clip, as a line of text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from speech.audio import endpointing, files
from speech.audio.quality import examine
from speech.common.escape import printable
from speech.inference.scoring import Entry, LogProbs
from speech.inference.transcriber import Transcriber, Transcript

N_SHOWN = 3  # names per line
REFUSED = (files.AudioError, endpointing.NoSpeechError)  # faults of one clip that do not affect the others


def fields_of(transcript: Transcript) -> dict[str, Any]:
    """The fields of a transcript, as in JSON."""
    return asdict(transcript) | {"spans": [span._asdict() for span in transcript.spans]}


@dataclass(frozen=True)
class ClipResult:
    """A clip and its transcript; or the reason why it was refused."""

    clip: Path
    transcript: Transcript | None = None
    refused: str | None = None

    def to_json(self) -> str:
        """One line: the transcript's fields, or only ``refused``."""
        if self.transcript is None:
            return json.dumps({"clip": str(self.clip), "refused": self.refused})
        return json.dumps({"clip": str(self.clip), **fields_of(self.transcript)})

    def to_text(self) -> str:
        """A line for the transcript and one for each fault, or one for the refusal."""
        found = self.transcript
        if found is None:
            return printable(f"refused: {self.clip}: {self.refused}")
        when = f"{found.spans[0].start_s:.2f}-{found.spans[-1].end_s:.2f} s" if found.spans else ""
        letters, width = found.letters or "-", 14
        if found.phones is not None:
            letters, width = f"{letters} /{found.phones}/", 28
        line = f"{self.clip}  {letters:<{width}} {when:<13} {found.verdict(N_SHOWN)}"
        return "\n".join(map(printable, [line, *(f"  {fault}" for fault in found.faults)]))


def transcribe(transcriber: Transcriber, clips: Iterable[Path], lexicon: Mapping[str, Entry]) -> Iterator[ClipResult]:
    """Transcribe each of ``clips`` with the names of ``lexicon``; an unusable one is refused with the reason."""
    for clip in clips:
        try:
            result = ClipResult(clip, transcriber.transcribe_recording(clip, lexicon))
        except REFUSED as error:
            result = ClipResult(clip, refused=str(error).removeprefix(f"{clip}: "))
        yield result


class Recording(NamedTuple):
    """A recording of one name: its log-probabilities, and the faults that spoil it for enrolling."""

    clip: Path
    log_probs: LogProbs
    faults: list[str]

    def to_text(self) -> str:
        """A line for each fault."""
        return "".join(f"{printable(f'{self.clip}: {fault}')}\n" for fault in self.faults)


def recordings(transcriber: Transcriber, clips: Iterable[Path]) -> tuple[list[Recording], list[ClipResult]]:
    """The usable ones of ``clips``, and a refusal for each of the others."""
    found, refused = [], []
    for clip in clips:
        try:
            waveform, faults = transcriber.recording(clip)
            quality = examine(waveform, transcriber.sample_rate)
            if not quality.speech_s:
                raise endpointing.NoSpeechError(*quality.name_faults)
            found.append(Recording(clip, transcriber.log_probs(quality.waveform), faults + quality.name_faults))
        except REFUSED as error:
            refused.append(ClipResult(clip, refused=str(error).removeprefix(f"{clip}: ")))
    return found, refused
