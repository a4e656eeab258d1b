"""``python -m speech.enrol name=NAME clips=PLACE``: enrols a name from a few recordings of it, without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def enrol(config: Config) -> None:
    from speech.audio.files import find_clips
    from speech.common import counting, escape
    from speech.common.ranges import checked_text
    from speech.common.runs import find_recognizer
    from speech.inference import batch, enrolment
    from speech.model.loading import load

    name = checked_text("name", config.name, "the name as transcripts will show it")
    path = Path(checked_text("file", config.file, "the file to write"))
    transcriber = load(find_recognizer(config.recognizer, config.runs_dir, "recognizer"))
    there = enrolment.others(path, name, config.spelled, transcriber.alphabet, transcriber.inventory)  # checked first
    clips, refused = batch.recordings(transcriber, find_clips(config.clips))
    print("".join(f"{one.to_text()}\n" for one in refused) + "".join(one.to_text() for one in clips), end="")
    enrolled = enrolment.enrol([one.log_probs for one in clips], config.spelled)
    enrolment.write(path, there | {name: enrolled}, transcriber.alphabet, transcriber.inventory)
    best = ", ".join(transcriber.alphabet.decode(symbols) for symbols in enrolled.decoded.letters.symbols[:3])
    n = counting.counted(len(clips) + len(refused), "recording")
    print(escape.printable(f"{name}: {len(clips)} of {n}, decoded as {best}; written to {path}"))


def main() -> None:
    command.run("enrol", enrol)


if __name__ == "__main__":
    main()
