"""What the commands for transcribing, listening and spotting share, with Hydra and without."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from speech.audio.files import find_clips
from speech.audio.streams import File, Microphone, Pipe
from speech.common import escape
from speech.common.build import DECODER, build
from speech.common.counting import counted
from speech.common.ranges import checked_text
from speech.common.runs import find_recognizer
from speech.inference import batch, enrolment, listening
from speech.inference.confusion import homophones
from speech.inference.reloading import reloaded
from speech.inference.runtime import Runtime
from speech.inference.scoring import Entry
from speech.inference.transcriber import Transcriber
from speech.text.confusable import warn
from speech.text.names import writable_names


def adjust(
    transcriber: Transcriber,
    path: Path,
    decoder: Mapping[str, Any] | None = None,
    false_accept_rate: float | None = None,
    enrolled: str | None = None,
) -> None:
    """Set another decoder or threshold for the ``transcriber`` of the file ``path``, and load ``enrolled`` names.

    Raises ValueError for a rate without a calibrated threshold.
    """
    if enrolled is not None:
        checked_text("enrolled", enrolled, "a file that speech.enrol wrote")
        transcriber.enrolled = enrolment.read(Path(enrolled).expanduser(), transcriber.alphabet, transcriber.inventory)
    if decoder:
        transcriber.decoder = build(decoder, DECODER)
    if false_accept_rate is not None:
        if transcriber.rejection is None:
            raise ValueError(
                f"false_accept_rate={false_accept_rate}: {path} was not calibrated to reject out-of-list sounds: "
                f"python -m speech.calibrate recognizer={path.parent}"
            )
        transcriber.rejection = transcriber.rejection.at(false_accept_rate)


Names = Sequence[str | Mapping[str, Any]] | str | None  # a list, a text file, or the recogniser's own


def lexicon_of(given: Names, transcriber: Transcriber) -> dict[str, Entry]:
    """The lexicon of the names that are ``given`` to a command; for None, of ``transcriber``'s own.

    A name that cannot be written is reported and left out. Homophones, by the pronunciations of ``transcriber``, give
    a warning. Raises ValueError for any other mistake.
    """
    if given is None:
        return transcriber.lexicon()
    if not isinstance(given, str | Sequence | Mapping):
        raise ValueError(f"names={given}: give a list, [Anna,Bob], or a text file with one name per line")
    lexicon = transcriber.lexicon(writable_names(given, transcriber.alphabet, transcriber.labels))
    warn(homophones(lexicon, transcriber.inventory))
    return lexicon


def print_transcripts(
    transcriber: Transcriber, path: Path, place: str | Sequence[str], given: Names, json: bool
) -> None:
    """Print a line for each clip of ``place``, then how many were transcribed by the recogniser of ``path``.

    Raises ValueError if none was.
    """
    lexicon, clips, n_done = lexicon_of(given, transcriber), find_clips(place), 0
    for result in batch.transcribe(transcriber, clips, lexicon):
        print(result.to_json() if json else result.to_text(), flush=True)
        n_done += result.transcript is not None
    if not n_done:
        raise ValueError(f"0 of {counted(len(clips), 'clip')} could be transcribed")
    print(
        f"{n_done} of {counted(len(clips), 'clip')} transcribed by {escape.printable(path)}",
        file=sys.stderr if json else sys.stdout,
    )


def load(recognizer: str, enrolled: str | None, false_accept_rate: float | None) -> tuple[Runtime, Path]:
    """The exported recogniser that a command names, after ``adjust``, and its file."""
    path = find_recognizer(recognizer, "runs", "recognizer")
    if path.suffix != ".onnx":
        raise ValueError(f"{path}: not an exported recogniser (.onnx): python -m speech.export writes one")
    runtime = Runtime(path)
    adjust(runtime, path, false_accept_rate=false_accept_rate, enrolled=enrolled)
    return runtime, path


def print_events(
    transcriber: Transcriber,
    source: File | Pipe | Microphone,
    given: Names,
    json: bool,
    false_alarms_per_hour: float | None,
) -> None:
    """Print a line for the format of ``source``, then one for each event, as it comes.

    A text file of names is read again when it changes.
    """
    read = partial(lexicon_of, given, transcriber)
    lexicon = read()
    print(source.format.to_json() if json else source.format.to_text(), flush=True)
    sound = source.blocks(transcriber.sample_rate)
    blocks = reloaded(sound, Path(given), read) if isinstance(given, str) else sound
    for event in listening.listen(transcriber, blocks, lexicon, True, false_alarms_per_hour):
        print(event.to_json() if json else event.to_text(), flush=True)


def print_spotted(
    transcriber: Transcriber,
    place: str | Sequence[str],
    given: Names,
    json: bool,
    false_alarms_per_hour: float | None,
) -> None:
    """Print a line for each name in the recordings of ``place``, and for each recording that is refused or cut off.

    Raises ValueError if all of them are, and if there is no name to search for.
    """
    lexicon, clips, n_refused = lexicon_of(given, transcriber), find_clips(place), 0
    if not lexicon:
        raise ValueError("no names to look for: give names=[Anna,Bob], or a text file with one name per line")
    for found in listening.spot(transcriber, clips, lexicon, false_alarms_per_hour):
        print(found.to_json() if json else found.to_text(), flush=True)
        n_refused += found.refused is not None
    if n_refused == len(clips):
        raise ValueError(f"0 of {counted(len(clips), 'clip')} could be processed to the end")
