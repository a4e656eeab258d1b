"""Many recordings, one after the other: a result a clip, and its views as a line of text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from speech.audio import endpointing, files
from speech.audio.quality import level_faults
from speech.inference.transcriber import Transcriber, Transcript

N_SHOWN = 3  # names a line


@dataclass(frozen=True)
class ClipResult:
    """A clip and its transcript, with the faults of its level; or the reason for which it was refused."""

    clip: Path
    transcript: Transcript | None = None
    faults: Sequence[str] = ()
    refused: str | None = None

    def to_json(self) -> str:
        """One line: the transcript's fields and ``faults``, or ``refused`` alone."""
        if self.transcript is None:
            return json.dumps({"clip": str(self.clip), "refused": self.refused})
        fields = asdict(self.transcript) | {"spans": [span._asdict() for span in self.transcript.spans]}
        return json.dumps({"clip": str(self.clip), **fields, "faults": list(self.faults)})

    def to_text(self) -> str:
        """A line for the transcript and one for each fault, or one for the refusal."""
        found = self.transcript
        if found is None:
            return f"refused: {self.clip}: {self.refused}"
        names = ", ".join(f"{name} {probability:.3f}" for name, probability in found.names[:N_SHOWN])
        if found.unsure:
            names = f"unsure, out of list {found.out_of_list:.3f}: say it again; nearest {names}"
        elif found.accepted is False:
            names = f"out of list {found.out_of_list:.3f}; nearest {names}"
        when = f"{found.spans[0].start_s:.2f}-{found.spans[-1].end_s:.2f} s" if found.spans else ""
        letters, width = found.letters or "-", 14
        if found.phones is not None:
            letters, width = f"{letters} /{found.phones}/", 28
        line = f"{self.clip}  {letters:<{width}} {when:<13} {names}"
        return "\n".join([line, *(f"  {fault}" for fault in self.faults)])


def transcribe(
    transcriber: Transcriber, clips: Iterable[Path], names: Sequence[str] | None = None
) -> Iterator[ClipResult]:
    """Transcribe each of ``clips``; one that cannot be used is refused with the reason.

    ``names`` to choose from; without them those that the recogniser was trained for.
    """
    lexicon, sample_rate = transcriber.lexicon(names), transcriber.sample_rate
    margin = round(endpointing.MARGIN_S * sample_rate)
    for clip in clips:
        try:
            waveform = files.read(clip, sample_rate)
            speech, start_s = endpointing.trim_silence(waveform, sample_rate)
        except (files.AudioError, endpointing.NoSpeechError) as error:
            yield ClipResult(clip, refused=str(error).removeprefix(f"{clip}: "))
            continue
        transcript = transcriber.transcribe_speech(speech, start_s, lexicon)
        yield ClipResult(clip, transcript, level_faults(waveform, speech[margin:-margin]))
